"""Files on disk: the data folder, and image files of MNIST's format, checked before use."""

import math
import os
import socket
import struct
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import platformdirs
from torchvision.datasets import MNIST

PROJECT = Path(__file__).parents[1]
TIMEOUT_SECONDS = 20.0  # without a word from the server
IDX_DIMENSIONS = {
    "train-images-idx3-ubyte": 3,
    "train-labels-idx1-ubyte": 1,
    "t10k-images-idx3-ubyte": 3,
    "t10k-labels-idx1-ubyte": 1,
}


def data_folder() -> Path:
    """Return the folder of the training data: `GAN_UTILS_DATA`, else the user's cache folder.

    A relative path counts from the working folder; if nothing is there, from the project's.

    Raises:
        NotADirectoryError: `GAN_UTILS_DATA` names no folder.
    """
    name = os.environ.get("GAN_UTILS_DATA")
    if not name:
        return platformdirs.user_cache_path("gan_utils")
    for folder in (Path(name).expanduser(), PROJECT / name):
        if folder.is_dir():
            return folder
    raise NotADirectoryError(
        f"GAN_UTILS_DATA is {name!r}, which is no folder; make it, give its full path, or unset it"
    )


def network_allowed() -> bool:
    """Return False where the environment variable `GAN_UTILS_OFFLINE` forbids downloads."""
    return os.environ.get("GAN_UTILS_OFFLINE", "0") in ("", "0")


def is_whole(path: Path) -> bool:
    """Say whether a file of MNIST's format has the kind and the size that its head declares.

    The head holds big-endian 32-bit numbers: 0x800 plus the number of dimensions, then the
    size of each. One byte for every element follows.

    Source: the file format on Yann LeCun's MNIST page.
    """
    dimensions = IDX_DIMENSIONS[path.name]
    with path.open("rb") as file:
        head = file.read(4 + 4 * dimensions)
    if len(head) < 4 + 4 * dimensions:
        return False
    magic, *sizes = struct.unpack(f">{1 + dimensions}I", head)
    return magic == 0x800 + dimensions and path.stat().st_size == len(head) + math.prod(sizes)


def mnist_dataset(kind: type[MNIST]) -> tuple[MNIST, MNIST, str]:
    """Return a dataset's training and test part, and in words where its files came from.

    Files that are missing or damaged are fetched where the network is allowed and there.

    Args:
        kind: `torchvision.datasets.MNIST`, or a dataset in the same format.

    Raises:
        FileNotFoundError: files are missing and cannot be fetched.
        ValueError: a file is damaged and cannot be fetched again. It stays as it is.
    """
    root = data_folder()
    raw = root / kind.__name__ / "raw"
    present = [raw / name for name in IDX_DIMENSIONS if (raw / name).is_file()]
    damaged = [path for path in present if not is_whole(path)]
    origin = "from the data folder"
    if damaged or len(present) < len(IDX_DIMENSIONS):
        names = ", ".join(path.name for path in damaged)
        try:
            _fetch(kind, root, damaged)
        except (OSError, RuntimeError) as error:
            reason = " ".join(str(error).split())  # torchvision's has several lines
            if damaged:
                raise ValueError(
                    f"{kind.__name__}: {names} is damaged (its size is not the one that its head "
                    f"declares) and cannot be fetched again: {reason}. Replace or delete it"
                ) from error
            raise FileNotFoundError(
                f"{kind.__name__} is not here and cannot be fetched: {reason}. Put its "
                f"four unpacked files into {kind.__name__}/raw/ of the folder that GAN_UTILS_DATA "
                "names, or ask for source='digits', which needs no file"
            ) from error
        origin = "downloaded"
    return kind(root, train=True), kind(root, train=False), origin


def _fetch(kind: type[MNIST], root: Path, damaged: list[Path]) -> None:
    if not network_allowed():
        raise OSError("GAN_UTILS_OFFLINE forbids it")
    with _set_aside(damaged), _impatient():
        kind(root, download=True)


@contextmanager
def _set_aside(paths: list[Path]) -> Iterator[None]:
    """Move damaged files out of the way; put back those that nothing has replaced."""
    aside = {path: path.with_name(path.name + ".damaged") for path in paths}
    for path, other in aside.items():
        print(f"{path.name} is damaged: fetching it again.")
        path.replace(other)
    try:
        yield
    finally:
        for path, other in aside.items():
            if path.exists() and is_whole(path):
                other.unlink()
            else:
                other.replace(path)


@contextmanager
def _impatient() -> Iterator[None]:
    """Give up on a server that stays silent; torchvision alone would wait for ever."""
    previous = socket.getdefaulttimeout()
    socket.setdefaulttimeout(TIMEOUT_SECONDS)
    try:
        yield
    finally:
        socket.setdefaulttimeout(previous)
