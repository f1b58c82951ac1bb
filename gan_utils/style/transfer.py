"""Neural style transfer: a picture optimised from small to large."""

import math
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

from gan_utils.data.pictures import resized
from gan_utils.runtime import free_memory
from gan_utils.settings import require_flags, require_whole
from gan_utils.style.colors import with_colors_of
from gan_utils.style.objective import balanced_objective, check_pictures
from gan_utils.style.optimization import StyleResult, check_run, optimize_picture
from gan_utils.style.vgg import VGGFeatures

STARTS = ("content", "noise")
SMALLEST = 64  # pixels of the shorter side, below which a picture is not made still smaller
BYTES_PER_PIXEL = 6500  # measured on a CPU: 3,500 to 6,200 for pictures of 512 to 256 pixels


def transfer_style(
    content: Tensor,
    style: Tensor,
    network: VGGFeatures,
    *,
    start: str = "content",
    sizes: int = 3,
    calls: int = 300,
    optimizer: str = "lbfgs",
    keep_colors: bool = False,
    snapshots: int = 0,
    on_snapshot: Callable[[StyleResult], None] | None = None,
    progress: bool = True,
    **objective: Any,
) -> StyleResult:
    """Paint the content of one picture in the style of another.

    The picture is optimised at a small size first, then enlarged and
    optimised again, so that large shapes are found while they cost
    little.

    Args:
        content, style: pictures [3, H, W] in [0, 1]; the result has the
            size of `content`.
        network: gives at least the layers named; the work is done on
            its device.
        start: "content", or "noise" from the global random state.
        sizes: how many sizes, each twice as large as the one before;
            small pictures get fewer.
        calls: how often the objective may be computed, over all sizes.
        optimizer: a name in `OPTIMIZERS`.
        keep_colors: take the brightness of the result and the colours
            of `content`.
        snapshots, on_snapshot, progress: as in `optimize_picture`, for
            each size.
        objective: further arguments of `balanced_objective`: layers and
            weights.

    Raises:
        FloatingPointError: the objective became infinite or not a
            number.
        MemoryError: the picture is too large for the memory that is
            free.
        ValueError: an argument is out of range.

    Source: Gatys et al. 2016; from small to large: Gatys et al. 2017.
    Lesson 04, section 7.
    """
    check_run(calls, optimizer, snapshots)
    _check_transfer(start, sizes, calls, keep_colors)
    check_pictures(network, content=content, style=style)
    device = network.mean.device
    for picture in (content, style):
        _check_memory(picture, device)
    scales, result = _scales(content, sizes), None
    for scale in scales:
        small, small_style = (
            _reduced(picture.to(device), scale, network)
            for picture in (content, style)
        )  # fmt: skip
        target = balanced_objective(
            network,
            small,
            small_style,
            **objective,
        )
        if result is not None:
            begin = resized(result.picture, small.shape[1:]).to(device)
        elif start == "noise":
            begin = torch.rand_like(small)
        else:
            begin = small
        result = optimize_picture(
            target,
            begin,
            calls=calls // len(scales),
            optimizer=optimizer,
            snapshots=snapshots,
            on_snapshot=on_snapshot,
            progress=progress,
            earlier=result,
        )
        if result.interrupted:
            break
    result.picture = resized(result.picture, content.shape[1:])
    if keep_colors:
        result.picture = with_colors_of(result.picture, content.cpu())
    return result


def _scales(content: Tensor, sizes: int) -> list[float]:
    """Return the scales to work at, the smallest first."""
    shorter = min(content.shape[1:])
    scales = [2.0**-k for k in range(sizes) if k == 0 or shorter * 2**-k >= SMALLEST]
    return scales[::-1]


def _reduced(picture: Tensor, scale: float, network: VGGFeatures) -> Tensor:
    """Make a picture smaller, but not so small that the network has nothing to see."""
    sides = [max(round(side * scale), network.smallest) for side in picture.shape[1:]]
    return resized(picture, sides)


def _check_transfer(start: str, sizes: int, calls: int, keep_colors: bool) -> None:
    if start not in STARTS:
        raise ValueError(f"start is {start!r}; choose one of {', '.join(STARTS)}")
    require_whole(optional=False, sizes=sizes)
    require_flags(keep_colors=keep_colors)
    if calls < sizes:
        raise ValueError(f"sizes is {sizes} and calls {calls}; give 1 <= sizes <= calls")


def _check_memory(picture: Tensor, device: torch.device) -> None:
    height, width = picture.shape[-2:]
    free, needed = free_memory(device), BYTES_PER_PIXEL * height * width
    if needed > free:
        longest = int(max(height, width) * math.sqrt(free / needed))
        raise MemoryError(
            f"a picture of {width} x {height} pixels needs about {needed / 2**30:.1f} GiB here, "
            f"and {free / 2**30:.1f} are free; lower its longer side to at most {longest} pixels"
        )
