"""How near a picture is to a style by its pixels alone: a judge that looks through no network."""

import math

from torch import Tensor
from torch.nn.functional import avg_pool2d, unfold

from gan_utils.style.statistics import sorted_projections

SIDE = 8  # pixels of a patch
SCALES = (1, 2, 4, 8)  # by which pictures are made smaller


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
    Lesson 04, section 12.
    """
    clouds = []
    for pixels in (picture, style):
        height, width = pixels.shape[1:]
        if min(height, width) < SIDE * scale:
            size = f"a picture has {width} x {height} pixels"
            needed = f"scale {scale} needs {SIDE * scale} each way"
            raise ValueError(f"{size}; {needed}")
        patches = unfold(avg_pool2d(pixels[None], scale), SIDE)
        clouds.append(sorted_projections(patches[..., None]))
    return (clouds[0] - clouds[1]).square().mean().sqrt().item()


def style_distances(picture: Tensor, style: Tensor) -> dict[int, float]:
    """Return by scale how far a picture is from a style, in units of how
    far the two halves of the style picture are from each other.

    At 1 the picture is as near to the style as a style picture of its
    own would be. Scales at which a half is too small are left out. A
    style without any difference between its halves is infinitely far.

    Args:
        picture, style: [3, H, W] in [0, 1], on one device.

    Raises:
        ValueError: `picture` is too small for a scale, or no scale is
            left.
    """
    height, half = style.shape[1], style.shape[2] // 2
    scales = [k for k in SCALES if SIDE * k <= min(height, half)]
    if not scales:
        size = f"{style.shape[2]} x {height}"
        raise ValueError(f"style has {size} pixels; it needs at least 16 x 8")
    left, right = style[..., :half], style[..., -half:]
    distances = {}
    for k in scales:
        floor = sliced_wasserstein(left, right, k)
        distance = sliced_wasserstein(picture, style, k)
        distances[k] = distance / floor if floor else math.inf
    return distances
