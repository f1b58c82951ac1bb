"""The trained filters of VGG19 are not at hand here. Networks that differ from random ones in what
training might change stand in for them: sizes, biases, zeros, and filters trained on the spot."""

import pytest
import torch
from PIL import Image
from sklearn.datasets import load_digits, load_sample_image
from torch import nn
from torch.nn.functional import cross_entropy, interpolate

from gan_utils.data.pictures import picture_tensor
from gan_utils.data.waves import draw_waves
from gan_utils.style import vgg
from gan_utils.style.objective import (
    CONTENT_LAYERS,
    STYLE_LAYERS,
    TRAINED_CONTENT_LAYERS,
    balanced_objective,
)
from gan_utils.style.optimization import optimize_picture

NARROW = ((16, 2), (32, 2), (48, 4), (64, 4), (64, 4))  # VGG19 with fewer channels
LAYERS = [*STYLE_LAYERS, *CONTENT_LAYERS, *TRAINED_CONTENT_LAYERS]


def unchanged(convolution, draw):
    pass


def rescaled(convolution, draw):
    convolution.weight *= 10 ** (2 * torch.rand((), generator=draw) - 1)


def rescaled_by_channel(convolution, draw):
    count = len(convolution.weight)
    convolution.weight *= 10 ** (2 * torch.rand(count, 1, 1, 1, generator=draw) - 1)


def biased(convolution, draw):
    size = convolution.weight.square().sum((1, 2, 3)).sqrt()
    convolution.bias += size * torch.randn(size.shape, generator=draw)


def sparse(convolution, draw):
    convolution.weight *= torch.rand(convolution.weight.shape, generator=draw) < 0.1


def all_of_it(convolution, draw):
    for change in (sparse, rescaled_by_channel, rescaled, biased):
        change(convolution, draw)


def train_on_digits(network):
    """Teach the network, in place, to read digits of 8x8 pixels; return its accuracy."""
    digits = load_digits()
    pictures = torch.tensor(digits.images / 16).float()[:, None].expand(-1, 3, -1, -1)
    labels = torch.tensor(digits.target)
    network.requires_grad_(True)
    head = nn.Linear(NARROW[3][0], 10)
    solver = torch.optim.Adam([*network.parameters(), *head.parameters()], 1e-3)
    for _ in range(80):
        chosen = torch.randint(len(labels), (32,))
        larger = interpolate(pictures[chosen], scale_factor=4)
        logits = head(network(larger)["relu4_2"].mean((2, 3)))
        solver.zero_grad()
        cross_entropy(logits, labels[chosen]).backward()
        solver.step()
    network.requires_grad_(False)
    larger = interpolate(pictures[:300], scale_factor=4)
    guesses = head(network(larger)["relu4_2"].mean((2, 3))).argmax(1)
    return (guesses == labels[:300]).float().mean().item()


def shares_of_content(objective, picture):
    """The share of the content in the objective, and in its gradient."""
    picture = picture[None].requires_grad_()
    terms = objective(picture)
    values, slopes = [], []
    for kind in ("content", "style"):
        value = sum(term for name, term in terms.items() if name.startswith(kind))
        slope = torch.autograd.grad(value, picture, retain_graph=True)[0]
        values.append(value.item())
        slopes.append(slope.norm().item())
    return values[0] / sum(values), slopes[0] / sum(slopes)


@pytest.fixture(scope="module")
def pictures():
    photo = picture_tensor(Image.fromarray(load_sample_image("china.jpg")), 96)
    return photo, draw_waves(64, 96, seed=3)


def surrogate(monkeypatch, filters, change=unchanged):
    """A narrow VGG19 in the set-up for filters "random" or "trained"."""
    monkeypatch.setattr(vgg, "BLOCKS", NARROW)
    network = vgg.VGGFeatures(LAYERS, "random", vgg.POOLING_OF[filters])
    network.weights = filters
    draw = torch.Generator().manual_seed(5)
    for layer in network.layers:
        if isinstance(layer, nn.Conv2d):
            change(layer, draw)
    return network


def check_balance(network, photo, waves):
    objective = balanced_objective(network, photo, waves)
    begin = objective(photo[None])
    style = [term.item() for name, term in begin.items() if name.startswith("style")]
    assert style == pytest.approx([37.5] * 4, rel=0.05)  # 150, in equal parts
    assert sum(term.item() for name, term in begin.items() if name.startswith("content")) < 1e-6

    noise = torch.rand(photo.shape, generator=torch.Generator().manual_seed(1))
    value, slope = shares_of_content(objective, noise)
    assert 0.0005 < value < 0.3 and 0.0005 < slope < 0.5  # far from either, style comes first

    result = optimize_picture(objective, photo, calls=40, progress=False)
    value, slope = shares_of_content(objective, result.picture)
    assert 0.05 < value < 0.9 and 0.05 < slope < 0.7
    assert result.picture.isfinite().all() and result.lowest < 0.1 * result.totals[0]
    at_the_edge = (result.picture < 0.004) | (result.picture > 0.996)
    assert at_the_edge.float().mean() < 0.06


@pytest.mark.parametrize("filters", ["random", "trained"])
@pytest.mark.parametrize(
    "change", [unchanged, rescaled, rescaled_by_channel, biased, sparse, all_of_it]
)
def test_content_and_style_stay_balanced(monkeypatch, pictures, filters, change):
    check_balance(surrogate(monkeypatch, filters, change), *pictures)


@pytest.mark.parametrize("filters", ["random", "trained"])
def test_they_stay_balanced_with_filters_that_have_learned(monkeypatch, pictures, filters):
    network = surrogate(monkeypatch, filters)
    torch.manual_seed(0)
    assert train_on_digits(network) > 0.85
    check_balance(network, *pictures)
