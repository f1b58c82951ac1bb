"""Where the project lies; files that are never left half written, nor written by two at once."""

import os
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from glob import escape
from pathlib import Path
from secrets import token_hex
from typing import BinaryIO

from filelock import FileLock, Timeout

PROJECT = Path(__file__).parents[1]
NOTEBOOKS = PROJECT / "notebooks"


@contextmanager
def atomic_write(path: Path) -> Iterator[BinaryIO]:
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
def file_lock(path: Path | None) -> Iterator[None]:
    """Keep `path` for one writer at a time: while this holds, another lock of it is refused.

    The operating system holds the lock, by a file `<name>.writer.lock`, and lets it go when the
    process ends, however it ends. What a killed writer left unfinished is removed. A file counts as
    the same under all its names, symbolic and hard links. Missing folders are made. None locks
    nothing.

    Raises:
        ValueError: `path` is locked already, has a name in another folder (a hard link), or nothing
            can be written where it lies.
    """
    with ExitStack() as locks:
        if path is not None:
            try:
                path = path.resolve()
                path.parent.mkdir(parents=True, exist_ok=True)
                for name in _names(path):
                    lock = Path(f"{name}.writer.lock")
                    locks.enter_context(FileLock(lock, timeout=0))
                    if os.name == "posix":  # elsewhere filelock deletes it
                        locks.callback(lock.unlink, missing_ok=True)
                for part in path.parent.glob(f"{escape(path.name)}.{8 * '[0-9a-f]'}.part"):
                    part.unlink()  # of a writer that was killed
            except Timeout:
                raise ValueError(
                    f"{path} is being written by another process; wait for it, or give another name"
                ) from None
            except (OSError, RuntimeError) as error:  # a loop of links is a RuntimeError
                reason = getattr(error, "strerror", None) or error
                raise ValueError(
                    f"{path} cannot be written ({reason}); give a place that can"
                ) from None
        yield


def _names(path: Path) -> list[Path]:
    """Return the names of a file in its folder, hard links included."""
    if not path.is_file() or path.stat().st_nlink == 1:
        return [path]
    found = path.stat()
    with os.scandir(path.parent) as entries:
        names = sorted(Path(entry) for entry in entries if entry.inode() == found.st_ino)
    if len(names) < found.st_nlink:
        raise ValueError(
            f"{path} also has a name in another folder (a hard link), under which another training "
            "may write it; make a copy, and give that"
        )
    return names
