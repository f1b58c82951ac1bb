"""Training recipes as data, each with its source."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

from torch import nn

from gan_utils.models import MLPDiscriminator, MLPGenerator


@dataclass(frozen=True)
class Recipe:
    """Two networks and how to train them.

    Attributes:
        source: where the recipe was published.
        generator, discriminator: build the networks, freshly initialised.
        batch_size: samples in a batch.
        epochs: passes over the data.
        training: further arguments of `training.train_gan`.
    """

    source: str
    generator: Callable[[], nn.Module]
    discriminator: Callable[[], nn.Module]
    batch_size: int
    epochs: int
    training: dict[str, Any]


SINE_PUBLISHED = Recipe(
    source='"Generative Adversarial Networks: Build Your First Models", Real Python, 2020',
    generator=partial(MLPGenerator, 2, (16, 32), 2),
    discriminator=partial(MLPDiscriminator, 2, (256, 128, 64), dropout=0.3),
    batch_size=32,
    epochs=300,
    training=dict(latent_dim=2, lr=1e-3, betas=(0.9, 0.999)),
)

SINE_HOUSE = Recipe(
    source="notebook 01: the published networks and budget, trained with three changes",
    generator=SINE_PUBLISHED.generator,
    discriminator=SINE_PUBLISHED.discriminator,
    batch_size=32,
    epochs=300,
    training=dict(latent_dim=2, lr=3e-3, betas=(0.5, 0.99), decay_lr=True, ema_decay=0.99),
)
