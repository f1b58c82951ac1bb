"""How long recipes take to reach a score: steps from stored experiments, seconds from here."""

from typing import NamedTuple

import torch
from torch import Tensor

from gan_utils.gan.recipes import MNIST_HOUSE, MNIST_PUBLISHED
from gan_utils.scores.results import (
    WEIGHTS,
    Result,
    final_scores,
    score_curves,
    stored_results,
)
from gan_utils.speed.cases import our_training
from gan_utils.speed.timing import interleave, quartiles


class Reached(NamedTuple):
    """How a published recipe ends, and when the house recipe is there.

    Attributes:
        recipe: the published one.
        distance: the Fréchet distance at its end, of its better
            weights.
        steps: its published steps.
        house_steps: of the house recipe; None if it never gets there.
    """

    recipe: str
    distance: float
    steps: int
    house_steps: int | None


def first_step(results: list[Result], distance: float) -> int | None:
    """Return the first stored moment at which the median over the seeds is at most `distance`."""
    found = []
    for weights in WEIGHTS:
        steps, distances = score_curves(results, weights)
        there = steps[distances.quantile(0.5, dim=0) <= distance]
        found += there[:1].tolist()
    return min(found, default=None)


def steps_to_quality() -> list[Reached]:
    """Compare the published recipes at the end of their published budgets with the house recipe,
    which may take its shortest stored training to get there.

    Raises:
        FileNotFoundError: the experiments have not been run.
    """
    published, equal = stored_results("digits-published"), stored_results("digits-steps")
    house = [rows for name, rows in equal.items() if name.startswith("house")]
    house.append(published.pop("house"))
    found = []
    for name, results in published.items():
        ends = [final_scores(results, weights).quantile(0.5).item() for weights in WEIGHTS]
        moments = [first_step(rows, min(ends)) for rows in house]
        steps = min((moment for moment in moments if moment is not None), default=None)
        found.append(Reached(name, min(ends), results[0]["steps"], steps))
    return found


def step_seconds(images: Tensor, device: torch.device, seconds: float) -> dict[str, float]:
    """Return the median seconds of a step of each recipe for digits, in the package's form."""
    chosen = MNIST_PUBLISHED | {"house": MNIST_HOUSE}
    forms = {n: our_training(r, images, device, graph=None) for n, r in chosen.items()}
    times = interleave(forms, device, seconds=seconds)
    return {name: quartiles(found)[1] for name, found in times.items()}


def print_quality(steps: dict[str, float]) -> None:
    """Print how long each published recipe takes to its end, and the house recipe to there.

    Args:
        steps: the seconds of a step of each recipe, see `step_seconds`.
    """
    print("\nFréchet distance on MNIST: the published ends, the house's way there")
    print(f"{'':15}{'distance':>9}{'steps':>9}{'minutes':>9}{'house':>9}{'minutes':>9}{'ratio':>7}")
    for reached in steps_to_quality():
        seconds = reached.steps * steps[reached.recipe]
        print(f"{reached.recipe:15}{reached.distance:9.1f}{reached.steps:9,}", end="")
        print(f"{seconds / 60:9.1f}", end="")
        if reached.house_steps is None:
            print("   not reached")
            continue
        ours = reached.house_steps * steps["house"]
        print(f"{reached.house_steps:9,}{ours / 60:9.1f}{seconds / ours:7.1f}")
