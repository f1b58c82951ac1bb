"""What a piece of code asks of a device, counted while it runs."""

from collections.abc import Callable
from typing import Any, NamedTuple

from torch import Tensor
from torch.multiprocessing.reductions import StorageWeakRef
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves
from torch.utils.flop_counter import FlopCounterMode


class Work(NamedTuple):
    """What a piece of code asks of a device.

    Attributes:
        flops: floating point operations of products and convolutions.
        bytes_moved: bytes read and written, if each operation finds its inputs in
            memory and leaves its results there. Caches spare some.
        kernel_calls: operations begun.
        peak_bytes: bytes of the most memory that its own tensors took at once.
    """

    flops: int
    bytes_moved: int
    kernel_calls: int
    peak_bytes: int


class _Watcher(TorchDispatchMode):
    """Sees each operation that computes, what it takes and what it gives."""

    def __init__(self) -> None:
        super().__init__()
        self.kernel_calls = self.bytes_moved = self.peak_bytes = 0
        self.alive: dict[StorageWeakRef, int] = {}

    def __torch_dispatch__(
        self, operation: Any, types: Any, args: Any = (), kwargs: Any = None
    ) -> Any:
        result = operation(*args, **(kwargs or {}))
        if operation.is_view:  # another look at the same numbers
            return result
        given, taken = (_memory(values) for values in (result, (args, kwargs)))
        self.kernel_calls += 1
        self.bytes_moved += sum(taken.values()) + sum(given.values())
        made = {storage: size for storage, size in given.items() if storage not in taken}
        self.alive = {s: n for s, n in (self.alive | made).items() if not s.expired()}
        self.peak_bytes = max(self.peak_bytes, sum(self.alive.values()))
        return result


def _memory(values: Any) -> dict[StorageWeakRef, int]:
    """Return the memory behind all tensors among some values, in bytes."""
    tensors = [value for value in tree_leaves(values) if isinstance(value, Tensor)]
    return {StorageWeakRef(t.untyped_storage()): t.untyped_storage().nbytes() for t in tensors}


def count_work(run: Callable[[], object]) -> Work:
    """Run something once and count what it asks of the device.

    Lesson 05, section 3.
    """
    seen, counter = _Watcher(), FlopCounterMode(display=False)
    with seen, counter:
        run()
    found = seen.bytes_moved, seen.kernel_calls, seen.peak_bytes
    return Work(counter.get_total_flops(), *found)
