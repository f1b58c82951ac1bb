"""The weights of networks that others trained, checked by their hash on every load."""

from hashlib import sha256
from http.client import HTTPException
from pathlib import Path

import torch
from torch import Tensor
from torchvision.models import WeightsEnum

from gan_utils.data.downloads import impatient, network_allowed


def trained_weights(weights: WeightsEnum, *, fetch: bool = True) -> dict[str, Tensor]:
    """Return a trained network's weights: torchvision's file from its cache, or fetched.

    The file's name ends in the first digits of its SHA-256 hash. The hash is checked on every
    load, not only after a download.

    Args:
        weights: for instance `torchvision.models.VGG19_Weights.IMAGENET1K_V1`.
        fetch: whether the network may be asked at all.

    Raises:
        FileNotFoundError: the file is not in the cache and cannot be fetched.
        ValueError: the file is damaged, or holds NaN. It stays as it is.
    """
    path = Path(torch.hub.get_dir()) / "checkpoints" / Path(weights.url).name
    wanted = path.stem.rsplit("-", 1)[-1]
    if not path.is_file():
        try:
            if not (fetch and network_allowed()):
                reason = "GAN_UTILS_OFFLINE forbids it" if fetch else "quick mode fetches nothing"
                raise OSError(reason)
            path.parent.mkdir(parents=True, exist_ok=True)
            with impatient():
                torch.hub.download_url_to_file(weights.url, str(path), wanted, progress=False)
        except (OSError, RuntimeError, HTTPException) as error:
            size = weights.meta["_file_size"]  # in MB
            raise FileNotFoundError(
                f"{path.name} ({size:,.0f} MB) is not in hub/checkpoints/ of the folder that "
                "TORCH_HOME names, otherwise of ~/.cache/torch, and cannot be fetched: "
                f"{error}. Fetch {weights.url} and put it there"
            ) from None
    if not sha256(path.read_bytes()).hexdigest().startswith(wanted):
        raise ValueError(
            f"{path.name} is damaged (its SHA-256 does not begin with {wanted}). Replace it, or "
            "delete it and it is fetched again"
        )
    found = torch.load(path, map_location="cpu", weights_only=True)
    for name, weight in found.items():
        if not weight.isfinite().all():
            raise ValueError(
                f"{name} of {path.name} holds NaN or infinite numbers; delete the file"
            )
    return found
