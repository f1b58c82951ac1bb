import math

import pytest
import torch
from torch.nn.functional import binary_cross_entropy_with_logits as bce

from gan_utils.losses import LOSSES, cross_entropy, named_loss, nonsaturating, saturating


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
    assert named_loss("minimax") == (cross_entropy, saturating)
    assert named_loss("nonsaturating") == (cross_entropy, nonsaturating)


def test_unknown_loss_names_the_value_and_what_is_allowed():
    with pytest.raises(ValueError, match="'hinged'.*" + ", ".join(LOSSES)):
        named_loss("hinged")
