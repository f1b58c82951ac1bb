"""Call the package as nobody should, and see that every call ends in a sentence, or well.

    python -m workshop.stress.hostile         all calls: some three minutes
    python -m workshop.stress.hostile data    one kind: data, training, checkpoints or commands
    python -m workshop.stress.hostile -v      what each of them said

A call ends "well" if it returns, in a "sentence" if the error was raised by a line of the package
with a message of its own, and "raw" otherwise: an error from within PyTorch or Pillow, or a
traceback on the screen. It is no part of the test line.
"""

import io
import json
import os
import subprocess
import sys
import traceback
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import redirect_stdout
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from gan_utils.files import PROJECT
from workshop.stress.hostile_calls import Call, checkpoint_calls, data_calls, training_calls

LINES = (
    "", "nosuch", "train", "train sine", "train nosuch --steps 1", "train sine --steps 0",
    "train sine --steps -5", "train sine --steps 1e3", "train sine --steps 1 --seed -1",
    "train sine --steps 1 --seed 99999999999999999999999", "train sine --steps 1 --batch-size 0",
    "train sine --steps 1 --batch-size 9999999", "train sine --steps 1 --save-every 0",
    "train sine --steps 1 --checkpoint .", "train sine --steps 1 --checkpoint /dev/null/x",
    "train sine --steps 1 --data nowhere", "train digits --steps 1 --source nosuch",
    "train digits --steps 1 --source mnist", "train faces --steps 1 --source celeba",
    "train sine --steps 1 --device nosuch", "train sine --steps 1 --device cuda:99",
    "bench --seconds 0", "bench --seconds -1", "bench --seconds nan", "bench --seconds x",
    "bench --device nosuch", "bench --json nowhere/x.json --seconds 1", "learn --mode nosuch",
)  # fmt: skip
AUTHORS = (
    "", "nosuch", "notebooks", "notebooks html nowhere.ipynb", "notebooks html text.ipynb",
    "notebooks html empty.ipynb", "notebooks slides other.ipynb", "notebooks refresh other.ipynb",
    "notebooks execute nowhere.ipynb", "experiments", "experiments nosuch",
    "experiments sine --rows nosuch", "experiments sine --jobs 0",
    "experiments sine --source faces", "experiments digits-path --source nosuch",
    "experiments sine --folder text.ipynb", "book --folder text.ipynb",
)  # fmt: skip


def command_calls(folder: Path) -> Iterator[Call]:
    """Yield command lines that ask for what is not there."""
    (folder / "text.ipynb").write_text("hello")
    (folder / "empty.ipynb").write_text("")
    (folder / "other.ipynb").write_text(json.dumps([1, 2]))
    for program, lines in (("gan_utils", LINES), ("workshop", AUTHORS)):
        for line in lines:
            yield f"{program} {line}"[:60], partial(_command, program, line, folder)


def _command(program: str, line: str, folder: Path) -> None:
    environment = os.environ | {"PYTHONPATH": str(PROJECT), "GAN_UTILS_DEVICE": ""}
    command = [sys.executable, "-m", program, *line.split()]
    done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True)
    if "Traceback" in done.stderr:
        raise RuntimeError(done.stderr.strip().splitlines()[-1])
    if done.returncode:
        raise SystemExit(done.stderr.strip().splitlines()[-1])


KINDS = dict(
    data=data_calls, training=training_calls, checkpoints=checkpoint_calls, commands=command_calls
)


def outcome(call: Callable[[], Any]) -> tuple[str, str]:
    """Return "well", "sentence" or "raw", and what was said."""
    try:
        with redirect_stdout(io.StringIO()):
            call()
    except SystemExit as ended:
        return "sentence", str(ended)
    except Exception as error:
        where = traceback.extract_tb(error.__traceback__)[-1]
        ours = Path(where.filename).is_relative_to(PROJECT / "gan_utils")
        raised = ours and (where.line or "").startswith("raise ")
        words = f"{type(error).__name__}: {error}"
        return ("sentence" if raised and len(str(error)) > 20 else "raw"), words
    return "well", ""


def main(*kinds: str) -> None:
    """Print what every raw call said, and a line of counts for each kind; fail if one was raw."""
    os.environ["GAN_UTILS_OFFLINE"] = "1"
    raw = 0
    for kind in [kind for kind in kinds if kind in KINDS] or KINDS:
        with TemporaryDirectory() as folder:
            counts: Counter[str] = Counter()
            for name, call in KINDS[kind](Path(folder)):
                how, words = outcome(call)
                counts[how] += 1
                if how == "raw" or "-v" in sys.argv:
                    print(f"{how:9}{kind}: {name}: {' '.join(words.split())[:150]}", flush=True)
        raw += counts["raw"]
        numbers = ", ".join(f"{counts[how]} {how}" for how in ("sentence", "well", "raw"))
        print(f"{kind}: {counts.total()} calls, {numbers}", flush=True)
    sys.exit(raw > 0)


if __name__ == "__main__":
    main(*sys.argv[1:])
