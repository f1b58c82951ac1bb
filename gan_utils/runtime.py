"""Where and how long a lesson runs: the device, quick and full mode.

No other file of the package names CUDA or MPS.
"""

import gc
import math
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TypeVar

import psutil
import torch
from torch import Tensor

from gan_utils.settings import MODES

T = TypeVar("T")

MEMORY = "GAN_UTILS_GPU_MEMORY"  # the part of a GPU's memory that a process may take


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


def announce_mode(device: torch.device, *, shaped: str = "") -> None:
    """Print the mode and the device of a lesson, and what quick mode leaves out.

    Args:
        device: where the lesson runs.
        shaped: the sections that quick mode hardly trains, in words.
    """
    print(f"{mode()} mode on {describe_device(device)}")
    if mode() == "quick":
        print("Quick mode trains for seconds. The text describes the stored full run,")
        print("and pictures of that run are shown beside those made here.")
        if shaped:
            print(f"Hardly trained here, only the form is shown: {shaped}.")


def budget(*, quick: T, full: T) -> T:
    """Return the value for the current `mode`, so that a cell shows both."""
    return full if mode() == "full" else quick


def available_devices() -> list[str]:
    """Return the names that `pick_device` accepts here, the preferred one first."""
    cuda = [f"cuda:{index}" for index in range(torch.cuda.device_count())]
    mps = ["mps"] if torch.backends.mps.is_available() else []
    return [*cuda, *mps, "cpu"]


def pick_device(name: str | None = None) -> torch.device:
    """Return the device to train on: CUDA, else MPS, else the CPU.

    `name`, or else the environment variable `GAN_UTILS_DEVICE`,
    overrides the choice (`cuda` means `cuda:0`).

    Raises:
        RuntimeError: the device asked for is not here.
        ValueError: `GAN_UTILS_GPU_MEMORY` is no part of its memory.

    Lesson 01, section 20.
    """
    present = available_devices()
    asked = name or os.environ.get("GAN_UTILS_DEVICE") or present[0]
    if (f"{asked}:0" if asked == "cuda" else asked) not in present:
        place = "the device" if name else "GAN_UTILS_DEVICE"
        raise RuntimeError(
            f"{place} is {asked!r}, which is not here; "
            f"leave it out or choose one of {', '.join(present)}"
        )
    share_memory(torch.device(asked))
    return torch.device(asked)


def memory_share() -> float:
    """Return the part of a GPU's memory that this process may take, by `GAN_UTILS_GPU_MEMORY`.

    Several learners on one GPU set it, so that none takes the memory of another. Unset, it is 1.

    Raises:
        ValueError: it is no number above 0 and up to 1.
    """
    text = os.environ.get(MEMORY) or "1"
    try:
        share = float(text)
    except ValueError:
        share = math.nan
    if not 0 < share <= 1:
        raise ValueError(f"{MEMORY} is {text!r}; set it to a part of 1, as 0.1 for ten learners")
    return share


def share_memory(device: torch.device) -> None:
    """Let this process take no more of a CUDA GPU's memory than its share; see `memory_share`."""
    share = memory_share()
    if device.type == "cuda" and share < 1:
        torch.cuda.set_per_process_memory_fraction(share, device)


@contextmanager
def memory_advice(lower: str) -> Iterator[None]:
    """Where the memory of a GPU runs out meanwhile, say what to lower.

    Raises:
        torch.OutOfMemoryError: with that advice, in place of the one that lists the allocator's
            numbers, which stays its cause.
    """
    try:
        yield
    except torch.OutOfMemoryError as error:
        others = "or shut down other notebooks that use it (menu Kernel)"
        if os.environ.get(MEMORY):
            others = f"or raise {MEMORY}, which is {os.environ[MEMORY]}, if nobody else needs it"
        raise torch.OutOfMemoryError(
            f"the GPU has no memory left for this; lower {lower}, {others}"
        ) from error


def device_of_process(local_rank: int, name: str | None = None) -> torch.device:
    """Return the device of one of several processes: a CUDA GPU of its own, else the CPU.

    Args:
        local_rank: its number on this computer, from 0.
        name: see `pick_device`.

    Raises:
        RuntimeError: there are fewer GPUs than processes, or the device asked for is not here.
    """
    if pick_device(name).type != "cuda":
        return torch.device("cpu")  # an Apple GPU cannot be shared
    if local_rank >= torch.cuda.device_count():
        raise RuntimeError(
            f"process {local_rank} on this computer has no GPU of its own, of "
            f"{torch.cuda.device_count()}; start fewer, or set GAN_UTILS_DEVICE=cpu"
        )
    torch.cuda.set_device(local_rank)
    share_memory(torch.device("cuda", local_rank))
    return torch.device("cuda", local_rank)


def distributed_backend(device: torch.device) -> str:
    """Return the name of what carries tensors on `device` from process to process."""
    return "nccl" if device.type == "cuda" else "gloo"


def describe_device(device: torch.device) -> str:
    """Return one line about `device`: its kind and, for a GPU, its name and memory."""
    if device.type == "cuda":
        total = torch.cuda.get_device_properties(device).total_memory
        return f"cuda: {device_name(device)}, {total / 2**30:.0f} GiB"
    if device.type == "mps":
        return "mps: the GPU of an Apple computer"
    waiting = os.environ.get("OMP_WAIT_POLICY", "default").lower()
    return f"cpu, threads: {torch.get_num_threads()}, waiting: {waiting}"


def device_name(device: torch.device) -> str:
    """Return the name of a CUDA GPU, otherwise the kind of the device."""
    return torch.cuda.get_device_name(device) if device.type == "cuda" else device.type


def synchronize(device: torch.device) -> None:
    """Wait until `device` has finished its queue. A GPU works on while Python continues."""
    if device.type != "cpu":
        torch.accelerator.synchronize(device)


def records_graphs(device: torch.device) -> bool:
    """Return whether `device` can repeat recorded work by itself, see `record_graph`."""
    return device.type == "cuda"


def record_graph(
    work: Callable[[], T], device: torch.device, rehearsal: Callable[[], None]
) -> tuple[Callable[[], None], T]:
    """Record what some work asks of a CUDA GPU, without doing it.

    Args:
        work: must find and leave all that it needs in the memory of the GPU, always at the same
            place, and read none of it.
        device: the GPU.
        rehearsal: called before, on the same stream; it lets PyTorch prepare what the first use
            of each operation needs, and has to leave everything as it was.

    Returns:
        What has the GPU do the work, and the result of `work`, whose tensors each time are filled
        anew.

    Raises:
        RuntimeError: the work cannot be recorded.

    Source: "CUDA Graphs", whole-network capture, in the notes of PyTorch's documentation.
    """
    gc.collect()  # a graph among the garbage must not be taken down during the recording
    with torch.cuda.device(device):
        stream, graph = torch.cuda.Stream(), torch.cuda.CUDAGraph()
        current = torch.cuda.current_stream()
        with torch.cuda.stream(current):  # back to it also where the recording fails
            stream.wait_stream(current)
            with torch.cuda.stream(stream):
                rehearsal()
            current.wait_stream(stream)
            # What other threads ask of the GPU meanwhile, as those of a DataLoader, is no matter.
            with torch.cuda.graph(graph, stream=stream, capture_error_mode="thread_local"):
                result = work()
    return graph.replay, result


def peak_memory(device: torch.device) -> str:
    """Return one line about the most memory that tensors on `device` have taken so far."""
    if device.type == "cuda":
        return f"peak GPU memory: {torch.cuda.max_memory_allocated(device) / 2**20:,.1f} MiB"
    return f"peak memory: not counted on the {device.type}"


def free_memory(device: torch.device) -> int:
    """Return how many bytes new tensors on `device` may take."""
    if device.type == "cuda":
        free, total = torch.cuda.mem_get_info(device)
        taken = torch.cuda.memory_allocated(device)
        kept = torch.cuda.memory_reserved(device) - taken
        return min(free + kept, int(memory_share() * total) - taken)
    return psutil.virtual_memory().available


def generator_state(device: torch.device) -> dict[str, Tensor]:
    """Return the state of the random generator of a GPU by its kind; nothing for a CPU."""
    if device.type == "cuda":
        return {"cuda": torch.cuda.get_rng_state(device)}
    return {"mps": torch.mps.get_rng_state()} if device.type == "mps" else {}


def restore_generator_state(states: dict[str, Tensor], device: torch.device) -> None:
    """Put back what `generator_state` returned on the same kind of device."""
    if device.type == "cuda" and "cuda" in states:
        torch.cuda.set_rng_state(states["cuda"], device)
    if device.type == "mps" and "mps" in states:
        torch.mps.set_rng_state(states["mps"])
