"""Generators that lie beside the lessons, trained already: to go on without an hour of training."""

from collections.abc import Mapping
from functools import partial
from hashlib import sha256

import torch
from safetensors import SafetensorError, safe_open
from torch import Tensor, nn

from gan_utils.files import NOTEBOOKS
from gan_utils.gan.models import DCGANGenerator
from gan_utils.gan.recipes import MNIST_HOUSE, SINE_HOUSE
from gan_utils.settings import require_choice

GENERATORS = NOTEBOOKS / "generators"
PRETRAINED = {  # how the network of each file is built, and the numbers in its latent vectors
    "sine": (SINE_HOUSE.generator, 2),
    "digits": (MNIST_HOUSE.generator, 100),
    "faces": (partial(DCGANGenerator, width=16), 100),
}


def load_generator(name: str, *, device: torch.device | str = "cpu") -> nn.Module:
    """Return a trained generator, in evaluation mode: an EMA where its recipe has one.

    `PRETRAINED[name]` has the size of its latent vectors, which are N(0, 1). Its weights were
    stored in half precision. Digits are those of MNIST; faces are drawn ones of 64 x 64 pixels.

    Raises:
        ValueError: there is no such generator, or its file is damaged.
        FileNotFoundError: the file is not here; it lies beside the lessons.
    """
    weights, _ = read_generator(name)
    generator = PRETRAINED[name][0]()
    kept = generator.state_dict()
    if {n: w.shape for n, w in kept.items()} != {n: w.shape for n, w in weights.items()}:
        raise ValueError(f"{name}.safetensors holds the weights of another network; get it anew")
    generator.load_state_dict(weights)  # copies, and so converts to full precision
    return generator.to(device).eval()


def read_generator(name: str) -> tuple[dict[str, Tensor], dict[str, str]]:
    """Return the stored weights of a generator, and what its file says of their training.

    Raises:
        ValueError, FileNotFoundError: as `load_generator`.
    """
    require_choice([*PRETRAINED], name=name)
    path = GENERATORS / f"{name}.safetensors"
    if not path.is_file():
        raise FileNotFoundError(f"{path} is not here; it is part of the repository of the lessons")
    try:
        with safe_open(path, "pt") as file:
            about = file.metadata() or {}
            weights = {key: file.get_tensor(key) for key in file.keys()}  # noqa: SIM118, no mapping
    except SafetensorError as error:
        raise ValueError(f"{path} is damaged ({error}); get it anew") from None
    if about.get("sha256") != hash_of(weights):
        raise ValueError(f"{path} is damaged (its weights have another SHA-256); get it anew")
    return weights, about


def hash_of(weights: Mapping[str, Tensor]) -> str:
    """Return the SHA-256 hash of weights, in the order of their names."""
    found = sha256()
    for key in sorted(weights):
        found.update(key.encode() + weights[key].contiguous().numpy().tobytes())
    return found.hexdigest()
