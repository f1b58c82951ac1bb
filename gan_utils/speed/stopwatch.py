"""How the time of a piece of code splits among its operations."""

import time
from collections import Counter
from collections.abc import Callable
from typing import Any

import torch
from torch.utils._python_dispatch import TorchDispatchMode

from gan_utils.runtime import synchronize


class Stopwatch(TorchDispatchMode):
    """Stands between each call and its kernel; sums up their seconds.

    Attributes:
        seconds: what the operations of each name took together.

    Lesson 05, section 4.
    """

    def __init__(self, device: torch.device) -> None:
        """Begin at zero; each operation waits for `device`."""
        super().__init__()
        self.device, self.seconds = device, Counter()

    def __torch_dispatch__(
        self,
        operation: Any,
        types: Any,
        args: Any = (),
        kwargs: Any = None,
    ) -> Any:
        """Run an operation and add its time."""
        start = time.perf_counter()
        result = operation(*args, **(kwargs or {}))
        synchronize(self.device)
        name = operation.overloadpacket.__name__
        name = name.replace("native_", "").strip("_")
        self.seconds[name] += time.perf_counter() - start
        return result


def time_split(
    run: Callable[[], object],
    device: torch.device,
    *,
    seconds: float = 1.0,
    largest: int = 4,
) -> dict[str, float]:
    """Return how the time of a function splits, in parts of 1.

    Args:
        run: what to time; it is called once before, to warm up.
        device: where it works; every operation is waited for.
        seconds: how long calls are timed, of which one is made in any
            case.
        largest: how many kinds of operations are named.

    Returns:
        The shares of the kinds that take most time, of all others, and
        of what passes between them: Python, the bookkeeping of
        gradients, the choice of kernels.

    Lesson 05, section 4.
    """
    run()
    synchronize(device)
    with Stopwatch(device) as watch:
        start, total = time.perf_counter(), 0.0
        while total < seconds:
            run()
            total = time.perf_counter() - start
    named = watch.seconds.most_common(largest)
    longest = {name: seconds / total for name, seconds in named}
    inside = sum(watch.seconds.values()) / total
    others = inside - sum(longest.values())
    return longest | {"all others": others, "between them": 1 - inside}
