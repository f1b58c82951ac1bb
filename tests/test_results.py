import json

import pytest
import torch

from gan_utils.scores.results import (
    RESULTS,
    final_scores,
    print_results,
    sample_grid,
    score_curves,
    stored_results,
)
from workshop.experiments.definitions import EXPERIMENTS, trials


@pytest.fixture
def folder(tmp_path):
    """Two results of one row, as the command writes them, with numbers that tell them apart."""
    for trial in trials("digits-control", [1, 3]):  # the second of three is missing
        curve = [
            {"step": step, "trained": {"frechet": distance + trial.seed, "entropy": 0.5}}
            for step, distance in ((0, 900.0), (6000, 30.0))
        ]
        for point in curve:
            point["averaged"] = {"frechet": point["trained"]["frechet"] / 2, "entropy": 0.75}
        result = {
            "row": trial.row,
            "position": trial.position,
            "seed": trial.seed,
            "steps": 6000,
            "floor": {"frechet": 0.8, "entropy": 1.0},
            "curve": curve,
        }
        (tmp_path / trial.file).write_text(json.dumps(result))
    return tmp_path


def test_stored_results_come_row_by_row_and_seed_by_seed(folder, capsys):
    [(row, found)] = stored_results("digits-control", folder).items()
    assert final_scores(found, "trained").tolist() == [31, 33]
    assert final_scores(found, "averaged", "entropy").tolist() == [0.75, 0.75]
    steps, distances = score_curves(found, "averaged")
    assert steps.tolist() == [0, 6000]
    assert distances.tolist() == [[450.5, 15.5], [451.5, 16.5]]
    print_results({row: found})
    head, line, floor = capsys.readouterr().out.splitlines()
    assert head.startswith("frechet ") and line.startswith(row)
    assert line.endswith("  6,000     2    32.00 (33.00)    16.00 (16.50)")
    assert floor.split()[-1] == "0.80" and max(map(len, (head, line, floor))) <= 72
    for result in found:
        result["curve"][-1]["averaged"]["frechet"] *= 67
    print_results({row: found})
    assert capsys.readouterr().out.splitlines()[1].endswith("     1072  (1106)")
    print_results({row: found}, "entropy")
    assert capsys.readouterr().out.splitlines()[1].endswith("0.500 (0.500)    0.750 (0.750)")


def test_rows_come_in_the_order_of_the_experiment():
    rows = stored_results("digits-path")
    assert list(rows) == list(EXPERIMENTS["digits-path"].rows())
    assert all([result["seed"] for result in found] == [1, 2, 3] for found in rows.values())


def test_a_result_that_is_not_there_names_those_that_are(folder):
    with pytest.raises(FileNotFoundError, match="no result of 'digits', only of digits-control;"):
        stored_results("digits", folder)
    with pytest.raises(FileNotFoundError, match="only of nothing; python -m workshop experiments"):
        stored_results("sine", folder / "empty")


def test_the_grid_of_a_stored_result_is_a_picture_of_forty_samples():
    for found in stored_results("digits-published", RESULTS).values():
        grid = sample_grid(found[0])
        assert grid.dtype == torch.uint8 and grid.shape == (4 * 29 + 1, 10 * 29 + 1)
        assert grid.max() > 200 and grid.min() < 50


def test_a_result_that_is_cut_short_is_named(folder):
    [path, *_] = folder.iterdir()
    path.write_text(path.read_text()[:-9])
    with pytest.raises(ValueError, match=f"{path.name} is cut short"):
        stored_results("digits-control", folder)
