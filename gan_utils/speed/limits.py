"""What a device does at most, measured: multiply, copy, begin an operation."""

from collections.abc import Callable
from typing import NamedTuple

import torch
from torch.nn.functional import conv2d

from gan_utils.speed.timing import seconds_of
from gan_utils.speed.work import Work

SIZE = 2048  # rows and columns of the matrices
IMAGES, CHANNELS, SIDE = 16, 128, 64  # of the pictures that are convolved, with kernels of 3x3
COPIED = 2**27  # bytes, more than any cache holds
CALLS = 2000
REPEATS = 8


class Limits(NamedTuple):
    """What a device does at most in a second.

    Attributes:
        flops: floating point operations, in the product of two large
            matrices or in a large convolution: the faster of the two.
        bandwidth: bytes read and written, in a large copy.
        call: seconds for an operation on a single number: what it costs
            to begin one.
    """

    flops: float
    bandwidth: float
    call: float

    def better(self, other: "Limits") -> "Limits":
        """Return the better of two measurements of each limit."""
        return Limits(
            flops=max(self.flops, other.flops),
            bandwidth=max(self.bandwidth, other.bandwidth),
            call=min(self.call, other.call),
        )

    def seconds(self, work: Work) -> dict[str, float]:
        """Return how long `work` takes at least, by what holds it up.

        Source: Williams, Waterman & Patterson 2009 (the roofline model)
        for the first two.
        """
        return {
            "multiplying": work.flops / self.flops,
            "moving": work.traffic / self.bandwidth,
            "calls": work.calls * self.call,
        }


def measure_limits(device: torch.device, precision: torch.dtype = torch.float32) -> Limits:
    """Measure the limits of `device`, multiplying in `precision`; takes a few seconds."""
    matrix = torch.randn(SIZE, SIZE, device=device).to(precision)
    pictures = torch.randn(IMAGES, CHANNELS, SIDE, SIDE, device=device).to(precision)
    kernels = torch.randn(CHANNELS, CHANNELS, 3, 3, device=device).to(precision)
    convolved = 2 * IMAGES * CHANNELS**2 * 9 * SIDE**2
    source = torch.zeros(COPIED // 4, device=device)
    target, number = torch.empty_like(source), torch.zeros(1, device=device)

    return Limits(
        flops=max(
            2 * SIZE**3 / _shortest(lambda: matrix @ matrix, device),
            convolved / _shortest(lambda: conv2d(pictures, kernels, padding=1), device),
        ),
        bandwidth=2 * source.nbytes / _shortest(lambda: target.copy_(source), device),
        call=_shortest(lambda: number.add_(1), device, CALLS),
    )


def _shortest(run: Callable[[], object], device: torch.device, count: int = 1) -> float:
    """Return the seconds of a call in the fastest of some rounds, after one to warm up."""
    return min([seconds_of(run, count, device) for _ in range(REPEATS + 1)][1:])
