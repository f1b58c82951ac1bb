"""How long the sections of a lesson run, measured and written into the teacher's guide."""

import os
import re
from datetime import datetime
from pathlib import Path

import nbformat
from nbclient import NotebookClient
from nbformat import NotebookNode

from gan_utils.files import NOTEBOOKS, atomic_write

GUIDE = NOTEBOOKS / "TEACHING.md"
SECTION = re.compile(r"^## (.+)$", re.M)


def write_times(path: Path, guide: Path = GUIDE) -> None:
    """Run a lesson in quick mode, and write the seconds of its sections into the guide.

    They stand between the lines `<!-- seconds: NAME -->` and `<!-- end -->`, where NAME is that of
    the lesson's file without suffix.

    Raises:
        ValueError: the guide has no such lines.
        nbclient.exceptions.CellExecutionError: a cell failed; the guide is left as it was.
    """
    text = guide.read_text(encoding="utf-8")
    place = re.compile(rf"(<!-- seconds: {path.stem} -->\n).*?(<!-- end -->)", re.S)
    if not place.search(text):
        raise ValueError(f"{guide.name} has no lines <!-- seconds: {path.stem} --> … <!-- end -->")
    os.environ["GAN_UTILS_MODE"] = "quick"
    notebook = nbformat.read(path, as_version=4)
    client = NotebookClient(notebook, timeout=None, kernel_name="python3", record_timing=True)
    client.execute(cwd=str(path.parent))
    table = table_of(seconds_of_sections(notebook))
    with atomic_write(guide) as file:
        file.write(place.sub(lambda lines: lines[1] + table + lines[2], text).encode())


def seconds_of_sections(notebook: NotebookNode) -> dict[str, float]:
    """Return how long the cells of each section ran, of a notebook that was run with its times."""
    seconds: dict[str, float] = {}
    section = ""
    for cell in notebook.cells:
        if cell.cell_type == "markdown":
            section = (SECTION.findall(cell.source) or [section])[-1]
            continue
        times = cell.metadata["execution"]
        begun, ended = (
            datetime.fromisoformat(times[f"iopub.status.{moment}"].replace("Z", "+00:00"))
            for moment in ("busy", "idle")
        )
        seconds[section] = seconds.get(section, 0.0) + (ended - begun).total_seconds()
    return seconds


def table_of(seconds: dict[str, float]) -> str:
    """Return a table of seconds in Markdown, with their sum."""
    rows = [f"| {name} | {shown(number)} |" for name, number in seconds.items()]
    rows.append(f"| **all** | **{shown(sum(seconds.values()))}** |")
    return "\n".join(["| section | seconds |", "|---|--:|", *rows]) + "\n"


def shown(seconds: float) -> str:
    """Return seconds as a teacher needs them: below one second nobody waits."""
    return "< 1" if seconds < 1 else f"{seconds:.0f}"
