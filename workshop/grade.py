"""Mark a folder of worksheets: what the checks accept, a line for each file."""

import argparse
import csv
import re
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

import nbformat
from nbclient import NotebookClient
from nbclient.exceptions import DeadKernelError
from nbformat import NotebookNode
from nbformat.v4 import new_code_cell, new_notebook
from tqdm import tqdm

from gan_utils.exercises.lesson import EXERCISES
from gan_utils.files import NOTEBOOKS, atomic_write
from gan_utils.settings import require_positive

EXAMPLE = "grade handed_in --to marks.csv"
NUMBER = re.compile(r"^# (\d\d) · ", re.M)  # of a lesson, in its title
HEADING = re.compile(r"^### Exercise (\d+)", re.M)
CHECK = "print(check."  # begins the cell that judges an exercise
RIGHT, NOT_YET, EMPTY, FAILED = "right", "not yet", "no answer", "no verdict"
SAID = {": right": RIGHT, ": no answer yet": EMPTY, ": not yet": NOT_YET}
# What learners' cells find: the lesson's functions and settings, and the checks.
SETUP = (
    "from gan_utils.exercises.lesson import names_of_lesson\n"
    'globals().update(names_of_lesson("{stem}"))'
)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Say which arguments the command takes."""
    parser.add_argument("folder", type=Path, help="of notebooks; what they hold is run")
    parser.add_argument("--to", type=Path, default=Path("marks.csv"), help="otherwise marks.csv")
    parser.add_argument(
        "--seconds", type=float, default=60.0, help="that a cell may take: otherwise 60"
    )


def run(arguments: argparse.Namespace) -> None:
    """Write a table of marks: 1 for an answer that its check accepts, 0 for any other.

    Raises:
        FileExistsError: the table is there already.
        FileNotFoundError: the folder holds no notebook.
        ValueError: `--seconds` is not above 0.
    """
    require_positive(**{"--seconds": arguments.seconds})
    if arguments.to.exists():
        raise FileExistsError(f"{arguments.to} is there and is not replaced; give another name")
    paths = sorted(arguments.folder.glob("*.ipynb"))
    if not paths:
        raise FileNotFoundError(f"{arguments.folder} holds no notebook (*.ipynb)")
    found = {path.name: grade(path, arguments.seconds) for path in tqdm(paths, "grade")}
    numbers = sorted({number for marks in found.values() for number in marks})
    with atomic_write(arguments.to) as stream:
        stream.write("".join(_lines(found, numbers)).encode())
    print(f"{len(found)} worksheets: {arguments.to.resolve()}")


def _lines(found: dict[str, dict[int, str]], numbers: list[int]) -> Iterator[str]:
    class Line(list):
        write = list.append

    line = Line()
    writer = csv.writer(line)
    writer.writerow(["file", *numbers, "sum", "remarks"])
    for name, verdicts in found.items():
        marks = [int(verdicts.get(number) == RIGHT) for number in numbers]
        remarks = [f"{n}: {verdict}" for n, verdict in verdicts.items() if verdict != RIGHT]
        writer.writerow([name, *marks, sum(marks), "; ".join(remarks)])
    yield from line


def grade(path: Path, seconds: float) -> dict[int, str]:
    """Return by number how the checks of its lesson judge the exercises of a worksheet.

    Answers are run in a kernel of their own and in a folder of their own, for so many seconds a
    cell. The checks are those of the lesson, whatever stands in the worksheet.

    Returns:
        `RIGHT`, `NOT_YET`, `EMPTY` or, where an answer ends in an error, takes too long or is not
        there, `FAILED`; nothing for a file that is no worksheet.
    """
    try:
        worksheet = nbformat.read(path, as_version=4)
        lesson_path = _lesson_of(worksheet)
    except Exception as error:  # nbformat fails in many ways where a file is none
        tqdm.write(f"{path.name} is left out: {error or type(error).__name__}")
        return {}
    lesson = nbformat.read(lesson_path, as_version=4)
    asked, answers = _exercises(lesson), _exercises(worksheet)
    checks = {
        number: new_code_cell(sources[-1])
        for number, sources in asked.items()
        if sources[-1].startswith(CHECK)
    }
    cells = [SETUP.format(stem=lesson_path.stem), *asked[0]]
    cells = [new_code_cell(source) for source in cells]
    for number, check in checks.items():
        cells += [*map(new_code_cell, answers.get(number, [])), check]
    _execute(new_notebook(cells=cells), seconds)
    return {number: _verdict(check) for number, check in checks.items()}


def _lesson_of(worksheet: NotebookNode) -> Path:
    texts = [cell.source for cell in worksheet.cells if cell.cell_type == "markdown"]
    numbers = NUMBER.findall("\n".join(texts))
    found = [*NOTEBOOKS.glob(f"{numbers[0]}_*.ipynb")] if numbers else []
    if not found:
        raise ValueError("it has no title of a lesson, such as '# 01 · …'")
    return found[0]


def _exercises(notebook: NotebookNode) -> dict[int, list[str]]:
    """Return the code of each exercise, by its number and cells; 0 has what comes before them."""
    found: dict[int, list[str]] = {}
    number = None
    for cell in notebook.cells:
        if cell.cell_type == "markdown":
            if EXERCISES.search(cell.source):
                number = 0
            elif number is not None and (heading := HEADING.search(cell.source)):
                number = int(heading[1])
            elif cell.source.startswith("## "):
                number = None
        elif number is not None and cell.cell_type == "code":
            found.setdefault(number, []).append(cell.source)
    return found


def _execute(notebook: NotebookNode, seconds: float) -> None:
    with TemporaryDirectory() as folder:
        client = NotebookClient(
            notebook,
            kernel_name="python3",
            timeout=seconds,
            interrupt_on_timeout=True,
            allow_errors=True,
            extra_arguments=["--log-level=ERROR"],
            resources={"metadata": {"path": folder}},
        )
        try:
            client.execute()
        except DeadKernelError:  # an answer has ended it: the rest has no verdict
            return


def _verdict(check: NotebookNode) -> str:
    said = "".join(output.get("text", "") for output in check.outputs)
    return next((verdict for words, verdict in SAID.items() if words in said), FAILED)
