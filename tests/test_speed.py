"""The bench: both forms compute the same, counts are right, times are taken in turn."""

import json
import time
from itertools import chain, groupby, repeat

import pytest
import torch
from torch import nn
from torch.nn.functional import conv2d

from gan_utils.__main__ import read
from gan_utils.data.sine import sine_points
from gan_utils.gan import recipes
from gan_utils.gan.recipes import vary
from gan_utils.speed import cases, quality, report
from gan_utils.speed.limits import Limits, fast_precisions, measure_limits
from gan_utils.speed.profiling import CALLS, STEP, profiled, time_split
from gan_utils.speed.quality import Reached
from gan_utils.speed.textbook import TextbookStyle
from gan_utils.speed.timing import interleave, median_seconds, quartiles
from gan_utils.speed.work import Work, count_work
from gan_utils.style.objective import PUBLISHED_CONTENT, PUBLISHED_STYLE, style_objective
from gan_utils.style.vgg import VGGFeatures

CPU = torch.device("cpu")


def without_dropout(build):
    def built(**sizes):
        network = build(**sizes)
        for layer in network.modules():
            if isinstance(layer, nn.Dropout):
                layer.p = 0.0
        return network

    return built


@pytest.mark.parametrize(
    ("recipe", "faster", "shape"),
    [
        (recipes.SINE_PUBLISHED, None, (2,)),
        (recipes.MNIST_REAL_PYTHON, None, (1, 28, 28)),
        (recipes.FACES_DCGAN, cases.FASTER_DCGAN, (3, 64, 64)),
    ],
)
def test_both_forms_of_a_training_begin_with_the_same_losses(monkeypatch, recipe, faster, shape):
    recipe, faster = (
        vary(r, batch_size=8, discriminator=without_dropout(r.discriminator))
        for r in (recipe, faster or recipe)
    )
    samples = torch.rand(8, *shape) if shape == (2,) else torch.randint(256, (8, *shape)).byte()
    torch.manual_seed(0)
    latent = torch.randn(8, recipe.training["latent_dim"])
    torch.manual_seed(0)
    textbook = cases.TextbookTraining(recipe, samples, CPU)
    torch.manual_seed(0)
    ours = cases.our_training(faster, samples, CPU)
    monkeypatch.setattr(torch, "randn", lambda *_, **__: latent)
    assert textbook.step() == pytest.approx(ours()[:2].tolist(), rel=1e-3)


def test_both_forms_of_the_style_objective_agree():
    torch.manual_seed(0)
    case = cases.style(64, CPU)
    textbook, ours = case.textbook(), [term.item() for term in case.ours()]
    assert min(ours) > 0
    assert textbook == pytest.approx(ours, rel=1e-4)


def test_both_forms_of_sampling_draw_as_many_images(monkeypatch):
    monkeypatch.setattr(cases, "SAMPLES", 100)
    case = cases.sampling(CPU)
    assert case.textbook().shape == case.ours().shape == (100, 1, 28, 28)


def test_a_gpu_gets_larger_cases_as_well():
    digits = torch.zeros(200, 1, 28, 28, dtype=torch.uint8)
    here, there = (list(cases.cases(digits, torch.device(name))) for name in ("cpu", "cuda"))
    assert "DCGAN, batch 256" in there and "DCGAN, batch 256" not in here
    assert "style, 512 pixels" in there and "style, 256 pixels" in here


def test_work_of_products_and_convolutions_is_counted():
    a, b = torch.ones(4, 5), torch.ones(5, 6)
    assert count_work(lambda: a @ b) == Work(2 * 4 * 5 * 6, 4 * (20 + 30 + 24), 1, 4 * 24)
    pictures, kernel = torch.ones(2, 3, 8, 8), torch.ones(4, 3, 3, 3)
    assert count_work(lambda: conv2d(pictures, kernel)).flops == 2 * 2 * 36 * 4 * 27


def test_views_are_no_work_and_what_is_changed_in_place_is_not_held_anew():
    numbers = torch.zeros(100)
    assert count_work(lambda: numbers.view(10, 10).T[2:]) == Work(0, 0, 0, 0)
    assert count_work(lambda: numbers.add_(1)) == Work(0, 800, 1, 0)


def test_memory_that_is_given_back_does_not_add_up():
    numbers = torch.zeros(100)

    def one_after_the_other():
        for _ in range(5):
            numbers + 1

    assert count_work(one_after_the_other).peak_bytes == 400
    assert count_work(lambda: [numbers + 1 for _ in range(5)]).peak_bytes == 2000


def test_forms_are_timed_in_turn_and_alike():
    order = []
    forms = {name: lambda name=name: order.append(name) for name in "ab"}
    times = interleave(forms, CPU, seconds=0.01, rounds=4)
    assert {name: len(found) for name, found in times.items()} == {"a": 4, "b": 4}
    assert "".join(name for name, _ in groupby(order)).endswith("abababab")
    low, middle, high = quartiles(torch.tensor([1.0, 2.0, 3.0, 4.0, 100.0]))
    assert (low, middle, high) == (2, 3, 4)


@pytest.mark.parametrize("wrong", [dict(seconds=0), dict(seconds=-1), dict(seconds=1, rounds=0)])
def test_a_timing_without_time_or_rounds_is_refused(wrong):
    with pytest.raises(ValueError, match="give above 0 and 1 or more"):
        interleave({"a": int}, CPU, **wrong)


def test_slow_forms_are_called_less_often_and_no_timing_outlasts_its_seconds_by_much():
    calls = []

    def slow():
        calls.append(len(calls))
        time.sleep(0.3 if len(calls) == 1 else 0.1)  # the first call sets things up

    for seconds, expected, taken in ((0.05, 1, 0.3), (0.35, 2, 0.1), (0.75, 5, 0.1)):
        calls.clear()
        start = time.perf_counter()
        found = interleave({"slow": slow}, CPU, seconds=seconds)["slow"]
        assert time.perf_counter() - start < max(seconds, 0.4) + 0.2
        assert len(calls) == expected and found.tolist() == pytest.approx([taken] * len(found), 0.3)
    assert len(found) == 3  # rounds, after one call to set up and one to warm up
    assert median_seconds(slow, CPU, 0.25) == pytest.approx(0.1, 0.3)


def test_the_time_of_a_call_splits_into_what_it_does():
    a, calls = torch.ones(300, 300), []

    def run():
        calls.append(a @ a)
        a.add(1)
        time.sleep(0.02)

    split = time_split(run, CPU, seconds=0.1, largest=1)
    assert list(split) == ["mm", "all others", "between them"]
    assert sum(split.values()) == pytest.approx(1) and split["between them"] > 0.5
    assert 2 <= len(calls) <= 7


def test_a_profile_holds_each_call_with_its_operations_and_ends_in_time(capfd):
    a, calls = torch.ones(3, 3), []
    trace, seconds = profiled(lambda: calls.append(a @ a), CPU, seconds=60)
    assert len(calls) == CALLS + 1 and 0 < seconds < 5  # one call is not watched
    names = [event.name for event in trace.events()]
    assert names.count(STEP) == names.count("aten::mm") == CALLS
    [found] = [event for event in trace.events() if event.name == STEP][:1]
    assert "aten::matmul" in {event.name for event in found.cpu_children}
    assert "".join(capfd.readouterr()) == ""  # no log of a GPU that is not here


@pytest.mark.usefixtures("slow_bfloat16")
def test_a_precision_that_is_emulated_is_left_out_and_a_line_says_so(capsys):
    threads = torch.get_num_threads()
    assert fast_precisions(CPU) == [torch.float32]
    words = " ".join(capsys.readouterr().out.split())
    assert "bfloat16 is emulated on this cpu" in words and words.endswith("left out")
    assert torch.get_num_threads() == threads


@pytest.mark.usefixtures("slow_bfloat16")
def test_limits_of_an_emulated_precision_are_measured_within_the_seconds():
    start = time.perf_counter()
    limits = measure_limits(CPU, torch.bfloat16, seconds=1.0)
    assert time.perf_counter() - start < 3  # a product of 2048 x 2048 takes 5 to 60 seconds
    assert limits.flops > 1e8


def test_a_precision_that_is_fast_takes_part(monkeypatch, capsys):
    monkeypatch.setattr("gan_utils.speed.limits._shortest", lambda *_: 1.0)
    assert fast_precisions(CPU) == [torch.float32, torch.bfloat16]
    assert capsys.readouterr().out == ""


def test_so_does_none_that_a_device_has_not(monkeypatch, capsys):
    def convert(tensor, precision, to=torch.Tensor.to):
        if precision == torch.bfloat16:
            raise TypeError("BFloat16 is not supported on MPS")
        return to(tensor, precision)

    monkeypatch.setattr(torch.Tensor, "to", convert)
    assert fast_precisions(CPU) == [torch.float32]
    assert "does not exist on this cpu" in capsys.readouterr().out


def test_limits_say_what_holds_work_up():
    limits = Limits(flops=100.0, bandwidth=10.0, call=0.5)
    found = limits.seconds(Work(flops=200, bytes_moved=30, kernel_calls=8, peak_bytes=0))
    assert found == {"multiplying": 2.0, "moving": 3.0, "calls": 4.0}
    assert limits.better(Limits(50.0, 20.0, 0.1)) == (100.0, 20.0, 0.1)
    measured = measure_limits(CPU)
    assert measured.flops > 1e9 and measured.bandwidth > 1e8 and 0 < measured.call < 1e-2


def results(*curves):
    """Results of one row, with the same distances for both kinds of weights."""
    return [
        {
            "steps": 100 * (len(curve) - 1),
            "curve": [
                {"step": 100 * k, "trained": {"frechet": d}, "averaged": {"frechet": d}}
                for k, d in enumerate(curve)
            ],
        }
        for curve in curves
    ]


def test_the_first_moment_at_a_distance_is_that_of_the_median_of_the_seeds():
    rows = results([90.0, 50.0, 10.0], [90.0, 20.0, 10.0], [90.0, 60.0, 10.0])
    assert quality.first_step(rows, 50.0) == 100
    assert quality.first_step(rows, 49.0) == 200
    assert quality.first_step(rows, 9.0) is None


def test_the_house_is_compared_by_its_shortest_training_that_gets_there(monkeypatch):
    stored = {
        "digits-published": {
            "slow": results([90.0, 30.0]),
            "better": results([90.0, 1.0]),
            "house": results([90.0, 80.0, 20.0]),
        },
        "digits-steps": {"house": results([90.0, 25.0]), "slow": results([90.0, 80.0])},
    }
    monkeypatch.setattr(quality, "stored_results", stored.get)
    slow, better = quality.steps_to_quality()
    assert slow == ("slow", 30.0, 100, 100)
    assert better == ("better", 1.0, 100, None)


def test_the_command_measures_prints_and_keeps(monkeypatch, tmp_path, capsys):
    def only_the_sine(_, device):
        return {
            "sine": lambda: cases.training(sine_points(64), recipes.SINE_PUBLISHED, None, device)
        }

    monkeypatch.setattr(report, "cases", only_the_sine)
    monkeypatch.setattr(quality, "MNIST_PUBLISHED", {"Real Python": recipes.MNIST_REAL_PYTHON})
    reached = [Reached("Real Python", 30.0, 1000, 100), Reached("Real Python", 1.0, 1000, None)]
    monkeypatch.setattr(quality, "steps_to_quality", lambda: reached)
    soon = dict(calls=7, distance=9.0, published=8.0, ours=2.0)
    monkeypatch.setattr(report, "style_seconds", lambda *_: soon)
    kept = tmp_path / "bench.json"
    arguments = read(["bench", "--device", "cpu", "--seconds", "0.1", "--json", str(kept)])
    arguments.run(arguments)
    found = json.loads(kept.read_text())
    low, middle, high = found["cases"]["sine"]["ours"]
    assert 0 < low <= middle <= high
    assert found["cases"]["sine"]["work"]["ours"]["kernel_calls"] < 1000
    warm = cases.training(sine_points(64), recipes.SINE_PUBLISHED, None, CPU).ours
    warm()  # in its first step Adam takes memory
    # The first of an epoch's two steps also draws the order, which some memory holds.
    held = {count_work(warm).peak_bytes for _ in range(2)}
    assert len(held) == 2 and found["cases"]["sine"]["work"]["ours"]["peak_bytes"] in held
    printed = capsys.readouterr().out
    assert "GFLOP/s" in printed and "not reached" in printed
    assert "7 calls, 8.0 s, to 9.0 floors from the style; ours: 2.00 s, ratio 4.0" in printed
    assert found["style"] == soon
    steps = found["step_seconds"]
    assert f"{10 * steps['Real Python'] / steps['house']:.1f}" in printed


def test_a_recorded_form_gets_columns_of_its_own_and_what_fails_is_told(capsys):
    def fails():
        raise torch.OutOfMemoryError("no memory left")

    x = torch.ones(64, 64)
    three = cases.Case(lambda: x @ x @ x @ x, lambda: x @ x, 1, lambda: x + x)
    two = cases.Case(lambda: x @ x @ x, lambda: x @ x, 1)
    made = {"three": lambda: three, "none": fails, "two": lambda: two}
    measured = report.measure_all(made, CPU, 2.0)
    assert "none could not be measured: no memory left" in capsys.readouterr().out
    assert list(measured) == ["three", "two"]
    assert measured["three"]["fastest"] == "graph" and measured["two"]["fastest"] == "ours"
    limits = Limits(1e12, 1e12, 1e-9)
    for found in measured.values():
        found["shares"] = report.shares(found, limits)
    work = measured["three"]["work"]["ours"]
    least = max(limits.seconds(Work(**work)).values())
    assert max(measured["three"]["shares"].values()) == least / measured["three"]["graph"][1]
    report.print_cases(measured)
    head, first, second = capsys.readouterr().out.strip().splitlines()
    assert head.split()[4:8] == ["ours", "ratio", "graph", "ratio"]
    ratios = measured["three"]["ratios"]
    assert f"{ratios['ours']:.2f}" in first and f"{ratios['graph']:.2f}" in first
    assert len(head) == len(first) == len(second) and " - " in second


def test_the_published_style_gets_the_calls_that_fit_and_ours_the_same_goal(monkeypatch, capsys):
    found = quality.style_seconds(CPU, 1e-6, size=48)
    assert found["calls"] == 1 and found["published"] > 0 < found["ours"]
    monkeypatch.setattr(quality, "PUBLISHED_CALLS", 3)
    judged = chain([1.0], repeat(2.0))  # the published end is nearer than all of ours
    monkeypatch.setattr(quality, "style_distances", lambda *_: {1: next(judged)})
    more = quality.style_seconds(CPU, 10.0, size=48)
    assert more["calls"] == 3 and more["distance"] == 1.0 and more["ours"] is None
    quality.print_style(more)
    assert "ours: not reached" in capsys.readouterr().out


def test_the_textbook_style_is_the_published_procedure_with_one_clip_at_the_end():
    torch.manual_seed(0)
    # In double precision, since L-BFGS enlarges what two processors round differently.
    photo, style = torch.rand(2, 3, 32, 48, dtype=torch.float64)
    names = [*PUBLISHED_CONTENT, *PUBLISHED_STYLE]
    network = VGGFeatures(names, "random", padding="zeros").double()
    objective, picture = style_objective(network, photo, style), photo[None].clone()
    picture.requires_grad_()
    thresholds = dict(tolerance_grad=0, tolerance_change=0)
    solver = torch.optim.LBFGS([picture], max_iter=8, max_eval=8, **thresholds)

    def closure():
        solver.zero_grad()
        total = photo.numel() * sum(objective(picture).values())
        total.backward()
        return total

    solver.step(closure)
    assert picture.min() < 0 or picture.max() > 1
    painted = TextbookStyle(network, photo, style).paint(photo, 8)
    assert torch.allclose(painted, picture.detach()[0].clamp(0, 1), atol=1e-9)
    assert not torch.allclose(painted, photo, atol=0.05)


def test_the_bench_ends_in_its_time_and_names_what_it_left_out(capsys):
    slow = cases.Case(lambda: time.sleep(0.1), lambda: time.sleep(0.1), 1)
    start = time.perf_counter()
    measured = report.measure_all({name: lambda: slow for name in "abcdef"}, CPU, 0.5)
    assert time.perf_counter() - start < 2.5  # six cases of eight calls would take 4.8
    assert {"a", *measured} == {*measured} and len(measured) < 6
    assert "left out, as the time was over: " in capsys.readouterr().out


def test_on_a_gpu_trainings_are_recorded_as_well(monkeypatch):
    monkeypatch.setattr(cases, "records_graphs", lambda _: True)
    case = cases.training(sine_points(64), recipes.SINE_PUBLISHED, None, CPU)
    assert case.graph is not None
    monkeypatch.undo()
    assert cases.training(sine_points(64), recipes.SINE_PUBLISHED, None, CPU).graph is None


def test_a_bench_without_time_is_refused():
    arguments = read(["bench", "--seconds", "0"])
    with pytest.raises(ValueError, match="--seconds is 0.0"):
        arguments.run(arguments)
