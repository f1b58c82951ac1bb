"""What scores the samples of a training run: images by features, points by the curve."""

import base64
import io
from functools import lru_cache
from typing import Any, Protocol

import torch
from PIL import Image
from torch import Tensor, nn
from torchvision.transforms.functional import to_pil_image
from torchvision.utils import make_grid

from gan_utils.data.digits import digit_images
from gan_utils.data.drawn_faces import CHOICES, FACE_SHAPE
from gan_utils.data.faces import FACE_SOURCES, face_images
from gan_utils.data.images import scale_images
from gan_utils.data.sine import sine_points
from gan_utils.randomness import seeded
from gan_utils.scores.digit_classifier import DigitClassifier, train_classifier
from gan_utils.scores.face_classifier import FaceClassifier
from gan_utils.scores.features import RandomFeatures, in_chunks
from gan_utils.scores.metrics import (
    CurveScore,
    FrechetDistance,
    checkerboard_power,
    class_balance,
    curve_score,
    nearest_neighbours,
    precision_and_recall,
)

READER = dict(seed=111, steps=2000, batch_size=128)  # the classifier that gives the features
SCORED = 10_000  # images on either side of a score, at most
NEIGHBOURS = dict(images=3000, k=3)  # for precision and recall
CURVE = dict(points=1024, scored=4000, draws=20)  # learned from, in a score, draws of the floor
FACES = dict(count=14_000, features=0, real=4)  # real: times as many images as are scored
PERIODS = (2, 4)  # of chequers, in pixels
SHADES = 16  # of grey, in a stored grid
JPEG = dict(format="JPEG", quality=75)  # of a stored grid in colour
DIGITS = 4  # of a stored number

Scores = dict[str, float]


class Evaluator(Protocol):
    """Scores samples, and knows what real ones score.

    Attributes:
        examples: how many real samples are learned from.
        count: samples in a score.
        floor: the scores of real samples that were never learned from.
    """

    examples: int
    count: int
    floor: Scores

    def samples(self) -> Tensor:
        """Return what a training run learns from; where it is drawn, PyTorch's seed decides."""

    def __call__(self, samples: Tensor) -> Scores:
        """Return the scores of `count` samples."""

    def coverage(self, samples: Tensor, /) -> Scores:
        """Return scores that are worth computing once, at the end."""

    def picture(self, samples: Tensor) -> Any:
        """Return some samples in a form that a small file can hold."""


class DigitEvaluator:
    """Scores of generated images beside those of images that were kept back.

    Args:
        source: see `digits.digit_images`.
        device: where the classifier works that gives the features.
    """

    def __init__(self, source: str, device: torch.device) -> None:
        """Load the images and train the classifier, from a seed of its own."""
        self.train, kept = digit_images(source)
        with seeded(READER["seed"]):
            self.reader = DigitClassifier().to(device)
            train_classifier(
                self.reader, self.train, steps=READER["steps"], batch_size=READER["batch_size"]
            )
            chosen = torch.randperm(len(self.train.images))[:SCORED]
        self.kept = scale_images(kept.images[:SCORED])
        self.frechet = FrechetDistance(self.reader, scale_images(self.train.images[chosen]))
        self.examples, self.count = len(self.train.images), len(self.kept)
        self.floor = self(self.kept)

    def samples(self) -> Tensor:
        """Return all images to learn from, uint8 [N, 1, 28, 28]."""
        return self.train.images

    def __call__(self, images: Tensor) -> Scores:
        """Return the scores of as many images as were kept back, in [-1, 1]."""
        balance = class_balance(self.reader, images)
        return _rounded(
            frechet=self.frechet(images),
            entropy=balance.entropy,
            rarest=min(balance.shares),
            commonest=max(balance.shares),
        )

    def coverage(self, images: Tensor, /) -> Scores:
        """Return precision and recall, which the Fréchet distance mixes."""
        count = NEIGHBOURS["images"]
        real, fake = self.kept[:count], images[:count]
        precision, recall = precision_and_recall(self.reader, real, fake, k=NEIGHBOURS["k"])
        return _rounded(precision=precision, recall=recall)

    def picture(self, images: Tensor) -> str:
        """Return images in [-1, 1] as a small PNG, ten in a row, in letters."""
        grid = _grid(images).convert("L").quantize(SHADES)
        return _letters(grid, format="PNG", optimize=True)


class FaceEvaluator:
    """Scores of generated faces beside those of faces that were kept back.

    Args:
        source: see `faces.face_images`.
        device: where the features are computed.
    """

    def __init__(self, source: str, device: torch.device) -> None:
        """Load or draw the faces and take the features of real ones, from a seed of their own."""
        with seeded(0):
            self.train, kept = face_images(source, count=FACES["count"])
            chosen = torch.randperm(len(self.train.images))[: FACES["real"] * len(kept.images)]
        self.kept = scale_images(kept.images)
        self.reader = None if self.train.factors is None else FaceClassifier(self.train)
        features = RandomFeatures(FACES["features"]).to(device)
        self.frechet = FrechetDistance(features, scale_images(self.train.images[chosen]))
        self.examples, self.count = len(self.train.images), len(self.kept)
        self.waves = {period: checkerboard_power(self.kept, period) for period in PERIODS}
        self.floor = self(self.kept)

    def samples(self) -> Tensor:
        """Return all faces to learn from, uint8 [N, 3, 64, 64], and the mirror images of
        photographs.
        """
        return self._with_mirrors(torch.arange(len(self.train.images)))

    def few(self, count: int) -> Tensor:
        """Return `count` of the faces to learn from, always the same, as `samples` does.

        Raises:
            ValueError: there are not as many.
        """
        if count > len(self.train.images):
            raise ValueError(f"{count} faces are asked for; {len(self.train.images)} are here")
        with seeded(0):
            return self._with_mirrors(torch.randperm(len(self.train.images))[:count])

    def _with_mirrors(self, chosen: Tensor) -> Tensor:
        images = self.train.images[chosen]
        return torch.cat([images, images.flip(3)]) if self.reader is None else images

    def memory(self, discriminator: nn.Module, samples: Tensor, made: Tensor) -> Scores:
        """Return how far both networks have learned `samples` by heart.

        Returns:
            `overfit`: (E[D(learned)] - E[D(kept back)]) / (E[D(learned)] - E[D(made)]): 0 where the
            discriminator treats faces kept back as learned ones, 1 where it takes them for made
            (Karras et al. 2020, ADA, eq. 1). `nearest`: the median distance of made faces to the
            nearest learned one, in units of that of faces kept back.
        """
        learned = scale_images(samples)
        known, kept, fake = (
            in_chunks(discriminator, images, FACE_SHAPE).mean().item()
            for images in (learned, self.kept, made)
        )
        near = [nearest_neighbours(each, learned)[1].median().item() for each in (made, self.kept)]
        return _rounded(overfit=(known - kept) / (known - fake), nearest=near[0] / near[1])

    def __call__(self, images: Tensor) -> Scores:
        """Return the scores of as many faces as were kept back, in [-1, 1].

        Chequers and contrast are ratios to those of the faces kept back.
        """
        waves = {
            f"chequers {p}": checkerboard_power(images, p) / real for p, real in self.waves.items()
        }
        contrast = (_contrast(images) / _contrast(self.kept)).item()
        return _rounded(frechet=self.frechet(images), **waves, contrast=contrast)

    def coverage(self, images: Tensor, /) -> Scores:
        """Return the share of the rarest value of each factor, in shares of equal parts; of
        drawn faces only.
        """
        read = {} if self.reader is None else self.reader(images)
        found = {}
        for name, values in read.items():
            counts = (values + 1).bincount(minlength=len(CHOICES[name]) + 1)[1:]
            found[name] = (counts.min() * len(counts) / len(images)).item()
        return _rounded(**found)

    def picture(self, images: Tensor) -> str:
        """Return images in [-1, 1] as a JPEG, ten in a row, in letters."""
        return _letters(_grid(images), **JPEG)


class SineEvaluator:
    """Scores of generated points beside those of real points, which were drawn again and again.

    Attributes:
        floor: the mean over the draws, and the deviation between them.
    """

    def __init__(self) -> None:
        """Draw real points, from a seed of their own."""
        self.examples, self.count = CURVE["points"], CURVE["scored"]
        with seeded(0):
            draws = [curve_score(sine_points(self.count)) for _ in range(CURVE["draws"])]
        scores = torch.tensor(draws)
        means = zip(CurveScore._fields, scores.mean(0).tolist(), strict=True)
        deviations = zip(CurveScore._fields, scores.std(0).tolist(), strict=True)
        self.floor = _rounded(**dict(means))
        self.floor |= _rounded(**{f"{name} deviation": number for name, number in deviations})

    def samples(self) -> Tensor:
        """Draw the points [examples, 2] that a training run learns from."""
        return sine_points(self.examples)

    def __call__(self, points: Tensor) -> Scores:
        """Return share, distance and W1 of points [count, 2]."""
        return _rounded(**curve_score(points)._asdict())

    def coverage(self, _: Tensor, /) -> Scores:
        """Return nothing more: W1 and the share are coverage and precision already."""
        return {}

    def picture(self, points: Tensor) -> list[list[float]]:
        """Return the points, to two decimals."""
        return [[round(number, 2) for number in point] for point in points.tolist()]


def _grid(images: Tensor) -> Image.Image:
    grid = make_grid(images / 2 + 0.5, 10, padding=1)
    return to_pil_image((grid * 255).round().byte())


def _letters(picture: Image.Image, **options: Any) -> str:
    data = io.BytesIO()
    picture.save(data, **options)
    return base64.b64encode(data.getvalue()).decode()


def _contrast(images: Tensor) -> Tensor:
    return images.flatten(1).std(dim=1).mean()


def _rounded(**numbers: float) -> Scores:
    return {name: float(f"{number:.{DIGITS}g}") for name, number in numbers.items()}


def evaluator_settings(source: str) -> dict[str, Any]:
    """Return the numbers that the scores of a source depend on."""
    if source == "sine":
        return {"curve": CURVE}
    if source in FACE_SOURCES:
        return {"faces": FACES}
    return {"reader": READER, "scored": SCORED, "neighbours": NEIGHBOURS}


@lru_cache(maxsize=1)  # a classifier is trained once a process
def evaluator_of(source: str, device: torch.device) -> Evaluator:
    """Return the evaluator of a source: `"sine"`, or one of `digits.DIGIT_SOURCES` or
    `faces.FACE_SOURCES` (but not `"auto"`).
    """
    if source == "sine":
        return SineEvaluator()
    return (FaceEvaluator if source in FACE_SOURCES else DigitEvaluator)(source, device)
