"""Where published data lies, whether the network may be asked for it, and for how long."""

import os
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import gettempdir

import platformdirs

from gan_utils.files import PROJECT

TIMEOUT_SECONDS = 20.0  # without a word from the server


def data_folder() -> Path:
    """Return the folder of the training data: `GAN_UTILS_DATA`, else the user's cache folder.

    A relative path counts from the working folder; if nothing is there, from the project's.

    Raises:
        NotADirectoryError: `GAN_UTILS_DATA` names no folder.
    """
    name = os.environ.get("GAN_UTILS_DATA")
    if not name:
        try:
            return platformdirs.user_cache_path("gan_utils")
        except (RuntimeError, KeyError):  # a user without a home, as in a container
            return Path(gettempdir(), "gan_utils")
    for folder in (Path(name).expanduser(), PROJECT / name):
        if folder.is_dir():
            return folder
    raise NotADirectoryError(
        f"GAN_UTILS_DATA is {name!r}, which is no folder; make it, give its full path, or unset it"
    )


def network_allowed() -> bool:
    """Return False where the environment variable `GAN_UTILS_OFFLINE` forbids downloads."""
    return os.environ.get("GAN_UTILS_OFFLINE", "0") in ("", "0")


@contextmanager
def impatient() -> Iterator[None]:
    """Give up on a server that stays silent for `TIMEOUT_SECONDS`; torchvision would wait."""
    previous = socket.getdefaulttimeout()
    socket.setdefaulttimeout(TIMEOUT_SECONDS)
    try:
        yield
    finally:
        socket.setdefaulttimeout(previous)
