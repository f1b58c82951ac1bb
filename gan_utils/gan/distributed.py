"""Distributed training: several processes train one GAN, each with a part of every batch."""

import io
import math
import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from datetime import timedelta
from functools import partial
from itertools import count
from pathlib import Path
from threading import Event
from typing import Any

import torch
import torch.distributed as dist
from torch import Tensor, nn
from torch.optim import Optimizer

from gan_utils.data.batches import DistributedBatches, data_identity
from gan_utils.files import file_lock
from gan_utils.gan.callbacks import MetricsRecorder, SnapshotTaker
from gan_utils.gan.checkpoints import Checkpointer, Stateful
from gan_utils.gan.cuda_graph import CUDAGraphTrainState
from gan_utils.gan.history import History
from gan_utils.gan.recipes import Recipe
from gan_utils.gan.training import resume, training_loop
from gan_utils.randomness import mixed_seed
from gan_utils.runtime import device_of_process, distributed_backend, pick_device

LOOK = 20  # steps between two moments at which the processes look at each other
# How long a process waits for the others: while one may be loading data, and in a training run.
# To end a process that does not react, torchrun takes half a minute more.
PREPARING, TRAINING = timedelta(minutes=30), timedelta(seconds=25)
SAMPLES = 64  # drawn whenever a training run is saved


class DistributedError(RuntimeError):
    """What all processes have been told: one of them is enough to say it."""


@dataclass(frozen=True)
class World:
    """The processes of one training run, seen from one of them.

    Attributes:
        rank: the number of this process, from 0.
        size: how many there are.
        device: where this one computes.
        group: those who exchange gradients, and lose patience sooner
            than those who prepare; None alone.
    """

    rank: int
    size: int
    device: torch.device
    group: dist.ProcessGroup | None = None

    def average(self, tensors: Sequence[Tensor]) -> None:
        """Replace tensors by their means over all processes, which
        takes one message, whatever their number.

        Raises:
            ConnectionError: another process is gone or silent.

        Lesson 05, section 14.
        """
        if self.size == 1 or not tensors:
            return
        joined = torch.cat([tensor.flatten() for tensor in tensors])
        with self._connected():
            dist.all_reduce(joined, group=self.group)  # their sum
        means = (joined / self.size).split([t.numel() for t in tensors])
        for tensor, mean in zip(tensors, means, strict=True):
            tensor.copy_(mean.view_as(tensor))

    def average_gradients(self, optimizer: Optimizer, *_: Any) -> None:
        """Average the gradients that an optimiser is about to use."""
        groups = optimizer.param_groups
        weights = [w for group in groups for w in group["params"]]
        self.average([w.grad for w in weights if w.grad is not None])

    def gather(self, value: Any, group: dist.ProcessGroup | None = None) -> list[Any]:
        """Return what each process gives, in the order of their ranks."""
        if self.size == 1:
            return [value]
        values = [None] * self.size
        with self._connected():
            dist.all_gather_object(values, value, group)
        return values

    def broadcast(self, parts: Sequence[Stateful]) -> None:
        """Give all processes the state that the parts have in the first one."""
        if self.size == 1:
            return
        content, given = io.BytesIO(), [None]
        if self.rank == 0:
            torch.save([part.state_dict() for part in parts], content)
            given = [content.getvalue()]
        with self._connected():
            dist.broadcast_object_list(given)
        states = torch.load(io.BytesIO(given[0]), map_location="cpu", weights_only=True)
        for part, state in zip(parts, states, strict=True):
            part.load_state_dict(state)

    def run_all(self, action: Callable[[], Any]) -> Any:
        """Do something in each process, and return what came of it.

        Raises:
            DistributedError: it went wrong in one of several processes.
        """
        if self.size == 1:
            return action()
        result, trouble = None, ""
        try:
            result = action()
        except Exception as error:  # whatever it is, the others wait for a word
            trouble = f"process {self.rank}: {error}"
        if troubles := [text for text in self.gather(trouble) if text]:
            raise DistributedError(troubles[0])
        return result

    def any(self, flag: bool) -> bool:
        """Say whether a flag is set in one of the processes."""
        return any(self.gather(flag, self.group))

    def check_sync(self, networks: Sequence[nn.Module]) -> None:
        """Make sure that all processes hold the same weights.

        Raises:
            DistributedError: the weights differ.
        """
        weights = [w for network in networks for w in network.parameters()]
        sums = torch.stack([w.detach().sum() for w in weights])  # not every GPU has float64
        found = self.gather(sums.cpu().double().sum().item(), self.group)
        # Of weights that are no numbers any more the training says so itself.
        if len(set(found)) > 1 and all(map(math.isfinite, found)):
            sums = ", ".join(f"{total:.9g}" for total in found)
            raise DistributedError(f"the processes hold different weights, with the sums {sums}")

    @contextmanager
    def _connected(self) -> Iterator[None]:
        try:
            yield
        except RuntimeError as error:
            raise ConnectionError(
                f"process {self.rank} of {self.size} does not hear the others any more: one of "
                "them has ended or hangs. Start the same command again; it goes on from its "
                "checkpoint"
            ) from error


@contextmanager
def init_world(name: str | None = None) -> Iterator[World]:
    """Join the processes that torchrun has started; without torchrun, be the only one.

    Args:
        name: of a device, see `runtime.pick_device`.

    Raises:
        RuntimeError: the device asked for is not here, or has no room for so many processes.
    """
    if not dist.is_torchelastic_launched():
        yield World(0, 1, pick_device(name))
        return
    device = device_of_process(int(os.environ["LOCAL_RANK"]), name)
    dist.init_process_group(distributed_backend(device), timeout=PREPARING)
    hurried = dist.new_group(timeout=TRAINING)
    yield World(dist.get_rank(), dist.get_world_size(), device, hurried)
    dist.destroy_process_group()  # after an error torchrun ends all processes


class DistributedTrainState(CUDAGraphTrainState):
    """A `TrainState` that several processes hold in common.

    Each learns from its part of every batch, with latent vectors of its
    own. Gradients are averaged before each update, so that all hold the
    same weights. Batch norm normalises each part by itself. One process
    alone has a GPU record the step.

    Args:
        world: see `init_world`.
        recipe: networks, batch size of all processes together, settings
            of the training.
        samples: what is learned from, the same in all processes.
        steps: how many are planned.
        seed: of weights, batches and latent vectors.

    Raises:
        ValueError: `steps` is below 1; see also `TrainState`,
            `DistributedBatches`.
    """

    def __init__(
        self, world: World, recipe: Recipe, samples: Tensor, *, steps: int, seed: int
    ) -> None:
        """Build the networks, with the same weights in all processes."""
        if steps < 1:
            raise ValueError(f"steps is {steps}; it must be at least 1")
        self.world, self.seed = world, seed
        samples = samples.to(world.device)
        self.batches = DistributedBatches(samples, recipe.batch_size, seed, world.rank, world.size)
        torch.manual_seed(seed)
        networks = recipe.generator().to(world.device), recipe.discriminator().to(world.device)
        super().__init__(*networks, asked=False, steps=steps, **recipe.training)
        for optimizer in self.optimizers:
            optimizer.register_step_pre_hook(world.average_gradients)

    def part(self, step: int) -> Tensor:
        """Return this process's part of the batch of a step, from 0, for
        `step`. Seed, step and rank alone decide on all random numbers
        in it: the random generator is set for the step.
        Lesson 05, section 14.
        """
        torch.manual_seed(mixed_seed(self.seed, step, self.world.rank))
        return self.batches[step]

    def _obstacle(self, real: Tensor) -> str:
        return "in several processes" if self.world.size > 1 else super()._obstacle(real)


class DistributedRecorder(MetricsRecorder):
    """Brings together what the processes have recorded, and sees that they stay together."""

    def __init__(self, history: History, train_state: DistributedTrainState) -> None:
        """Start the clock of the training's seconds."""
        super().__init__(history)
        self.world, self.networks = train_state.world, train_state.networks

    def is_due(self, step: int) -> bool:
        """Say whether the processes look at each other after this step."""
        return step % LOOK == 0

    def ends(self, step: int, stopped: Event) -> bool:
        """Say whether one of the processes was told to stop, at the steps where they look."""
        return self.is_due(step) and self.world.any(stopped.is_set())

    def flush(self) -> None:
        """Bring the means over all processes to the history, and compare their weights."""
        self.world.average(self.recent)
        super().flush()
        self.world.check_sync(self.networks)


def train_distributed(
    train_state: DistributedTrainState,
    *,
    checkpoint: Path | None = None,
    save_every: int = 1000,
    on_save: Callable[[History], None] | None = None,
) -> History:
    """Train to the last step in all processes, and return what happened.

    A training run goes on exactly where its checkpoint left it, with another number of processes
    as well. The stop button ends it in all of them, at the latest `LOOK` steps later.

    Args:
        train_state: not yet trained.
        checkpoint: a file that the first process writes every `save_every` steps, when stopped and
            at the end; if it is there, the training goes on from it.
        on_save: called in the first process after each time.

    Returns:
        The losses of the joined batches; its `fixed_latent` are `SAMPLES` latent vectors.

    Raises:
        ValueError: `save_every` is below 1, or the checkpoint does not fit.
        FloatingPointError: a loss or a weight became infinite or not a number.
        ConnectionError: another process is gone or silent.
        DistributedError: the processes hold different weights; or one of these, where there are
            several.
    """
    if save_every < 1:
        raise ValueError(f"save_every is {save_every}; it must be at least 1")
    world, total = train_state.world, train_state.settings["steps"]
    history = History(train_state.ema_generator, train_state.latent(SAMPLES))
    saved = None if on_save is None else partial(on_save, history)
    with ExitStack() as locks:
        path = checkpoint if world.rank == 0 else None
        opened = partial(_open_checkpoint, train_state, history, path, saved, locks)
        checkpointer = world.run_all(opened)
        world.broadcast(checkpointer.parts)
        training_loop(
            train_state,
            map(train_state.part, count(len(history.records))),
            DistributedRecorder(history, train_state),
            SnapshotTaker(history, train_state.networks[1], set(), None),
            checkpointer,
            total=total,
            checkpoint_every=save_every,
            progress=world.rank == 0,
        )
    history.generator.eval()
    return history


def _open_checkpoint(
    train_state: DistributedTrainState,
    history: History,
    path: Path | None,
    on_save: Callable[[], None] | None,
    locks: ExitStack,
) -> Checkpointer:
    """Lock the checkpoint, and go on from it if it is there."""
    # Only who keeps a checkpoint has to know its data: to hash them takes time.
    data = {} if path is None else data_identity(train_state.batches)
    checkpointer = Checkpointer(
        [train_state, history],
        train_state.all_networks(),
        train_state.identity() | data | dict(seed=train_state.seed),
        path,
        train_state.world.device,
        on_save,
    )
    locks.enter_context(file_lock(checkpointer.path))
    resume(checkpointer, train_state, history, train_state.settings["steps"])
    return checkpointer
