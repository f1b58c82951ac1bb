"""Where the project lies; writing files so that none is left half written, none by two at once."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from secrets import token_hex
from typing import BinaryIO

import psutil

PROJECT = Path(__file__).parents[1]
NOTEBOOKS = PROJECT / "notebooks"


@contextmanager
def replacing(path: Path) -> Iterator[BinaryIO]:
    """Open a file for writing that takes the place of `path` only once it is complete.

    A symbolic link stays one: what it names is replaced.
    """
    path = path.resolve()
    # A name of its own: another process may be writing the same file.
    unfinished = path.with_name(f"{path.name}.{token_hex(4)}.part")
    try:
        with unfinished.open("xb") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        unfinished.replace(path)
    finally:
        unfinished.unlink(missing_ok=True)


@contextmanager
def claiming(path: Path | None) -> Iterator[None]:
    """Keep `path` for one user at a time: while this holds, another claim of it is refused.

    A file beside it, `<name>.lock`, names the process that holds it. One that was left by a process
    that is gone is taken over. Missing folders are made. None claims nothing.

    Raises:
        ValueError: `path` is claimed already, or nothing can be written where it lies.
    """
    if path is None:
        yield
        return
    lock = path.with_name(path.name + ".lock")
    try:
        lock.parent.mkdir(parents=True, exist_ok=True)
        if lock.exists() and not _holder(lock):
            lock.unlink(missing_ok=True)
        with lock.open("x") as file:
            me = psutil.Process()
            file.write(f"{me.pid} {me.create_time()}")
    except OSError as error:
        if lock.is_file():
            reason = f"is being written by {_holder(lock)}; wait for it, or give another name"
        else:
            reason = f"cannot be written ({error.strerror}); give a place that can"
        raise ValueError(f"{path} {reason}") from None
    try:
        yield
    finally:
        lock.unlink(missing_ok=True)


def _holder(lock: Path) -> str:
    """Return who holds a lock, in words; nobody if its process is gone or is another one by now."""
    try:
        pid, born = lock.read_text().split()
        running = psutil.Process(int(pid))
        held = abs(running.create_time() - float(born)) < 1
    except psutil.NoSuchProcess:
        return ""
    except (FileNotFoundError, ValueError):  # the other one is just letting it go, or writing it
        return f"another process (if there is none, delete {lock.name})"
    return f"process {pid}" if held else ""
