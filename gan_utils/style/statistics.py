"""What is kept of a layer when the places are forgotten: three answers to what a style is."""

from collections.abc import Callable
from functools import lru_cache

import torch
from torch import Tensor
from torch.nn.functional import adaptive_avg_pool1d

from gan_utils.randomness import seeded

PARTS = 1024  # into which sorted values are divided


def gram_matrix(features: Tensor) -> Tensor:
    """Return which channels are active together, [N, C, C], from
    features [N, C, H, W].

    Entry (i, j) is the mean over all places of channel i times channel
    j. Where it happened is forgotten.

    Source: Gatys et al. 2016, eq. 3, divided by the number of places.
    Lesson 04, section 4.
    """
    flat = features.flatten(2)
    return flat @ flat.transpose(1, 2) / flat.shape[2]


def mean_and_covariance(features: Tensor) -> Tensor:
    """Return the mean of each channel, and how the channels vary
    together around their means, [N, C, 1 + C], from features
    [N, C, H, W].

    A Gram matrix is the covariance plus the products of the means.

    Source: Li et al. 2017, who match means and deviations.
    Lesson 04, section 4.
    """
    mean = features.mean((2, 3), keepdim=True)
    covariance = gram_matrix(features - mean)
    return torch.cat([mean[..., 0], covariance], dim=2)


def sorted_projections(features: Tensor) -> Tensor:
    """Return the values that features [N, C, H, W] take along C
    directions, each in rising order, [N, C, PARTS].

    Each place is a point with C coordinates. Seen along one direction
    the points are numbers, and sorted they say how often each value
    occurs. They are averaged in PARTS equal parts, so that pictures of
    any size can be compared. The directions are random, at right
    angles, and always the same.

    Source: Heitz et al. 2021, who draw new directions in each step.
    Lesson 04, section 12.
    """
    directions = random_directions(features.shape[1]).to(features)
    values = directions @ features.flatten(2)
    return adaptive_avg_pool1d(values.sort(dim=2).values, PARTS)


@lru_cache
def random_directions(count: int) -> Tensor:
    """Return random directions at right angles, one a row, [count, count]."""
    with seeded(0):
        return torch.linalg.qr(torch.randn(count, count)).Q


STATISTICS: dict[str, Callable[[Tensor], Tensor]] = {
    "gram": gram_matrix,
    "covariance": mean_and_covariance,
    "sorted": sorted_projections,
}
