from itertools import pairwise

import pytest
import torch
from torch import nn

from gan_utils.gan import recipes
from gan_utils.gan.latent import draw_latent, slerp
from gan_utils.gan.models import (
    DCGANDiscriminator,
    DCGANGenerator,
    MLPDiscriminator,
    MLPGenerator,
    count_parameters,
    evaluate,
    initialize_dcgan,
)
from gan_utils.gan.recipes import SINE_HOUSE, SINE_PUBLISHED


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


def test_the_sine_recipes_train_as_stated():
    published = dict(latent_dim=2, lr=1e-3, betas=(0.9, 0.999))
    levers = dict(lr=3e-3, betas=(0.5, 0.99), decay_lr=True, ema_decay=0.999)
    assert SINE_PUBLISHED.training == published
    assert SINE_HOUSE.training == published | levers | dict(loss="nonsaturating, R1")


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


@pytest.mark.parametrize("slope", [-0.1, float("nan")])
def test_negative_slope_is_refused(slope):
    with pytest.raises(ValueError, match=f"slope is {slope}"):
        MLPDiscriminator(2, (8,), slope=slope)


def test_images_come_in_the_range_of_tanh_and_are_taken_as_they_are():
    images = MLPGenerator(5, (8,), (1, 4, 4), tanh=True)(torch.randn(7, 5) * 100)
    assert images.shape == (7, 1, 4, 4)
    assert images.min() >= -1 and images.max() <= 1
    assert MLPDiscriminator(16, (8,), slope=0.2)(images).shape == (7, 1)


def test_the_arc_keeps_the_norm_and_the_line_does_not():
    start, end = torch.tensor([3.0, 0.0]), torch.tensor([0.0, 3.0])
    weights = torch.linspace(0, 1, 5)
    arc = slerp(start, end, weights)
    assert torch.allclose(arc[0], start, atol=1e-6) and torch.allclose(arc[-1], end, atol=1e-6)
    assert torch.allclose(arc.norm(dim=1), torch.full((5,), 3.0))
    angles = torch.atan2(arc[:, 1], arc[:, 0])
    assert torch.allclose(angles.diff(), torch.full((4,), torch.pi / 8))
    assert torch.lerp(start, end, torch.tensor(0.5)).norm() < 2.2


@pytest.mark.parametrize("factor", [2.0, -1.0])
def test_no_arc_between_vectors_on_one_line(factor):
    with pytest.raises(ValueError, match="one line"):
        slerp(torch.ones(4), factor * torch.ones(4), torch.tensor([0.5]))


# (generator, discriminator): layers as published, one bias a unit, two numbers a batch norm unit
PUBLISHED_DIGITS = {
    "MNIST_REAL_PYTHON": ([100, 256, 512, 1024, 784], [784, 1024, 512, 256, 1], 0),
    "MNIST_NOTE45": ([96, 1024, 1024, 784], [784, 256, 256, 1], 0),
    "MNIST_GAN": ([128, 1024, 2048, 784], [784, 512, 1], 0),
    "MNIST_KERAS": ([100, 256, 512, 1024, 784], [784, 512, 256, 1], 2 * (256 + 512 + 1024)),
}


@pytest.mark.parametrize("name", PUBLISHED_DIGITS)
def test_digit_recipes_have_the_published_layers(name):
    *sizes, batch_norm = PUBLISHED_DIGITS[name]
    recipe = getattr(recipes, name)
    pair = recipe.generator(), recipe.discriminator()
    for network, layers, extra in zip(pair, sizes, (batch_norm, 0), strict=True):
        expected = sum(m * n + n for m, n in pairwise(layers)) + extra
        assert count_parameters(network) == expected
    latent = draw_latent(3, recipe.training["latent_dim"])
    images = pair[0](latent)
    assert images.shape == (3, 1, 28, 28) and isinstance(pair[0].layers[-1], nn.Tanh)
    assert pair[1](images).shape == (3, 1)


def kinds_between(network):
    """The layers after the first linear one, up to the second."""
    layers = list(network.layers)[1:]
    return layers[: next(i for i, layer in enumerate(layers) if isinstance(layer, nn.Linear))]


def test_digit_recipes_have_the_published_activations():
    relu, dropout = kinds_between(recipes.MNIST_REAL_PYTHON.discriminator())
    assert isinstance(relu, nn.ReLU) and dropout.p == 0.3
    slopes = {"MNIST_NOTE45": 0.2, "MNIST_GAN": 0.1, "MNIST_KERAS": 0.2}
    for name, slope in slopes.items():
        [leaky] = kinds_between(getattr(recipes, name).discriminator())
        assert leaky.negative_slope == slope
    leaky, norm = kinds_between(recipes.MNIST_KERAS.generator())
    assert leaky.negative_slope == 0.2 and isinstance(norm, nn.BatchNorm1d)
    norm.weight.data.fill_(1.0)
    norm(torch.full((4, 256), 10.0))
    assert torch.allclose(norm.running_mean, torch.tensor(2.0))  # Keras: 0.8 * 0 + 0.2 * 10
    assert [type(k) for k in kinds_between(recipes.MNIST_GAN.generator())] == [nn.ReLU]


def test_a_varied_recipe_leaves_the_first_one_alone():
    first = recipes.MNIST_KERAS
    second = recipes.vary(first, training=dict(lr=1.0), batch_size=7)
    assert (second.batch_size, second.training["lr"]) == (7, 1.0)
    assert second.training["latent_dim"] == 100 and second.generator is first.generator
    assert (first.batch_size, first.training["lr"]) == (128, 2e-4)


def test_face_recipes_build_the_same_networks_but_for_a_norm():
    textbook, house = recipes.FACES_DCGAN, recipes.FACES_HOUSE
    assert textbook.training == dict(latent_dim=100, lr=2e-4, betas=(0.5, 0.999))
    assert (textbook.batch_size, textbook.epochs, house.batch_size) == (64, 25, 16)
    expected = dict(lr=1e-3, betas=(0.0, 0.99), loss="nonsaturating, R1", ema_decay=0.99)
    assert house.training == dict(latent_dim=100) | expected
    old, new = textbook.generator(width=4), house.generator(width=4)
    assert [p.shape for p in old.parameters()] == [p.shape for p in new.parameters()]
    old, new = textbook.discriminator(width=4), house.discriminator(width=4)
    weights = [p.shape for p in old.parameters() if p.ndim == 4]
    assert weights == [p.shape for p in new.parameters() if p.ndim == 4]
    for network in (house.generator(width=4), new):
        weight = next(p for p in network.parameters() if p.shape[1:] == (8, 4, 4))
        assert weight.is_contiguous(memory_format=torch.channels_last)


def test_digit_recipes_train_as_stated():
    expected = {
        "MNIST_REAL_PYTHON": (32, 50 * (60_000 // 32), "normal", 1e-4, (0.9, 0.999)),
        "MNIST_NOTE45": (128, 10 * 391, "uniform", 3e-4, (0.5, 0.999)),  # 390.6 batches an epoch
        "MNIST_GAN": (64, 100 * (60_000 // 64), "uniform", 2e-4, (0.5, 0.999)),
        "MNIST_KERAS": (128, 100_000, "normal", 2e-4, (0.5, 0.999)),
    }
    for name, numbers in expected.items():
        recipe = getattr(recipes, name)
        training = recipe.training
        found = (recipe.batch_size, recipe.steps, training.get("latent", "normal"))
        assert (*found, training["lr"], training["betas"]) == numbers, name
        assert training.get("shared_latent", False) == (name == "MNIST_NOTE45")


@pytest.mark.parametrize(
    ("network", "count"), [(DCGANGenerator(), 3_576_704), (DCGANDiscriminator(), 2_765_568)]
)
def test_dcgan_has_the_published_number_of_parameters(network, count):
    assert count_parameters(network) == count


def sizes_along(network, inputs):
    """The channels and sizes after each convolution."""
    found = []
    for layer in network.layers:
        inputs = layer(inputs)
        if isinstance(layer, (nn.Conv2d, nn.ConvTranspose2d)):
            found.append((inputs.shape[1], inputs.shape[2]))
    return found


def test_dcgan_has_the_published_sizes_along():
    table = [(512, 4), (256, 8), (128, 16), (64, 32)]
    assert sizes_along(DCGANGenerator(), torch.randn(2, 100, 1, 1)) == [*table, (3, 64)]
    images = DCGANGenerator()(torch.randn(2, 100))
    assert images.shape == (2, 3, 64, 64) and images.abs().max() <= 1
    assert sizes_along(DCGANDiscriminator(), images) == [*table[::-1], (1, 1)]
    assert DCGANDiscriminator()(images).shape == (2, 1)


@pytest.mark.parametrize("size", [32, 128])
def test_dcgan_of_other_sizes(size):
    images = DCGANGenerator(5, 2, image_size=size)(torch.randn(3, 5))
    assert images.shape == (3, 3, size, size)
    assert DCGANDiscriminator(2, image_size=size)(images).shape == (3, 1)


def test_dcgan_layers_are_those_of_the_paper():
    kinds = [type(layer).__name__ for layer in DCGANGenerator().layers]
    assert kinds == ["ConvTranspose2d", "BatchNorm2d", "ReLU"] * 4 + ["ConvTranspose2d", "Tanh"]
    discriminator = DCGANDiscriminator()
    kinds = [type(layer).__name__ for layer in discriminator.layers]
    norms = ["Conv2d", "BatchNorm2d", "LeakyReLU"] * 3
    assert kinds == ["Conv2d", "LeakyReLU", *norms, "Conv2d", "Flatten"]  # none in the first
    slopes = {m.negative_slope for m in discriminator.modules() if isinstance(m, nn.LeakyReLU)}
    assert slopes == {0.2}
    for network in (DCGANGenerator(), discriminator):
        assert all(getattr(layer, "bias", None) is None for layer in network.layers
                   if isinstance(layer, (nn.Conv2d, nn.ConvTranspose2d)))  # fmt: skip


def test_dcgan_starts_from_the_published_distribution():
    torch.manual_seed(0)
    for network in (DCGANGenerator(), DCGANDiscriminator()):
        weights = [layer.weight.flatten() for layer in network.layers
                   if isinstance(layer, (nn.Conv2d, nn.ConvTranspose2d))]  # fmt: skip
        assert all(abs(w.mean()) < 1e-3 and abs(w.std() - 0.02) < 1e-3 for w in weights)
        norms = [layer for layer in network.layers if isinstance(layer, nn.BatchNorm2d)]
        gains = torch.cat([norm.weight for norm in norms])
        assert abs(gains.mean() - 1) < 3e-3 and abs(gains.std() - 0.02) < 3e-3
        assert all((norm.bias == 0).all() for norm in norms)


def test_a_discriminator_without_norm_has_biases_and_the_deviations_of_he():
    torch.manual_seed(0)
    with_norm, without = DCGANDiscriminator(), DCGANDiscriminator(batch_norm=False)
    kinds = [type(layer) for layer in with_norm.layers if not isinstance(layer, nn.BatchNorm2d)]
    assert [type(layer) for layer in without.layers] == kinds
    for layer in without.layers:
        if isinstance(layer, nn.Conv2d):
            expected = (2 / (1.04 * layer.weight[0].numel())) ** 0.5
            assert abs(layer.weight.std() / expected - 1) < 0.03
            assert (layer.bias == 0).all()


def test_only_a_discriminator_without_norm_sees_how_strong_a_batch_is():
    torch.manual_seed(0)
    images = torch.rand(8, 3, 64, 64) * 2 - 1
    for batch_norm in (True, False):
        discriminator = DCGANDiscriminator(width=4, batch_norm=batch_norm)
        for layer in discriminator.layers:
            if isinstance(layer, nn.BatchNorm2d):
                layer.eps = 1e-20
        logits = discriminator(images), discriminator(0.5 * images)
        assert torch.allclose(*logits, atol=1e-3) == batch_norm


@pytest.mark.parametrize("build", [DCGANDiscriminator, lambda *a, **k: DCGANGenerator(8, *a, **k)])
def test_dcgan_sizes_that_cannot_be_built(build):
    for size in (0, 16, 48, 63, -64):
        with pytest.raises(ValueError, match=f"image_size is {size}; .*power of two, 32 or more"):
            build(4, image_size=size)
    with pytest.raises(ValueError, match="width is 0"):
        build(0)
    with pytest.raises(ValueError, match="latent_dim is -1"):
        DCGANGenerator(-1)
    assert sum(isinstance(m, nn.BatchNorm2d) for m in DCGANDiscriminator(3).modules()) == 3


def test_images_of_another_size_are_refused():
    with pytest.raises(ValueError, match=r"\[2, 3, 128, 128\].*\[N, 3, 64, 64\]"):
        DCGANDiscriminator(2)(torch.zeros(2, 3, 128, 128))


def test_initialisation_leaves_no_bias():
    layer = nn.Conv2d(3, 3, 3).apply(initialize_dcgan)
    assert (layer.bias == 0).all()
