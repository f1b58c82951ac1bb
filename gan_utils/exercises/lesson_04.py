"""Checks of the exercises of lesson 04."""

from collections.abc import Callable, Mapping
from typing import Any

import torch
from torch import Tensor
from torch.optim import LBFGS, SGD, Optimizer

from gan_utils.data.waves import draw_waves
from gan_utils.exercises.verdicts import (
    State,
    Verdict,
    accepted,
    check_answer,
    check_function,
    check_names,
    not_yet,
    unanswered,
)
from gan_utils.style.objective import squared_error, style_objective
from gan_utils.style.statistics import STATISTICS, gram_matrix
from gan_utils.style.vgg import IMAGENET_MEAN, IMAGENET_STD, VGGFeatures

Objective = Callable[[Tensor], dict[str, Tensor]]
Factory = Callable[[Optimizer, Tensor, Objective], Any]

PLACE_BY_PLACE = "it compares place by place, and at each place stands something else now"
TOGETHER = {
    "content": PLACE_BY_PLACE,
    "gram": "each entry is a sum over the places, and a sum has no order",
    "covariance": "channels that met at a place still meet, at another one",
    "sorted": "what is sorted afterwards does not care about the order before",
    "deviation": "each channel still has the same values",
}
APART = {
    "content": PLACE_BY_PLACE,
    "gram": "an entry multiplies what two channels have at the same place; do they still meet?",
    "covariance": "which channels rise and fall together is just what this shuffle destroys",
    "sorted": "a direction mixes the channels of one place, and these are other mixtures now",
    "deviation": "for one channel alone it is a shuffle like the other one: all its values stay",
}

ROOTS: dict[str, Callable[[Tensor], Tensor]] = {  # variances to deviations
    "A": lambda v: v.sqrt(),
    "B": lambda v: v.sqrt() + 1e-5,
    "C": lambda v: (v + 1e-10).sqrt(),
    "D": lambda v: v.sqrt().nan_to_num(),
    "E": lambda v: torch.where(v > 0, v.sqrt(), 0.0),
    "F": lambda v: v.clamp(min=1e-10).sqrt(),
}
GRADIENTS = {
    "A": "the slope of the root at 0 is infinite, and infinity times 0 is nan",
    "B": "what is added behind the root does not change the slope of the root",
    "C": "what is added under the root keeps its slope finite",
    "D": "the value was never nan; the gradient is, and it still has to pass the root",
    "E": "the gradient goes through both branches: the unused one is 0 times infinity",
    "F": "the root never sees less than the bound, so its slope is finite",
}


def shuffled(together: Any, apart: Any) -> Verdict:
    """Check what stays if places are shuffled: all channels alike, or each in its own order."""
    stay = {
        way: {name for name, change in changes.items() if change < 1e-3}
        for way, changes in _shuffle_changes().items()
    }
    first = check_names("shuffled together", together, stay["together"], TOGETHER)
    if not first.right:
        return first
    return check_names("shuffled apart", apart, stay["apart"], APART)


def _shuffle_changes() -> dict[str, dict[str, float]]:
    """Return by how much each measure of relu3_1 changes, relative to its size, in both ways."""
    network = VGGFeatures(("relu3_1",), "random")
    layer = network(draw_waves(64, 96)[None])["relu3_1"]
    flat, generator = layer.flatten(2), torch.Generator().manual_seed(0)
    order = torch.randperm(flat.shape[2], generator=generator)
    orders = torch.rand(flat.shape, generator=generator).argsort(2)
    ways = {"together": flat[..., order], "apart": flat.gather(2, orders)}
    moments = {"deviation": lambda f: torch.cat([f.mean((2, 3)), _variance(f).sqrt()])}
    measures = {"content": lambda f: f} | STATISTICS | moments
    return {
        way: {n: _change(measure, places.view_as(layer), layer) for n, measure in measures.items()}
        for way, places in ways.items()
    }


def first_pull(content_slope: float | None, weight: float | None) -> Verdict:
    """Check the content's gradient at the photograph, and the weight at which style pulls more."""
    first = check_answer("pull of the content", content_slope, _slope_at_photograph())
    if not first.right:
        look = "the picture still is the photograph: can the content loss fall any lower?"
        return not_yet("pull of the content", look) if first.state is State.WRONG else first
    return check_answer(
        "pull of the style",
        weight,
        0.02 / 0.00005,  # gradients; 0.3 and 0.01 are the losses
        {
            "that makes the losses alike, but gradients move the picture": 0.3 / 0.01,
            "the other way round: the weaker gradient needs the larger weight": 0.00005 / 0.02,
            "with equal weights the content pulls harder here: compare the gradients": 1.0,
            "a loss divided by a gradient: compare like with like": 0.3 / 0.00005,
        },
    )


def finite_gradients(names: Any) -> Verdict:
    """Check which of `ROOTS` have a finite gradient where a channel is the same everywhere."""
    finite = {name for name in ROOTS if _gradient_at_constant(name).isfinite().all()}
    return check_names("finite gradients", names, finite, GRADIENTS)


def _gradient_at_constant(name: str) -> Tensor:
    """Return the gradient of one of `ROOTS`, [1, 2, 4, 5]; the second channel is 0 everywhere."""
    features = torch.randn(1, 2, 4, 5, generator=torch.Generator().manual_seed(0))
    features[:, 1] = 0
    features.requires_grad_()
    ROOTS[name](_variance(features)).sum().backward()
    return features.grad


def gram(entries: float | None, my_gram: Callable[[Tensor], Tensor | None]) -> Verdict:
    """Check the size of a Gram matrix of relu3_1 for 400 x 600 pixels, and a function for it."""
    # On the device "meta" a network computes shapes alone.
    network = VGGFeatures(("relu3_1",), "random").to("meta")
    layer = network(torch.empty(1, 3, 400, 600, device="meta"))["relu3_1"]
    channels, places = layer.shape[1], layer[0, 0].numel()
    mistakes = {
        "that is a matrix of places; the Gram matrix has a row for each channel": places**2,
        "those are the activations themselves: channels times places": channels * places,
        "a larger picture has more places; has it more channels?": 4 * channels**2,
        "those are the channels, so one side of the matrix": channels,
        "so many are different; the matrix holds both halves": channels * (channels + 1) // 2,
        "64 is what block 1 has; how many channels has block 3?": 64**2,
    }
    first = check_answer("entries", entries, channels**2, mistakes, tolerance=1e-6)
    return _check_gram(my_gram) if first.right else first


def prepare(my_prepare: Callable[[Tensor], Tensor | None]) -> Verdict:
    """Check that pictures in [0, 1] come out as torchvision's VGG19 wants them."""
    # Three pixels wide: three numbers without a shape go along the width, and nothing complains.
    pictures = torch.rand(2, 3, 5, 3, generator=torch.Generator().manual_seed(0))
    mean, std = (torch.tensor(t).reshape(3, 1, 1) for t in (IMAGENET_MEAN, IMAGENET_STD))
    return check_function(
        "prepared pictures",
        my_prepare,
        lambda p: (p - mean) / std,
        {
            "these are the pictures as they were": lambda p: p,
            "the mean is gone; the deviation is still that of the pictures": lambda p: p - mean,
            "the two are in each other's place": lambda p: (p - std) / mean,
            "the deviation divides, it does not multiply": lambda p: (p - mean) * std,
            "three numbers without a shape go along the width; they belong to the channels": (
                lambda p: (p - mean.flatten()) / std.flatten()
            ),
            "times 255 is for the filters of Caffe": lambda p: (255 * p - mean) / std,
            "take the mean and deviation of ImageNet, not those of each picture": lambda p: (
                (p - p.mean((2, 3), keepdim=True)) / p.std((2, 3), keepdim=True)
            ),
            "that is the range of the GANs, from -1 to 1": lambda p: 2 * p - 1,
            "blue before red is the order of Caffe": lambda p: (p.flip(1) - mean) / std,
        },
        pictures,
    )


def sorted_distance(my_distance: Callable[[Tensor, Tensor], Tensor | None]) -> Verdict:
    """Check the distance of the sorted values of two layers [1, C, H, W], channel by channel."""
    layers = torch.randn(2, 1, 4, 5, 6, generator=torch.Generator().manual_seed(0))
    layers = layers * torch.tensor([[1.0], [2.0]]).view(2, 1, 1, 1, 1)
    layers += torch.arange(4.0).view(4, 1, 1) / 2  # the channels differ in their means

    def sort(features: Tensor) -> Tensor:
        return features.flatten(2).sort(dim=2).values

    def after(order: Callable[[Tensor], Tensor]) -> Callable[[Tensor, Tensor], Tensor]:
        return lambda ours, theirs: squared_error(order(ours), order(theirs))

    return check_function(
        "sorted values",
        my_distance,
        after(sort),
        {
            "nothing is in order yet: that is the content loss, place by place": after(lambda f: f),
            "the channels of a place are in order, not the places of a channel": after(
                lambda f: f.sort(dim=1).values
            ),
            "each row is in order by itself; make one list of all rows": after(
                lambda f: f.sort(dim=3).values
            ),
            "each channel has a list of its own; all went into one": after(
                lambda f: f.flatten().sort().values
            ),
            "that compares the means alone": after(lambda f: f.mean((2, 3))),
            "the squares are missing": lambda a, b: (sort(a) - sort(b)).abs().mean(),
            "the mean runs over the channels, too": lambda a, b: (
                (sort(a) - sort(b)).square().mean(2).sum()
            ),
            "a sum grows with the picture": lambda a, b: (sort(a) - sort(b)).square().sum(),
        },
        *layers,
    )


def closure(my_closure: Factory) -> Verdict:
    """Check a closure: its value, its gradients at two places, and what L-BFGS does with it."""
    name, start = "closure", torch.tensor([[[[-0.5, 1.5], [0.2, 0.7]]]])
    picture = start.clone().requires_grad_()
    # Not L-BFGS at first: its step calls the closure, and one that calls step would never end.
    optimizer = SGD([picture], lr=0.1)
    mine = my_closure(optimizer, picture, _valley)
    if mine is None:
        begun = any(getattr(part, "co_names", ()) for part in my_closure.__code__.co_consts)
        last = "my_closure returns None; its last line is `return closure`"
        return not_yet(name, last) if begun else unanswered(name)
    if not torch.equal(picture, start):
        return not_yet(name, "my_closure only makes the closure; `step` is called by the check")
    if not callable(mine):
        return not_yet(name, "my_closure returns the function itself, not what it computes")
    stale = torch.full_like(picture, 0.1)
    for again, place in enumerate((start, torch.full_like(picture, 0.4))):
        with torch.no_grad():
            picture.copy_(place)
        picture.grad = stale.clone()  # of a call before
        mistake = _mistake_of_closure(mine, picture, place, stale, bool(again))
        if mistake:
            return not_yet(name, mistake)
    solver = LBFGS([picture], max_iter=30, line_search_fn="strong_wolfe")
    solver.step(my_closure(solver, picture, _valley))
    if (picture - 0.25).abs().max() < 1e-2:  # where the two terms are in balance
        return accepted(name)
    return not_yet(name, "L-BFGS does not come to the lowest point; is `picture` the one you got?")


def _valley(picture: Tensor) -> dict[str, Tensor]:
    """Return two terms that share a part of their graph, as those of a network do."""
    if picture.shape != (1, 1, 2, 2):
        raise ValueError(f"the objective wants the picture as it is, not {tuple(picture.shape)}")
    squares = picture.square()
    return {"content": squares.sum(), "style": (3 * squares - 2 * picture + 1 / 3).sum()}


def _mistake_of_closure(
    mine: Callable[[], Any], picture: Tensor, place: Tensor, stale: Tensor, again: bool
) -> str | None:
    """Return what is wrong with one call at a place where an old gradient is left, if anything."""
    try:
        value = mine()
    except RuntimeError as error:
        said = str(error)
        if "does not require grad" in said:
            return "no gradient reaches the picture: what is detached, or under no_grad?"
        if "a second time" in said and not again:
            return "backward goes once through what the terms share: add them up before it"
        if "a second time" in said or "modified by an inplace operation" in said:
            return "the objective belongs inside: L-BFGS calls it at one place after the other"
        raise
    if not torch.equal(picture, place):
        clamped = torch.equal(picture, place.clamp(0, 1))
        how = "was clamped behind its back" if clamped else "has moved: that is the work of `step`"
        return f"L-BFGS chooses the place; the picture {how}"
    return _mistake_of_gradient(picture, stale) or _mistake_of_value(value, picture)


def _mistake_of_gradient(picture: Tensor, stale: Tensor) -> str | None:
    terms = _valley(picture)
    slopes = {n: torch.autograd.grad(t, picture, retain_graph=True)[0] for n, t in terms.items()}
    right, found = sum(slopes.values()), picture.grad
    if found is None or not found.any():
        return "no gradient is left: backward is missing, or zero_grad comes after it"
    known = {
        "no new gradient: backward is missing": stale,
        "an old gradient is still in it: zero_grad is missing inside the closure": right + stale,
        "those are the gradients of one term alone; add up all of them": slopes["content"],
    }
    if torch.allclose(found, right, atol=1e-6):
        return None
    for look_at, mistake in known.items():
        if torch.allclose(found, mistake, atol=1e-6):
            return look_at
    return "the gradients are not those of the sum of all terms at this place"


def _mistake_of_value(value: Any, picture: Tensor) -> str | None:
    if value is None:
        return "it returns nothing; the line search compares values"
    if isinstance(value, Mapping):
        return "it returns a dictionary; L-BFGS wants one number, the sum of the terms"
    found = check_answer("value", value, sum(_valley(picture).values()))
    return None if found.right else "its value is not the sum of all terms at this place"


def _check_gram(my_gram: Callable[[Tensor], Tensor | None]) -> Verdict:
    features = torch.randn(2, 3, 4, 7, generator=torch.Generator().manual_seed(0)).relu()
    name, given = "Gram matrix", my_gram(features.clone())
    count, channels, places = features.flatten(2).shape
    shape = tuple(given.shape) if isinstance(given, Tensor) else None
    if shape == (count, places, places):
        return not_yet(name, "that multiplies places with places; a row for each channel is needed")
    if shape == (channels, channels):
        return not_yet(name, "one matrix for the whole batch; each picture has its own")
    right = gram_matrix(features)
    means = features.mean((2, 3), keepdim=True)
    mixed = features.reshape(count, places, channels)
    mistakes = {
        "it still grows with the picture: divide by the number of places": places * right,
        "divided by the number of places of another picture": places / 20 * right,
        "divided by the number of places twice": right / places,
        "divided by the channels, too: here the number of places alone": right / channels,
        "the means are gone: that is the covariance": gram_matrix(features - means),
        "reshape does not transpose: it puts values of several channels side by side": (
            mixed.transpose(1, 2) @ mixed / places
        ),
    }
    return check_answer(name, given, right, mistakes)


def _variance(features: Tensor) -> Tensor:
    mean = features.mean((2, 3), keepdim=True)
    return (features - mean).square().mean((2, 3))


def _change(measure: Callable[[Tensor], Tensor], features: Tensor, before: Tensor) -> float:
    return ((measure(features) - measure(before)).norm() / measure(before).norm()).item()


def _slope_at_photograph() -> float:
    """Return the size of the gradient of the content loss at the photograph itself."""
    photo, layer = draw_waves(32, 48), "conv3_1"
    network, weights = VGGFeatures((layer,), "random"), {layer: 1.0}
    objective = style_objective(network, photo, photo, content_weights=weights, style_weights={})
    picture = photo[None].clone().requires_grad_()
    objective(picture)[f"content {layer}"].backward()
    return round(picture.grad.norm().item(), 6)
