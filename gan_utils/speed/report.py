"""A table of speeds: each case as in a textbook and as in this package, beside the limits."""

import json
import os
import platform
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from tqdm import tqdm

from gan_utils.data.digits import digit_images
from gan_utils.files import atomic_write
from gan_utils.progress import print_wrapped
from gan_utils.runtime import describe_device
from gan_utils.speed.cases import Case, cases
from gan_utils.speed.limits import Limits, measure_limits
from gan_utils.speed.quality import print_quality, print_style, step_seconds, style_seconds
from gan_utils.speed.timing import interleave, quartiles
from gan_utils.speed.work import Work, count_work


def report(device: torch.device, seconds: float, file: Path | None = None) -> None:
    """Measure for about so many seconds, print a table, and keep what was measured in a file."""
    torch.manual_seed(0)
    digits = digit_images("digits")[0].images
    made = cases(digits, device)
    # Cases, limits at both ends, steps and style share the seconds 11 : 1 : 1 : 3 : 4.
    part = 0.05 * seconds
    limits = measure_limits(device, seconds=part)
    measured = measure_all(made, device, 11 * part)
    steps = step_seconds(digits, device, 3 * part)
    soon = style_seconds(device, 3 * part)  # and one part for ours
    limits = limits.better(measure_limits(device, seconds=part))  # not always equally fast
    for found in measured.values():
        found["shares"] = shares(found, limits)
    print_limits(limits, device)
    print_cases(measured)
    print_quality(steps)
    print_style(soon)
    if file:
        where = dict(device=describe_device(device), torch=torch.__version__)
        where |= dict(python=platform.python_version(), cores=os.cpu_count())
        kept = where | dict(limits=limits._asdict(), cases=measured, step_seconds=steps, style=soon)
        with atomic_write(file) as stream:
            stream.write(f"{json.dumps(kept, indent=1)}\n".encode())


def measure_all(
    made: dict[str, Callable[[], Case]], device: torch.device, seconds: float
) -> dict[str, dict[str, Any]]:
    """Measure one case after the other, in about so many seconds for all of them.

    Where a case cannot be measured here, or the time is over before its turn, a line says so.
    """
    measured, late, end = {}, [], time.perf_counter() + seconds
    for place, (name, make) in enumerate(tqdm(made.items(), "bench")):
        left = end - time.perf_counter()
        if left <= 0:
            late.append(name)
            continue
        try:
            measured[name] = measure(make(), device, left / (len(made) - place))
        except RuntimeError as error:  # too little memory, or no graph of this step
            print_wrapped(f"{name} could not be measured: {error}")
    if late:
        print_wrapped(f"left out, as the time was over: {'; '.join(late)}. Give more --seconds")
    return measured


def measure(case: Case, device: torch.device, seconds: float) -> dict[str, Any]:
    """Return the seconds of each form of a case, as lower quartile, median and upper quartile,
    how they compare, and what they ask of the device.
    """
    counted = dict(textbook=case.textbook, ours=case.ours)
    recorded = {} if case.graph is None else dict(graph=case.graph)  # its work is that of ours
    forms = counted | recorded
    times = interleave(forms, device, seconds=seconds)
    work = {name: count_work(run)._asdict() for name, run in counted.items()}
    found = {name: quartiles(found) for name, found in times.items()}
    ratios = {name: (times["textbook"] / times[name]).median().item() for name in forms}
    fastest = list(forms)[-1]
    return found | dict(
        ratios=ratios, work=work, fastest=fastest, images_a_second=case.images / found[fastest][1]
    )


def shares(found: dict[str, Any], limits: Limits) -> dict[str, float]:
    """Return the part of our time, of the fastest form, that each limit alone would take."""
    least = limits.seconds(Work(**found["work"]["ours"]))
    return {what: seconds / found[found["fastest"]][1] for what, seconds in least.items()}


def print_limits(limits: Limits, device: torch.device) -> None:
    """Print what the device does at most."""
    print(describe_device(device))
    print(f"limits: {limits.flops / 1e9:,.0f} GFLOP/s in a large product or convolution,")
    print(f"{limits.bandwidth / 1e9:,.1f} GB/s in a large copy, {limits.call * 1e6:.1f} µs a call")


def print_cases(measured: dict[str, dict[str, Any]]) -> None:
    """Print a line for each case: milliseconds of each form and half the distance of their
    quartiles, how many times as long the textbook takes, how near the last form is to a limit,
    and the memory that the tensors of ours hold.
    """
    forms = ["textbook", "ours", *["graph"] * any("graph" in found for found in measured.values())]
    print(f"\n{'ms a step':18}{'textbook':>15}", end="")
    print("".join(f"{form:>15}  ratio" for form in forms[1:]) + "  nearest limit      MiB")
    for name, found in measured.items():
        print(f"{name:18}", end="")
        for form in forms:
            print(_times(found, form), end="")
        what, share = max(found["shares"].items(), key=lambda entry: entry[1])
        peak = found["work"]["ours"]["peak_bytes"] / 2**20
        print(f"{share:6.0%} {what:11}{peak:6.1f}")


def _times(found: dict[str, Any], form: str) -> str:
    if form not in found:
        return f"{'-':>15}{'':7}"
    low, middle, high = (1000 * seconds for seconds in found[form])
    text = f"{middle:8.1f} ±{(high - low) / 2:5.1f}"
    return text if form == "textbook" else text + f"{found['ratios'][form]:7.2f}"
