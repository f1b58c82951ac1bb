"""The clinic of lesson 06: patients to ask, and the check of a diagnosis."""

from dataclasses import replace
from typing import Any, NamedTuple

import torch

from gan_utils.exercises.clinic import exchange, train
from gan_utils.exercises.measurements import MEASUREMENTS, ask, show_run
from gan_utils.exercises.patients import PATIENTS, Patient
from gan_utils.exercises.verdicts import Verdict, accepted, not_yet, unanswered

SEED = 1  # of the run that a learner sees, and of its mended twin, on the CPU and in quick length


class Cause(NamedTuple):
    """What can be wrong.

    Attributes:
        words: for the learner.
        seen_in: the measurement that would show it first.
    """

    words: str
    seen_in: str


CAUSES = {
    "range": Cause("the data have another range than the generator's output", "data"),
    "optimizer": Cause("an optimiser holds the weights of the wrong network", "weights"),
    "zero_grad": Cause("gradients of earlier steps are never cleared", "gradients"),
    "detach": Cause("the loss of one network moves the other one too", "reference"),
    "labels": Cause("the generator's loss asks for the wrong label", "reference"),
    "sigmoid": Cause("a sigmoid stands before a loss that takes logits", "logits"),
    "rate": Cause("the discriminator's learning rate is far too high", "constants"),
    "order": Cause("the data come in order and not shuffled", "batches"),
    "seed": Cause("each step draws the same latent vectors", "latents"),
    "mixed": Cause("batch norm in D sees real and generated samples together", "company"),
    "mode": Cause("samples are drawn in the wrong mode", "modes"),
    "buffers": Cause("the averaged copy lacks batch norm's running statistics", "modes"),
    "memory": Cause("too few samples to learn from: D knows them by heart", "batches"),
    "steps": Cause("nothing is wrong: it needs more steps", "curves"),
}

# For each patient: the cause, the measurements that tell it from others, and what speaks against
# the diagnoses that come to mind first.
FINDINGS: dict[int, tuple[str, set[str], dict[str, str]]] = {
    0: (
        "labels",
        {"reference"},
        {
            "steps": "the points do move: away from the curve, and further with every step",
            "rate": "the constants are those of the healthy run",
            "optimizer": "both networks have moved",
        },
    ),
    1: (
        "optimizer",
        {"weights"},
        {
            "steps": "the weights of G have not moved at all; more steps of nothing are nothing",
            "rate": "the constants are those of the healthy run; and any rate would move G a bit",
            "labels": "a wrong label moves G the wrong way; the weights of this one stand still",
            "zero_grad": "gradients of G do pile up, but because nobody takes them: G stands still",
            "detach": "G does get a gradient, as the reference does; look at what becomes of it",
        },
    ),
    2: (
        "zero_grad",
        {"gradients"},
        {
            "rate": "the constants are those of the healthy run; what is it that they multiply?",
            "steps": "after a third of the steps they were the same blots",
            "optimizer": "both networks have moved, and far",
            "labels": "for one batch alone, the step finds the gradients of the reference",
            "detach": "the first step finds the gradients of the reference, of both networks",
            "sigmoid": "the logits have both signs; behind a sigmoid none would be below 0",
            "range": "real and generated samples have the same range",
        },
    ),
    3: (
        "detach",
        {"reference"},
        {
            "labels": "with a wrong label D(G(z)) falls to 0; here it is held at 1/2",
            "steps": "the curves have been flat for two thirds of the run",
            "optimizer": "each network has moved",
            "zero_grad": "an update gets the gradient of its batch and nothing more",
            "sigmoid": "the logits of real points lie far above 1; no sigmoid gives that",
        },
    ),
    4: (
        "range",
        {"data"},
        {
            "steps": "the digits are there; what is wrong is the background, in every snapshot",
            "mode": "all three draw the same grey",
            "rate": "the constants are those of the healthy run, and the losses are calm",
            "memory": "batches hold as many different samples as there are",
        },
    ),
    5: (
        "seed",
        {"latents"},
        {
            "steps": "three times as many steps leave torn digits beside whole ones",
            "buffers": "the trained generator draws the same noise as its averaged copy",
            "mode": "all three draw the same noise, from the same latent vectors",
            "memory": "batches hold many different images; look at the generator's side",
        },
    ),
    6: (
        "rate",
        {"constants", "logits"},
        {
            "range": "real and generated samples have the same range",
            "sigmoid": "the logits go far beyond 0 and 1; no sigmoid gives that",
            "labels": "in single steps the gradients are those of the reference",
            "steps": "a loss that has jumped again and again will go on jumping",
            "zero_grad": "an update gets the gradient of its batch and nothing more",
        },
    ),
    7: (
        "sigmoid",
        {"logits"},
        {
            "steps": "both losses have stood still for half of the run",
            "rate": "the constants are those of the healthy run",
            "optimizer": "both networks have moved",
            "labels": "the step is that of lesson 01, as the reference shows",
            "detach": "the step is that of lesson 01, as the reference shows",
        },
    ),
    8: (
        "mixed",
        {"company", "reference"},
        {
            "rate": "the constants are those of the healthy run",
            "labels": "D is sure because it can be: of other batches it says something else",
            "memory": "batches hold as many different samples as there are",
            "steps": "D has made no mistake for two thirds of the run; G has nothing to go by",
        },
    ),
    9: (
        "buffers",
        {"modes"},
        {
            "steps": "the trained generator draws faces already; only the copy does not",
            "range": "real samples fill the range, and so do those of the trained generator",
            "mode": "in evaluation mode, the trained generator draws faces",
            "rate": "the constants are those of the healthy run",
        },
    ),
    10: (
        "memory",
        {"batches", "kept_back", "nearest"},
        {
            "seed": "the latent vectors are all different",
            "steps": "with more steps D knows its pictures only better",
            "order": "the batches come shuffled; but how many different samples do they hold?",
            "rate": "the constants are those of the healthy run",
        },
    ),
}


class Consultation:
    """A patient, trained and shown; `ask` measures more, for minutes of your time.

    Args:
        number: of the patient.
        device: where it is trained.
        longer: how many times as many steps as in quick mode, at least for 90 of them.

    Raises:
        ValueError: there is no such patient, or there are too few steps.
    """

    def __init__(
        self, number: int, device: torch.device | str = "cpu", *, longer: float = 1
    ) -> None:
        """Train the patient, and show its curves and samples."""
        patient = _patient(number)
        steps = round(longer * patient.sick.steps)
        self.run = train(replace(patient.sick, steps=steps), SEED, device)
        self.minutes = 0
        show_run(self.run)

    def ask(self, measurement: str, part: str | None = None) -> None:
        """Print a measurement, and what all of them have cost so far; see `measurements.ask`."""
        self.minutes += ask(self.run, measurement, part)
        print(f"({measurement}; so far {self.minutes} min)")


def diagnosis(
    number: int,
    cause: str | None,
    measurement: str | None,
    mend: dict[str, Any] | None,
) -> Verdict:
    """Check what is wrong with a patient, what shows it, and a mend, with which it is trained.

    Args:
        number: of the patient.
        cause: a name in `CAUSES`; None if there is no answer yet.
        measurement: the one that tells this cause from others.
        mend: parts of the training run to exchange, by their names, such as `dict(d_lr=1e-4)`.

    Raises:
        ValueError: there is no such patient.
    """
    patient, name = _patient(number), f"patient {number}"
    if number not in FINDINGS:
        raise ValueError(f"FINDINGS has no entry for patient {number!r}; add one to check answers")
    right, telling, refuted = FINDINGS[number]
    if cause is None:
        return unanswered(name)
    if cause not in [*CAUSES]:  # a list can be compared, but is no key
        return not_yet(name, f"{cause!r} is not among {', '.join(CAUSES)}")
    if cause != right:
        seen_in = CAUSES[cause].seen_in
        look = f"that would show in {seen_in!r}; compare it with that of the healthy run"
        return not_yet(name, refuted.get(cause, look))
    if measurement not in [*MEASUREMENTS]:
        look = f"the cause is right; which one shows it: {', '.join(MEASUREMENTS)}?"
        return not_yet(name, look)
    if measurement not in telling:
        look = f"the cause is right, but {measurement!r} does not tell it from others"
        if measurement == "code":
            look = "the cause is right; which measurement shows it without reading the code?"
        return not_yet(name, look)
    if mend is None:
        return not_yet(name, "cause and measurement are right; now mend it")
    return _judged(patient, name, mend)


def _judged(patient: Patient, name: str, mend: dict[str, Any]) -> Verdict:
    """Train the patient with a mend, and look whether the symptom is gone."""
    if not isinstance(mend, dict):
        return not_yet(name, f"a dictionary of parts is needed, not {mend!r}")
    for part in ("kept", "draw", "average"):
        if part in mend and part not in patient.change:
            return not_yet(name, f"{part!r} changes what one sees of a run, not what it does")
    try:
        run = train(exchange(patient.sick, mend), SEED)
        well = patient.is_well(run)
    except Exception as error:  # of a learner's own code, or of a part that does not fit
        return not_yet(name, f"the mended run fails: {type(error).__name__}: {error}")
    if well:
        return accepted(name)
    low, high = patient.normal
    look = f"the symptom is still there: without it {patient.symptom.__name__} lies between"
    return not_yet(name, f"{look} {low:g} and {high:g}, and samples vary")


def _patient(number: int) -> Patient:
    if number not in PATIENTS:
        raise ValueError(
            f"there is no patient {number!r}; they are {', '.join(map(str, PATIENTS))}"
        )
    return PATIENTS[number]
