"""The convolutional generator of today: resized in place of transposed."""

from functools import partial
from itertools import pairwise

from torch import Tensor, nn

from gan_utils.gan.models import SLOPE, convolution_channels, initialize_dcgan
from gan_utils.settings import require_whole


class UpsampleGenerator(nn.Module):
    """Convolutional generator of images [N, 3, size, size] in [-1, 1].

    Where `DCGANGenerator` has a transposed convolution, whose kernel
    lays other weights on each second pixel, this one makes four equal
    pixels of one, and then convolves: all pixels are treated alike. It
    also ends with a convolution at full size.

    Args:
        latent_dim: numbers in one latent vector.
        width: channels of the last hidden layers.
        image_size: pixels along each side, a power of two of at least
            32.

    Raises:
        ValueError: a number is below 1, or `image_size` not allowed.

    Source: Odena et al. 2016. Lesson 03, section 6.
    """

    def __init__(
        self,
        latent_dim: int = 100,
        width: int = 64,
        *,
        image_size: int = 64,
    ) -> None:
        """Build the layers, initialised as DCGAN's."""
        super().__init__()
        require_whole(optional=False, latent_dim=latent_dim)
        conv = partial(nn.Conv2d, kernel_size=3, padding=1)
        channels = convolution_channels(width, image_size)[::-1]
        # The one transposed convolution has nothing to overlap with: it
        # makes 4 x 4 places of one.
        first = (latent_dim, channels[0], 4)
        layers = [nn.ConvTranspose2d(*first, bias=False)]
        for inputs, outputs in pairwise([*channels, width]):
            layers += [nn.BatchNorm2d(inputs), nn.LeakyReLU(SLOPE)]
            layers += [conv(inputs, outputs, bias=False)]
            layers += [nn.Upsample(scale_factor=2)]  # four equal pixels
        layers += [nn.BatchNorm2d(width), nn.LeakyReLU(SLOPE)]
        self.layers = nn.Sequential(*layers, conv(width, 3), nn.Tanh())
        self.apply(initialize_dcgan)

    def forward(self, latent: Tensor) -> Tensor:
        """Map latent vectors [N, latent_dim] to images."""
        return self.layers(latent[:, :, None, None])
