"""Is the generator any good? Numbers that losses do not give."""

import math
from typing import NamedTuple

import numpy as np
import torch
from scipy.spatial import KDTree
from scipy.stats import entropy, wasserstein_distance
from torch import Tensor, nn
from torchmetrics.image.fid import FrechetInceptionDistance

from gan_utils.scores.digit_classifier import DigitClassifier, predict
from gan_utils.scores.features import FeatureNetwork, features_of

PERIOD = 2 * math.pi


class CurveScore(NamedTuple):
    """How well generated points follow one period of the sine curve.

    Attributes:
        share: part of the points within the tolerance of the curve and in [0, 2 pi], in [0, 1].
        distance: median distance to the curve, in units of the axes.
        w1: Wasserstein-1 distance of the first coordinates to a uniform distribution on
            [0, 2 pi]: how far, on average, points must move along the axis to be spread evenly.
    """

    share: float
    distance: float
    w1: float


def distance_to_curve(points: Tensor) -> Tensor:
    """Return the distance [N] of points [N, 2] to the curve y = sin x with x in [0, 2 pi].

    The nearest of 10,001 places on the curve counts: a distance is at most 5e-4 too large.
    """
    x = np.linspace(0, PERIOD, 10_001)
    distances, _ = KDTree(np.stack([x, np.sin(x)], axis=1)).query(points.numpy(force=True))
    return torch.from_numpy(distances)


def curve_score(points: Tensor, tolerance: float = 0.15) -> CurveScore:
    """Score generated points [N, 2] against the sine curve.

    Args:
        points: the generator's samples.
        tolerance: how far from the curve a point may be, in units of the axes.

    Raises:
        ValueError: `points` has another shape, is empty, or holds numbers that are not finite,
            or `tolerance` is negative.
    """
    if points.ndim != 2 or points.shape[1] != 2 or len(points) == 0:
        raise ValueError(f"points has shape {tuple(points.shape)}; it must be [N, 2], N at least 1")
    if not tolerance >= 0:
        raise ValueError(f"tolerance is {tolerance}; it must be at least 0")
    points = points.detach().float().cpu()
    if not points.isfinite().all():
        raise ValueError("points holds numbers that are not finite; did the training diverge?")
    distances = distance_to_curve(points)
    x1 = points[:, 0]
    good = (distances <= tolerance) & (x1 >= 0) & (x1 <= PERIOD)
    evenly = (torch.arange(len(points)) + 0.5) / len(points) * PERIOD
    return CurveScore(
        share=good.float().mean().item(),
        distance=distances.median().item(),
        w1=float(wasserstein_distance(x1, evenly)),
    )


class FrechetDistance:
    """The distance of generated images from real ones, by the features
    of a network.

    Both sets of features are summed up by mean m and covariance S, as
    if they were normally distributed, and the distance is |m1 - m2|^2 +
    trace(S1 + S2 - 2 (S1 S2)^(1/2)). It sees how good and how varied
    the images are. Its scale depends on the network, and small sets
    score too high: compare only numbers of one network and one number
    of images.

    Args:
        network: gives the features, a trained classifier for instance.
        real: real images [N, *network.image_shape] in [-1, 1], N at
            least 2.

    Raises:
        ValueError: the images have another shape or range, or are fewer
            than 2.

    Source: Heusel et al. 2017, with an Inception network.
    Lesson 02, section 4.
    """

    def __init__(self, network: FeatureNetwork, real: Tensor) -> None:
        """Take the mean and the covariance of the real images'
        features.
        """
        self.network = network
        # The features are computed before: torchmetrics finds here what
        # it takes for a network.
        identity = nn.Identity()
        identity.num_features = network.num_features
        self.metric = FrechetInceptionDistance(
            identity,
            reset_real_features=False,
        )
        self._update(real, real=True)

    def _update(self, images: Tensor, *, real: bool) -> None:
        if len(images) < 2:
            problem = f"{len(images)} images for a covariance"
            raise ValueError(f"{problem}; it takes at least 2")
        # On the CPU, because the sums over thousands of images need
        # double precision.
        features = features_of(self.network, images).double()
        self.metric.update(features, real=real)

    def __call__(self, images: Tensor) -> float:
        """Return the distance of `images` in [-1, 1] from the real
        ones.

        Raises:
            ValueError: the images have another shape or range, or are
                fewer than 2.
        """
        self.metric.reset()
        self._update(images, real=False)
        return self.metric.compute().item()


class ClassBalance(NamedTuple):
    """How evenly generated images are spread over the classes.

    Attributes:
        shares: part of the images that the classifier gives to each class, in [0, 1].
        entropy: of the shares, in units of that of ten equal shares: 1 for equal, 0 for one class.
    """

    shares: list[float]
    entropy: float


def class_balance(classifier: DigitClassifier, images: Tensor) -> ClassBalance:
    """Count the classes of images [N, 1, 28, 28] in [-1, 1] as `classifier` sees them.

    Raises:
        ValueError: the images have another shape or range.
    """
    counts = predict(classifier, images).bincount(minlength=classifier.classes)
    shares = (counts / counts.sum()).tolist()
    return ClassBalance(shares, float(entropy(shares, base=classifier.classes)))


def precision_and_recall(
    network: FeatureNetwork, real: Tensor, fake: Tensor, *, k: int = 3
) -> tuple[float, float]:
    """Return which part of the generated images looks real, and which part of the real is reached.

    In the space of features, each image of a set has a ball that just reaches its k-th nearest
    neighbour in the set; together the balls say where the set is. Precision is the part of the
    generated images inside the balls of the real ones, recall the part of the real images inside
    the balls of the generated ones. Both depend on `k` and on the number of images.

    Args:
        network: gives the features.
        real, fake: images [N, *network.image_shape] in [-1, 1], as many of both, N above k.
        k: which neighbour a ball reaches.

    Returns:
        Precision and recall, in [0, 1].

    Raises:
        ValueError: the numbers of images differ or are not above `k`, or `k` is below 1.

    Source: Kynkäänniemi et al. 2019, eq. 1 and 2.
    """
    if not 1 <= k < len(real) == len(fake):
        raise ValueError(
            f"k is {k} for {len(real)} real and {len(fake)} generated images; give as many of "
            "both, and more than k, which is at least 1"
        )
    real, fake = features_of(network, real), features_of(network, fake)
    radii = [torch.cdist(each, each).kthvalue(k + 1).values for each in (real, fake)]  # 1: itself
    precision = (torch.cdist(fake, real) <= radii[0]).any(dim=1).float().mean().item()
    recall = (torch.cdist(real, fake) <= radii[1]).any(dim=1).float().mean().item()
    return precision, recall


def checkerboard_power(images: Tensor, period: int) -> float:
    """Return how strong the waves of `period` pixels are along the rows
    and columns of images.

    Chequers that a network leaves behind are such waves, of 2, 4 or 8
    pixels. Compare with the same number of real images: edges hold all
    waves.

    Args:
        images: [N, C, H, W], H and W multiples of `period`.
        period: pixels from crest to crest, at least 2.

    Returns:
        The squared size of that Fourier coefficient, averaged over
        rows, columns, channels and images.

    Raises:
        ValueError: `period` is below 2, or does not divide H and W.

    Lesson 03, section 15.
    """
    height, width = images.shape[2:]
    if period < 2 or height % period or width % period:
        problem = f"period is {period} for images of {height} x {width}"
        allowed = "it must be at least 2 and divide both"
        raise ValueError(f"{problem}; {allowed}")
    powers = []
    for dim in (2, 3):
        waves = torch.fft.rfft(images, dim=dim, norm="ortho")
        wave = waves.select(dim, images.shape[dim] // period)
        powers.append(wave.abs().square().mean().item())
    return sum(powers) / len(powers)


def nearest_neighbours(samples: Tensor, images: Tensor) -> tuple[Tensor, Tensor]:
    """Find the image that is nearest to each sample, pixel by pixel.

    Args:
        samples: floating point [N, ...] in [-1, 1], N at least 1.
        images: as `samples`, [M, ...], M at least 1.

    Returns:
        indices [N] into `images`, and root-mean-square differences [N] of the pixels, in [0, 2].

    Raises:
        ValueError: samples and images differ in shape, are not floating point, or are none.
    """
    if samples.shape[1:] != images.shape[1:] or 0 in (len(samples), len(images)):
        raise ValueError(
            f"samples are {list(samples.shape)} and images {list(images.shape)}; both must have "
            "the same size and be at least one"
        )
    if not (samples.is_floating_point() and images.is_floating_point()):
        raise ValueError(
            f"samples are {samples.dtype} and images {images.dtype}; both must be floating point "
            "in [-1, 1], as scale_images returns them"
        )
    samples = samples.to(images)
    nearest = torch.cdist(samples.flatten(1), images.flatten(1)).argmin(dim=1)
    # Once more, pair by pair: cdist is fast but inexact, and a copy must have the difference 0.
    differences = (samples - images[nearest]).square().flatten(1).mean(dim=1).sqrt()
    return nearest, differences
