"""Generators and discriminators."""

import math
from collections.abc import Callable, Sequence
from functools import partial
from itertools import pairwise

import torch
from torch import Tensor, nn

SLOPE = 0.2  # of LeakyReLU in the convolutional discriminator


def _mlp(
    sizes: Sequence[int],
    *,
    slope: float = 0.0,
    dropout: float = 0.0,
    batch_norm: Callable[[int], nn.Module] | None = None,
) -> nn.Sequential:
    """Stack linear layers of the given sizes; activation, batch norm and dropout between them."""
    if min(sizes) < 1:
        raise ValueError(f"layer sizes are {tuple(sizes)}; each must be at least 1")
    if not slope >= 0:
        raise ValueError(f"slope is {slope}; it must be at least 0")
    layers: list[nn.Module] = []
    for inputs, outputs in zip(sizes[:-2], sizes[1:-1], strict=True):
        layers += [nn.Linear(inputs, outputs), nn.LeakyReLU(slope) if slope else nn.ReLU()]
        if batch_norm is not None:
            layers.append(batch_norm(outputs))
        if dropout:
            layers.append(nn.Dropout(dropout))
    return nn.Sequential(*layers, nn.Linear(sizes[-2], sizes[-1]))


class MLPGenerator(nn.Module):
    """Fully connected generator of samples [N, *sample_shape].

    Args:
        latent_dim: numbers in one latent vector.
        hidden: sizes of the hidden layers.
        sample_shape: shape of one sample, `(1, 28, 28)` for an image;
            `2` stands for `(2,)`.
        slope: of the activation below zero; 0 is ReLU, above 0
            LeakyReLU.
        batch_norm: makes the batch norm layer that follows each
            activation, from its size.
        tanh: end in tanh, for samples in [-1, 1]; otherwise they can be
            any numbers.

    Raises:
        ValueError: a size is below 1, or `slope` below 0.

    Lesson 02, section 12.
    """

    def __init__(
        self,
        latent_dim: int,
        hidden: Sequence[int],
        sample_shape: int | Sequence[int],
        *,
        slope: float = 0.0,
        batch_norm: Callable[[int], nn.Module] | None = None,
        tanh: bool = False,
    ) -> None:
        """Build the layers, initialised as PyTorch does."""
        super().__init__()
        if isinstance(sample_shape, int):
            sample_shape = (sample_shape,)
        self.sample_shape = sample_shape
        sizes = [latent_dim, *hidden, math.prod(self.sample_shape)]
        self.layers = _mlp(sizes, slope=slope, batch_norm=batch_norm)
        if tanh:
            self.layers.append(nn.Tanh())

    def forward(self, latent: Tensor) -> Tensor:
        """Map latent vectors [N, latent_dim] to samples."""
        return self.layers(latent).unflatten(1, self.sample_shape)


class MLPDiscriminator(nn.Module):
    """Fully connected discriminator: samples [N, ...] to logits [N, 1].

    Args:
        sample_dim: numbers in one sample; an image is flattened to a
            vector.
        hidden: sizes of the hidden layers.
        slope: of the activation below zero; 0 is ReLU, above 0
            LeakyReLU.
        dropout: share of hidden activations set to zero in training, in
            [0, 1).

    Raises:
        ValueError: a size is below 1, `slope` below 0, or `dropout`
            outside [0, 1).

    Lesson 01, section 3.
    """

    def __init__(
        self,
        sample_dim: int,
        hidden: Sequence[int],
        *,
        slope: float = 0.0,
        dropout: float = 0.0,
    ) -> None:
        """Build the layers, initialised as PyTorch does."""
        super().__init__()
        if not 0 <= dropout < 1:
            problem = f"dropout is {dropout}"
            raise ValueError(f"{problem}; it must lie in [0, 1)")
        sizes = [sample_dim, *hidden, 1]
        self.layers = _mlp(sizes, slope=slope, dropout=dropout)

    def forward(self, samples: Tensor) -> Tensor:
        """Map samples to logits: positive means "real"."""
        return self.layers(samples.flatten(1))


def convolution_channels(width: int, image_size: int) -> list[int]:
    """Return the channels between a picture and its 4 x 4 code: twice as many at half the size."""
    if width < 1:
        raise ValueError(f"width is {width}; it must be at least 1")
    if image_size < 32 or image_size & (image_size - 1):
        raise ValueError(f"image_size is {image_size}; it must be a power of two, 32 or more")
    return [width * 2**i for i in range(image_size.bit_length() - 3)]


def initialize_dcgan(module: nn.Module) -> None:
    """Draw the weights of one layer as DCGAN does; use it as
    `network.apply(initialize_dcgan)`.

    Weights of convolutions from N(0, 0.02), gains of batch norm from
    N(1, 0.02), biases zero.

    Source: Radford et al. 2016, section 4, which leaves the gains open;
    N(1, 0.02) is the custom. Lesson 03, section 12.
    """
    if isinstance(module, (nn.Conv2d, nn.ConvTranspose2d)):
        nn.init.normal_(module.weight, 0.0, 0.02)
        if module.bias is not None:
            nn.init.zeros_(module.bias)
    elif isinstance(module, nn.BatchNorm2d):
        nn.init.normal_(module.weight, 1.0, 0.02)
        nn.init.zeros_(module.bias)


def initialize_he(module: nn.Module) -> None:
    """Draw the weights of a convolution so that its outputs, after
    LeakyReLU 0.2, are about as large as its inputs; biases zero.

    Source: He et al. 2015, eq. 15: deviation sqrt(2 / ((1 + 0.2^2) n))
    for n inputs of a unit.
    """
    if isinstance(module, nn.Conv2d):
        nn.init.kaiming_normal_(module.weight, SLOPE)
        nn.init.zeros_(module.bias)


class DCGANGenerator(nn.Module):
    """Convolutional generator of images [N, 3, size, size] in [-1, 1].

    The latent vector becomes a code of 4 x 4 places with many channels;
    each further transposed convolution doubles the size and halves the
    channels. Batch norm and ReLU follow all but the last, tanh follows
    the last. Layer by layer for the default, as channels x size:
    100 x 1, 512 x 4, 256 x 8, 128 x 16, 64 x 32, 3 x 64.

    Args:
        latent_dim: numbers in one latent vector.
        width: channels of the last hidden layer.
        image_size: pixels along each side, a power of two of at least
            32.

    Raises:
        ValueError: a number is below 1, or `image_size` not allowed.

    Source: Radford et al. 2016, figure 1, with half the paper's
    channels, as is the custom. Lesson 03, section 4.
    """

    def __init__(
        self,
        latent_dim: int = 100,
        width: int = 64,
        *,
        image_size: int = 64,
    ) -> None:
        """Build the layers, initialised as in the paper."""
        super().__init__()
        if latent_dim < 1:
            problem = f"latent_dim is {latent_dim}"
            raise ValueError(f"{problem}; it must be at least 1")
        twice = dict(kernel_size=4, stride=2, padding=1, bias=False)
        channels = convolution_channels(width, image_size)[::-1]
        first = (latent_dim, channels[0], 4)
        layers = [nn.ConvTranspose2d(*first, bias=False)]
        for inputs, outputs in pairwise([*channels, 3]):
            layers += [nn.BatchNorm2d(inputs), nn.ReLU()]
            layers.append(nn.ConvTranspose2d(inputs, outputs, **twice))
        self.layers = nn.Sequential(*layers, nn.Tanh())
        self.apply(initialize_dcgan)

    def forward(self, latent: Tensor) -> Tensor:
        """Map latent vectors [N, latent_dim] to images."""
        return self.layers(latent[:, :, None, None])


class DCGANDiscriminator(nn.Module):
    """Convolutional discriminator: images in [-1, 1] to logits [N, 1].

    The mirror of `DCGANGenerator`: strided convolutions halve the size
    and double the channels down to 4 x 4 places, and one convolution
    over all of them gives the logit. LeakyReLU 0.2 follows all but the
    last; batch norm comes before it, except in the first layer.

    Args:
        width: channels of the first hidden layer.
        image_size: pixels along each side, a power of two of at least
            32.
        batch_norm: without it the convolutions have biases, and begin
            with the weights of `initialize_he`.

    Raises:
        ValueError: `width` is below 1, or `image_size` not allowed.

    Source: Radford et al. 2016, section 3. Lesson 03, section 4.
    """

    def __init__(
        self,
        width: int = 64,
        *,
        image_size: int = 64,
        batch_norm: bool = True,
    ) -> None:
        """Build the layers, by default initialised as in the paper."""
        super().__init__()
        self.image_shape = (3, image_size, image_size)
        conv = partial(nn.Conv2d, kernel_size=4, bias=not batch_norm)
        channels = convolution_channels(width, image_size)
        layers: list[nn.Module] = []
        for inputs, outputs in pairwise([3, *channels]):
            on_pictures = not layers  # a norm there unsettles the game
            layers.append(conv(inputs, outputs, stride=2, padding=1))
            if batch_norm and not on_pictures:
                layers.append(nn.BatchNorm2d(outputs))
            layers.append(nn.LeakyReLU(SLOPE))
        layers.append(conv(channels[-1], 1))
        self.layers = nn.Sequential(*layers, nn.Flatten())
        self.apply(initialize_dcgan if batch_norm else initialize_he)

    def forward(self, images: Tensor) -> Tensor:
        """Map images [N, 3, size, size] to logits; above 0 is "real".

        Raises:
            ValueError: the images have another size.
        """
        if images.shape[1:] != self.image_shape:
            built = ", ".join(map(str, self.image_shape))
            raise ValueError(
                f"images have shape {list(images.shape)}; this "
                f"discriminator was built for [N, {built}]: give it "
                "their image_size"
            )
        return self.layers(images)


def has_hooks(network: nn.Module) -> bool:
    """Return whether a network or a part of it calls functions that its layers do not show."""
    kinds = ("_forward_hooks", "_forward_pre_hooks", "_backward_hooks", "_backward_pre_hooks")
    return any(getattr(module, kind) for module in network.modules() for kind in kinds)


def count_parameters(module: nn.Module) -> int:
    """Return how many trainable numbers `module` holds."""
    return sum(p.numel() for p in module.parameters() if p.requires_grad)


def evaluate(module: nn.Module, inputs: Tensor, *, gradients: bool = False) -> Tensor:
    """Return `module(inputs)` in evaluation mode, by default without gradients.

    Dropout is off and batch norm uses its running statistics; the mode is restored afterwards.
    """
    modes = [(part, part.training) for part in module.modules()]
    module.eval()
    try:
        with torch.set_grad_enabled(gradients):
            return module(inputs)
    finally:
        for part, training in modes:
            part.training = training
