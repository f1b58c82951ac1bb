"""The clinic: runs in parts, what can be asked about them, and the check of a diagnosis."""

import re
from dataclasses import replace

import pytest
import torch

from gan_utils.exercises import lesson_06
from gan_utils.exercises.clinic import CURVES, MOMENTS, exchange, train
from gan_utils.exercises.lesson_06 import CAUSES, FINDINGS, Consultation, diagnosis
from gan_utils.exercises.measurements import MEASUREMENTS, PRICES, ask
from gan_utils.exercises.patients import DIGITS, FACES, PATIENTS, SINE
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
    "gradients": (2, r"generator +[\d.]+ at the last update, [\d.]+ of one batch alone"),
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
            r"generator +(\S+) at the last update, (\S+) of", capsys.readouterr().out
        ).groups()
        found[name] = float(used) / float(alone)
    assert found["sick"] > 10 > 3 > found["healthy"]


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
    assert one.minutes == 6 and "so far: 6 minutes" in capsys.readouterr().out
    with pytest.raises(ValueError, match="there is no patient 99; they are 0, 1"):
        Consultation(99)


@pytest.mark.parametrize(
    ("answers", "told"),
    [
        ((None, None, None), "no answer yet"),
        (("rat", None, None), "'rat' is not among range, optimizer"),
        (("order", None, None), "that would show in 'batches'"),
        (("rate", None, None), "any rate would move G"),
        (("optimizer", None, None), "which one shows it: constants"),
        (("optimizer", "data", None), "'data' does not tell it from others"),
        (("optimizer", "weights", None), "now mend it"),
        (("optimizer", "weights", {"rates": 1}), "'rates' cannot be exchanged; choose"),
        (("optimizer", "weights", {"steps": 9}), "'steps' cannot be exchanged"),
        (("optimizer", "weights", 3), "a dictionary of parts is needed, not 3"),
    ],
)
def test_a_diagnosis_gets_a_sentence(answers, told):
    found = diagnosis(1, *answers)
    assert told in " ".join(str(found).split()) and not found.right


def test_a_mend_is_accepted_only_if_the_symptom_is_gone(monkeypatch):
    monkeypatch.setattr(lesson_06, "train", lambda training, _: training)
    for well, told in (
        (True, "right"),
        (False, "still there: without it length lies between 6 and 9"),
    ):
        patient = replace(PATIENTS[6], symptom=length, normal=(0, 9) if well else (6, 9))
        monkeypatch.setitem(PATIENTS, 6, patient)
        found = diagnosis(6, "rate", "constants", dict(d_lr=5.0))
        assert found.right == well and told in " ".join(str(found).split())


def length(training):
    return training.d_lr


def test_exchange_leaves_the_number_of_steps_alone():
    assert exchange(SINE, dict(d_lr=2.0)).d_lr == 2.0
    with pytest.raises(ValueError, match="'steps' cannot be exchanged; choose among data"):
        exchange(SINE, dict(steps=10))
