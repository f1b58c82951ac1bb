import hashlib
from types import SimpleNamespace

import pytest
import torch
from torchvision.models import inception_v3
from torchvision.transforms.functional import gaussian_blur

from gan_utils.data.drawn_faces import draw_faces, draw_factors
from gan_utils.data.images import scale_images
from gan_utils.data.weights import trained_weights
from gan_utils.scores import features
from gan_utils.scores.features import InceptionFeatures, RandomFeatures, features_of
from gan_utils.scores.metrics import FrechetDistance


@pytest.fixture(scope="module")
def faces():
    torch.manual_seed(0)
    return scale_images(draw_faces(draw_factors(240)))


def test_random_features_are_the_same_for_everybody(faces):
    state = torch.get_rng_state()
    first = features_of(RandomFeatures(), faces[:4])
    assert torch.equal(torch.get_rng_state(), state)
    torch.manual_seed(5)
    assert torch.equal(first, features_of(RandomFeatures(), faces[:4]))
    assert not torch.equal(first, features_of(RandomFeatures(seed=1), faces[:4]))
    assert first.shape == (4, RandomFeatures.num_features) and not first.requires_grad


def test_the_distance_by_random_features_grows_with_the_damage(faces):
    distance = FrechetDistance(RandomFeatures(), faces[:120])
    kept = faces[120:]
    floor = distance(kept)
    blurred = [distance(gaussian_blur(kept, 9, sigma)) for sigma in (1.0, 2.0)]
    assert floor * 3 < blurred[0] < blurred[1]
    assert distance(kept.flip(2)) > 1.5 * floor  # upside down: the same colours, other places
    assert distance(kept[:10].repeat(12, 1, 1, 1)) > 1.5 * floor  # ten faces again and again


def test_images_of_another_size_are_refused(faces):
    with pytest.raises(ValueError, match=r"\[240, 3, 32, 32\]; they must be \[N, 3, 64, 64\]"):
        features_of(RandomFeatures(), faces[..., ::2, ::2])


@pytest.fixture
def hub(tmp_path, monkeypatch):
    """An empty cache of weights, and no network."""
    monkeypatch.setenv("GAN_UTILS_OFFLINE", "1")
    monkeypatch.setattr(torch.hub, "get_dir", lambda: str(tmp_path / "hub"))
    (tmp_path / "hub" / "checkpoints").mkdir(parents=True)
    return tmp_path / "hub" / "checkpoints"


def store(folder, state, name="net"):
    """A file of weights whose name ends in its hash, as torchvision's do."""
    unnamed = folder / "unnamed.pth"
    torch.save(state, unnamed)
    start = hashlib.sha256(unnamed.read_bytes()).hexdigest()[:8]
    path = folder / f"{name}-{start}.pth"
    unnamed.replace(path)
    meta = {"_file_size": 1.0}  # MB
    return path, SimpleNamespace(url=f"http://127.0.0.1:9/{path.name}", meta=meta)


def test_cached_weights_are_checked_on_every_load(hub):
    path, weights = store(hub, {"w": torch.arange(1000.0)})
    assert torch.equal(trained_weights(weights)["w"], torch.arange(1000.0))
    whole = bytearray(path.read_bytes())
    for damaged in (whole[:-7], whole[:500] + bytes([whole[500] ^ 1]) + whole[501:]):
        path.write_bytes(damaged)
        with pytest.raises(ValueError, match=f"{path.name} is damaged.*Replace it, or delete"):
            trained_weights(weights)
        assert path.read_bytes() == damaged


def test_weights_that_are_absent(hub, monkeypatch):
    path, weights = store(hub, {"w": torch.zeros(3)})
    path.unlink()
    with pytest.raises(FileNotFoundError, match="TORCH_HOME.*GAN_UTILS_OFFLINE"):
        trained_weights(weights)
    monkeypatch.setenv("GAN_UTILS_OFFLINE", "0")
    with pytest.raises(FileNotFoundError, match="cannot be fetched.*refused"):
        trained_weights(weights)


def test_inception_features_come_from_the_weights_in_the_cache(hub, monkeypatch, faces):
    torch.manual_seed(0)
    _, weights = store(hub, inception_v3(init_weights=False).state_dict(), "inception")
    monkeypatch.setattr(features, "Inception_V3_Weights", SimpleNamespace(IMAGENET1K_V1=weights))
    network = InceptionFeatures()
    found = features_of(network, faces[:2])
    assert found.shape == (2, InceptionFeatures.num_features) and found.isfinite().all()
    inputs = network.features[0](torch.full((1, 3, 64, 64), -1.0))
    assert inputs.shape[2:] == (299, 299) and torch.allclose(inputs, torch.tensor(-1.0))
