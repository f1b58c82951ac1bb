"""Data that others publish: where it lies, how it is fetched, and checks before it is used."""

import io
import math
import os
import socket
import struct
from collections.abc import Iterator
from contextlib import contextmanager
from hashlib import sha256
from http.client import HTTPException
from pathlib import Path
from tarfile import TarError
from tempfile import TemporaryDirectory

import platformdirs
import torch
from sklearn.datasets import fetch_lfw_people
from torch import Tensor
from torchvision.datasets import MNIST, CelebA
from torchvision.datasets.mnist import read_image_file, read_label_file
from torchvision.models import VGG19_Weights, WeightsEnum

from gan_utils.pictures import load_folder
from gan_utils.runtime import replacing

LFW_SQUARE = slice(62, 187)  # of 250 rows and columns: the face and a little around it
PROJECT = Path(__file__).parents[1]
CELEBA_COUNT = 202_599
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
    with TemporaryDirectory(dir=raw) as aside, _impatient():
        kind(aside, download=True)
        fetched = Path(aside) / kind.__name__ / "raw"
        for name in damaged + missing:
            if not is_whole(fetched / name):
                raise OSError(f"{name} has arrived damaged")
        for name in damaged + missing:
            (fetched / name).replace(raw / name)


@contextmanager
def _impatient() -> Iterator[None]:
    """Give up on a server that stays silent; torchvision alone would wait for ever."""
    previous = socket.getdefaulttimeout()
    socket.setdefaulttimeout(TIMEOUT_SECONDS)
    try:
        yield
    finally:
        socket.setdefaulttimeout(previous)


def lfw_images(size: int, count: int) -> Tensor:
    """Return photographs of Labeled Faces in the Wild, uint8 [N, 3, size, size], N at most `count`.

    Raises:
        FileNotFoundError: they are not in the data folder and cannot be fetched.
        ValueError: what is in the data folder is damaged.

    Source: Huang et al. 2007, fetched by scikit-learn; 234 MB.
    """
    try:
        with _impatient():
            people = fetch_lfw_people(
                data_home=data_folder(),
                color=True,
                slice_=(LFW_SQUARE, LFW_SQUARE),
                resize=size / (LFW_SQUARE.stop - LFW_SQUARE.start),
                download_if_missing=network_allowed(),
            )
    except (OSError, EOFError, TarError, HTTPException, ValueError) as error:
        if (data_folder() / "lfw_home" / "lfw_funneled").is_dir():
            raise ValueError(
                f"Labeled Faces in the Wild: lfw_home/lfw_funneled/ is damaged: {error}. "
                "Delete lfw_home/ in the data folder, and it is fetched again"
            ) from error
        raise FileNotFoundError(
            f"Labeled Faces in the Wild is not here and cannot be fetched: {error}. Put its "
            "lfw_home/ into the folder that GAN_UTILS_DATA names, or ask for source='drawn', "
            "which needs no file"
        ) from error
    images = torch.from_numpy(people.images[:count])  # in [0, 1], in an order without order
    return (images * 255).round().byte().permute(0, 3, 1, 2)


def celeba_images(size: int, count: int) -> Tensor:
    """Return photographs of CelebA, uint8 [N, 3, size, size], N at most `count`.

    Raises:
        FileNotFoundError: they are not in the data folder and cannot be fetched.
        ValueError: no photograph can be read.

    Source: Liu et al. 2015, fetched by torchvision; 1.4 GB.
    """
    folder = data_folder() / "celeba" / "img_align_celeba"
    if not folder.is_dir():
        try:
            if not network_allowed():
                raise OSError("GAN_UTILS_OFFLINE forbids it")
            CelebA(data_folder(), download=True)
        except Exception as error:  # gdown's own errors derive from nothing narrower
            raise FileNotFoundError(
                f"CelebA is not here and cannot be fetched: {' '.join(str(error).split())}. It "
                "lies on Google Drive: fetching it needs the package gdown (pip install gdown), "
                "and fails on days when too many others have fetched it. Try again tomorrow, or "
                "fetch img_align_celeba.zip with a browser and unpack it to "
                "celeba/img_align_celeba/ in the folder that GAN_UTILS_DATA names"
            ) from error
    found = sum(1 for _ in folder.glob("*.jpg"))
    if found < CELEBA_COUNT:
        print(f"CelebA is not complete: {found:,} of {CELEBA_COUNT:,} photographs are here.")
    return load_folder(folder, size, count)


def trained_weights(weights: WeightsEnum, *, fetch: bool = True) -> dict[str, Tensor]:
    """Return a trained network's weights: torchvision's file from its cache, or fetched.

    The file's name ends in the first digits of its SHA-256 hash. The hash is checked on every
    load, not only after a download.

    Args:
        weights: for instance `torchvision.models.VGG19_Weights.IMAGENET1K_V1`.
        fetch: whether the network may be asked at all.

    Raises:
        FileNotFoundError: the file is not in the cache and cannot be fetched.
        ValueError: the file is damaged and cannot be fetched again. It stays as it is.
    """
    path = Path(torch.hub.get_dir()) / "checkpoints" / Path(weights.url).name
    wanted = _named_hash(path)
    present = path.is_file()
    if not present or not _is_intact(path):
        if present:
            print(f"{path.name} is damaged: fetching it again.")
        try:
            if not (fetch and network_allowed()):
                reason = "GAN_UTILS_OFFLINE forbids it" if fetch else "quick mode fetches nothing"
                raise OSError(reason)
            path.parent.mkdir(parents=True, exist_ok=True)
            with _impatient():
                torch.hub.download_url_to_file(weights.url, str(path), wanted, progress=False)
        except (OSError, RuntimeError, HTTPException) as error:
            if present:
                raise ValueError(
                    f"{path.name} is damaged (its SHA-256 does not begin with {wanted}) and "
                    f"cannot be fetched again: {error}. Replace or delete it"
                ) from error
            raise FileNotFoundError(
                f"{path.name} is not here and cannot be fetched: {error}. Fetch {weights.url} and "
                "put it into hub/checkpoints/ of the folder that TORCH_HOME names"
            ) from error
    return torch.load(path, map_location="cpu", weights_only=True)


def _named_hash(path: Path) -> str:
    """Return what follows the last - of a file's name: the beginning of its SHA-256 hash."""
    return path.stem.rsplit("-", 1)[-1]


def _is_intact(path: Path) -> bool:
    return sha256(path.read_bytes()).hexdigest().startswith(_named_hash(path))


def vgg19_convolutions(*, fetch: bool = True) -> dict[str, Tensor]:
    """Return the convolutions of the trained VGG19: "0.weight" [64, 3, 3, 3], "0.bias" and so on.

    They are 80 of the 575 MB of torchvision's file, and kept in the data folder once they were
    read. The hash of what is kept is checked on every load too. torchvision's file stays in its
    own cache; this function does not need it any more.

    Args:
        fetch: whether the network may be asked at all.

    Raises:
        FileNotFoundError: the weights are not here and cannot be fetched.
        ValueError: a file is damaged and cannot be fetched again, or holds NaN.

    Source: Simonyan & Zisserman 2015; trained by torchvision on ImageNet.
    """
    kept = next(iter(sorted(data_folder().glob("vgg19_convolutions-*.pt"))), None)
    if kept is not None:
        if _is_intact(kept):
            return torch.load(kept, map_location="cpu", weights_only=True)
        print(f"{kept.name} is damaged: going back to torchvision's file.")
    try:
        weights = trained_weights(VGG19_Weights.IMAGENET1K_V1, fetch=fetch)
    except FileNotFoundError as error:
        if kept is None:
            raise
        raise ValueError(f"{kept.name} is damaged. Delete it, or: {error}") from error
    prefix = "features."
    convolutions = {
        name.removeprefix(prefix): weight.clone()  # or else all 575 MB would be kept
        for name, weight in weights.items()
        if name.startswith(prefix)
    }
    for name, weight in convolutions.items():
        if not weight.isfinite().all():
            raise ValueError(
                f"{name} of {Path(VGG19_Weights.IMAGENET1K_V1.url).name} holds NaN or infinite "
                "numbers. Delete the file, and it is fetched again"
            )
    _keep(convolutions, kept)
    return convolutions


def _keep(convolutions: dict[str, Tensor], damaged: Path | None) -> None:
    """Write a file whose name holds its own hash, in place of a damaged one."""
    data = io.BytesIO()
    torch.save(convolutions, data)
    name = f"vgg19_convolutions-{sha256(data.getvalue()).hexdigest()[:8]}.pt"
    try:
        data_folder().mkdir(parents=True, exist_ok=True)
        with replacing(data_folder() / name) as file:
            file.write(data.getvalue())
        if damaged is not None:
            damaged.unlink()
    except OSError as error:
        print(f"The convolutions could not be kept in the data folder: {error.strerror}.")
