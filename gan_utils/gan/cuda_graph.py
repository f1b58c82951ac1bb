"""The training step recorded once as a CUDA graph, so that Python is not asked for it again."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor, nn
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

from gan_utils.gan.models import has_hooks
from gan_utils.gan.step import TrainState
from gan_utils.progress import print_wrapped
from gan_utils.runtime import (
    generator_state,
    record_graph,
    records_graphs,
    restore_generator_state,
)

REHEARSALS = 3  # steps before the recording, taken back


class NotRecordable(RuntimeError):
    """A step reads numbers from the device, or takes some from another one."""


class CUDAGraphTrainState(TrainState):
    """A `TrainState` whose step a GPU records once as a CUDA graph, and from then on replays.

    A small network's operations take less time on a GPU than Python takes to ask for them. A CUDA
    graph holds all operations of a step, with the places of their numbers in memory. Both halves
    of the step, penalties, the drawing of latent vectors and the running mean of the weights are
    in it; learning rates lie in memory, where a schedule changes them from outside.

    Where that cannot be, a step is made as in `TrainState`: on devices without CUDA, and for
    batches of another shape than the first. What a network of your own does in Python (a counter, a
    branch, a random number of the CPU) would stay in the graph as it was at the recording, so such
    networks are recorded only where that was asked for.

    Attributes:
        asked: whether recording was asked for.
        recorded: whether there is a graph.
        shape: of the batches that go through it, once there was one.
    """

    def __init__(self, *networks: Any, asked: bool = True, **settings: Any) -> None:
        """Prepare the training; nothing is recorded before the first step.

        Args:
            networks: generator and discriminator.
            asked: say in a line which steps are not recorded, and why. Otherwise record what
                certainly can be, and say nothing.
            settings: see `TrainState`.
        """
        super().__init__(*networks, **settings)
        self.asked, self.recorded = asked, False
        self.shape: tuple[int, ...] | None = None
        self._trusted = asked or all(map(_is_known, self.networks))
        self._said: set[str] = set()

    def step(self, real: Tensor) -> Tensor:
        """Train both networks once, see `TrainState.step`.

        Raises:
            ValueError: see `TrainState.step`.
            RuntimeError: PyTorch cannot record this step, because a network reads numbers from
                the GPU, say; the weights are as they were.
        """
        self.check_samples(real)
        obstacle = self._obstacle(real)
        if not obstacle and not self.recorded:
            obstacle = self._record(real)
        if obstacle:
            if self.asked and obstacle not in self._said:
                print_wrapped(f"No CUDA graph {obstacle}: Python asks for each operation.")
                self._said.add(obstacle)
            return super().step(real)
        self._real.copy_(real)
        for rate, group in zip(self._rates, self._groups(), strict=True):
            rate.fill_(group["lr"])
        self._replay()
        for schedule in self.schedules:
            schedule.step()
        for average in self.averages:
            if average.n_averaged == 0:  # it begins as a copy; this replaces what the graph did
                average.update_parameters(self.networks[0])
            else:
                average.n_averaged += 1
        return self._metrics.clone()  # the next step writes over them

    def state_dict(self) -> dict[str, Any]:
        """Return everything that steps change, and for which batches there is a graph."""
        return super().state_dict() | dict(shape=self.shape)

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Take over what `state_dict` returned; the graph, which knows other memory, is dropped."""
        self.recorded, self.shape = False, state.get("shape")
        super().load_state_dict(state)

    def _groups(self) -> list[dict[str, Any]]:
        return [optimizer.param_groups[0] for optimizer in self.optimizers]

    def _obstacle(self, real: Tensor) -> str:
        if not records_graphs(self.device):
            return f"on the {self.device.type}"
        if not self._trusted:
            return "of networks that are not known"
        if self.shape not in (None, tuple(real.shape)):
            return f"for a batch of the shape {list(real.shape)}"
        return ""

    def _record(self, real: Tensor) -> str:
        """Record a step; return what stands in the way, where nobody asked for a recording."""
        self._real = real.clone()
        self._rates = [
            torch.tensor(g["lr"], dtype=torch.float32, device=self.device) for g in self._groups()
        ]
        try:
            recorded = record_graph(self._captured, self.device, self._rehearse)
        except torch.OutOfMemoryError:
            raise
        except RuntimeError as error:
            if isinstance(error, NotRecordable) and not self.asked:
                self._trusted = False
                return "of networks that read numbers"
            raise RuntimeError(
                "the step of these networks cannot be recorded as a CUDA graph: they read numbers "
                "from the GPU, or a variable still holds what they returned, with its gradients. "
                "Restart the kernel, and mend that or train them with graph=False"
            ) from error
        self._replay, self._metrics = recorded
        self.recorded, self.shape = True, tuple(real.shape)
        return ""

    def _captured(self) -> Tensor:
        with self._rates_in_memory(capturable=True):
            return self._whole_step()

    def _whole_step(self) -> Tensor:
        metrics = self.learn(self._real)
        generator = self.networks[0]
        for average in self.averages:
            pairs = zip(_memory(average.module), _memory(generator), strict=True)
            for averaged, trained in pairs:
                average.multi_avg_fn([averaged], [trained], None)
        return metrics

    def _rehearse(self) -> None:
        """Make some steps and take them back: weights, the memory of Adam, random numbers."""
        states = generator_state(self.device)
        before = [(tensor, tensor.clone()) for tensor in self._changing()]
        try:
            with self._rates_in_memory(capturable=False), _Sealed():
                for _ in range(REHEARSALS):
                    self._whole_step()
        finally:
            for tensor, value in before:
                tensor.copy_(value)
            known = {tensor.data_ptr() for tensor, _ in before}
            for tensor in self._changing():
                if tensor.data_ptr() not in known:
                    tensor.zero_()  # as Adam begins, which had no memory of this weight before
            restore_generator_state(states, self.device)

    def _changing(self) -> list[Tensor]:
        """Return all tensors that a step writes to."""
        found = [tensor for network in self.all_networks() for tensor in _memory(network)]
        for optimizer in self.optimizers:
            found += [tensor for values in optimizer.state.values() for tensor in values.values()]
        return found

    @contextmanager
    def _rates_in_memory(self, *, capturable: bool) -> Iterator[None]:
        """Have Adam look its rate up on the device: a graph would keep a number as it is now."""
        groups = self._groups()
        kept = [group["lr"] for group in groups]
        for group, rate in zip(groups, self._rates, strict=True):
            group.update(lr=rate, capturable=capturable)
        try:
            yield
        finally:
            for group, rate in zip(groups, kept, strict=True):
                group.update(lr=rate, capturable=False)


def make_train_state(*networks: nn.Module, graph: bool | None, **settings: Any) -> TrainState:
    """Return a state whose step is recorded (True), not (False), or where it surely can be."""
    if graph is False:
        return TrainState(*networks, **settings)
    return CUDAGraphTrainState(*networks, asked=graph is True, **settings)


class _Sealed(TorchDispatchMode):
    """Refuses what cannot be recorded, before anything is: a recording that fails does harm."""

    def __torch_dispatch__(
        self, operation: Any, types: Any, args: Any = (), kwargs: Any = None
    ) -> Any:
        if operation is torch.ops.aten._local_scalar_dense.default:
            raise NotRecordable("a number is read")
        result = operation(*args, **(kwargs or {}))
        tensors = [t for t in tree_leaves((args, kwargs, result)) if isinstance(t, Tensor)]
        if len({tensor.device for tensor in tensors if tensor.ndim}) > 1:
            raise NotRecordable(f"{operation} takes numbers from one device to another")
        return result


def _is_known(network: nn.Module) -> bool:
    """Say whether all modules are PyTorch's or ours, with no hooks: nothing of them is Python's."""
    origins = {type(module).__module__.split(".")[0] for module in network.modules()}
    return origins <= {"torch", "gan_utils"} and not has_hooks(network)


def _memory(network: torch.nn.Module) -> list[Tensor]:
    return [tensor.detach() for tensor in (*network.parameters(), *network.buffers())]
