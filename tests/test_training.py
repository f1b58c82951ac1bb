import errno
import io
import math
import os
import signal
from contextlib import contextmanager

import numpy as np
import pytest
import torch
from torch import nn
from torch.optim import Adam
from torch.utils.data import DataLoader, IterableDataset, TensorDataset

from gan_utils.data.batches import Batches
from gan_utils.data.sine import sine_points
from gan_utils.files import file_lock
from gan_utils.gan import checkpoints, recipes
from gan_utils.gan.checkpoints import Checkpointer
from gan_utils.gan.history import METRICS
from gan_utils.gan.latent import draw_latent
from gan_utils.gan.losses import LOSSES
from gan_utils.gan.models import MLPDiscriminator, evaluate
from gan_utils.gan.step import gan_step
from gan_utils.gan.training import train_gan

STEPS = 20


def build(seed=0):
    """A small pair and 5 batches an epoch, so that 20 steps are four epochs."""
    torch.manual_seed(seed)
    batches = Batches(sine_points(40), 8)
    generator = nn.Sequential(nn.Linear(2, 8), nn.BatchNorm1d(8), nn.ReLU(), nn.Linear(8, 2))
    return generator, MLPDiscriminator(2, (16,), dropout=0.3), batches


def train(networks=None, seed=0, **changes):
    settings = dict(latent_dim=2, lr=1e-2, progress=False)
    if not {"steps", "epochs"} & changes.keys():
        settings["steps"] = STEPS
    return train_gan(*(networks or build(seed)), **(settings | changes))


def numbers(network):
    return [*network.parameters(), *network.buffers()]


def equal(network, other):
    return all(torch.equal(a, b) for a, b in zip(numbers(network), numbers(other), strict=True))


def test_each_player_has_its_own_learning_rate():
    networks, starts = build(), build()
    train(networks, steps=1, lr=1e-2, d_lr=1e-3)
    for network, start, rate in zip(networks[:2], starts[:2], (1e-2, 1e-3), strict=True):
        moved = [
            (p - q).abs().max().item()
            for p, q in zip(network.parameters(), start.parameters(), strict=True)
        ]
        assert max(moved) == pytest.approx(rate, rel=1e-2)  # Adam's first step is its rate


class Interrupting:
    """Batches during which somebody presses Ctrl-C once, `after` so many batches."""

    def __init__(self, batches, after):
        self.batches, self.left = batches, after
        self.samples, self.batch_size = (getattr(batches, n, 0) for n in ("samples", "batch_size"))

    def __len__(self):
        return len(self.batches)

    def __iter__(self):
        for batch in self.batches:
            self.left -= 1
            if self.left == 0:
                os.kill(os.getpid(), signal.SIGINT)
            yield batch


class Fixed(nn.Module):
    """A player that ignores its weight: it returns its input, shifted."""

    def __init__(self, shift):
        super().__init__()
        self.shift, self.weight = shift, nn.Parameter(torch.zeros(1))

    def forward(self, inputs):
        return inputs + self.shift + 0 * self.weight


def test_the_step_reports_what_the_discriminator_says():
    networks = Fixed(0.0), Fixed(0.0)
    optimizers = [Adam(network.parameters()) for network in networks]
    real, before, after = (
        torch.tensor(v)[:, None] for v in ([2.0, -1.0, 3.0, 1.0], [-1.0, 1.0, 2.0, 3.0], [0.5] * 4)
    )
    found = gan_step(*networks, *optimizers, LOSSES["nonsaturating"], real, before, after)
    means = [logits.sigmoid().mean().item() for logits in (real, before, after)]
    assert found[2:].tolist() == pytest.approx([*means, (3 / 4 + 1 / 4) / 2])


@pytest.mark.parametrize("recipe", ["REAL_PYTHON", "NOTE45", "GAN", "KERAS", "HOUSE"])
def test_every_digit_recipe_trains(recipe):
    recipe = getattr(recipes, f"MNIST_{recipe}")
    images = torch.randint(256, (8, 1, 28, 28), dtype=torch.uint8)
    networks = recipe.generator(), recipe.discriminator()
    history = train_gan(*networks, Batches(images, 4), steps=2, progress=False, **recipe.training)
    assert history.records.isfinite().all()


@pytest.mark.parametrize("recipe", [recipes.FACES_DCGAN, recipes.FACES_HOUSE, recipes.FACES_MODERN])
def test_every_face_recipe_trains(recipe):
    images = torch.randint(256, (8, 3, 64, 64), dtype=torch.uint8)
    networks = recipe.generator(width=4), recipe.discriminator(width=4)
    batches = Batches(images, 4)
    history = train_gan(*networks, batches, steps=2, progress=False, **recipe.training)
    assert history.records.isfinite().all()
    samples = evaluate(history.generator, torch.randn(2, 100))
    assert samples.shape == (2, 3, 64, 64) and samples.dtype == torch.float32


@pytest.mark.parametrize("name", LOSSES)
def test_a_hand_written_step_gives_the_same_weights(name):
    generator, discriminator, batches = build()
    g_optimizer = Adam(generator.parameters(), 1e-2, (0.5, 0.999), fused=True)
    d_optimizer = Adam(discriminator.parameters(), 1e-2, (0.5, 0.999), fused=True)
    for _ in range(2):
        for real in batches:
            d_latent, g_latent = torch.randn(8, 2), torch.randn(8, 2)
            fake = generator(d_latent).detach()
            d_loss = LOSSES[name].discriminator(*discriminator(torch.cat([real, fake])).split(8))
            if LOSSES[name].penalty:
                d_loss = d_loss + LOSSES[name].penalty(discriminator, real, fake)
            d_optimizer.zero_grad()
            d_loss.backward()
            d_optimizer.step()
            logits = [discriminator(generator(g_latent))]
            if LOSSES[name].relativistic:
                logits.append(discriminator(real))
            g_loss = LOSSES[name].generator(*logits)
            g_optimizer.zero_grad()
            g_loss.backward()
            g_optimizer.step()

    networks = build()
    history = train(networks, steps=10, loss=name)
    assert equal(generator, networks[0]) and equal(discriminator, networks[1])
    assert torch.equal(history.records[-1, :2], torch.stack([d_loss, g_loss]).detach())


def test_each_half_of_a_step_moves_one_player():
    generator, discriminator, batches = build()
    real = next(iter(batches))
    latents = draw_latent(8, 2), draw_latent(8, 2)

    def moved(g_rate, d_rate):
        before = [p.clone() for p in generator.parameters()]
        d_before = [p.clone() for p in discriminator.parameters()]
        optimizers = Adam(generator.parameters(), g_rate), Adam(discriminator.parameters(), d_rate)
        gan_step(generator, discriminator, *optimizers, LOSSES["nonsaturating"], real, *latents)
        return (
            any(not torch.equal(a, b) for a, b in zip(before, generator.parameters(), strict=True)),
            any(
                not torch.equal(a, b)
                for a, b in zip(d_before, discriminator.parameters(), strict=True)
            ),
        )

    assert moved(1e-2, 0.0) == (True, False)
    assert moved(0.0, 1e-2) == (False, True)


def test_generator_half_leaves_the_discriminators_gradients_alone():
    generator, discriminator, batches = build()
    optimizers = Adam(generator.parameters()), Adam(discriminator.parameters())
    gradients = []
    optimizers[0].register_step_pre_hook(
        lambda *_: gradients.extend(p.grad.clone() for p in discriminator.parameters())
    )
    optimizers[1].register_step_pre_hook(
        lambda *_: gradients.extend(p.grad.clone() for p in discriminator.parameters())
    )
    latents = draw_latent(8, 2), draw_latent(8, 2)
    gan_step(
        generator, discriminator, *optimizers, LOSSES["minimax"], next(iter(batches)), *latents
    )
    half = len(gradients) // 2
    assert all(torch.equal(a, b) for a, b in zip(gradients[:half], gradients[half:], strict=True))


def test_equal_seeds_give_equal_trainings_and_other_seeds_others():
    first, again, other = train(), train(), train(seed=1)
    assert torch.equal(first.records, again.records)
    assert equal(first.generator, again.generator)
    assert not equal(first.generator, other.generator)


def test_epochs_count_batches_and_statistics_have_names():
    history = train(epochs=3)
    assert history.records.shape == (15, len(METRICS))
    assert (history["d_real"] > 0).all() and (history["d_fake"] < 1).all()
    assert not history.interrupted and history.seconds > 0
    assert not history.generator.training


def test_batches_may_be_a_list_of_samples_and_labels():
    generator, discriminator, _ = build()
    batches = [(sine_points(8), torch.zeros(8))] * 3
    assert len(train((generator, discriminator, batches), epochs=2).records) == 6


def test_snapshots_are_evenly_spaced_and_show_fixed_inputs():
    networks, seen = build(), []
    latent, probe = torch.randn(6, 2), torch.randn(9, 2)
    history = train(
        networks,
        fixed_latent=latent,
        probe=probe,
        snapshots=5,
        on_snapshot=lambda h: seen.append((h.snapshots[-1].step, len(h.records))),
    )
    assert [s.step for s in history.snapshots] == [0, 5, 10, 15, 20]
    assert seen == [(step, step) for step in (0, 5, 10, 15, 20)]
    assert torch.equal(history.snapshots[-1].samples, evaluate(networks[0], latent))
    assert torch.equal(history.snapshots[-1].logits, evaluate(networks[1], probe))
    assert train(build()).snapshots == []


def test_snapshots_at_chosen_steps_and_at_both_ends():
    history = train(fixed_latent=torch.ones(3, 2), snapshots=[3, 9, 10 * STEPS])
    assert [s.step for s in history.snapshots] == [0, 3, 9, STEPS]
    for wrong in ([3, -1], [3, 4.5], "ab", 1):
        with pytest.raises(ValueError, match="snapshots is .* whole number"):
            train(fixed_latent=torch.ones(3, 2), snapshots=wrong)


def test_a_stopped_training_shows_where_it_stopped():
    generator, discriminator, batches = build()
    seen = []
    history = train(
        (generator, discriminator, Interrupting(batches, 7)),
        fixed_latent=torch.ones(3, 2),
        snapshots=2,
        on_snapshot=lambda h: seen.append(h.snapshots[-1].step),
    )
    assert [s.step for s in history.snapshots] == seen == [0, 7]
    assert torch.equal(history.snapshots[-1].samples, evaluate(generator, torch.ones(3, 2)))


def test_a_live_picture_is_redrawn_by_time_and_leaves_no_trace():
    steps = []
    history = train(
        fixed_latent=torch.ones(3, 2),
        snapshots=3,
        on_snapshot=lambda history: steps.append(history.snapshots[-1].step),
        every_seconds=0.0,
    )
    assert steps == list(range(STEPS + 1))
    assert [s.step for s in history.snapshots] == [0, 10, 20]
    assert equal(history.generator, train().generator)


def test_snapshots_do_not_change_the_training():
    with_snapshots = train(fixed_latent=torch.randn(6, 2), snapshots=STEPS)
    assert equal(with_snapshots.generator, train().generator)


def test_the_generator_records_no_gradients_while_the_discriminator_learns():
    networks, recorded = build(), []
    networks[0].register_forward_hook(lambda *_: recorded.append(torch.is_grad_enabled()))
    train(networks, steps=2)
    # First one look whether the players fit; then in each step once for D, once for G.
    assert recorded[1:] == [False, True] * 2


def test_averaged_weights_follow_the_trained_ones():
    networks, trained = build(), []
    linear, norm = networks[0][:2]  # batch norm's running mean is averaged with the weights
    average = None

    def follow(history):
        nonlocal average
        now = [linear.weight.detach().clone(), norm.running_mean.clone()]
        if len(history.records):  # the average starts from the weights after the first step
            average = (
                now
                if average is None
                else [0.9 * a + 0.1 * b for a, b in zip(average, now, strict=True)]
            )
        trained.append(now)

    history = train(
        networks,
        ema_decay=0.9,
        fixed_latent=torch.zeros(1, 2),
        snapshots=STEPS + 1,
        on_snapshot=follow,
    )
    assert len(trained) == STEPS + 1
    averaged = history.generator[0].weight, history.generator[1].running_mean
    for found, expected, last in zip(averaged, average, trained[-1], strict=True):
        assert torch.allclose(found, expected, atol=1e-6)
        assert not torch.allclose(found, last, atol=1e-3)
    # Averaging is a spectator: the trained networks are those of a training without it.
    assert equal(networks[0], train().generator)


def test_learning_rate_falls_to_zero():
    networks, weights = build(), []
    train(
        networks,
        decay_lr=True,
        fixed_latent=torch.zeros(1, 2),
        snapshots=STEPS + 1,
        on_snapshot=lambda _: weights.append(networks[0][0].weight.detach().clone()),
    )
    moves = [(b - a).abs().max() for a, b in zip(weights, weights[1:], strict=False)]
    # Adam moves a weight by about the rate: 1e-2 in the first step, a twentieth in the last.
    assert moves[0] > 5e-3 and 0 < moves[-1] < 1e-3


def test_bfloat16_runs_the_networks_in_half_precision():
    seen = []
    generator, discriminator, batches = build()
    discriminator.layers[0].register_forward_hook(lambda *a: seen.append(a[2].dtype))
    history = train((generator, discriminator, batches), steps=2, precision=torch.bfloat16)
    assert set(seen[1:]) == {torch.bfloat16}  # the first call looks whether the players fit
    assert history.records.isfinite().all() and history.records.dtype == torch.float32


@pytest.mark.parametrize("after", [3, 5, 13])
def test_stop_and_resume_is_bit_for_bit_an_uninterrupted_run(tmp_path, capsys, after):
    settings = dict(
        epochs=None,
        steps=STEPS,
        fixed_latent=torch.ones(3, 2),
        probe=torch.ones(1, 2),
        snapshots=6,
        ema_decay=0.9,
        decay_lr=True,
    )
    whole_players = build()
    whole = train(whole_players, **settings)

    generator, discriminator, batches = build()
    path = tmp_path / "runs" / "sine.pt"
    stopping = generator, discriminator, Interrupting(batches, after)
    part = train(stopping, checkpoint=path, **settings)
    assert part.interrupted and len(part.records) == after
    assert f"Stopped after step {after} of 20" in capsys.readouterr().out

    networks = (*build(seed=7)[:2], batches)
    settings["fixed_latent"] = torch.zeros(3, 2)  # the checkpoint knows better
    resumed = train(networks, checkpoint=path, **settings)
    assert f"going on from step {after} of 20" in capsys.readouterr().out
    assert equal(networks[0], whole_players[0]) and equal(networks[1], whole_players[1])
    assert equal(resumed.generator, whole.generator)
    assert torch.equal(resumed.records, whole.records)
    assert [s.step for s in resumed.snapshots] == [s.step for s in whole.snapshots]
    for ours, theirs in zip(resumed.snapshots, whole.snapshots, strict=True):
        assert torch.equal(ours.samples, theirs.samples) and torch.equal(ours.logits, theirs.logits)
    assert [p.name for p in path.parent.iterdir()] == ["sine.pt"]


def test_a_finished_checkpoint_is_not_trained_again(tmp_path):
    path = tmp_path / "sine.pt"
    first = train(checkpoint=path)
    again = train((*build(seed=3)[:2], build()[2]), checkpoint=path)
    assert equal(first.generator, again.generator) and not again.interrupted


def test_ctrl_c_twice_raises():
    generator, discriminator, batches = build()

    def press_again(history):
        if history.records.shape[0]:
            os.kill(os.getpid(), signal.SIGINT)

    stopping = generator, discriminator, Interrupting(batches, 4)
    with pytest.raises(KeyboardInterrupt):
        train(stopping, fixed_latent=torch.ones(1, 2), snapshots=6, on_snapshot=press_again)
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


def test_a_nan_stops_with_the_last_good_weights():
    good = [sine_points(8)] * 6
    generator, discriminator, _ = build()
    bad = torch.full((8, 2), math.nan)
    with pytest.raises(FloatingPointError, match="at step 7; .* weights of step 5 again"):
        train((generator, discriminator, [*good, bad]), steps=14, snapshots=2, checkpoint_every=5)
    networks = build()
    train((*networks[:2], good), steps=5)
    assert equal(generator, networks[0]) and equal(discriminator, networks[1])


class RootGenerator(nn.Module):
    """Its outputs are fine, its gradients are not: the root has no slope at zero."""

    def __init__(self):
        super().__init__()
        self.linear = nn.Linear(2, 2)

    def forward(self, latent):
        return (self.linear(latent) * 0).abs().sqrt() + self.linear(latent)


def test_weights_that_go_bad_behind_good_losses_are_found():
    generator = RootGenerator()
    before = [p.clone() for p in generator.parameters()]
    with pytest.raises(FloatingPointError, match="at step 1; .* weights of step 0 again"):
        train((generator, *build()[1:]), steps=1)
    assert all(torch.equal(a, b) for a, b in zip(before, generator.parameters(), strict=True))


def test_no_checkpoint_is_written_after_a_nan(tmp_path):
    generator, discriminator, _ = build()
    bad = [torch.full((8, 2), math.inf)]
    with pytest.raises(FloatingPointError):
        train((generator, discriminator, bad), checkpoint=tmp_path / "c.pt", checkpoint_every=1)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("content", [b"", b"no checkpoint", None])
def test_damaged_checkpoints_are_named_and_kept(tmp_path, content):
    path = tmp_path / "sine.pt"
    if content is None:  # a file cut short
        train(checkpoint=path)
        content = path.read_bytes()[:-200]
    path.write_bytes(content)
    with pytest.raises(ValueError, match="sine.pt cannot be read .* delete it"):
        train(checkpoint=path)
    assert path.read_bytes() == content


def test_foreign_files_and_other_settings_are_refused(tmp_path):
    path = tmp_path / "sine.pt"
    torch.save({"weights": torch.ones(2)}, path)
    with pytest.raises(ValueError, match="no checkpoint of a training"):
        train(checkpoint=path)
    path.unlink()
    train(checkpoint=path)
    with pytest.raises(ValueError, match=r"lr is 0.01 there and 0.5 here"):
        train(checkpoint=path, lr=0.5)
    with pytest.raises(ValueError, match=r"discriminator has .*out_features=16, .*out_features=8"):
        train((build()[0], MLPDiscriminator(2, (8,)), build()[2]), checkpoint=path)
    with pytest.raises(ValueError, match="a folder; give the name of a file"):
        train(checkpoint=tmp_path)


@pytest.mark.parametrize(
    ("change", "told"),
    [
        (lambda g, d, b: (g, d, Batches(b.samples + 1, 8)), "data is '.*' there and '.*' here"),
        (lambda g, d, b: (g, d, Batches(b.samples[:20], 4)), "batch_size is 8 there and 4 here"),
        (lambda g, d, b: (g, d, list(b)), "data is"),
        (lambda g, d, b: (swapped(g), d, b), r"generator has \(2\): ReLU\(\) there and .*Tanh"),
    ],
)
def test_a_checkpoint_of_other_data_or_other_networks_is_refused(tmp_path, change, told):
    path = tmp_path / "sine.pt"
    train(checkpoint=path)
    before = path.read_bytes()
    with pytest.raises(ValueError, match=told):
        train(change(*build()), checkpoint=path)
    with pytest.raises(ValueError, match=r"fixed_latent is None there and \(3, 2\) here"):
        train(checkpoint=path, fixed_latent=torch.ones(3, 2))
    assert path.read_bytes() == before


def swapped(generator):
    """The same network, with as many weights, and another activation."""
    generator[2] = nn.Tanh()
    return generator


@pytest.mark.parametrize(
    "batches",
    [
        lambda samples: [samples[:8], samples[8:16]],
        lambda samples: [(samples[:8], torch.zeros(8)), (samples[8:16], torch.zeros(8))],
        lambda samples: DataLoader(TensorDataset(samples), 8),
    ],
)
def test_other_numbers_in_a_list_or_a_loader_are_other_data(tmp_path, batches):
    samples, path = sine_points(40), tmp_path / "sine.pt"
    train((*build()[:2], batches(samples)), checkpoint=path)
    train((*build()[:2], batches(samples.clone())), checkpoint=path)
    with pytest.raises(ValueError, match="data is '.*' there and '.*' here"):
        train((*build()[:2], batches(samples + 1)), checkpoint=path)


def test_a_training_may_go_on_for_longer_unless_its_rate_falls_to_the_end(tmp_path, capsys):
    path, whole = tmp_path / "sine.pt", build()
    train(whole, steps=20)
    train(steps=10, checkpoint=path)
    longer = build()
    history = train(longer, steps=20, checkpoint=path)
    assert "going on from step 10 of 20" in capsys.readouterr().out and len(history.records) == 20
    assert equal(longer[0], whole[0]) and equal(longer[1], whole[1])
    fresh = build()
    with pytest.raises(ValueError, match="holds 20 steps, and 15 are asked for"):
        train(fresh, steps=15, checkpoint=path)
    assert equal(fresh[0], build()[0])
    train(steps=10, checkpoint=tmp_path / "falls.pt", decay_lr=True)
    with pytest.raises(ValueError, match="steps, to which rates fall, is 10 there and 20 here"):
        train(steps=20, checkpoint=tmp_path / "falls.pt", decay_lr=True)


def test_numpy_numbers_do_not_spoil_a_checkpoint(tmp_path):
    path = tmp_path / "sine.pt"
    numpy_settings = dict(lr=np.float64(0.01), latent_dim=np.int64(2), steps=np.int64(STEPS))
    first = train(checkpoint=path, **numpy_settings)
    again = train((*build(seed=5)[:2], build()[2]), checkpoint=path)
    assert equal(again.generator, first.generator)


def test_a_nan_after_resuming_names_the_right_step(tmp_path):
    path, networks = tmp_path / "sine.pt", build()
    good, bad = sine_points(8), torch.full((8, 2), math.nan)
    train((*networks[:2], Interrupting([good] * 8, 4)), steps=8, checkpoint=path)
    with pytest.raises(FloatingPointError, match="at step 5; .* weights of step 4 again"):
        later = Interrupting([good] * 4 + [bad] * 4, 99)
        train((*networks[:2], later), steps=8, checkpoint=path)


def test_a_loss_that_is_no_number_stops_the_training_although_the_weights_are_finite():
    network = nn.Linear(1, 1)
    checkpointer = Checkpointer([], [network], {}, None, torch.device("cpu"))
    checkpointer.check(torch.ones(2, 6))
    weight = network.weight.clone()
    nn.init.ones_(network.weight)
    statistics = torch.ones(4, 6)
    statistics[2, 1] = math.nan
    with pytest.raises(FloatingPointError, match="at step 3; .* weights of step 2 again"):
        checkpointer.check(statistics)
    assert torch.equal(network.weight, weight)


def test_a_full_disk_is_said_and_costs_neither_the_older_checkpoint_nor_the_training(
    tmp_path, monkeypatch, capsys
):
    path = tmp_path / "sine.pt"
    train(steps=3, checkpoint=path)
    before = path.read_bytes()

    @contextmanager
    def full(_):
        yield io.BytesIO()
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(checkpoints, "atomic_write", full)
    checkpointer = Checkpointer([], [], {}, path, torch.device("cpu"))
    checkpointer.save()
    said = " ".join(capsys.readouterr().out.split())
    assert "sine.pt could not be written: No space left on device" in said
    assert path.read_bytes() == before
    history = train(checkpoint=tmp_path / "new.pt")
    assert len(history.records) == STEPS and sorted(os.listdir(tmp_path)) == ["sine.pt"]


def test_every_flipped_bit_of_a_checkpoint_is_found_or_changes_nothing(tmp_path):
    path = tmp_path / "sine.pt"
    whole = train(checkpoint=path)
    content = path.read_bytes()
    generator = torch.Generator().manual_seed(0)
    refused = 0
    for place in torch.randint(8 * len(content), (60,), generator=generator).tolist():
        flipped = bytearray(content)
        flipped[place // 8] ^= 1 << place % 8
        path.write_bytes(flipped)
        try:
            again = train(checkpoint=path)
        except ValueError as error:
            assert "sine.pt" in str(error)
            refused += 1
        else:  # a bit that no reader looks at: padding, a time
            assert equal(again.generator, whole.generator)
            assert torch.equal(again.records, whole.records)
    assert refused > 30


def spoil(saved, what):
    if what == "parts missing":
        saved["parts"].pop()
    elif what == "parts shuffled":
        saved["parts"].reverse()
    elif what == "no random state":
        saved["random"] = {}
    elif what == "another shape":
        weights = saved["parts"][0]["parts"][0]
        name = next(iter(weights))
        weights[name] = weights[name].T.contiguous()
    elif what == "another shape in Adam":
        moments = saved["parts"][0]["parts"][-1]["state"][0]
        moments["exp_avg"] = moments["exp_avg"].flatten()
    elif what == "no settings":
        saved["settings"] = None


@pytest.mark.parametrize(
    "what",
    [
        "parts missing",
        "parts shuffled",
        "no random state",
        "another shape",
        "another shape in Adam",
        "no settings",
    ],
)
def test_a_checkpoint_that_does_not_fit_is_refused_and_leaves_the_networks_alone(tmp_path, what):
    path, networks = tmp_path / "sine.pt", build()
    train(checkpoint=path)
    saved = torch.load(path, weights_only=True)
    spoil(saved, what)
    torch.save(saved, path)
    before = [weight.clone() for network in networks[:2] for weight in network.parameters()]
    with pytest.raises(ValueError, match=r"sine\.pt does not (fit this training|say of which)"):
        train(networks, checkpoint=path)
    after = [weight for network in networks[:2] for weight in network.parameters()]
    assert all(map(torch.equal, before, after))


def test_what_may_be_a_good_file_is_not_called_damaged(tmp_path, monkeypatch):
    path = tmp_path / "sine.pt"
    train(checkpoint=path)

    def refuse(*_, **__):
        raise PermissionError(errno.EACCES, "Permission denied", str(path))

    monkeypatch.setattr(checkpoints.zipfile, "ZipFile", refuse)
    with pytest.raises(PermissionError):
        train(checkpoint=path)


def test_a_pipe_is_no_checkpoint_and_the_home_folder_has_a_short_name(tmp_path, monkeypatch):
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(ValueError, match="no ordinary file; give the name of a file"):
        train(checkpoint=tmp_path / "pipe")
    monkeypatch.setenv("HOME", str(tmp_path))
    train(checkpoint="~/runs/c.pt")
    assert os.listdir(tmp_path / "runs") == ["c.pt"]


def test_two_trainings_do_not_share_a_checkpoint(tmp_path):
    path = tmp_path / "sine.pt"
    with file_lock(path), pytest.raises(ValueError, match="written by another process"):
        train(checkpoint=path)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        (dict(epochs=0), "epochs is 0; .* at least 1"),
        (dict(epochs=-2), "epochs is -2"),
        (dict(epochs=1.5), "epochs is 1.5"),
        (dict(steps=0), "steps is 0"),
        (dict(steps=3, epochs=3), "either epochs or steps"),
        (dict(loss="hinged"), "'hinged'.*minimax, nonsaturating"),
        (dict(latent="gaussian"), "'gaussian'.*'normal', 'uniform'"),
        (dict(latent_dim=0), "latent_dim is 0"),
        (dict(lr=0.0), "lr is 0.0"),
        (dict(d_lr=-1e-3), "d_lr is -0.001"),
        (dict(lr=math.nan), "lr is nan"),
        (dict(betas=(0.5, 1.0)), r"betas is \(0.5, 1.0\)"),
        (dict(betas=(0.5, 0.9, 0.9)), "give two numbers"),
        (
            dict(precision=torch.float16),
            "torch.float16'; choose one of 'torch.float32', 'torch.bfloat16'",
        ),
        (dict(on_snapshot=print), "on_snapshot needs a fixed_latent"),
        (dict(ema_decay=1.0), "ema_decay is 1.0"),
        (dict(snapshots=1), "snapshots is 1; .* at least 2"),
        (dict(checkpoint_every=0), "checkpoint_every is 0"),
    ],
    ids=str,
)
def test_bad_arguments_are_named_before_anything_is_changed(changes, message, tmp_path):
    generator, discriminator, batches = build()
    networks = generator.eval(), discriminator.eval(), batches
    with pytest.raises(ValueError, match=message):
        train(networks, checkpoint=tmp_path / "runs" / "c.pt", **changes)
    assert not generator.training and not discriminator.training
    assert list(tmp_path.iterdir()) == []


def test_an_unknown_setting_is_named():
    with pytest.raises(TypeError, match="'learning_rate'"):
        train(learning_rate=1e-3)


def test_batches_that_cannot_be_counted_or_are_empty_are_refused():
    generator, discriminator, batches = build()
    with pytest.raises(ValueError, match="give steps instead"):
        train((generator, discriminator, iter(batches)), epochs=1)
    with pytest.raises(ValueError, match="batches is empty"):
        train((generator, discriminator, []), epochs=1)
    with pytest.raises(ValueError, match="batches is a Tensor; wrap it in Batches"):
        train((generator, discriminator, sine_points(8)), epochs=1)


def test_what_lies_outside_the_state_dict_is_refused_where_a_checkpoint_is_kept(tmp_path):
    generator, discriminator, batches = build()
    generator.register_buffer("count", torch.zeros(1), persistent=False)
    train((generator, discriminator, batches), steps=1)
    with pytest.raises(ValueError, match="keeps count outside its state_dict.*persistent=True"):
        train((generator, discriminator, batches), checkpoint=tmp_path / "sine.pt")


@pytest.mark.parametrize(
    ("damage", "told"),
    [
        (lambda saved: saved["parts"][1].update(records=None), "no table of metrics"),
        (lambda saved: saved["parts"][1].update(records=torch.zeros(3, 2)), "no table of metrics"),
        (lambda saved: saved["parts"][1].update(records=torch.zeros(300, 6)), "holds 300 steps"),
        (lambda saved: saved["parts"][0]["parts"][2].update(state={}), "holds no memory of Adam"),
        (lambda saved: saved["settings"].update({3: "odd"}), "3 is 'odd' there and None here"),
        (lambda saved: saved["parts"][1].update(seconds="long"), "does not fit this training"),
    ],
)
def test_a_checkpoint_made_by_hand_is_refused_in_a_sentence(tmp_path, damage, told):
    path = tmp_path / "sine.pt"
    train(checkpoint=path)
    saved = torch.load(path, weights_only=True)
    damage(saved)
    torch.save(saved, path)
    networks = build()
    with pytest.raises(ValueError, match=told):
        train(networks, checkpoint=path)
    assert equal(networks[0], build()[0]) and equal(networks[1], build()[1])


BROKEN = {
    "a batch of one": dict(batches=lambda b: DataLoader(TensorDataset(b.samples[:33]), 8)),
    "one in a list": dict(batches=lambda b: [b.samples[:8], b.samples[:1]]),
    "other samples": dict(batches=lambda _: [torch.zeros(8, 3)] * 5),
    "a wide probe": dict(probe=torch.zeros(1, 3)),
    "a narrow latent": dict(fixed_latent=torch.zeros(4, 1)),
    "steps of True": dict(steps=True),
    "half a snapshot": dict(fixed_latent=torch.zeros(4, 2), snapshots=2.5),
    "a word for a bool": dict(decay_lr="no"),
    "a loop of links": dict(checkpoint="loop.pt"),
    "a long name": dict(checkpoint="x" * 300),
}
TOLD = {
    "a batch of one": "one sample, and batch norm needs two.*drop_last=True",
    "one in a list": "one sample, and batch norm needs two",
    "other samples": r"batches gives samples of the shape \[3\]; the generator makes \[2\]",
    "a wide probe": r"probe has the shape \[1, 3\]; it must be \['N', 2\]",
    "a narrow latent": r"fixed_latent has the shape \[4, 1\]; it must be \['N', 2\]",
    "steps of True": "steps is True; it must be a whole number",
    "half a snapshot": "snapshots is 2.5; it must be a whole number of at least 2",
    "a word for a bool": "decay_lr is 'no'; it must be True or False",
    "a loop of links": "loop.pt cannot be written",
    "a long name": "cannot be written|too long",
}


@pytest.mark.parametrize("what", BROKEN)
def test_what_would_end_in_a_traceback_later_is_refused_in_a_sentence(tmp_path, monkeypatch, what):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "loop.pt").symlink_to("loop.pt")
    generator, discriminator, batches = build()
    change = dict(BROKEN[what])
    batches = change.pop("batches", lambda b: b)(batches)
    with pytest.raises(ValueError, match=TOLD[what]):
        train((generator, discriminator, batches), **change)


def test_without_gradients_nothing_is_trained():
    with torch.no_grad(), pytest.raises(ValueError, match="gradients are switched off here"):
        train()


def test_networks_of_float64_get_latent_vectors_of_float64():
    generator, discriminator, batches = build()
    batches = Batches(batches.samples.double(), 8)
    history = train((generator.double(), discriminator.double(), batches), steps=2)
    assert history.records.isfinite().all()


def test_a_loader_without_a_length_is_enough_for_steps(tmp_path):
    class Stream(IterableDataset):
        def __iter__(self):
            return iter(sine_points(40))

    loader = DataLoader(Stream(), 8)
    train((*build()[:2], loader), steps=3, checkpoint=tmp_path / "a.pt")
    with pytest.raises(ValueError, match="no length to count epochs by; give steps"):
        train((*build()[:2], loader), epochs=1)
