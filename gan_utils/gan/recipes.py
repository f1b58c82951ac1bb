"""Training recipes as data, each with its source."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import torch
from torch import nn
from torch.nn import BatchNorm1d

from gan_utils.gan.models import (
    DCGANDiscriminator,
    DCGANGenerator,
    MLPDiscriminator,
    MLPGenerator,
)
from gan_utils.gan.modern import UpsampleGenerator


@dataclass(frozen=True)
class Recipe:
    """Two networks and how to train them.

    Attributes:
        source: where the recipe was published.
        generator, discriminator: build the networks, freshly initialised.
        batch_size: samples in a batch.
        training: further arguments of `training.train_gan`.
        epochs, steps: the budget that the source names, the one or the other.
    """

    source: str
    generator: Callable[[], nn.Module]
    discriminator: Callable[[], nn.Module]
    batch_size: int
    training: dict[str, Any]
    epochs: int | None = None
    steps: int | None = None


def vary(recipe: Recipe, *, training: dict[str, Any] | None = None, **fields: Any) -> Recipe:
    """Return a copy of a recipe with some fields exchanged, and some entries of `training`."""
    return replace(recipe, **fields, training=recipe.training | (training or {}))


SINE_PUBLISHED = Recipe(
    source='"Generative Adversarial Networks: Build Your First Models", Real Python, 2020',
    generator=partial(MLPGenerator, 2, (16, 32), 2),
    discriminator=partial(MLPDiscriminator, 2, (256, 128, 64), dropout=0.3),
    batch_size=32,
    epochs=300,
    training=dict(latent_dim=2, lr=1e-3, betas=(0.9, 0.999)),
)

SINE_HOUSE = replace(
    SINE_PUBLISHED,
    source="notebook 01: the published networks and budget, trained differently",
    training=SINE_PUBLISHED.training
    | dict(lr=3e-3, betas=(0.5, 0.99), decay_lr=True, ema_decay=0.999, loss="nonsaturating, R1"),
)

DIGIT = (1, 28, 28)

# The published code trains on BCELoss of probabilities; ours is the same loss of logits.
MNIST_REAL_PYTHON = Recipe(
    source="R. Candido, Generative Adversarial Networks: Build Your First Models, Real Python",
    generator=partial(MLPGenerator, 100, (256, 512, 1024), DIGIT, tanh=True),
    discriminator=partial(MLPDiscriminator, 784, (1024, 512, 256), dropout=0.3),
    batch_size=32,
    steps=50 * 1875,  # 50 epochs of 60,000 images
    training=dict(latent_dim=100, lr=1e-4, betas=(0.9, 0.999)),
)

# The published discriminator loss is the sum over both halves, ours their mean. Adam divides a
# gradient by its own size, so the factor 2 changes nothing but the weight of its epsilon. The
# number of images is a guess: samples are shown up to iteration 3,750 of 10 epochs, which fits
# 50,000 images and not 60,000.
MNIST_NOTE45 = Recipe(
    source="Pytorch Note45: generative adversarial networks, a study note on CSDN",
    generator=partial(MLPGenerator, 96, (1024, 1024), DIGIT, tanh=True),
    discriminator=partial(MLPDiscriminator, 784, (256, 256), slope=0.2),
    batch_size=128,
    steps=10 * 391,  # 10 epochs of 50,000 images
    training=dict(latent_dim=96, latent="uniform", shared_latent=True, lr=3e-4, betas=(0.5, 0.999)),
)

# The article tells the layers, the noise and 100 epochs; its code, which runs for 150, the rest.
MNIST_GAN = Recipe(
    source="T.-Y. Cheng, Building a GAN with PyTorch, Towards Data Science, 2021, and its code",
    generator=partial(MLPGenerator, 128, (1024, 2048), DIGIT, tanh=True),
    discriminator=partial(MLPDiscriminator, 784, (512,), slope=0.1),
    batch_size=64,
    steps=100 * 937,  # 100 epochs of 60,000 images
    training=dict(latent_dim=128, latent="uniform", lr=2e-4, betas=(0.5, 0.999)),
)

# Published for Keras: its batch norm momentum 0.8 keeps what PyTorch's 0.2 replaces, and its eps
# is 1e-3. It updates the discriminator on real and on generated images in turn, the latter drawn
# with batch norm in evaluation mode; we update it once for both, and draw as in training.
MNIST_KERAS = Recipe(
    source="Generative Adversarial Networks, Towards Data Science, after Keras-GAN, 2017",
    generator=partial(
        MLPGenerator,
        100,
        (256, 512, 1024),
        DIGIT,
        slope=0.2,
        batch_norm=partial(BatchNorm1d, momentum=0.2, eps=1e-3),
        tanh=True,
    ),
    discriminator=partial(MLPDiscriminator, 784, (512, 256), slope=0.2),
    batch_size=128,
    steps=100_000,
    training=dict(latent_dim=100, lr=2e-4, betas=(0.5, 0.999)),
)

MNIST_PUBLISHED = {  # by the names of their authors' pages
    "Real Python": MNIST_REAL_PYTHON,
    "PyTorch Note45": MNIST_NOTE45,
    "MnistGAN": MNIST_GAN,
    "Keras article": MNIST_KERAS,
}

# Its constants were chosen on other images: letters of many fonts, photographs of faces and drawn
# faces, all in grey and of 28x28 pixels, 2,500 steps each.
MNIST_HOUSE = replace(
    MNIST_KERAS,
    source="notebook 02: the networks and the batch of MNIST_KERAS, trained differently",
    steps=30_000,
    training=dict(
        latent_dim=100, lr=5e-4, d_lr=2e-4, betas=(0.0, 0.99), decay_lr=True, ema_decay=0.99
    ),
)


def _channels_last(build: Callable[..., nn.Module], **arguments: Any) -> nn.Module:
    """Build a network whose convolutions keep the channels of a pixel side by side in memory."""
    return build(**arguments).to(memory_format=torch.channels_last)


FACES_DCGAN = Recipe(
    source="Radford et al. 2016; batch and epochs as in its first public code, dcgan.torch",
    generator=DCGANGenerator,
    discriminator=DCGANDiscriminator,
    batch_size=64,
    epochs=25,
    training=dict(latent_dim=100, lr=2e-4, betas=(0.5, 0.999)),
)

# Its constants were chosen by the features of other networks than those that the lesson reports,
# and on other pictures: the first 9,000 of the folder to learn from, the next 1,000 to compare.
FACES_HOUSE = replace(
    FACES_DCGAN,
    source="notebook 03: no batch norm in the discriminator, R1, small batches, higher rates",
    generator=partial(_channels_last, DCGANGenerator),
    discriminator=partial(_channels_last, DCGANDiscriminator, batch_norm=False),
    batch_size=16,
    training=dict(
        latent_dim=100, lr=1e-3, betas=(0.0, 0.99), loss="nonsaturating, R1", ema_decay=0.99
    ),
)

# Its constants were chosen as those of FACES_HOUSE.
FACES_MODERN = replace(
    FACES_HOUSE,
    source="notebook 03: FACES_HOUSE resized, in pairs, with R2",
    generator=partial(_channels_last, UpsampleGenerator),
    training=FACES_HOUSE.training | dict(loss="relativistic, R1 and R2"),
)
