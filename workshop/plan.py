"""What a talk shows of a lesson: the sections and parts that the teacher's guide names."""

import copy
import math
import re
from collections.abc import Sequence
from pathlib import Path

from nbformat import NotebookNode

from workshop.times import GUIDE

BREAK = re.compile(r"^(?=#{2,3} )", re.M)  # a heading begins


def plan_of(stem: str, guide: Path = GUIDE) -> tuple[list[str], set[str] | None]:
    """Return what the plan of fifty minutes shows of a lesson: numbers of sections, and of
    exercises such as "15.2"; and the parts of sections whose titles it names in quotes. A lesson
    without a plan is shown whole.
    """
    text = guide.read_text(encoding="utf-8")
    part = re.search(rf"^## {stem[:2]}:.*?^### 50 minutes\n(.*?)^### ", text, re.S | re.M)
    found, titles = [], set()
    for row in re.findall(r"^\| *\d+ \|([^|]*)\|(.*)\|$", part[1] if part else "", re.M):
        numbers, exercises = re.findall(r"\d+", row[0]), re.findall(r"Exercise (\d+)", row[1])
        found += [f"{numbers[-1]}.{number}" for number in exercises] or numbers
        titles |= {*re.findall(r'"([^"]+)"', row[1])}
    return (found, titles) if found else (["all"], None)


def chosen(
    notebook: NotebookNode, sections: Sequence[str], titles: set[str] | None = None
) -> NotebookNode:
    """Return a lesson with its head and the sections named.

    Args:
        notebook: of a lesson.
        sections: their numbers, or `["all"]`; "15.2" is an exercise.
        titles: of the parts of sections that are shown; None for all.

    Raises:
        ValueError: it has no such section.
    """
    kept, known, number, exercise, told = copy.copy(notebook), {"all"}, "", "", True
    kept.cells = []
    for cell in notebook.cells:
        parts = BREAK.split(cell.source) if cell.cell_type == "markdown" else [cell.source]
        for source in parts:
            if heading := re.match(r"## (?:(\d+)\. )?", source):
                number, exercise, told = heading[1] or "-", "", True
            elif heading := re.match(r"### Exercise (\d+)", source):
                exercise, told = f"{number}.{heading[1]}", True
            elif heading := re.match(r"### (.+)", source):
                told = titles is None or heading[1] in titles
            known |= {number, exercise} - {"", "-"}
            named = {"all", exercise or number} & {*sections}
            if source and told and (named or not number or number in sections):
                kept.cells.append(copy.copy(cell))
                kept.cells[-1].source = source
    if unknown := [name for name in sections if name not in known]:
        raise ValueError(f"there is no section {', '.join(unknown)} here; give one of "
                         f"{', '.join(sorted(known, key=_order))}")  # fmt: skip
    return kept


def _order(name: str) -> list[float]:
    return [float(part) if part.isdigit() else math.inf for part in name.split(".")]
