import shutil

import pytest
import torch
from PIL import Image
from safetensors import safe_open
from safetensors.torch import save_file
from torch import nn

from gan_utils.__main__ import read
from gan_utils.gan import pretrained
from gan_utils.gan.latent import draw_latent
from gan_utils.gan.pretrained import GENERATORS, PRETRAINED, load_generator, read_generator
from workshop.generators import score, write_generator

ABOUT = ("recipe", "data", "steps", "seconds", "seed", "score")
SHAPES = {"sine": (2,), "digits": (1, 28, 28), "faces": (3, 64, 64)}


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """A copy of the stored generators, to be damaged."""
    copy = shutil.copytree(GENERATORS, tmp_path / "generators")
    monkeypatch.setattr(pretrained, "GENERATORS", copy)
    return copy


@pytest.mark.parametrize("name", PRETRAINED)
def test_a_stored_generator_is_small_finite_and_says_how_it_was_trained(name):
    path = GENERATORS / f"{name}.safetensors"
    assert path.stat().st_size <= 3e6
    weights, about = read_generator(name)
    assert all(weight.isfinite().all() for weight in weights.values())
    assert about.keys() == {*ABOUT, "sha256"}
    generator = load_generator(name)
    assert not generator.training
    samples = generator(draw_latent(3, PRETRAINED[name][1])).detach()
    assert samples.shape == (3, *SHAPES[name]) and samples.dtype == torch.float32


@pytest.mark.parametrize("name", ["sine", "faces"])
def test_its_score_is_the_one_that_it_was_stored_with(name):
    _, about = read_generator(name)
    assert score(name, load_generator(name)) == pytest.approx(float(about["score"]), rel=0.03)


def test_the_stored_digits_have_the_score_that_they_were_stored_with():
    try:
        found = score("digits", load_generator("digits"))
    except OSError:
        pytest.skip("there is no MNIST here")
    assert found == pytest.approx(float(read_generator("digits")[1]["score"]), rel=0.3)


def test_the_stored_digits_are_white_on_black_and_differ():
    images = load_generator("digits")(draw_latent(500, 100)).detach()
    assert images.min() >= -1 and images.max() > 0.99
    assert 0.7 < (images < -0.5).float().mean() < 0.9  # of MNIST, 0.83
    assert images.std(dim=0).mean() > 0.3


def test_a_generator_is_stored_in_half_precision_and_comes_back(tmp_path, monkeypatch):
    generator = PRETRAINED["sine"][0]()
    write_generator(tmp_path / "sine.safetensors", generator, {"seed": "7"})
    monkeypatch.setattr(pretrained, "GENERATORS", tmp_path)
    weights, about = read_generator("sine")
    assert about["seed"] == "7" and {w.dtype for w in weights.values()} == {torch.float16}
    for kept, weight in zip(
        load_generator("sine").parameters(), generator.parameters(), strict=True
    ):
        assert torch.equal(kept, weight.half().float())


def damage(path, kind):
    content = bytearray(path.read_bytes())
    if kind == "cut":
        del content[-1000:]
    if kind == "flipped":
        content[-5] ^= 1
    if kind == "empty":
        content.clear()
    if kind == "header":
        content[:8] = b"\xff" * 8
    if kind == "text":
        content[:] = b"no generator"
    path.write_bytes(content)


@pytest.mark.parametrize("kind", ["cut", "flipped", "empty", "header", "text"])
def test_a_damaged_file_is_refused(folder, kind):
    damage(folder / "sine.safetensors", kind)
    with pytest.raises(ValueError, match="sine.safetensors is damaged .* get it anew"):
        load_generator("sine")


def test_weights_of_another_network_are_refused(folder):
    write_generator(folder / "digits.safetensors", nn.Linear(2, 2), {})
    with pytest.raises(ValueError, match="holds the weights of another network"):
        load_generator("digits")


def test_weights_without_their_hash_are_refused(folder):
    with safe_open(folder / "sine.safetensors", "pt") as file:
        weights = {key: file.get_tensor(key) for key in file.keys()}  # noqa: SIM118
    save_file(weights, folder / "sine.safetensors")
    with pytest.raises(ValueError, match="another SHA-256"):
        load_generator("sine")


def test_what_is_not_there_is_named(folder):
    (folder / "faces.safetensors").unlink()
    with pytest.raises(FileNotFoundError, match="part of the repository"):
        load_generator("faces")
    with pytest.raises(ValueError, match="name is 'cats'; choose one of 'sine', 'digits', 'faces'"):
        load_generator("cats")


@pytest.mark.parametrize("name", PRETRAINED)
def test_the_command_draws_a_sheet_and_replaces_nothing(tmp_path, monkeypatch, capsys, name):
    monkeypatch.chdir(tmp_path)
    sample = lambda *more: (a := read(["sample", name, *more])).run(a)  # noqa: E731
    sample("--count", "9")
    assert capsys.readouterr().out == f"9 samples in {name}.png\n"
    with Image.open(f"{name}.png") as picture:
        assert min(picture.size) >= 60 and len(picture.convert("L").getcolors()) > 20
    with pytest.raises(FileExistsError, match="is not replaced"):
        sample()
    with pytest.raises(ValueError, match="--count is 0"):
        sample("--count", "0", "--file", "other.png")
