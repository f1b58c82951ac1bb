"""Checks of the exercises of lesson 01."""

import copy
import math
from collections.abc import Callable

import torch
from torch import Tensor, nn
from torch.optim import SGD, Optimizer

from gan_utils.data.sine import sine_points
from gan_utils.exercises.verdicts import (
    State,
    Verdict,
    accepted,
    check_answer,
    check_function,
    not_yet,
    unanswered,
)
from gan_utils.gan import losses
from gan_utils.gan.models import MLPDiscriminator, MLPGenerator
from gan_utils.gan.step import gan_step
from gan_utils.scores.metrics import PERIOD, curve_score

Step = Callable[[nn.Module, nn.Module, Optimizer, Optimizer, Tensor, Tensor, Tensor], None]


def best_discriminator(probability: float | None, logit: float | None) -> Verdict:
    """Check D* and its logit where p_data = 0.3 and p_g = 0.1."""
    name, ratio = "best discriminator", 0.3 / 0.1
    first = check_answer(
        f"{name}, probability",
        probability,
        ratio / (1 + ratio),
        {
            "that is the probability of 'generated'": 1 / (1 + ratio),
            "a ratio of two densities is no probability: divide by their sum": ratio,
            "divide by the sum of both densities, not by the larger one": 1 / ratio,
            "a density is no probability: the other kind of point counts too": 0.3,
        },
    )
    if not first.right:
        return first
    mistakes = {
        "that is the probability; its logit is log(D / (1 - D))": ratio / (1 + ratio),
        "that is D / (1 - D); its logarithm is missing": ratio,
        "the logarithm is the natural one, to the base e": math.log10(ratio),
        "the sign: real is more probable here, so the logit is positive": -math.log(ratio),
        "that is log D; the logit is log D - log(1 - D)": math.log(ratio / (1 + ratio)),
    }
    return check_answer(f"{name}, logit", logit, math.log(ratio), mistakes)


def smoothed_labels(best: Callable[[Tensor, Tensor], Tensor]) -> Verdict:
    """Check D* for real samples with the label 0.9, as a function of p_data and p_g."""
    return check_function(
        "smoothed labels",
        best,
        lambda p, q: 0.9 * p / (p + q),
        {
            "that is D* without smoothing: where has the 0.9 gone?": lambda p, q: p / (p + q),
            "the other 0.1 of each real sample stands beside log(1 - D), and belongs to the sum "
            "below the line": lambda p, q: 0.9 * p / (0.9 * p + q),
            "generated samples keep the label 0: you have smoothed both kinds": lambda p, q: (
                (0.9 * p + 0.1 * q) / (p + q)
            ),
            "the labels are turned round": lambda p, q: 0.9 * q / (p + q),
            "that caps the old D*; smoothing changes what is best everywhere": lambda p, q: (
                p / (p + q)
            ).clamp(max=0.9),
        },
        torch.tensor([0.3, 0.1, 0.5, 0.0, 0.6]),
        torch.tensor([0.1, 0.3, 0.5, 0.2, 0.01]),
    )


def best_generator(mean: float | None, deviation: float | None) -> Verdict:
    """Check where the best G puts all samples if D has its highest summit at 1."""
    name = "best generator"
    if mean is None or deviation is None:
        return unanswered(name)
    spread = "the place is right. But what would call a sample back from it?"
    mistakes = {
        "that is where the data lie; G sees D alone, and D stands still": 1.5,
        "that is the broad summit; each sample on the higher one has a lower loss": 4.0,
        "that is between the summits, where D is lower than on either": 2.5,
    }
    first = check_answer(f"{name}, mean", mean, 1.0, mistakes)
    if first.state is State.WRONG and 1 < mean < 4:
        look = "a sample climbs to the summit that is nearest, but here the loss is at its lowest"
        return not_yet(f"{name}, mean", look)
    if not first.right:
        return first
    second = check_answer(f"{name}, deviation", deviation, 0.0)
    return not_yet(second.name, spread) if second.state is State.WRONG else second


def slope(function: Callable[[Tensor], Tensor]) -> Verdict:
    """Check the derivative of the non-saturating loss with respect to the logit."""
    found = check_function(
        "slope",
        function,
        lambda a: -(-a).sigmoid(),
        {
            "that is the slope of the saturating loss: it is flat where D is sure": lambda a: (
                -a.sigmoid()
            ),
            "the sign: the loss falls as the logit rises": lambda a: (-a).sigmoid(),
            "that is -1/D, the slope with respect to D; go on to the logit": lambda a: (
                -1 / a.sigmoid()
            ),
            "that is the loss, not its slope": lambda a: nn.functional.softplus(-a),
            "that is the slope of sigma; around it stands a logarithm": lambda a: (
                a.sigmoid() * (-a).sigmoid()
            ),
            "that is minus the slope of sigma; around it stands a logarithm": lambda a: (
                -a.sigmoid() * (-a).sigmoid()
            ),
        },
        torch.tensor([-100.0, -3.0, -1.0, 0.0, 2.0]),
    )
    if found.state is State.NAN:
        look = "at -100 the result is nan: exp(100) overflows, and sigma is rounded to 0, by which "
        return not_yet("slope", look + "nothing can be divided; simplify on paper first")
    return found


def training_step(my_step: Step) -> Verdict:
    """Check a whole step: two networks of known weights take it, and are compared."""
    torch.manual_seed(0)
    players = MLPGenerator(2, (16,), 2), MLPDiscriminator(2, (16,))
    # Gradients of a step before, as in every step but the first.
    for weight in (weight for player in players for weight in player.parameters()):
        weight.grad = torch.full_like(weight, 0.1)
    real, latents = sine_points(8), torch.randn(2, 8, 2)
    mine = _played(my_step, players, real, latents)
    name = "training step"
    if mine.told:
        return not_yet(name, mine.told)
    moved = [not _same(old, new) for old, new in zip(players, mine.networks, strict=True)]
    if not any(moved):
        return unanswered(name)
    if not moved[1]:
        return not_yet(name, "the discriminator has not moved; has its optimizer made a step?")
    if not moved[0]:
        if mine.visits:
            return not_yet(name, "the generator has not moved; has its optimizer made a step?")
        look = (
            "no gradient reaches the generator: its loss needs new samples, made from g_latent and "
        )
        return not_yet(name, look + "not detached")
    if mine.visits > 1:
        look = "gradients of the discriminator's loss reach the generator; its samples need detach"
        return not_yet(name, look)
    if not all(w.requires_grad for w in _weights(mine.networks)) or not mine.networks[1].training:
        look = "the discriminator is not left as it was: frozen, or in evaluation mode"
        return not_yet(name, look)
    right = _played(_step(), players, real, latents)
    if not _same(mine.networks[1], right.networks[1]):
        return not_yet(name, _mistake_of_discriminator(mine, players, real, latents))
    if not _same(mine.networks[0], right.networks[0]):
        return not_yet(name, _mistake_of_generator(mine, players, real, latents))
    return accepted(name)


class _Played:
    """Two players after a step, how often gradients came to the generator, and what went wrong."""

    def __init__(self, players: tuple[nn.Module, nn.Module]) -> None:
        self.networks = copy.deepcopy(players)
        self.visits = 0
        self.told = ""

    def count(self, _: Tensor) -> None:
        self.visits += 1


def _played(
    step: Step, players: tuple[nn.Module, nn.Module], real: Tensor, latents: Tensor
) -> _Played:
    played = _Played(players)
    generator, discriminator = played.networks
    for weight, old in zip(_weights(played.networks), _weights(players), strict=True):
        weight.grad = old.grad.clone()
    generator.layers[0].weight.register_hook(played.count)
    # Not Adam: it would hide how large a gradient is.
    optimizers = [SGD(player.parameters(), lr=0.5) for player in played.networks]
    try:
        step(generator, discriminator, *optimizers, real, *latents)
    except RuntimeError as error:
        if "inplace operation" not in str(error):
            raise
        played.told = "both losses came before a step: G must be judged by D as it is after its own"
    return played


def _weights(players: tuple[nn.Module, nn.Module]) -> list[nn.Parameter]:
    return [weight for player in players for weight in player.parameters()]


def _same(first: nn.Module, second: nn.Module) -> bool:
    pairs = zip(first.parameters(), second.parameters(), strict=True)
    return all(torch.allclose(a, b, atol=1e-6) for a, b in pairs)


def _step(d_loss: Callable = losses.cross_entropy, g_loss: Callable = losses.nonsaturating) -> Step:
    """Return the right step, or with other losses a wrong one."""

    def step(generator, discriminator, g_optimizer, d_optimizer, *batch):
        loss = losses.GANLoss(d_loss, g_loss)
        gan_step(generator, discriminator, g_optimizer, d_optimizer, loss, *batch)

    return step


def _mistake_of_discriminator(mine: _Played, players: tuple, *batch: Tensor) -> str:
    swapped = _played(_step(lambda r, f: losses.cross_entropy(f, r)), players, *batch)
    real_only = _played(_step(lambda r, _: nn.functional.softplus(-r).mean()), players, *batch)
    if _same(mine.networks[1], swapped.networks[1]):
        return "the discriminator learns to call real points generated: the labels are swapped"
    if _same(mine.networks[1], real_only.networks[1]):
        return "the discriminator sees no generated points: half of its loss is missing"
    return (
        "the discriminator's gradients are not those of cross_entropy for these points alone; "
        "zero_grad? d_latent? the order of both halves?"
    )


def _mistake_of_generator(mine: _Played, players: tuple, *batch: Tensor) -> str:
    mistakes = {
        "that is the saturating loss; section 6 chose the other one": losses.saturating,
        "the generator learns to be called generated: its label is wrong": lambda f: (
            nn.functional.softplus(f).mean()
        ),
    }
    for look_at, g_loss in mistakes.items():
        if _same(mine.networks[0], _played(_step(g_loss=g_loss), players, *batch).networks[0]):
            return look_at
    return (
        "the generator's gradients are not those of nonsaturating after D's step; "
        "zero_grad? g_latent? the order of both halves?"
    )


def half_life(steps: float | None) -> Verdict:
    """Check after how many steps an average with decay 0.999 has forgotten half."""
    return check_answer(
        "half-life",
        steps,
        math.log(0.5) / math.log(0.999),
        {
            "after 1,000 steps 0.999^1000 = 0.37 is left; where is one half?": 1000,
            "each step takes a thousandth of what is left, not of what there was": 500,
            "that is how much is left; after how many steps?": 0.5,
        },
        tolerance=0.02,
    )


def half_a_curve(share: float | None, w1: float | None) -> Verdict:
    """Check what points on the left half of the curve score; the scores are measured."""
    torch.manual_seed(0)
    points = sine_points(20_000)
    points[:, 0] /= 2
    points[:, 1] = points[:, 0].sin()
    score = curve_score(points)
    if share is None or w1 is None:
        return unanswered("half a curve")
    mistakes = {"the share counts points near the curve, not the curve near points": 0.5}
    first = check_answer("half a curve, share", share, score.share, mistakes)
    if not first.right:
        return first
    mistakes = {
        "every point is good, but half of the axis is empty: W1 sees that": 0.0,
        "W1 is the way of an average point: only the last one has to go so far": PERIOD / 2,
        "that is how far a point in the middle of the left quarter goes; and an average one?": (
            PERIOD / 8
        ),
    }
    return check_answer("half a curve, W1", w1, score.w1, mistakes, tolerance=0.03)
