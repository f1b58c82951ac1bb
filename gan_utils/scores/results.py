"""What long experiments found: their stored results, JSON in and tables out."""

import base64
import io
import json
from pathlib import Path
from typing import Any

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from gan_utils.files import NOTEBOOKS

RESULTS = NOTEBOOKS / "results"
WEIGHTS = ("trained", "averaged")  # the two sets that each training ends with
HIGH = ("share", "entropy", "rarest", "contrast")  # scores that are better when they are higher

NEEDED = {"row", "position", "seed", "steps", "curve", "floor"}

Result = dict[str, Any]


def stored_results(name: str, folder: Path = RESULTS) -> dict[str, list[Result]]:
    """Return the results of an experiment: for each of its rows, in
    their order, one a seed.

    Raises:
        FileNotFoundError: no result of it is there.
        ValueError: a file is cut short.
    """
    folder = Path(folder)
    files = sorted(folder.glob(f"{name}_*.json"))
    if not files:
        names = sorted({path.name.split("_")[0] for path in folder.glob("*.json")})
        raise FileNotFoundError(
            f"{folder} holds no result of {name!r}, only of {', '.join(names) or 'nothing'}; "
            f"python -m workshop experiments {name} makes those that are missing"
        )
    results = [load_result(path) for path in files]
    results.sort(key=lambda result: (result["position"], result["seed"]))
    rows: dict[str, list[Result]] = {}
    for result in results:
        rows.setdefault(result["row"], []).append(result)
    return rows


def load_result(path: Path) -> Result:
    """Return one stored result.

    Raises:
        ValueError: the file is cut short, or holds something else.
    """
    try:
        result = json.loads(path.read_text(encoding="utf-8"))
    except ValueError:
        result = None
    if not isinstance(result, dict) or not result.keys() >= NEEDED:
        raise ValueError(f"{path.name} is cut short or no result; restore it")
    return result


def final_scores(results: list[Result], weights: str, score: str = "frechet") -> Tensor:
    """Return the last score of each of a row's results [seeds].

    Args:
        results: of one row.
        weights: `"trained"` or `"averaged"`.
        score: of digits `"frechet"`, `"entropy"`, `"rarest"` or
            `"commonest"`; of faces `"frechet"`, `"chequers 2"`,
            `"chequers 4"` or `"contrast"`; of points `"share"`,
            `"distance"` or `"w1"`.

    Raises:
        ValueError: the results have no such score.
    """
    known = results[0]["curve"][-1][weights]
    if score not in known:
        raise ValueError(f"no score is called {score!r}; choose one of {', '.join(known)}")
    return torch.tensor([result["curve"][-1][weights][score] for result in results])


def print_results(rows: dict[str, list[Result]], score: str = "frechet") -> None:
    """Print the median and the worst score of each row, for both sets of weights of the same
    training runs, and what real samples score.

    Args:
        rows: as `stored_results` returns them.
        score: see `final_scores`.

    Raises:
        ValueError: there is no row, or no such score.
    """
    if not rows:
        raise ValueError("there are no results to print")
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
