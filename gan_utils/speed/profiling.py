"""How the time of a piece of code splits among its operations, by PyTorch's profiler."""

import os
import time
from collections.abc import Callable

import torch
from torch.profiler import ProfilerActivity, profile, record_function

from gan_utils.runtime import synchronize

STEP = "one call"  # the name of what is profiled, in a trace
CALLS = 20  # at most: a trace keeps every operation of each
# Where there is no GPU, the profiler's own library logs that as an error, whatever was asked of it.
os.environ.setdefault("KINETO_LOG_LEVEL", "6")


def profiled(
    run: Callable[[], object],
    device: torch.device,
    *,
    seconds: float = 0.0,
) -> tuple[profile, float]:
    """Let PyTorch's profiler watch a function, after a first call
    without it.

    Args:
        run: what to watch.
        device: where it works; its queue is waited for.
        seconds: how long it is called again; at least once, and at
            most 20 times.

    Returns:
        The profiler, with its `events()` and `key_averages()`, and the
        seconds of all calls together.

    Lesson 05, section 5.
    """
    run()
    synchronize(device)
    watched = {ProfilerActivity.CPU}
    if device.type == "cuda":
        watched.add(ProfilerActivity.CUDA)
    total, calls = 0.0, 0
    with profile(activities=watched) as trace:
        start = time.perf_counter()
        while calls == 0 or (total < seconds and calls < CALLS):
            with record_function(STEP):
                run()
                synchronize(device)
            total, calls = time.perf_counter() - start, calls + 1
    return trace, total


def time_split(
    run: Callable[[], object],
    device: torch.device,
    *,
    seconds: float = 1.0,
    largest: int = 4,
) -> dict[str, float]:
    """Return how the time of a function splits, in parts of 1.

    Args:
        run, device, seconds: see `profiled`.
        largest: how many kinds of operations are named.

    Returns:
        The shares of the kinds that take most time, of all others, and
        of what passes between them: Python, the bookkeeping of
        gradients, the choice of kernels. On a CUDA GPU the time is that
        of its kernels, and between them it waits.

    Lesson 05, section 5.
    """
    trace, total = profiled(run, device, seconds=seconds)
    place = "device" if device.type == "cuda" else "cpu"
    own = {}
    for entry in trace.key_averages():
        if entry.key.startswith("aten::"):
            name = entry.key.removeprefix("aten::")
            name = name.removeprefix("native_").strip("_")
            spent = getattr(entry, f"self_{place}_time_total") / 1e6
            own[name] = own.get(name, 0.0) + spent / total
    names = sorted(own, key=own.__getitem__, reverse=True)[:largest]
    longest = {name: own[name] for name in names}
    inside = sum(own.values())
    others = inside - sum(longest.values())
    return longest | {"all others": others, "between them": 1 - inside}
