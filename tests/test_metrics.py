import math
from types import SimpleNamespace

import pytest
import torch
from scipy.linalg import sqrtm
from torch import nn

from gan_utils.data.sine import sine_points
from gan_utils.scores.metrics import (
    FrechetDistance,
    class_balance,
    curve_score,
    distance_to_curve,
    nearest_neighbours,
    precision_and_recall,
)


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


class FirstThree(torch.nn.Module):
    def forward(self, vectors):
        return vectors[:, :3]


class Toy(torch.nn.Module):
    """A classifier whose features are the first three pixels and whose verdict is the first."""

    classes, image_shape, num_features = 10, (1, 28, 28), 3

    def __init__(self):
        super().__init__()
        self.features = torch.nn.Sequential(torch.nn.Flatten(), FirstThree())
        self.device = torch.nn.Parameter(torch.zeros(()))
        self.features.register_parameter("device", self.device)

    def forward(self, images):
        return torch.nn.functional.one_hot((images[:, 0, 0, 0] * 9.99).long(), 10).float()


def images_with(features):
    images = torch.zeros(len(features), 1, 28, 28)
    images[:, 0, 0, : features.shape[1]] = features
    return images


def normal_features(mean, std, count=40_000):
    torch.manual_seed(0)
    draws = torch.randn(count, 3, dtype=torch.float64)
    draws = (draws - draws.mean(0)) @ torch.linalg.inv(torch.linalg.cholesky(draws.T.cov())).T
    return (torch.tensor(mean) + draws * torch.tensor(std)).float()


def test_frechet_distance_of_known_gaussians():
    first = images_with(normal_features([0.0, 0.1, 0.0], [0.10, 0.20, 0.05]))
    second = images_with(normal_features([0.3, 0.1, -0.2], [0.05, 0.20, 0.15]))
    # With diagonal covariances: squared distance of the means plus that of the deviations.
    expected = 0.3**2 + 0.2**2 + 0.05**2 + 0.1**2
    distance = FrechetDistance(Toy(), first)
    assert math.isclose(distance(second), expected, rel_tol=1e-3)
    assert abs(distance(first)) < 1e-6
    assert math.isclose(distance(second), expected, rel_tol=1e-3)  # nothing is left over


def test_frechet_distance_matches_the_matrix_square_root_of_scipy():
    torch.manual_seed(0)
    mixing = torch.randn(2, 3, 3) * 0.05
    first, second = (torch.randn(5000, 3) @ m for m in mixing)
    (m1, c1), (m2, c2) = ((f.double().mean(0), f.double().T.cov()) for f in (first, second))
    root = torch.from_numpy(sqrtm((c1 @ c2).numpy()).real)
    expected = (m1 - m2).square().sum() + (c1 + c2 - 2 * root).trace()
    distance = FrechetDistance(Toy(), images_with(first))
    assert math.isclose(distance(images_with(second)), expected, rel_tol=1e-4)


def test_frechet_distance_divides_by_one_less_than_the_number_of_images():
    first = images_with(torch.tensor([[0.0, 0.0, 0.0], [0.2, 0.0, 0.0], [0.4, 0.0, 0.0]]))
    second = images_with(torch.tensor([[0.0, 0.0, 0.0], [0.1, 0.0, 0.0], [0.2, 0.0, 0.0]]))
    # Deviations 0.2 and 0.1 by n - 1; by n they would be 0.163 and 0.082.
    assert math.isclose(FrechetDistance(Toy(), first)(second), 0.1**2 + 0.1**2, rel_tol=1e-4)


def test_frechet_distance_refuses_what_is_no_image():
    distance = FrechetDistance(Toy(), torch.zeros(4, 1, 28, 28))
    with pytest.raises(ValueError, match="shape"):
        distance(torch.zeros(4, 784))
    with pytest.raises(ValueError, match="1 images for a covariance; it takes at least 2"):
        distance(torch.zeros(1, 1, 28, 28))


def test_class_balance_counts_and_measures_evenness():
    tenths = images_with((torch.arange(40) % 10 / 10 + 0.05)[:, None])
    balance = class_balance(Toy(), tenths)
    assert balance.shares == pytest.approx([0.1] * 10) and math.isclose(balance.entropy, 1.0)
    collapsed = class_balance(Toy(), images_with(torch.full((40, 1), 0.35)))
    assert collapsed.shares[3] == 1 and collapsed.entropy == 0
    half = class_balance(Toy(), images_with(torch.tensor([[0.0], [0.95]] * 20)))
    assert math.isclose(half.entropy, math.log10(2), rel_tol=1e-6)


def test_nearest_neighbours_are_found_in_pixels():
    torch.manual_seed(0)
    images = torch.rand(50, 1, 28, 28) * 2 - 1
    samples = images[[7, 30]].clone()
    samples[1] += 0.1
    indices, differences = nearest_neighbours(samples, images)
    assert indices.tolist() == [7, 30]
    assert differences[0] == 0 and math.isclose(differences[1], 0.1, rel_tol=1e-5)


@pytest.mark.parametrize(
    ("samples", "message"),
    [
        (torch.zeros(2, 784), r"\[2, 784\] and images \[5, 1, 28, 28\]"),
        (torch.zeros(0, 1, 28, 28), "at least one"),
        (torch.zeros(2, 1, 28, 28, dtype=torch.uint8), "torch.uint8.*scale_images"),
    ],
)
def test_nearest_neighbours_of_what_cannot_be_compared(samples, message):
    with pytest.raises(ValueError, match=message):
        nearest_neighbours(samples, torch.zeros(5, 1, 28, 28))


def on_a_line(*places):
    """Images of one pixel; the network below takes the pixel as the only feature."""
    return torch.tensor(places).reshape(-1, 1, 1, 1)


@pytest.fixture
def pixel():
    linear = nn.Linear(1, 1, bias=False)
    nn.init.ones_(linear.weight)
    features = nn.Sequential(nn.Flatten(), linear)
    return SimpleNamespace(image_shape=(1, 1, 1), num_features=1, features=features)


def test_precision_asks_the_generated_images_and_recall_the_real_ones(pixel):
    real = on_a_line(-0.9, -0.8, 0.8, 0.9)  # two kinds; a ball around each reaches its neighbour
    one_kind = on_a_line(-0.87, -0.86, -0.85, -0.84)
    assert precision_and_recall(pixel, real, one_kind, k=1) == (1, 0)  # balls of 0.01 reach none
    wide = on_a_line(-0.85, 0.85, 0.0, 0.05)
    precision, recall = precision_and_recall(pixel, real, wide, k=1)
    assert (precision, recall) == (0.5, 1)  # half of them look real, and all real ones are reached


def test_an_image_is_not_its_own_nearest_neighbour(pixel):
    real = on_a_line(-0.9, -0.7, 0.1, 0.3)
    assert precision_and_recall(pixel, real, real + 0.05, k=1) == (1, 1)


def test_precision_needs_as_many_of_both_and_more_than_k(pixel):
    images = on_a_line(0.0, 0.1, 0.2)
    for k, fake in ((0, images), (3, images), (1, images[:2])):
        with pytest.raises(ValueError, match=f"k is {k} for 3 real"):
            precision_and_recall(pixel, images, fake, k=k)
