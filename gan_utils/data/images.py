"""Training images: whole numbers from 0 to 255 when stored, floats in [-1, 1] when used."""

import torch
from torch import Tensor

from gan_utils.progress import print_wrapped


def check_images(images: Tensor, shape: tuple[int, int, int]) -> None:
    """Raise ValueError if the images are not uint8 [N, *shape], N at least 1."""
    if images.dtype != torch.uint8 or images.shape[1:] != shape or len(images) == 0:
        raise ValueError(
            f"images are {images.dtype} {list(images.shape)}; they must be torch.uint8 "
            f"[N, {', '.join(map(str, shape))}] with values from 0 to 255, N at least 1"
        )


def announce(what: str, train: Tensor, kept: Tensor, note: str = "") -> None:
    """Print what was loaded, how many images, and a note about those that are kept back."""
    print_wrapped(f"{what}: {len(train):,} to learn from, {len(kept):,} kept back{note}")


def scale_images(images: Tensor) -> Tensor:
    """Map images from uint8, 0 to 255, to float in [-1, 1], the range of a generator's tanh.

    Raises:
        ValueError: the images are not uint8.
    """
    if images.dtype != torch.uint8:
        raise ValueError(f"images are {images.dtype}; they must be torch.uint8, 0 to 255")
    return images.float() / 127.5 - 1
