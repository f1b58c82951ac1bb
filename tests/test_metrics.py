import math

import pytest
import torch

from gan_utils.data import sine_points
from gan_utils.metrics import curve_score, distance_to_curve


def test_distance_is_to_the_nearest_point_of_the_curve_not_straight_down():
    points = torch.tensor([[math.pi / 2, 1.5], [0.0, 0.0], [-3.0, 0.0]])
    expected = torch.tensor([0.5, 0.0, 3.0], dtype=torch.float64)
    assert torch.allclose(distance_to_curve(points), expected, atol=5e-4)
    x = math.pi / 3  # a step along the normal of the curve
    normal = torch.tensor([-math.cos(x), 1.0]) / math.hypot(math.cos(x), 1)
    shifted = torch.tensor([[x, math.sin(x)]]) + 0.2 * normal
    assert math.isclose(distance_to_curve(shifted), 0.2, abs_tol=1e-3)


def test_real_points_score_perfectly():
    torch.manual_seed(0)
    score = curve_score(sine_points(4000))
    assert score.share == 1 and score.distance < 5e-4 and score.w1 < 0.1


def test_share_needs_both_the_curve_and_the_range():
    points = torch.tensor([[1.0, math.sin(1)], [1.0, math.sin(1) + 0.5], [-0.1, 0.0], [6.3, 0.0]])
    assert curve_score(points).share == 0.25


def test_w1_is_the_mean_way_to_an_even_spread():
    collapsed = torch.full((1000, 2), math.pi)
    assert math.isclose(curve_score(collapsed).w1, math.pi / 2, rel_tol=1e-3)
    x = (torch.arange(1000) + 0.5) / 1000 * 2 * math.pi + 0.25
    assert math.isclose(curve_score(torch.stack([x, x], dim=1)).w1, 0.25, rel_tol=1e-3)


@pytest.mark.parametrize(
    ("points", "message"),
    [
        (torch.zeros(4, 3), r"shape \(4, 3\)"),
        (torch.zeros(0, 2), r"shape \(0, 2\)"),
        (torch.tensor([[0.0, math.nan]]), "not finite"),
    ],
)
def test_wrong_points_are_refused(points, message):
    with pytest.raises(ValueError, match=message):
        curve_score(points)


def test_scores_do_not_depend_on_how_the_points_are_stored():
    torch.manual_seed(0)
    points = sine_points(50).bfloat16().float()
    assert curve_score(points.bfloat16()) == curve_score(points.clone().requires_grad_())
    with pytest.raises(ValueError, match="tolerance is -1"):
        curve_score(points, tolerance=-1)
