"""The teacher's guide: its times are measured, and what it names exists."""

import re
from pathlib import Path

import nbformat
import pytest

from workshop.times import seconds_of_sections, table_of, write_times

LESSONS = Path(__file__).parents[1] / "notebooks"
GUIDE = LESSONS / "TEACHING.md"
STEMS = sorted(path.stem for path in LESSONS.glob("*.ipynb"))


def timed(seconds):
    times = {"iopub.status.busy": "2026-01-01T00:00:00.000000Z"}
    times["iopub.status.idle"] = f"2026-01-01T00:00:{seconds:09.6f}Z"
    return nbformat.v4.new_code_cell("x", metadata={"execution": times})


def test_seconds_are_summed_by_section():
    heading = nbformat.v4.new_markdown_cell
    cells = [
        heading("## 1. A\n\nB"),
        timed(0.3),
        timed(2.4),
        heading("## 2. C\n\n### D"),
        timed(0.5),
    ]
    seconds = seconds_of_sections(nbformat.v4.new_notebook(cells=cells))
    assert {name: round(value, 6) for name, value in seconds.items()} == {"1. A": 2.7, "2. C": 0.5}
    assert table_of(seconds).splitlines()[2:] == [
        "| 1. A | 3 |",
        "| 2. C | < 1 |",
        "| **all** | **3** |",
    ]


def test_times_are_written_where_the_guide_has_a_place_for_them(tmp_path, monkeypatch):
    monkeypatch.setenv("GAN_UTILS_MODE", "full")
    cells = [nbformat.v4.new_markdown_cell("## 1. A"), nbformat.v4.new_code_cell("1 + 1")]
    lesson, guide = tmp_path / "06_new.ipynb", tmp_path / "guide.md"
    nbformat.write(nbformat.v4.new_notebook(cells=cells), lesson)
    guide.write_text("before\n<!-- seconds: 06_new -->\nold\n<!-- end -->\nafter\n")
    write_times(lesson, guide)
    text = guide.read_text()
    assert "| 1. A | < 1 |" in text and "old" not in text
    assert text.startswith("before\n") and text.endswith("<!-- end -->\nafter\n")
    guide.write_text("no place")
    with pytest.raises(ValueError, match="has no lines <!-- seconds: 06_new -->"):
        write_times(lesson, guide)
    assert guide.read_text() == "no place"


@pytest.mark.parametrize("stem", STEMS)
def test_the_guide_has_a_plan_and_the_times_of_each_lesson(stem):
    text = GUIDE.read_text()
    [chapter] = [
        part for part in re.split(r"^## ", text, flags=re.M) if f"[Lesson]({stem}.ipynb)" in part
    ]
    for wanted in (
        "**Prerequisites.**",
        "### 50 minutes",
        "### 90 minutes",
        "### Three questions",
        "### Where they go wrong",
        "### What to cut",
        "### What to assign",
    ):
        assert wanted in chapter, wanted
    measured = chapter.split(f"<!-- seconds: {stem} -->\n")[1].split("<!-- end -->")[0]
    sections = re.findall(r"^\| (\d+\. .+?) \|", measured, re.M)
    cells = nbformat.read(LESSONS / f"{stem}.ipynb", as_version=4).cells
    texts = "\n".join(cell.source for cell in cells if cell.cell_type == "markdown")
    assert sections and set(sections) <= set(re.findall(r"^## (.+)$", texts, re.M))


def test_the_symptoms_lead_to_sections_and_patients_that_exist():
    assert "06_clinic.ipynb#9-symptoms-causes-remedies" in GUIDE.read_text()
    texts = {
        path.stem[:2]: "\n".join(c.source for c in nbformat.read(path, as_version=4).cells)
        for path in LESSONS.glob("*.ipynb")
    }
    section = re.search(r"^## \d+\. Symptoms.*?^## ", texts["06"], re.S | re.M)[0]
    rows = re.findall(r"^\| (?!symptom|---).+ \| (.+) \|$", section, re.M)
    assert len(rows) >= 20
    for row in rows:
        for place in row.split("; "):
            lesson, part = re.fullmatch(r"\[?(\d\d)\b.*?, (.+)", place).groups()
            if part.startswith("patient"):
                part = part.split(" and ")[0].replace("patient", "exercise")
            kind, number = re.match(r"(section|exercise) (\d+)", part).groups()
            heading = rf"^## {number}\. " if kind == "section" else rf"^### Exercise {number},"
            assert re.search(heading, texts[lesson], re.M), place
