"""VGG19 as a dictionary of named activations, with trained or with random filters."""

from collections import OrderedDict
from collections.abc import Iterable, Sequence

import torch
from torch import Tensor, nn
from torch.nn.utils import skip_init
from torchvision.models import VGG19_Weights

from gan_utils.data.weights import trained_weights
from gan_utils.progress import print_wrapped
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
POOLING_OF = {"random": "avg", "trained": "max"}  # trained filters met maxima while they learned
PADDINGS = ("replicate", "zeros")
WEIGHTS = ("auto", "trained", "random")


class VGGFeatures(nn.Module):
    """The activations of chosen layers of VGG19: pictures [N, 3, H, W] in [0, 1] to a dictionary.

    The network is frozen, changes nothing in place, and ends at the last layer asked for. H and W
    must be at least `smallest`: 2 to the power of the poolings passed, 16 for block 5. `weights`
    says which filters it has, "trained" or "random".

    Source: Simonyan & Zisserman 2015, configuration E, who pad with zeros; average pooling: Gatys
    et al. 2016; random filters: He, Wang & Hopcroft 2016.
    """

    def __init__(
        self,
        layers: Sequence[str],
        weights: str = "auto",
        pooling: str = "auto",
        seed: int = 0,
        padding: str = "replicate",
    ) -> None:
        """Build the network up to the last of `layers`.

        Args:
            layers: names in `LAYERS`: conv1_1, relu1_1, conv1_2, ..., pool5.
            weights: "trained" takes torchvision's, from the cache or fetched; "random" draws
                filters from `seed`; "auto" takes the trained ones if they are in the
                cache or, in full mode, can be fetched, and otherwise random ones.
            pooling: "avg", "max", or "auto": maxima for trained filters, means for random ones.
            seed: for the random filters; the global random state is left alone.
            padding: what stands around a picture: "replicate" repeats its edge, "zeros" is how
                the network was trained, and leaves a frame in pictures made with it.

        Raises:
            FileNotFoundError: trained weights are asked for and cannot be had.
            ValueError: an unknown name; or the file of the weights is damaged, or holds numbers
                that are infinite or not a number.
        """
        super().__init__()
        unknown = [name for name in layers if name not in LAYERS]
        if unknown or not layers:
            raise ValueError(f"layers is {list(layers)}; choose from {', '.join(LAYERS)}")
        for name, value, allowed in (
            ("weights", weights, WEIGHTS),
            ("pooling", pooling, ("auto", *POOLINGS)),
            ("padding", padding, PADDINGS),
        ):
            if value not in allowed:
                raise ValueError(f"{name} is {value!r}; choose {', '.join(allowed)}")
        self.wanted = tuple(layers)
        end = max(map(LAYERS.index, layers)) + 1
        self.smallest = 2 ** sum(name.startswith("pool") for name in LAYERS[:end])
        trained = None if weights == "random" else _trained(weights, seed)
        self.weights = "random" if trained is None else "trained"
        pooling = POOLING_OF[self.weights] if pooling == "auto" else pooling
        self.layers = _build(end, POOLINGS[pooling], padding)
        self.register_buffer("mean", torch.tensor(IMAGENET_MEAN).reshape(3, 1, 1))
        self.register_buffer("std", torch.tensor(IMAGENET_STD).reshape(3, 1, 1))
        self._fill(trained, seed)
        self.requires_grad_(False).eval()

    def forward(self, pictures: Tensor) -> dict[str, Tensor]:
        """Return the activations [N, C, h, w] of the wanted layers by
        name, in their order. Lesson 04, section 2.
        """
        outputs, found = (pictures - self.mean) / self.std, {}
        for name, layer in self.layers.named_children():
            outputs = layer(outputs)
            if name in self.wanted:
                found[name] = outputs
        return found

    def _fill(self, trained: dict[str, Tensor] | None, seed: int) -> None:
        convolutions = {
            str(LAYERS.index(name)): layer
            for name, layer in self.layers.named_children()
            if isinstance(layer, nn.Conv2d)
        }
        if trained is None:
            _draw(convolutions.values(), seed)
            return
        for index, layer in convolutions.items():
            names = {kind: f"features.{index}.{kind}" for kind in ("weight", "bias")}
            layer.load_state_dict({kind: trained[name] for kind, name in names.items()})


def _trained(weights: str, seed: int) -> dict[str, Tensor] | None:
    """Return trained filters, or none, if they are not at hand and need not be."""
    try:
        fetch = weights == "trained" or mode() == "full"
        found = trained_weights(VGG19_Weights.IMAGENET1K_V1, fetch=fetch)
    except FileNotFoundError as error:
        if weights == "trained":
            raise
        reason = str(error).split(". ")[0]
        print_wrapped(f"VGG19 with fixed random filters, seed {seed}: {reason}.")
        return None
    print("VGG19 with filters trained on ImageNet.")
    return found


def _build(count: int, pooling: type[nn.Module], padding: str) -> nn.Sequential:
    layers, channels = OrderedDict(), 3
    for name in LAYERS[:count]:
        if name.startswith("conv"):
            wider = BLOCKS[int(name[4]) - 1][0]
            layers[name] = skip_init(
                nn.Conv2d, channels, wider, kernel_size=3, padding=1, padding_mode=padding
            )
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
