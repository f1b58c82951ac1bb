import base64
import dataclasses
import io
import json
import os
import signal
from functools import partial

import pytest
import torch
from PIL import Image
from torch import nn
from torch.nn import BatchNorm2d
from torchvision.transforms.functional import to_pil_image

from gan_utils.data.batches import Batches
from gan_utils.data.drawn_faces import CHOICES, draw_faces, draw_factors
from gan_utils.data.images import scale_images
from gan_utils.data.sine import sine_points
from gan_utils.gan import recipes
from gan_utils.gan.augment import DiffAugment
from gan_utils.gan.models import evaluate
from gan_utils.gan.recipes import vary
from gan_utils.gan.training import train_gan
from gan_utils.scores.metrics import curve_score
from gan_utils.scores.results import RESULTS, sample_grid
from workshop.__main__ import read
from workshop.experiments import definitions, evaluators, trials
from workshop.experiments.definitions import EXPERIMENTS, PUBLISHED, Experiment
from workshop.experiments.residual import ResidualGenerator
from workshop.experiments.trials import Trial, read_result, run_trial

CPU = torch.device("cpu")


@pytest.fixture(autouse=True)
def small(monkeypatch):
    """A short training of the scoring network, and few images."""
    monkeypatch.setitem(evaluators.READER, "steps", 30)
    monkeypatch.setitem(evaluators.NEIGHBOURS, "images", 100)
    monkeypatch.setattr(trials, "MOMENTS", 3)
    evaluators.evaluator_of.cache_clear()
    yield
    evaluators.evaluator_of.cache_clear()


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
    assert result["examples"] == 1347 and result["recipe"]["training"]["lr"] == 1e-4
    with Image.open(io.BytesIO(base64.b64decode(result["samples"]))) as grid:
        assert grid.size == (10 * 29 + 1, 4 * 29 + 1)
    assert list((tmp_path / "runs/experiments").iterdir()) == []


def test_faces_are_scored_beside_faces_kept_back(tmp_path, monkeypatch):
    monkeypatch.setitem(evaluators.FACES, "count", 300)
    small = {
        name: partial(getattr(recipes.FACES_HOUSE, name), width=4)
        for name in ("generator", "discriminator")
    }
    result = run_trial(
        trial(row="house", recipe=vary(recipes.FACES_HOUSE, **small), source="drawn"), tmp_path, CPU
    )
    assert (result["examples"], result["faces"]["count"]) == (270, 300)
    floor, last = result["floor"], result["curve"][-1]["trained"]
    ratios = ("chequers 2", "chequers 4", "contrast")
    assert floor.keys() == last.keys() == {"frechet", *ratios}
    assert [floor[name] for name in ratios] == [1, 1, 1]
    assert last["contrast"] < 0.5 and last["frechet"] > 10 * floor["frechet"]
    assert result["coverage"].keys() == CHOICES.keys()
    assert sample_grid(result).shape == (4 * 65 + 1, 10 * 65 + 1, 3)


def test_the_evaluator_of_faces_counts_the_rarest_of_each_factor(monkeypatch, learned):
    shown = []
    monkeypatch.setattr(
        evaluators, "FaceClassifier", lambda faces: shown.append(faces) or learned[0]
    )
    monkeypatch.setitem(evaluators.FACES, "count", 1500)
    evaluator = evaluators.FaceEvaluator("drawn", CPU)
    assert evaluator.coverage(evaluator.kept)["background"] > 0.5
    pale = draw_factors(100) | {"skin": torch.zeros(100, dtype=torch.int64)}
    found = evaluator.coverage(scale_images(draw_faces(pale)))
    assert found["skin"] == 0 and found["background"] > 0.3
    assert torch.equal(evaluator.samples(), evaluator.train.images)
    assert [len(faces.images) for faces in shown] == [len(evaluator.train.images)]


def test_the_evaluator_of_photographs_adds_mirror_images_and_no_factors(tmp_path, monkeypatch):
    monkeypatch.setenv("GAN_UTILS_DATA", str(tmp_path))
    (tmp_path / "faces").mkdir()
    for index, face in enumerate(draw_faces(draw_factors(30))):
        to_pil_image(face).save(tmp_path / "faces" / f"{index}.png")
    evaluator = evaluators.FaceEvaluator("folder", CPU)
    faces = evaluator.samples()
    assert len(faces) == 2 * evaluator.examples == 54
    assert torch.equal(faces[27:], faces[:27].flip(3))
    assert evaluator.coverage(evaluator.kept) == {}


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
    monkeypatch.setitem(evaluators.READER, "steps", 31)
    assert read_result(tmp_path, trial()) is None


def test_the_weight_of_the_brake_belongs_to_the_fingerprint_of_what_it_brakes(monkeypatch):
    def prints():
        return [trial(recipe=recipe).fingerprint() for recipe in (recipes.SINE_HOUSE, *plain)]

    plain = [recipes.SINE_PUBLISHED, PUBLISHED["Keras article"]]
    before = prints()
    monkeypatch.setattr(trials, "R1_WEIGHT", 2 * trials.R1_WEIGHT)
    assert [a == b for a, b in zip(before, prints(), strict=True)] == [False, True, True]


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

    monkeypatch.setitem(definitions.EXPERIMENTS, "digits-steps", Experiment(rows))
    line = ["experiments", "digits-steps", "--seeds", "1", "2", "--source", "digits"]
    for extra in (["--rows", "fast"], []):
        arguments = read([*line, "--folder", str(tmp_path), *extra])
        arguments.run(arguments)
    said = capsys.readouterr().out
    assert len(list((tmp_path / "digits").glob("*.json"))) == 4  # apart from the usual ones
    assert said.count("fast ") == 2 and said.count("slow ") == 1 and "trained (worst)" in said
    arguments = read([*line, "--rows", "medium"])
    with pytest.raises(ValueError, match="no row medium; choose from: slow; fast"):
        arguments.run(arguments)
    with pytest.raises(ValueError, match="--jobs is 0"):
        arguments.run(read([*line, "--jobs", "0"]))


def test_an_unknown_experiment_names_those_there_are():
    with pytest.raises(ValueError, match="'digit'; choose one of sine, digits-steps"):
        definitions.trials("digit", [1])
    with pytest.raises(ValueError, match="sine cannot learn from 'fashion'; choose one of sine"):
        definitions.trials("sine", source="fashion")


def test_every_published_recipe_runs_for_its_published_budget():
    rows = EXPERIMENTS["digits-published"].rows()
    assert len(rows) == 5 and all(steps == recipe.steps for recipe, steps in rows.values())


def test_the_path_changes_one_thing_a_row_and_ends_at_the_house():
    rows = list(EXPERIMENTS["digits-path"].rows().items())
    assert rows[0][1][0] == PUBLISHED["Real Python"]
    [last] = [recipe for name, (recipe, _) in rows if name.endswith(": house")]
    house = definitions.HOUSE
    assert (last.training, last.batch_size) == (house.training, house.batch_size)
    assert (last.generator, last.discriminator) == (house.generator, house.discriminator)


def test_the_path_of_faces_leads_from_the_published_recipe_to_the_house_one_change_at_a_time():
    rows = EXPERIMENTS["faces"].rows()
    published, house = recipes.FACES_DCGAN, recipes.FACES_HOUSE
    averaged = published.training | dict(ema_decay=house.training["ema_decay"])  # of all
    betas, rate = dict(betas=(0.0, 0.99)), dict(lr=1e-3)
    expected = [
        (64, True, averaged),
        (16, True, averaged),
        (16, True, averaged | betas),
        (16, True, averaged | betas | rate),
        (16, False, averaged | betas | rate),
        (16, False, house.training),
        (16, True, averaged | betas | rate),
        (16, False, house.training),
        (16, False, averaged | betas | rate),
        (16, True, house.training),
    ]
    assert [steps for _, steps in rows.values()] == [1500] * 6 + [4500] * 4
    found = []
    for recipe, _ in rows.values():
        shapes = [p.shape for p in recipe.generator().parameters()]
        assert shapes == [p.shape for p in house.generator(width=16).parameters()]
        with_norm = any(isinstance(m, BatchNorm2d) for m in recipe.discriminator().modules())
        found.append((recipe.batch_size, with_norm, recipe.training))
    assert found == expected


def test_the_path_of_faces_goes_on_to_the_recipe_of_today():
    rows = {name: recipe for name, (recipe, _) in EXPERIMENTS["faces-modern"].rows().items()}
    house, modern = recipes.FACES_HOUSE, recipes.FACES_MODERN
    falling, pairs = dict(decay_lr=True), dict(loss="relativistic, R1 and R2")
    assert rows["falling rates"].training == rows["resized"].training == house.training | falling
    assert rows["pairs, R1 and R2"].training == modern.training | falling
    assert modern.training == house.training | pairs
    assert repr(rows["falling rates"].generator()) == repr(house.generator(width=16))
    constant, slower = rows["constant rates: today"], rows["EMA 0.999"]
    assert constant.training == modern.training | dict(decay_lr=False)  # what it is anyway
    assert slower.training == constant.training | dict(ema_decay=0.999)
    for name in ("resized", "pairs, R1 and R2", "constant rates: today", "EMA 0.999"):
        assert repr(rows[name].generator()) == repr(modern.generator(width=16))
    for recipe in [*rows.values()][:5]:
        assert repr(recipe.discriminator()) == repr(house.discriminator(width=16))
    counted = {name: recipe for name, (recipe, _) in EXPERIMENTS["faces-count"].rows().items()}
    augmented, residual = counted["300, DiffAugment"], rows["residual, no norm"]
    assert augmented.training == modern.training == counted["300"].training
    assert isinstance(augmented.discriminator()[0], DiffAugment)
    assert residual.training == modern.training | dict(lr=3e-4)
    assert isinstance(residual.generator(), ResidualGenerator)
    cheaper = rows["approximate R1, R2"]
    assert cheaper.training == modern.training | dict(loss="relativistic, approximate")
    assert repr(cheaper.generator()) == repr(constant.generator())


def test_what_was_learned_by_heart_of_few_pictures_is_measured(tmp_path, monkeypatch):
    monkeypatch.setitem(evaluators.FACES, "count", 300)
    first = definitions.trials("faces-count", [1], "drawn")[0]
    assert (first.row, first.count) == ("100", 100) and "count" in first.settings()
    short = dataclasses.replace(first, steps=2, recipe=vary(first.recipe, batch_size=8), count=20)
    result = run_trial(short, tmp_path, CPU)
    assert result["count"] == 20 and result["memory"].keys() == {"overfit", "nearest"}
    evaluator = evaluators.FaceEvaluator("drawn", CPU)
    few = evaluator.few(20)
    assert len(few) == 20 and torch.equal(few, evaluator.few(20))
    with pytest.raises(ValueError, match="271 faces are asked for; 270 are here"):
        evaluator.few(271)
    learned = scale_images(few)
    brightness = nn.Sequential(nn.Flatten(), nn.Linear(3 * 64 * 64, 1))
    found = evaluator.memory(brightness, few, learned[:5])  # a generator that repeats what it saw
    assert found["nearest"] == 0
    kept = evaluator.kept
    means = [brightness(x).mean().item() for x in (learned, kept, -kept)]
    same = evaluator.memory(brightness, few, -kept)
    assert same["overfit"] == pytest.approx((means[0] - means[1]) / (means[0] - means[2]), rel=1e-3)


def test_the_sine_experiment_is_the_full_factorial_from_published_to_house():
    rows = [recipe for recipe, _ in EXPERIMENTS["sine"].rows().values()]
    names = ("lr", "decay_lr", "betas")
    assert rows[-1] == recipes.SINE_HOUSE
    settings = [tuple(recipe.training[name] for name in names) for recipe in rows[:-1]]
    assert len(set(settings)) == len(settings) == 8
    assert all(len({setting[place] for setting in settings}) == 2 for place in range(3))
    assert settings[0] == (1e-3, False, (0.9, 0.999))
    assert settings[-1] == tuple(recipes.SINE_HOUSE.training[name] for name in names)
    assert all(steps == 300 * 32 for _, steps in EXPERIMENTS["sine"].rows().values())


def test_points_are_scored_beside_real_points_drawn_again_and_again(tmp_path, monkeypatch, capsys):
    def rows():
        """One short training."""
        return {"row": (recipes.SINE_HOUSE, 6)}

    experiment = dataclasses.replace(EXPERIMENTS["sine"], rows=rows)
    monkeypatch.setitem(definitions.EXPERIMENTS, "sine", experiment)
    arguments = read(["experiments", "sine", "--seeds", "11", "--folder", str(tmp_path)])
    arguments.run(arguments)
    [result] = (json.loads(path.read_text()) for path in tmp_path.glob("*.json"))
    floor, end = result["floor"], result["curve"][-1]
    assert floor["share"] == 1 and 0.02 < floor["w1"] < 0.05 and 0 < floor["w1 deviation"] < 0.03
    assert {"share", "distance", "w1"} == end["trained"].keys() == end["averaged"].keys()
    assert end["trained"] != end["averaged"] and len(result["samples"]) == 40
    said = capsys.readouterr().out
    assert "share" in said and f"{floor['w1']:.3f}" in said


def test_a_trial_of_points_is_what_the_lesson_trains(tmp_path):
    """The same seed gives the lesson's own run: points, networks and steps in its order."""
    short = Trial("sine", "row", recipes.SINE_HOUSE, steps=5, seed=11, source="sine")
    stored = run_trial(short, tmp_path, CPU)["curve"][-1]["averaged"]
    torch.manual_seed(11)
    batches = Batches(sine_points(1024), 32)
    players = recipes.SINE_HOUSE.generator(), recipes.SINE_HOUSE.discriminator()
    settings = recipes.SINE_HOUSE.training
    history = train_gan(*players, batches, steps=5, progress=False, **settings)
    torch.manual_seed(1)
    score = curve_score(evaluate(history.generator, torch.randn(4000, 2)))
    assert stored == {name: pytest.approx(n, rel=1e-3) for name, n in score._asdict().items()}


STORED = sorted([*RESULTS.glob("*.json"), *RESULTS.glob("drawn/*.json")])


@pytest.mark.parametrize("path", STORED, ids=lambda path: path.stem)
def test_no_stored_result_is_out_of_date(path, monkeypatch):
    monkeypatch.undo()  # the real constants
    result = json.loads(path.read_text())
    chosen = definitions.trials(result["experiment"], [result["seed"]], result["source"])
    [wanted] = [trial for trial in chosen if trial.row == result["row"]]
    assert path.name == wanted.file and result["position"] == wanted.position
    assert result["fingerprint"] == wanted.fingerprint()
