import re
from pathlib import Path
from types import SimpleNamespace

import psutil
import pytest
import torch
from torch import nn

from gan_utils import randomness, runtime
from gan_utils.gan.training import train_gan
from gan_utils.show.source import show_source
from gan_utils.style.optimization import optimize_picture


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
    with pytest.raises(RuntimeError, match=f"GAN_UTILS_DEVICE is '{name}'.*cpu"):
        runtime.pick_device()
    monkeypatch.setenv("GAN_UTILS_DEVICE", "cpu")
    with pytest.raises(RuntimeError, match=f"the device is '{name}'.*cpu"):
        runtime.pick_device(name)
    assert runtime.pick_device("cpu") == torch.device("cpu")


def test_random_state_brings_the_same_numbers_back():
    cpu = torch.device("cpu")
    before = randomness.random_state(cpu)
    first = torch.randn(5)
    randomness.restore_random_state(before, cpu)
    assert torch.equal(torch.randn(5), first)


@pytest.fixture
def cuda(monkeypatch):
    """PyTorch's functions for a GPU, replaced: 80 GiB, 5 of them free, 3 kept, 1 in use."""
    card = SimpleNamespace(name="Test GPU", total_memory=80 * 2**30)
    numbers = {
        "memory_reserved": lambda _: 3 * 2**30,
        "memory_allocated": lambda _: 2**30,
        "mem_get_info": lambda _: (5 * 2**30, 80 * 2**30),
        "max_memory_allocated": lambda _: 3 * 2**20,
        "get_device_properties": lambda _: card,
        "get_device_name": lambda _: card.name,
    }
    for name, replacement in numbers.items():
        monkeypatch.setattr(torch.cuda, name, replacement)
    return torch.device("cuda:0")


def test_a_gpu_is_described_and_its_memory_counted(cuda):
    assert runtime.describe_device(cuda) == "cuda: Test GPU, 80 GiB"
    assert runtime.device_name(cuda) == "Test GPU"
    assert runtime.peak_memory(cuda) == "peak GPU memory: 3.0 MiB"
    assert runtime.free_memory(cuda) == 7 * 2**30  # what is free, and what is kept and not in use


def test_a_learner_takes_a_share_of_a_gpu(monkeypatch, cuda):
    shares = []
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 1)
    monkeypatch.setattr(
        torch.cuda, "set_per_process_memory_fraction", lambda *given: shares.append(given)
    )
    runtime.pick_device("cuda:0")
    assert not shares  # unset: nothing is limited
    monkeypatch.setenv("GAN_UTILS_GPU_MEMORY", "0.05")
    assert runtime.pick_device("cuda:0") == cuda and shares == [(0.05, cuda)]
    assert runtime.free_memory(cuda) == 3 * 2**30  # of its 4, one is in use
    runtime.pick_device("cpu")
    assert len(shares) == 1


@pytest.mark.parametrize("text", ["0", "1.5", "-1", "half", "nan"])
def test_a_share_that_is_none_is_refused(monkeypatch, text):
    monkeypatch.setenv("GAN_UTILS_GPU_MEMORY", text)
    with pytest.raises(ValueError, match=f"GAN_UTILS_GPU_MEMORY is '{text}'; set it to a part"):
        runtime.pick_device("cpu")


@pytest.mark.parametrize(("share", "told"), [(None, "shut down other"), ("0.1", "raise GAN_UTILS")])
def test_where_memory_runs_out_a_training_says_what_to_lower(monkeypatch, share, told):
    if share:
        monkeypatch.setenv("GAN_UTILS_GPU_MEMORY", share)

    class Hungry(nn.Linear):
        def forward(self, x):
            if len(x) <= 2:  # as the loop tries its players
                return super().forward(x)
            raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 20.00 GiB …")

    with pytest.raises(torch.OutOfMemoryError, match=f"lower the batch size, or {told}"):
        train_gan(Hungry(2, 2), nn.Linear(2, 1), [torch.zeros(4, 2)], steps=1, latent_dim=2)
    with pytest.raises(torch.OutOfMemoryError, match="lower the size of the picture"):
        optimize_picture(lambda _: Hungry(1, 1)(torch.zeros(9, 1)), torch.rand(3, 8, 8), calls=1)


def test_without_a_gpu_the_memory_is_that_of_the_computer(monkeypatch):
    monkeypatch.setattr(psutil, "virtual_memory", lambda: SimpleNamespace(available=123))
    cpu = torch.device("cpu")
    assert runtime.free_memory(cpu) == 123
    assert runtime.device_name(cpu) == "cpu"
    assert "not counted" in runtime.peak_memory(cpu)


def test_the_random_state_of_a_gpu_is_kept_with_that_of_the_cpu(monkeypatch, cuda):
    state, put_back = torch.tensor([1, 2]), []
    monkeypatch.setattr(torch.cuda, "get_rng_state", lambda _: state)
    monkeypatch.setattr(torch.cuda, "set_rng_state", lambda *given: put_back.append(given))
    kept = randomness.random_state(cuda)
    assert kept["cuda"] is state and set(kept) == {"cpu", "cuda"}
    randomness.restore_random_state(kept, cuda)
    assert put_back == [(state, cuda)]
    randomness.restore_random_state(kept, torch.device("cpu"))  # of a training on a GPU
    assert len(put_back) == 1


def test_waiting_for_a_device_asks_pytorch_for_a_gpu_alone(monkeypatch, cuda):
    waited = []
    monkeypatch.setattr(torch.accelerator, "synchronize", waited.append)
    for device in (torch.device("cpu"), cuda):
        runtime.synchronize(device)
    assert waited == [cuda]


def test_each_process_gets_a_gpu_of_its_own(monkeypatch):
    chosen = []
    monkeypatch.delenv("GAN_UTILS_DEVICE", raising=False)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 2)
    monkeypatch.setattr(torch.cuda, "set_device", chosen.append)
    assert runtime.device_of_process(1) == torch.device("cuda:1") and chosen == [1]
    with pytest.raises(RuntimeError, match="process 2 on .* no GPU of its own, of 2"):
        runtime.device_of_process(2)
    assert runtime.device_of_process(5, "cpu") == torch.device("cpu")
    assert [runtime.distributed_backend(torch.device(name)) for name in ("cuda:1", "cpu")] == [
        "nccl",
        "gloo",
    ]


def test_only_one_file_names_cuda_or_mps():
    package = Path(runtime.__file__).parent
    naming = [
        p.name for p in package.rglob("*.py") if re.search(r"torch\.(cuda|mps)", p.read_text())
    ]
    assert naming == ["runtime.py"]


def test_show_source_shows_the_code_that_runs():
    source = show_source(runtime.budget)
    assert 'return full if mode() == "full" else quick' in repr(source)
    markdown = source._repr_markdown_()
    assert markdown.startswith("`gan_utils.runtime.budget`\n\n```python\ndef budget(")
    assert markdown.endswith("\n```")
