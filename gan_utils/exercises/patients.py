"""The patients of lesson 06: healthy training runs, and the same with one small mistake. Reading on
gives the answers away.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cache, partial
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.functional import binary_cross_entropy_with_logits
from torch.optim import Adam, Optimizer

from gan_utils.data.digits import DIGIT_SHAPE, LabelledImages, digit_images
from gan_utils.data.drawn_faces import draw_faces, draw_factors
from gan_utils.data.sine import sine_points
from gan_utils.exercises.clinic import Run, Training
from gan_utils.gan.losses import cross_entropy
from gan_utils.gan.models import MLPDiscriminator, MLPGenerator
from gan_utils.gan.recipes import FACES_HOUSE
from gan_utils.randomness import seeded
from gan_utils.scores.metrics import curve_score, nearest_neighbours

FACE_SIZE = 32  # pixels
LEAST_VARIETY = 0.2  # of images, see `variety`


@cache
def _both_digits() -> tuple[LabelledImages, LabelledImages]:
    return digit_images("digits")


def _digits(part: int) -> Tensor:
    return _both_digits()[part].images


@cache
def _faces(count: int, seed: int) -> Tensor:
    with seeded(seed):
        return draw_faces(draw_factors(count), FACE_SIZE)


def _points(seed: int) -> Tensor:
    with seeded(seed):
        return sine_points(1024)


def as_they_are(points: Tensor) -> Tensor:
    """Leave points as they are."""
    return points


SINE = Training(
    data=partial(_points, 0),
    kept=partial(_points, 1),
    generator=partial(MLPGenerator, 2, (16, 32), 2),
    discriminator=partial(MLPDiscriminator, 2, (64, 64), slope=0.2),
    latent_dim=2,
    batch_size=32,
    steps=1800,
    lr=1e-3,
    d_lr=1e-3,
    betas=(0.5, 0.99),
    prepare=as_they_are,
)

DIGITS = Training(
    data=partial(_digits, 0),
    kept=partial(_digits, 1),
    generator=partial(
        MLPGenerator,
        64,
        (128, 256),
        DIGIT_SHAPE,
        slope=0.2,
        batch_norm=nn.BatchNorm1d,
        tanh=True,
    ),
    discriminator=partial(MLPDiscriminator, 784, (256, 128), slope=0.2),
    latent_dim=64,
    batch_size=64,
    steps=630,
    lr=5e-4,
    d_lr=2e-4,
    betas=(0.0, 0.99),
)

FACES = Training(
    data=partial(_faces, 1500, 0),
    kept=partial(_faces, 300, 1),
    generator=partial(FACES_HOUSE.generator, latent_dim=64, width=16, image_size=FACE_SIZE),
    discriminator=partial(FACES_HOUSE.discriminator, width=16, image_size=FACE_SIZE),
    latent_dim=64,
    batch_size=16,
    steps=450,
    lr=1e-3,
    d_lr=5e-4,
    betas=(0.0, 0.99),
)


# What is wrong is also told by a number of the samples drawn at the end.


def unevenness(run: Run) -> float:
    """Return how far points must move, on average, to be spread evenly along the curve: their
    Wasserstein-1 distance along the axis, and their median distance to the curve.
    """
    points = run.snapshots[-1]
    if not points.isfinite().all():
        return math.inf
    score = curve_score(points)
    return score.w1 + score.distance


def blackness(run: Run) -> float:
    """Return the share of pixels below -0.9, as most of a digit's are."""
    return (run.snapshots[-1] < -0.9).float().mean().item()


def strangeness(run: Run) -> float:
    """Return the mean distance of samples to their nearest neighbours among the real ones, relative
    to that of real ones that were kept back.
    """
    kept = run.training.prepare(run.training.kept().to(run.device))
    real = run.real.cpu()
    samples, kept = (
        nearest_neighbours(some.cpu(), real)[1].mean() for some in (run.snapshots[-1], kept)
    )
    return (samples / kept).item()


def variety(run: Run) -> float:
    """Return the mean standard deviation of the samples' pixels, relative to real ones."""
    samples, real = run.snapshots[-1], run.real.cpu()
    return (samples.std(0).mean() / real.std(0).mean()).item()


@dataclass(frozen=True)
class Patient:
    """A training run with a mistake.

    Attributes:
        healthy: the run as it should be.
        change: the parts with the mistake, by their names.
        symptom: a number of the samples drawn at the end.
        normal: the lowest and the highest value of a run without the symptom.

    A run is well only if its samples are finite and, where they are images, vary.
    """

    healthy: Training
    change: dict[str, Any]
    symptom: Callable[[Run], float]
    normal: tuple[float, float]

    @property
    def sick(self) -> Training:
        """The training run with the mistake."""
        return replace(self.healthy, **self.change)

    def is_well(self, run: Run) -> bool:
        """Tell whether the symptom is absent, measured beside the data that it learned from, which
        a mend may have changed, and beside those of the healthy run.
        """
        samples, (lowest, highest) = run.snapshots[-1], self.normal
        real = self.healthy.prepare(self.healthy.data())
        beside = replace(run, training=self.healthy, real=real)
        varied = samples.ndim == 2 or variety(beside) >= LEAST_VARIETY
        inside = [lowest <= self.symptom(each) <= highest for each in (run, beside)]
        return bool(samples.isfinite().all()) and varied and all(inside)


# The mistakes. Whoever asks for code sees it with its name, so names tell nothing.


def optimizers_1(
    generator: nn.Module,
    discriminator: nn.Module,
    lr: float,
    d_lr: float,
    betas: tuple[float, float],
) -> tuple[Optimizer, Optimizer]:
    """Return an optimiser for each network."""
    networks = dict(g=generator, d=discriminator)
    g_optimizer = Adam(networks["d"].parameters(), lr, betas)
    d_optimizer = Adam(networks["d"].parameters(), d_lr, betas)
    return g_optimizer, d_optimizer


def g_loss_0(discriminator: nn.Module, fake: Tensor) -> Tensor:
    """Return the generator's loss."""
    logits = discriminator(fake)
    labels = torch.zeros_like(logits)
    return binary_cross_entropy_with_logits(logits, labels)


def learn_2(optimizer: Optimizer, loss: Tensor) -> None:
    """Do one update by the gradients of a loss."""
    loss.backward()
    optimizer.step()


def step_3(
    training: Training,
    generator: nn.Module,
    discriminator: nn.Module,
    g_optimizer: Optimizer,
    d_optimizer: Optimizer,
    real: Tensor,
    latent: Tensor,
) -> tuple[Tensor, ...]:
    """Train each network once."""
    fake = generator(latent)
    for_d, *means = training.d_loss(discriminator, real, fake)
    for_g = training.g_loss(discriminator, fake)
    d_optimizer.zero_grad()
    g_optimizer.zero_grad()
    (for_d + for_g).backward()
    d_optimizer.step()
    g_optimizer.step()
    return for_d, for_g, *means


def prepare_4(images: Tensor) -> Tensor:
    """Make floats of the pixels."""
    return images.float() / 255


def latent_5(count: int, dim: int) -> Tensor:
    """Draw latent vectors, in the same way on each computer."""
    generator = torch.Generator().manual_seed(0)
    return torch.randn(count, dim, generator=generator)


def discriminator_7() -> nn.Module:
    """Build the discriminator."""
    layers = MLPDiscriminator(784, (256, 128), slope=0.2)
    return nn.Sequential(layers, nn.Sigmoid())


def d_loss_8(discriminator: nn.Module, real: Tensor, fake: Tensor) -> tuple[Tensor, ...]:
    """Return the discriminator's loss, and the mean of D(x) and of D(G(z))."""
    real_logits, fake_logits = discriminator(torch.cat([real, fake])).chunk(2)
    loss = 2 * cross_entropy(real_logits, fake_logits)
    return loss, real_logits.sigmoid().mean(), fake_logits.sigmoid().mean()


@torch.no_grad()
def average_9(averaged: nn.Module, generator: nn.Module, decay: float = 0.99) -> None:
    """Let an averaged copy follow the generator."""
    pairs = zip(averaged.parameters(), generator.parameters(), strict=True)
    for slow, new in pairs:
        slow.lerp_(new, 1 - decay)


def data_10() -> Tensor:
    """Return the pictures to learn from."""
    return _faces(1500, 0)[:40]


EVEN = dict(symptom=unevenness, normal=(0.0, 0.5))
NEAR = dict(symptom=strangeness, normal=(1.0, 1.6))
VARIED = dict(symptom=variety, normal=(LEAST_VARIETY, 1.5))
NORMED = partial(FACES.discriminator, batch_norm=True)

PATIENTS = {
    0: Patient(SINE, dict(g_loss=g_loss_0), **EVEN),  # for the lesson, in which it is discussed
    1: Patient(SINE, dict(optimizers=optimizers_1), **EVEN),
    2: Patient(DIGITS, dict(learn=learn_2), **NEAR),
    3: Patient(SINE, dict(step=step_3), **EVEN),
    4: Patient(DIGITS, dict(prepare=prepare_4), blackness, (0.15, 0.5)),
    5: Patient(DIGITS, dict(latent=latent_5), **NEAR),
    6: Patient(DIGITS, dict(d_lr=2e-2), **NEAR),
    7: Patient(DIGITS, dict(discriminator=discriminator_7), **NEAR),
    8: Patient(replace(FACES, discriminator=NORMED), dict(d_loss=d_loss_8), **VARIED),
    9: Patient(FACES, dict(average=average_9), **VARIED),
    10: Patient(FACES, dict(data=data_10), strangeness, (1.3, 1.8)),
}
