"""What a device does at most, measured: multiply, copy, begin an operation."""

import time
from collections.abc import Callable, Iterable, Iterator
from typing import NamedTuple

import torch
from torch.nn.functional import conv2d

from gan_utils.speed.timing import seconds_of
from gan_utils.speed.work import Work

SIZES = (256, 512, 1024, 2048)  # rows and columns of the matrices
CHANNELS = 128  # of the pictures that are convolved, with kernels of 3x3
PICTURES = ((1, 8), (1, 16), (1, 32), (1, 64), (4, 64), (16, 64))  # their number and side
COPIED = 2**27  # bytes, more than any cache holds
CALLS = 2000
REPEATS = 8
SECONDS = 3.0
EMULATED = 4  # times as long as in float32: so slow is a precision without instructions for it


class Limits(NamedTuple):
    """What a device does at most in a second.

    Attributes:
        flops: floating point operations, in the product of two large
            matrices or in a large convolution: the faster of the two.
        bandwidth: bytes read and written, in a large copy.
        call: seconds for an operation on a single number: what it costs
            to begin one.

    Lesson 05, section 2.
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
            "moving": work.bytes_moved / self.bandwidth,
            "calls": work.kernel_calls * self.call,
        }


def measure_limits(
    device: torch.device,
    precision: torch.dtype = torch.float32,
    seconds: float = SECONDS,
) -> Limits:
    """Measure the limits of `device`, multiplying in `precision`.

    Products and convolutions begin small and grow while there is time, since nothing is known of
    the device: a processor that emulates bfloat16 needs a minute for the largest product.

    Args:
        device: what is measured.
        precision: of the numbers that are multiplied.
        seconds: about how long all of it may take.
    """
    source = torch.zeros(COPIED // 4, device=device)
    target, number = torch.empty_like(source), torch.zeros(1, device=device)
    works = (_products(device, precision), _convolutions(device, precision))
    return Limits(
        flops=max(_most_flops(each, device, seconds / 3) for each in works),
        bandwidth=2 * source.nbytes / _shortest(lambda: target.copy_(source), device, seconds / 4),
        call=_shortest(lambda: number.add_(1), device, seconds / 12, CALLS),
    )


def fast_precisions(device: torch.device) -> list[torch.dtype]:
    """Return float32, and bfloat16 if `device` has instructions for it; otherwise a line says so.

    One small product in each tells: emulated, bfloat16 takes some fifty times as long as float32.
    """
    matrix, found = torch.randn(SIZES[0], SIZES[0], device=device), []
    threads = torch.get_num_threads()
    torch.set_num_threads(1)  # several wait for each other, and longer than such a product takes
    try:
        for precision in (torch.float32, torch.bfloat16):
            factor = matrix.to(precision)
            found.append(_shortest(lambda m=factor: m @ m, device, SECONDS / 10))
    except TypeError:  # as MPS before macOS 14 says that it has none
        print(f"bfloat16 does not exist on this {device.type}: left out")
        return [torch.float32]
    finally:
        torch.set_num_threads(threads)
    if found[1] <= EMULATED * found[0]:
        return [torch.float32, torch.bfloat16]
    print(f"bfloat16 is emulated on this {device.type}, {found[1] / found[0]:.0f} times as slow as")
    print("float32 in a small product: left out")
    return [torch.float32]


def _products(
    device: torch.device, precision: torch.dtype
) -> Iterator[tuple[int, Callable[[], object]]]:
    for size in SIZES:
        matrix = torch.randn(size, size, device=device).to(precision)
        yield 2 * size**3, lambda m=matrix: m @ m


def _convolutions(
    device: torch.device, precision: torch.dtype
) -> Iterator[tuple[int, Callable[[], object]]]:
    kernels = torch.randn(CHANNELS, CHANNELS, 3, 3, device=device).to(precision)
    for count, side in PICTURES:
        pictures = torch.randn(count, CHANNELS, side, side, device=device).to(precision)
        flops = 2 * count * CHANNELS**2 * 9 * side**2
        yield flops, lambda p=pictures: conv2d(p, kernels, padding=1)


def _most_flops(
    works: Iterable[tuple[int, Callable[[], object]]], device: torch.device, seconds: float
) -> float:
    """Return the most operations a second in works of growing size; those too long stay out."""
    end, best = time.perf_counter() + seconds, 0.0
    for flops, run in works:
        left = end - time.perf_counter()
        if best and 2 * flops / best > left:  # to warm up and to measure
            break
        best = max(best, flops / _shortest(run, device, left / 2))
    return best


def _shortest(
    run: Callable[[], object], device: torch.device, seconds: float, count: int = 1
) -> float:
    """Return the seconds of a call in the fastest of some rounds, after one to warm up.

    That first round counts only where it took all the time there is.
    """
    end = time.perf_counter() + seconds
    found = [seconds_of(run, count, device)]
    while len(found) <= REPEATS and time.perf_counter() < end:
        found.append(seconds_of(run, count, device))
    return min(found[1:] or found)
