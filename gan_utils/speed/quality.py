"""How long recipes take to reach a score: steps from stored experiments, seconds from here."""

from typing import NamedTuple

from gan_utils.scores.results import (
    WEIGHTS,
    Result,
    final_scores,
    score_curves,
    stored_results,
)


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
