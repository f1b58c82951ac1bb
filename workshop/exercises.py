"""The exercises of a lesson, made from its notebook of solutions; and worksheets for a class."""

import copy
from pathlib import Path
from shutil import copytree

import nbformat
from nbclient import NotebookClient
from nbformat import NotebookNode

from gan_utils.exercises.lesson import EXERCISES, SECTION
from gan_utils.files import PROJECT, atomic_write

SOLUTION = "solution"  # the tag of cells that learners do not get
WORKSHEETS = PROJECT / "worksheets"


def is_solution(cell: NotebookNode) -> bool:
    """Tell whether a cell is for teachers only."""
    return SOLUTION in cell.metadata.get("tags", [])


def learners_cells(solutions: NotebookNode) -> list[NotebookNode]:
    """Return what learners get of a notebook of solutions, as it looks before any answer.

    What these cells print comes from a kernel of their own that has only what the notebook sets
    up first: its cells before the first that is not a solution.
    """
    kept = [index for index, cell in enumerate(solutions.cells) if not is_solution(cell)]
    section = copy.deepcopy(solutions)
    section.cells = section.cells[: kept[0]] + [section.cells[index] for index in kept]
    NotebookClient(section, timeout=None, kernel_name="python3").execute()
    return section.cells[kept[0] :]


def with_exercises(lesson: NotebookNode, section: list[NotebookNode]) -> list[NotebookNode]:
    """Return the cells of a lesson with other exercises.

    They stand between the cell that ends with the heading "Exercises" and the next heading of its
    rank. Where a heading "Open exercises" follows, those of kind explore stand there.

    Raises:
        ValueError: the lesson has no such heading, or nothing behind it.
    """
    texts = [cell.source if cell.cell_type == "markdown" else "" for cell in lesson.cells]
    headings = [index for index, text in enumerate(texts) if SECTION.search(text)]
    starts = [index for index in headings if EXERCISES.search(texts[index])]
    if not starts or starts[-1] == headings[-1]:
        raise ValueError("a lesson needs a heading like '## 15. Exercises', and one behind it")
    is_open = [", explore, " in cell.source for cell in section]
    checked = is_open.index(True) if starts[1:] and True in is_open else len(section)
    cells = [*lesson.cells]
    for start, part in reversed(
        [*zip(starts, (section[:checked], section[checked:]), strict=False)]
    ):
        cells[start + 1 : headings[headings.index(start) + 1]] = part
    return cells


def write_worksheet(path: Path) -> None:
    """Write a lesson without its outputs to the folder `worksheets`, with the pictures it shows.

    Raises:
        FileExistsError: a worksheet with other contents is there. It may hold a learner's work.
    """
    notebook = nbformat.read(path, as_version=4)
    for cell in notebook.cells:
        if cell.cell_type == "code":
            cell.outputs, cell.execution_count = [], None
    text = (nbformat.writes(notebook) + "\n").encode()
    worksheet = WORKSHEETS / path.name
    if worksheet.exists() and worksheet.read_bytes() != text:
        raise FileExistsError(f"{worksheet} is there and is not replaced; move it away first")
    worksheet.parent.mkdir(exist_ok=True)
    with atomic_write(worksheet) as file:
        file.write(text)
    copytree(path.parent / "images", worksheet.parent / "images", dirs_exist_ok=True)
