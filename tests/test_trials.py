import base64
import io
import json
import os
import signal

import pytest
import torch
from PIL import Image

from gan_utils.__main__ import read
from gan_utils.gan.recipes import vary
from gan_utils.scores import experiments, trials
from gan_utils.scores.experiments import EXPERIMENTS, PUBLISHED
from gan_utils.scores.results import RESULTS
from gan_utils.scores.trials import Trial, read_result, run_trial

CPU = torch.device("cpu")


@pytest.fixture(autouse=True)
def small(monkeypatch):
    """A short training of the scoring network, and few images."""
    monkeypatch.setitem(trials.READER, "steps", 30)
    monkeypatch.setitem(trials.NEIGHBOURS, "images", 100)
    monkeypatch.setattr(trials, "MOMENTS", 3)
    trials.digit_scores.cache_clear()
    yield
    trials.digit_scores.cache_clear()


def trial(**changes):
    fields = dict(experiment="test", row="β₁ = 0.5, Real", recipe=PUBLISHED["Real Python"], steps=6)
    return Trial(**fields | dict(seed=1, source="digits") | changes)


def without_times(result):
    curve = [{k: v for k, v in point.items() if k != "seconds"} for point in result["curve"]]
    return {k: v for k, v in result.items() if k not in ("seconds", "curve")}, curve


def test_a_result_holds_what_a_lesson_needs(tmp_path):
    result = run_trial(trial(), tmp_path / "results", CPU)
    [file] = (tmp_path / "results").iterdir()
    assert (
        file.name == "test_beta-0-5-real_digits_1.json" and json.loads(file.read_text()) == result
    )
    assert [point["step"] for point in result["curve"]] == [0, 3, 6]
    assert {"trained", "averaged"} <= result["curve"][-1].keys()
    assert result["floor"]["frechet"] < result["curve"][-1]["trained"]["frechet"]
    assert result["images"] == 1347 and result["recipe"]["training"]["lr"] == 1e-4
    with Image.open(io.BytesIO(base64.b64decode(result["samples"]))) as grid:
        assert grid.size == (10 * 29 + 1, 4 * 29 + 1)
    assert list((tmp_path / "runs/experiments").iterdir()) == []


def test_a_finished_result_is_not_computed_again_until_it_is_out_of_date(tmp_path, monkeypatch):
    first = run_trial(trial(), tmp_path, CPU)
    monkeypatch.setattr(trials, "train_gan", lambda *_, **__: pytest.fail("trained again"))
    assert run_trial(trial(), tmp_path, CPU) == first
    for other in (
        trial(seed=2),
        trial(steps=7),
        trial(recipe=vary(PUBLISHED["Real Python"], training=dict(lr=2e-4))),
        trial(recipe=PUBLISHED["Keras article"]),
    ):
        assert read_result(tmp_path, other) is None
    monkeypatch.setitem(trials.READER, "steps", 31)
    assert read_result(tmp_path, trial()) is None


def test_a_training_that_was_stopped_goes_on_and_ends_the_same(tmp_path, monkeypatch):
    whole = run_trial(trial(), tmp_path / "whole/results", CPU)
    folder = tmp_path / "parts/results"
    call = trials._Curve.__call__

    def stop_after_scoring(curve, history):
        call(curve, history)
        if history.snapshots[-1].step == 3:
            os.kill(os.getpid(), signal.SIGINT)

    monkeypatch.setattr(trials._Curve, "__call__", stop_after_scoring)
    with pytest.raises(KeyboardInterrupt):
        run_trial(trial(), folder, CPU)
    assert not folder.exists()
    monkeypatch.setattr(trials._Curve, "__call__", call)
    assert without_times(run_trial(trial(), folder, CPU)) == without_times(whole)


def test_the_command_prints_a_table_of_its_rows(tmp_path, monkeypatch, capsys):
    def rows():
        """Two short trainings."""
        return {"slow": (PUBLISHED["Real Python"], 3), "fast": (PUBLISHED["Keras article"], 2)}

    monkeypatch.setitem(experiments.EXPERIMENTS, "digits-steps", rows)
    line = ["experiments", "digits-steps", "--seeds", "1", "2", "--source", "digits"]
    for extra in (["--rows", "fast"], []):
        arguments = read([*line, "--folder", str(tmp_path), *extra])
        arguments.run(arguments)
    said = capsys.readouterr().out
    assert len(list(tmp_path.glob("*.json"))) == 4
    assert said.count("fast ") == 2 and said.count("slow ") == 1 and "trained (worst)" in said
    arguments = read([*line, "--rows", "medium"])
    with pytest.raises(ValueError, match="no row medium; choose from slow, fast"):
        arguments.run(arguments)
    with pytest.raises(ValueError, match="--jobs is 0"):
        arguments.run(read([*line, "--jobs", "0"]))


def test_an_unknown_experiment_names_those_there_are():
    with pytest.raises(ValueError, match="'digit'; choose one of digits-steps"):
        experiments.trials("digit", [1])


def test_every_published_recipe_runs_for_its_published_budget():
    rows = EXPERIMENTS["digits-published"]()
    assert len(rows) == 5 and all(steps == recipe.steps for recipe, steps in rows.values())


def test_the_path_changes_one_thing_a_row_and_ends_at_the_house():
    rows = list(EXPERIMENTS["digits-path"]().items())
    assert rows[0][1][0] == PUBLISHED["Real Python"]
    [last] = [recipe for name, (recipe, _) in rows if name.endswith(": house")]
    house = experiments.HOUSE
    assert (last.training, last.batch_size) == (house.training, house.batch_size)
    assert (last.generator, last.discriminator) == (house.generator, house.discriminator)


@pytest.mark.parametrize("path", sorted(RESULTS.glob("*.json")), ids=lambda path: path.stem)
def test_no_stored_result_is_out_of_date(path, monkeypatch):
    monkeypatch.undo()  # the real constants
    result = json.loads(path.read_text())
    chosen = experiments.trials(result["experiment"], [result["seed"]], result["source"])
    [wanted] = [trial for trial in chosen if trial.row == result["row"]]
    assert path.name == wanted.file and result["fingerprint"] == wanted.fingerprint()
