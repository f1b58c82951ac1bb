"""Exercises: they stand once, in the solutions, and their checks tell right from wrong."""

import math
import re
from pathlib import Path

import nbformat
import pytest
import torch

from gan_utils.exercises import lesson_01, lesson_02, lesson_04
from gan_utils.exercises.lesson import names_of_lesson
from gan_utils.exercises.verdicts import (
    State,
    Verdict,
    check_answer,
    check_function,
    not_yet,
    show_rejections,
)
from workshop.exercises import is_solution, with_exercises, write_worksheet
from workshop.notebooks import RUN, renew_exercises

LESSONS = Path(__file__).parents[1] / "notebooks"
SOLUTIONS = sorted((LESSONS / "solutions").glob("*.ipynb"))
KINDS = ("predict", "build", "diagnose", "explore")
HEADING = re.compile(rf"### Exercise (\d+), ({'|'.join(KINDS)}), (\d+) minutes: \S.+")
HINT = re.compile(r"<details><summary>Hint</summary>\n\n.+\n\n</details>", re.S)

each_notebook = pytest.mark.parametrize("path", SOLUTIONS, ids=lambda path: path.stem)


def load(path):
    return nbformat.read(path, as_version=4)


def exercises(path):
    """Return the cells of each exercise in a notebook of solutions."""
    found = []
    for cell in load(path).cells:
        if cell.source.startswith("### Exercise"):
            found.append([])
        if found:
            found[-1].append(cell)
    return found


def printed(cell):
    return "".join(output.get("text", "") for output in cell.outputs)


def test_each_lesson_has_solutions():
    assert [path.name for path in SOLUTIONS] == sorted(
        path.name for path in LESSONS.glob("*.ipynb")
    )


@each_notebook
def test_exercises_are_of_several_kinds_with_minutes_and_a_hint(path):
    questions = [cells[0].source for cells in exercises(path)]
    headings = [HEADING.match(question) for question in questions]
    assert all(headings) and all(HINT.search(question) for question in questions)
    assert [int(heading[1]) for heading in headings] == list(range(1, len(headings) + 1))
    kinds = [heading[2] for heading in headings]
    assert 8 <= len(kinds) <= 12 and kinds == sorted(kinds, key=KINDS.index)
    assert {*kinds} in ({"predict", "build", "explore"}, {"diagnose", "explore"})
    assert min(map(kinds.count, kinds)) >= 2
    assert all(1 <= int(heading[3]) <= 45 for heading in headings)


@each_notebook
def test_each_exercise_has_a_solution_and_most_check_themselves(path):
    checked = 0
    for cells in exercises(path):
        texts = [cell for cell in cells if is_solution(cell) and cell.cell_type == "markdown"]
        assert texts[0].source.startswith("**Solution.** ")
        assert any(is_solution(cell) and cell.cell_type == "code" for cell in cells)
        calls = [cell for cell in cells if cell.source.startswith("print(check.")]
        open_end = ", explore, " in cells[0].source
        assert len(calls) == (0 if open_end else 2), cells[0].source
        checked += not open_end
        if not open_end:
            given, solved = calls
            assert not is_solution(given) and printed(given).strip().endswith(": no answer yet")
            first, *rejections = printed(solved).replace("\n    ", " ").strip().split("\n")
            assert first.endswith(": right") and given.source in solved.source
            assert len(rejections) >= 3 and all(": not yet: " in line for line in rejections)
            assert len(set(rejections)) >= 3 and "the hint may help" not in "".join(rejections)
    assert checked >= 6


@each_notebook
def test_the_exercises_of_a_lesson_are_those_of_its_solutions(path):
    """`python -m workshop notebooks exercises` copies them."""
    kept = [cell for cell in load(path).cells if not is_solution(cell)]
    lesson = load(LESSONS / path.name)
    assert [cell.source for cell in with_exercises(lesson, kept)] == [
        c.source for c in lesson.cells
    ]


@each_notebook
def test_solutions_stay_out_of_lessons(path):
    text = "\n".join(cell.source for cell in load(LESSONS / path.name).cells)
    assert "**Solution.**" not in text and "show_rejections" not in text


@pytest.mark.parametrize(
    ("answer", "told"),
    [
        (None, "no answer yet"),
        (2, "right"),
        (2.001, "right"),
        (torch.tensor(2.0, requires_grad=True), "right"),
        (2.1, "not yet: it is not 2.1; the hint may help"),
        (4, "not yet: a square was taken"),
        (5, "not yet: it is not 5; the hint may help"),
        (math.inf, "not yet: inf is no answer; the hint may help"),
        (math.nan, "not yet: your answer is not a number (nan)"),
        ([2, 2], "not yet: one number is needed; yours has the shape (2,)"),
        (2j, "not yet: numbers are needed, not 2j"),
        ("two", "not yet: numbers are needed, not 'two'"),
        (object, "not yet: numbers are needed, not <class 'object'>"),
    ],
)
def test_an_answer_gets_a_sentence(answer, told):
    assert str(check_answer("one", answer, 2.0, {"a square was taken": 4.0})) == f"one: {told}"


def test_a_function_is_judged_by_what_it_returns():
    x = torch.tensor([1.0, 3.0])
    mistakes = {"that is the double": lambda x: 2 * x}
    told = [
        check_function("f", function, lambda x: x**2, mistakes, x)
        for function in (lambda _: None, lambda x: x * x, lambda x: x + x, lambda x: x - x)
    ]
    assert [str(verdict).split(": ", 1)[1] for verdict in told] == [
        "no answer yet",
        "right",
        "not yet: that is the double",
        "not yet: number 1 of 2, 0, is not right; the hint may help",
    ]


@pytest.mark.parametrize(
    ("function", "told"),
    [
        (None, "no answer yet"),
        (3, "not yet: a function is needed, not 3"),
        (lambda: 1, "not yet: your function does not take what it is given: too many"),
        (lambda x, y: x + y, "not yet: your function does not take what it is given: missing"),
        (lambda x: x.zero_(), "not yet: number 1 of 2, 0, is not right; the hint may help"),
        (lambda x: x[0], "not yet: your answer has the shape (), not (2,)"),
    ],
)
def test_what_is_no_function_that_fits_gets_a_sentence(function, told):
    said = check_function("f", function, lambda x: x**2, {}, torch.tensor([1.0, 3.0]))
    assert " ".join(str(said).split()).startswith(f"f: {told}")


@pytest.mark.parametrize("accepted", [2, None, 5])
def test_a_wrong_answer_that_is_not_told_what_to_look_at_is_found(accepted):
    def check(answer):
        return check_answer("one", answer, 2, {"a square": 4})

    show_rejections(check, [(4, "a square")])
    with pytest.raises(AssertionError, match="is told 'one: "):
        show_rejections(check, [(4, "a square"), (accepted, "a square")])


@pytest.mark.parametrize(
    ("answer", "state"),
    [
        (None, State.UNANSWERED),
        (2, State.RIGHT),
        (4, State.MISTAKE),
        (5, State.WRONG),
        (math.inf, State.WRONG),
        (math.nan, State.NAN),
        ([2, 2], State.MISTAKE),
    ],
)
def test_a_verdict_is_a_value_and_not_its_words(answer, state):
    found = check_answer("one", answer, 2.0, {"right, not yet, (nan), it is not": 4.0})
    assert found.state is state
    assert (found.right, found.rejects) == (
        state is State.RIGHT,
        state not in (State.RIGHT, State.UNANSWERED),
    )


def test_what_follows_from_an_answer_does_not_hang_on_words(monkeypatch):
    """Every sentence of a verdict is reworded; the exercises with two parts decide as before."""

    def reworded(name, _, state=State.MISTAKE):
        return Verdict(name, state, "mot")

    checks = {  # with an answer of which each check has more to say than the comparison
        lesson_01.best_generator: (3.0, 0.0),
        lesson_01.slope: (lambda a: torch.full_like(a, math.nan),),
        lesson_02.there_and_back: (lambda p: (p * 2 - 255) / 255, None),
        lesson_04.first_pull: (7.0, None),
    }
    before = [check(*answers) for check, answers in checks.items()]
    monkeypatch.setattr("gan_utils.exercises.verdicts.not_yet", reworded)
    after = [check(*answers) for check, answers in checks.items()]
    assert after == before and all(found.state is State.MISTAKE for found in after)
    assert not_yet("a", "b") == Verdict("a", State.MISTAKE, "b")


def test_names_of_a_lesson_come_without_its_trainings(capsys):
    names = names_of_lesson("01_sine_gan")
    assert {"torch", "train", "ring_points", "SEED", "DEVICE"} <= set(names)
    assert "published" not in names and not capsys.readouterr().out
    assert not any(
        name.startswith("my_") for name in names
    )  # what learners write is not the lesson's
    with pytest.raises(FileNotFoundError):
        names_of_lesson("09_none")


@pytest.fixture
def lesson(tmp_path):
    """A lesson with its solutions, in a folder of its own."""
    for path in (LESSONS / "01_sine_gan.ipynb", SOLUTIONS[0]):
        copy = tmp_path / path.relative_to(LESSONS)
        copy.parent.mkdir(exist_ok=True)
        copy.write_bytes(path.read_bytes())
    (tmp_path / "images").mkdir()
    (tmp_path / "images" / "01_sine_gan.png").touch()
    return tmp_path / "01_sine_gan.ipynb"


def test_renewing_exercises_changes_nothing_else(lesson):
    before = load(lesson)
    solutions = load(lesson.parent / "solutions" / lesson.name)
    [first, *_] = [c for c in solutions.cells if c.source.startswith("### Exercise")]
    first.source = first.source.replace("### Exercise 1", "### Exercise 1, new", 1)
    nbformat.write(solutions, lesson.parent / "solutions" / lesson.name)
    renew_exercises(lesson)
    changed = load(lesson)
    [found] = [cell for cell in changed.cells if "### Exercise 1, new" in cell.source]
    found.source = found.source.replace("### Exercise 1, new", "### Exercise 1", 1)
    assert changed.cells == before.cells  # but for the heading, whose digest is of code alone
    assert changed.metadata[RUN] == before.metadata[RUN]


def test_exercises_are_not_put_into_a_lesson_whose_outputs_were_edited(lesson):
    notebook = load(lesson)
    edited = next(cell for cell in notebook.cells if cell.get("outputs"))
    edited.outputs[0]["text"] = "edited"
    nbformat.write(notebook, lesson)
    with pytest.raises(ValueError, match="the outputs are not those of its last run"):
        renew_exercises(lesson)


def test_a_lesson_without_a_place_for_exercises_is_named():
    cells = [nbformat.v4.new_markdown_cell("## 1. Exercises")]
    with pytest.raises(ValueError, match="needs a heading like '## 15. Exercises'"):
        with_exercises(nbformat.v4.new_notebook(cells=cells), [])
    split = [*cells, nbformat.v4.new_markdown_cell("## 2. Open exercises")]
    with pytest.raises(ValueError, match="needs a heading like '## 15. Exercises'"):
        with_exercises(nbformat.v4.new_notebook(cells=split), [])


def test_open_exercises_stand_in_the_laboratory_where_there_is_one():
    markdown = nbformat.v4.new_markdown_cell
    texts = [
        "# 01",
        "## 1. Exercises",
        "old",
        "## Laboratory",
        "## 2. Open exercises",
        "old",
        "## E",
    ]
    lesson = nbformat.v4.new_notebook(cells=[markdown(text) for text in texts])
    build, explore, stub = "### Exercise 1, build, 3", "### Exercise 2, explore, 3", "stub"
    section = [markdown(text) for text in (build, stub, explore, stub)]
    assert [cell.source for cell in with_exercises(lesson, section)] == [
        "# 01", "## 1. Exercises", build, stub, "## Laboratory", "## 2. Open exercises", explore,
        stub, "## E",
    ]  # fmt: skip
    whole = nbformat.v4.new_notebook(cells=lesson.cells[:4])
    assert [cell.source for cell in with_exercises(whole, section)] == [
        "# 01", "## 1. Exercises", build, stub, explore, stub, "## Laboratory"
    ]  # fmt: skip


def test_a_worksheet_has_no_outputs_and_is_never_written_over(lesson, tmp_path, monkeypatch):
    monkeypatch.setattr("workshop.exercises.WORKSHEETS", tmp_path / "sheets")
    for _ in range(2):  # the same one may be written again
        write_worksheet(lesson)
    sheet = tmp_path / "sheets" / lesson.name
    code = [cell for cell in load(sheet).cells if cell.cell_type == "code"]
    assert code and not any(cell.outputs or cell.execution_count for cell in code)
    assert [c.source for c in load(sheet).cells] == [c.source for c in load(lesson).cells]
    assert (sheet.parent / "images" / "01_sine_gan.png").exists()
    sheet.write_text("a learner's work")
    with pytest.raises(FileExistsError, match="is not replaced; move it away"):
        write_worksheet(lesson)
    assert sheet.read_text() == "a learner's work"
