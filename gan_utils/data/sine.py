"""Points on one period of the sine curve."""

import math

import torch
from torch import Tensor


def sine_points(count: int) -> Tensor:
    """Draw points [count, 2] on one period of the sine curve.

    The first coordinate is uniform on [0, 2 pi), the second is its sine, in [-1, 1].

    Source: the example of "Generative Adversarial Networks: Build Your First Models",
    Real Python, 2020.

    Raises:
        ValueError: `count` is below 1.
    """
    if count < 1:
        raise ValueError(f"count is {count}; it must be at least 1")
    x1 = torch.rand(count) * 2 * math.pi
    return torch.stack([x1, x1.sin()], dim=1)
