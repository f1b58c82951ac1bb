"""Several processes that train one pair of players: each learns from a part of every batch."""

import io
import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from datetime import timedelta
from functools import partial
from pathlib import Path
from typing import Any

import torch
import torch.distributed as dist
from torch import Tensor, nn
from torch.optim import Optimizer

from gan_utils.data.batches import SharedBatches
from gan_utils.files import file_lock
from gan_utils.gan.checkpoints import SafeKeeper, Stateful
from gan_utils.gan.graph import GraphGame
from gan_utils.gan.history import History
from gan_utils.gan.recipes import Recipe
from gan_utils.gan.watching import Recorder
from gan_utils.progress import progress_bar, say, stop_button
from gan_utils.randomness import mixed_seed
from gan_utils.runtime import device_of_process, messenger, pick_device

LOOK = 20  # steps between two moments at which the processes look at each other
# How long a process waits for the others: while one of them may be loading data, and in a training.
# To end a process that does not react, torchrun takes half a minute more.
PREPARING, TRAINING = timedelta(minutes=30), timedelta(seconds=25)
SAMPLES = 64  # drawn whenever a training is saved


class TeamError(RuntimeError):
    """What all processes have been told: one of them is enough to say it."""


@dataclass(frozen=True)
class Team:
    """The processes of one training, seen from one of them.

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
        """
        if self.size == 1 or not tensors:
            return
        joined = torch.cat([tensor.flatten() for tensor in tensors])
        with self._hearing():
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
        with self._hearing():
            dist.all_gather_object(values, value, group)
        return values

    def share(self, parts: Sequence[Stateful]) -> None:
        """Give all processes the state that the parts have in the first one."""
        if self.size == 1:
            return
        content, given = io.BytesIO(), [None]
        if self.rank == 0:
            torch.save([part.state_dict() for part in parts], content)
            given = [content.getvalue()]
        with self._hearing():
            dist.broadcast_object_list(given)
        states = torch.load(io.BytesIO(given[0]), map_location="cpu", weights_only=True)
        for part, state in zip(parts, states, strict=True):
            part.load_state_dict(state)

    def together(self, action: Callable[[], Any]) -> Any:
        """Do something in each process, and return what came of it.

        Raises:
            TeamError: it went wrong in one of several processes.
        """
        if self.size == 1:
            return action()
        result, trouble = None, ""
        try:
            result = action()
        except Exception as error:  # whatever it is, the others wait for a word
            trouble = f"process {self.rank}: {error}"
        if troubles := [text for text in self.gather(trouble) if text]:
            raise TeamError(troubles[0])
        return result

    def look(self, networks: Sequence[nn.Module], stopped: bool) -> bool:
        """Make sure that all processes hold the same weights; say
        whether one of them was told to stop.

        Raises:
            TeamError: the weights differ.
        """
        weights = [w for network in networks for w in network.parameters()]
        sums = torch.stack([w.detach().sum() for w in weights])  # not every GPU has float64
        total = sums.cpu().double().sum().item()
        found = self.gather((total, stopped), self.group)
        if any(other != found[0][0] for other, _ in found):
            sums = ", ".join(f"{other:.9g}" for other, _ in found)
            raise TeamError(f"the processes hold different weights, with the sums {sums}")
        return any(asked for _, asked in found)

    @contextmanager
    def _hearing(self) -> Iterator[None]:
        try:
            yield
        except RuntimeError as error:
            raise ConnectionError(
                f"process {self.rank} of {self.size} does not hear the others any more: one of "
                "them has ended or hangs. Start the same command again; it goes on from its "
                "checkpoint"
            ) from error


@contextmanager
def joined_team(name: str | None = None) -> Iterator[Team]:
    """Join the processes that torchrun has started; without torchrun, be the only one.

    Args:
        name: of a device, see `runtime.pick_device`.

    Raises:
        RuntimeError: the device asked for is not here, or has no room for so many processes.
    """
    if not dist.is_torchelastic_launched():
        yield Team(0, 1, pick_device(name))
        return
    device = device_of_process(int(os.environ["LOCAL_RANK"]), name)
    dist.init_process_group(messenger(device), timeout=PREPARING)
    hurried = dist.new_group(timeout=TRAINING)
    yield Team(dist.get_rank(), dist.get_world_size(), device, hurried)
    dist.destroy_process_group()  # after an error torchrun ends all processes


class SharedGame(GraphGame):
    """A game that the processes of a team play together.

    Each learns from its part of every batch, with latent vectors of its
    own. Gradients are averaged before each update, so that all hold the
    same weights. Batch norm normalises each part by itself. One process
    alone has a GPU record the step.

    Args:
        team: see `joined_team`.
        recipe: networks, batch size of all processes together, settings
            of the training.
        samples: what is learned from, the same in all processes.
        steps: how many are planned.
        seed: of weights, batches and latent vectors.

    Raises:
        ValueError: `steps` is below 1; see also `Game`, `SharedBatches`.
    """

    def __init__(
        self, team: Team, recipe: Recipe, samples: Tensor, *, steps: int, seed: int
    ) -> None:
        """Build the players, with the same weights in all processes."""
        if steps < 1:
            raise ValueError(f"steps is {steps}; it must be at least 1")
        self.team, self.seed = team, seed
        samples = samples.to(team.device)
        self.batches = SharedBatches(samples, recipe.batch_size, seed, team.rank, team.size)
        torch.manual_seed(seed)
        players = recipe.generator().to(team.device), recipe.discriminator().to(team.device)
        super().__init__(*players, asked=False, steps=steps, **recipe.training)
        for optimizer in self.optimizers:
            optimizer.register_step_pre_hook(team.average_gradients)

    def play(self, step: int) -> Tensor:
        """Let each player learn once; return the statistics of this
        process's part.

        Args:
            step: counted from 0. Seed, step and rank alone decide on
                all random numbers in it.
        """
        torch.manual_seed(mixed_seed(self.seed, step, self.team.rank))
        return self.step(self.batches[step])

    def _obstacle(self, real: Tensor) -> str:
        return "in several processes" if self.team.size > 1 else super()._obstacle(real)


def train_together(
    game: SharedGame,
    *,
    checkpoint: Path | None = None,
    save_every: int = 1000,
    on_save: Callable[[History], None] | None = None,
) -> History:
    """Play a game to its last step in all processes of its team, and return what happened.

    A training goes on exactly where its checkpoint left it, and with another number of processes
    as well. The stop button ends it in all of them, at the latest `LOOK` steps later.

    Args:
        game: not yet played.
        checkpoint: a file that the first process writes every `save_every` steps, when stopped and
            at the end; if it is there, the training goes on from it.
        on_save: called in the first process after each time.

    Returns:
        The losses of the joined batches; its `fixed_latent` are `SAMPLES` latent vectors.

    Raises:
        ValueError: `save_every` is below 1, or the checkpoint does not fit.
        FloatingPointError: a loss or a weight became infinite or not a number.
        ConnectionError: another process is gone or silent.
        TeamError: the processes hold different weights; or one of these, where there are several.
    """
    if save_every < 1:
        raise ValueError(f"save_every is {save_every}; it must be at least 1")
    history = History(game.sampled, game.latent(SAMPLES))
    with ExitStack() as claims:
        path = checkpoint if game.team.rank == 0 else None
        keeper = game.team.together(partial(_keeper, game, history, path, claims))
        game.team.share(keeper.parts)
        _loop(game, history, keeper, save_every, on_save)
    history.generator.eval()
    return history


def _keeper(game: SharedGame, history: History, path: Path | None, claims: ExitStack) -> SafeKeeper:
    """Claim the checkpoint, and go on from it if it is there."""
    data, total = game.batches, game.settings["steps"]
    told_by = dict(batch_size=data.batch_size, samples=len(data.samples), seed=game.seed)
    keeper = SafeKeeper(
        [game, history], game.networks(), game.settings | told_by, path, game.team.device
    )
    claims.enter_context(file_lock(keeper.path))
    if keeper.resume():
        say(f"{path.name}: going on from step {len(history.records):,} of {total:,}.")
    return keeper


def _loop(
    game: SharedGame,
    history: History,
    keeper: SafeKeeper,
    save_every: int,
    on_save: Callable[[History], None] | None,
) -> None:
    team, done, total = game.team, len(history.records), game.settings["steps"]
    recorder, first = Recorder(history), team.rank == 0
    for player in game.players:
        player.train()
    with progress_bar(total, done=done, shown=first) as bar, stop_button() as stopped:
        for step in range(done + 1, total + 1):
            recorder.add(game.play(step - 1))
            bar.update()
            saving = step == total or step % save_every == 0
            if not saving and step % LOOK:
                continue
            team.average(recorder.recent)
            recorder.flush()
            keeper.check(history.records)
            stopping = team.look(game.players, stopped.is_set())
            if first and (saving or stopping):
                keeper.save()
                if on_save is not None:
                    on_save(history)
                recorder.restart_clock()
            if stopping:
                break
