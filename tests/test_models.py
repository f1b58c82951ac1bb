import pytest
import torch
from torch import nn

from gan_utils.models import (
    MLPDiscriminator,
    MLPGenerator,
    count_parameters,
    draw_latent,
    evaluate,
)
from gan_utils.recipes import SINE_HOUSE, SINE_PUBLISHED


def shapes(network):
    return [tuple(p.shape) for p in network.parameters() if p.ndim == 2]


def test_published_networks_have_the_published_layers():
    generator, discriminator = SINE_PUBLISHED.generator(), SINE_PUBLISHED.discriminator()
    assert shapes(generator) == [(16, 2), (32, 16), (2, 32)]
    assert shapes(discriminator) == [(256, 2), (128, 256), (64, 128), (1, 64)]
    assert (count_parameters(generator), count_parameters(discriminator)) == (658, 41_985)
    kinds = [type(layer) for layer in discriminator.layers]
    assert kinds == [nn.Linear, nn.ReLU, nn.Dropout] * 3 + [nn.Linear]
    assert {layer.p for layer in discriminator.layers if isinstance(layer, nn.Dropout)} == {0.3}
    assert [type(layer) for layer in generator.layers] == [nn.Linear, nn.ReLU] * 2 + [nn.Linear]


def test_the_house_recipe_keeps_networks_and_budget():
    assert SINE_HOUSE.generator is SINE_PUBLISHED.generator
    assert SINE_HOUSE.discriminator is SINE_PUBLISHED.discriminator
    budgets = [(r.epochs, r.batch_size) for r in (SINE_HOUSE, SINE_PUBLISHED)]
    assert budgets == [(300, 32)] * 2


def test_shapes():
    samples = MLPGenerator(5, (8,), 3)(torch.randn(7, 5))
    assert samples.shape == (7, 3)
    assert MLPDiscriminator(3, (8,))(samples).shape == (7, 1)


@pytest.mark.parametrize("sizes", [(0, (8,), 2), (2, (8, -1), 2), (2, (8,), 0)])
def test_sizes_below_one_are_refused(sizes):
    with pytest.raises(ValueError, match="at least 1"):
        MLPGenerator(*sizes)


def test_latents_are_normal_or_uniform():
    torch.manual_seed(0)
    normal, uniform = (draw_latent(20_000, 3, kind=kind) for kind in ("normal", "uniform"))
    assert normal.shape == uniform.shape == (20_000, 3)
    assert abs(normal.mean()) < 0.02 and abs(normal.std() - 1) < 0.02
    assert uniform.min() >= -1 and uniform.max() < 1 and abs(uniform.std() - 3**-0.5) < 0.02
    with pytest.raises(ValueError, match="'gaussian'.*normal, uniform"):
        draw_latent(1, 1, kind="gaussian")


def test_evaluate_turns_dropout_off_and_restores_the_mode():
    network = nn.Sequential(nn.Linear(4, 4), nn.Dropout(0.5))
    inputs = torch.randn(8, 4)
    first = evaluate(network, inputs)
    assert torch.equal(first, evaluate(network, inputs))
    assert network.training and not first.requires_grad
    network[1].eval()  # frozen on purpose: only its own mode comes back
    with pytest.raises(RuntimeError):
        evaluate(network, torch.randn(8, 3))
    assert network.training and network[0].training and not network[1].training


@pytest.mark.parametrize("dropout", [-0.1, 1.0, float("nan")])
def test_dropout_outside_its_range_is_refused(dropout):
    with pytest.raises(ValueError, match=f"dropout is {dropout}"):
        MLPDiscriminator(2, (8,), dropout=dropout)
