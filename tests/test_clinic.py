"""The clinic: runs in parts, what can be asked about them, and the check of a diagnosis."""

import re
from dataclasses import replace
from functools import cache

import pytest
import torch

from gan_utils.exercises import lesson_06
from gan_utils.exercises.clinic import CURVES, MOMENTS, exchange, train
from gan_utils.exercises.lesson_06 import CAUSES, FINDINGS, Consultation, diagnosis
from gan_utils.exercises.measurements import MEASUREMENTS, PRICES, ask
from gan_utils.exercises.patients import (
    DIGITS,
    FACES,
    PATIENTS,
    SINE,
    Patient,
    blackness,
    strangeness,
    unevenness,
    variety,
)
from gan_utils.gan.ema import ema_of

SHORT = 90  # steps


def short(number, steps=SHORT):
    return train(replace(PATIENTS[number].sick, steps=steps), 1)


@pytest.mark.parametrize("game", [SINE, DIGITS, FACES], ids=["sine", "digits", "faces"])
def test_a_run_keeps_what_one_may_ask_about(game):
    run = train(replace(game, steps=SHORT), 1)
    assert run.records.shape == (SHORT, len(CURVES)) and len(run.snapshots) == len(MOMENTS)
    assert run.snapshots[-1].shape[1:] == run.real.shape[1:]
    again = train(replace(game, steps=SHORT), 1)
    assert torch.equal(run.records, again.records)
    assert torch.equal(run.snapshots[-1], again.snapshots[-1])


def test_all_healthy_budgets_have_their_moments():
    for game in (SINE, DIGITS, FACES):
        assert len({game.steps // part for part in MOMENTS}) == len(MOMENTS)
        assert game.steps // MOMENTS[0] > 0


def test_the_averaged_copy_follows_as_that_of_the_package_does():
    generator = DIGITS.generator()
    copy, theirs = DIGITS.generator(), ema_of(generator, 0.99)
    copy.load_state_dict(generator.state_dict())
    theirs.update_parameters(generator)  # the first call takes all over
    for _ in range(3):
        generator(torch.randn(8, DIGITS.latent_dim))
        with torch.no_grad():
            for weight in generator.parameters():
                weight.add_(0.1)
        DIGITS.average(copy, generator)
        theirs.update_parameters(generator)
    for (name, ours), their in zip(
        copy.named_parameters(), theirs.module.parameters(), strict=True
    ):
        torch.testing.assert_close(ours, their, msg=name)
    assert all(map(torch.equal, copy.buffers(), generator.buffers()))


def test_no_part_disturbs_the_random_numbers_outside():
    torch.manual_seed(5)
    wanted = torch.rand(3)
    torch.manual_seed(5)
    short(5)
    assert torch.equal(torch.rand(3), wanted)


def test_each_patient_has_one_exchanged_part_and_a_finding():
    assert PATIENTS.keys() == FINDINGS.keys()
    for number, patient in PATIENTS.items():
        [part] = patient.change
        assert getattr(patient.sick, part) != getattr(patient.healthy, part)
        cause, telling, refuted = FINDINGS[number]
        assert cause in CAUSES and cause not in refuted and telling
        assert {*refuted} <= {*CAUSES} and len(refuted) >= 3
        assert telling <= {*MEASUREMENTS} and "code" not in telling
    assert {cause.seen_in for cause in CAUSES.values()} <= {*MEASUREMENTS, "curves"}


TOLD = {  # the patient, the measurement, and what is seen in it
    "weights": (1, r"generator +moved by 0\.000 .*\ndiscriminator +moved by 0\.[1-9]"),
    "gradients": (2, r"generator +[\d.]+ in the next update, [\d.]+ of its batch"),
    "reference": (0, r"generator +[01]\.\d\d times as long, cosine -1\.00"),
    "data": (4, r"real +from +0\.00 to +1\.00"),
    "latents": (5, r"1280 latent vectors, 64 of them different"),
    "constants": (6, r"rates: 0\.0005 \(G\), 0\.02 \(D\)"),
    "logits": (7, r"real +from [\d.e-]+ to [\d.e-]+, mean [\d.e-]+\ngenerated +from [\d.e-]+ to"),
    "batches": (10, r"320 samples, 40 of them different"),
}


@pytest.mark.parametrize("measurement", TOLD)
def test_a_measurement_tells_what_it_is_asked_for(measurement, capsys):
    number, told = TOLD[measurement]
    run = short(number)
    before = run.discriminator.state_dict()
    kept = {name: value.clone() for name, value in before.items()}
    price = ask(run, measurement)
    assert price == PRICES[MEASUREMENTS[measurement]]
    assert re.search(told, capsys.readouterr().out)
    assert all(torch.equal(value, kept[name]) for name, value in before.items())


def test_gradients_that_nobody_clears_grow_and_others_do_not(capsys):
    found = {}
    for name, training in (("sick", PATIENTS[2].sick), ("healthy", DIGITS)):
        ask(train(replace(training, steps=SHORT), 1), "gradients")
        used, alone = re.search(
            r"generator +(\S+) in the next update, (\S+) of", capsys.readouterr().out
        ).groups()
        found[name] = float(used) / float(alone)
    assert found["sick"] > 10 and found["healthy"] == pytest.approx(1, abs=0.01)


def test_a_discriminator_that_judges_batches_is_found_by_company(capsys):
    run = short(8)
    buffers = [buffer.clone() for buffer in run.discriminator.buffers()]
    ask(run, "company")
    alone, mixed = map(float, re.findall(r"(\d\.\d+)$", capsys.readouterr().out, re.M))
    assert mixed - alone > 0.05
    assert all(map(torch.equal, run.discriminator.buffers(), buffers))


def test_a_copy_without_buffers_is_found_by_modes(capsys):
    ask(short(9, 270), "modes")
    first, _, copy = map(float, re.findall(r"deviation (\S+)", capsys.readouterr().out))
    assert copy < first / 3


def test_code_shows_a_part_and_what_cannot_be_asked_is_told(capsys):
    run = short(1)
    assert ask(run, "code", "optimizers") == 10
    assert "def optimizers_1(" in capsys.readouterr().out
    for part, told in (("d_lr", "d_lr = 0.001"), ("discriminator", "Linear("), ("data", "_points")):
        ask(run, "code", part)
        assert told in capsys.readouterr().out
    with pytest.raises(ValueError, match="'weight' cannot be asked for; choose among constants"):
        ask(run, "weight")
    for arguments in (("code",), ("code", "rate"), ("data", "step")):
        with pytest.raises(ValueError, match='"code" needs one of data'):
            ask(run, *arguments)


def test_the_bill_adds_up(capsys, monkeypatch):
    monkeypatch.setitem(PATIENTS, 1, replace(PATIENTS[1], healthy=replace(SINE, steps=SHORT)))
    one = Consultation(1)
    one.ask("weights")
    one.ask("reference")
    assert one.minutes == 6 and "so far 6 min" in capsys.readouterr().out
    with pytest.raises(ValueError, match="there is no patient 99; they are 0, 1"):
        Consultation(99)


@pytest.mark.parametrize(
    ("answers", "told"),
    [
        ((None, None, None), "no answer yet"),
        (("rat", None, None), "'rat' is not among range, optimizer"),
        ((["rate"], None, None), "['rate'] is not among range, optimizer"),
        (("order", None, None), "that would show in 'batches'; compare"),
        (("rate", None, None), "any rate would move G"),
        (("optimizer", None, None), "which one shows it: constants"),
        (("optimizer", "data", None), "'data' does not tell it from others"),
        (("optimizer", "code", None), "which measurement shows it without reading"),
        (("optimizer", "weights", None), "now mend it"),
        (("optimizer", "weights", {"rates": 1}), "'rates' cannot be exchanged; choose"),
        (("optimizer", "weights", {"steps": 9}), "'steps' cannot be exchanged"),
        (("optimizer", "weights", 3), "a dictionary of parts is needed, not 3"),
        (("optimizer", "weights", {"step": 3}), "the mended run fails: TypeError: 'int' object"),
        (("optimizer", "weights", {"batch_size": 0}), "the mended run fails: "),
        (("optimizer", "weights", {"draw": abs}), "'draw' changes what one sees of a run"),
    ],
)
def test_a_diagnosis_gets_a_sentence(answers, told):
    found = diagnosis(1, *answers)
    assert told in " ".join(str(found).split()) and not found.right


def test_the_check_trains_the_patient_with_the_mend_and_nothing_else(monkeypatch):
    trained = []
    monkeypatch.setattr(lesson_06, "train", lambda training, _: trained.append(training))
    for well, told in ((True, "right"), (False, "still there: without it strangeness lies")):
        monkeypatch.setattr(Patient, "is_well", lambda *_, well=well: well)
        found = diagnosis(7, "sigmoid", "logits", dict(d_lr=5.0))
        assert found.right == well and told in " ".join(str(found).split())
    assert trained == [replace(PATIENTS[7].sick, d_lr=5.0)] * 2
    assert trained[0].discriminator is PATIENTS[7].change["discriminator"]


@cache
def healthy_run(training):
    return train(replace(training, steps=SHORT), 1)


def with_samples(patient, samples):
    """A run of no steps to speak of, with samples of one's own."""
    return replace(healthy_run(patient.healthy), snapshots=[samples])


def test_symptoms_are_measured_of_the_samples():
    even = SINE.kept()
    assert unevenness(with_samples(PATIENTS[1], even)) < 0.1
    assert unevenness(with_samples(PATIENTS[1], even + torch.tensor([0.0, 2.0]))) > 1
    assert unevenness(with_samples(PATIENTS[1], even + torch.tensor([2.0, 0.0]))) > 2
    kept = DIGITS.prepare(DIGITS.kept())
    assert strangeness(with_samples(PATIENTS[2], kept)) == pytest.approx(1)
    assert strangeness(with_samples(PATIENTS[2], torch.rand_like(kept) * 2 - 1)) > 2
    assert blackness(with_samples(PATIENTS[4], kept)) == (kept < -0.9).float().mean()
    assert 0.8 < variety(with_samples(PATIENTS[8], FACES.prepare(FACES.kept()))) < 1.2


@pytest.mark.parametrize("number", [1, 4, 5, 8, 10])
def test_samples_that_do_not_vary_or_are_not_finite_are_never_well(number):
    patient = PATIENTS[number]
    kept = patient.healthy.prepare(patient.healthy.kept())
    one, none = kept[:1].expand(64, *kept.shape[1:]), torch.full_like(kept[:64], torch.nan)
    for samples in (one, none, none * 0 + torch.inf, kept.mean(0, keepdim=True).expand_as(one)):
        assert not patient.is_well(with_samples(patient, samples)), samples[0]


def test_a_mend_is_judged_beside_the_data_of_the_healthy_run():
    blind = exchange(PATIENTS[4].sick, dict(prepare=lambda images: -torch.ones(images.shape)))
    assert not PATIENTS[4].is_well(train(replace(blind, steps=SHORT), 1))


def test_copies_of_few_pictures_are_not_well_although_others_were_kept_back():
    """Beside all pictures they are as far from the nearest one as samples of a healthy run."""
    patient = PATIENTS[10]
    run = train(replace(patient.sick, steps=SHORT), 1)
    copies = run.real[torch.arange(120) % 40]
    copies = (copies + 0.26 * torch.randn(copies.shape)).clamp(-1, 1)
    beside = replace(run, snapshots=[copies], real=patient.healthy.prepare(patient.healthy.data()))
    assert strangeness(beside) > 1.3
    assert not patient.is_well(replace(run, snapshots=[copies]))


def test_the_same_question_gets_the_same_answer(capsys):
    run = short(4)
    answers = []
    for _ in range(2):
        state = torch.get_rng_state()
        ask(run, "batches")
        assert torch.equal(torch.get_rng_state(), state)
        answers.append(capsys.readouterr().out)
    assert answers[0] == answers[1]


def test_kept_back_and_nearest_compare_with_samples_that_were_not_learned_from(capsys):
    run = short(4)
    ask(run, "kept_back")
    shares = [float(x) for x in re.findall(r"D = (\S+)", capsys.readouterr().out)]
    assert len(shares) == 3 and all(0 <= share <= 1 for share in shares)
    ask(run, "nearest")
    far, near = map(float, re.findall(r"from: (\S+)", capsys.readouterr().out))
    assert far > near > 0


def test_a_run_that_is_too_short_is_refused():
    with pytest.raises(ValueError, match="steps is 9; a run needs at least 90"):
        train(replace(SINE, steps=9), 1)


def test_an_eleventh_patient_can_be_asked_and_needs_a_finding_to_be_checked(monkeypatch):
    monkeypatch.setitem(PATIENTS, 11, replace(PATIENTS[6], healthy=replace(SINE, steps=SHORT)))
    with pytest.raises(ValueError, match="FINDINGS has no entry for patient 11"):
        diagnosis(11, "rate", "constants", None)


def test_exchange_leaves_the_number_of_steps_alone():
    assert exchange(SINE, dict(d_lr=2.0)).d_lr == 2.0
    with pytest.raises(ValueError, match="'steps' cannot be exchanged; choose among data"):
        exchange(SINE, dict(steps=10))
