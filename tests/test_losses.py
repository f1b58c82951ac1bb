import math

import pytest
import torch
from torch import nn
from torch.nn.functional import binary_cross_entropy_with_logits as bce

from gan_utils.gan import losses
from gan_utils.gan.losses import LOSSES, cross_entropy, named_loss, nonsaturating, saturating


@pytest.fixture
def logits():
    torch.manual_seed(0)
    return torch.randn(2, 64, 1) * 4


def test_cross_entropy_is_torchs_with_real_1_and_generated_0(logits):
    real, fake = logits
    labels = torch.cat([torch.ones_like(real), torch.zeros_like(fake)])
    assert torch.allclose(cross_entropy(real, fake), bce(torch.cat([real, fake]), labels))


def test_generator_losses_are_the_published_ones(logits):
    fake = logits[1].double()
    D = fake.sigmoid()
    assert torch.allclose(saturating(fake), (1 - D).log().mean())
    assert torch.allclose(nonsaturating(fake), -D.log().mean())


def test_undecided_discriminator_has_loss_log_2():
    zeros = torch.zeros(8, 1)
    assert math.isclose(cross_entropy(zeros, zeros), math.log(2), rel_tol=1e-6)
    assert math.isclose(nonsaturating(zeros), math.log(2), rel_tol=1e-6)


def test_gradients_survive_extreme_logits():
    logit = torch.tensor([-500.0], requires_grad=True)
    nonsaturating(logit).backward()
    assert logit.grad.item() == -1
    assert cross_entropy(logit.detach(), -logit.detach()).item() == 500


def test_named_loss_pairs_the_players():
    assert named_loss("minimax")[:3] == (cross_entropy, saturating, None)
    assert named_loss("nonsaturating")[:3] == (cross_entropy, nonsaturating, None)
    braked = cross_entropy, nonsaturating, losses.r1_penalty
    assert named_loss("nonsaturating, R1")[:3] == braked
    least_squares = losses.least_squares_discriminator, losses.least_squares_generator
    assert named_loss("least squares")[:3] == (*least_squares, None)
    assert named_loss("hinge")[:3] == (losses.hinge_discriminator, losses.negative_score, None)
    wasserstein = losses.wasserstein_discriminator, losses.negative_score, losses.gradient_penalty
    assert named_loss("wasserstein")[:3] == wasserstein


def test_r1_is_half_its_weight_times_the_squared_slope_at_real_samples():
    linear, real, fake = nn.Linear(2, 1), torch.randn(8, 2), torch.randn(8, 2)
    penalty = losses.r1_penalty(linear, real, fake)
    expected = losses.R1_WEIGHT / 2 * linear.weight.square().sum()
    assert torch.allclose(penalty, expected)
    penalty.backward()
    assert torch.allclose(linear.weight.grad, losses.R1_WEIGHT * linear.weight)
    bent = nn.Sequential(nn.Linear(2, 8), nn.Tanh(), nn.Linear(8, 1))
    assert losses.r1_penalty(bent, real, fake) == losses.r1_penalty(bent, real, 9 * fake)
    assert losses.r1_penalty(bent, real, fake) != losses.r1_penalty(bent, 9 * real, fake)
    assert not real.requires_grad


def test_unknown_loss_names_the_value_and_what_is_allowed():
    with pytest.raises(ValueError, match="'hinged'.*" + ", ".join(LOSSES)):
        named_loss("hinged")


def test_least_squares_is_torchs_mse_against_1_and_0(logits):
    real, fake = logits
    mse = torch.nn.functional.mse_loss
    expected = (mse(real, torch.ones_like(real)) + mse(fake, torch.zeros_like(fake))) / 2
    assert torch.allclose(losses.least_squares_discriminator(real, fake), expected)
    expected = mse(fake, torch.ones_like(fake)) / 2
    assert torch.allclose(losses.least_squares_generator(fake), expected)


def test_hinge_is_torchs_margin_loss_and_ignores_what_is_beyond_the_margin(logits):
    real, fake = logits
    hinge = torch.nn.functional.hinge_embedding_loss  # margin 1, for distances of pairs labelled -1
    expected = hinge(real, -torch.ones_like(real)) + hinge(-fake, -torch.ones_like(fake))
    assert torch.allclose(losses.hinge_discriminator(real, fake), expected)
    assert losses.hinge_discriminator(torch.tensor([1.5]), torch.tensor([-3.0])) == 0


def test_wasserstein_players_want_opposite_things(logits):
    real, fake = logits
    expected = fake.mean() - real.mean()
    assert torch.allclose(losses.wasserstein_discriminator(real, fake), expected)
    assert torch.allclose(losses.negative_score(fake), -fake.mean())


@pytest.mark.parametrize("slope", [0.5, 1.0, 3.0])
def test_gradient_penalty_of_a_linear_discriminator_is_known(slope):
    discriminator = torch.nn.Sequential(torch.nn.Flatten(), torch.nn.Linear(12, 1))
    weight = discriminator[1].weight.data
    weight.mul_(slope / weight.norm())
    real, fake = torch.randn(2, 5, 1, 3, 4)
    penalty = losses.gradient_penalty(discriminator, real, fake)
    assert math.isclose(penalty.item(), 10 * (slope - 1) ** 2, abs_tol=1e-4)
    penalty.backward()
    assert slope == 1 or discriminator[1].weight.grad.abs().max() > 0.1


def test_gradient_penalty_is_measured_between_real_and_generated():
    torch.manual_seed(0)
    places = []

    def discriminator(samples):
        places.append(samples.detach())
        return samples.square().sum(dim=1)

    losses.gradient_penalty(discriminator, torch.zeros(500, 2), torch.ones(500, 2))
    assert torch.equal(places[0][:, 0], places[0][:, 1])  # on the straight line
    assert places[0].min() < 0.05 and places[0].max() > 0.95 and abs(places[0].mean() - 0.5) < 0.05


def test_the_weight_of_a_penalty_is_an_argument():
    linear = torch.nn.Linear(2, 1)
    real, fake = torch.randn(2, 8, 2)
    for name, usual in (("nonsaturating, R1", losses.R1_WEIGHT), ("wasserstein", 10.0)):
        penalties = []
        for gamma in (None, usual, 3 * usual, 0):
            torch.manual_seed(0)
            penalties.append(losses.named_loss(name, gamma).penalty(linear, real, fake))
        own, same, thrice, none = penalties
        assert own == same and torch.isclose(thrice, 3 * own) and none == 0 < own
    with pytest.raises(ValueError, match=r"gamma is 1.0 and loss 'hinge'; .*'nonsaturating, R1'"):
        losses.named_loss("hinge", 1.0)
    with pytest.raises(ValueError, match="gamma is -1; give at least 0|gamma is -1 and loss"):
        losses.named_loss("wasserstein", -1)
