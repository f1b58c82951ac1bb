"""The weights of networks that others trained, checked by their hash on every load."""

import io
from hashlib import sha256
from http.client import HTTPException
from pathlib import Path

import torch
from torch import Tensor
from torchvision.models import VGG19_Weights, WeightsEnum

from gan_utils.data.downloads import data_folder, impatient, network_allowed
from gan_utils.files import atomic_write
from gan_utils.progress import print_wrapped


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
            print_wrapped(f"{path.name} is damaged: fetching it again.")
        try:
            if not (fetch and network_allowed()):
                reason = "GAN_UTILS_OFFLINE forbids it" if fetch else "quick mode fetches nothing"
                raise OSError(reason)
            path.parent.mkdir(parents=True, exist_ok=True)
            with impatient():
                torch.hub.download_url_to_file(weights.url, str(path), wanted, progress=False)
        except (OSError, RuntimeError, HTTPException) as error:
            if present:
                raise ValueError(
                    f"{path.name} is damaged (its SHA-256 does not begin with {wanted}) and "
                    f"cannot be fetched again: {error}. Replace or delete it"
                ) from None
            raise FileNotFoundError(
                f"{path.name} is not here and cannot be fetched: {error}. Fetch {weights.url} and "
                "put it into hub/checkpoints/ of the folder that TORCH_HOME names"
            ) from None
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
        print_wrapped(f"{kept.name} is damaged: going back to torchvision's file.")
    try:
        weights = trained_weights(VGG19_Weights.IMAGENET1K_V1, fetch=fetch)
    except FileNotFoundError as error:
        if kept is None:
            raise
        raise ValueError(f"{kept.name} is damaged. Delete it, or: {error}") from None
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
        with atomic_write(data_folder() / name) as file:
            file.write(data.getvalue())
        if damaged is not None:
            damaged.unlink()
    except OSError as error:
        print_wrapped(f"The convolutions could not be kept in the data folder: {error.strerror}.")
