"""Where training data comes from, and how a training loop gets it in batches."""

import math
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from sklearn.datasets import load_digits
from torch import Tensor
from torch.nn.functional import interpolate
from torchvision.datasets import MNIST, FashionMNIST

from gan_utils.downloads import celeba_images, data_folder, lfw_images, mnist_parts
from gan_utils.faces import FACE_SHAPE, draw_faces, draw_factors
from gan_utils.pictures import load_folder
from gan_utils.runtime import mode, random_state, restore_random_state

DIGIT_SHAPE = (1, 28, 28)  # channels, rows, columns
DIGIT_SOURCES = ("auto", "mnist", "fashion", "digits")
FACE_SOURCES = ("auto", "folder", "lfw", "celeba", "drawn")


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
        _check_images(images, DIGIT_SHAPE)
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


def _check_images(images: Tensor, shape: tuple[int, int, int]) -> None:
    if images.dtype != torch.uint8 or images.shape[1:] != shape or len(images) == 0:
        raise ValueError(
            f"images are {images.dtype} {list(images.shape)}; they must be torch.uint8 "
            f"[N, {', '.join(map(str, shape))}] with values from 0 to 255, N at least 1"
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
    _announce(f"{kind.__name__}, {origin}", train.images, test.images)
    return train, test


def _embedded_digits() -> tuple[LabelledImages, LabelledImages]:
    digits = load_digits()
    small = torch.from_numpy(digits.images).float().unsqueeze(1) * (255 / 16)
    large = interpolate(small, size=DIGIT_SHAPE[1:], mode="bicubic")
    images, labels = large.round().clamp(0, 255).byte(), torch.from_numpy(digits.target).long()
    part = len(images) * 3 // 4
    train = LabelledImages(images[:part], labels[:part])
    test = LabelledImages(images[part:], labels[part:])
    _announce("scikit-learn's digits, enlarged", train.images, test.images)
    return train, test


def _announce(what: str, train: Tensor, kept: Tensor) -> None:
    print(f"{what}: {len(train):,} images to learn from, {len(kept):,} kept back")


@dataclass(frozen=True)
class FaceImages:
    """Faces in colour, with what is known about each.

    Attributes:
        images: uint8 [N, 3, 64, 64], from 0 to 255; N at least 1.
        factors: of drawn faces, see `faces.draw_factors`; None for photographs.

    Raises:
        ValueError: shapes or types are not as above.
    """

    images: Tensor
    factors: dict[str, Tensor] | None = None

    def __post_init__(self) -> None:
        """Check that the images have the right form, and the factors as many rows."""
        _check_images(self.images, FACE_SHAPE)
        for name, values in (self.factors or {}).items():
            if len(values) != len(self.images):
                raise ValueError(f"{name} has {len(values)} values for {len(self.images)} images")

    def __getitem__(self, chosen: Tensor) -> "FaceImages":
        """Return the rows where the boolean tensor `chosen` [N] is true."""
        factors = self.factors and {name: f[chosen] for name, f in self.factors.items()}
        return FaceImages(self.images[chosen], factors)


def face_images(
    source: str = "auto", *, count: int = 10_000, folder: Path | str | None = None
) -> tuple[FaceImages, FaceImages]:
    """Return faces to learn from and a tenth kept back for comparison; print what they are.

    Photographs become squares of 64 x 64 pixels, cut from their middle.

    Args:
        source: `"folder"` (any folder of pictures), `"lfw"` (13,233 photographs of Labeled Faces
            in the Wild, Huang et al. 2007, fetched by scikit-learn), `"celeba"` (202,599
            photographs, Liu et al. 2015, fetched by torchvision), `"drawn"` (faces of nobody,
            drawn by code, with known factors), or `"auto"`: the folder `faces` in the data
            folder; in full mode Labeled Faces in the Wild; else drawn faces.
        count: how many images in all. A source with fewer gives what it has.
        folder: for `"folder"`, where the pictures are; None is `faces` in the data folder.

    Raises:
        ValueError: there is no such source, `count` is below 10, fewer than 10 pictures can be
            used, or Labeled Faces in the Wild is damaged.
        FileNotFoundError: the pictures of a source that was asked for cannot be had.
        NotADirectoryError: `GAN_UTILS_DATA` names no folder.
    """
    if source not in FACE_SOURCES:
        raise ValueError(f"source is {source!r}; choose one of {', '.join(FACE_SOURCES)}")
    if count < 10:
        raise ValueError(f"count is {count}; it must be at least 10, as a tenth is kept back")
    if folder is not None and source != "folder":
        raise ValueError(f"folder is given, but source is {source!r}; ask for source='folder'")
    what, faces = _any_faces(count) if source == "auto" else _load_faces(source, count, folder)
    if len(faces.images) < 10:
        raise ValueError(
            f"{what}: only {len(faces.images)} can be used; at least 10 are needed, as a tenth is "
            "kept back. Add pictures, or ask for source='drawn'"
        )
    kept = torch.arange(len(faces.images)) % 10 == 9
    train, test = faces[~kept], faces[kept]
    _announce(what, train.images, test.images)
    return train, test


def _load_faces(source: str, count: int, folder: Path | str | None) -> tuple[str, FaceImages]:
    if source == "folder":
        folder = data_folder() / "faces" if folder is None else Path(folder).expanduser().resolve()
        return f"pictures of the folder {folder.name}", FaceImages(
            load_folder(folder, FACE_SHAPE[2], count)
        )
    if source == "lfw":
        return "Labeled Faces in the Wild", FaceImages(lfw_images(FACE_SHAPE[2], count))
    if source == "celeba":
        return "CelebA", FaceImages(celeba_images(FACE_SHAPE[2], count))
    factors = draw_factors(count)
    return "faces drawn by code", FaceImages(draw_faces(factors), factors)


def _any_faces(count: int) -> tuple[str, FaceImages]:
    if (data_folder() / "faces").is_dir():
        return _load_faces("folder", count, None)
    if mode() == "full":
        try:
            return _load_faces("lfw", count, None)
        except FileNotFoundError:
            print("Labeled Faces in the Wild is not here and cannot be fetched. Instead:")
    return _load_faces("drawn", count, None)


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
