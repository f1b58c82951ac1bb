"""How often the networks are asked in one training step, and about what."""

import pytest
import torch
from torch import nn
from torch.optim import Adam

from gan_utils.gan.losses import LOSSES
from gan_utils.gan.models import DCGANDiscriminator, MLPDiscriminator
from gan_utils.gan.step import gan_step, logits_of_both

COUNT = 6


class Unknown(nn.Module):
    """A layer of one's own, which may look at the whole batch."""

    def forward(self, inputs):
        return inputs


class Centred(nn.Sequential):
    """A learner's own: its layers are known, and its `forward` looks at the whole batch."""

    def forward(self, inputs):
        hidden = super().forward(inputs)
        return hidden - hidden.mean(0)


def hooked(layer):
    layer.register_forward_hook(lambda _, __, outputs: outputs - outputs.mean(0))
    return layer


def seen(network):
    """Return a list that fills with the sizes of the batches that the network meets."""
    sizes = []
    network.register_forward_pre_hook(lambda _, inputs: sizes.append(len(inputs[0])))
    return sizes


def step(generator, discriminator, d_latent, g_latent):
    optimizers = (Adam(network.parameters(), 1e-2) for network in (generator, discriminator))
    loss = LOSSES["nonsaturating"]
    return gan_step(
        generator, discriminator, *optimizers, loss, torch.zeros(COUNT, 2), d_latent, g_latent
    )


@pytest.mark.parametrize(
    ("layer", "batches"),
    [
        (nn.Dropout(0.3), [2 * COUNT, COUNT]),
        (nn.Sequential(nn.Linear(4, 4), nn.Tanh()), [2 * COUNT, COUNT]),
        (nn.BatchNorm1d(4), [COUNT] * 3),
        (Unknown(), [COUNT] * 3),
        (Centred(nn.Linear(4, 4)), [COUNT] * 3),
        (hooked(nn.Linear(4, 4)), [COUNT] * 3),
        (nn.utils.parametrizations.spectral_norm(nn.Linear(4, 4)), [COUNT] * 3),
    ],
)
def test_real_and_fake_go_together_only_where_nothing_can_mix_them(layer, batches, monkeypatch):
    discriminator = nn.Sequential(nn.Linear(2, 4), layer, nn.ReLU(), nn.Linear(4, 1))
    sizes, forward = [], nn.ReLU.forward
    monkeypatch.setattr(nn.ReLU, "forward", lambda m, x: sizes.append(len(x)) or forward(m, x))
    step(nn.Linear(2, 2), discriminator, torch.randn(COUNT, 2), torch.randn(COUNT, 2))
    assert sizes == batches


@pytest.mark.parametrize(
    ("discriminator", "shape"),
    [
        (MLPDiscriminator(2, (8,)), (2,)),
        (DCGANDiscriminator(4, image_size=32, batch_norm=False), (3, 32, 32)),
        (DCGANDiscriminator(4, image_size=32), (3, 32, 32)),
        (nn.Sequential(Centred(nn.Linear(2, 8)), nn.Linear(8, 1)), (2,)),
        (nn.Sequential(hooked(nn.Linear(2, 8)), nn.Linear(8, 1)), (2,)),
    ],
)
def test_together_or_apart_the_logits_are_the_same(discriminator, shape):
    torch.manual_seed(0)
    real, fake = torch.randn(3, *shape), torch.randn(5, *shape)
    for found, asked in zip(logits_of_both(discriminator, real, fake), (real, fake), strict=True):
        assert torch.allclose(found, discriminator(asked), atol=1e-5)


def test_shared_latent_vectors_pass_the_generator_once_and_change_nothing_else():
    latent, found, sizes = torch.randn(COUNT, 2), [], []
    for g_latent in (latent, latent.clone()):
        torch.manual_seed(0)
        generator = nn.Sequential(nn.Linear(2, 8), nn.ReLU(), nn.Linear(8, 2))
        sizes.append(seen(generator))
        discriminator = MLPDiscriminator(2, (8,))
        statistics = step(generator, discriminator, latent, g_latent)
        found.append([statistics, *generator.parameters(), *discriminator.parameters()])
    assert sizes == [[COUNT], [COUNT] * 2]
    assert all(map(torch.equal, *found))
