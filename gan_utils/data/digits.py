"""Grey images of ten classes: MNIST, Fashion-MNIST, or the small digits of scikit-learn."""

from dataclasses import dataclass

import torch
from sklearn.datasets import load_digits
from torch import Tensor
from torch.nn.functional import interpolate
from torchvision.datasets import MNIST, FashionMNIST

from gan_utils.data.images import announce, check_images
from gan_utils.data.mnist import mnist_parts

DIGIT_SHAPE = (1, 28, 28)  # channels, rows, columns
DIGIT_SOURCES = ("auto", "mnist", "fashion", "digits")


@dataclass(frozen=True)
class LabelledImages:
    """Greyscale images with a class for each.

    Attributes:
        images: uint8 [N, 1, 28, 28], from 0 (black) to 255 (white); N at least 1.
        labels: int64 [N], the number of the class, from 0 to 9.
        classes: the names of the ten classes.

    Raises:
        ValueError: shapes, types or numbers are not as above.
    """

    images: Tensor
    labels: Tensor
    classes: tuple[str, ...] = tuple("0123456789")

    def __post_init__(self) -> None:
        """Check that images and labels fit."""
        images, labels = self.images, self.labels
        check_images(images, DIGIT_SHAPE)
        if labels.shape != images.shape[:1]:
            raise ValueError(
                f"labels have shape {list(labels.shape)}; {len(images)} images need "
                f"[{len(images)}], one label each"
            )
        if labels.dtype != torch.int64 or labels.min() < 0 or labels.max() >= len(self.classes):
            raise ValueError(
                f"labels are {labels.dtype} from {labels.min()} to {labels.max()}; they must be "
                f"torch.int64 from 0 to {len(self.classes) - 1}"
            )


def digit_images(source: str = "auto") -> tuple[LabelledImages, LabelledImages]:
    """Return images to learn from and images kept back for comparison; print what they are.

    Args:
        source: `"mnist"` (60,000 + 10,000 handwritten digits, LeCun et al. 1998), `"fashion"`
            (as many pictures of clothes, Xiao et al. 2017), `"digits"` (1,347 + 450 handwritten
            digits of 8x8 pixels that come with scikit-learn, enlarged; Alpaydin & Kaynak 1998),
            or `"auto"`: MNIST if it is in the data folder or can be fetched, else the digits.

    Raises:
        ValueError: there is no such source, or a file is damaged.
        FileNotFoundError: the files of a source that was asked for cannot be had.
        NotADirectoryError: `GAN_UTILS_DATA` names no folder.
    """
    if source not in DIGIT_SOURCES:
        raise ValueError(f"source is {source!r}; choose one of {', '.join(DIGIT_SOURCES)}")
    if source == "digits":
        return _embedded_digits()
    kind = FashionMNIST if source == "fashion" else MNIST
    try:
        parts, origin = mnist_parts(kind)
    except FileNotFoundError:
        if source != "auto":
            raise
        print("MNIST is not here and cannot be fetched. Instead:")
        return _embedded_digits()
    names = tuple(name.split(" - ")[0] for name in kind.classes)  # MNIST says "7 - seven"
    train, test = (LabelledImages(x.unsqueeze(1), labels, names) for x, labels in parts)
    announce(f"{kind.__name__}, {origin}", train.images, test.images)
    return train, test


def _embedded_digits() -> tuple[LabelledImages, LabelledImages]:
    digits = load_digits()
    small = torch.from_numpy(digits.images).float().unsqueeze(1) * (255 / 16)
    large = interpolate(small, size=DIGIT_SHAPE[1:], mode="bicubic")
    images, labels = large.round().clamp(0, 255).byte(), torch.from_numpy(digits.target).long()
    part = len(images) * 3 // 4
    train = LabelledImages(images[:part], labels[:part])
    test = LabelledImages(images[part:], labels[part:])
    announce("scikit-learn's digits, enlarged", train.images, test.images)
    return train, test
