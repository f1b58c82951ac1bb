"""Where and how long a lesson runs: device, quick and full mode; and showing live source."""

import inspect
import os
import textwrap
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, TypeVar

import torch

T = TypeVar("T")

MODES = ("quick", "full")


def mode() -> str:
    """Return `"quick"` or `"full"`: how much training the lessons do.

    The environment variable `GAN_UTILS_MODE` decides. Unset, it is full where CUDA is, else quick.

    Raises:
        ValueError: `GAN_UTILS_MODE` is neither of the two.
    """
    name = os.environ.get("GAN_UTILS_MODE") or ("full" if torch.cuda.is_available() else "quick")
    if name not in MODES:
        raise ValueError(f"GAN_UTILS_MODE is {name!r}; set it to one of {', '.join(MODES)}")
    return name


def budget(*, quick: T, full: T) -> T:
    """Return the value for the current `mode`, so that a cell shows both."""
    return full if mode() == "full" else quick


def available_devices() -> list[str]:
    """Return the names that `pick_device` accepts here, the preferred one first."""
    cuda = [f"cuda:{index}" for index in range(torch.cuda.device_count())]
    mps = ["mps"] if torch.backends.mps.is_available() else []
    return [*cuda, *mps, "cpu"]


def pick_device() -> torch.device:
    """Return the device to train on: CUDA, else MPS, else the CPU.

    The environment variable `GAN_UTILS_DEVICE` overrides the choice (`cuda` means `cuda:0`).

    Raises:
        RuntimeError: the device that `GAN_UTILS_DEVICE` names is not here.
    """
    present = available_devices()
    name = os.environ.get("GAN_UTILS_DEVICE") or present[0]
    if (f"{name}:0" if name == "cuda" else name) not in present:
        raise RuntimeError(
            f"GAN_UTILS_DEVICE is {name!r}, which is not here; "
            f"unset it or choose one of {', '.join(present)}"
        )
    return torch.device(name)


def describe_device(device: torch.device) -> str:
    """Return one line about `device`: its kind and, for a GPU, its name and memory."""
    if device.type == "cuda":
        card = torch.cuda.get_device_properties(device)
        return f"cuda: {card.name}, {card.total_memory / 2**30:.0f} GiB"
    if device.type == "mps":
        return "mps: the GPU of an Apple computer"
    return f"cpu, threads used: {torch.get_num_threads()}"


def synchronize(device: torch.device) -> None:
    """Wait until `device` has finished its queue. A GPU works on while Python continues."""
    if device.type != "cpu":
        torch.accelerator.synchronize(device)


def peak_memory(device: torch.device) -> str:
    """Return one line about the most memory that tensors on `device` have taken so far."""
    if device.type == "cuda":
        return f"peak GPU memory: {torch.cuda.max_memory_allocated(device) / 2**20:,.1f} MiB"
    return f"peak memory: not counted on the {device.type}"


def random_state(device: torch.device) -> dict[str, torch.Tensor]:
    """Return the state of PyTorch's random generators: the CPU's, and the one of `device`."""
    states = {"cpu": torch.get_rng_state()}
    if device.type == "cuda":
        states["cuda"] = torch.cuda.get_rng_state(device)
    if device.type == "mps":
        states["mps"] = torch.mps.get_rng_state()
    return states


def restore_random_state(states: dict[str, torch.Tensor], device: torch.device) -> None:
    """Put back what `random_state` returned on the same kind of device."""
    torch.set_rng_state(states["cpu"])
    if device.type == "cuda" and "cuda" in states:
        torch.cuda.set_rng_state(states["cuda"], device)
    if device.type == "mps" and "mps" in states:
        torch.mps.set_rng_state(states["mps"])


@contextmanager
def seeded(seed: int) -> Iterator[None]:
    """Draw from `seed` on the CPU, and leave the random state outside as it was."""
    with torch.random.fork_rng(devices=[]):
        torch.default_generator.manual_seed(seed)  # torch.manual_seed would seed GPUs too
        yield


@contextmanager
def replacing(path: Path) -> Iterator[BinaryIO]:
    """Open a file for writing that takes the place of `path` only once it is complete."""
    unfinished = path.with_name(path.name + ".part")
    try:
        with unfinished.open("wb") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        unfinished.replace(path)
    finally:
        unfinished.unlink(missing_ok=True)


@dataclass(frozen=True)
class Source:
    """The source code of one object; Jupyter shows it as a Markdown code block."""

    name: str
    code: str

    def __repr__(self) -> str:
        """Return the plain source, for a terminal."""
        return self.code

    def _repr_markdown_(self) -> str:
        return f"`{self.name}`\n\n```python\n{self.code}\n```"


def show_source(thing: Callable) -> Source:
    """Return the packaged source of a function or class, as the last value of a notebook cell.

    The code shown is the code that runs: it is read from the imported module.
    """
    code = textwrap.dedent(inspect.getsource(thing)).rstrip()
    return Source(f"{thing.__module__}.{thing.__qualname__}", code)
