"""The four files of MNIST and of datasets in its format: read, fetched, and checked."""

import math
import struct
from http.client import HTTPException
from pathlib import Path
from tempfile import TemporaryDirectory

from torch import Tensor
from torchvision.datasets import MNIST
from torchvision.datasets.mnist import read_image_file, read_label_file

from gan_utils.data.downloads import data_folder, impatient, network_allowed

IDX_DIMENSIONS = {
    "train-images-idx3-ubyte": 3,
    "train-labels-idx1-ubyte": 1,
    "t10k-images-idx3-ubyte": 3,
    "t10k-labels-idx1-ubyte": 1,
}


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


def mnist_parts(kind: type[MNIST]) -> tuple[list[tuple[Tensor, Tensor]], str]:
    """Return images and labels of both parts of a dataset, and in words where they came from.

    Files that are missing or damaged are fetched where the network is allowed and there. Those
    that are whole are never touched.

    Args:
        kind: `torchvision.datasets.MNIST`, or a dataset in the same format.

    Returns:
        For the training and the test part (images uint8 [N, height, width], labels int64 [N]),
        and "from the data folder" or "downloaded".

    Raises:
        FileNotFoundError: files are missing and cannot be fetched.
        NotADirectoryError: `GAN_UTILS_DATA` names no folder.
        ValueError: a file is damaged and cannot be fetched again. It stays as it is.
    """
    name, raw = kind.__name__, data_folder() / kind.__name__ / "raw"
    damaged = [f for f in IDX_DIMENSIONS if (raw / f).is_file() and not is_whole(raw / f)]
    missing = [f for f in IDX_DIMENSIONS if not (raw / f).is_file()]
    if damaged or missing:
        try:
            _fetch(kind, raw, damaged, missing)
        except (OSError, RuntimeError, HTTPException) as error:
            reason = " ".join(str(error).split())  # torchvision's has several lines
            if damaged:
                raise ValueError(
                    f"{name}: {', '.join(damaged)} is damaged (its head or its size is wrong) "
                    f"and cannot be fetched again: {reason}. Replace or delete it"
                ) from error
            raise FileNotFoundError(
                f"{name} is not here and cannot be fetched: {reason}. Put its four unpacked files "
                f"into {name}/raw/ of the folder that GAN_UTILS_DATA names, or ask for "
                "source='digits', which needs no file"
            ) from error
    parts = [
        (
            read_image_file(str(raw / f"{part}-images-idx3-ubyte")),
            read_label_file(str(raw / f"{part}-labels-idx1-ubyte")),
        )
        for part in ("train", "t10k")
    ]
    return parts, "downloaded" if damaged or missing else "from the data folder"


def _fetch(kind: type[MNIST], raw: Path, damaged: list[str], missing: list[str]) -> None:
    """Download all files to a folder of their own, and take over those that are wanted."""
    if not network_allowed():
        raise OSError("GAN_UTILS_OFFLINE forbids it")
    for name in damaged:
        print(f"{name} is damaged: fetching it again.")
    raw.mkdir(parents=True, exist_ok=True)
    with TemporaryDirectory(dir=raw) as aside, impatient():
        kind(aside, download=True)
        fetched = Path(aside) / kind.__name__ / "raw"
        for name in damaged + missing:
            if not is_whole(fetched / name):
                raise OSError(f"{name} has arrived damaged")
        for name in damaged + missing:
            (fetched / name).replace(raw / name)
