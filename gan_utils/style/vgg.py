"""VGG19 as a dictionary of named activations, with trained or with random filters."""

from collections import OrderedDict
from collections.abc import Iterable, Sequence

import torch
from torch import Tensor, nn
from torch.nn.utils import skip_init

from gan_utils.data.weights import vgg19_convolutions
from gan_utils.progress import say
from gan_utils.randomness import seeded
from gan_utils.runtime import mode

IMAGENET_MEAN, IMAGENET_STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
BLOCKS = ((64, 2), (128, 2), (256, 4), (512, 4), (512, 4))  # channels and convolutions of each
LAYERS = tuple(
    name
    for block, (_, count) in enumerate(BLOCKS, start=1)
    for name in (
        *(f"{kind}{block}_{i}" for i in range(1, count + 1) for kind in ("conv", "relu")),
        f"pool{block}",
    )
)  # in torchvision's order: the place of a name is the index in its `features`
POOLINGS = {"avg": nn.AvgPool2d, "max": nn.MaxPool2d}
WEIGHTS = ("auto", "trained", "random")


class VGGFeatures(nn.Module):
    """The activations of chosen layers of VGG19: pictures [N, 3, H, W] in [0, 1] to a dictionary.

    The network is frozen, changes nothing in place, and ends at the last layer asked for. H and W
    must be at least `smallest`: 2 to the power of the poolings passed, 16 for block 5. `weights`
    says which filters it has, "trained" or "random".

    Source: Simonyan & Zisserman 2015, configuration E; average pooling: Gatys et al. 2016;
    random filters: He, Wang & Hopcroft 2016.
    """

    def __init__(
        self, layers: Sequence[str], weights: str = "auto", pooling: str = "avg", seed: int = 0
    ) -> None:
        """Build the network up to the last of `layers`.

        Args:
            layers: names in `LAYERS`: conv1_1, relu1_1, conv1_2, ..., pool5.
            weights: "trained" takes torchvision's, from the cache or fetched; "random" draws
                filters from `seed`; "auto" takes the trained ones if they are in the
                cache or, in full mode, can be fetched, and otherwise random ones.
            pooling: "avg" or "max".
            seed: for the random filters; the global random state is left alone.

        Raises:
            FileNotFoundError: trained weights are asked for and cannot be had.
            ValueError: an unknown name; or the file of the weights is damaged and cannot be
                fetched again, or holds numbers that are infinite or not a number.
        """
        super().__init__()
        unknown = [name for name in layers if name not in LAYERS]
        if unknown or not layers:
            raise ValueError(f"layers is {list(layers)}; choose from {', '.join(LAYERS)}")
        for name, value, allowed in (("weights", weights, WEIGHTS), ("pooling", pooling, POOLINGS)):
            if value not in allowed:
                raise ValueError(f"{name} is {value!r}; choose {', '.join(allowed)}")
        self.wanted = tuple(layers)
        end = max(map(LAYERS.index, layers)) + 1
        self.smallest = 2 ** sum(name.startswith("pool") for name in LAYERS[:end])
        self.layers = _build(end, POOLINGS[pooling])
        self.register_buffer("mean", torch.tensor(IMAGENET_MEAN).reshape(3, 1, 1))
        self.register_buffer("std", torch.tensor(IMAGENET_STD).reshape(3, 1, 1))
        self._fill(weights, seed)
        self.requires_grad_(False).eval()

    def forward(self, pictures: Tensor) -> dict[str, Tensor]:
        """Return the activations [N, C, h, w] of the wanted layers by
        name, in their order.
        """
        outputs, found = (pictures - self.mean) / self.std, {}
        for name, layer in self.layers.named_children():
            outputs = layer(outputs)
            if name in self.wanted:
                found[name] = outputs
        return found

    def _fill(self, weights: str, seed: int) -> None:
        convolutions = {
            str(LAYERS.index(name)): layer
            for name, layer in self.layers.named_children()
            if isinstance(layer, nn.Conv2d)
        }
        trained, reason = None, "as asked"
        if weights != "random":
            try:
                trained = vgg19_convolutions(fetch=weights == "trained" or mode() == "full")
            except FileNotFoundError as error:
                if weights == "trained":
                    raise
                reason = str(error).split(". ")[0]
        self.weights = "random" if trained is None else "trained"
        if trained is None:
            say(f"VGG19 with fixed random filters, seed {seed}: {reason}.")
            _draw(convolutions.values(), seed)
            return
        print("VGG19 with filters trained on ImageNet.")
        for index, layer in convolutions.items():
            layer.load_state_dict({kind: trained[f"{index}.{kind}"] for kind in ("weight", "bias")})


def _build(count: int, pooling: type[nn.Module]) -> nn.Sequential:
    layers, channels = OrderedDict(), 3
    for name in LAYERS[:count]:
        if name.startswith("conv"):
            wider = BLOCKS[int(name[4]) - 1][0]
            layers[name] = skip_init(nn.Conv2d, channels, wider, kernel_size=3, padding=1)
            channels = wider
        else:
            layers[name] = nn.ReLU() if name.startswith("relu") else pooling(2)
    return nn.Sequential(layers)


def _draw(convolutions: Iterable[nn.Conv2d], seed: int) -> None:
    """Draw filters that keep the size of the activations (He et al. 2015)."""
    with seeded(seed):
        for layer in convolutions:
            nn.init.kaiming_normal_(layer.weight, nonlinearity="relu")
            nn.init.zeros_(layer.bias)
