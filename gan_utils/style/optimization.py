"""A picture that is optimised: its bounds, the closure, and what happened."""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field

import torch
from torch import Tensor
from torch.optim import LBFGS, Adam, Optimizer

from gan_utils.progress import progress_bar, stop_button
from gan_utils.runtime import memory_advice
from gan_utils.settings import require_whole
from gan_utils.style.colors import COLOR_AXES
from gan_utils.style.objective import finite_values

FIRST_MOVE = 0.1  # of a logit, on average, in the first step of L-BFGS
EDGE = 0.01  # how near to black and white a starting picture may come: beyond, slopes vanish


@dataclass(frozen=True)
class PictureSnapshot:
    """The best picture met up to one moment.

    Attributes:
        call: calls of the closure done by then.
        picture: [3, h, w] in [0, 1] on the CPU; smaller pictures come before larger ones.
    """

    call: int
    picture: Tensor


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
        snapshots: moments of the optimisation, oldest first.
        seconds: wall time.
        interrupted: whether it was stopped before its end.
    """

    picture: Tensor
    lowest: float = math.inf
    records: list[dict[str, float]] = field(default_factory=list)
    iterations: int = 0
    snapshots: list[PictureSnapshot] = field(default_factory=list)
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

    def take_snapshot(self, show: Callable[[StyleResult], None] | None = None) -> None:
        """Keep the best picture so far, and show it."""
        self.snapshots.append(PictureSnapshot(len(self.records), self.picture))
        if show is not None:
            show(self)


class Canvas:
    """A picture as numbers without bounds, so that no step can leave
    [0, 1].

    What is optimised is not the picture but its logit: the sigmoid of
    any number is a valid brightness. Logits are measured along
    `COLOR_AXES`, so that equal steps change brightness most: noise in
    all colours would lower an objective as well.

    Attributes:
        numbers: [1, 3, H, W], what an optimiser changes.
        axes: [3, 3], turn the numbers of a pixel into its logits.

    Lesson 04, section 6.
    """

    def __init__(self, start: Tensor, unit: float) -> None:
        """Begin with the picture `start` [3, H, W] in [0, 1].

        Args:
            start: on the device to work on.
            unit: how much of a logit one unit of the numbers is.
        """
        self.axes = unit * start.new_tensor(COLOR_AXES)
        logits = torch.logit(start.detach()[None], eps=EDGE)
        turned = self.axes.inverse()
        numbers = torch.einsum("ca,nchw->nahw", turned, logits)
        self.numbers = numbers.contiguous().requires_grad_()

    def picture(self) -> Tensor:
        """Return the picture [1, 3, H, W], made from the numbers."""
        logits = torch.einsum("ac,nahw->nchw", self.axes, self.numbers)
        return logits.sigmoid()


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
    """Change a picture until the objective is small, and return the
    best one met.

    A `Canvas` keeps the picture in its range. The stop button (Ctrl-C)
    returns the best so far.

    Args:
        objective: maps a picture [1, 3, H, W] in [0, 1] to terms whose
            sum is to be made small.
        start: the picture [3, H, W] in [0, 1] to begin with, on the
            device to work on.
        calls: how often the objective may be computed.
        optimizer: a name in `OPTIMIZERS`.
        snapshots: how many moments to keep, evenly spaced.
        on_snapshot: called with the result after each snapshot, for a
            live picture.
        progress: show a progress bar.
        earlier: a result, at another size, whose records and snapshots
            this one continues.

    Raises:
        FloatingPointError: the objective became infinite or not a
            number.
        ValueError: an argument is out of range.

    Source: Gatys et al. 2016. Lesson 04, section 6.
    """
    check_run(calls, optimizer, snapshots)
    # L-BFGS begins with a step of at most 1 in sum over all numbers.
    in_one = optimizer == "lbfgs"
    unit = FIRST_MOVE * start.numel() if in_one else 1.0
    canvas = Canvas(start, unit)
    solver = OPTIMIZERS[optimizer]([canvas.numbers], calls)
    result = earlier or StyleResult(start.cpu())
    result.lowest = math.inf  # another size, another objective
    first = len(result.records)
    shares = [(k + 1) / snapshots for k in range(snapshots)]
    moments = {first + round(calls * share) for share in shares}
    begin = time.perf_counter()

    def closure() -> Tensor:
        solver.zero_grad()
        picture = canvas.picture()
        terms = objective(picture)
        total = sum(terms.values())
        total.backward()
        result.add(terms, picture)
        bar.update()
        done = len(result.records)
        if done in moments:
            result.take_snapshot(on_snapshot)
        if done == first + calls or stopped.is_set():
            raise _Finished
        return total.detach()

    with (
        progress_bar(calls, shown=progress, unit="calls") as bar,
        stop_button() as stopped,
        suppress(_Finished),
        memory_advice("the size of the picture"),
    ):
        for _ in range(1 if in_one else calls):
            solver.step(closure)
    state = solver.state[canvas.numbers]
    done = len(result.records) - first
    result.iterations += state.get("n_iter", done)
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
    return Adam(numbers, lr=0.4, betas=(0.9, 0.99))  # chosen on a flower and other waves


OPTIMIZERS: dict[str, Callable[[list[Tensor], int], Optimizer]] = {"lbfgs": _lbfgs, "adam": _adam}


def check_run(calls: int, optimizer: str, snapshots: int) -> None:
    """Raise ValueError for arguments of `optimize_picture` that are out of range."""
    if optimizer not in OPTIMIZERS:
        raise ValueError(f"optimizer is {optimizer!r}; choose one of {', '.join(OPTIMIZERS)}")
    require_whole(optional=False, calls=calls)
    require_whole(optional=False, least=0, snapshots=snapshots)
