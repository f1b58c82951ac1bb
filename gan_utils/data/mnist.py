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

MOST_PACKED = 1100  # times as small as its contents: gzip reaches 1,032
REMEDY = "Replace it, or delete it and it is fetched again"
IDX_DIMENSIONS = {
    "train-images-idx3-ubyte": 3,
    "train-labels-idx1-ubyte": 1,
    "t10k-images-idx3-ubyte": 3,
    "t10k-labels-idx1-ubyte": 1,
}


def read_idx(path: Path, dimensions: int) -> Tensor:
    """Read a file of MNIST's format, packed by gzip if its name ends in .gz.

    The head holds big-endian 32-bit numbers: 0x800 plus the number of dimensions, then the
    size of each. One byte for every element follows.

    Args:
        path: the file.
        dimensions: how many it must have: 3 for images, 1 for labels.

    Returns:
        uint8, with so many dimensions.

    Raises:
        ValueError: the head is not that of such a file, or the size is not what it declares.

    Source: the file format on Yann LeCun's MNIST page.
    """
    try:
        with (gzip.open if path.suffix == ".gz" else open)(path, "rb") as file:
            magic, *sizes = struct.unpack(f">{1 + dimensions}I", file.read(4 * (1 + dimensions)))
            wanted = math.prod(sizes)
            possible = wanted <= MOST_PACKED * path.stat().st_size
            data = file.read(wanted + 1) if possible else b""  # no more than the head declares
    except PermissionError:
        raise PermissionError(f"{path.name} may not be read by this user") from None
    except (EOFError, gzip.BadGzipFile, struct.error, zlib.error) as error:
        raise ValueError(f"{path.name} is damaged: {error}. {REMEDY}") from None
    if magic != 0x800 + dimensions or len(data) != wanted or not all(sizes):
        raise ValueError(f"{path.name} is damaged: its head and its size do not fit. {REMEDY}")
    return torch.frombuffer(bytearray(data), dtype=torch.uint8).reshape(sizes)


def mnist_parts(kind: type[MNIST]) -> tuple[list[tuple[Tensor, Tensor]], str]:
    """Return images and labels of both parts of a dataset, and in words where they came from.

    The files may be packed (.gz) or not, have a dot in their names as on some sites
    (`train-images.idx3-ubyte`), and lie each in a folder of its own. Those that are missing are
    fetched where the network is allowed and there; those that are here are never touched.

    Args:
        kind: `torchvision.datasets.MNIST`, or a dataset in the same format.

    Returns:
        For the training and the test part (images uint8 [N, height, width], labels int64 [N]),
        and "from the data folder" or "downloaded".

    Raises:
        FileNotFoundError: files are missing and cannot be fetched.
        NotADirectoryError: `GAN_UTILS_DATA` names no folder.
        ValueError: a file is damaged. It stays as it is.
    """
    name, raw = kind.__name__, _raw_folder(data_folder(), kind.__name__)
    missing = [file for file in IDX_DIMENSIONS if _place(raw, file) is None]
    if missing:
        try:
            _fetch(kind, raw, missing)
        except (OSError, RuntimeError, HTTPException) as error:
            reason = " ".join(str(error).split())  # torchvision's has several lines
            raise FileNotFoundError(
                f"{name} is not here and cannot be fetched: {reason}. Put its four files, packed "
                f"(.gz) or not, into {name}/raw/ of the folder that GAN_UTILS_DATA names, or ask "
                "for source='digits', which needs no file"
            ) from None
    found = {file: read_idx(_place(raw, file), IDX_DIMENSIONS[file]) for file in IDX_DIMENSIONS}
    parts = [
        (found[f"{part}-images-idx3-ubyte"], found[f"{part}-labels-idx1-ubyte"].long())
        for part in ("train", "t10k")
    ]
    return parts, "downloaded" if missing else "from the data folder"


def _raw_folder(folder: Path, name: str) -> Path:
    """Return `<name>/raw` in the data folder, which may itself be one of the two."""
    if (*folder.parts[-2:],) == (name, "raw"):
        return folder
    return folder / "raw" if folder.name == name else folder / name / "raw"


def _place(raw: Path, file: str) -> Path | None:
    """Return where a file lies, packed or not; None if it is not here."""
    names = [n + end for n in (file, file.replace("-idx", ".idx")) for end in ("", ".gz")]
    folders = raw, raw.parent, *(raw / name for name in names), *(raw.parent / n for n in names)
    places = (folder / name for folder in folders for name in names)
    return next((path for path in places if path.is_file()), None)


def _fetch(kind: type[MNIST], raw: Path, missing: list[str]) -> None:
    """Have torchvision download all files to a folder of their own, and move what is missing."""
    if not network_allowed():
        raise OSError("GAN_UTILS_OFFLINE forbids it")
    raw.mkdir(parents=True, exist_ok=True)
    with TemporaryDirectory(dir=raw) as aside, impatient():
        kind(aside, download=True)  # checks their hashes
        for file in missing:
            (Path(aside) / kind.__name__ / "raw" / file).replace(raw / file)
