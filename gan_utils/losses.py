"""Adversarial losses: pure functions of logits.

A logit is a discriminator's raw output, any real number; `sigmoid(logit)` is the probability
that the discriminator gives to "real". Every function returns a scalar to be minimised.
`LOSSES` pairs what the discriminator minimises with what the generator minimises.
"""

from collections.abc import Callable
from typing import NamedTuple

from torch import Tensor
from torch.nn.functional import softplus


def cross_entropy(real_logits: Tensor, fake_logits: Tensor) -> Tensor:
    """Binary cross-entropy of a discriminator that should call real 1 and fake 0.

        L_D = -1/2 E[log D(x)] - 1/2 E[log(1 - D(G(z)))],   D = sigmoid(logits)

    Since -log sigmoid(a) = softplus(-a) and -log(1 - sigmoid(a)) = softplus(a), no logarithm
    of a rounded 0 is ever taken. A discriminator that cannot tell has L_D = log 2.

    Args:
        real_logits: logits of real samples, any shape.
        fake_logits: logits of generated samples, any shape.

    Source: Goodfellow et al. 2014, eq. 1 (L_D is minus half of V); Goodfellow 2016, eq. 8.
    """
    return (softplus(-real_logits).mean() + softplus(fake_logits).mean()) / 2


def saturating(fake_logits: Tensor) -> Tensor:
    """Minimax generator loss E[log(1 - D(G(z)))]: flat where the discriminator is sure.

    Source: Goodfellow et al. 2014, eq. 1.
    """
    return -softplus(fake_logits).mean()


def nonsaturating(fake_logits: Tensor) -> Tensor:
    """Generator loss -E[log D(G(z))]: steep where the discriminator is sure.

    Source: Goodfellow et al. 2014, end of section 3.
    """
    return softplus(-fake_logits).mean()


class GANLoss(NamedTuple):
    """What each player minimises."""

    discriminator: Callable[[Tensor, Tensor], Tensor]
    generator: Callable[[Tensor], Tensor]


LOSSES = {
    "minimax": GANLoss(cross_entropy, saturating),
    "nonsaturating": GANLoss(cross_entropy, nonsaturating),
}


def named_loss(name: str) -> GANLoss:
    """Return the pair of losses called `name`.

    Raises:
        ValueError: there is no such loss.
    """
    if name not in LOSSES:
        raise ValueError(f"no loss is called {name!r}; choose one of {', '.join(LOSSES)}")
    return LOSSES[name]
