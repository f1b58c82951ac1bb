"""The state of PyTorch's random generators: kept, put back, and seeded for a while."""

from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np
import torch

from gan_utils.runtime import generator_state, restore_generator_state


def random_state(device: torch.device) -> dict[str, torch.Tensor]:
    """Return the state of PyTorch's random generators: the CPU's, and the one of `device`."""
    return {"cpu": torch.get_rng_state()} | generator_state(device)


def restore_random_state(states: dict[str, torch.Tensor], device: torch.device) -> None:
    """Put back what `random_state` returned on the same kind of device."""
    torch.set_rng_state(states["cpu"])
    restore_generator_state(states, device)


@contextmanager
def seeded(seed: int) -> Iterator[None]:
    """Draw from `seed` on the CPU, and leave the random state outside as it was."""
    with torch.random.fork_rng(devices=[]):
        torch.default_generator.manual_seed(seed)  # torch.manual_seed would seed GPUs too
        yield


def mixed_seed(*numbers: int) -> int:
    """Return one seed for several numbers of at least 0, such as a seed, a step and a rank:
    neighbours among them give seeds that are nothing alike.
    """
    return int(np.random.SeedSequence(numbers).generate_state(1, np.uint64)[0])
