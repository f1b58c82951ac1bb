"""Where training data comes from, and how a training loop gets it in batches."""

import math
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

import torch
from sklearn.datasets import load_digits
from torch import Tensor
from torch.nn.functional import interpolate
from torchvision.datasets import MNIST, FashionMNIST

from gan_utils.downloads import mnist_dataset
from gan_utils.runtime import random_state, restore_random_state

DIGIT_SIZE = 28  # pixels along each side
DIGIT_SOURCES = ("auto", "mnist", "fashion", "digits")


def sine_points(count: int) -> Tensor:
    """Draw points [count, 2] on one period of the sine curve.

    The first coordinate is uniform on [0, 2 pi), the second is its sine, in [-1, 1].

    Source: the example of "Generative Adversarial Networks: Build Your First Models",
    Real Python, 2020.

    Raises:
        ValueError: `count` is below 1.
    """
    if count < 1:
        raise ValueError(f"count is {count}; it must be at least 1")
    x1 = torch.rand(count) * 2 * math.pi
    return torch.stack([x1, x1.sin()], dim=1)


@dataclass(frozen=True)
class LabelledImages:
    """Greyscale images with a class for each.

    Attributes:
        images: uint8 [N, 1, 28, 28], from 0 (black) to 255 (white).
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
        if images.dtype != torch.uint8 or images.shape[1:] != (1, DIGIT_SIZE, DIGIT_SIZE):
            raise ValueError(
                f"images are {images.dtype} {list(images.shape)}; they must be torch.uint8 "
                f"[N, 1, {DIGIT_SIZE}, {DIGIT_SIZE}] with values from 0 to 255"
            )
        if labels.shape != images.shape[:1]:
            raise ValueError(
                f"labels have shape {list(labels.shape)}; {len(images)} images need "
                f"[{len(images)}], one label each"
            )
        if labels.is_floating_point() or not ((labels >= 0) & (labels < len(self.classes))).all():
            raise ValueError(
                f"labels are {labels.dtype} from {labels.min()} to {labels.max()}; they must be "
                f"whole numbers from 0 to {len(self.classes) - 1}"
            )


def digit_images(source: str = "auto") -> tuple[LabelledImages, LabelledImages]:
    """Return images to learn from and images kept back for comparison; print what they are.

    Args:
        source: `"mnist"` (60,000 + 10,000 handwritten digits, LeCun et al. 1998), `"fashion"`
            (as many pictures of clothes, Xiao et al. 2017), `"digits"` (1,347 + 450 handwritten
            digits of 8x8 pixels that come with scikit-learn, enlarged; Alpaydin & Kaynak 1998),
            or `"auto"`: MNIST if it is in the data folder or can be fetched, else the digits.

    Raises:
        ValueError: there is no such source, or a file is damaged and cannot be fetched again.
        FileNotFoundError: the files of a source that was asked for cannot be had.
    """
    if source not in DIGIT_SOURCES:
        raise ValueError(f"source is {source!r}; choose one of {', '.join(DIGIT_SOURCES)}")
    if source == "digits":
        return _embedded_digits()
    kind = FashionMNIST if source == "fashion" else MNIST
    try:
        *parts, origin = mnist_dataset(kind)
    except FileNotFoundError as error:
        if source != "auto":
            raise
        print(f"MNIST cannot be had ({error.__cause__}). Instead:")
        return _embedded_digits()
    names = tuple(name.split(" - ")[0] for name in kind.classes)  # MNIST says "7 - seven"
    train, test = (LabelledImages(p.data.unsqueeze(1), p.targets, names) for p in parts)
    _announce(kind.__name__, origin, train, test)
    return train, test


def _embedded_digits() -> tuple[LabelledImages, LabelledImages]:
    digits = load_digits()
    small = torch.from_numpy(digits.images).float().unsqueeze(1) * (255 / 16)
    large = interpolate(small, size=(DIGIT_SIZE, DIGIT_SIZE), mode="bicubic")
    images, labels = large.round().clamp(0, 255).byte(), torch.from_numpy(digits.target).long()
    part = len(images) * 3 // 4  # the others were written by other people
    train = LabelledImages(images[:part], labels[:part])
    test = LabelledImages(images[part:], labels[part:])
    _announce("scikit-learn's digits, enlarged", "installed with it", train, test)
    return train, test


def _announce(name: str, origin: str, train: LabelledImages, test: LabelledImages) -> None:
    counts = f"{len(train.images):,} images to learn from, {len(test.images):,} kept back"
    print(f"{name}, {origin}: {counts}")


def scale_images(images: Tensor) -> Tensor:
    """Map images from uint8, 0 to 255, to float in [-1, 1], the range of a generator's tanh.

    Raises:
        ValueError: the images are not uint8.
    """
    if images.dtype != torch.uint8:
        raise ValueError(f"images are {images.dtype}; they must be torch.uint8, 0 to 255")
    return images.float() / 127.5 - 1


class Batches:
    """Shuffled mini-batches of samples that already live on their device.

    Images may stay as uint8, a quarter of the memory; each batch is then scaled to [-1, 1].

    Each pass over it is one epoch in a new order, drawn from PyTorch's global CPU generator, so
    that a seed fixes the order on every device. All batches have the same size: the last few
    samples of an order that do not fill a batch wait for the next epoch.

    Args:
        samples: [count, ...], on the device where training happens.
        batch_size: samples in a batch, from 1 to count.

    Raises:
        ValueError: `batch_size` is below 1 or above the number of samples.
    """

    def __init__(self, samples: Tensor, batch_size: int) -> None:
        """Keep a reference to `samples`; nothing is copied."""
        if not 1 <= batch_size <= len(samples):
            raise ValueError(
                f"batch_size is {batch_size}; with {len(samples)} samples it must be "
                f"between 1 and {len(samples)}"
            )
        self.samples = samples
        self.batch_size = batch_size

    def __len__(self) -> int:
        """Return the number of batches in an epoch."""
        return len(self.samples) // self.batch_size

    def __iter__(self) -> Iterator[Tensor]:
        """Yield batches [batch_size, ...] in a new random order."""
        order = torch.randperm(len(self.samples))[: len(self) * self.batch_size]
        for indices in order.to(self.samples.device).split(self.batch_size):
            batch = self.samples[indices]
            yield scale_images(batch) if batch.dtype == torch.uint8 else batch


class BatchStream:
    """Batches on the device without end, epoch after epoch, from any place on.

    Its `state_dict` holds the place: the state of the random generators when the epoch began,
    which fixes its order, and the number of batches taken since. That is exact for everything
    that draws from PyTorch's global generators; a DataLoader with a generator of its own or
    with persistent workers comes back with other batches.

    Args:
        batches: gives an epoch's batches each time it is iterated: `Batches`, a list, a
            DataLoader. Of a batch (samples, labels) the samples are used.
        device: where the batches go.
    """

    def __init__(self, batches: Iterable, device: torch.device) -> None:
        """Start at the beginning of the first epoch."""
        self.batches = batches
        self.device = device
        self.position = 0
        self._stream = self._endless()

    def _endless(self) -> Iterator[Tensor]:
        while True:
            self.epoch_start = random_state(self.device)
            self.position = 0
            for batch in self.batches:
                self.position += 1
                samples = batch[0] if isinstance(batch, (list, tuple)) else batch
                if not samples.is_floating_point():
                    raise ValueError(f"batches gives {samples.dtype}; it must give floating point")
                yield samples.to(self.device)
            if self.position == 0:
                raise ValueError(
                    "batches gave nothing; it must give batches each time it is iterated, "
                    "as a list or a DataLoader does and a generator does not"
                )

    def __next__(self) -> Tensor:
        """Return the next batch.

        Raises:
            ValueError: `batches` gave nothing in a whole epoch, or samples that are not floats.
        """
        return next(self._stream)

    def state_dict(self) -> dict[str, Any]:
        """Return the place in the stream, after at least one batch."""
        return {"epoch_start": self.epoch_start, "position": self.position}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Go to a place that `state_dict` returned. Leaves the random generators moved."""
        restore_random_state(state["epoch_start"], self.device)
        self._stream = self._endless()
        for _ in range(state["position"]):
            next(self)
