"""What the experiments found: stored results, read by the lessons."""

import base64
import io
from pathlib import Path
from typing import Any

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from gan_utils.data.downloads import PROJECT
from gan_utils.scores.experiments import trials
from gan_utils.scores.trials import read_result

RESULTS = PROJECT / "notebooks" / "results"
WEIGHTS = ("trained", "averaged")  # the two sets that each training ends with
HIGH = ("share", "entropy", "rarest", "contrast")  # scores that are better when they are higher

Result = dict[str, Any]


def stored_results(name: str, folder: Path = RESULTS) -> dict[str, list[Result]]:
    """Return the results of an experiment on its usual data: for each
    of its rows, one a seed.

    A result that is out of date counts as missing; so does a row
    without any.

    Raises:
        ValueError: there is no such experiment.
        FileNotFoundError: no result of it is there.
    """
    rows: dict[str, list[Result]] = {}
    for trial in trials(name):
        if (result := read_result(folder, trial)) is not None:
            rows.setdefault(trial.row, []).append(result)
    if not rows:
        raise FileNotFoundError(
            f"{folder} holds no result of {name} that is up to date; make them with "
            f"python -m gan_utils experiments {name}"
        )
    return rows


def final_scores(results: list[Result], weights: str, score: str = "frechet") -> Tensor:
    """Return the last score of each of a row's results [seeds].

    Args:
        results: of one row.
        weights: `"trained"` or `"averaged"`.
        score: of digits `"frechet"`, `"entropy"`, `"rarest"` or
            `"commonest"`; of faces `"frechet"`, `"chequers 2"`,
            `"chequers 4"` or `"contrast"`; of points `"share"`,
            `"distance"` or `"w1"`.
    """
    return torch.tensor([result["curve"][-1][weights][score] for result in results])


def print_results(rows: dict[str, list[Result]], score: str = "frechet") -> None:
    """Print the median and the worst score of each row, for both sets of weights of the same
    trainings, and what real samples score.

    Args:
        rows: as `stored_results` returns them.
        score: see `final_scores`.
    """
    print(f"{score:24}{'steps':>7} seeds  trained (worst) averaged (worst)")
    for row, results in rows.items():
        print(f"{row:24}{results[0]['steps']:7,}{len(results):6}", end="")
        for weights in WEIGHTS:
            scores = final_scores(results, weights, score)
            worst = scores.min() if score in HIGH else scores.max()
            bracket = f"({_shown(worst.item(), score)})"
            median = _shown(scores.quantile(0.5).item(), score)
            print(f"{median:>9}{bracket:>8}", end="")
        print()
    print(f"{'floor: real samples':24}{_shown(results[0]['floor'][score], score):>22}")


def _shown(value: float, score: str) -> str:
    """Return a score with as many digits as one compares: distances and chequers have no end."""
    endless = score == "frechet" or score.startswith("chequers")
    decimals = 2 - (value >= 100) - (value >= 1000) if endless else 3
    return f"{value:.{decimals}f}"


def score_curves(results: list[Result], weights: str) -> tuple[Tensor, Tensor]:
    """Return the steps [moments] at which a row was scored, and the
    Fréchet distances [seeds, moments].
    """
    steps = torch.tensor([point["step"] for point in results[0]["curve"]])
    found = [[point[weights]["frechet"] for point in result["curve"]] for result in results]
    return steps, torch.tensor(found)


def sample_grid(result: Result) -> Tensor:
    """Return a result's picture of forty samples, ten in a row: uint8
    [height, width] of digits, [height, width, 3] of faces.
    """
    data = io.BytesIO(base64.b64decode(result["samples"]))
    with Image.open(data) as picture:
        return torch.from_numpy(np.array(picture.convert("L" if picture.mode == "P" else "RGB")))
