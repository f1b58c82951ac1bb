"""A GAN training run in parts that can be exchanged one by one: a mistake in one, or its mend."""

import copy
from collections.abc import Callable, Iterator
from dataclasses import dataclass, fields, replace
from typing import Any

import torch
from torch import Tensor, nn
from torch.optim import Adam, Optimizer

from gan_utils.gan.losses import cross_entropy, nonsaturating
from gan_utils.randomness import seeded
from gan_utils.runtime import synchronize

CURVES = ("d_loss", "g_loss", "d_real", "d_fake")  # what each step records
MOMENTS = (90, 45, 27, 18, 9, 6, 3, 2, 1)  # snapshots at these fractions of a run
DRAWN = 512  # samples of each snapshot


def prepare_images(images: Tensor) -> Tensor:
    """Bring images uint8 from 0 to 255 to [-1, 1]."""
    return images.float() / 127.5 - 1


def shuffled_batches(samples: Tensor, size: int) -> Iterator[Tensor]:
    """Give whole batches without end, in a new order in each epoch."""
    size = min(size, len(samples))
    while True:
        for rows in torch.randperm(len(samples)).split(size):
            if len(rows) == size:
                yield samples[rows.to(samples.device)]


def normal_latent(count: int, dim: int) -> Tensor:
    """Draw latent vectors [count, dim] from a normal distribution."""
    return torch.randn(count, dim)


def two_optimizers(
    generator: nn.Module,
    discriminator: nn.Module,
    lr: float,
    d_lr: float,
    betas: tuple[float, float],
) -> tuple[Optimizer, Optimizer]:
    """Return an Adam for the generator and one for the discriminator."""
    g_optimizer = Adam(generator.parameters(), lr, betas)
    d_optimizer = Adam(discriminator.parameters(), d_lr, betas)
    return g_optimizer, d_optimizer


def d_loss(discriminator: nn.Module, real: Tensor, fake: Tensor) -> tuple[Tensor, ...]:
    """Return the discriminator's loss, and the mean of D(x) and of D(G(z)).

    The loss is the sum over both kinds, twice that of lesson 01; Adam does not notice.
    """
    real_logits, fake_logits = discriminator(real), discriminator(fake)
    loss = 2 * cross_entropy(real_logits, fake_logits)
    return loss, real_logits.sigmoid().mean(), fake_logits.sigmoid().mean()


def g_loss(discriminator: nn.Module, fake: Tensor) -> Tensor:
    """Return the generator's loss, the one that does not saturate."""
    return nonsaturating(discriminator(fake))


def learn(optimizer: Optimizer, loss: Tensor) -> None:
    """Do one update by the gradients of a loss."""
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()


def step(
    training: "Training",
    generator: nn.Module,
    discriminator: nn.Module,
    g_optimizer: Optimizer,
    d_optimizer: Optimizer,
    real: Tensor,
    latent: Tensor,
) -> tuple[Tensor, ...]:
    """Train each network once: the step of lesson 01, section 4.

    Returns:
        Both losses, and the mean of D(x) and of D(G(z)).

    Lesson 06, section 1.
    """
    fake = generator(latent)
    for_d, *means = training.d_loss(discriminator, real, fake.detach())
    training.learn(d_optimizer, for_d)
    for_g = training.g_loss(discriminator, fake)
    training.learn(g_optimizer, for_g)
    return for_d, for_g, *means


@torch.no_grad()
def average(averaged: nn.Module, generator: nn.Module, decay: float = 0.99) -> None:
    """Let an averaged copy follow the generator: weights slowly, buffers at once."""
    pairs = zip(averaged.parameters(), generator.parameters(), strict=True)
    for slow, new in pairs:
        slow.lerp_(new, 1 - decay)
    for kept, new in zip(averaged.buffers(), generator.buffers(), strict=True):
        kept.copy_(new)


@torch.no_grad()
def draw(generator: nn.Module, latent: Tensor) -> Tensor:
    """Draw samples in evaluation mode, and go back to training mode."""
    generator.eval()
    samples = generator(latent)
    generator.train()
    return samples


@dataclass(frozen=True)
class Training:
    """A training run in parts. `replace` of `dataclasses` exchanges one.

    Attributes:
        data: returns the real samples, raw: images uint8 [N, ...], or points [N, 2].
        kept: as `data`, samples that are not learned from.
        generator, discriminator: build the networks.
        latent_dim, batch_size, steps, lr, d_lr, betas: the constants.
        prepare: makes of raw samples those that the networks get.
        batches, latent, optimizers, d_loss, g_loss, learn, step, average, draw: see the functions
            that they are by default.

    Lesson 06, section 1.
    """

    data: Callable[[], Tensor]
    kept: Callable[[], Tensor]
    generator: Callable[[], nn.Module]
    discriminator: Callable[[], nn.Module]
    latent_dim: int
    batch_size: int
    steps: int
    lr: float
    d_lr: float
    betas: tuple[float, float]
    prepare: Callable[[Tensor], Tensor] = prepare_images
    batches: Callable[[Tensor, int], Iterator[Tensor]] = shuffled_batches
    latent: Callable[[int, int], Tensor] = normal_latent
    optimizers: Callable[..., tuple[Optimizer, Optimizer]] = two_optimizers
    d_loss: Callable[[nn.Module, Tensor, Tensor], tuple[Tensor, ...]] = d_loss
    g_loss: Callable[[nn.Module, Tensor], Tensor] = g_loss
    learn: Callable[[Optimizer, Tensor], None] = learn
    step: Callable[..., tuple[Tensor, ...]] = step
    average: Callable[[nn.Module, nn.Module], None] = average
    draw: Callable[[nn.Module, Tensor], Tensor] = draw


PARTS = tuple(field.name for field in fields(Training))


def exchange(training: Training, parts: dict[str, Any]) -> Training:
    """Return a copy of a training run with some of its parts exchanged.

    Raises:
        ValueError: there is no such part, or it is the number of steps, which mends nothing.
    """
    for name in parts:
        if name not in PARTS or name == "steps":
            allowed = ", ".join(part for part in PARTS if part != "steps")
            raise ValueError(f"{name!r} cannot be exchanged; choose among {allowed}")
    return replace(training, **parts)


@dataclass
class Run:
    """A training run that has ended, with all that one may want to ask about it.

    Attributes:
        training: what was trained.
        device: where.
        real: the prepared samples that it learned from.
        generator, discriminator: the trained networks.
        first: copies of both before the first step.
        averaged: the averaged copy of the generator.
        optimizers: of generator and discriminator.
        records: what `CURVES` names, for each step [steps, 4], on the CPU.
        latent: the latent vectors of all snapshots [DRAWN, latent_dim].
        snapshots: samples of the averaged copy, on the CPU, at the `MOMENTS` of the run.
    """

    training: Training
    device: torch.device
    real: Tensor
    generator: nn.Module
    discriminator: nn.Module
    first: tuple[nn.Module, nn.Module]
    averaged: nn.Module
    optimizers: tuple[Optimizer, Optimizer]
    records: Tensor
    latent: Tensor
    snapshots: list[Tensor]


def require_steps(steps: int) -> None:
    """Refuse a run that is too short for its snapshots.

    Raises:
        ValueError: it is.
    """
    if steps < MOMENTS[0]:
        raise ValueError(f"steps is {steps}; a run needs at least {MOMENTS[0]}")


def train(
    training: Training,
    seed: int,
    device: torch.device | str = "cpu",
) -> Run:
    """Do what the parts say, step by step.

    All random numbers are drawn on the CPU, whose random state is
    afterwards what it was before.

    Lesson 06, section 1.
    """
    device, t = torch.device(device), training
    require_steps(t.steps)
    with seeded(seed):
        fixed = torch.randn(DRAWN, t.latent_dim).to(device)
        real = t.prepare(t.data().to(device))
        generator = t.generator().to(device)
        discriminator = t.discriminator().to(device)
        networks = (generator, discriminator)
        first = copy.deepcopy(networks)
        averaged = copy.deepcopy(generator)
        optimizers = t.optimizers(*networks, t.lr, t.d_lr, t.betas)
        batches = t.batches(real, t.batch_size)
        records, snapshots = [], []
        moments = {t.steps // part for part in MOMENTS}
        for done in range(1, t.steps + 1):
            latent = t.latent(t.batch_size, t.latent_dim).to(device)
            inputs = next(batches), latent
            found = t.step(t, *networks, *optimizers, *inputs)
            records.append(torch.stack([x.detach() for x in found]))
            t.average(averaged, generator)
            if done in moments:
                snapshots.append(t.draw(averaged, fixed).cpu())
        synchronize(device)
    return Run(
        t,
        device,
        real,
        *networks,
        first,
        averaged,
        optimizers,
        torch.stack(records).cpu(),
        fixed,
        snapshots,
    )
