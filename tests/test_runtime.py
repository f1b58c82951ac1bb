import pytest
import torch

from gan_utils import randomness, runtime
from gan_utils.show.source import show_source


def test_mode_follows_the_environment_then_the_hardware(monkeypatch):
    monkeypatch.setenv("GAN_UTILS_MODE", "full")
    assert runtime.mode() == "full"
    assert runtime.budget(quick=1, full=2) == 2
    monkeypatch.delenv("GAN_UTILS_MODE")
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    assert runtime.budget(quick=1, full=2) == 1
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    assert runtime.mode() == "full"


def test_unknown_mode_names_the_value_and_what_is_allowed(monkeypatch):
    monkeypatch.setenv("GAN_UTILS_MODE", "fast")
    with pytest.raises(ValueError, match="'fast'.*quick, full"):
        runtime.mode()


def test_device_order_and_override(monkeypatch):
    monkeypatch.delenv("GAN_UTILS_DEVICE", raising=False)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 2)
    monkeypatch.setattr(torch.backends.mps, "is_available", lambda: True)
    assert runtime.available_devices() == ["cuda:0", "cuda:1", "mps", "cpu"]
    assert runtime.pick_device() == torch.device("cuda:0")
    monkeypatch.setenv("GAN_UTILS_DEVICE", "cuda")
    assert runtime.pick_device().type == "cuda"
    monkeypatch.setenv("GAN_UTILS_DEVICE", "cpu")
    assert runtime.pick_device() == torch.device("cpu")


@pytest.mark.parametrize("name", ["cuda", "cuda:3", "gpu", "cpu:0"])
def test_absent_device_names_the_value_and_what_is_here(monkeypatch, name):
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 0)
    monkeypatch.setenv("GAN_UTILS_DEVICE", name)
    with pytest.raises(RuntimeError, match=f"'{name}'.*cpu"):
        runtime.pick_device()


def test_random_state_brings_the_same_numbers_back():
    cpu = torch.device("cpu")
    before = randomness.random_state(cpu)
    first = torch.randn(5)
    randomness.restore_random_state(before, cpu)
    assert torch.equal(torch.randn(5), first)


def test_show_source_shows_the_code_that_runs():
    source = show_source(runtime.budget)
    assert 'return full if mode() == "full" else quick' in repr(source)
    markdown = source._repr_markdown_()
    assert markdown.startswith("`gan_utils.runtime.budget`\n\n```python\ndef budget(")
    assert markdown.endswith("\n```")
