import pytest
import torch

from gan_utils.data.waves import INKS, PAPER, _front_disc, draw_waves


def test_the_pattern_repeats_in_its_shape():
    """Whether a pixel is ink or paper repeats after two radii to the right and one downwards."""
    picture = draw_waves(120, 160, radius=20)
    assert picture.shape == (3, 120, 160) and picture.min() >= 0 and picture.max() <= 1
    paper = (picture - torch.tensor(PAPER).reshape(3, 1, 1)).abs().amax(0) < 1e-4
    assert 0.2 < paper.float().mean() < 0.8
    assert torch.equal(paper[:, :120], paper[:, 40:])
    assert torch.equal(paper[:100], paper[20:])


def test_inks_follow_the_seed_and_all_occur():
    state = torch.get_rng_state()
    picture = draw_waves(120, 160)
    assert torch.equal(picture, draw_waves(120, 160))
    assert not torch.equal(picture, draw_waves(120, 160, seed=1))
    assert torch.equal(torch.get_rng_state(), state)
    for ink in INKS:
        far = (picture - torch.tensor(ink).reshape(3, 1, 1)).abs().amax(0)
        assert (far < 1e-4).float().mean() > 0.02


def test_every_place_belongs_to_the_foremost_disc_around_it():
    y, x = torch.linspace(0, 3, 80)[:, None], torch.linspace(0, 4, 90)[None]
    row, column, distance = _front_disc(y, x)
    assert (distance <= 1).all()
    center = row / 2, 2 * column + row % 2
    assert torch.allclose(torch.hypot(y - center[0], x - center[1]), distance, atol=1e-5)
    for other in range(-3, 10):  # no disc of a later row reaches this place
        for place in range(-2, 5):
            reached = torch.hypot(y - other / 2, x - 2 * place - other % 2) <= 1 - 1e-5
            assert not (reached & (row < other)).any()


@pytest.mark.parametrize("arguments", [dict(height=0), dict(width=0), dict(radius=0.0)])
def test_sizes_that_are_not_positive(arguments):
    with pytest.raises(ValueError, match="must be above 0"):
        draw_waves(**dict(height=10, width=10) | arguments)
