"""What images are compared by: the features of a network that is not trained any more."""

from typing import Protocol

import torch
from torch import Tensor, nn
from torchvision.models import Inception_V3_Weights, inception_v3
from torchvision.models.vgg import make_layers
from torchvision.transforms import Resize

from gan_utils.data.drawn_faces import FACE_SHAPE
from gan_utils.data.weights import trained_weights
from gan_utils.gan.models import evaluate
from gan_utils.randomness import seeded

CHUNK = 100  # images that go through a network at once; Inception takes 14 MB for each
HALF_VGG11 = [32, "M", 64, "M", 128, 128, "M", 256, 256, "M", 256, 256, "M"]


class FeatureNetwork(Protocol):
    """A network that can score images.

    Attributes:
        image_shape: channels, rows, columns of the images that it takes.
        num_features: numbers that it gives for each.
        features: maps images [N, *image_shape] in [-1, 1] to features [N, num_features].
    """

    image_shape: tuple[int, int, int]
    num_features: int
    features: nn.Module


class RandomFeatures(nn.Module):
    """A VGG network with random filters: images [N, 3, 64, 64] in [-1,
    1] to features [N, 64].

    Nobody trained it, and the same seed gives everybody the same
    features. Random filters see edges, colours, textures and where they
    are; they know nothing of eyes.

    Source: Naeem et al. 2020 (a random VGG16); here a VGG11 of half the
    width. Lesson 03, section 9.
    """

    image_shape, num_features = FACE_SHAPE, 64

    def __init__(self, seed: int = 0) -> None:
        """Draw the filters (He et al. 2015) from `seed`; the global
        random state is left alone.
        """
        super().__init__()
        with seeded(seed):
            layers = make_layers(HALF_VGG11)
            numbers = layers(torch.zeros(1, *self.image_shape)).numel()
            head = nn.Linear(numbers, self.num_features)
            self.features = nn.Sequential(layers, nn.Flatten(), head)
            self.requires_grad_(False)
            for layer in (*layers, head):
                if isinstance(layer, (nn.Conv2d, nn.Linear)):
                    nn.init.kaiming_normal_(layer.weight)
                    nn.init.zeros_(layer.bias)


class InceptionFeatures(nn.Module):
    """Inception v3 trained on ImageNet: images [N, 3, 64, 64] in [-1, 1] to features [N, 2048].

    The distances are of the kind of the well-known FID, but not comparable with published ones:
    those use other weights and another way of enlarging the images.

    Raises:
        FileNotFoundError: the weights are not here and cannot be fetched.
        ValueError: the file of the weights is damaged and cannot be fetched again.

    Source: Szegedy et al. 2016; Heusel et al. 2017 for its use.
    """

    image_shape, num_features = FACE_SHAPE, 2048

    def __init__(self) -> None:
        """Load torchvision's weights from its cache, or fetch them; 104 MB."""
        super().__init__()
        network = inception_v3(init_weights=False)
        network.load_state_dict(trained_weights(Inception_V3_Weights.IMAGENET1K_V1))
        network.fc = nn.Identity()
        self.features = nn.Sequential(
            Resize((299, 299), antialias=True),
            network,  # it comes from TensorFlow and wants [-1, 1], the range that our images have
        ).requires_grad_(False)


def features_of(network: FeatureNetwork, images: Tensor) -> Tensor:
    """Return the features [N, num_features] of images in [-1, 1], on the CPU.

    Raises:
        ValueError: the images have another shape or range.
    """
    return in_chunks(network.features, images, network.image_shape)


def in_chunks(module: nn.Module, images: Tensor, image_shape: tuple[int, int, int]) -> Tensor:
    """Return `module(images)` in evaluation mode, computed in parts, on the CPU.

    Raises:
        ValueError: the images are not floating point [N, *image_shape] in [-1, 1], N at least 1.
    """
    if images.ndim != 4 or images.shape[1:] != image_shape or len(images) == 0:
        wanted = ", ".join(map(str, image_shape))
        raise ValueError(
            f"images have shape {list(images.shape)}; they must be [N, {wanted}], N at least 1"
        )
    if not images.is_floating_point() or not (images.abs() <= 1.001).all():
        raise ValueError(
            f"images are {images.dtype} from {images.min():g} to {images.max():g}; they must be "
            "floating point in [-1, 1], as scale_images and a generator's tanh give them"
        )
    device = next(module.parameters()).device
    chunks = images.split(CHUNK)
    return torch.cat([evaluate(module, chunk.to(device, torch.float32)).cpu() for chunk in chunks])
