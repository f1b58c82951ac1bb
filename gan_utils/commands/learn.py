"""Open the lessons in JupyterLab, as copies that are yours to change."""

import argparse
import os
import signal
import subprocess
import sys
from pathlib import Path

from ipykernel.kernelspec import install

from gan_utils.files import NOTEBOOKS, PROJECT, atomic_write
from gan_utils.progress import print_wrapped
from gan_utils.settings import MODES

EXAMPLE = "learn --mode full"
COPIES = "lessons"
FIRST = "01_sine_gan.ipynb"
KERNEL = "GAN lessons"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Say which arguments the command takes."""
    parser.add_argument("--mode", choices=MODES, help="otherwise GAN_UTILS_MODE, else by device")
    parser.add_argument(
        "jupyter",
        nargs="*",
        help="options for JupyterLab, after two dashes: learn -- --no-browser",
    )


def run(arguments: argparse.Namespace) -> None:
    """Name the kernel, copy what is not yet there, and start JupyterLab on the first lesson.

    Raises:
        FileNotFoundError: only the package is installed, without the lessons.
    """
    if not (NOTEBOOKS / FIRST).is_file():
        raise FileNotFoundError(
            "the lessons are not here: an installed package has none. Fetch the project (git "
            "clone, or its zip), and start this in its folder"
        )
    name_kernel()
    copies = copies_folder(PROJECT)
    copy_lessons(NOTEBOOKS, copies)
    start = f"--LabApp.default_url=/lab/tree/{copies.name}/{FIRST}"
    command = [sys.executable, "-m", "jupyterlab", start, *arguments.jupyter]
    chosen = {"GAN_UTILS_MODE": arguments.mode} if arguments.mode else {}
    signal.signal(signal.SIGINT, lambda *_: None)  # JupyterLab asks what Ctrl-C shall mean
    ended = subprocess.run(command, cwd=copies.parent, env=os.environ | chosen)
    if ended.returncode:
        raise SystemExit(ended.returncode)


def name_kernel() -> None:
    """Let this environment's own kernel be called "GAN lessons" in every menu."""
    # Its name stays python3, so that the lessons also open where only that exists.
    try:
        install(kernel_name="python3", display_name=KERNEL, prefix=sys.prefix)
    except PermissionError:  # in the user's own folder it would be every environment's kernel
        print_wrapped("This environment belongs to somebody else: its kernel keeps its name.")


def copies_folder(project: Path) -> Path:
    """Return where this user's copies belong: in the project, where that may be written to, or in
    the user's home.
    """
    copies = project / COPIES
    if os.access(copies if copies.exists() else project, os.W_OK):
        return copies
    print_wrapped(f"This project belongs to somebody else: your copies are in ~/gan_{COPIES}.")
    return Path.home() / f"gan_{COPIES}"


def copy_lessons(originals: Path, copies: Path) -> None:
    """Copy the lessons, their pictures and pages that play; what is there is never touched."""
    copies.mkdir(exist_ok=True)
    for original in sorted(originals.glob("*.ipynb")):
        copy = copies / original.name
        if not copy.exists():
            _copy(original, copy)
        elif copy.read_bytes() != original.read_bytes():
            print(f"{copies.name}/{copy.name} is yours and stays; rename it to get a new one.")
    for original in sorted([*originals.glob("images/**/*.*g"), *originals.glob("play/*.*")]):
        copy = copies / original.relative_to(originals)
        if not copy.exists():
            _copy(original, copy)


def _copy(original: Path, copy: Path) -> None:
    """Copy a file in one piece: half a lesson would look like one that was changed."""
    copy.parent.mkdir(parents=True, exist_ok=True)
    with atomic_write(copy) as file:
        file.write(original.read_bytes())
