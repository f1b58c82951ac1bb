import pytest
import torch

from gan_utils.data.faces import face_images
from gan_utils.data.images import scale_images
from gan_utils.scores.features import features_of
from gan_utils.scores.rotation import RotationFeatures, kernel_distance


@pytest.fixture(scope="module")
def judge():
    with torch.random.fork_rng():
        torch.manual_seed(0)
        train, kept = face_images("drawn", count=800)
        return RotationFeatures(train.images, steps=60), scale_images(kept.images)


def test_it_learns_which_way_is_up_without_a_label(judge):
    network, images = judge
    for quarters in range(4):
        found = network(images.rot90(quarters, (2, 3))).argmax(1)
        assert (found == quarters).float().mean() > 0.9


def test_the_same_seed_gives_the_same_judge_and_leaves_the_random_state_alone():
    images = torch.randint(256, (70, 3, 64, 64), dtype=torch.uint8)
    state = torch.get_rng_state()
    first, second = (RotationFeatures(images, steps=2) for _ in range(2))
    assert torch.equal(first.head.weight, second.head.weight)
    assert torch.equal(torch.get_rng_state(), state)
    assert not any(p.requires_grad for p in first.parameters()) and not first.training


def test_the_kernel_distance_is_that_of_the_paper(judge):
    network, images = judge
    a, b = images[:40], images[40:80] / 2
    x, y = features_of(network, a).double(), features_of(network, b).double()

    def kernel(u, v):
        return (u @ v.T / network.num_features + 1) ** 3

    inner = [(k.sum() - k.diag().sum()) / (40 * 39) for k in (kernel(x, x), kernel(y, y))]
    wanted = 1000 * (sum(inner) - 2 * kernel(x, y).mean())
    assert kernel_distance(network, a, b) == pytest.approx(wanted.item(), rel=1e-2, abs=0.02)


def test_it_sees_what_is_wrong_and_nothing_where_nothing_is(judge):
    network, images = judge
    real, others = images[:40], images[40:80]
    same = kernel_distance(network, real, others)
    noisy = (others + 0.3 * torch.randn_like(others)).clamp(-1, 1)
    assert abs(same) < 0.2 * kernel_distance(network, real, noisy)
    with pytest.raises(ValueError, match="39 images and 40 real ones"):
        kernel_distance(network, real, others[:39])
