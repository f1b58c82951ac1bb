"""What pictures are compared by: content, style, total variation, and their weights."""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace

import torch
from torch import Tensor
from torch.nn.functional import avg_pool2d

from gan_utils.style.statistics import STATISTICS
from gan_utils.style.vgg import BLOCKS, VGGFeatures

STYLE_LAYERS = tuple(f"relu{block}_1" for block in range(1, 6))
PUBLISHED_CONTENT = {"conv4_2": 1.0}
PUBLISHED_STYLE = {
    name: 1e3 / channels**2 for name, (channels, _) in zip(STYLE_LAYERS, BLOCKS, strict=True)
}
CONTENT_LAYERS = ("conv3_1",)  # of random filters: deeper ones know less
TRAINED_CONTENT_LAYERS = ("relu4_2",)
OUR_STYLE_LAYERS = STYLE_LAYERS[:4]  # in the small pictures the fifth sees too few places
SMALLEST_SHARE = 1e-4  # of a target's square: smaller errors are not divided by
COARSE, BLOCK = "coarse", 8  # a content layer of its own: the picture in blocks of 8x8 pixels


def squared_error(values: Tensor, target: Tensor) -> Tensor:
    """Return the mean of (values - target)² over all entries; a target [1, ...] serves a batch."""
    return (values - target).square().mean()


def total_variation(pictures: Tensor) -> Tensor:
    """Return the mean squared difference of neighbouring pixels of
    pictures [N, 3, H, W].

    Source: Mahendran & Vedaldi 2015, with exponent 2.
    Lesson 04, section 5.
    """
    down, across = pictures.diff(dim=2), pictures.diff(dim=3)
    return down.square().mean() + across.square().mean()


def standardised(features: Tensor) -> Tensor:
    """Return features [N, C, H, W] with mean 0 and deviation 1 over the
    places of each channel.

    What stays is where a channel is strong, not how strong. The squared
    error of two such maps is 2 - 2ρ, ρ being their correlation. A
    channel that is hardly active at all stays weak: a hundredth of the
    layer's size is added to its deviation. Lesson 04, section 5.
    """
    mean = features.mean((2, 3), keepdim=True)
    variance = (features - mean).square().mean((2, 3), keepdim=True)
    size = features.detach().square().mean((1, 2, 3), keepdim=True)
    return (features - mean) / (variance + 1e-4 * size + 1e-20).sqrt()


def content_maps(
    pictures: Tensor,
    features: Mapping[str, Tensor],
    layers: Collection[str],
    standardise: bool,
) -> dict[str, Tensor]:
    """Return by layer what is compared of pictures [N, 3, H, W] and
    their features for the content.

    The layer "coarse" is the pictures themselves, each block of 8x8
    pixels averaged.
    """
    maps = {name: features[name] for name in layers if name != COARSE}
    if COARSE in layers:
        maps[COARSE] = avg_pool2d(pictures, BLOCK, ceil_mode=True)
    if standardise:
        maps = {name: standardised(values) for name, values in maps.items()}
    return maps


@dataclass(frozen=True)
class StyleObjective:
    """How far pictures are from the content of one picture and from the
    style of another.

    Attributes:
        network: maps pictures [N, 3, H, W] in [0, 1] to activations by
            layer.
        content: the activations [N, C, h, w] to come near to, by layer.
        style: the statistics [1, C, ...] to come near to, by layer.
        sizes: by which activations are divided before their statistic
            is taken, by layer.
        weights: of each term by its name: "content conv4_2",
            "style relu1_1", "variation".
        statistic: what style is, a name in `STATISTICS`.
        standardise: whether content means `standardised` activations.
    """

    network: VGGFeatures
    content: dict[str, Tensor]
    style: dict[str, Tensor]
    sizes: dict[str, float]
    weights: dict[str, float]
    statistic: str = "gram"
    standardise: bool = False

    def __call__(self, pictures: Tensor) -> dict[str, Tensor]:
        """Return the weighted terms by name; make their sum small.

        Lesson 04, section 5.
        """
        features, terms = self.network(pictures), {}
        maps = self.maps(pictures, features)
        for name, target in self.content.items():
            error = squared_error(maps[name], target)
            terms[f"content {name}"] = error
        for name, target in self.style.items():
            values = features[name] / self.sizes[name]
            kept = STATISTICS[self.statistic](values)
            terms[f"style {name}"] = squared_error(kept, target)
        if self.weights["variation"]:
            terms["variation"] = total_variation(pictures)
        return {n: self.weights[n] * term for n, term in terms.items()}

    def maps(
        self, pictures: Tensor, features: dict[str, Tensor]
    ) -> dict[str, Tensor]:  # fmt: skip
        """Return `content_maps` of pictures [N, 3, H, W] and their features."""
        names = self.content
        return content_maps(pictures, features, names, self.standardise)

    def with_content(self, pictures: Tensor) -> StyleObjective:
        """Return the same for the content of pictures [N, 3, H, W]."""
        with torch.no_grad():
            maps = self.maps(pictures, self.network(pictures))
        return replace(self, content=maps)


def style_objective(
    network: VGGFeatures,
    content: Tensor,
    style: Tensor,
    *,
    content_weights: Mapping[str, float] = PUBLISHED_CONTENT,
    style_weights: Mapping[str, float] = PUBLISHED_STYLE,
    variation_weight: float = 0.0,
    statistic: str = "gram",
    standardise: bool = False,
    balanced: bool = False,
) -> StyleObjective:
    """Return the objective for two pictures, by default as published.

    Args:
        network: gives at least the layers that have weights.
        content, style: pictures [3, H, W] in [0, 1], on the network's
            device.
        content_weights, style_weights: of the squared error of each
            layer's activations, and of its statistic. The layer
            "coarse" is the picture itself in blocks of 8x8 pixels.
        variation_weight: of the total variation.
        statistic: what style is, a name in `STATISTICS`.
        standardise: compare `standardised` activations for the content.
        balanced: divide the activations of each style layer by their
            size, each style term by its value at the content picture,
            and each content term by the variance of its target. The
            same weights then serve any network, trained or random, and
            any two pictures.

    Raises:
        ValueError: a picture, a weight or a name is out of range, or
            the network lacks a layer.

    Source: Gatys et al. 2016, eq. 7. The published weights are those of
    their released code, for a network with inputs around ±128.
    """
    check_pictures(network, content=content, style=style)
    _check_weights(
        network, content_weights, style_weights, variation_weight
    )  # fmt: skip
    if statistic not in STATISTICS:
        allowed = ", ".join(STATISTICS)
        raise ValueError(f"statistic is {statistic!r}; choose {allowed}")
    shown = {n: w for n, w in content_weights.items() if w}
    painted = {n: w for n, w in style_weights.items() if w}
    weights = {
        **{f"content {name}": weight for name, weight in shown.items()},
        **{f"style {name}": weight for name, weight in painted.items()},
        "variation": variation_weight,
    }
    with torch.no_grad():
        features = network(style[None])
        sizes = {n: _size(features[n]) if balanced else 1.0 for n in painted}
        styles = {
            n: STATISTICS[statistic](features[n] / sizes[n]) for n in painted
        }  # fmt: skip
        photo = content[None]
        maps = content_maps(photo, network(photo), shown, standardise)
        objective = StyleObjective(
            network, maps, styles, sizes, weights, statistic, standardise
        )  # fmt: skip
        return _balanced(objective, photo) if balanced else objective


def _size(features: Tensor) -> float:
    """Return the root mean square of features, or 1 if all are 0."""
    return features.square().mean().sqrt().item() or 1.0


def _balanced(objective: StyleObjective, photo: Tensor) -> StyleObjective:
    """Return the same with relative terms: style as a share of what it
    is at the photo [1, 3, H, W], content as a share of its variance,
    which is 1 for standardised maps."""
    ones = dict.fromkeys(objective.weights, 1.0)
    at_photo = replace(objective, weights=ones)(photo)
    weights = dict(objective.weights)
    for name, target in objective.style.items():
        weights[f"style {name}"] /= _share(at_photo[f"style {name}"], target)
    for name, target in objective.content.items():
        if not objective.standardise:
            mean = target.mean((2, 3), keepdim=True)
            variance = squared_error(target, mean)
            weights[f"content {name}"] /= _share(variance, target)
    return replace(objective, weights=weights)


def _share(error: Tensor, target: Tensor) -> float:
    """Return an error to divide by: not so small beside its target that
    next to nothing would be magnified."""
    least = SMALLEST_SHARE * target.square().mean()
    return error.maximum(least).item() or math.inf


def balanced_objective(
    network: VGGFeatures,
    content: Tensor,
    style: Tensor,
    *,
    content_layers: Sequence[str] | None = None,
    style_layers: Sequence[str] = OUR_STYLE_LAYERS,
    content_weight: float = 1.0,
    coarse_weight: float = 0.75,
    style_weight: float = 150.0,
    variation_weight: float = 1.0,
    statistic: str = "covariance",
    standardise: bool = True,
) -> StyleObjective:
    """Return an objective whose weights suit any pictures, and filters trained or random.

    Args:
        network, content, style: as for `style_objective`, which lists the errors raised, too.
        content_layers: the layers that are compared for the content; by default
            `CONTENT_LAYERS` for random filters and `TRAINED_CONTENT_LAYERS` for trained ones.
        style_layers: those that are compared for the style.
        content_weight, coarse_weight, style_weight, variation_weight: of the parts; all layers of
            a part share its weight. The coarse part compares the pictures in blocks of 8x8 pixels.
        statistic, standardise: as for `style_objective`.
    """
    if content_layers is None:
        trained = network.weights == "trained"
        content_layers = TRAINED_CONTENT_LAYERS if trained else CONTENT_LAYERS
    content_weights = {name: content_weight / len(content_layers) for name in content_layers}
    return style_objective(
        network,
        content,
        style,
        content_weights=content_weights | {COARSE: coarse_weight},
        style_weights={name: style_weight / len(style_layers) for name in style_layers},
        variation_weight=variation_weight,
        statistic=statistic,
        standardise=standardise,
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
    if torch.is_inference_mode_enabled():
        raise ValueError("torch.inference_mode is on here; optimise pictures outside of it")
    for name, picture in pictures.items():
        if not isinstance(picture, Tensor):
            raise ValueError(
                f"{name} is a {type(picture).__name__}; give what picture_tensor makes of it"
            )
        if picture.dtype != network.mean.dtype or picture.numel() == 0:
            raise ValueError(
                f"{name} is {picture.dtype} {list(picture.shape)}; the network takes "
                f"{network.mean.dtype} [3, H, W]"
            )
        if picture.ndim != 3 or picture.shape[0] != 3:
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
    known = (*network.wanted, COARSE)
    missing = [n for n in content_weights if n not in known]
    missing += [n for n in style_weights if n not in network.wanted]
    if missing:
        raise ValueError(
            f"the network does not return {', '.join(missing)}; "
            f"it was made for {', '.join(network.wanted)}"
        )
    given = [*content_weights.values(), *style_weights.values(), variation_weight]
    if not all(math.isfinite(w) and w >= 0 for w in given) or not sum(given) > 0:
        raise ValueError(f"weights are {given}; they must be finite, at least 0, and not all 0")
