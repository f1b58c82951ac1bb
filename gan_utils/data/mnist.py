"""The four files of MNIST and of datasets in its format: read, fetched, and checked."""

import gzip
import math
import struct
import zlib
from http.client import HTTPException
from pathlib import Path
from tempfile import TemporaryDirectory

import torch
from torch import Tensor
from torchvision.datasets import MNIST

from gan_utils.data.downloads import data_folder, impatient, network_allowed

IDX_DIMENSIONS = {
    "train-images-idx3-ubyte": 3,
    "train-labels-idx1-ubyte": 1,
    "t10k-images-idx3-ubyte": 3,
    "t10k-labels-idx1-ubyte": 1,
}


def read_idx(path: Path) -> Tensor:
    """Read a file of MNIST's format, packed by gzip if its name ends in .gz.

    The head holds big-endian 32-bit numbers: 0x800 plus the number of dimensions, then the
    size of each. One byte for every element follows.

    Returns:
        uint8, with the dimensions that `IDX_DIMENSIONS` gives for the name.

    Raises:
        ValueError: the head is not that of such a file, or the size is not what it declares.

    Source: the file format on Yann LeCun's MNIST page.
    """
    dimensions = IDX_DIMENSIONS[path.name.removesuffix(".gz")]
    try:
        data = (gzip.decompress if path.suffix == ".gz" else bytes)(path.read_bytes())
        magic, *sizes = struct.unpack_from(f">{1 + dimensions}I", data)
    except (EOFError, gzip.BadGzipFile, struct.error, zlib.error) as error:
        raise ValueError(f"{path.name} is damaged: {error}") from None
    start = 4 * (1 + dimensions)
    if magic != 0x800 + dimensions or len(data) != start + math.prod(sizes) or not all(sizes):
        raise ValueError(f"{path.name} is damaged: its head and its size do not fit")
    return torch.frombuffer(bytearray(data), dtype=torch.uint8, offset=start).reshape(sizes)


def mnist_parts(kind: type[MNIST]) -> tuple[list[tuple[Tensor, Tensor]], str]:
    """Return images and labels of both parts of a dataset, and in words where they came from.

    The files may be packed (.gz) or not. Those that are missing or damaged are fetched where the
    network is allowed and there. Those that are whole are never touched.

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
    found, damaged = _read(raw)
    wanted = [file for file in IDX_DIMENSIONS if file not in found]
    if wanted:
        try:
            found |= _fetch(kind, raw, wanted, damaged)
        except (OSError, RuntimeError, HTTPException) as error:
            reason = " ".join(str(error).split())  # torchvision's has several lines
            if damaged:
                raise ValueError(
                    f"{name}: {'; '.join(damaged.values())}. It cannot be fetched again: {reason}. "
                    "Replace or delete it"
                ) from None
            raise FileNotFoundError(
                f"{name} is not here and cannot be fetched: {reason}. Put its four files, packed "
                f"(.gz) or not, into {name}/raw/ of the folder that GAN_UTILS_DATA names, or ask "
                "for source='digits', which needs no file"
            ) from None
    parts = [
        (found[f"{part}-images-idx3-ubyte"], found[f"{part}-labels-idx1-ubyte"].long())
        for part in ("train", "t10k")
    ]
    return parts, "downloaded" if wanted else "from the data folder"


def _read(raw: Path) -> tuple[dict[str, Tensor], dict[str, str]]:
    """Return what can be read, and for each damaged file what is wrong with it."""
    found, damaged = {}, {}
    for name in IDX_DIMENSIONS:
        for path in (raw / name, raw / f"{name}.gz", raw.parent / f"{name}.gz"):
            if name not in found and path.is_file():
                try:
                    found[name] = read_idx(path)
                except ValueError as error:
                    damaged[name] = str(error)
    return found, {name: why for name, why in damaged.items() if name not in found}


def _fetch(
    kind: type[MNIST], raw: Path, wanted: list[str], damaged: dict[str, str]
) -> dict[str, Tensor]:
    """Download all files to a folder of their own, and take over those that are wanted."""
    if not network_allowed():
        raise OSError("GAN_UTILS_OFFLINE forbids it")
    for name in damaged:
        print(f"{name} is damaged: fetching it again.")
    raw.mkdir(parents=True, exist_ok=True)
    with TemporaryDirectory(dir=raw) as aside, impatient():
        kind(aside, download=True)
        fetched = Path(aside) / kind.__name__ / "raw"
        try:
            found = {name: read_idx(fetched / name) for name in wanted}
        except ValueError as error:
            raise OSError(f"what has arrived is no better: {error}") from None
        for name in wanted:
            (fetched / name).replace(raw / name)
    return found
