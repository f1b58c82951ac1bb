"""Several forms of one computation, timed in turn, so that a busy moment meets all of them."""

import time
from collections.abc import Callable, Mapping

import torch
from torch import Tensor

from gan_utils.runtime import synchronize

ROUNDS = 9


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
        seconds: how long all calls may take together. Slow forms get
            fewer rounds; each form is called once in any case.
        rounds: how many at most, in each of which a form is called once
            or more.

    Returns:
        The seconds of a call of each form in each round [rounds]. The
        first call, which also sets things up, counts only where there
        is no time for another.

    Raises:
        ValueError: `seconds` is not above 0, or `rounds` below 1.

    Lesson 05, section 6.
    """
    if not seconds > 0 or rounds < 1:
        given = f"seconds is {seconds} and rounds {rounds}"
        raise ValueError(f"{given}; give above 0 and 1 or more")
    end = time.perf_counter() + seconds
    once = _each_once(forms, device)
    if time.perf_counter() < end:
        once = _each_once(forms, device)
    left = end - time.perf_counter()
    rounds = min(rounds, int(left / sum(once.values())))
    if rounds < 1:
        return {n: torch.tensor([taken]) for n, taken in once.items()}
    share = left / (rounds * len(forms))  # of a form in a round
    found: dict[str, list[float]] = {name: [] for name in forms}
    for done in range(rounds):
        if done and time.perf_counter() > end:  # slower than it was
            break
        for name, run in forms.items():
            count = max(1, int(share / once[name]))
            found[name].append(seconds_of(run, count, device))
    return {n: torch.tensor(times) for n, times in found.items()}


def median_seconds(run: Callable[[], object], device: torch.device, seconds: float) -> float:
    """Return the median seconds of a call, timed for about `seconds`; see `interleave`."""
    [times] = interleave({"run": run}, device, seconds=seconds).values()
    return times.median().item()


def _each_once(forms: Mapping[str, Callable[[], object]], device: torch.device) -> dict[str, float]:
    return {name: seconds_of(run, 1, device) for name, run in forms.items()}


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
