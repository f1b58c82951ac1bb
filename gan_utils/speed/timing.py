"""Several forms of one computation, timed in turn, so that a busy moment meets all of them."""

import time
from collections.abc import Callable, Mapping

import torch
from torch import Tensor

from gan_utils.runtime import synchronize

ROUNDS, FEWEST = 9, 3
WARM_UP = 2  # calls of each form before any is timed


def interleave(
    forms: Mapping[str, Callable[[], object]],
    device: torch.device,
    *,
    seconds: float,
    rounds: int = ROUNDS,
) -> dict[str, Tensor]:
    """Time several forms of a computation in turn, round after round.

    Args:
        forms: functions to call, by name.
        device: where they work; its queue is waited for.
        seconds: about how long all rounds take together. In each, a
            form is called once at least.
        rounds: how many; slow forms get fewer, 3 at least.

    Returns:
        The seconds of a call of each form in each round [rounds].

    Raises:
        ValueError: `seconds` is not above 0, or `rounds` below 3.
    """
    if not seconds > 0 or rounds < FEWEST:
        given = f"seconds is {seconds} and rounds {rounds}"
        raise ValueError(f"{given}; give above 0 and {FEWEST} or more")
    for run in forms.values():
        seconds_of(run, WARM_UP, device)
    once = {n: seconds_of(run, 1, device) for n, run in forms.items()}
    rounds = min(rounds, max(FEWEST, int(seconds / sum(once.values()))))
    share = seconds / (rounds * len(forms))  # of a form in a round
    found: dict[str, list[float]] = {name: [] for name in forms}
    for _ in range(rounds):
        for name, run in forms.items():
            count = max(1, round(share / once[name]))
            found[name].append(seconds_of(run, count, device))
    return {n: torch.tensor(times) for n, times in found.items()}


def seconds_of(run: Callable[[], object], count: int, device: torch.device) -> float:
    """Return the seconds of one of `count` calls, the device waited for before and after."""
    synchronize(device)
    start = time.perf_counter()
    for _ in range(count):
        run()
    synchronize(device)
    return (time.perf_counter() - start) / count


def quartiles(times: Tensor) -> tuple[float, float, float]:
    """Return the lower quartile, the median and the upper quartile of some times."""
    low, middle, high = times.quantile(times.new_tensor([0.25, 0.5, 0.75])).tolist()
    return low, middle, high
