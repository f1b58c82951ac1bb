import numpy as np
import pytest
import torch
from torch import nn

from gan_utils.data.sine import sine_points
from gan_utils.gan.models import MLPDiscriminator, MLPGenerator
from gan_utils.gan.network_checks import check_networks
from gan_utils.gan.training import train_gan


class Nothing(nn.Module):
    def forward(self, inputs):
        return inputs


class Detached(nn.Linear):
    def forward(self, inputs):
        return super().forward(inputs).detach()


class Pair(nn.Linear):
    def forward(self, inputs):
        return super().forward(inputs), inputs


def frozen(network):
    return network.requires_grad_(False)


G, D = MLPGenerator(2, (8,), 2), MLPDiscriminator(2, (8,))
SAME = nn.Sequential(nn.Linear(2, 2))


@pytest.mark.parametrize(
    ("networks", "latent_dim", "message"),
    [
        ((G, D), 3, "generator does not take latent vectors of latent_dim=3"),
        ((D, G), 2, "discriminator does not take the generator's samples of shape .1..* swapped"),
        ((G, MLPGenerator(2, (8,), 2)), 2, r"returns \[2, 2\] for two samples; .* one logit"),
        ((SAME, SAME), 2, "the same network; give two"),
        ((Nothing(), D), 2, "the generator has no weights"),
        ((G, Nothing()), 2, "the discriminator has no weights"),
        ((frozen(MLPGenerator(2, (8,), 2)), D), 2, r"weights of the generator are frozen"),
        ((G, frozen(MLPDiscriminator(2, (8,)))), 2, r"discriminator\.requires_grad_\(True\)"),
        ((G, nn.Sequential(nn.Linear(2, 1), nn.Sigmoid())), 2, "ends in a sigmoid; leave it out"),
        ((nn.LazyLinear(2), D), 2, "the generator has lazy layers.*call it once with a batch"),
        ((G, nn.LazyLinear(1)), 2, "the discriminator has lazy layers"),
        ((Detached(2, 2), D), 2, r"no gradient reaches the weights of the generator.*detach\(\)"),
        ((G, Detached(2, 1)), 2, "no gradient reaches the weights of the discriminator"),
        ((Pair(2, 2), D), 2, "the generator returns a tuple; it must return a tensor"),
        ((G.to("cpu"), MLPDiscriminator(2, (8,)).to("meta")), 2, "the networks lie on"),
    ],
)
def test_networks_that_make_no_game_are_refused_in_one_sentence(networks, latent_dim, message):
    with pytest.raises(ValueError, match=message) as caught:
        train_gan(*networks, [sine_points(8)], steps=1, latent_dim=latent_dim, progress=False)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("batches", "message"),
    [
        ([sine_points(8).double()], "batches gives torch.float64; the weights are torch.float32"),
        ([np.zeros((8, 2))], "batches gives ndarray; it must give tensors"),
        ([{"points": sine_points(8)}], "batches gives dict; it must give tensors"),
        (lambda: [sine_points(8)], "batches is a function; .* give what it returns"),
    ],
)
def test_data_that_is_no_batch_of_tensors_is_refused_in_one_sentence(batches, message):
    with pytest.raises(ValueError, match=message):
        train_gan(G, D, batches, steps=1, latent_dim=2, progress=False)


def test_looking_at_the_players_changes_neither_them_nor_the_random_numbers():
    generator = nn.Sequential(nn.Linear(2, 4), nn.BatchNorm1d(4), nn.Dropout(0.5), nn.Linear(4, 2))
    before = [value.clone() for value in generator.state_dict().values()]
    state = torch.get_rng_state()
    check_networks(generator, D, 2)
    assert torch.equal(torch.get_rng_state(), state)
    assert all(map(torch.equal, before, generator.state_dict().values()))
