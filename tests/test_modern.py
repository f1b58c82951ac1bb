"""The networks, the loss and the augmentation of today, against the formulas of their papers."""

import math
from functools import partial

import pytest
import torch
from torch import nn
from torch.nn.functional import binary_cross_entropy_with_logits as bce
from torch.nn.functional import interpolate

from gan_utils.data.batches import Batches
from gan_utils.gan.augment import DiffAugment, change_colors, cut_out, shift
from gan_utils.gan.losses import (
    LOSSES,
    approximate_penalty,
    r1_penalty,
    r1_r2_penalty,
    relativistic_discriminator,
    relativistic_generator,
)
from gan_utils.gan.models import DCGANDiscriminator, count_parameters, evaluate
from gan_utils.gan.modern import UpsampleGenerator
from gan_utils.gan.recipes import FACES_HOUSE, FACES_MODERN
from gan_utils.gan.step import gan_step
from gan_utils.gan.training import train_gan
from workshop.experiments.residual import ResidualBlock, ResidualDiscriminator, ResidualGenerator


def images(count=6, size=32):
    torch.manual_seed(1)
    return torch.rand(count, 3, size, size) * 2 - 1


def test_pairs_are_judged_by_the_difference_of_their_logits():
    torch.manual_seed(0)
    real, fake = torch.randn(2, 9, 1).double()
    wanted = bce(real - fake, torch.ones_like(real))
    assert relativistic_discriminator(real, fake).item() == pytest.approx(wanted.item())
    assert relativistic_generator(fake, real).item() == pytest.approx(
        bce(fake - real, torch.ones_like(real)).item()
    )
    moved = relativistic_discriminator(real + 5, fake + 5)  # only differences count
    assert moved.item() == pytest.approx(wanted.item())
    assert relativistic_discriminator(real, real).item() == pytest.approx(math.log(2))


def test_r2_is_r1_at_generated_samples():
    network = DCGANDiscriminator(4, image_size=32, batch_norm=False)
    real, fake = images(4), torch.rand(4, 3, 32, 32)
    both = r1_r2_penalty(network, real, fake, gamma=0.7)
    apart = r1_penalty(network, real, fake, 0.7) + r1_penalty(network, fake, real, 0.7)
    assert torch.equal(both, apart)
    straight = nn.Sequential(nn.Flatten(), nn.Linear(2, 1))
    slope = straight[1].weight.square().sum().item()
    found = r1_r2_penalty(straight, torch.randn(5, 2), torch.randn(5, 2), gamma=0.5)
    assert found.item() == pytest.approx(0.5 * slope, rel=1e-5)


def test_the_approximate_penalty_is_that_of_both_slopes_on_average():
    straight = nn.Sequential(nn.Flatten(), nn.Linear(2, 1))
    slope = straight[1].weight.square().sum().item()
    torch.manual_seed(0)
    real, fake = torch.randn(2, 20_000, 2)
    for gamma, sigma in ((0.5, 0.01), (2.0, 0.1)):
        found = approximate_penalty(straight, real, fake, gamma, sigma)
        assert found.item() == pytest.approx(gamma * slope, rel=0.05)
    bent = nn.Sequential(nn.Linear(2, 32), nn.Tanh(), nn.Linear(32, 1))
    real = real / 2 + 1  # other slopes there than at the generated ones
    exact = r1_r2_penalty(bent, real, fake).item()
    assert approximate_penalty(bent, real, fake).item() == pytest.approx(exact, rel=0.05)


def test_the_generator_of_pairs_learns_from_the_real_ones_beside_it():
    torch.manual_seed(0)
    generator, discriminator = nn.Linear(2, 2), nn.Linear(2, 1)
    rates = [
        torch.optim.SGD(n.parameters(), lr) for n, lr in ((generator, 1.0), (discriminator, 0))
    ]
    real, latent = torch.randn(2, 8, 2)
    start = generator.weight.detach().clone()
    pair = discriminator(generator(latent)), discriminator(real)
    loss = bce(pair[0] - pair[1], torch.ones(8, 1))
    [wanted] = torch.autograd.grad(loss, generator.weight)
    found = gan_step(generator, discriminator, *rates, LOSSES["relativistic, R1 and R2"],
                     real, latent, latent.clone())  # fmt: skip
    assert torch.allclose(start - generator.weight, wanted, atol=1e-6)
    assert found[1].item() == pytest.approx(loss.item())


def test_colors_change_as_published():
    x = images()
    torch.manual_seed(2)
    found = change_colors(x)
    torch.manual_seed(2)
    brightness, saturation, contrast = torch.rand(3, 6, 1, 1, 1)
    x = x + (brightness - 0.5)
    x = (x - x.mean(1, keepdim=True)) * (saturation * 2) + x.mean(1, keepdim=True)
    mean = x.mean([1, 2, 3], keepdim=True)
    assert torch.allclose(found, (x - mean) * (contrast + 0.5) + mean, atol=1e-6)


def test_pictures_move_by_an_eighth_at_most_and_leave_zeros():
    torch.manual_seed(0)
    marked = torch.ones(400, 1, 32, 32)
    marked[:, :, 16, 16] = 7
    moved = shift(marked)
    places = (moved == 7).flatten(1).int().argmax(1)
    rows, columns = places // 32 - 16, places % 32 - 16
    assert (rows.min(), rows.max(), columns.min(), columns.max()) == (-4, 4, -4, 4)
    empty = (moved == 0).flatten(1).sum(1)
    assert torch.equal(empty, 32 * 32 - (32 - rows.abs()) * (32 - columns.abs()))


def test_holes_are_half_as_wide_as_the_picture_and_may_lie_half_outside():
    torch.manual_seed(0)
    holes = (cut_out(torch.ones(600, 1, 32, 32)) == 0).flatten(1).sum(1)
    assert holes.max() == 16 * 16 and holes.min() == 8 * 8
    whole = cut_out(torch.ones(1, 3, 32, 32))
    assert torch.equal(whole[:, 0], whole[:, 1])  # of all colours


def test_augmentation_is_for_training_alone_and_lets_gradients_through():
    layer, x = DiffAugment(), images().requires_grad_()
    assert layer.eval()(x) is x
    layer.train()(x).sum().backward()
    assert x.grad.abs().sum() > 0
    assert not torch.equal(layer(x), layer(x))


def test_resizing_treats_all_pixels_alike():
    torch.manual_seed(0)
    network = UpsampleGenerator(8, 4, image_size=32)
    upsampling = [layer for layer in network.layers if isinstance(layer, nn.Upsample)]
    assert len(upsampling) == 3 and network(torch.randn(2, 8)).shape == (2, 3, 32, 32)
    x = images(2, 8)
    assert torch.equal(upsampling[0](x), interpolate(x, scale_factor=2, mode="nearest"))
    kernels = {m.kernel_size for m in network.layers if isinstance(m, nn.Conv2d)}
    assert kernels == {(3, 3)}


def test_a_residual_network_begins_as_a_straight_line():
    torch.manual_seed(0)
    block = ResidualBlock(4, depth=5)
    x = torch.randn(2, 4, 8, 8)
    assert torch.equal(block(x), x)
    deviation = block.layers[0].weight.std().item()
    assert deviation == pytest.approx(math.sqrt(2 / (1.04 * 36) / 5), rel=0.15)
    generator = ResidualGenerator(8, 4, image_size=32)
    a, b = torch.randn(2, 3, 8)
    middle = (generator(a) + generator(b)) / 2
    assert torch.allclose(generator((a + b) / 2), middle, atol=1e-4)


def test_residual_networks_fit_each_other_and_stay_in_range_when_they_are_looked_at():
    torch.manual_seed(0)
    generator, discriminator = ResidualGenerator(8, 4), ResidualDiscriminator(4)
    latent = 9 * torch.randn(4, 8)
    assert discriminator(generator(latent)).shape == (4, 1)
    assert generator(latent).abs().max() > 1 >= evaluate(generator, latent).abs().max()
    assert not any(isinstance(m, nn.BatchNorm2d) for m in generator.modules())
    with pytest.raises(ValueError, match="image_size is 48"):
        ResidualDiscriminator(4, image_size=48)
    for build in (partial(UpsampleGenerator, 0), partial(ResidualGenerator, 0),
                  partial(ResidualGenerator, 8, 1), partial(ResidualDiscriminator, 1)):  # fmt: skip
        with pytest.raises(ValueError, match="must be a whole number of at least"):
            build()


def test_the_recipe_of_today_differs_from_the_house_where_it_says():
    house, modern = FACES_HOUSE, FACES_MODERN
    assert modern.batch_size == house.batch_size and modern.discriminator is house.discriminator
    changed = {k for k, v in modern.training.items() if house.training.get(k) != v}
    assert changed == {"loss"}
    torch.manual_seed(0)
    networks = modern.generator(width=4), modern.discriminator(width=4)
    assert count_parameters(networks[0]) == 57_631
    history = train_gan(*networks, Batches(images(32, 64), 16), steps=2, progress=False,
                        **modern.training)  # fmt: skip
    assert len(history.records) == 2


def test_augmented_discriminators_train_and_resume_bit_for_bit(tmp_path):
    def run(steps, **how):
        torch.manual_seed(3)
        networks = UpsampleGenerator(8, 2), nn.Sequential(DiffAugment(), ResidualDiscriminator(4))
        settings = dict(latent_dim=8, loss="relativistic, R1 and R2", progress=False)
        return train_gan(*networks, Batches(images(32, 64), 8), steps=steps, **settings, **how)

    whole = run(5)
    run(3, checkpoint=tmp_path / "a.pt")
    resumed = run(5, checkpoint=tmp_path / "a.pt")
    assert torch.equal(whole.records, resumed.records)


def test_both_brakes_are_computed_in_full_precision():
    torch.manual_seed(0)
    networks = UpsampleGenerator(8, 2), DCGANDiscriminator(2, batch_norm=False)
    how = dict(latent_dim=8, loss="relativistic, R1 and R2", precision=torch.bfloat16)
    history = train_gan(*networks, Batches(images(16, 64), 8), steps=2, progress=False, **how)
    assert history.records.isfinite().all()
