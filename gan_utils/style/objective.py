"""What pictures are compared by: content, Gram matrices, total variation, and their weights."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import torch
from torch import Tensor

from gan_utils.style.vgg import BLOCKS, VGGFeatures

CONTENT_LAYERS = ("conv3_1",)  # earlier than published: deeper ones of random filters know less
STYLE_LAYERS = tuple(f"relu{block}_1" for block in range(1, 6))
PUBLISHED_CONTENT = {"conv4_2": 1.0}
PUBLISHED_STYLE = {
    name: 1e3 / channels**2 for name, (channels, _) in zip(STYLE_LAYERS, BLOCKS, strict=True)
}


def gram_matrix(features: Tensor) -> Tensor:
    """Return which channels are active together, [N, C, C], from
    features [N, C, H, W].

    Entry (i, j) is the mean over all places of channel i times channel
    j. Where it happened is forgotten.

    Source: Gatys et al. 2016, eq. 3, divided by the number of places.
    """
    flat = features.flatten(2)
    return flat @ flat.transpose(1, 2) / flat.shape[2]


def squared_error(values: Tensor, target: Tensor) -> Tensor:
    """Return the mean of (values - target)² over all entries; a target [1, ...] serves a batch."""
    return (values - target).square().mean()


def total_variation(pictures: Tensor) -> Tensor:
    """Return the mean squared difference of neighbouring pixels of
    pictures [N, 3, H, W].

    Source: Mahendran & Vedaldi 2015, with exponent 2.
    """
    down, across = pictures.diff(dim=2), pictures.diff(dim=3)
    return down.square().mean() + across.square().mean()


@dataclass(frozen=True)
class StyleObjective:
    """How far pictures are from the content of one picture and from the
    style of another.

    Attributes:
        network: maps pictures [N, 3, H, W] in [0, 1] to activations by
            layer.
        content: the activations [N, C, h, w] to come near to, by layer.
        style: the Gram matrices [1, C, C] to come near to, by layer.
        weights: of each term by its name: "content conv4_2",
            "style relu1_1", "variation".
    """

    network: VGGFeatures
    content: dict[str, Tensor]
    style: dict[str, Tensor]
    weights: dict[str, float]

    def __call__(self, pictures: Tensor) -> dict[str, Tensor]:
        """Return the weighted terms by name; make their sum small."""
        features, terms = self.network(pictures), {}
        for name, target in self.content.items():
            error = squared_error(features[name], target)
            terms[f"content {name}"] = error
        for name, target in self.style.items():
            error = squared_error(gram_matrix(features[name]), target)
            terms[f"style {name}"] = error
        if self.weights["variation"]:
            terms["variation"] = total_variation(pictures)
        return {n: self.weights[n] * term for n, term in terms.items()}

    def with_content(self, pictures: Tensor) -> StyleObjective:
        """Return the same for the content of pictures [N, 3, H, W]."""
        with torch.no_grad():
            features = self.network(pictures)
        content = {name: features[name] for name in self.content}
        return replace(self, content=content)


def style_objective(
    network: VGGFeatures,
    content: Tensor,
    style: Tensor,
    *,
    content_weights: Mapping[str, float] = PUBLISHED_CONTENT,
    style_weights: Mapping[str, float] = PUBLISHED_STYLE,
    variation_weight: float = 0.0,
    balanced: bool = False,
) -> StyleObjective:
    """Return the objective for two pictures, by default as published.

    Args:
        network: gives at least the layers that have weights.
        content, style: pictures [3, H, W] in [0, 1], on the network's
            device.
        content_weights, style_weights: of the squared error of each
            layer's activations, and of its Gram matrix.
        variation_weight: of the total variation.
        balanced: divide each layer's weight by the mean square of its
            target. Errors become relative ones, and the same weights
            serve any network, trained or random.

    Raises:
        ValueError: a picture or a weight is out of range, or the
            network lacks a layer.

    Source: Gatys et al. 2016, eq. 7. The published weights are those of
    their released code, for a network with inputs around ±128.
    """
    check_pictures(network, content=content, style=style)
    _check_weights(
        network,
        content_weights,
        style_weights,
        variation_weight,
    )
    with torch.no_grad():
        features = network(content[None])
        contents = {n: features[n] for n in _weighted(content_weights)}
        features = network(style[None])
        names = _weighted(style_weights)
        styles = {name: gram_matrix(features[name]) for name in names}
    weights = {"variation": variation_weight}
    for kind, targets, asked in (
        ("content", contents, content_weights),
        ("style", styles, style_weights),
    ):
        for name, target in targets.items():
            energy = target.square().mean().item() if balanced else 1.0
            weight = asked[name] / energy if energy else 0.0
            weights[f"{kind} {name}"] = weight
    return StyleObjective(network, contents, styles, weights)


def _weighted(weights: Mapping[str, float]) -> list[str]:
    """Return the layers that count: those of a weight that is not 0."""
    return [name for name, weight in weights.items() if weight]


def balanced_objective(
    network: VGGFeatures,
    content: Tensor,
    style: Tensor,
    *,
    content_layers: Sequence[str] = CONTENT_LAYERS,
    style_layers: Sequence[str] = STYLE_LAYERS,
    content_weight: float = 1.0,
    style_weight: float = 20.0,
    variation_weight: float = 0.5,
) -> StyleObjective:
    """Return an objective whose weights suit any pictures, and filters trained or random.

    Args:
        network, content, style: as for `style_objective`, which lists the errors raised, too.
        content_layers, style_layers: the layers that are compared.
        content_weight, style_weight, variation_weight: of the three parts; all layers of a part
            share its weight, and errors are relative to their targets.
    """
    return style_objective(
        network,
        content,
        style,
        content_weights={name: content_weight / len(content_layers) for name in content_layers},
        style_weights={name: style_weight / len(style_layers) for name in style_layers},
        variation_weight=variation_weight,
        balanced=True,
    )


def finite_values(terms: dict[str, Tensor], moment: str) -> dict[str, float]:
    """Return the terms of an objective as plain numbers.

    Raises:
        FloatingPointError: one is infinite or not a number; the message names the moment.
    """
    values = torch.stack(list(terms.values())).tolist()  # one transfer from a GPU, not many
    if not math.isfinite(sum(values)):
        raise FloatingPointError(
            f"the objective became {sum(values)} at {moment}; "
            "lower the weights or the learning rate, and look for NaN in the network"
        )
    return dict(zip(terms, values, strict=True))


def check_pictures(network: VGGFeatures, **pictures: Tensor) -> None:
    """Raise ValueError, with its name, for a picture that `network` cannot look at."""
    for name, picture in pictures.items():
        if picture.ndim != 3 or picture.shape[0] != 3 or not picture.is_floating_point():
            raise ValueError(
                f"{name} is {picture.dtype} {list(picture.shape)}; it must be floating point "
                "[3, H, W], as picture_tensor returns it"
            )
        if not (picture.min() >= 0 and picture.max() <= 1):
            raise ValueError(
                f"{name} has values from {picture.min():g} to {picture.max():g}; "
                "they must lie in [0, 1]"
            )
        if min(picture.shape[1:]) < network.smallest:
            height, width = picture.shape[1:]
            raise ValueError(
                f"{name} has {width} x {height} pixels, and these layers need at least "
                f"{network.smallest} each way; enlarge it or crop its longer side"
            )


def _check_weights(
    network: VGGFeatures,
    content_weights: Mapping[str, float],
    style_weights: Mapping[str, float],
    variation_weight: float,
) -> None:
    missing = [n for n in (*content_weights, *style_weights) if n not in network.wanted]
    if missing:
        raise ValueError(
            f"the network does not return {', '.join(missing)}; "
            f"it was made for {', '.join(network.wanted)}"
        )
    given = [*content_weights.values(), *style_weights.values(), variation_weight]
    if not all(math.isfinite(w) and w >= 0 for w in given) or not sum(given) > 0:
        raise ValueError(f"weights are {given}; they must be finite, at least 0, and not all 0")
