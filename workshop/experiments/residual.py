"""Networks without batch norm, transposed convolution and tanh, for a row of an experiment."""

import math
from itertools import pairwise

import torch
from torch import Tensor, nn

from gan_utils.gan.models import SLOPE, convolution_channels, initialize_he
from gan_utils.settings import require_whole


class ResidualBlock(nn.Module):
    """Adds to its input what two convolutions make of it; at first
    nothing.

    The last convolution begins at zero, so however many blocks follow
    each other, the network begins as a straight line and needs no norm.

    Args:
        channels: of input and output.
        depth: how many blocks follow each other in the network.

    Source: Zhang et al. 2019 (Fixup); Huang et al. 2024, section 3.3.
    """

    def __init__(self, channels: int, depth: int) -> None:
        """Build the layers; the first begins smaller the more blocks there are."""
        super().__init__()
        convolutions = [nn.Conv2d(channels, channels, 3, padding=1) for _ in range(2)]
        self.layers = nn.Sequential(convolutions[0], nn.LeakyReLU(SLOPE), convolutions[1])
        self.apply(initialize_he)
        with torch.no_grad():
            convolutions[0].weight /= math.sqrt(depth)
            convolutions[1].weight.zero_()

    def forward(self, features: Tensor) -> Tensor:
        """Map features [N, channels, H, W] to as many."""
        return features + self.layers(features)


def _mixing(inputs: int, outputs: int, size: int = 1) -> nn.Conv2d:
    """Return a convolution that keeps the size of numbers: no activation follows it."""
    layer = nn.Conv2d(inputs, outputs, size, padding=size // 2)
    nn.init.normal_(layer.weight, 0, 1 / math.sqrt(inputs * size**2))
    nn.init.zeros_(layer.bias)
    return layer


class ResidualGenerator(nn.Module):
    """Generator of images [N, 3, size, size] without batch norm,
    transposed convolution or tanh.

    Samples may leave [-1, 1] in training; in evaluation mode they are
    cut off there.

    Args:
        latent_dim: numbers in one latent vector.
        width: channels at half the image's size.
        image_size: pixels along each side, a power of two of at least
            32.

    Raises:
        ValueError: `latent_dim` is below 1, `width` below 2, or `image_size`
            not allowed.

    Source: after Huang et al. 2024 (R3GAN), much smaller and without
    grouped convolutions.
    """

    def __init__(self, latent_dim: int = 100, width: int = 64, *, image_size: int = 64) -> None:
        """Build the layers; at first the image is a straight line's."""
        super().__init__()
        require_whole(optional=False, latent_dim=latent_dim)
        require_whole(optional=False, least=2, width=width)
        channels = [width // 2, *convolution_channels(width, image_size)][::-1]
        depth = len(channels)
        first = nn.Linear(latent_dim, 16 * channels[0])
        nn.init.normal_(first.weight, 0, 1 / math.sqrt(latent_dim))
        layers = [first, nn.Unflatten(1, (channels[0], 4, 4)), ResidualBlock(channels[0], depth)]
        for inputs, outputs in pairwise(channels):
            layers += [_mixing(inputs, outputs), nn.Upsample(scale_factor=2)]
            layers += [ResidualBlock(outputs, depth)]
        self.layers = nn.Sequential(*layers, _mixing(channels[-1], 3, 3))

    def forward(self, latent: Tensor) -> Tensor:
        """Map latent vectors [N, latent_dim] to images."""
        images = self.layers(latent)
        return images if self.training else images.clamp(-1, 1)


class ResidualDiscriminator(nn.Module):
    """The mirror of `ResidualGenerator`: images to logits [N, 1].

    Args:
        width: channels at half the image's size.
        image_size: pixels along each side, a power of two of at least
            32.

    Raises:
        ValueError: `width` is below 2, or `image_size` not allowed.

    Source: as of `ResidualGenerator`.
    """

    def __init__(self, width: int = 64, *, image_size: int = 64) -> None:
        """Build the layers; at first the logit is a straight line's."""
        super().__init__()
        require_whole(optional=False, least=2, width=width)
        channels = [width // 2, *convolution_channels(width, image_size)]
        depth = len(channels)
        layers = [_mixing(3, channels[0], 3), ResidualBlock(channels[0], depth)]
        for inputs, outputs in pairwise(channels):
            layers += [nn.AvgPool2d(2), _mixing(inputs, outputs), ResidualBlock(outputs, depth)]
        last = nn.Linear(16 * channels[-1], 1)
        nn.init.normal_(last.weight, 0, 1 / math.sqrt(16 * channels[-1]))
        self.layers = nn.Sequential(*layers, nn.Flatten(), last)

    def forward(self, images: Tensor) -> Tensor:
        """Map images [N, 3, size, size] to logits; above 0 is "real"."""
        return self.layers(images)
