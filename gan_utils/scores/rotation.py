"""A judge that needs no labels and no download: a network that has learned which way is up."""

from itertools import pairwise

import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy
from torchmetrics.image.kid import poly_mmd

from gan_utils.data.images import scale_images
from gan_utils.randomness import seeded
from gan_utils.scores.features import FeatureNetwork, features_of

WIDTHS = (32, 64, 128, 256)  # channels, at half the size each time
QUARTERS = 4  # turns by 0, 90, 180 and 270 degrees
BATCH = 64


class RotationFeatures(nn.Module):
    """Features [N, 256] of images [N, 3, 64, 64] in [-1, 1], from a
    network that tells by how many quarters an image was turned.

    To know it, one has to know what is on the image: eyes above mouths,
    say. Unlike random filters, its features have learned something, and
    they cost a minute.

    Args:
        images: uint8 [N, 3, 64, 64]: what it learns from.
        steps: of the training, with batches of 64.
        seed: of weights and batches; the global random state is left
            alone.

    Source: Gidaris et al. 2018.
    """

    image_shape, num_features = (3, 64, 64), WIDTHS[-1]

    def __init__(self, images: Tensor, steps: int = 300, seed: int = 0) -> None:
        """Build the network and train it, on the CPU."""
        super().__init__()
        layers: list[nn.Module] = []
        with seeded(seed):
            for inputs, outputs in pairwise((3, *WIDTHS)):
                layers += [nn.Conv2d(inputs, outputs, 3, stride=2, padding=1, bias=False)]
                layers += [nn.BatchNorm2d(outputs), nn.ReLU()]
            pooled = nn.Sequential(nn.AdaptiveAvgPool2d(1), nn.Flatten())
            self.features = nn.Sequential(*layers, pooled)
            self.head = nn.Linear(self.num_features, QUARTERS)
            _learn_rotations(self, images, steps)
        self.requires_grad_(False).eval()

    def forward(self, images: Tensor) -> Tensor:
        """Return the logits [N, 4] of the quarters by which images were turned."""
        return self.head(self.features(images))


def _learn_rotations(network: RotationFeatures, images: Tensor, steps: int) -> None:
    optimizer = torch.optim.Adam(network.parameters(), 1e-3)
    for step in range(steps):
        optimizer.param_groups[0]["lr"] = 1e-3 * (1 - step / steps)
        batch = scale_images(images[torch.randint(len(images), (BATCH,))])
        turns = torch.randint(QUARTERS, (BATCH,))
        for quarters in range(1, QUARTERS):
            batch[turns == quarters] = batch[turns == quarters].rot90(quarters, (2, 3))
        optimizer.zero_grad()
        cross_entropy(network(batch), turns).backward()
        optimizer.step()


def kernel_distance(network: FeatureNetwork, real: Tensor, images: Tensor) -> float:
    """Return the kernel distance (KID) of images from real ones, in
    thousandths.

    Like the Frechet distance it compares features, but its mean does
    not depend on how many images there are, so that few will do: real
    images have a distance of about 0 from each other, sometimes a bit
    below.

    Args:
        network: gives the features.
        real, images: [N, *network.image_shape] in [-1, 1], as many of
            both.

    Raises:
        ValueError: they are not as many, fewer than 2, or have another
            shape or range.

    Source: Binkowski et al. 2018, section 4.
    """
    if len(real) != len(images) or len(real) < 2:
        counts = f"{len(images)} images and {len(real)} real ones"
        raise ValueError(f"{counts}; give as many of both, and at least 2")
    features = [features_of(network, each).double() for each in (real, images)]
    return 1000 * poly_mmd(*features).item()
