"""Checks of the exercises of lesson 03."""

import math
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.functional import conv1d, conv_transpose1d

from gan_utils.exercises.verdicts import Verdict, accepted, check_answer, not_yet, unanswered
from gan_utils.gan import losses
from gan_utils.gan.models import DCGANDiscriminator
from gan_utils.randomness import seeded
from gan_utils.scores.results import stored_results

# Rows and seeds of the experiment "faces", as A, B, C ...
TRAININGS = (
    ("higher rates", 1),
    ("DCGAN", 3),
    ("R1: house, longer", 1),
    ("higher rates, longer", 2),
    ("batch of 16", 2),
)
LETTERS = "ABCDE"
MOMENTS = range(2, 13, 2)  # of the twelve that are stored after the start
PLACES = 32  # the length of a line that a layer enlarges
Layer = Callable[[int], Any]
Penalty = Callable[[nn.Module, Tensor, Tensor], Tensor]


def field_of_view(plain: int | None, strided: int | None) -> Verdict:
    """Check how far a unit sees after four kernels of 5, at stride 1 and at stride 2; measured."""
    name = "field of view"
    mistakes = {
        "kernels of neighbouring units overlap: the first layer gives 5, each later one fewer": 20,
        "that is what one layer sees; each unit below it sees several pixels itself": 5,
        "the kernels' reaches are added, not multiplied": 5**4,
        "the unit's own pixel is missing: begin with 1": 16,
    }
    first = check_answer(f"{name}, stride 1", plain, _seen(stride=1), mistakes)
    if not first.right:
        return first
    mistakes = {
        "that is stride 1: here neighbours in the second layer already lie 2 pixels apart": 17,
        "that is 5 for each layer: the distance between neighbours grows, too": 20,
        "the first kernel still meets neighbouring pixels: j is multiplied after its layer": 121,
        "5 places that lie 16 pixels apart? Neighbours below the last layer lie closer, and "
        "the layers below it add their part": 80,
        "that is the reach of the last kernel alone; the layers below it add theirs": 33,
        "the unit's own pixel is missing: begin with 1": 60,
    }
    return check_answer(f"{name}, stride 2", strided, _seen(stride=2), mistakes)


def _seen(stride: int) -> int:
    """Count the pixels of a line that reach a unit after four kernels of 5."""
    pixels = torch.ones(1, 1, 400, requires_grad=True)
    outputs = pixels
    for _ in range(4):
        outputs = conv1d(outputs, torch.ones(1, 1, 5), stride=stride)
    middle = outputs[0, 0, outputs.shape[2] // 2]
    [influence] = torch.autograd.grad(middle, pixels)
    return int(influence.gt(0).sum())


def early_use(running_mean: float | None, output_mean: float | None) -> Verdict:
    """Check what batch norm knows after three batches of mean 1, deviation 1; it is measured."""
    name = "early use"
    with seeded(0):
        noise = torch.randn(16, 1, 8, 8)
    norm, batch = nn.BatchNorm2d(1), 1 + (noise - noise.mean()) / noise.std()
    for _ in range(3):
        norm(batch)
    mistakes = {
        "that is a batch's mean, or nearly; each step replaces only a tenth of the running mean, "
        "and nine tenths stay": 1.0,
        "that is after the first batch; two more come": 0.1,
        "each step replaces a tenth of what is there, it does not add a tenth": 0.3,
        "that is how much is left of the 0 at the start; the rest came from the batches": 0.9**3,
    }
    first = check_answer(f"{name}, running mean", running_mean, norm.running_mean.item(), mistakes)
    if not first.right:
        return first
    mistakes = {
        "that is training mode, which subtracts the batch's own mean": 0.0,
        "that is what is subtracted; what is left of the channel's 1?": 1 - 0.9**3,
        "that would be a norm that subtracts nothing, as before the first batch": 1.0,
        "the sign: the running mean is still below the mean of the channel": -(0.9**3),
    }
    mean = norm.eval()(batch).mean().item()
    return check_answer(f"{name}, mean behind the norm", output_mean, mean, mistakes)


def blind_spot(letters: str | None) -> Verdict:
    """Check which changes leave D's mean logit as it was; a discriminator is asked."""
    name = "blind spot"
    if letters is None:
        return unanswered(name)
    if not isinstance(letters, str) or not set(letters.lower()) <= set("abcde, "):
        return not_yet(name, f"letters from a to e are needed, such as 'bd', not {letters!r}")
    given, unseen = set(letters.lower()) - set(", "), _unseen()
    looks = {
        "a": "follow half the contrast through section 5: two convolutions without a bias, a "
        "LeakyReLU between them, a batch norm. What is left of the half?",
        "b": "one picture alone hardly moves the batch's mean and deviation, so it comes out of "
        "the norm weaker than the others",
        "c": "LeakyReLU weakens negative numbers and not positive ones, so a negative gives other "
        "numbers, not the same ones with another sign",
        "d": "a convolution turns brightness into a shift of each channel, but LeakyReLU comes "
        "before the first norm, and it bends",
        "e": "a mean and a deviation do not depend on the order; nor does a mean of logits",
    }
    for letter, look in looks.items():
        if (letter in given) != (letter in unseen):
            heard = "is seen" if letter in given else "is missing"
            return not_yet(name, f"{letter} {heard}: {look}")
    return accepted(name)


@torch.no_grad()
def _unseen() -> set[str]:
    """Ask a fresh discriminator, in training mode, which changes of a batch it overlooks."""
    with seeded(0):
        # In double precision: what remains of a difference then is no rounding.
        discriminator = DCGANDiscriminator(4, image_size=32).double()
        fakes = torch.rand(8, 3, 32, 32).double() * 2 - 1
    for layer in discriminator.layers:
        if isinstance(layer, nn.BatchNorm2d):
            layer.eps = 1e-20
    one = torch.cat([0.5 * fakes[:1], fakes[1:]])
    changed = {"a": 0.5 * fakes, "b": one, "c": -fakes, "d": fakes + 0.3, "e": fakes.flip(0)}
    usual = discriminator(fakes).mean()
    apart = {letter: discriminator(batch).mean() - usual for letter, batch in changed.items()}
    return {letter for letter, difference in apart.items() if difference.abs() < 1e-9}


def lettered_trainings() -> str:
    """Return the table that exercise 4 is about: scores of trained weights at six moments."""
    lines = [f"{'':20}{'moment':6}" + "".join(f"{n:7}" for n in range(1, len(MOMENTS) + 1))]
    for letter, moments in _moments().items():
        for head, score in (
            (f"{letter}  Fréchet distance", "frechet"),
            ("   contrast", "contrast"),
        ):
            lines.append(f"{head:26}" + "".join(f"{moment[score]:7.2f}" for moment in moments))
    return "\n".join(lines)


def _moments() -> dict[str, list[dict[str, float]]]:
    rows = stored_results("faces")
    found = {}
    for letter, (row, seed) in zip(LETTERS, TRAININGS, strict=True):
        curve = rows[row][seed - 1]["curve"]
        found[letter] = [curve[index]["trained"] for index in MOMENTS]
    return found


def collapse(letter: str | None, moment: int | None) -> Verdict:
    """Check which stored training has collapsed, and which moment of it one would keep."""
    name = "collapse"
    if letter is None:
        return unanswered(name)
    letter = letter.strip().upper() if isinstance(letter, str) else letter
    if letter not in tuple(LETTERS):
        return not_yet(name, f"a capital letter from A to E is needed, not {letter!r}")
    trainings = {each: [m["frechet"] for m in found] for each, found in _moments().items()}
    worse = {each: distances[-1] / min(distances) for each, distances in trainings.items()}
    collapsed = max(worse, key=worse.__getitem__)
    looks = {
        "A": "its distance rises once, but comes down again, and its contrast is not lost",
        "B": "its distances are the highest, but at the start: it is slow, and still learning",
        "C": "it comes nearer to the data until the end, and keeps their contrast",
        "D": "its distance is small until the end",
        "E": "its contrast is the lowest, but at the start; it grows to the end",
    }
    if letter != collapsed:
        return not_yet(f"{name}, letter", looks[letter])
    best = min(trainings[letter])
    kept = {distance: number for number, distance in enumerate(trainings[letter], 1)}
    mistakes = {
        "that is the last one, when all is lost: the end is not the best moment": 6,
        "of all its moments that is the one with the highest distance": 5,
        "that is where it begins to fall: its distance has already grown": 4,
        "it is good, but look at the distances once more: another one is lower": 2,
        "at the first moment it still has something to learn": 1,
    }
    return check_answer(f"{name}, moment", moment, kept[best], mistakes)


def even_layer(my_layer: Layer) -> Verdict:
    """Check kernel and padding of a transposed convolution for the strides 2, 3 and 4."""
    name = "even layer"
    for stride in (2, 3, 4, 5):
        answer = my_layer(stride)
        if answer is None and stride == 2:
            return unanswered(name)
        if look_at := _fault_of_layer(stride, answer):
            return not_yet(name, f"with stride {stride}, {look_at}")
    return accepted(name)


def _fault_of_layer(stride: int, answer: Any) -> str:
    """Say what is wrong with a layer, or nothing; its stamps are counted on a line."""
    pair = tuple(answer) if isinstance(answer, (tuple, list)) else ()
    if len(pair) != 2 or not all(isinstance(number, int) for number in pair):
        return f"two whole numbers are needed, kernel and padding, not {answer!r}"
    kernel, padding = pair
    if not 0 <= padding < kernel:
        return f"the padding is {padding} for a kernel of {kernel}; it must lie between them"
    if 2 * kernel >= PLACES * stride:
        return f"a kernel of {kernel} is more than anybody needs; a smaller one does it, too"
    ones = torch.ones(1, 1, PLACES), torch.ones(1, 1, kernel)
    stamps = conv_transpose1d(*ones, stride=stride, padding=padding)[0, 0]
    if len(stamps) != stride * PLACES:
        what = f"{PLACES} places become {len(stamps)}, not {stride * PLACES}"
        return f"{what}; section 3 has the formula"
    if kernel <= stride:
        return "no stamps overlap: each block of pixels comes from one place alone"
    most, least = (int(end) for end in (stamps[kernel:-kernel].max(), stamps[kernel:-kernel].min()))
    if most != least:
        return f"some places get {most} stamps and others {least}: that is a checkerboard"
    return ""


def starting_weights(deviation: Callable[[int, int, int], float]) -> Verdict:
    """Check with which weights a transposed convolution behind a ReLU keeps the size."""
    name = "starting weights"
    cases = ((64, 4, 2), (32, 6, 2), (16, 6, 3), (100, 8, 2))
    given = [deviation(*case) for case in cases]
    if None in given:
        return unanswered(name)

    def answers(one: Callable[[int, int, int], float]) -> list[float]:
        return [one(*case) for case in cases]

    mistakes = {
        "you count all weights of a kernel; but how many stamps reach one place?": (
            lambda c, k, _: math.sqrt(2 / (c * k**2))
        ),
        "stamps lie further apart along rows and along columns: the stride counts twice": (
            lambda c, k, s: math.sqrt(2 / (c * k**2 / s))
        ),
        "several stamps meet in a place: only the channels are counted": (
            lambda c, _, __: math.sqrt(2 / c)
        ),
        "that is for numbers of both signs: what does ReLU take from their squares?": (
            lambda c, k, s: s / k / math.sqrt(c)
        ),
        "that is a variance; a deviation is its root": lambda c, k, s: 2 * s**2 / (c * k**2),
        "that is for LeakyReLU 0.2: ReLU has no slope below zero": (
            lambda c, k, s: math.sqrt(2 / 1.04 / c) * s / k
        ),
    }
    known = {look_at: answers(mistake) for look_at, mistake in mistakes.items()}
    return check_answer(
        name, given, answers(lambda c, k, s: math.sqrt(2 / c) * s / k), known, tolerance=0.011
    )


def r1_penalty(my_penalty: Penalty) -> Verdict:
    """Check the R1 penalty, and whether a discriminator can learn from it."""
    name = "R1 penalty"
    with seeded(0):
        discriminator = DCGANDiscriminator(4, image_size=32, batch_norm=False)
        real, fake = torch.rand(2, 4, 3, 32, 32) * 2 - 1
    with torch.no_grad():
        discriminator.layers[-2].weight *= 3  # a slope near 1 would look like its square
    discriminator.layers.append(nn.LeakyReLU(0.2))  # one picture is less steep than the others
    given = my_penalty(discriminator, real.clone(), fake.clone())
    discriminator.requires_grad_()  # it may have been frozen
    if given is None:
        return unanswered(name)
    right = losses.r1_penalty(discriminator, real, fake)
    found = check_answer(
        name, given, right.detach(), _mistakes_of_penalty(discriminator, real, fake)
    )
    weight = discriminator.layers[0].weight
    if found.right and weight.grad is not None:
        look = "the number is right, but backward() has left slopes in the weights' .grad"
        return not_yet(name, f"{look}, where D's step adds them; use torch.autograd.grad")
    if found.right and not _teaches(given, right, weight):
        look = "the number is right, but no gradient leads back from it to the weights, so D learns"
        return not_yet(name, f"{look} nothing from it; see create_graph")
    return found


def _teaches(given: Any, right: Tensor, weight: Tensor) -> bool:
    if not (isinstance(given, Tensor) and given.requires_grad):
        return False
    [wanted] = torch.autograd.grad(right, weight)
    [found] = torch.autograd.grad(given, weight, allow_unused=True)
    return found is not None and torch.allclose(found, wanted, rtol=0.01, atol=1e-5)


def _mistakes_of_penalty(discriminator: nn.Module, real: Tensor, fake: Tensor) -> dict[str, float]:
    half = losses.R1_WEIGHT / 2
    inputs = real.clone().requires_grad_()
    logits = discriminator(inputs)
    [slope] = torch.autograd.grad(logits.sum(), inputs, retain_graph=True)
    weights = list(discriminator.parameters())
    of_weights = torch.autograd.grad(logits.sum(), weights, retain_graph=True)
    [of_belief] = torch.autograd.grad(logits.sigmoid().sum(), inputs)
    squares = slope.flatten(1).square().sum(dim=1)
    mistakes = {
        "R1 is taken at real pictures; you took the generated ones": (
            losses.r1_penalty(discriminator, fake, real)
        ),
        "the slope is not squared": half * squares.sqrt().mean(),
        "a picture's slope is one vector: add up its squares over all pixels, and average over "
        "pictures alone": half * slope.square().mean(),
        "that is the sum over the batch; average over the pictures": half * squares.sum(),
        "the slope of the mean logit is smaller than that of each picture's own, as often as "
        "there are pictures: start from the sum": half * squares.mean() / len(real) ** 2,
        "the factor 1/2 is missing": 2 * half * squares.mean(),
        "R1_WEIGHT is missing": squares.mean() / 2,
        "both R1_WEIGHT and one half are missing": squares.mean(),
        "that is the penalty of Gulrajani, which wants slopes of 1; R1 wants them flat": (
            10 * (squares.sqrt() - 1).square().mean()
        ),
        "the slope is that of the logit, not of the probability": (
            half * of_belief.flatten(1).square().sum(dim=1).mean()
        ),
        "the slope is taken with respect to the weights; it is the pictures that count": (
            half * sum(part.square().sum() for part in of_weights)
        ),
    }
    return {look_at: mistake.item() for look_at, mistake in mistakes.items()}
