"""Kill one of two processes of a training run, or all, at random moments, and compare its end.

    python -m workshop.stress.kill_team           twenty kills
    python -m workshop.stress.kill_team 40 7      as many as you like, and a seed for the moments

It is no part of the test line: it takes minutes.
"""

import random
import subprocess
import sys
import time
from hashlib import sha256
from pathlib import Path
from tempfile import TemporaryDirectory

import psutil
import torch
from torch.utils._pytree import tree_leaves

STEPS, SAVE_EVERY, SIZE = 3000, 25, 2


def begin(path: Path) -> subprocess.Popen:
    """Start a training run, or go on with it."""
    launch = ["torch.distributed.run", "--standalone", "--nproc-per-node", str(SIZE)]
    what = ["sine-published", "--steps", str(STEPS), "--save-every", str(SAVE_EVERY)]
    line = [*launch, "-m", "gan_utils", "train", *what, "--checkpoint", str(path)]
    return subprocess.Popen(
        [sys.executable, "-m", *line], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    )


def content(path: Path) -> tuple[int, str]:
    """Return the step of a checkpoint, and a digest of all in it but the seconds."""
    if not path.exists():
        return 0, ""
    train_state, history = torch.load(path, weights_only=True)["parts"]
    digest = sha256(history["records"].numpy().tobytes())
    for value in tree_leaves(train_state):
        digest.update(value.numpy().tobytes() if hasattr(value, "numpy") else repr(value).encode())
    return len(history["records"]), digest.hexdigest()


def kill(process: subprocess.Popen, moments: random.Random) -> str:
    """Kill one of the processes that learn, or all with torchrun; return which."""
    workers = psutil.Process(process.pid).children()
    victims = [*workers, "all"]
    victim = moments.choice(victims)
    for each in [process, *workers] if victim == "all" else [victim]:
        each.kill()
    return "all" if victim == "all" else f"process {workers.index(victim)}"


def main(kills: int = 20, seed: int = 0) -> None:
    """Print a line for each kill; fail if the training ended otherwise than undisturbed."""
    moments = random.Random(seed)
    with TemporaryDirectory() as folder:
        whole, path = Path(folder, "whole.pt"), Path(folder, "killed.pt")
        start = time.perf_counter()
        begin(whole).communicate()
        seconds, done = time.perf_counter() - start, 0
        while done < kills:
            process = begin(path)
            time.sleep(moments.uniform(0, 0.6 * seconds))
            if process.poll() is not None:  # it was at its end: once more from the beginning
                assert content(path) == content(whole)
                path.unlink()
                process.communicate()
                continue
            victim, killed = kill(process, moments), time.perf_counter()
            said = process.communicate()[0].replace("\r", "\n").splitlines()
            waited, done = time.perf_counter() - killed, done + 1
            sentences = [line for line in said if line.startswith("train: ")]
            print(
                f"{done:3} {victim:10} after {content(path)[0]:5,} steps, all gone in "
                f"{waited:4.1f} s, sentences: {len(sentences)}",
                flush=True,
            )
        begin(path).communicate()
        (steps, found), (_, expected) = content(path), content(whole)
    print(f"{steps:,} steps; as without kills, bit for bit: {found == expected}")
    sys.exit(found != expected or steps != STEPS)


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
