"""Generators and discriminators, and drawing samples from a generator."""

from collections.abc import Sequence

import torch
from torch import Tensor, nn

LATENTS = ("normal", "uniform")


def _mlp(sizes: Sequence[int], dropout: float = 0.0) -> nn.Sequential:
    """Stack linear layers of the given sizes, with ReLU and dropout between them."""
    if min(sizes) < 1:
        raise ValueError(f"layer sizes are {tuple(sizes)}; each must be at least 1")
    layers: list[nn.Module] = []
    for inputs, outputs in zip(sizes[:-2], sizes[1:-1], strict=True):
        layers += [nn.Linear(inputs, outputs), nn.ReLU()]
        if dropout:
            layers.append(nn.Dropout(dropout))
    return nn.Sequential(*layers, nn.Linear(sizes[-2], sizes[-1]))


class MLPGenerator(nn.Module):
    """Fully connected generator: latent [N, latent_dim] to samples [N, sample_dim].

    Args:
        latent_dim: numbers in one latent vector.
        hidden: sizes of the hidden layers.
        sample_dim: numbers in one sample.

    Raises:
        ValueError: a size is below 1.
    """

    def __init__(self, latent_dim: int, hidden: Sequence[int], sample_dim: int) -> None:
        """Build the layers, initialised as PyTorch does."""
        super().__init__()
        self.layers = _mlp([latent_dim, *hidden, sample_dim])

    def forward(self, latent: Tensor) -> Tensor:
        """Map latent vectors to samples."""
        return self.layers(latent)


class MLPDiscriminator(nn.Module):
    """Fully connected discriminator: samples [N, sample_dim] to logits [N, 1].

    Args:
        sample_dim: numbers in one sample.
        hidden: sizes of the hidden layers.
        dropout: share of hidden activations set to zero in training, in [0, 1).

    Raises:
        ValueError: a size is below 1, or `dropout` is outside [0, 1).
    """

    def __init__(self, sample_dim: int, hidden: Sequence[int], *, dropout: float = 0.0) -> None:
        """Build the layers, initialised as PyTorch does."""
        super().__init__()
        if not 0 <= dropout < 1:
            raise ValueError(f"dropout is {dropout}; it must be at least 0 and below 1")
        self.layers = _mlp([sample_dim, *hidden, 1], dropout)

    def forward(self, samples: Tensor) -> Tensor:
        """Map samples to logits: positive means "real"."""
        return self.layers(samples)


def count_parameters(module: nn.Module) -> int:
    """Return how many trainable numbers `module` holds."""
    return sum(p.numel() for p in module.parameters() if p.requires_grad)


def draw_latent(
    count: int, dim: int, *, kind: str = "normal", device: torch.device | str = "cpu"
) -> Tensor:
    """Draw latent vectors [count, dim].

    Args:
        count: how many.
        dim: numbers in each.
        kind: `"normal"` for N(0, 1), `"uniform"` for U[-1, 1).
        device: where they are drawn; CPU and GPU give different numbers for the same seed.

    Raises:
        ValueError: `kind` is neither of the two.
    """
    if kind not in LATENTS:
        raise ValueError(f"latent is {kind!r}; choose one of {', '.join(LATENTS)}")
    if kind == "normal":
        return torch.randn(count, dim, device=device)
    return torch.rand(count, dim, device=device) * 2 - 1


@torch.no_grad()
def evaluate(module: nn.Module, inputs: Tensor) -> Tensor:
    """Return `module(inputs)` in evaluation mode, without gradients.

    Dropout is off and batch norm uses its running statistics; the mode is restored afterwards.
    """
    modes = [(part, part.training) for part in module.modules()]
    module.eval()
    try:
        return module(inputs)
    finally:
        for part, training in modes:
            part.training = training
