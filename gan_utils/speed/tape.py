"""A graph of operations by hand: recorded once, then done again without the program."""

from typing import Any

import torch
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves


class Tape(TorchDispatchMode):
    """Records operations with the tensors that they took and gave.

    What `replay` does is what a GPU does with a CUDA graph: the same
    operations on the same places in memory, in the same order. All else
    is as it was at the recording: numbers given as arguments, branches
    taken. A CUDA graph records without doing; a tape does both.

    Attributes:
        entries: operation, arguments, named arguments and result.

    Lesson 05, section 13.
    """

    def __init__(self) -> None:
        """Begin an empty tape."""
        super().__init__()
        self.entries: list[tuple[Any, Any, Any, Any]] = []

    def __torch_dispatch__(
        self,
        operation: Any,
        types: Any,
        args: Any = (),
        kwargs: Any = None,
    ) -> Any:
        """Do an operation and write it down.

        Raises:
            RuntimeError: a number would be read; a GPU does not know
                its numbers while it records.
        """
        if operation is torch.ops.aten._local_scalar_dense.default:
            raise RuntimeError("a number is read during the recording")
        result = operation(*args, **(kwargs or {}))
        self.entries.append((operation, args, kwargs or {}, result))
        return result

    @torch.no_grad()
    def replay(self) -> None:
        """Do it all again; every tensor on the tape gets new values."""
        for operation, args, kwargs, result in self.entries:
            again = operation(*args, **kwargs)
            pairs = map(tree_leaves, (result, again))
            for old, new in zip(*pairs, strict=True):
                if not isinstance(old, Tensor):
                    continue
                if old.data_ptr() != new.data_ptr():
                    old.copy_(new)
