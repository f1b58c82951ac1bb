import pytest
import torch

from gan_utils.data.drawn_faces import CHOICES, CHUNK, SLIDERS, draw_faces, draw_factors


def plain(**changes):
    """Factors of one bald face without glasses; single ones are changed by name."""
    factors = {name: torch.zeros(1, dtype=torch.int64) for name in CHOICES}
    factors |= {name: torch.zeros(1) for name in SLIDERS}
    return factors | {name.replace("_", " "): torch.tensor([v]) for name, v in changes.items()}


def drawn(size=64, **changes):
    torch.manual_seed(0)
    return draw_faces(plain(**changes), size)[0].int()


def changed(**changes):
    """Where a change of a factor changes the picture, as rows and columns."""
    return (drawn(**changes) - drawn()).abs().amax(0) > 30


def test_factors_are_spread_evenly_over_their_values():
    torch.manual_seed(0)
    factors = draw_factors(6000)
    assert set(factors) == set(CHOICES) | set(SLIDERS)
    for name, values in CHOICES.items():
        shares = factors[name].bincount(minlength=len(values)) / 6000
        assert len(shares) == len(values) and (shares * len(values) - 1).abs().max() < 0.15
    for name in SLIDERS:
        assert factors[name].min() >= -1 and factors[name].max() < 1
        assert factors[name].mean().abs() < 0.05
    with pytest.raises(ValueError, match="count is 0"):
        draw_factors(0)


def test_a_seed_fixes_the_faces():
    def draw():
        torch.manual_seed(3)
        return draw_faces(draw_factors(300))

    first, second = draw(), draw()
    assert first.shape == (300, 3, 64, 64) and first.dtype == torch.uint8
    assert torch.equal(first, second)
    assert len(first.flatten(1).unique(dim=0)) == 300


@pytest.mark.parametrize(
    ("factor", "values"), [(name, len(values)) for name, values in CHOICES.items()]
)
def test_each_choice_looks_different(factor, values):
    style = {"hair style": 1} if factor == "hair color" else {}
    pictures = [drawn(**(style | {factor: value})) for value in range(values)]
    for i, first in enumerate(pictures):
        for second in pictures[:i]:
            assert (first - second).abs().amax(0).gt(30).sum() > 10


@pytest.mark.parametrize(
    ("factor", "rows"),
    [("eye spacing", (22, 40)), ("brows", (20, 35)), ("nose", (35, 45)), ("mouth", (40, 55))],
)
def test_each_slider_moves_its_part_alone(factor, rows):
    moved = changed(**{factor: 1.0}).any(dim=1).nonzero()
    assert len(moved) > 0 and rows[0] <= moved.min() and moved.max() < rows[1]


def test_glasses_have_a_dark_frame():
    dark = [(drawn(glasses=worn).amax(0) < 70).sum() for worn in (0, 1)]
    assert dark[1] > dark[0] + 10


def test_a_smile_is_higher_at_its_ends():
    red = (drawn(mouth=1.0)[0] - drawn(mouth=1.0)[1])[42:54] > 80  # lips, below the cheeks
    rows = torch.arange(12.0)[:, None].expand(12, 64)
    sides, middle = red.clone(), red.clone()
    sides[:, 28:36], middle[:, :28], middle[:, 36:] = False, False, False
    assert rows[sides].mean() < rows[middle].mean() - 1


@pytest.mark.parametrize(("factor", "value"), [("skin", 5), ("hair style", -1)])
def test_choices_that_do_not_exist(factor, value):
    with pytest.raises(ValueError, match=f"{factor} goes from {value}.*between 0 and"):
        drawn(**{factor: value})


def test_no_faces_and_no_pixels():
    with pytest.raises(ValueError, match="size is 0 for 1 faces"):
        drawn(size=0)
    with pytest.raises(ValueError, match="for 0 faces"):
        draw_faces({name: values[:0] for name, values in plain().items()})


def test_edges_are_smooth_and_size_is_free():
    large = drawn(size=256, glasses=1)
    small = torch.nn.functional.avg_pool2d(large.float()[None], 4)[0]
    assert (small - drawn(glasses=1)).abs().mean() < 4  # drawing small is shrinking large


def test_faces_beyond_a_chunk_are_drawn_too():
    assert len(draw_faces(draw_factors(CHUNK + 3))) == CHUNK + 3
