"""Say within a minute whether this computer is ready for the lessons, or what is missing."""

import argparse
import json
import platform
import shutil
import sys
import time
from importlib.metadata import PackageNotFoundError, metadata
from pathlib import Path
from tempfile import TemporaryFile

from gan_utils.files import NOTEBOOKS, PROJECT

EXAMPLE = "check"
GB = 1e9
LEAST_DISK, LEAST_MEMORY = 1.0, 1.5  # GB; a kernel takes 1 GB, and the browser its part
STEPS = 50  # of lesson 01
INSTALL = f"run in {PROJECT}: {sys.executable} -m pip install -e ."


class Missing(Exception):
    """Says what is not there, and what to do."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Take none."""
    del parser


def run(_: argparse.Namespace) -> None:
    """Look at one thing after the other, and print a line for each.

    Raises:
        SystemExit: something is missing.
    """
    missing = 0
    for name, look in CHECKS.items():
        try:
            print(f"ok       {name}: {look()}", flush=True)
        except Exception as error:  # whatever fails here would fail in a lesson
            missing += 1
            print(f"MISSING  {name}: {error}", flush=True)
    if missing:
        raise SystemExit(f"not ready: {missing} of {len(CHECKS)} missing")
    print("ready: python -m gan_utils learn")


def _python() -> str:
    from packaging.specifiers import SpecifierSet

    try:
        wanted = metadata("gan-utils")["Requires-Python"]
    except PackageNotFoundError:
        raise Missing(f"gan_utils is not installed in this Python; {INSTALL}") from None
    if platform.python_version() not in SpecifierSet(wanted):
        raise Missing(f"{platform.python_version()}; the lessons need {wanted}")
    return f"{platform.python_version()}, {sys.executable}"


def _packages() -> str:
    from gan_utils.packages import missing_packages

    if lacking := missing_packages():
        raise Missing(f"{', '.join(lacking)} not here, or too old; {INSTALL}")
    import jupyterlab  # noqa: F401, which `learn` starts
    import torch

    return f"all, PyTorch {torch.__version__}"


def _lessons() -> str:
    paths = sorted(NOTEBOOKS.glob("0*.ipynb"))
    broken = [path.name for path in paths if not _is_whole(path)]
    if broken or not paths:
        what = ", ".join(broken) or f"no lesson in {NOTEBOOKS}"
        raise Missing(f"{what}; fetch the project again (git clone, or its zip)")
    return f"{len(paths)} in {NOTEBOOKS}"


def _is_whole(path: Path) -> bool:
    try:
        return bool(json.loads(path.read_text(encoding="utf-8"))["cells"])
    except (ValueError, KeyError, OSError):
        return False


def _room() -> str:
    from gan_utils.commands.learn import copies_folder

    folder = copies_folder(PROJECT).parent
    free = shutil.disk_usage(folder).free / GB
    if free < LEAST_DISK:
        raise Missing(f"{free:.1f} GB free at {folder}; make room for {LEAST_DISK} GB")
    try:
        with TemporaryFile(dir=folder) as file:
            file.write(b"a copy of a lesson")
    except OSError as error:
        raise Missing(f"nothing can be written to {folder}: {error.strerror}") from error
    return f"{free:.0f} GB free, copies of the lessons go to {folder}"


def _memory() -> str:
    import psutil

    free = psutil.virtual_memory().available / GB
    if free < LEAST_MEMORY:
        raise Missing(f"{free:.1f} GB free; close programs until {LEAST_MEMORY} GB are")
    return f"{free:.1f} GB free"


def _data() -> str:
    from gan_utils.data.downloads import data_folder

    folder = data_folder()
    found = [name for name in ("MNIST", "faces") if (folder / name).is_dir()]
    return f"{', '.join(found)} in {folder}" if found else "small sets that come with the lessons"


def _training() -> str:
    import torch

    from gan_utils.data.batches import Batches
    from gan_utils.data.sine import sine_points
    from gan_utils.gan.recipes import SINE_HOUSE
    from gan_utils.gan.training import train_gan
    from gan_utils.runtime import describe_device, pick_device

    device = pick_device()
    torch.manual_seed(0)
    networks = SINE_HOUSE.generator().to(device), SINE_HOUSE.discriminator().to(device)
    batches = Batches(sine_points(1024).to(device), SINE_HOUSE.batch_size)
    history = train_gan(*networks, batches, steps=STEPS, progress=False, **SINE_HOUSE.training)
    return f"{STEPS} steps in {history.seconds:.1f} s on {describe_device(device)}"


def _kernel() -> str:
    from nbclient import NotebookClient
    from nbformat.v4 import new_code_cell, new_notebook

    notebook, start = new_notebook(cells=[new_code_cell("import gan_utils")]), time.monotonic()
    patience = dict(timeout=60, startup_timeout=60)
    quiet = ["--log-level=ERROR"]  # what it warns of is no lesson's trouble
    NotebookClient(notebook, kernel_name="python3", extra_arguments=quiet, **patience).execute()
    return f"a notebook ran in {time.monotonic() - start:.0f} s"


CHECKS = {
    "Python": _python,
    "packages": _packages,
    "lessons": _lessons,
    "room": _room,
    "memory": _memory,
    "data": _data,
    "training": _training,
    "kernel": _kernel,
}
