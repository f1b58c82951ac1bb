"""Neural style transfer: what a picture is compared by, and how it is optimised."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from typing import Any

import psutil
import torch
from torch import Tensor
from torch.optim import LBFGS, Adam, Optimizer

from gan_utils.history import Snapshot
from gan_utils.pictures import resized
from gan_utils.progress import progress_bar, stop_button
from gan_utils.vgg import BLOCKS, VGGFeatures

CONTENT_LAYERS = ("conv3_1",)  # earlier than published: deeper ones of random filters know less
STYLE_LAYERS = tuple(f"relu{block}_1" for block in range(1, 6))
PUBLISHED_CONTENT = {"conv4_2": 1.0}
PUBLISHED_STYLE = {
    name: 1e3 / channels**2 for name, (channels, _) in zip(STYLE_LAYERS, BLOCKS, strict=True)
}
# How the colours of photographs vary: in brightness, less from red to blue, least from magenta to
# green. Each row is one of these directions in red, green and blue, as long as its spread.
COLOR_AXES = ((0.952, 0.952, 0.952), (0.326, 0.0, -0.326), (0.088, -0.176, 0.088))
FIRST_MOVE = 0.1  # of a logit, on average, in the first step of L-BFGS
EDGE = 0.01  # how near to black and white a starting picture may come: beyond, slopes vanish
STARTS = ("content", "noise")
SMALLEST = 64  # pixels of the shorter side, below which a picture is not made still smaller
BYTES_PER_PIXEL = 5000  # measured on a CPU: 4,300 to 5,200 for pictures of 512 to 256 pixels
LUMINANCE = (0.299, 0.587, 0.114)  # Rec. ITU-R BT.601


def gram_matrix(features: Tensor) -> Tensor:
    """Return which channels are active together, [N, C, C], from features [N, C, H, W].

    Entry (i, j) is the mean over all places of channel i times channel j. Where it happened is
    forgotten.

    Source: Gatys et al. 2016, eq. 3, divided by the number of places.
    """
    flat = features.flatten(2)
    return flat @ flat.transpose(1, 2) / flat.shape[2]


def squared_error(values: Tensor, target: Tensor) -> Tensor:
    """Return the mean of (values - target)² over all entries; a target [1, ...] serves a batch."""
    return (values - target).square().mean()


def total_variation(pictures: Tensor) -> Tensor:
    """Return the mean squared difference of neighbouring pixels of pictures [N, 3, H, W].

    Source: Mahendran & Vedaldi 2015, with exponent 2.
    """
    down, across = pictures.diff(dim=2), pictures.diff(dim=3)
    return down.square().mean() + across.square().mean()


@dataclass(frozen=True)
class StyleObjective:
    """How far pictures are from the content of one picture and from the style of another.

    Attributes:
        network: maps pictures [N, 3, H, W] in [0, 1] to activations by layer.
        content: the activations [N, C, h, w] to come near to, by layer.
        style: the Gram matrices [1, C, C] to come near to, by layer.
        weights: of each term by its name: "content conv4_2", "style relu1_1", "variation".
    """

    network: VGGFeatures
    content: dict[str, Tensor]
    style: dict[str, Tensor]
    weights: dict[str, float]

    def __call__(self, pictures: Tensor) -> dict[str, Tensor]:
        """Return the weighted terms by name; their sum is to be made small."""
        features = self.network(pictures)
        terms = {f"content {n}": squared_error(features[n], t) for n, t in self.content.items()}
        for name, target in self.style.items():
            terms[f"style {name}"] = squared_error(gram_matrix(features[name]), target)
        if self.weights["variation"]:
            terms["variation"] = total_variation(pictures)
        return {name: self.weights[name] * term for name, term in terms.items()}

    def with_content(self, pictures: Tensor) -> StyleObjective:
        """Return the same objective for the content of other pictures [N, 3, H, W]."""
        with torch.no_grad():
            features = self.network(pictures)
        return replace(self, content={name: features[name] for name in self.content})


def style_objective(
    network: VGGFeatures,
    content: Tensor,
    style: Tensor,
    *,
    content_weights: Mapping[str, float] = PUBLISHED_CONTENT,
    style_weights: Mapping[str, float] = PUBLISHED_STYLE,
    variation_weight: float = 0.0,
    balanced: bool = False,
) -> StyleObjective:
    """Return the objective for two pictures; as published, unless arguments say otherwise.

    Args:
        network: gives at least the layers that have weights.
        content, style: pictures [3, H, W] in [0, 1], on the network's device.
        content_weights, style_weights: of the squared error of each layer's activations, and of
            its Gram matrix.
        variation_weight: of the total variation.
        balanced: divide each layer's weight by the mean square of its target. Errors become
            relative ones, and the same weights serve any network, trained or random.

    Raises:
        ValueError: a picture or a weight is out of range, or the network lacks a layer.

    Source: Gatys et al. 2016, eq. 7. The published weights are those of their released code,
    for a network with inputs around ±128.
    """
    _check_pictures(network, content=content, style=style)
    _check_weights(network, content_weights, style_weights, variation_weight)
    with torch.no_grad():
        features = network(content[None])
        contents = {name: features[name] for name, weight in content_weights.items() if weight}
        features = network(style[None])
        styles = {name: gram_matrix(features[name]) for name, w in style_weights.items() if w}
    weights = {"variation": variation_weight}
    for kind, targets, given in (
        ("content", contents, content_weights),
        ("style", styles, style_weights),
    ):
        for name, target in targets.items():
            energy = target.square().mean().item() if balanced else 1.0
            weights[f"{kind} {name}"] = given[name] / energy if energy else 0.0
    return StyleObjective(network, contents, styles, weights)


def balanced_objective(
    network: VGGFeatures,
    content: Tensor,
    style: Tensor,
    *,
    content_layers: Sequence[str] = CONTENT_LAYERS,
    style_layers: Sequence[str] = STYLE_LAYERS,
    content_weight: float = 1.0,
    style_weight: float = 20.0,
    variation_weight: float = 0.5,
) -> StyleObjective:
    """Return an objective whose weights suit any pictures, and filters trained or random.

    Args:
        network, content, style: as for `style_objective`, which lists the errors raised, too.
        content_layers, style_layers: the layers that are compared.
        content_weight, style_weight, variation_weight: of the three parts; all layers of a part
            share its weight, and errors are relative to their targets.
    """
    return style_objective(
        network,
        content,
        style,
        content_weights={name: content_weight / len(content_layers) for name in content_layers},
        style_weights={name: style_weight / len(style_layers) for name in style_layers},
        variation_weight=variation_weight,
        balanced=True,
    )


def finite_values(terms: dict[str, Tensor], moment: str) -> dict[str, float]:
    """Return the terms of an objective as plain numbers.

    Raises:
        FloatingPointError: one is infinite or not a number; the message names the moment.
    """
    values = torch.stack(list(terms.values())).tolist()  # one transfer from a GPU, not many
    if not math.isfinite(sum(values)):
        raise FloatingPointError(
            f"the objective became {sum(values)} at {moment}; "
            "lower the weights or the learning rate, and look for NaN in the network"
        )
    return dict(zip(terms, values, strict=True))


@dataclass
class StyleResult:
    """A picture that is optimised, and how it went.

    Attributes:
        picture: [3, H, W] in [0, 1] on the CPU, the best so far.
        lowest: its objective.
        records: the weighted terms at every call of the closure, in order. `result["variation"]`
            is one of them over all calls, `result.totals` their sum.
        iterations: steps of the optimiser, each of which may have called the closure repeatedly;
            the last one may be unfinished.
        snapshots: moments; the samples of each are [1, 3, h, w] in [0, 1].
        seconds: wall time.
        interrupted: whether it was stopped before its end.
    """

    picture: Tensor
    lowest: float = math.inf
    records: list[dict[str, float]] = field(default_factory=list)
    iterations: int = 0
    snapshots: list[Snapshot] = field(default_factory=list)
    seconds: float = 0.0
    interrupted: bool = False

    @property
    def totals(self) -> Tensor:
        """The objective at every call, [calls]."""
        return torch.tensor([sum(record.values()) for record in self.records])

    def __getitem__(self, name: str) -> Tensor:
        """Return one term at every call, [calls]."""
        if self.records and name not in self.records[0]:
            raise KeyError(f"{name!r} is no term; choose one of {', '.join(self.records[0])}")
        return torch.tensor([record[name] for record in self.records])

    def add(self, terms: dict[str, Tensor], picture: Tensor) -> None:
        """Record one call of the closure; keep the picture [1, 3, H, W] if it is the best."""
        self.records.append(finite_values(terms, f"call {len(self.records) + 1:,}"))
        total = sum(self.records[-1].values())
        if total < self.lowest:
            self.lowest, self.picture = total, picture[0].detach().cpu()

    def take_snapshot(self) -> None:
        """Keep the best picture so far."""
        self.snapshots.append(Snapshot(len(self.records), self.picture[None], logits=None))


class _Finished(Exception):
    """The calls are used up, or the stop button was pressed."""


def optimize_picture(
    objective: Callable[[Tensor], dict[str, Tensor]],
    start: Tensor,
    *,
    calls: int,
    optimizer: str = "lbfgs",
    snapshots: int = 0,
    on_snapshot: Callable[[StyleResult], None] | None = None,
    progress: bool = True,
    earlier: StyleResult | None = None,
) -> StyleResult:
    """Change a picture until the objective is small, and return the best one met.

    What is optimised is not the picture but its logit: the sigmoid of any number is a valid
    brightness, so nothing needs to be clamped. Logits are measured along `COLOR_AXES`, so that
    equal steps change brightness most: noise in all colours would lower the objective as well.
    The stop button (Ctrl-C) returns the best so far.

    Args:
        objective: maps a picture [1, 3, H, W] in [0, 1] to terms whose sum is to be made small.
        start: the picture [3, H, W] in [0, 1] to begin with, on the device to work on.
        calls: how often the objective may be computed.
        optimizer: a name in `OPTIMIZERS`.
        snapshots: how many moments to keep, evenly spaced.
        on_snapshot: called with the result after each snapshot, for a live picture.
        progress: show a progress bar.
        earlier: a result, at another size, whose records and snapshots this one continues.

    Raises:
        FloatingPointError: the objective became infinite or not a number.
        ValueError: an argument is out of range.

    Source: Gatys et al. 2016; directions of colour: Olah et al. 2017, "Feature Visualization".
    """
    _check_run(calls, optimizer, snapshots)
    # Both optimisers begin with small steps: L-BFGS with at most 1 in sum over all numbers. So the
    # numbers that they change are logits divided by what suits them.
    unit = FIRST_MOVE * start.numel() if optimizer == "lbfgs" else 1.0
    axes = unit * start.new_tensor(COLOR_AXES)
    logits = torch.logit(start.detach()[None], eps=EDGE)
    numbers = torch.einsum("ca,nchw->nahw", axes.inverse(), logits).contiguous().requires_grad_()
    solver = OPTIMIZERS[optimizer]([numbers], calls)
    result = earlier or StyleResult(start.cpu())
    first, result.lowest = len(result.records), math.inf  # another size, another objective
    moments = {first + round(calls * (k + 1) / snapshots) for k in range(snapshots)}
    begin = time.perf_counter()

    def closure() -> Tensor:
        solver.zero_grad()
        picture = torch.einsum("ac,nahw->nchw", axes, numbers).sigmoid()
        terms = objective(picture)
        total = sum(terms.values())
        total.backward()
        result.add(terms, picture)
        bar.update()
        done = len(result.records)
        if done in moments:
            result.take_snapshot()
            if on_snapshot is not None:
                on_snapshot(result)
        if done == first + calls or stopped.is_set():
            raise _Finished
        return total.detach()

    with (
        progress_bar(calls, shown=progress, unit="calls") as bar,
        stop_button() as stopped,
        suppress(_Finished),
    ):
        for _ in range(1 if optimizer == "lbfgs" else calls):  # L-BFGS makes all steps in one
            solver.step(closure)
    result.iterations += solver.state[numbers].get("n_iter", len(result.records) - first)
    result.seconds += time.perf_counter() - begin
    result.interrupted = stopped.is_set()
    return result


def _lbfgs(numbers: list[Tensor], calls: int) -> LBFGS:
    # The closure counts its calls and ends the run itself. Both tolerances are 0: they look at
    # single numbers, which for a million pixels are small from the beginning.
    return LBFGS(
        numbers,
        max_iter=calls,
        max_eval=2 * calls,
        tolerance_grad=0,
        tolerance_change=0,
        history_size=20,
        line_search_fn="strong_wolfe",
    )


def _adam(numbers: list[Tensor], _: int) -> Adam:
    return Adam(numbers, lr=0.05, betas=(0.9, 0.99))


OPTIMIZERS: dict[str, Callable[[list[Tensor], int], Optimizer]] = {"lbfgs": _lbfgs, "adam": _adam}


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

    The picture is optimised at a small size first, then enlarged and optimised again, so that
    large shapes are found while they cost little.

    Args:
        content, style: pictures [3, H, W] in [0, 1]; the result has the size of `content`.
        network: gives at least the layers named; the work is done on its device.
        start: "content", or "noise" from the global random state.
        sizes: how many sizes, each twice as large as the one before; small pictures get fewer.
        calls: how often the objective may be computed, over all sizes.
        optimizer: a name in `OPTIMIZERS`.
        keep_colors: take the brightness of the result and the colours of `content`.
        snapshots, on_snapshot, progress: as in `optimize_picture`, for each size.
        objective: further arguments of `balanced_objective`: layers and weights.

    Raises:
        FloatingPointError: the objective became infinite or not a number.
        MemoryError: the picture is too large for the memory that is free.
        ValueError: an argument is out of range.

    Source: Gatys et al. 2016; from small to large: Gatys et al. 2017.
    """
    if start not in STARTS:
        raise ValueError(f"start is {start!r}; choose one of {', '.join(STARTS)}")
    if sizes < 1 or calls < sizes:
        raise ValueError(f"sizes is {sizes} and calls {calls}; give 1 <= sizes <= calls")
    _check_run(calls, optimizer, snapshots)
    _check_pictures(network, content=content, style=style)
    device = network.mean.device
    for picture in (content, style):
        _check_memory(picture, device)
    scales = [2**-k for k in range(sizes) if min(content.shape[1:]) * 2**-k >= SMALLEST or k == 0]
    result = None
    for scale in reversed(scales):
        small, small_style = (
            resized(p, [max(round(side * scale), network.smallest) for side in p.shape[1:]])
            for p in (content.to(device), style.to(device))
        )
        target = balanced_objective(network, small, small_style, **objective)
        if result is not None:
            begin = resized(result.picture, small.shape[1:]).to(device)
        else:
            begin = small if start == "content" else torch.rand_like(small)
        result = optimize_picture(
            target, begin, calls=calls // len(scales), optimizer=optimizer,
            snapshots=snapshots, on_snapshot=on_snapshot, progress=progress, earlier=result,
        )  # fmt: skip
        if result.interrupted:
            break
    result.picture = resized(result.picture, content.shape[1:])
    if keep_colors:
        result.picture = with_colors_of(result.picture, content.cpu())
    return result


def with_colors_of(picture: Tensor, colors: Tensor) -> Tensor:
    """Return the brightness of one picture in the colours of another, both [3, H, W] in [0, 1].

    Source: Gatys et al. 2016, "Preserving Color in Neural Artistic Style Transfer", section 4.
    """
    weights = picture.new_tensor(LUMINANCE).reshape(3, 1, 1)
    brighter = ((picture - colors) * weights).sum(0)
    return (colors + brighter).clamp(0, 1)


def _check_pictures(network: VGGFeatures, **pictures: Tensor) -> None:
    for name, picture in pictures.items():
        if picture.ndim != 3 or picture.shape[0] != 3 or not picture.is_floating_point():
            raise ValueError(
                f"{name} is {picture.dtype} {list(picture.shape)}; it must be floating point "
                "[3, H, W], as picture_tensor returns it"
            )
        if not (picture.min() >= 0 and picture.max() <= 1):
            raise ValueError(
                f"{name} has values from {picture.min():g} to {picture.max():g}; "
                "they must lie in [0, 1]"
            )
        if min(picture.shape[1:]) < network.smallest:
            height, width = picture.shape[1:]
            raise ValueError(
                f"{name} has {width} x {height} pixels, and these layers need at least "
                f"{network.smallest} each way; enlarge it or crop its longer side"
            )


def _check_weights(
    network: VGGFeatures,
    content_weights: Mapping[str, float],
    style_weights: Mapping[str, float],
    variation_weight: float,
) -> None:
    missing = [n for n in (*content_weights, *style_weights) if n not in network.wanted]
    if missing:
        raise ValueError(
            f"the network does not return {', '.join(missing)}; "
            f"it was made for {', '.join(network.wanted)}"
        )
    given = [*content_weights.values(), *style_weights.values(), variation_weight]
    if not all(math.isfinite(w) and w >= 0 for w in given) or not sum(given) > 0:
        raise ValueError(f"weights are {given}; they must be finite, at least 0, and not all 0")


def _check_run(calls: int, optimizer: str, snapshots: int) -> None:
    if optimizer not in OPTIMIZERS:
        raise ValueError(f"optimizer is {optimizer!r}; choose one of {', '.join(OPTIMIZERS)}")
    if calls < 1 or snapshots < 0:
        raise ValueError(f"calls is {calls} and snapshots {snapshots}; give at least 1 and 0")


def _check_memory(picture: Tensor, device: torch.device) -> None:
    height, width = picture.shape[-2:]
    if device.type == "cuda":
        unused = torch.cuda.memory_reserved(device) - torch.cuda.memory_allocated(device)
        free = torch.cuda.mem_get_info(device)[0] + unused
    else:
        free = psutil.virtual_memory().available
    needed = BYTES_PER_PIXEL * height * width
    if needed > free:
        longest = int(max(height, width) * math.sqrt(free / needed))
        raise MemoryError(
            f"a picture of {width} x {height} pixels needs about {needed / 2**30:.1f} GiB here, "
            f"and {free / 2**30:.1f} are free; lower its longer side to at most {longest} pixels"
        )
