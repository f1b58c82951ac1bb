"""Who judges the samples of a training: digits and clothes by features, points by the curve."""

import base64
import io
from functools import lru_cache
from typing import Any, Protocol

import torch
from PIL import Image
from torch import Tensor
from torchvision.utils import make_grid

from gan_utils.data.digits import digit_images
from gan_utils.data.images import scale_images
from gan_utils.data.sine import sine_points
from gan_utils.randomness import seeded
from gan_utils.scores.digit_classifier import DigitClassifier, train_classifier
from gan_utils.scores.metrics import (
    CurveScore,
    FrechetDistance,
    class_balance,
    curve_score,
    precision_and_recall,
)

READER = dict(seed=111, steps=2000, batch_size=128)  # the classifier that gives the features
SCORED = 10_000  # images on either side of a score, at most
NEIGHBOURS = dict(images=3000, k=3)  # for precision and recall
CURVE = dict(points=1024, scored=4000, draws=20)  # learned from, in a score, draws of the floor
SHADES = 16  # of grey, in a stored grid
DIGITS = 4  # of a stored number

Scores = dict[str, float]


class Judge(Protocol):
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
        """Return what a training learns from; where it is drawn, PyTorch's seed decides."""

    def __call__(self, samples: Tensor) -> Scores:
        """Return the scores of `count` samples."""

    def coverage(self, samples: Tensor, /) -> Scores:
        """Return scores that are worth computing once, at the end."""

    def picture(self, samples: Tensor) -> Any:
        """Return some samples in a form that a small file can hold."""


class DigitJudge:
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
        grid = make_grid(images / 2 + 0.5, 10, padding=1)[0]
        data = io.BytesIO()
        picture = Image.fromarray((grid * 255).round().byte().numpy())
        picture.quantize(SHADES).save(data, "PNG", optimize=True)
        return base64.b64encode(data.getvalue()).decode()


class SineJudge:
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
        """Draw the points [examples, 2] that a training learns from."""
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


def _rounded(**numbers: float) -> Scores:
    return {name: float(f"{number:.{DIGITS}g}") for name, number in numbers.items()}


def judge_settings(source: str) -> dict[str, Any]:
    """Return the numbers that the scores of a source depend on."""
    if source == "sine":
        return {"curve": CURVE}
    return {"reader": READER, "scored": SCORED, "neighbours": NEIGHBOURS}


@lru_cache(maxsize=1)  # a classifier is trained once a process
def judge_of(source: str, device: torch.device) -> Judge:
    """Return the judge of a source: `"sine"`, or one of `digits.DIGIT_SOURCES`."""
    return SineJudge() if source == "sine" else DigitJudge(source, device)
