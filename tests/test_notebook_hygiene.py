"""What nbval cannot see: stale or cleared outputs, leaked paths, size, style."""

import ast
import json
import re
import statistics
from pathlib import Path

import nbformat
import pytest

NOTEBOOKS = sorted((Path(__file__).parents[1] / "notebooks").glob("*.ipynb"))
MAX_BYTES = 2_000_000
TEXT_TYPES = {"text/plain", "text/markdown"}


def code_cells(notebook):
    return [cell for cell in notebook.cells if cell.cell_type == "code"]


def is_checked(cell):
    return "nbval-check-output" in cell.metadata.get("tags", [])


def load(path):
    return nbformat.read(path, as_version=4)


each_notebook = pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)


def test_there_are_notebooks():
    assert NOTEBOOKS


@each_notebook
def test_stored_notebook_is_valid_small_and_portable(path):
    notebook = load(path)
    nbformat.validate(notebook)
    assert path.stat().st_size < MAX_BYTES
    assert notebook.metadata.kernelspec.name == "python3"
    assert "widgets" not in notebook.metadata
    leaks = r"(?<![\w.~])/(?:home|Users|tmp|root|work|opt|usr|var|content)/\w|[A-Z]:\\\\\w"
    texts = [cell.source for cell in notebook.cells]
    texts += [json.dumps(text_of(o)) for cell in code_cells(notebook) for o in cell.outputs]
    assert not [text for text in texts if re.search(leaks, text)]


def text_of(output):
    data = output.get("data", {})
    return [output.get("text", ""), *(data[kind] for kind in data if not kind.startswith("image/"))]


@each_notebook
def test_stored_outputs_come_from_one_clean_run(path):
    code = code_cells(load(path))
    assert [cell.execution_count for cell in code] == list(range(1, len(code) + 1))
    outputs = [output for cell in code for output in cell.outputs]
    assert not [output for output in outputs if output.output_type == "error"]
    assert not [output for output in outputs if output.get("name") == "stderr"]
    assert not [cell for cell in code if "execution" in cell.metadata]
    assert not [output for output in outputs if re.search(r"\r(?!\n)", output.get("text", ""))]
    kinds = {kind for output in outputs for kind in output.get("data", {})}
    assert kinds <= TEXT_TYPES | {"image/png"}


@each_notebook
def test_no_picture_or_printed_line_was_cleared(path):
    shows = re.compile(r"^(print\w*|plt\.show|show_\w+|film_strip|animate)\(", re.M)
    cleared = [c.source for c in code_cells(load(path)) if shows.search(c.source) and not c.outputs]
    assert not cleared


@each_notebook
def test_outputs_come_from_a_full_run(path):
    text = "".join(
        str(text_of(output)) for cell in code_cells(load(path)) for output in cell.outputs
    )
    assert "full mode on" in text and "quick mode on" not in text


@each_notebook
def test_checked_cells_have_text_outputs_and_no_trained_numbers(path):
    checked = [cell for cell in code_cells(load(path)) if is_checked(cell)]
    assert len(checked) >= 3
    for cell in checked:
        assert cell.outputs, cell.source
        assert {kind for o in cell.outputs for kind in o.get("data", {})} <= TEXT_TYPES
    assert any("agree" in str(text_of(o)) for cell in checked for o in cell.outputs)


@each_notebook
def test_shown_sources_are_checked(path):
    shown = [cell for cell in code_cells(load(path)) if "show_source(" in cell.source]
    shown = [cell for cell in shown if "import" not in cell.source]
    assert shown and all(is_checked(cell) and cell.source.count("\n") == 0 for cell in shown)


@each_notebook
def test_code_cells_are_short(path):
    lengths = [cell.source.count("\n") + 1 for cell in code_cells(load(path))]
    assert max(lengths) <= 22
    assert statistics.median(lengths) <= 8


@each_notebook
def test_imports_are_explicit(path):
    for cell in code_cells(load(path)):
        for node in ast.walk(ast.parse(cell.source)):
            names = [alias.name for alias in getattr(node, "names", []) if hasattr(alias, "name")]
            assert "*" not in names


@each_notebook
def test_pictures_in_the_text_exist_and_have_alt_text(path):
    text = "\n".join(cell.source for cell in load(path).cells if cell.cell_type == "markdown")
    pictures = re.findall(r"!\[(.*?)\]\((.+?)\)", text, flags=re.DOTALL)
    assert pictures
    for alt, target in pictures:
        assert len(alt) > 20
        assert (path.parent / target).is_file()


@each_notebook
def test_required_sections_are_there(path):
    headings = [
        line.lower()
        for cell in load(path).cells
        if cell.cell_type == "markdown"
        for line in cell.source.splitlines()
        if line.startswith("#")
    ]
    for wanted in (
        "what you will learn",
        "on a gpu",
        "how good",
        "break it",
        "exercises",
        "summary",
        "references",
    ):
        assert any(wanted in heading for heading in headings), wanted
