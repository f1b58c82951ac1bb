"""One training run of an experiment: scored along the way, kept in a small file, never stale."""

import json
import math
from dataclasses import dataclass
from functools import partial
from hashlib import sha256
from pathlib import Path
from typing import Any

import torch
import torchvision
from torch import Tensor, nn

from gan_utils.data.batches import Batches
from gan_utils.files import atomic_write
from gan_utils.gan.callbacks import snapshot_steps
from gan_utils.gan.history import History
from gan_utils.gan.latent import draw_latent
from gan_utils.gan.losses import R1_WEIGHT, gradient_penalty, named_loss
from gan_utils.gan.models import evaluate
from gan_utils.gan.recipes import Recipe
from gan_utils.gan.training import train_gan
from gan_utils.randomness import seeded
from gan_utils.runtime import device_name
from gan_utils.scores.results import load_result
from workshop.experiments.evaluators import Evaluator, evaluator_of, evaluator_settings

MOMENTS = 13  # scores of one training run, evenly spaced, the untrained networks included
EMA_DECAY = 0.999  # averaging, for a recipe without: it changes nothing in the training
SHOWN = 40  # samples in the stored picture


@dataclass(frozen=True)
class Trial:
    """One training run of an experiment.

    Attributes:
        experiment, row: where its result belongs.
        recipe: what is trained.
        steps: for how long.
        seed: of weights, order and latent vectors.
        source: of what is learned from, see `evaluators.evaluator_of`.
        position: of the row in the experiment's table.
        count: samples to learn from, where not all.
    """

    experiment: str
    row: str
    recipe: Recipe
    steps: int
    seed: int
    source: str = "mnist"
    position: int = 0
    count: int | None = None

    @property
    def file(self) -> str:
        """The name of the file of its result."""
        row = self.row.lower().replace("β", "beta")
        row = "-".join("".join(c if c.isascii() and c.isalnum() else " " for c in row).split())
        return f"{self.experiment}_{row}_{self.source}_{self.seed}.json"

    def settings(self) -> dict[str, Any]:
        """Return all that the result depends on, as plain data."""
        names = ("generator", "discriminator", "batch_size", "training")
        recipe = {name: _plain(getattr(self.recipe, name)) for name in names}
        penalty = named_loss(self.recipe.training.get("loss", "nonsaturating")).penalty
        return {
            "recipe": recipe,
            "steps": self.steps,
            "seed": self.seed,
            "source": self.source,
            **evaluator_settings(self.source),
            **({} if penalty in (None, gradient_penalty) else {"r1_weight": R1_WEIGHT}),
            **({"count": self.count} if self.count else {}),
            "moments": MOMENTS,
            "default_ema_decay": EMA_DECAY,
        }

    def fingerprint(self) -> str:
        """Return a short hash of the settings: a result with another one is out of date."""
        text = json.dumps(self.settings(), sort_keys=True)
        return sha256(text.encode()).hexdigest()[:16]


def _plain(value: Any) -> Any:
    """Return functions, their bound arguments and types as names and numbers."""
    if isinstance(value, partial):
        bound = {"arguments": _plain(value.args)} if value.args else {}
        return {"call": value.func.__qualname__} | bound | _plain(value.keywords)
    if isinstance(value, dict):
        return {name: _plain(entry) for name, entry in value.items()}
    if isinstance(value, (list, tuple)):
        return [_plain(entry) for entry in value]
    if callable(value):
        return {"call": value.__qualname__}
    return value if value is None or isinstance(value, (bool, int, float, str)) else str(value)


def run_trial(trial: Trial, folder: Path, device: torch.device) -> dict[str, Any]:
    """Train, score along the way, and keep the result in a file of `folder`.

    A finished result that is still true is read, not computed again. A training run that was killed
    goes on from its checkpoint, in `runs` beside the folder.

    Raises:
        KeyboardInterrupt: the stop button was pressed; what is done is kept.
    """
    if (result := read_result(folder, trial)) is not None:
        return result
    evaluator = evaluator_of(trial.source, device)
    unfinished = folder.parent / "runs" / "experiments" / trial.fingerprint()
    curve = _Curve(unfinished.with_suffix(".json"), trial, evaluator, device)
    torch.manual_seed(trial.seed)
    recipe = trial.recipe
    samples = evaluator.few(trial.count) if trial.count else evaluator.samples()
    curve.trained = generator = recipe.generator().to(device)
    discriminator = recipe.discriminator().to(device)
    history = train_gan(
        generator,
        discriminator,
        Batches(samples.to(device), recipe.batch_size),
        steps=trial.steps,
        fixed_latent=_latent(recipe, SHOWN, seed=0),
        snapshots=MOMENTS,
        on_snapshot=curve,
        every_seconds=math.inf,
        checkpoint=unfinished.with_suffix(".pt"),
        progress=False,
        **dict(ema_decay=EMA_DECAY) | recipe.training,
    )
    if history.interrupted:
        raise KeyboardInterrupt
    result = _result(trial, evaluator, curve, history, device)
    if trial.count:
        made = curve.samples(history.generator)
        result["memory"] = evaluator.memory(discriminator, samples, made)
    folder.mkdir(parents=True, exist_ok=True)
    with atomic_write(folder / trial.file) as file:
        file.write((json.dumps(result, indent=1) + "\n").encode())
    for path in (curve.path, unfinished.with_suffix(".pt")):
        path.unlink()
    return result


class _Curve:
    """Scores both sets of weights at each moment, and keeps them should the process be killed."""

    def __init__(
        self, path: Path, trial: Trial, evaluator: Evaluator, device: torch.device
    ) -> None:
        self.path, self.trial, self.evaluator, self.device = path, trial, evaluator, device
        self.trained: nn.Module | None = None
        self.moments = snapshot_steps(trial.steps, MOMENTS)
        self.points = json.loads(path.read_text()) if path.exists() else {}

    def __call__(self, history: History) -> None:
        step = history.snapshots[-1].step
        if step not in self.moments:  # where it was stopped: going on, nothing of it is left
            return
        point = {"seconds": round(history.seconds, 1)}
        for name, generator in (("trained", self.trained), ("averaged", history.generator)):
            point[name] = self.evaluator(self.samples(generator))
        self.points[str(step)] = point
        self.path.parent.mkdir(parents=True, exist_ok=True)
        with atomic_write(self.path) as file:
            file.write(json.dumps(self.points).encode())

    def samples(self, generator: nn.Module) -> Tensor:
        latent = _latent(self.trial.recipe, self.evaluator.count, seed=1)
        return evaluate(generator, latent.to(self.device)).cpu()


def _latent(recipe: Recipe, count: int, seed: int) -> Tensor:
    with seeded(seed):
        kind = recipe.training.get("latent", "normal")
        return draw_latent(count, recipe.training["latent_dim"], kind=kind)


def _result(
    trial: Trial, evaluator: Evaluator, curve: _Curve, history: History, device: torch.device
) -> dict[str, Any]:
    """Put together what a file holds; the samples are those of the recipe's own weights."""
    weights = "averaged" if trial.recipe.training.get("ema_decay") else "trained"
    generator = history.generator if weights == "averaged" else curve.trained
    return {
        "experiment": trial.experiment,
        "row": trial.row,
        "position": trial.position,
        "fingerprint": trial.fingerprint(),
        **trial.settings(),
        "examples": evaluator.examples,
        "floor": evaluator.floor,
        "curve": [{"step": int(step), **point} for step, point in curve.points.items()],
        "weights": weights,
        "coverage": evaluator.coverage(curve.samples(generator)),
        "seconds": round(history.seconds, 1),
        "device": device_name(device),
        "threads": torch.get_num_threads(),
        "versions": {"torch": torch.__version__, "torchvision": torchvision.__version__},
        "samples": evaluator.picture(evaluate(generator, history.fixed_latent.to(device)).cpu()),
    }


def read_result(folder: Path, trial: Trial) -> dict[str, Any] | None:
    """Return the stored result of a trial; None if there is none or it is out of date."""
    path = folder / trial.file
    if not path.is_file():
        return None
    result = load_result(path)
    return result if result.get("fingerprint") == trial.fingerprint() else None
