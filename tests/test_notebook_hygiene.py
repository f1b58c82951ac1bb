"""What nbval cannot see: stale or cleared outputs, leaked paths, size, style."""

import ast
import io
import json
import re
import statistics
from itertools import chain
from pathlib import Path

import nbformat
import pytest
from PIL import Image

from gan_utils.exercises.lesson import tree_of
from gan_utils.progress import WIDTH
from workshop.notebooks import RUN, digests, stored_pictures
from workshop.stored_pictures import SUFFIXES, pictures_of

NOTEBOOKS = sorted((Path(__file__).parents[1] / "notebooks").glob("*.ipynb"))
SOLUTIONS = sorted((Path(__file__).parents[1] / "notebooks" / "solutions").glob("*.ipynb"))
MAX_BYTES = 3_000_000
TEXT_TYPES = {"text/plain", "text/markdown"}


def code_cells(notebook):
    return [cell for cell in notebook.cells if cell.cell_type == "code"]


def is_checked(cell):
    return "nbval-check-output" in cell.metadata.get("tags", [])


def load(path):
    return nbformat.read(path, as_version=4)


each_notebook = pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
each_stored = pytest.mark.parametrize(
    "path", NOTEBOOKS + SOLUTIONS, ids=lambda path: f"{path.parent.stem}-{path.stem}"
)


def test_there_are_notebooks():
    assert NOTEBOOKS


@each_stored
def test_stored_notebook_is_valid_small_and_portable(path):
    notebook = load(path)
    nbformat.validate(notebook)
    assert path.stat().st_size < MAX_BYTES
    # So that neither opening a lesson nor a Jupyter without our kernel name changes or stops it.
    assert notebook.metadata.kernelspec.name == "python3"
    assert notebook.metadata.kernelspec.display_name == "GAN lessons"
    assert notebook.metadata.language_info.file_extension == ".py"
    assert "widgets" not in notebook.metadata
    roots = "home|Users|tmp|root|work|opt|usr|var|content|mnt|srv|data|media|private"
    leaks = rf"(?<![\w.~])/(?:{roots})/\w|[A-Z]:\\\\\w"
    texts = [cell.source for cell in notebook.cells]
    texts += [json.dumps(text_of(o)) for cell in code_cells(notebook) for o in cell.outputs]
    assert not [text for text in texts if re.search(leaks, text)]


def text_of(output):
    data = output.get("data", {})
    return [output.get("text", ""), *(data[kind] for kind in data if not kind.startswith("image/"))]


@each_stored
def test_stored_outputs_come_from_one_clean_run(path):
    code = code_cells(load(path))
    assert [cell.execution_count for cell in code] == list(range(1, len(code) + 1))
    outputs = [output for cell in code for output in cell.outputs]
    assert not [output for output in outputs if output.output_type == "error"]
    assert not [output for output in outputs if output.get("name") == "stderr"]
    assert not [cell for cell in code if "execution" in cell.metadata]
    assert not [output for output in outputs if re.search(r"\r(?!\n)", output.get("text", ""))]
    kinds = {kind for output in outputs for kind in output.get("data", {})}
    assert kinds <= TEXT_TYPES | SUFFIXES.keys()


@each_stored
def test_neither_code_nor_outputs_were_changed_since_the_run(path):
    """If only code was changed, and its output stays the same, `refresh` says so."""
    notebook = load(path)
    assert notebook.metadata[RUN] == digests(notebook)


@each_stored
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


def shown_places():
    """Objects that lessons show, with the lesson and the section where each is shown first."""
    places = {}
    for path in NOTEBOOKS:
        section, names = 0, {}
        for cell in load(path).cells:
            if cell.cell_type == "markdown":
                section = int(([section] + re.findall(r"^## (\d+)\. ", cell.source, re.M))[-1])
                continue
            for node in tree_of(cell).body:
                if isinstance(node, ast.ImportFrom) and node.module.startswith("gan_utils"):
                    exec(compile(ast.Module([node], []), path.name, "exec"), names)
            if section and (shown := re.match(r"show_source\(([\w.]+)\)", cell.source)):
                places.setdefault(eval(shown[1], names), (path.stem[:2], section))
    return places


def test_what_a_lesson_shows_says_where_it_is_taught():
    places = shown_places()
    assert len(places) > 35
    for thing, (lesson, section) in places.items():
        assert f"Lesson {lesson}, section {section}." in thing.__doc__, thing


@each_notebook
def test_shown_sources_are_no_wider_than_a_narrow_notebook(path):
    for cell in code_cells(load(path)):
        if cell.source.startswith("show_source("):
            [output] = cell.outputs
            wide = [x for x in output.data["text/plain"].splitlines() if len(x) > WIDTH]
            assert not wide, (cell.source, wide)


@each_stored
def test_figures_are_described_where_every_front_end_shows_it(path):
    cells = load(path).cells
    captions = [c for c in cells if c.cell_type == "markdown" and "*Figure: " in c.source]
    sentences = [s for c in captions for s in re.findall(r"^\*Figure: (.+)\*$", c.source, re.M)]
    figures = [cell for cell in code_cells(load(path)) if any(pictures_of(cell))]
    assert len(sentences) == len(figures)
    assert all(len(sentence) > 30 and sentence.endswith(".") for sentence in sentences)


@each_notebook
def test_kept_pictures_are_those_of_the_stored_run(path):
    pictures = stored_pictures(path)
    hero = f"{path.stem}.png"
    assert hero in pictures and len(pictures) >= 6
    folder = path.parent / "images"
    for name, data in pictures.items():
        assert (folder / name).read_bytes() == data, name
    kept = {f"{path.stem}/{file.name}" for file in (folder / path.stem).iterdir()}
    assert kept == set(pictures) - {hero}


@each_notebook
def test_animated_pictures_stop_and_begin_with_their_last_moment(path):
    animated = 0
    for _, picture in chain(*map(pictures_of, code_cells(load(path)))):
        with Image.open(io.BytesIO(picture)) as image:
            if getattr(image, "is_animated", False):
                animated += 1
                assert 1 <= image.info["loop"] <= 3
                first = image.convert("RGB").tobytes()
                image.seek(image.n_frames - 1)
                assert image.convert("RGB").tobytes() == first
    assert animated


@each_notebook
def test_the_first_cell_helps_who_lacks_the_package(path):
    first = code_cells(load(path))[0].source
    assert "require_packages()" in first and "import torch" not in first


@each_notebook
def test_cuda_is_named_and_those_who_made_the_pictures_are(path):
    text = "\n".join(c.source for c in load(path).cells if c.cell_type == "markdown")
    assert "CUDA" in text and "`pick_device`" in text
    if path.stem[:2] in ("02", "03", "04"):
        assert "## Credits" in text


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


@each_stored
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
