"""Adversarial losses of a discriminator's raw outputs, and penalties on the discriminator.

In cross-entropy a raw output is a logit: `sigmoid(logit)` is the probability that the
discriminator gives to "real". In the other losses it is a score, and each says what it means.
Every function returns a scalar to be minimised. `LOSSES` pairs what the discriminator minimises
with what the generator minimises.
"""

import math
from collections.abc import Callable
from functools import partial
from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn.functional import relu, softplus

R1_WEIGHT = 0.3  # chosen on points in a plane, and kept for faces; the paper has 10 for images


def cross_entropy(real_logits: Tensor, fake_logits: Tensor) -> Tensor:
    """Binary cross-entropy of a discriminator that should call real 1
    and fake 0.

        L_D = -1/2 E[log D(x)] - 1/2 E[log(1 - D(G(z)))],
        D = sigmoid(logits)

    Since -log sigmoid(a) = softplus(-a) and -log(1 - sigmoid(a)) =
    softplus(a), no logarithm of a rounded 0 is ever taken. A
    discriminator that cannot tell has L_D = log 2.

    Args:
        real_logits: logits of real samples, any shape.
        fake_logits: logits of generated samples, any shape.

    Source: Goodfellow et al. 2014, eq. 1 (L_D is minus half of V);
    Goodfellow 2016, eq. 8. Lesson 01, section 5.
    """
    real_error = softplus(-real_logits).mean()
    fake_error = softplus(fake_logits).mean()
    return (real_error + fake_error) / 2


def saturating(fake_logits: Tensor) -> Tensor:
    """Minimax generator loss E[log(1 - D(G(z)))]: flat where the
    discriminator is sure.

    Source: Goodfellow et al. 2014, eq. 1. Lesson 01, section 6.
    """
    return -softplus(fake_logits).mean()


def nonsaturating(fake_logits: Tensor) -> Tensor:
    """Generator loss -E[log D(G(z))]: steep where the discriminator is
    sure.

    Source: Goodfellow et al. 2014, end of section 3.
    Lesson 01, section 6.
    """
    return softplus(-fake_logits).mean()


def least_squares_discriminator(real_scores: Tensor, fake_scores: Tensor) -> Tensor:
    """Pull the scores of real samples to 1 and those of generated ones to 0.

    A score is a grade with 1 as the best: beyond 1 it is wrong again.

    Source: Mao et al. 2017, eq. 9.
    """
    return ((real_scores - 1).square().mean() + fake_scores.square().mean()) / 2


def least_squares_generator(fake_scores: Tensor) -> Tensor:
    """Pull the scores of generated samples to 1.

    Source: Mao et al. 2017, eq. 9.
    """
    return (fake_scores - 1).square().mean() / 2


def hinge_discriminator(
    real_scores: Tensor,
    fake_scores: Tensor,
) -> Tensor:
    """Push real scores above 1 and generated ones below -1, and leave
    what is beyond alone.

    A score is a signed distance from the border between the two kinds.

    Source: Lim & Ye 2017, section 2; Miyato et al. 2018, eq. 16.
    Lesson 02, section 14.
    """
    return relu(1 - real_scores).mean() + relu(1 + fake_scores).mean()


def negative_score(fake_scores: Tensor) -> Tensor:
    """Generator loss -E[D(G(z))] of the hinge and the Wasserstein game: a slope of -1 everywhere.

    Source: Miyato et al. 2018, eq. 17; Arjovsky et al. 2017, algorithm 1.
    """
    return -fake_scores.mean()


def wasserstein_discriminator(real_scores: Tensor, fake_scores: Tensor) -> Tensor:
    """Pull the mean scores of generated and real samples apart, E[D(G(z))] - E[D(x)].

    A score is a height; only differences count. With slopes of at most 1, the largest possible
    difference of the means is the Wasserstein-1 distance. `gradient_penalty` sees to the slopes.

    Source: Arjovsky et al. 2017, eq. 3.
    """
    return fake_scores.mean() - real_scores.mean()


def relativistic_discriminator(real_logits: Tensor, fake_logits: Tensor) -> Tensor:
    """Let each real sample look more real than the generated one beside
    it: E[-log sigmoid(D(x) - D(G(z)))].

    Only differences of logits count. A generator that puts all samples
    in one place gains nothing once the discriminator follows: every
    real sample asks for a neighbour.

    Args:
        real_logits, fake_logits: of as many samples, [N, 1]; row by row
            they are pairs.

    Source: Jolicoeur-Martineau 2019, section 4; Huang et al. 2024
    (R3GAN), eq. 2. Lesson 03, section 6.
    """
    return softplus(fake_logits - real_logits).mean()


def relativistic_generator(fake_logits: Tensor, real_logits: Tensor) -> Tensor:
    """Let each generated sample look more real than the real one beside
    it.

    Source: as of `relativistic_discriminator`.
    """
    return softplus(real_logits - fake_logits).mean()


def gradient_penalty(
    discriminator: nn.Module,
    real: Tensor,
    fake: Tensor,
    gamma: float = 10.0,
) -> Tensor:
    """The mean squared difference between the discriminator's slope and
    1, times gamma.

    The slope is measured at random places on straight lines between
    real and generated samples.

    Args:
        discriminator: without batch norm, which would mix the slopes of
            different samples.
        real, fake: samples [N, ...], as many of both.
        gamma: the paper's lambda, 10 there.

    Source: Gulrajani et al. 2017, eq. 3. Lesson 02, section 14.
    """
    shape = len(real), *[1] * (real.ndim - 1)  # a number a sample
    place = torch.rand(shape, device=real.device)
    between = (place * real + (1 - place) * fake).requires_grad_()
    total = discriminator(between).sum()
    [gradient] = torch.autograd.grad(total, between, create_graph=True)
    return gamma * (gradient.flatten(1).norm(dim=1) - 1).square().mean()


def r1_penalty(
    discriminator: nn.Module, real: Tensor, _: Tensor, gamma: float = R1_WEIGHT
) -> Tensor:
    """Gradient penalty: mean squared slope of the discriminator at real
    samples, times gamma / 2.

    At the goal there is nothing to tell apart, and the best
    discriminator is flat. This makes it flat there.

    Args:
        discriminator: without batch norm, which would mix the slopes of
            different samples.
        real: samples [N, ...].

    Source: Mescheder et al. 2018, eq. 9.
    """
    real = real.detach().requires_grad_()
    total = discriminator(real).sum()
    [slope] = torch.autograd.grad(total, real, create_graph=True)
    return gamma / 2 * slope.flatten(1).square().sum(dim=1).mean()


def r1_r2_penalty(
    discriminator: nn.Module,
    real: Tensor,
    fake: Tensor,
    gamma: float = R1_WEIGHT,
) -> Tensor:
    """R1 at real samples, and the same at generated ones (R2).

    With both, a GAN of the relativistic loss comes to rest; with R1
    alone it may not.

    Source: Mescheder et al. 2018, eq. 9 and 10; Huang et al. 2024,
    section 2.2. Lesson 03, section 6.
    """
    pair = (real, fake), (fake, real)
    return sum(r1_penalty(discriminator, *each, gamma) for each in pair)


def approximate_penalty(
    discriminator: nn.Module,
    real: Tensor,
    fake: Tensor,
    gamma: float = R1_WEIGHT,
    sigma: float = 0.01,
) -> Tensor:
    """R1 and R2 without the gradient of a gradient: how far a little noise moves the logits.

    Noise of deviation `sigma` moves a logit by `sigma` times its slope in a random direction. So
    the mean square of the move, over `sigma` squared, is the squared slope, give or take.

    Args:
        discriminator: without dropout or batch norm.
        real, fake: samples [N, ...] of one shape.

    Source: Lin et al. 2025 (Seaweed-APT), approximated R1, there with lambda = gamma / (2 sigma²).
    """
    samples = torch.cat([real, fake])
    noisy = samples + sigma * torch.randn_like(samples)
    logits, moved = discriminator(torch.cat([samples, noisy])).chunk(2)
    return gamma * ((moved - logits) / sigma).square().mean()


class GANLoss(NamedTuple):
    """What each network minimises; the discriminator also the penalty, where there is one.

    The penalty is computed in full precision, outside autocast. The loss of a `relativistic`
    generator also takes the logits of real samples.
    """

    discriminator: Callable[[Tensor, Tensor], Tensor]
    generator: Callable[..., Tensor]
    penalty: Callable[[nn.Module, Tensor, Tensor], Tensor] | None = None
    relativistic: bool = False


LOSSES = {
    "minimax": GANLoss(cross_entropy, saturating),
    "nonsaturating": GANLoss(cross_entropy, nonsaturating),
    "nonsaturating, R1": GANLoss(cross_entropy, nonsaturating, r1_penalty),
    "least squares": GANLoss(least_squares_discriminator, least_squares_generator),
    "hinge": GANLoss(hinge_discriminator, negative_score),
    "relativistic, R1 and R2": GANLoss(
        relativistic_discriminator, relativistic_generator, r1_r2_penalty, relativistic=True
    ),
    "relativistic, approximate": GANLoss(
        relativistic_discriminator, relativistic_generator, approximate_penalty, relativistic=True
    ),
    "wasserstein": GANLoss(wasserstein_discriminator, negative_score, gradient_penalty),
}


def named_loss(name: str, gamma: float | None = None) -> GANLoss:
    """Return the pair of losses called `name`.

    Args:
        name: a key of `LOSSES`.
        gamma: the weight of its penalty; None for the penalty's own.

    Raises:
        ValueError: there is no such loss, or it has no penalty for `gamma` to weigh.
    """
    if name not in [*LOSSES]:
        raise ValueError(f"no loss is called {name!r}; choose one of {', '.join(LOSSES)}")
    loss = LOSSES[name]
    if gamma is None:
        return loss
    if loss.penalty is None or not 0 <= gamma < math.inf:
        penalised = ", ".join(repr(n) for n, each in LOSSES.items() if each.penalty is not None)
        raise ValueError(f"gamma is {gamma} and loss {name!r}; give at least 0, with {penalised}")
    return loss._replace(penalty=partial(loss.penalty, gamma=gamma))
