"""How near a picture is to a style by its pixels alone: a judge that looks through no network."""

import math
from collections.abc import Mapping

import torch
from torch import Tensor
from torch.nn.functional import avg_pool2d, unfold

from gan_utils.style.statistics import sorted_projections

SIDE = 8  # pixels of a patch
SCALES = (1, 2, 4, 8)  # by which pictures are made smaller
PIECES = 4  # of a style picture, for the floor


def sliced_wasserstein(
    picture: Tensor, style: Tensor, scale: int = 1
) -> float:  # fmt: skip
    """Return how far the patches of one picture are from those of
    another, wherever they lie: 0 for the same patches.

    Both pictures are made smaller by `scale`, and cut into all their
    patches of 8x8 pixels. A patch is a point with 192 coordinates. The
    result is the sliced Wasserstein-2 distance of the two clouds of
    points: their projections are sorted and compared one by one.

    Args:
        picture, style: [3, H, W] in [0, 1], of any two sizes.
        scale: a positive whole number.

    Raises:
        ValueError: a picture has fewer than 8 times `scale` pixels.

    Source: Rabin et al. 2012; of patches: Elnekave & Weiss 2022.
    Lesson 04, section 16.
    """
    one, other = _cloud(picture, scale), _cloud(style, scale)
    return (one - other).square().mean().sqrt().item()


def _cloud(picture: Tensor, scale: int) -> Tensor:
    """Return the sorted projections of all patches of a picture."""
    height, width = picture.shape[1:]
    if min(height, width) < SIDE * scale:
        size = f"a picture has {width} x {height} pixels"
        needed = f"scale {scale} needs {SIDE * scale} each way"
        raise ValueError(f"{size}; {needed}")
    patches = unfold(avg_pool2d(picture[None], scale), SIDE)
    return sorted_projections(patches[..., None])


def style_floor(style: Tensor) -> dict[int, float]:
    """Return by scale how far pieces of a style picture are from the whole of it, on average: what
    `style_distances` counts in. Scales at which a piece is too small are left out.

    The pieces are two thirds as high and as wide, cut out at random places, the same each time.

    Args:
        style: [3, H, W] in [0, 1].

    Raises:
        ValueError: no scale is left.

    Lesson 04, section 8.
    """
    height, width = (math.ceil(2 * side / 3) for side in style.shape[1:])
    scales = [k for k in SCALES if SIDE * k <= min(height, width)]
    if not scales:
        size = f"{style.shape[2]} x {style.shape[1]}"
        raise ValueError(f"style has {size} pixels; it needs at least 12 x 12")
    free = torch.tensor([style.shape[1] - height + 1, style.shape[2] - width + 1])
    places = torch.rand(PIECES, 2, generator=torch.Generator().manual_seed(0))
    corners = (places * free).long().tolist()
    pieces = [style[:, y : y + height, x : x + width] for y, x in corners]
    apart = {k: torch.cat([_cloud(one, k) for one in pieces]) - _cloud(style, k) for k in scales}
    return {k: each.square().mean((1, 2)).sqrt().mean().item() for k, each in apart.items()}


def style_distances(
    picture: Tensor, style: Tensor, floor: Mapping[int, float] | None = None
) -> dict[int, float]:
    """Return by scale how far a picture is from a style, in units of its floor: at 1 the picture is
    as near to the style as a piece of the style itself. A style without any difference between its
    pieces is infinitely far.

    Args:
        picture, style: [3, H, W] in [0, 1], on one device.
        floor: that of `style_floor`, if it is known already.

    Raises:
        ValueError: `picture` is too small for a scale, or no scale is left.
    """
    floor = style_floor(style) if floor is None else floor
    return {
        k: sliced_wasserstein(picture, style, k) / unit if unit else math.inf
        for k, unit in floor.items()
    }
