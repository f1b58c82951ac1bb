"""Is the generator any good? Numbers that losses do not give."""

import math
from typing import NamedTuple

import numpy as np
import torch
from scipy.spatial import KDTree
from scipy.stats import wasserstein_distance
from torch import Tensor

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
