"""Several processes train as one: by torchrun where it matters, else with teams made up here."""

import math
import subprocess
import sys

import distributed_worker as worker
import pytest
import torch

from gan_utils.data.batches import DistributedBatches
from gan_utils.gan import distributed
from gan_utils.gan.distributed import (
    DistributedError,
    DistributedTrainState,
    World,
    train_distributed,
)
from gan_utils.gan.latent import draw_latent
from gan_utils.gan.step import TrainState, gan_step
from gan_utils.randomness import mixed_seed

CPU = torch.device("cpu")
ALONE = World(0, 1, CPU)
SIZE = 2


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    """What two processes left, by name: of each process the weights and the records."""
    folder = tmp_path_factory.mktemp("team")
    launch = ["torch.distributed.run", "--standalone", "--nproc-per-node", str(SIZE)]
    command = [sys.executable, "-m", *launch, worker.__file__, str(folder)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    return {
        name: [torch.load(folder / f"{name}-{rank}.pt", weights_only=True) for rank in range(SIZE)]
        for name in worker.RECIPES
    }


def new_state(recipe):
    torch.manual_seed(worker.SEED)
    networks = recipe.generator(), recipe.discriminator()
    return TrainState(*networks, steps=worker.STEPS, **recipe.training)


def parts_of(recipe, step):
    """Return what each process takes in a step: real samples, latent vectors for both halves."""
    found = []
    for rank in range(SIZE):
        part = DistributedBatches(worker.samples(), recipe.batch_size, worker.SEED, rank, SIZE)[
            step
        ]
        torch.manual_seed(mixed_seed(worker.SEED, step, rank))
        latents = [draw_latent(len(part), recipe.training["latent_dim"]) for _ in range(2)]
        found.append((part, *latents))
    return found


def furthest(weights, networks):
    """Return the largest distance between stored weights and those of networks."""
    return max(
        (stored[name] - weight).abs().max().item()
        for stored, network in zip(weights, networks, strict=True)
        for name, weight in network.named_parameters()
    )


def test_all_processes_end_with_the_same_weights_and_losses(trained):
    for name in worker.RECIPES:
        (first, losses), (second, same) = trained[name]
        assert losses.shape == (worker.STEPS, 6) and torch.equal(losses, same)
        for one, other in zip(first, second, strict=True):
            assert all(torch.equal(one[key], other[key]) for key in one)


def test_two_processes_train_as_one_with_the_joined_batch(trained):
    train_state = new_state(worker.PLAIN)
    for step in range(worker.STEPS):
        joined = [torch.cat(parts) for parts in zip(*parts_of(worker.PLAIN, step), strict=True)]
        gan_step(*train_state.networks, *train_state.optimizers, train_state.loss, *joined)
        train_state.averages[0].update_parameters(train_state.networks[0])
    weights, _ = trained["plain"][0]
    untrained = furthest(weights, new_state(worker.PLAIN).all_networks())
    distance = furthest(weights, train_state.all_networks())
    print(f"furthest weights: {distance:.1e}, untrained {untrained:.1e}")
    assert distance < 1e-6 < 1e-3 < untrained


def test_with_batch_norm_two_processes_train_as_two_halves_averaged(trained):
    train_state = new_state(worker.NORMED)
    (generator, discriminator), loss = train_state.networks, train_state.loss
    for step in range(worker.STEPS):
        parts = parts_of(worker.NORMED, step)
        train_state.optimizers[1].zero_grad()
        for real, latent, _ in parts:
            fake = generator(latent).detach()
            d_loss = loss.discriminator(discriminator(real), discriminator(fake))
            (d_loss + loss.penalty(discriminator, real, fake)).div(SIZE).backward()
        train_state.optimizers[1].step()
        train_state.optimizers[0].zero_grad()
        for _, _, latent in parts:
            loss.generator(discriminator(generator(latent))).div(SIZE).backward()
        train_state.optimizers[0].step()
    (stored, *others), _ = trained["normed"][0]
    torch.manual_seed(0)
    copy, untrained = (worker.NORMED.generator() for _ in range(2))
    latent = draw_latent(50, 3)
    copy.load_state_dict(stored, strict=False)  # without running statistics
    # Not its weights: batch norm takes out the biases before it, so that they learn from rounding
    # errors alone, which Adam makes as large as other gradients. It also magnifies such errors.
    moved = (copy(latent) - generator(latent)).abs().max().item()
    learned = (untrained(latent) - generator(latent)).abs().max().item()
    distance = furthest(others[:1], [discriminator])
    print(f"furthest samples: {moved:.1e} ({learned:.1e}), weights of D: {distance:.1e}")
    assert moved < 1e-4 < 1e-2 < learned and distance < 1e-6


def test_parts_of_a_batch_are_a_pure_function_of_seed_and_step():
    samples = torch.arange(20.0)[:, None]
    whole = DistributedBatches(samples, 6, seed=1)
    halves = [DistributedBatches(samples, 6, 1, rank, 2) for rank in range(2)]
    for step in (0, 1, 2, 3, 7, 2):  # in any order; an epoch has three steps
        assert torch.equal(torch.cat([half[step] for half in halves]), whole[step])
    epoch = torch.cat([whole[step] for step in range(3)]).flatten()
    assert len(epoch.unique()) == 18
    assert not torch.equal(whole[0], whole[3])
    assert not torch.equal(whole[0], DistributedBatches(samples, 6, seed=2)[0])


def test_images_are_scaled_as_in_other_batches():
    images = torch.full((4, 1, 2, 2), 255, dtype=torch.uint8)
    assert DistributedBatches(images, 2, seed=1)[0].eq(1).all()


def test_a_batch_that_cannot_be_shared_evenly_is_refused():
    with pytest.raises(ValueError, match="64 cannot be shared evenly by 3 .* 63 or 66"):
        DistributedBatches(torch.zeros(100, 2), 64, 0, 0, 3)
    with pytest.raises(ValueError, match="2 cannot be shared evenly by 3 .* 3 or 6"):
        DistributedBatches(torch.zeros(100, 2), 2, 0, 0, 3)


def test_each_process_and_each_step_has_random_numbers_of_its_own():
    seeds = [mixed_seed(1, step, rank) for step in range(50) for rank in range(8)]
    assert len(set(seeds)) == len(seeds)
    train_state = DistributedTrainState(ALONE, worker.PLAIN, worker.samples(), steps=9, seed=1)
    drawn = []
    train_state.step = lambda _: drawn.append(train_state.latent(4))
    for step in (0, 1, 0):
        train_state.step(train_state.part(step))
    assert torch.equal(drawn[0], drawn[2]) and not torch.equal(drawn[0], drawn[1])


def train(steps, path=None, seed=1, **how):
    train_state = DistributedTrainState(
        ALONE, worker.PLAIN, worker.samples(), steps=steps, seed=seed
    )
    return train_state, train_distributed(train_state, checkpoint=path, **how)


def same_weights(train_state, other):
    pairs = zip(train_state.all_networks(), other.all_networks(), strict=True)
    return all(
        torch.equal(a, b)
        for one, two in pairs
        for a, b in zip(one.state_dict().values(), two.state_dict().values(), strict=True)
    )


def test_a_training_goes_on_exactly_where_its_checkpoint_left_it(tmp_path, monkeypatch, capsys):
    path = tmp_path / "a.pt"
    whole, history = train(45)
    monkeypatch.setattr(distributed, "LOOK", 7)

    class Cut(Exception):
        pass

    def cut(history):
        if len(history.records) == 20:
            raise Cut

    with pytest.raises(Cut):
        train(45, path, save_every=10, on_save=cut)
    resumed, again = train(45, path)
    assert "a.pt: going on from step 20 of 45" in capsys.readouterr().out
    assert same_weights(whole, resumed) and torch.equal(history.records, again.records)
    with pytest.raises(ValueError, match="seed is 1 there and 2 here"):
        train(45, path, seed=2)


def test_the_stop_button_ends_the_training_of_all(tmp_path, monkeypatch):
    pressed = []

    def gather(_, value, *__):
        if not isinstance(value, bool):
            return [value, value]
        pressed.append(value)
        return [value, len(pressed) == 2]  # the other process was told to stop

    monkeypatch.setattr(World, "gather", gather)
    saved = []
    train_state, history = train(
        500, tmp_path / "a.pt", on_save=lambda h: saved.append(len(h.records))
    )
    assert len(history.records) == 2 * distributed.LOOK
    assert saved == [2 * distributed.LOOK] and (tmp_path / "a.pt").exists()


def test_processes_with_other_weights_are_found_out(monkeypatch):
    monkeypatch.setattr(World, "gather", lambda _, value, *__: [value, value + 1e-9])
    for steps in (25, 7):  # also at the end, and wherever it is saved
        with pytest.raises(DistributedError, match="hold different weights"):
            train(steps)


def test_a_training_that_diverges_says_so_and_not_that_the_processes_differ(monkeypatch):
    monkeypatch.setattr(worker, "samples", lambda: torch.full((64, 2), math.nan))
    with pytest.raises(FloatingPointError, match="stopped being finite numbers at step 1;"):
        train(45)


def test_a_process_that_hears_nobody_says_so(monkeypatch):
    def silent(*_, **__):
        raise RuntimeError("Connection closed by peer")

    monkeypatch.setattr(distributed.dist, "all_reduce", silent)
    with pytest.raises(ConnectionError, match="process 1 of 2 does not hear the others"):
        World(1, 2, CPU).average([torch.zeros(3)])


def test_means_go_back_into_tensors_of_any_layout(monkeypatch):
    monkeypatch.setattr(distributed.dist, "all_reduce", lambda tensor, **_: tensor.mul_(3))
    laid_out = torch.rand(2, 3, 4, 4).to(memory_format=torch.channels_last)
    scalar = torch.tensor(2.0)
    expected = laid_out * 1.5
    World(0, 2, CPU).average([laid_out, scalar])
    assert torch.allclose(laid_out, expected) and scalar == 3
    assert laid_out.is_contiguous(memory_format=torch.channels_last)


def test_what_is_out_of_range_is_refused():
    with pytest.raises(ValueError, match="save_every is 0"):
        train(10, save_every=0)
    with pytest.raises(ValueError, match="steps is 0"):
        train(0)


def test_what_goes_wrong_in_one_process_is_told_to_all(monkeypatch):
    def fails():
        raise ValueError("no data here")

    with pytest.raises(ValueError, match="no data here"):
        ALONE.run_all(fails)
    pair = World(1, 2, CPU)
    monkeypatch.setattr(World, "gather", lambda _, value, *__: ["", value])
    with pytest.raises(DistributedError, match="process 1: no data here"):
        pair.run_all(fails)
    monkeypatch.setattr(World, "gather", lambda _, value, *__: [value, "process 1: no disk"])
    with pytest.raises(DistributedError, match="process 1: no disk"):
        pair.run_all(lambda: 3)
    monkeypatch.setattr(World, "gather", lambda _, value, *__: [value, ""])
    assert pair.run_all(lambda: 3) == 3
