"""Checks of the exercises of lesson 02."""

from collections.abc import Callable, Sequence
from functools import cache

import torch
from torch import Tensor, nn

from gan_utils.data.images import scale_images
from gan_utils.exercises.verdicts import (
    Verdict,
    accepted,
    check_answer,
    check_function,
    not_yet,
    unanswered,
)
from gan_utils.gan.losses import LOSSES
from gan_utils.scores.metrics import FrechetDistance
from gan_utils.scores.results import Result, stored_results

PUSHED = ("nonsaturating", "least squares", "hinge", "wasserstein")  # the order of the answers
# Experiment, row, place of the seed: a fair result, a distant one that has all classes, one with
# little variety in each class, a collapse to one digit, and one to a blot of a perfect precision.
STORED = {
    "A": ("digits-losses", "wasserstein", 0),
    "B": ("digits-path", "Real Python", 0),
    "C": ("digits-losses", "minimax", 0),
    "D": ("digits-path", "LeakyReLU in both", 0),
    "E": ("digits-losses", "wasserstein, own rates", 0),
}


def pushes(directions: Sequence[float] | None) -> Verdict:
    """Check which way D's losses push the output 3 of a real sample; the slopes are measured."""
    slopes = []
    for name in PUSHED:
        output = torch.tensor([3.0], requires_grad=True)
        LOSSES[name].discriminator(output, torch.zeros(1)).backward()
        slopes.append(output.grad.item())
    return check_answer(
        "pushes",
        directions,
        -torch.tensor(slopes).sign(),
        {
            "the sign: those are slopes, and a loss falls against its slope": [-1, 1, 0, -1],
            "not all of them reward more for ever. What is the goal of a grade? What does hinge "
            "pay beyond its margin?": [1, 1, 1, 1],
            "hinge: what is max(0, 1 - a) at a = 3, and next to it?": [1, -1, 1, 1],
            "least squares: 3 is as far from the grade 1 as -1 is": [1, 1, 0, 1],
            "cross-entropy becomes flatter and flatter, but nowhere level": [0, -1, 0, 1],
            "wasserstein: in b - a every further step of a pays the same": [1, -1, 0, 0],
            "3 is beyond 1, but only a grade is wrong there": [-1, -1, 0, -1],
        },
    )


class _Projection(nn.Module):
    """Features of known kind: fixed random sums of 64 numbers, nearly normal."""

    image_shape, num_features = (1, 8, 8), 32

    def __init__(self) -> None:
        super().__init__()
        self.features = nn.Sequential(nn.Flatten(), nn.Linear(64, self.num_features))


@cache
def _floor(count: int) -> float:
    torch.manual_seed(0)
    network = _Projection()
    sets = torch.rand(8, 2, count, *network.image_shape) * 2 - 1
    return sum(FrechetDistance(network, real)(other) for real, other in sets)


def floor_factor(factor: float | None) -> Verdict:
    """Check by which factor four times as many images change the floor; it is measured."""
    return check_answer(
        "factor of the floor",
        factor,
        _floor(10_000) / _floor(2500),
        {
            "unchanged it would be if the means and covariances were exact; they are estimated": 1,
            "that is the factor of the error of a mean. What does the distance do with it?": 0.5,
            "it goes to 0 only with endless sets; here they are four times as large": 0,
            "the other way round: more images, better estimates": 4,
            "that would be the fourth power of a mean's error; the distance is a square": 1 / 16,
        },
        tolerance=0.1,
    )


@cache
def _trainings() -> dict[str, Result]:
    rows = {name: stored_results(name) for name in sorted({pick[0] for pick in STORED.values()})}
    return {letter: rows[name][row][seed] for letter, (name, row, seed) in STORED.items()}


def _scores(training: Result) -> dict[str, float]:
    return training["curve"][-1][training["weights"]] | training["coverage"]


def five_trainings() -> str:
    """Return the table of exercise 3: the scores of five stored training runs, by letter."""
    lines = [f"{'':4}{'Fréchet':>9}{'entropy':>9}{'commonest':>11}{'precision':>11}{'recall':>8}"]
    for letter, training in _trainings().items():
        found = _scores(training)
        lines.append(
            f"{letter:4}{found['frechet']:9.1f}{found['entropy']:9.3f}{found['commonest']:11.1%}"
            f"{found['precision']:11.3f}{found['recall']:8.3f}"
        )
    return "\n".join(lines)


def collapse(collapsed: str | None, blot: str | None) -> Verdict:
    """Check which of the five training runs draws one digit, and which a blot."""
    name = "collapse"
    if collapsed is None or blot is None:
        return unanswered(name)
    scores = {letter: _scores(training) for letter, training in _trainings().items()}
    given = [str(letter).strip().upper() for letter in (collapsed, blot)]
    if not set(given) <= set(scores):
        return not_yet(name, f"two letters from {min(scores)} to {max(scores)} are needed")
    one_class = [letter for letter in scores if scores[letter]["commonest"] > 0.5]
    right = sorted(one_class, key=lambda letter: scores[letter]["frechet"])
    if given == right:
        return accepted(name)
    if given == right[::-1]:
        look = "the other way round: which of the two is further away than noise?"
        return not_yet(name, look)
    if given[0] != right[0]:
        return not_yet(f"{name}, one digit", _not_collapsed(scores[given[0]]))
    return not_yet(f"{name}, no digit", _not_blot(scores[given[1]]))


def _not_collapsed(found: dict[str, float]) -> str:
    if found["commonest"] > 0.5:
        return (
            "one class has all of it, but the reader must name a class for a blot too, and it is "
            "further away than noise"
        )
    if found["recall"] < 0.1:
        return (
            "its recall is next to nothing, but no class has even half of its images: it lacks "
            "variety within the digits, not the digits"
        )
    if found["frechet"] < 100:
        return "that is the best of the five: all classes are there, and it is nearest"
    return "its distance is large, but all digits are there; look at the commonest class"


def _not_blot(found: dict[str, float]) -> str:
    if found["commonest"] > 0.5:
        return "that is the one that draws one digit: it is nearer than noise"
    return "it is nearer than noise, and no class has even half of its images"


def there_and_back(
    to_floats: Callable[[Tensor], Tensor], to_bytes: Callable[[Tensor], Tensor]
) -> Verdict:
    """Check the way of pixels from bytes to [-1, 1], and back from there."""
    pixels = torch.arange(9, 254, dtype=torch.uint8).view(5, 1, 7, 7)
    name = "there"
    found = check_function(
        name,
        to_floats,
        scale_images,
        {
            "that goes from 0 to 1; tanh goes down to -1": lambda p: p / 255,
            "that goes from 0 to 2; who moves it down?": lambda p: p / 127.5,
            "that goes from -0.5 to 0.5, half of what tanh can reach": lambda p: p / 255 - 0.5,
            "white does not become 1: the largest byte is 255, not 256": lambda p: p / 128 - 1,
        },
        pixels,
        tolerance=1e-3,
    )
    as_floats = pixels * 1.0
    if found.rejects and check_function(name, to_floats, _scale, None, as_floats).right:
        look = "it is right for floats; for bytes 200 + 200 is 144. Convert them first"
        return not_yet(name, look)
    return _back(to_bytes) if found.right else found


def _scale(pixels: Tensor) -> Tensor:
    return scale_images(pixels.byte())


def _back(to_bytes: Callable[[Tensor], Tensor]) -> Verdict:
    # Values between any two greys, and beyond black and white; none is a grey or halfway.
    images = torch.linspace(-1.3, 1.3, 1000)
    given = to_bytes(images.clone())
    dtype = getattr(given, "dtype", type(given))
    if given is not None and "uint8" not in str(dtype):
        return not_yet("back", f"stored images are torch.uint8, yours are {dtype}")
    mistakes = {
        "`byte` cuts off what follows the point; a grey should become the nearest one": lambda x: (
            ((x + 1) * 127.5).clamp(0, 255).byte()
        ),
        "beyond white comes black: clamp before the values become bytes, not after": lambda x: (
            ((x + 1) * 127.5).round().byte()
        ),
        "cut off and not clamped: where does 255.9 belong, where 260?": lambda x: (
            (x + 1) * 127.5
        ).byte(),
        "that takes 0 for black; here black is -1": lambda x: (x * 255).round().clamp(0, 255),
        "that takes 0 for black, and cuts off: black is -1": lambda x: (
            (x * 255).clamp(0, 255).byte()
        ),
        "half of 255 is not 128: the greys in the middle are off by one": lambda x: (
            ((x + 1) * 128).round().clamp(0, 255)
        ),
    }
    found = check_answer(
        "back",
        given,
        ((images + 1) * 127.5).round().clamp(0, 255),
        {look: mistake(images) for look, mistake in mistakes.items()},
        tolerance=1e-4,
    )
    return accepted("there and back") if found.right else found


def frechet_of_deviations(frechet: Callable[..., float | Tensor]) -> Verdict:
    """Check the squared Fréchet distance of two normal distributions without correlations."""
    m, s = torch.tensor([[0.0, 1.0, -2.0], [1.0, 0.5, 3.0]])
    n, t = torch.tensor([[1.5, 1.0, 0.0], [2.0, 2.5, 0.2]])
    means, deviations = (m - n).square().sum(), (s - t).square().sum()
    return check_answer(
        "Fréchet distance",
        frechet(*(x.clone() for x in (m, s, n, t))),
        means + deviations,
        {
            "that is d; the tables of the lesson print d squared": (means + deviations).sqrt(),
            "you took the difference of variances; points move by that of deviations": (
                means + (s * s - t * t).square().sum()
            ),
            "the deviations stand where the formula has variances S = s^2": (
                means + (s + t - 2 * (s * t).sqrt()).sum()
            ),
            "the difference of the means is not squared": (m - n).abs().sum() + deviations,
            "the deviations are missing: equal means do not make equal clouds": means,
            "the means are missing: a cloud that moved is another one": deviations,
            "squared ways along the axes add up; you took their mean": (
                (means + deviations) / len(m)
            ),
        },
    )


def true_shares(shares: Callable[[Tensor, Tensor], Tensor]) -> Verdict:
    """Check the shares of classes that lie behind what a reader of known errors reads."""
    confusion = torch.tensor([[0.98, 0.02, 0.0], [0.1, 0.7, 0.2], [0.05, 0.15, 0.8]])
    read = torch.tensor([0.2, 0.5, 0.3]) @ confusion
    back = read / confusion.diag()
    return check_answer(
        "true shares",
        shares(read.clone(), confusion.clone()),
        torch.linalg.solve(confusion.T, read),
        {
            "those are the shares as they were read, with the reader's errors": read,
            "you sent the shares through the reader once more; the way back is asked for": (
                read @ confusion
            ),
            "you averaged the shares by the reader's errors; the way back is asked for": (
                confusion @ read
            ),
            "rows and columns are exchanged: which index of the matrix does the sum go over?": (
                torch.linalg.solve(confusion, read)
            ),
            "you mended what each class loses, not what it gets from the others": back,
            "what each class gets from the others is forgotten; a common factor does not bring "
            "it back": back / back.sum(),
        },
    )


def mixture(mix: Callable[[Tensor, Tensor], Tensor]) -> Verdict:
    """Check a mixture of latent vectors that is as long as one of them."""
    torch.manual_seed(0)
    latents, weights = torch.randn(3, 100), torch.tensor([1.0, 0.6, 0.4])
    mixed = weights @ latents
    return check_answer(
        "mixture",
        mix(latents.clone(), weights.clone()),
        mixed / weights.norm(),
        {
            "the sum is there, its length is not yet right: which variance has it?": mixed,
            "weights that sum to 1 keep a mean, and shorten the vector: variances add up with "
            "the squares of the weights": mixed / weights.sum(),
            "roots of the weights keep the length, but the vector points elsewhere": (
                (weights / weights.sum()).sqrt() @ latents
            ),
            "you divided by the variance; a vector is divided by a deviation": (
                mixed / weights.square().sum()
            ),
            "all your vectors have exactly the same length; normal ones vary a little. The "
            "factor comes from the weights alone": mixed / mixed.norm() * latents.shape[1] ** 0.5,
            "and where are the weights?": latents.sum(0) / len(latents) ** 0.5,
        },
    )
