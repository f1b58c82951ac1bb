"""What attackers found: inputs that gave a wrong result, lost work, or an error nobody reads."""

import os

import pytest
import torch
from PIL import Image
from torch import nn

from gan_utils.data.batches import Batches
from gan_utils.data.pictures import picture_tensor
from gan_utils.data.sine import sine_points
from gan_utils.files import file_lock
from gan_utils.gan.models import MLPDiscriminator, MLPGenerator
from gan_utils.gan.training import train_gan
from gan_utils.scores.results import final_scores, print_results, stored_results
from gan_utils.style.transfer import transfer_style
from gan_utils.style.vgg import VGGFeatures
from workshop.stress.hostile import KINDS, outcome

POINTS = sine_points(64)


def train(generator=None, discriminator=None, batches=None, **how):
    torch.manual_seed(0)
    generator = MLPGenerator(2, (8,), 2) if generator is None else generator
    discriminator = discriminator or MLPDiscriminator(2, (8,))
    batches = Batches(POINTS, 8) if batches is None else batches
    settings = dict(steps=4, latent_dim=2, progress=False) | how
    return train_gan(generator, discriminator, batches, **settings)


@pytest.mark.parametrize("kind", ["data", "training", "checkpoints"])
def test_no_hostile_call_ends_in_a_raw_error(kind, tmp_path, monkeypatch):
    monkeypatch.setenv("GAN_UTILS_OFFLINE", "1")
    monkeypatch.setenv("GAN_UTILS_DATA", str(tmp_path))
    ends = [(name, *outcome(call)) for name, call in KINDS[kind](tmp_path)]
    assert [(name, said) for name, how, said in ends if how == "raw"] == []
    assert len(ends) > 50 and sum(how == "sentence" for _, how, _ in ends) > 0.8 * len(ends)


def test_an_error_from_elsewhere_is_called_raw():
    assert outcome(lambda: torch.zeros(2) @ torch.zeros(3))[0] == "raw"
    assert outcome(lambda: Batches(POINTS, 99))[0] == "sentence"
    assert outcome(lambda: None) == ("well", "")


class Gated(nn.Module):
    """A discriminator whose sigmoid is a gate, and the last layer that it names."""

    def __init__(self):
        super().__init__()
        self.layer, self.gate = nn.Linear(2, 1), nn.Sigmoid()

    def forward(self, samples):
        logits = self.layer(samples)
        return logits * self.gate(logits) * 3


def test_only_a_sigmoid_at_the_end_is_refused():
    train(discriminator=Gated())
    for end in (nn.Flatten(), nn.Identity()):
        with pytest.raises(ValueError, match="ends in a sigmoid"):
            train(discriminator=nn.Sequential(nn.Linear(2, 1), nn.Sigmoid(), end))


class Blind(nn.Linear):
    def forward(self, samples):
        return super().forward(samples.detach())


def test_a_discriminator_that_cuts_the_generator_off_is_refused():
    with pytest.raises(ValueError, match="no gradient goes from the discriminator's logits"):
        train(discriminator=Blind(2, 1))


def test_networks_that_share_weights_are_refused():
    shared = nn.Linear(2, 2)
    with pytest.raises(ValueError, match="share 2 weights"):
        train(nn.Sequential(shared), nn.Sequential(shared, nn.Linear(2, 1)))


def test_layers_that_work_in_place_are_as_good_as_others():
    train(discriminator=nn.Sequential(nn.LeakyReLU(0.2, inplace=True), nn.Linear(2, 1)))


class Indexed(nn.Module):
    def __init__(self):
        super().__init__()
        self.layer = nn.Linear(2, 2)
        self.register_buffer("places", torch.arange(64))
        self.register_buffer("mask", torch.tensor([0.0, -torch.inf]))

    def forward(self, latent):
        return self.layer(latent)


def test_indices_are_not_averaged_and_masks_may_be_infinite():
    history = train(Indexed(), steps=200, ema_decay=0.9)
    assert history.generator.places.tolist() == list(range(64))
    assert len(history.records) == 200


class InPlace(nn.Module):
    def __init__(self, outputs):
        super().__init__()
        self.layer = nn.Linear(2, outputs)

    def forward(self, inputs):
        if not inputs.requires_grad:
            inputs *= 0.5
        return self.layer(inputs)


def test_networks_that_work_in_place_change_nothing_of_the_user():
    latent, probe, batch = torch.ones(3, 2), torch.ones(4, 2), POINTS[:8].clone()
    train(InPlace(2), InPlace(1), [batch], fixed_latent=latent, probe=probe, snapshots=3)
    assert latent.eq(1).all() and probe.eq(1).all() and batch.equal(POINTS[:8])


def test_a_picture_may_switch_to_evaluation():
    generator, modes = MLPGenerator(2, (8,), 2), []
    generator.register_forward_hook(lambda network, *_: modes.append(network.training))
    look = dict(fixed_latent=torch.ones(3, 2), snapshots=2, every_seconds=0.0)
    train(generator, on_snapshot=lambda history: history.generator.eval(), steps=3, **look)
    assert modes[-3:-1] == [True, True]  # of the last step, before its picture


def test_another_working_folder_moves_no_checkpoint(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "elsewhere").mkdir()
    look = dict(
        fixed_latent=torch.ones(3, 2), on_snapshot=lambda _: os.chdir(tmp_path / "elsewhere")
    )
    train(checkpoint="run.pt", **look)
    assert (tmp_path / "run.pt").is_file() and not list((tmp_path / "elsewhere").iterdir())


def test_a_lock_of_somebody_else_is_left_alone(tmp_path):
    (tmp_path / "poetry.lock").write_text("mine")
    with file_lock(tmp_path / "poetry"):
        pass
    assert (tmp_path / "poetry.lock").read_text() == "mine"


def test_a_name_too_long_to_be_saved_is_refused_before_the_training(tmp_path):
    with pytest.raises(ValueError, match="cannot be written"):
        train(checkpoint=tmp_path / ("x" * 246))


def _forget(memory):
    del memory["exp_avg_sq"]


def _shrink(memory):
    memory["exp_avg_sq"] = torch.zeros(1)


@pytest.mark.parametrize("change", [_forget, _shrink])
def test_an_optimiser_that_remembers_other_weights_is_refused(tmp_path, change):
    path = tmp_path / "run.pt"
    train(checkpoint=path)
    saved = torch.load(path, weights_only=True)
    change(saved["parts"][0]["parts"][2]["state"][0])
    torch.save(saved, path)
    with pytest.raises(ValueError, match="Adam remembers"):
        train(checkpoint=path)


@pytest.mark.parametrize("batches", [Batches(POINTS, 1), [POINTS[:1], POINTS]])
def test_batches_of_one_are_refused_where_batch_norm_is(batches):
    normed = nn.Sequential(nn.Linear(2, 4), nn.BatchNorm1d(4), nn.Linear(4, 1))
    with pytest.raises(ValueError, match="batch norm needs two"):
        train(discriminator=normed, batches=batches)


def test_a_generator_that_cannot_be_copied_cannot_be_averaged():
    with pytest.warns(FutureWarning, match="weight_norm"):
        generator = nn.utils.weight_norm(nn.Linear(2, 2))
    with pytest.raises(ValueError, match="cannot be copied, which ema_decay needs"):
        train(generator, ema_decay=0.9)


def test_samples_that_a_network_made_are_only_data():
    network = nn.Linear(2, 2)
    train(batches=Batches(network(POINTS), 8))
    assert network.weight.grad is None


@pytest.mark.parametrize(
    ("content", "how", "message"),
    [
        ("palace.jpg", {}, "content is a str; give what picture_tensor makes of it"),
        (torch.rand(3, 64, 64).double(), {}, "content is torch.float64"),
        (torch.empty(3, 0, 64), {}, r"content is torch.float32 \[3, 0, 64\]"),
        (torch.rand(3, 64, 64), dict(calls="3"), "calls is '3'"),
        (torch.rand(3, 64, 64), dict(sizes=1.5), "sizes is 1.5"),
        (torch.rand(3, 64, 64), dict(keep_colors="no"), "keep_colors is 'no'"),
    ],
)
def test_pictures_and_numbers_of_another_kind_are_named(content, how, message):
    with pytest.raises(ValueError, match=message):
        transfer_style(
            content,
            torch.rand(3, 64, 64),
            VGGFeatures(["relu1_1"], "random"),
            progress=False,
            **how,
        )


def test_a_picture_of_16_bits_keeps_its_greys_and_none_may_fill_the_memory():
    deep = Image.new("I;16", (8, 8), 20_000)
    assert picture_tensor(deep, 8).mean().item() == pytest.approx(20_000 / 65_535, abs=0.003)
    with pytest.raises(ValueError, match="size is 10000000; a picture may have at most"):
        picture_tensor(deep, 10**7)


def test_scores_that_are_not_there_are_named(tmp_path):
    results = stored_results("digits-control")
    [found] = results.values()
    with pytest.raises(ValueError, match="no score is called 'fid'; choose one of frechet"):
        final_scores(found, "trained", "fid")
    with pytest.raises(ValueError, match="there are no results"):
        print_results({})
    (tmp_path / "odd_a_1.json").write_text("{}")
    with pytest.raises(ValueError, match="odd_a_1.json is cut short or no result"):
        stored_results("odd", tmp_path)
