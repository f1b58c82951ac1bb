"""What only a GPU with CUDA can show. Without one these tests are skipped."""

import copy
import os
import subprocess
import sys
import time
from contextlib import nullcontext
from pathlib import Path

import nbformat
import pytest
import torch
from nbclient import NotebookClient
from test_cuda_graph import RECIPES, samples_of, weights

from gan_utils.__main__ import read
from gan_utils.data.batches import Batches
from gan_utils.gan import recipes
from gan_utils.gan.cuda_graph import CUDAGraphTrainState
from gan_utils.gan.recipes import vary
from gan_utils.gan.step import TrainState
from gan_utils.gan.training import train_gan
from gan_utils.runtime import describe_device, peak_memory, synchronize
from gan_utils.scores.results import RESULTS

pytestmark = [
    pytest.mark.cuda,
    pytest.mark.skipif(not torch.cuda.is_available(), reason="there is no GPU with CUDA"),
]
GPU = torch.device("cuda")
FACES = vary(recipes.FACES_DCGAN, batch_size=8)
TRAINED = RECIPES | {"convolutions": FACES, "faces, R1": vary(recipes.FACES_HOUSE, batch_size=8)}


@pytest.fixture
def exact(monkeypatch):
    """Without it two equal trainings differ: convolutions add in the order in which they end."""
    monkeypatch.setattr(torch.backends.cudnn, "deterministic", True)
    monkeypatch.setattr(torch.backends.cudnn, "allow_tf32", False)
    monkeypatch.setattr(torch.backends.cuda.matmul, "allow_tf32", False)


def samples(recipe, count):
    if recipe.training["latent_dim"] == 100 and recipe.batch_size == 8:
        return torch.rand(count, 3, 64, 64, device=GPU) * 2 - 1
    return samples_of(recipe, count).to(GPU)


@pytest.mark.usefixtures("exact")
@pytest.mark.parametrize("name", TRAINED)
def test_a_graph_finds_what_python_finds(name, seen):
    recipe, found, ends, times = TRAINED[name], [], [], []
    torch.manual_seed(0)
    networks = recipe.generator().to(GPU), recipe.discriminator().to(GPU)
    batches = samples(recipe, 7 * recipe.batch_size - 3).split(recipe.batch_size)  # the last: odd
    for kind in (TrainState, CUDAGraphTrainState):
        train_state = kind(*copy.deepcopy(networks), steps=99, **recipe.training)
        torch.manual_seed(1)
        found.append(torch.stack([train_state.step(batch) for batch in [*batches, batches[0]]]))
        ends.append(weights(train_state.all_networks()))
        synchronize(GPU)
        start = time.perf_counter()
        for _ in range(20):
            train_state.step(batches[0])
        synchronize(GPU)
        times.append(time.perf_counter() - start)
    assert train_state.recorded
    assert torch.equal(*found) and torch.equal(*ends)
    assert found[0].std(0).max() > 1e-3
    seen["device"] = f"{describe_device(GPU)}, torch {torch.__version__}, {sys.version.split()[0]}"
    seen[f"recorded, {name}"] = f"{times[0] / times[1]:.1f} times as fast as eager"


@pytest.mark.parametrize("name", RECIPES)
def test_a_recorded_training_goes_on_exactly_where_it_stopped(name, tmp_path):
    recipe, ends = vary(RECIPES[name], batch_size=32), []
    real = samples(recipe, 96)
    kept = dict(fixed_latent=torch.zeros(2, recipe.training["latent_dim"]), snapshots=10)

    def stop(history):
        if len(history.records) == 5:
            raise KeyboardInterrupt

    for name, watch in (("whole", None), ("parts", stop), ("parts", None)):
        torch.manual_seed(0)
        networks = recipe.generator().to(GPU), recipe.discriminator().to(GPU)
        settings = recipe.training | kept | dict(steps=9, graph=True, progress=False)
        settings |= dict(checkpoint=tmp_path / f"{name}.pt", checkpoint_every=4, on_snapshot=watch)
        with pytest.raises(KeyboardInterrupt) if watch else nullcontext():
            history = train_gan(*networks, Batches(real, 32), **settings)
            ends.append(weights([*networks, history.generator]))
    assert torch.equal(*ends)


def test_a_step_that_cannot_be_recorded_says_what_to_do():
    """In a process of its own: not every PyTorch recovers from it, and the message says so."""
    code = (
        "import torch\n"
        "from test_graph import MLPDiscriminator, Reader, train_gan\n"
        "players = Reader().cuda(), MLPDiscriminator(2, (4,)).cuda()\n"
        "how = dict(steps=3, latent_dim=2, progress=False)\n"
        "real = [torch.zeros(4, 2, device='cuda')]\n"
        "train_gan(*players, real, graph=True, **how)\n"
    )
    folder = Path(__file__).parent
    done = subprocess.run([sys.executable, "-c", code], cwd=folder, capture_output=True, text=True)
    assert "cannot be recorded as a CUDA graph" in done.stderr


def test_memory_is_counted_and_a_smaller_batch_takes_less():
    taken = []
    for batch in (16, 64):
        torch.cuda.empty_cache()
        torch.cuda.reset_peak_memory_stats()
        networks = FACES.generator().to(GPU), FACES.discriminator().to(GPU)
        batches = Batches(samples(FACES, 64), batch)
        train_gan(*networks, batches, steps=2, progress=False, **FACES.training)
        taken.append(torch.cuda.max_memory_allocated())
    assert 0 < taken[0] < taken[1]
    assert "MiB" in peak_memory(GPU)


def test_the_bench_runs(capsys):
    arguments = read(["bench", "--device", "cuda", "--seconds", "10"])
    arguments.run(arguments)
    printed = capsys.readouterr().out
    assert "cuda: " in printed and "graph" in printed
    assert "could not be measured" not in printed


MODES = ["quick", pytest.param("full", marks=pytest.mark.slow)]


@pytest.mark.timeout(900)
@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("path", sorted(RESULTS.parent.glob("0*.ipynb")), ids=lambda p: p.stem)
def test_a_lesson_runs_and_its_checked_outputs_are_the_same(monkeypatch, path, mode, seen):
    monkeypatch.setitem(os.environ, "GAN_UTILS_DEVICE", "cuda")
    monkeypatch.setitem(os.environ, "GAN_UTILS_MODE", mode)
    stored = nbformat.read(path, as_version=4)
    here = copy.deepcopy(stored)
    resources = dict(metadata=dict(path=str(path.parent)))
    start = time.perf_counter()
    NotebookClient(here, timeout=600, kernel_name="python3", resources=resources).execute()
    seen[f"{path.stem}, {mode}"] = f"{time.perf_counter() - start:.0f} s"
    for before, now in zip(stored.cells, here.cells, strict=True):
        if "nbval-check-output" in before.metadata.get("tags", []):
            assert [o.get("text") for o in now.outputs] == [o.get("text") for o in before.outputs]
