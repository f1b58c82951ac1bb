"""A training run from the command line: what it trains, and what it says and draws."""

import argparse
import io
import os
import signal
import sys
from collections.abc import Callable, Mapping
from contextlib import redirect_stdout
from functools import partial
from pathlib import Path

from torch import Tensor
from torch.distributed import is_torchelastic_launched

from gan_utils.data.digits import digit_images
from gan_utils.data.faces import face_images
from gan_utils.data.sine import sine_points
from gan_utils.gan import recipes
from gan_utils.gan.distributed import (
    DistributedError,
    DistributedTrainState,
    World,
    init_world,
    train_distributed,
)
from gan_utils.gan.history import History
from gan_utils.gan.models import evaluate
from gan_utils.gan.recipes import vary
from gan_utils.progress import print_wrapped
from gan_utils.randomness import seeded
from gan_utils.runtime import describe_device
from gan_utils.show.plotting import write_samples

POINTS = 1024  # drawn on the curve
RANK = int(os.environ.get("RANK", 0)) if is_torchelastic_launched() else 0


def train(arguments: argparse.Namespace, known: Mapping[str, str]) -> None:
    """Train one of the recipes `known` by a name; go on from the checkpoint if it is there, and
    draw samples whenever it is written.

    Raises:
        SystemExit: something is wrong; one process says what.
    """
    if is_torchelastic_launched():
        signal.signal(signal.SIGTERM, _told_to_end)
    try:
        with init_world(arguments.device) as world:
            path = arguments.checkpoint or Path("runs") / f"{arguments.recipe}.pt"
            train_state = world.run_all(partial(_prepare, arguments, known, world))
            _compare_samples(train_state)
            history = train_distributed(
                train_state,
                checkpoint=path,
                save_every=arguments.save_every,
                on_save=_painter(path),
            )
            if world.rank == 0:
                _report(train_state, history, path)
    except (DistributedError, FloatingPointError) as error:  # all know of it
        raise SystemExit(_said(error, RANK == 0)) from error
    except ConnectionError as error:  # the first two are never gone both
        raise SystemExit(_said(error, RANK <= 1)) from error
    except (ValueError, OSError, RuntimeError) as error:
        raise SystemExit(_said(error, True)) from error


def _said(error: Exception | str, aloud: bool) -> str | int:
    signal.signal(signal.SIGTERM, signal.SIG_DFL)  # one sentence is enough
    return f"\ntrain: {error}" if aloud else 1  # a bar may have been cut off in its line


def _told_to_end(*_: object) -> None:
    text = (
        f"process {RANK} was told to end, as happens when another one has ended. Start the same "
        "command again; it goes on from its checkpoint"
    )
    raise SystemExit(_said(text, RANK <= 1))


def _prepare(
    arguments: argparse.Namespace, known: Mapping[str, str], world: World
) -> DistributedTrainState:
    if not 0 <= arguments.seed < 2**63:
        raise ValueError(f"--seed is {arguments.seed}; it must be at least 0 and below 2^63")
    if arguments.recipe not in known:
        names = ", ".join(known)
        raise ValueError(f"no recipe is called {arguments.recipe!r}; choose one of {names}")
    recipe = getattr(recipes, known[arguments.recipe])
    if arguments.batch_size is not None:
        recipe = vary(recipe, batch_size=arguments.batch_size)
    with redirect_stdout(sys.stdout if world.rank == 0 else io.StringIO()):
        samples = _samples(arguments)
    return DistributedTrainState(world, recipe, samples, steps=arguments.steps, seed=arguments.seed)


def _compare_samples(train_state: DistributedTrainState) -> None:
    """Make sure that all processes have found the same data."""
    samples = train_state.batches.samples
    # The sum of bytes is exact; of floats it is what the device adds, the same in all processes.
    found = train_state.world.gather((len(samples), samples.sum().cpu().item()))
    if len(set(found)) > 1:
        counts = ", ".join(f"{count:,}" for count, _ in found)
        raise DistributedError(
            f"the processes found other data, of {counts} samples; give --source"
        )


def _samples(arguments: argparse.Namespace) -> Tensor:
    kind, folder = arguments.recipe.split("-")[0], arguments.data
    if folder is not None:
        if not folder.is_dir():
            raise NotADirectoryError(f"--data is {str(folder)!r}, which is no folder here")
        os.environ["GAN_UTILS_DATA"] = str(folder)
    with seeded(arguments.seed):  # the same samples in all processes
        if kind == "sine":
            return sine_points(POINTS)
        loaded = digit_images if kind == "digits" else face_images
        return loaded(arguments.source)[0].images


def _painter(path: Path) -> Callable[[History], None]:
    """Return what draws samples beside the checkpoint: `<name>-<step>.png`."""

    def paint(history: History) -> None:
        device = next(history.generator.parameters()).device
        samples = evaluate(history.generator, history.fixed_latent.to(device)).cpu()
        picture = path.expanduser().with_name(f"{path.stem}-{len(history.records):06}.png")
        try:
            write_samples(samples, picture)
        except OSError as error:  # a full disk ends no training
            print_wrapped(f"{picture.name} could not be written: {error.strerror}.")

    return paint


def _report(train_state: DistributedTrainState, history: History, path: Path) -> None:
    done, total, size = len(history.records), train_state.settings["steps"], train_state.world.size
    if done < total:
        print(f"Stopped after step {done:,} of {total:,}; the same command goes on.")
    speed = done * train_state.batches.batch_size / history.seconds
    processes = "1 process" if size == 1 else f"{size} processes"
    print(f"{processes}, {describe_device(train_state.world.device)}")
    print(f"{done:,} steps in {history.seconds:.1f} s, {speed:,.0f} samples a second")
    print(f"kept in {path.expanduser().resolve()}, samples beside it")
