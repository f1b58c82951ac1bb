"""Checks of the exercises of lesson 05. None reads the clock of this computer: devices are
simulated, and work is counted.
"""

import math
from collections.abc import Callable, Sequence
from functools import partial
from statistics import mean, median

import torch
from torch import Tensor, nn
from torch.nn.functional import relu, softplus

from gan_utils.exercises.simulated import Device, DriftingComputer, sent_in_ring
from gan_utils.exercises.verdicts import (
    State,
    Verdict,
    accepted,
    check_answer,
    not_yet,
    unanswered,
)
from gan_utils.gan.models import MLPDiscriminator
from gan_utils.speed.limits import Limits
from gan_utils.speed.work import count_work

Run = Callable[[], None]
Clock = Callable[[], float]
Stopwatch = Callable[[Run, Run, Clock, int], float | None]
Ratio = Callable[[Clock, Clock, int], float | None]

BATCH, INPUTS, OUTPUTS = 64, 784, 256  # of the layer in exercises 1 and 2


def _in_order(*found: Verdict) -> Verdict:
    """Return the first verdict that does not accept its answer; otherwise one that names all."""
    first, *others = (each.name for each in found)
    every = ", ".join([first, *(name.split(", ", 1)[1] for name in others)])
    return next((each for each in found if not each.right), accepted(every))


def layer_operations(forwards: float | None, middle: float | None, first: float | None) -> Verdict:
    """Check what a linear layer asks for, in the middle of a network and as the first to learn."""
    name, once, counted = "operations", 2 * BATCH * INPUTS * OUTPUTS, _layer_flops()
    mistakes_forwards = {
        "those are the multiplications; each product is also added to a sum": once / 2,
        "that is one sample; the batch has 64": once / BATCH,
        "that is the number of weights; each works on every sample": INPUTS * OUTPUTS,
        "that is forwards and backwards; only forwards is asked here": 3 * once,
    }
    mistakes_middle = {
        "that is forwards alone; the gradients of weights and of inputs come on top": once,
        "backwards alone takes that much, a product for the weights and one for the inputs; "
        "forwards comes on top": 2 * once,
        "forwards is one product, backwards two": 4 * once,
    }
    mistakes_first = {
        "nobody needs the gradient of the images: no layer before this one learns": 3 * once,
        "that is forwards alone; the first layer learns too": once,
        "the gradient of the weights costs as much as forwards, not half of it": 1.5 * once,
    }
    check = partial(check_answer, tolerance=0.015)
    return _in_order(
        check(f"{name}, forwards", forwards, counted["forwards"], mistakes_forwards),
        check(f"{name}, in the middle", middle, counted["middle"], mistakes_middle),
        check(f"{name}, as the first layer", first, counted["first"], mistakes_first),
    )


def _layer_flops() -> dict[str, int]:
    layer, images = nn.Linear(INPUTS, OUTPUTS, bias=False), torch.zeros(BATCH, INPUTS)
    hidden = images.clone().requires_grad_()  # as if a layer before it had made them
    runs = dict(
        forwards=lambda: layer(images),
        first=lambda: layer(images).sum().backward(),
        middle=lambda: layer(hidden).sum().backward(),
    )
    return {name: count_work(run).flops for name, run in runs.items()}


# What to look at if the nearest limit of an operation was taken for another one.
CONFUSED = {
    ("A", "multiplying"): "A does one operation for 8 bytes; compare that with the intensity",
    ("A", "calls"): "A is begun once, in 5 µs; how long do its 32 MB take?",
    ("B", "multiplying"): "B is a product, but each weight of 4 bytes is read for a single sample",
    ("B", "calls"): "B is begun once, in 5 µs; how long do its 0.8 MB of weights take?",
    ("C", "moving"): "C reads each weight once, as B does, but uses it 64 times",
    ("C", "calls"): "C is begun once, in 5 µs; how long do its operations take?",
    ("D", "multiplying"): "D has 2,048 operations, which take 0.02 µs; what takes longer?",
    ("D", "moving"): "D moves some 2,400 bytes, which takes 0.1 µs; what takes longer?",
}


def nearest_limits(intensity: float | None, nearest: Sequence[str] | None) -> Verdict:
    """Check where memory ends to be the limit, and which limit is nearest for four operations."""
    name, device = "nearest limits", Limits(flops=100e9, bandwidth=20e9, call=5e-6)
    mistakes = {
        "those are bytes per operation; turn it round": 0.2,
        "that is per number of 4 bytes; the intensity is per byte": 20,
        "the product of both speeds? Ask how many operations fit in the time of a byte": 2000,
    }
    first = check_answer(f"{name}, intensity", intensity, device.flops / device.bandwidth, mistakes)
    return _in_order(first, _operations(f"{name}, operations", nearest, device))


def _operations(name: str, nearest: Sequence[str] | None, device: Limits) -> Verdict:
    if nearest is None:
        return unanswered(name)
    limits = device.seconds(count_work(lambda: None))  # their names
    listed = isinstance(nearest, list | tuple) and len(nearest) == 4
    words = [str(word).strip().lower() for word in nearest] if listed else []
    if not words or not all(word in limits for word in words):
        return not_yet(name, f"give a list of four words, each one of {', '.join(limits)}")
    weights, product = torch.zeros(INPUTS, OUTPUTS), torch.mm
    runs = dict(
        A=partial(relu, torch.zeros(4_000_000)),
        B=partial(product, torch.zeros(1, INPUTS), weights),
        C=partial(product, torch.zeros(BATCH, INPUTS), weights),
        D=partial(product, torch.zeros(32, 2), torch.zeros(2, 16)),
    )
    for (letter, run), given in zip(runs.items(), words, strict=True):
        seconds = device.seconds(count_work(run))
        if given != max(seconds, key=seconds.__getitem__):
            return not_yet(name, CONFUSED[letter, given])
    return accepted(name)


def faster_part(factor: float | None, at_most: float | None) -> Verdict:
    """Check how much faster a step becomes if four fifths of it take half the time, or none."""
    name, share = "faster convolutions", 0.8
    mistakes = {
        "that holds for the convolutions; a fifth of the step takes as long as before": 2,
        "factors cannot be averaged: add up the times, then divide": 1.8,
        "that is the time that is left; how many steps fit where one was?": 0.6,
        "the time falls by 40%; a factor divides the old time by the new": 1.4,
        "that leaves out the fifth that is not convolutions": 2.5,
    }
    mistakes_at_most = {
        "convolutions take no time then, but the rest does": math.inf,
        "that compares the convolutions with the rest; take the whole step": 4,
        "that is for a rest that takes no time; here the convolutions take none": 1.25,
        "that is the time that is left; how many steps fit where one was?": 0.2,
    }
    return _in_order(
        check_answer(f"{name}, the step", factor, 1 / (1 - share / 2), mistakes, tolerance=0.025),
        check_answer(f"{name}, at most", at_most, 1 / (1 - share), mistakes_at_most),
    )


def ring(four: float | None, many: float | None) -> Verdict:
    """Check the milliseconds of an exchange round a ring of 4 and of 64 processes."""
    once = 1000 * 25e6 / 25e9  # for all gradients of a process over one wire
    mistakes = {
        "a gradient that has gone once over a wire is not yet a mean that all know": once,
        "that is the way of the sums alone; then the finished pieces must reach all": 0.75 * once,
        "nearly; but each way has one hop fewer than there are pieces": 2 * once,
        "everything to each of the others? A ring adds on the way, piece by piece": 3 * once,
        "everything through one place? A ring adds on the way, piece by piece": 4 * once,
        "everything on each of the hops? Only a piece goes on each": 6 * once,
    }
    grown = "16 times as many processes cut the gradients into 16 times as many pieces"
    mistakes_many = {
        "nearly; but there are more hops, each with a smaller piece": 1.5 * once,
        f"{grown}, so that a hop takes a sixteenth": 24 * once,
        f"{grown}; nothing goes whole to all others, or through one place": 63 * once,
        "that is one way round; the finished sums must come back": 63 / 64 * once,
    }
    few_ms, many_ms = (sent_in_ring(processes) * once for processes in (4, 64))
    seconds = "those are seconds; the exercise asks for milliseconds"
    mistakes[seconds], mistakes_many[seconds] = few_ms / 1000, many_ms / 1000
    return _in_order(
        check_answer("ring, 4 processes", four, few_ms, mistakes),
        check_answer("ring, 64 processes", many, many_ms, mistakes_many, tolerance=0.02),
    )


def stopwatch(my_seconds: Stopwatch) -> Verdict:
    """Check a stopwatch with a simulated device that works behind the program."""
    mistakes = {
        "you measured how long it takes to ask; the device is still at work": _stopwatch(
            wait_behind=False
        ),
        "the first call sets things up; leave it out": _stopwatch(warm_up=0),
        "when the clock starts, the queue still holds other work; wait before": _stopwatch(
            wait_before=False
        ),
        "earlier work in the queue does not belong to it, nor does the first call": _stopwatch(
            wait_before=False, warm_up=0
        ),
        "that is the mean; one busy moment among the calls, and it is off": _stopwatch(
            summary=mean
        ),
        "that is a mean over all calls; time each, then take the median": _total_over_calls,
        "that is the fastest call, which is right for a limit; here the median was asked for": (
            _stopwatch(summary=min)
        ),
    }
    found = {look_at: _on_devices(mistake) for look_at, mistake in mistakes.items()}
    given, right = _on_devices(my_seconds), _on_devices(_stopwatch())
    verdict = check_answer("stopwatch", given, right, found, tolerance=0.005)
    if verdict.state is State.WRONG and 0 < max(given) < 0.005:  # the simulation takes less
        return not_yet("stopwatch", "that is the time of this computer; read the device's `clock`")
    return verdict


def _on_devices(seconds: Stopwatch) -> list[float] | None:
    """Return what a stopwatch says of an uneven device, and of a single call of an even one."""
    found = []
    for repeats, device in (5, Device(0.12, 2.0, 0.1, 0.08, 0.17)), (4, Device(0.1, 0.1, 0.3, 1)):
        found.append(seconds(device.run, device.wait, device.clock, repeats))
    return None if any(one is None for one in found) else found


def _stopwatch(
    warm_up: int = 1,
    wait_before: bool = True,
    wait_behind: bool = True,
    summary: Callable[[list[float]], float] = median,
) -> Stopwatch:
    """Return the right stopwatch, or one with a fault."""

    def seconds(run: Run, wait: Run, clock: Clock, repeats: int) -> float:
        found = []
        for call in range(warm_up + repeats):
            if wait_before:
                wait()
            start = clock()
            run()
            if wait_behind and call >= warm_up:
                wait()
            found.append(clock() - start)
        return summary(found[warm_up:])

    return seconds


def _total_over_calls(run: Run, wait: Run, clock: Clock, repeats: int) -> float:
    run()
    wait()
    start = clock()
    for _ in range(repeats):
        run()
    wait()
    return (clock() - start) / repeats


def fair_ratio(my_ratio: Ratio) -> Verdict:
    """Check a comparison of two programs on a simulated computer that becomes slower."""
    mistakes: dict[str, Ratio] = {
        "first all of one, then all of the other: by then the computer is slower": lambda a, b, n: (
            median([a() for _ in range(n)]) / median([b() for _ in range(n)])
        ),
        "first all of one, then all of the other, and the fastest of each says no more": (
            lambda a, b, n: min(a() for _ in range(n)) / min(b() for _ in range(n))
        ),
        "that is the second's time over the first's": lambda a, b, n: 1 / median(_in_turn(a, b, n)),
        "one busy moment decides over a mean of the rounds; take their median": lambda a, b, n: (
            mean(_in_turn(a, b, n))
        ),
        "one busy moment decides over a sum or a mean; take medians": partial(_ratio_of, sum),
        "the two fastest calls are of different rounds; compare within each": partial(
            _ratio_of, min
        ),
        "that is one round, and the first call is no usual one": lambda a, b, _: a() / b(),
    }
    found = {
        look_at: _on_drifting(mistake, DriftingComputer()) for look_at, mistake in mistakes.items()
    }
    given = _on_drifting(my_ratio, computer := DriftingComputer())
    verdict = check_answer("fair comparison", given, 1.5, found, tolerance=0.03)
    few = verdict.right and computer.calls < 2 * 21
    return not_yet("fair comparison", "call each program `rounds` times") if few else verdict


def _on_drifting(ratio: Ratio, computer: DriftingComputer) -> float | None:
    """Return what a comparison says of a program that takes 1.5 times as long as another."""
    return ratio(lambda: computer.call(1.5), lambda: computer.call(1.0), 21)


def _in_turn(first: Clock, second: Clock, rounds: int) -> list[float]:
    return [first() / second() for _ in range(rounds)]


def _ratio_of(
    summary: Callable[[list[float]], float], first: Clock, second: Clock, rounds: int
) -> float:
    times = [(first(), second()) for _ in range(rounds)]
    return summary([a for a, _ in times]) / summary([b for _, b in times])


def uneven_parts(my_average: Callable[[list[Tensor], list[int]], Tensor | None]) -> Verdict:
    """Check the average of gradients of unequal parts with the gradient of the whole batch."""
    torch.manual_seed(0)
    network, sizes = MLPDiscriminator(2, (8,)), [60, 24, 12]
    batch = torch.randn(sum(sizes), 2) + torch.linspace(-3, 3, sum(sizes))[:, None]

    def gradient(part: Tensor) -> Tensor:
        loss = softplus(-network(part)).mean()
        return torch.cat([g.flatten() for g in torch.autograd.grad(loss, network.parameters())])

    gradients = [gradient(part) for part in batch.split(sizes)]
    n, stacked = torch.tensor(sizes).float(), torch.stack(gradients)
    weights = {
        "so each process counts the same, and an image in a small part more than others": (
            torch.ones_like(n) / len(n)
        ),
        "that is a sum: it grows with the number of processes": torch.ones_like(n),
        "each is weighted by its images; divide by all of them": n,
        "divide by the number of images, not of processes": n / len(n),
        "each is a mean already; divided by its size, a larger part counts less": 1 / n,
        "that is the gradient of the largest part alone": (n == n.max()).float(),
    }
    mistakes = {look_at: weight @ stacked for look_at, weight in weights.items()}
    given = my_average([part.clone() for part in gradients], list(sizes))
    return check_answer("uneven parts", given, gradient(batch), mistakes, tolerance=1e-3)
