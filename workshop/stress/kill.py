"""Kill training runs at random moments, let them go on, and compare their ends bit for bit.

    python -m workshop.stress.kill            three kills of every recipe
    python -m workshop.stress.kill 20 7       as many as you like, and a seed for the moments
    python -m workshop.stress.kill saves      thirty kills while a checkpoint is being written

Every recipe is also trained twice at once with one checkpoint, and once where no file may grow. It
is no part of the test line: it takes minutes.
"""

import random
import resource
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from hashlib import sha256
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import BinaryIO

import torch

from gan_utils.data.batches import Batches
from gan_utils.data.digits import digit_images
from gan_utils.data.drawn_faces import draw_faces, draw_factors
from gan_utils.data.sine import sine_points
from gan_utils.files import atomic_write
from gan_utils.gan import checkpoints, recipes
from gan_utils.gan.recipes import Recipe, vary
from gan_utils.gan.training import train_gan

LENGTHS = {"SINE": (1500, 50), "MNIST": (60, 3), "FACES": (60, 3)}  # steps, and between saves
READY, SAVING = "ready", "saving"
SIGNALS = (signal.SIGKILL, signal.SIGTERM, signal.SIGHUP)
PARTS, PART_SECONDS = 10, 0.01  # of a save that is made slow enough to be hit
LARGEST = 10_000  # bytes: less than any checkpoint


def narrow(recipe: Recipe) -> Recipe:
    """Make the networks of a recipe for faces narrow: the width changes nothing here."""
    players = dict(generator=recipe.generator, discriminator=recipe.discriminator)
    return vary(recipe, **{name: partial(make, width=4) for name, make in players.items()})


RECIPES = {
    name: narrow(recipe) if name.startswith("FACES") else recipe
    for name, recipe in vars(recipes).items()
    if isinstance(recipe, Recipe)
}


def train(name: str, path: str) -> None:
    """Train a recipe with a checkpoint, and print a digest of all that came of it."""
    torch.manual_seed(1)
    if name.startswith("SINE"):
        samples = sine_points(1024)
    elif name.startswith("MNIST"):
        samples = digit_images("digits")[0].images
    else:
        samples = draw_faces(draw_factors(200))
    recipe = RECIPES[name]
    players = recipe.generator(), recipe.discriminator()
    batches = Batches(samples, recipe.batch_size)
    print(READY, flush=True)
    steps, every = LENGTHS[name.split("_")[0]]
    how = dict(steps=steps, checkpoint=path, checkpoint_every=every, progress=False)
    history = train_gan(*players, batches, **how, **recipe.training)
    digest = sha256(history.records.numpy().tobytes())
    for network in (*players, history.generator):
        for values in network.state_dict().values():
            digest.update(values.numpy().tobytes())
    print(digest.hexdigest())


class Slow:
    """A file that is written part by part."""

    def __init__(self, file: BinaryIO) -> None:
        """Write to `file`."""
        self.file = file

    def write(self, content: memoryview) -> None:
        """Write `PARTS` parts, with a pause after each."""
        size = -(-len(content) // PARTS)
        for start in range(0, len(content), size):
            self.file.write(content[start : start + size])
            self.file.flush()
            time.sleep(PART_SECONDS)


@contextmanager
def slow_write(path: Path) -> Iterator[Slow]:
    """Say that a save begins, and let it take long."""
    print(SAVING, flush=True)
    with atomic_write(path) as file:
        yield Slow(file)


def limit() -> None:
    """Let no file of this process grow beyond `LARGEST`: writing fails as on a full disk."""
    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (LARGEST, LARGEST))


def begin(name: str, path: Path, task: str = "train", **how) -> subprocess.Popen:
    """Start a training run in a process of its own, and wait until it is about to begin."""
    line = [sys.executable, "-m", "workshop.stress.kill", task, name, str(path)]
    process = subprocess.Popen(
        line, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, **how
    )
    while (said := process.stdout.readline()) and said.strip() != READY:
        pass
    return process


def end(process: subprocess.Popen) -> tuple[str, str]:
    """Wait for a training run, and return its digest ("" if it failed) and all that it said."""
    said, _ = process.communicate()
    return (said.split()[-1] if process.returncode == 0 else ""), said


def kill_and_go_on(name: str, path: Path, kills: int, seconds: float, moments: random.Random):
    """Kill a training run again and again, then let it finish; return what `end` returns."""
    while kills:
        process = begin(name, path)
        time.sleep(moments.uniform(0, seconds))
        if process.poll() is None:
            process.kill()
            kills -= 1
        else:
            path.unlink()  # it was done before: once more from the beginning
        process.communicate()
    return end(begin(name, path))


def attack(name: str, folder: Path, kills: int, moments: random.Random) -> dict[str, bool]:
    """Return which attacks on a training run's checkpoint came to nothing."""
    process = begin(name, folder / "whole.pt")
    start = time.perf_counter()
    whole = process.stdout.readline().strip()  # it says nothing else
    seconds = time.perf_counter() - start
    process.communicate()
    killed, _ = kill_and_go_on(name, folder / "killed.pt", kills, seconds, moments)
    pair = [begin(name, folder / "shared.pt") for _ in range(2)]
    ends = sorted(end(process) for process in pair)
    refused = ends[0][0] == "" and "is being written by another process" in ends[0][1]
    full, said = end(begin(name, folder / "full.pt", preexec_fn=limit))
    return {
        f"killed {kills} times": killed == whole != "",
        "two at once": (refused or ends[0][0] == whole) and ends[1][0] == whole,
        "disk full": full == whole and "full.pt" in said,
    }


def kill_within_saves(name: str, path: Path, each: int, moments: random.Random) -> int:
    """Kill a training run in its saves, `each` times by every signal; return how many were hit."""
    hit = 0
    for number in [*SIGNALS] * each:
        process = begin(name, path, "slowly")
        saves = moments.randint(1, 3)
        while saves and (said := process.stdout.readline()):
            saves -= said.strip() == SAVING
        time.sleep(moments.uniform(0, PARTS * PART_SECONDS))
        process.send_signal(number)
        process.communicate()
        unfinished = [*path.parent.glob("*.part")]
        hit += process.returncode == -number and len(unfinished) > 0
    return hit


def saves(each: int = 10, seed: int = 0) -> None:
    """Kill a training run within its saves, and compare its end bit for bit; fail if it differs."""
    name = "SINE_HOUSE"
    with TemporaryDirectory() as folder:
        whole, _ = end(begin(name, Path(folder, "whole.pt")))
        path = Path(folder, "killed.pt")
        hit = kill_within_saves(name, path, each, random.Random(seed))
        found, said = end(begin(name, path))
        left = sorted(each.name for each in Path(folder).iterdir())
    print(f"{each * len(SIGNALS)} kills, {hit} with an unfinished file; {said.splitlines()[0]}")
    print(f"bit for bit: {found == whole != ''}; left: {', '.join(left)}")
    sys.exit(found != whole or left != ["killed.pt", "whole.pt"])


def main(kills: int = 3, seed: int = 0) -> None:
    """Print a line for each recipe; fail if one ended otherwise than undisturbed."""
    moments, wrong = random.Random(seed), 0
    for name in RECIPES:
        with TemporaryDirectory() as folder:
            found = attack(name, Path(folder), kills, moments)
        wrong += not all(found.values())
        verdicts = "  ".join(
            f"{what}: {'well' if good else 'WRONG'}" for what, good in found.items()
        )
        print(f"{name:18}{verdicts}", flush=True)
    sys.exit(wrong > 0)


if __name__ == "__main__":
    if sys.argv[1:2] == ["slowly"]:
        checkpoints.atomic_write = slow_write
    if sys.argv[1:2] in (["train"], ["slowly"]):
        train(*sys.argv[2:])
    elif sys.argv[1:2] == ["saves"]:
        saves(*map(int, sys.argv[2:]))
    else:
        main(*map(int, sys.argv[1:]))
