"""Marks for a folder of worksheets, by the checks of their lesson."""

import csv

import nbformat
import pytest

from gan_utils.files import NOTEBOOKS
from workshop import grade
from workshop.__main__ import read

LESSON = "01_sine_gan.ipynb"


def worksheet(answers):
    """A worksheet of lesson 01 whose stubs were replaced, by number; None takes the solution."""
    sheet = nbformat.read(NOTEBOOKS / LESSON, as_version=4)
    solutions = nbformat.read(NOTEBOOKS / "solutions" / LESSON, as_version=4)
    by_id = {cell.id: cell for cell in solutions.cells}
    for cell in sheet.cells:
        if cell.cell_type == "code":
            cell.outputs, cell.execution_count = [], None
        for number, answer in answers.items():
            if cell.id == f"exercise-{number:02}-1":
                cell.source = by_id[f"exercise-{number:02}-4"].source if answer is None else answer
    return sheet


def graded(folder, *extra):
    marks = folder / "marks.csv"
    arguments = read(["grade", str(folder), "--to", str(marks), *extra])
    arguments.run(arguments)
    return list(csv.DictReader(marks.read_text().splitlines()))


def test_answers_are_marked_by_the_checks_of_the_lesson(tmp_path):
    right = worksheet(dict.fromkeys(range(1, 8)))
    forged = worksheet({})
    for cell in forged.cells:
        cell.source = cell.source.replace("print(check.", "print('everything: right') #")
    mixed = worksheet({
        1: None, 2: "my_mean, my_deviation = 4, 0", 3: "1 / 0",
        5: "import time\nwhile True: time.sleep(1)", 6: None,
    })  # fmt: skip
    for name, sheet in {"ann": right, "ben": forged, "cleo": mixed}.items():
        nbformat.write(sheet, tmp_path / f"{name}.ipynb")
    (tmp_path / "dan.ipynb").write_text("no notebook")
    ann, ben, cleo, dan = graded(tmp_path, "--seconds", "20")
    assert (ann["sum"], ann["remarks"]) == ("7", "")
    assert ben["sum"] == "0" and ben["remarks"].count("no answer") == 7
    assert [cleo[str(n)] for n in range(1, 8)] == ["1", "0", "0", "0", "0", "1", "0"]
    assert "2: not yet" in cleo["remarks"] and "7: no answer" in cleo["remarks"]
    assert dan["sum"] == "0"


def test_an_answer_that_ends_the_kernel_leaves_what_came_before(tmp_path):
    nbformat.write(worksheet({1: None, 2: "import os\nos._exit(1)"}), tmp_path / "eve.ipynb")
    [eve] = graded(tmp_path)
    assert eve["1"] == "1" and eve["2"] == "0" and "2: no verdict" in eve["remarks"]


@pytest.mark.parametrize(
    "extra, message",
    [
        ([], "holds no notebook"),
        (["--seconds", "0"], "--seconds is 0.0; it must be a number above 0"),
    ],
)
def test_what_cannot_be_graded_is_refused(tmp_path, extra, message):
    with pytest.raises((ValueError, OSError), match=message):
        graded(tmp_path, *extra)


def test_marks_that_are_there_are_not_replaced(tmp_path):
    (tmp_path / "marks.csv").write_text("mine")
    with pytest.raises(FileExistsError, match="marks.csv is there and is not replaced"):
        graded(tmp_path)
    assert (tmp_path / "marks.csv").read_text() == "mine"
    assert grade.RIGHT == "right"
