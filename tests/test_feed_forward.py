import itertools

import pytest
import torch
from torch import nn

from gan_utils.data.waves import draw_waves
from gan_utils.style.feed_forward import StyleNetwork, train_style_network
from gan_utils.style.objective import style_objective
from gan_utils.style.vgg import VGGFeatures


@pytest.fixture(scope="module")
def objective():
    network = VGGFeatures(["relu1_1", "relu2_1"], "random")
    weights = dict(content_weights={"relu2_1": 1.0}, style_weights={"relu1_1": 5.0})
    return style_objective(
        network, torch.rand(3, 32, 32), draw_waves(64, 64), balanced=True, **weights
    )


@pytest.mark.parametrize("size", [(16, 16), (33, 50), (64, 35)])
def test_pictures_keep_their_size_and_range(size):
    painted = StyleNetwork(width=4, blocks=1)(torch.rand(2, 3, *size))
    assert painted.shape == (2, 3, *size) and painted.min() >= 0 and painted.max() <= 1


def test_the_layers_are_those_of_johnson_halved_once():
    network = StyleNetwork(width=32)
    convolutions = [m for m in network.modules() if isinstance(m, nn.Conv2d)]
    assert [(c.out_channels, c.kernel_size[0], c.stride[0]) for c in convolutions] == [
        (32, 9, 1), (64, 3, 2), *[(64, 3, 1)] * 10, (32, 3, 1), (3, 9, 1),
    ]  # fmt: skip
    norms = [m for m in network.modules() if isinstance(m, nn.InstanceNorm2d)]
    assert len(norms) == len(convolutions) - 1


def test_each_picture_is_painted_by_itself(monkeypatch):
    monkeypatch.setattr(torch, "rand_like", torch.zeros_like)  # its noise would differ
    network, pictures = StyleNetwork(width=4, blocks=1), torch.rand(3, 3, 20, 20)
    alone = torch.cat([network(picture[None]) for picture in pictures])
    assert torch.allclose(network(pictures), alone, atol=1e-5)


def test_noise_decides_how_a_plain_picture_is_painted():
    network, plain = StyleNetwork(width=4, blocks=1), torch.full((1, 3, 20, 20), 0.5)
    first, second = network(plain), network(plain)
    assert first.std() > 1e-3 and not torch.equal(first, second)
    torch.manual_seed(0)
    first = network(plain)
    torch.manual_seed(0)
    assert torch.equal(first, network(plain))


def test_training_lowers_the_objective(objective):
    torch.manual_seed(0)
    network = StyleNetwork(width=4, blocks=1)
    batches = (torch.rand(2, 3, 32, 32) for _ in itertools.count())
    records = train_style_network(network, batches, objective, steps=30, progress=False)
    totals = [sum(record.values()) for record in records]
    assert len(totals) == 30 and sum(totals[-5:]) < 0.8 * sum(totals[:5])
    assert set(records[0]) == {"content relu2_1", "style relu1_1"} and not network.training


def test_bad_arguments(objective):
    with pytest.raises(ValueError, match="width is 0"):
        StyleNetwork(width=0)
    with pytest.raises(ValueError, match="10 x 40 pixels"):
        StyleNetwork(width=4, blocks=1)(torch.rand(1, 3, 40, 10))
    with pytest.raises(ValueError, match="steps is 0"):
        train_style_network(StyleNetwork(4, 1), [], objective, steps=0)
    with pytest.raises(ValueError, match="batches ended after 0 of 2"):
        train_style_network(StyleNetwork(4, 1), [], objective, steps=2, progress=False)
    broken = [torch.full((1, 3, 32, 32), torch.nan)]
    with pytest.raises(FloatingPointError, match="at step 1"):
        train_style_network(StyleNetwork(4, 1), broken, objective, steps=1, progress=False)
