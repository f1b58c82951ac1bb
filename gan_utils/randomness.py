"""The state of PyTorch's random generators: kept, put back, and seeded for a while."""

from collections.abc import Iterator
from contextlib import contextmanager

import torch


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
