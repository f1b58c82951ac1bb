"""Kill trainings at random moments, let them go on, and compare their ends bit for bit.

    python -m workshop.stress.kill            three kills of every recipe
    python -m workshop.stress.kill 20 7       as many as you like, and a seed for the moments

Every recipe is also trained twice at once with one checkpoint, and once where no file may grow. It
is no part of the test line: it takes minutes.
"""

import random
import resource
import signal
import subprocess
import sys
import time
from functools import partial
from hashlib import sha256
from pathlib import Path
from tempfile import TemporaryDirectory

import torch

from gan_utils.data.batches import Batches
from gan_utils.data.digits import digit_images
from gan_utils.data.drawn_faces import draw_faces, draw_factors
from gan_utils.data.sine import sine_points
from gan_utils.gan import recipes
from gan_utils.gan.recipes import Recipe, vary
from gan_utils.gan.training import train_gan

LENGTHS = {"SINE": (1500, 50), "MNIST": (60, 3), "FACES": (60, 3)}  # steps, and between saves
READY = "ready"
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


def limit() -> None:
    """Let no file of this process grow beyond `LARGEST`: writing fails as on a full disk."""
    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (LARGEST, LARGEST))


def begin(name: str, path: Path, **how) -> subprocess.Popen:
    """Start a training in a process of its own, and wait until it is about to begin."""
    line = [sys.executable, "-m", "workshop.stress.kill", "train", name, str(path)]
    process = subprocess.Popen(
        line, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, **how
    )
    while (said := process.stdout.readline()) and said.strip() != READY:
        pass
    return process


def end(process: subprocess.Popen) -> tuple[str, str]:
    """Wait for a training, and return its digest ("" if it failed) and all that it said."""
    said, _ = process.communicate()
    return (said.split()[-1] if process.returncode == 0 else ""), said


def kill_and_go_on(name: str, path: Path, kills: int, seconds: float, moments: random.Random):
    """Kill a training again and again, then let it finish; return what `end` returns."""
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
    """Return which attacks on a training's checkpoint came to nothing."""
    process = begin(name, folder / "whole.pt")
    start = time.perf_counter()
    whole = process.stdout.readline().strip()  # it says nothing else
    seconds = time.perf_counter() - start
    process.communicate()
    killed, _ = kill_and_go_on(name, folder / "killed.pt", kills, seconds, moments)
    pair = [begin(name, folder / "shared.pt") for _ in range(2)]
    ends = sorted(end(process) for process in pair)
    refused = ends[0][0] == "" and any(str(process.pid) in ends[0][1] for process in pair)
    full, said = end(begin(name, folder / "full.pt", preexec_fn=limit))
    return {
        f"killed {kills} times": killed == whole != "",
        "two at once": (refused or ends[0][0] == whole) and ends[1][0] == whole,
        "disk full": full == whole and "full.pt" in said,
    }


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
    if sys.argv[1:2] == ["train"]:
        train(*sys.argv[2:])
    else:
        main(*map(int, sys.argv[1:]))
