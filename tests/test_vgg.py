import hashlib

import pytest
import torch
from torch import nn
from torchvision.models import VGG19_Weights
from torchvision.models.vgg import cfgs, make_layers

from gan_utils.randomness import seeded
from gan_utils.style.vgg import LAYERS, VGGFeatures

STYLE = ["relu1_1", "relu2_1", "relu3_1", "relu4_1", "relu5_1"]


@pytest.fixture
def pictures():
    return torch.rand(2, 3, 32, 48, generator=torch.Generator().manual_seed(0))


@pytest.fixture(scope="module")
def reference():
    """Torchvision's own layers with random weights."""
    layers = make_layers(cfgs["E"])
    with seeded(0):
        for layer in layers:
            if isinstance(layer, nn.Conv2d):
                nn.init.kaiming_normal_(layer.weight)
                nn.init.normal_(layer.bias, std=0.1)
    return layers.requires_grad_(False)


@pytest.fixture
def cached(tmp_path, monkeypatch, reference):
    """A file of torchvision's format in an empty cache, with a name that holds its own hash."""
    monkeypatch.setattr(torch.hub, "get_dir", lambda: str(tmp_path))
    monkeypatch.setenv("GAN_UTILS_DATA", str(tmp_path))
    folder = tmp_path / "checkpoints"
    folder.mkdir()
    path = folder / "new.pth"
    state = {f"features.{name}": weight for name, weight in reference.state_dict().items()}
    torch.save(state | {"classifier.6.bias": torch.zeros(1000)}, path)
    digest = hashlib.sha256(path.read_bytes()).hexdigest()[:8]
    path = path.rename(folder / f"vgg19-{digest}.pth")
    monkeypatch.setattr(VGG19_Weights.IMAGENET1K_V1.value, "url", path.name)
    return path


def test_names_stand_where_torchvision_has_the_layers(reference):
    kinds = {nn.Conv2d: "conv", nn.ReLU: "relu", nn.MaxPool2d: "pool"}
    assert [name[:4] for name in LAYERS] == [kinds[type(m)] for m in reference]
    places = {"relu1_1": 1, "relu2_1": 6, "relu3_1": 11, "relu4_1": 20, "relu5_1": 29}
    assert all(LAYERS.index(name) == place for name, place in places.items())
    assert LAYERS.index("conv4_2") == 21 and LAYERS.index("conv4_4") == 25


@pytest.mark.usefixtures("cached")
def test_trained_weights_give_torchvisions_activations(reference, pictures, capsys):
    normalized = VGG19_Weights.IMAGENET1K_V1.transforms()
    mean, std = (torch.tensor(v).reshape(3, 1, 1) for v in (normalized.mean, normalized.std))
    found = VGGFeatures(LAYERS, "trained", padding="zeros")(pictures)
    outputs = (pictures - mean) / std
    for name, layer in zip(LAYERS, reference, strict=True):
        outputs = layer(outputs.clone())  # its ReLUs work in place
        assert torch.allclose(found[name], outputs, rtol=1e-4, atol=1e-4), name
    assert outputs.std() > 0.01
    assert "trained on ImageNet" in capsys.readouterr().out


@pytest.mark.parametrize("damage", ["flipped", "truncated"])
def test_a_damaged_file_of_torchvision_is_refused(cached, damage):
    content = bytearray(cached.read_bytes())
    content[len(content) // 2] ^= 1
    cached.write_bytes(content if damage == "flipped" else content[:-100])
    for weights in ("trained", "auto"):
        with pytest.raises(ValueError, match=f"{cached.name} is damaged"):
            VGGFeatures(STYLE, weights)


def test_weights_that_are_not_numbers_are_refused(cached):
    state = torch.load(cached)
    state["features.5.bias"][3] = torch.nan
    torch.save(state, cached)
    digest = hashlib.sha256(cached.read_bytes()).hexdigest()[:8]
    path = cached.rename(cached.with_name(f"vgg19-{digest}.pth"))
    VGG19_Weights.IMAGENET1K_V1.value.url = path.name
    with pytest.raises(ValueError, match=f"features.5.bias of {path.name} holds NaN"):
        VGGFeatures(STYLE, "trained")


def test_without_trained_weights_the_filters_are_random(tmp_path, monkeypatch, pictures, capsys):
    monkeypatch.setattr(torch.hub, "get_dir", lambda: str(tmp_path))
    monkeypatch.setenv("GAN_UTILS_DATA", str(tmp_path))
    state = torch.get_rng_state()
    auto, random = VGGFeatures(STYLE), VGGFeatures(STYLE, "random")
    assert torch.equal(torch.get_rng_state(), state)
    assert torch.equal(auto(pictures)["relu5_1"], random(pictures)["relu5_1"])
    other = VGGFeatures(STYLE, "random", seed=1)(pictures)
    assert not torch.allclose(other["relu5_1"], random(pictures)["relu5_1"])
    first = " ".join(capsys.readouterr().out.split())
    assert "random filters" in first and "vgg19-dcbb9e9d.pth (548 MB) is not in hub" in first
    assert "otherwise of ~/.cache/torch, and cannot be fetched" in first
    with pytest.raises(FileNotFoundError, match="vgg19-dcbb9e9d.*cannot be fetched"):
        VGGFeatures(STYLE, "trained")


def test_random_filters_keep_the_size_of_the_activations(pictures):
    found = VGGFeatures(STYLE, "random", "max")(pictures)
    sizes = [activations.square().mean().sqrt().item() for activations in found.values()]
    assert max(sizes) / min(sizes) < 5
    assert all((activations >= 0).all() for activations in found.values())


def test_the_network_is_frozen_and_ends_where_it_may(pictures):
    network = VGGFeatures(["conv3_1", "relu1_2"], "random")
    assert list(network(pictures)) == ["relu1_2", "conv3_1"]
    assert [name for name, _ in network.layers.named_children()][-1] == "conv3_1"
    assert not any(p.requires_grad for p in network.parameters()) and network.smallest == 4
    before = pictures.clone()
    conv = VGGFeatures(["conv1_1", "relu1_1"], "random")(pictures)
    assert torch.equal(pictures, before) and (conv["conv1_1"] < 0).any()  # nothing in place
    assert torch.equal(conv["conv1_1"].relu(), conv["relu1_1"])


def test_average_and_max_pooling(pictures):
    average, largest = (VGGFeatures(["relu1_2", "pool1"], "random", p) for p in ("avg", "max"))
    found = average(pictures)
    quarters = found["relu1_2"].unflatten(3, (-1, 2)).unflatten(2, (-1, 2))
    assert torch.allclose(found["pool1"], quarters.mean((3, 5)), atol=1e-6)
    assert torch.equal(largest(pictures)["pool1"], quarters.amax((3, 5)))


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((["relu1_3"],), "relu1_3.*choose from conv1_1"),
        (([],), "choose from"),
        ((STYLE, "imagenet"), "weights is 'imagenet'.*auto, trained, random"),
        ((STYLE, "random", "mean"), "pooling is 'mean'.*auto, avg, max"),
        ((STYLE, "random", "avg", 0, "reflect"), "padding is 'reflect'.*replicate, zeros"),
    ],
)
def test_unknown_names(arguments, message):
    with pytest.raises(ValueError, match=message):
        VGGFeatures(*arguments)


@pytest.mark.usefixtures("cached")
def test_the_pooling_fits_the_filters():
    """Random filters: means (Gatys et al. 2016, section 2); trained ones learned with maxima."""
    for weights, pooling in (("random", nn.AvgPool2d), ("trained", nn.MaxPool2d)):
        assert isinstance(VGGFeatures(["relu2_1"], weights).layers.pool1, pooling)
    assert isinstance(VGGFeatures(["relu2_1"], "trained", "avg").layers.pool1, nn.AvgPool2d)
    assert isinstance(VGGFeatures(["relu2_1"], "random", "max").layers.pool1, nn.MaxPool2d)


def test_repeated_edges_leave_no_frame():
    """Zeros around a picture weaken the outermost activations, those of deep layers most."""
    plain = torch.full((1, 3, 96, 96), 0.2)
    shares = []
    for choice in ({}, dict(padding="zeros")):
        network = VGGFeatures(["relu4_1"], "random", **choice)
        found = network(plain)["relu4_1"].mean(1)[0]
        shares.append(found[0].mean() / found[6].mean())
    assert shares[0] == pytest.approx(1, abs=1e-3) and shares[1] < 0.8
