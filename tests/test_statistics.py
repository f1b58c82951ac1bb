import pytest
import torch
from scipy.stats import wasserstein_distance

from gan_utils.data.waves import draw_waves
from gan_utils.style import statistics
from gan_utils.style.patches import sliced_wasserstein, style_distances, style_floor
from gan_utils.style.statistics import (
    STATISTICS,
    gram_matrix,
    mean_and_covariance,
    random_directions,
    sorted_projections,
)


def test_gram_matrix_counts_common_activity():
    first, second = torch.tensor([[1.0, 0.0, 2.0, 0.0, 1.0, 1.0], [3.0, 1.0, 0.0, 0.0, 1.0, 2.0]])
    features = torch.stack([first, second]).reshape(1, 2, 2, 3)
    products = [[first @ first, first @ second], [second @ first, second @ second]]
    assert torch.allclose(gram_matrix(features), torch.tensor([products]) / 6)
    batch = torch.randn(3, 5, 4, 6)
    expected = torch.einsum("nihw,njhw->nij", batch, batch) / 24
    assert torch.allclose(gram_matrix(batch), expected, atol=1e-5)


def test_mean_and_covariance():
    batch = torch.randn(2, 4, 5, 6) + 3
    found = mean_and_covariance(batch)
    for picture, kept in zip(batch, found, strict=True):
        assert torch.allclose(kept[:, 0], picture.mean((1, 2)), atol=1e-5)
        expected = torch.cov(picture.flatten(1), correction=0)
        assert torch.allclose(kept[:, 1:], expected, atol=1e-4)


@pytest.mark.parametrize("statistic", STATISTICS.values())
def test_statistics_forget_places(statistic):
    features = torch.randn(2, 4, 3, 5)
    shuffled = features.flatten(2)[..., torch.randperm(15)].unflatten(2, (3, 5))
    assert not torch.equal(features, shuffled)
    assert torch.allclose(statistic(features), statistic(shuffled), atol=1e-5)


def test_sorted_projections_measure_the_distance_of_distributions(monkeypatch):
    monkeypatch.setattr(statistics, "PARTS", 30)
    first, second = torch.randn(2, 1, 4, 5, 6)
    difference = sorted_projections(first) - sorted_projections(second)
    for direction, found in zip(random_directions(4), difference[0], strict=True):
        ours, theirs = (direction @ f.flatten(2)[0] for f in (first, second))
        expected = wasserstein_distance(ours.numpy(), theirs.numpy())
        assert found.abs().mean().item() == pytest.approx(expected, rel=1e-4)


def test_sorted_projections_tell_apart_what_the_covariance_cannot():
    two = torch.tensor([-1.0, 1.0]).repeat(8)
    three = torch.tensor([-(2**0.5), 0, 0, 2**0.5]).repeat(4)
    first, second = (values.reshape(1, 1, 4, 4) for values in (two, three))
    assert torch.allclose(mean_and_covariance(first), mean_and_covariance(second), atol=1e-6)
    assert (sorted_projections(first) - sorted_projections(second)).abs().mean() > 0.3


def test_sorted_projections_compare_pictures_of_any_size():
    small = torch.randn(1, 3, 16, 16)
    large = small.repeat(1, 1, 3, 4)  # the same values, twelve times as often
    assert torch.allclose(sorted_projections(small), sorted_projections(large), atol=0.03)


def test_directions_are_at_right_angles_and_leave_the_random_state_alone():
    random_directions.cache_clear()
    state = torch.get_rng_state()
    directions = random_directions(16)
    assert torch.equal(torch.get_rng_state(), state)
    assert torch.allclose(directions @ directions.T, torch.eye(16), atol=1e-5)


def test_the_distance_of_plain_pictures_is_that_of_their_colours():
    dark, light = (torch.full((3, 40, 50), value) for value in (0.2, 0.5))
    for scale in (1, 2, 4):
        assert sliced_wasserstein(dark, light, scale) == pytest.approx(0.3, rel=1e-4)
    assert sliced_wasserstein(dark, dark) == 0


def test_a_judge_sees_shapes_as_well_as_colours():
    waves = draw_waves(128, 192, seed=1)
    order = torch.randperm(128 * 192, generator=torch.Generator().manual_seed(0))
    shuffled = waves.flatten(1)[:, order].reshape(waves.shape)
    other = style_distances(draw_waves(128, 192, seed=2), waves)
    mixed = style_distances(shuffled, waves)
    assert list(other) == [1, 2, 4, 8] == list(mixed)
    assert all(other[k] < 2 and mixed[k] > 1.5 * max(1, other[k]) for k in other)


def test_at_a_smaller_scale_fine_differences_are_not_seen():
    waves = draw_waves(64, 96) * 0.8 + 0.1
    y, x = torch.meshgrid(torch.arange(64), torch.arange(96), indexing="ij")
    chequered = waves + 0.1 * (1 - 2 * ((x + y) % 2))
    assert sliced_wasserstein(chequered, waves, 1) > 0.02
    assert sliced_wasserstein(chequered, waves, 2) < 1e-5


def test_a_piece_of_a_style_is_about_as_near_to_it_as_the_unit_says():
    waves = draw_waves(128, 192, radius=12, seed=1)
    piece = style_distances(waves[:, 20:108, 30:160], waves)
    assert all(0.1 < distance < 1.6 for distance in piece.values())
    assert style_distances(waves, waves) == dict.fromkeys(piece, 0.0)
    part, floor = waves[:, :, :100], style_floor(waves)
    assert style_distances(part, waves) == style_distances(part, waves, floor)
    assert style_distances(part, waves)[1] == sliced_wasserstein(part, waves) / floor[1]


def test_scales_that_do_not_fit():
    assert list(style_distances(torch.rand(3, 64, 96), draw_waves(64, 96))) == [1, 2, 4]
    with pytest.raises(ValueError, match="style has 10 x 40 pixels; it needs at least 12 x 12"):
        style_distances(torch.rand(3, 64, 96), torch.rand(3, 40, 10))
    with pytest.raises(ValueError, match="96 x 30 pixels; scale 4 needs 32"):
        style_distances(torch.rand(3, 30, 96), draw_waves(64, 96))
    plain = torch.full((3, 16, 32), 0.5)
    assert style_distances(torch.rand(3, 64, 96), plain)[1] == torch.inf
