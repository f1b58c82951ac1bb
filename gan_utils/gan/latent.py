"""Latent vectors: the random numbers that a generator turns into samples."""

import torch
from torch import Tensor

LATENTS = ("normal", "uniform")


def draw_latent(
    count: int, dim: int, *, kind: str = "normal", device: torch.device | str = "cpu"
) -> Tensor:
    """Draw latent vectors [count, dim].

    Args:
        count: how many.
        dim: numbers in each.
        kind: `"normal"` for N(0, 1), `"uniform"` for U[-1, 1).
        device: where they are drawn; CPU and GPU give different numbers for the same seed.

    Raises:
        ValueError: `kind` is neither of the two.
    """
    if kind not in LATENTS:
        raise ValueError(f"latent is {kind!r}; choose one of {', '.join(LATENTS)}")
    if kind == "normal":
        return torch.randn(count, dim, device=device)
    return torch.rand(count, dim, device=device) * 2 - 1


def slerp(start: Tensor, end: Tensor, weights: Tensor) -> Tensor:
    """Walk from one latent vector to another along the arc between their directions.

    Latent vectors from a normal distribution in many dimensions lie near a sphere. The straight
    line between two of them leaves it; the arc stays near it.

    Args:
        start, end: latent vectors [latent_dim].
        weights: how far to go [N], from 0 (start) to 1 (end).

    Returns:
        Latent vectors [N, latent_dim].

    Raises:
        ValueError: the vectors point in the same or in opposite directions: there is no one arc.

    Source: Shoemake 1985, section 3.3; White 2016 for latent vectors.
    """
    cosine = torch.dot(start, end) / (start.norm() * end.norm())
    if not cosine.abs() < 1 - 1e-6:
        raise ValueError(
            f"the cosine between start and end is {cosine:g}; there is no one arc between vectors "
            "on one line, so take another pair"
        )
    angle, t = cosine.acos(), weights[:, None]
    return (((1 - t) * angle).sin() * start + (t * angle).sin() * end) / angle.sin()
