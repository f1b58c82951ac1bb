import base64
import contextlib
import io
import os
import subprocess
import sys

import nbformat
import pytest
from nbclient.exceptions import CellExecutionError
from nbformat.v4 import new_code_cell, new_notebook, new_output
from PIL import Image

from gan_utils.gan.losses import nonsaturating
from gan_utils.show.source import show_source
from workshop import notebooks
from workshop.__main__ import read

IMPORTS = "from gan_utils.gan import losses\nfrom gan_utils.show.source import show_source"
WIDGET = "application/vnd.jupyter.widget-view+json"


def png(*frames):
    data = io.BytesIO()
    frames[0].save(data, "PNG", save_all=True, append_images=frames[1:])
    return data.getvalue()


NOISE = Image.frombytes("L", (40, 40), bytes((i * i * 7919) % 251 for i in range(1600)))
RED = Image.new("RGB", (40, 40), "red")
CLEAR = Image.new("RGBA", (40, 40), (0, 0, 0, 0))
PICTURE = png(RED)


def write(path, *cells):
    notebook = new_notebook(cells=list(cells))
    notebook.metadata[notebooks.RUN] = notebooks.digests(notebook)
    nbformat.write(notebook, path)
    return path


def stream(text, name="stdout"):
    return new_output("stream", name=name, text=text)


def test_strip_removes_what_must_not_be_stored(capsys):
    cell = new_code_cell(
        "x",
        metadata={"execution": {"iopub.status.busy": "2020"}, "tags": ["hero"]},
        outputs=[
            stream("\r  0%"), stream("\r 50%"), stream("\r100%\n"), stream("done\n"),
            stream("a warning", name="stderr"),
            new_output("display_data", {WIDGET: {}, "text/plain": "w"}),
            stream("after\n"),
        ],
    )  # fmt: skip
    notebooks.strip(cell)
    assert cell.metadata == {"tags": ["hero"]}
    assert [o.get("text") for o in cell.outputs] == ["100%\ndone\nafter\n"]
    assert "a warning" in capsys.readouterr().err


def test_a_bar_that_goes_on_below_a_picture_is_stored_once():
    picture = new_output("display_data", {"image/png": base64.b64encode(PICTURE).decode()})
    outputs = [stream("begin\n\r  0%"), stream("\r 32%"), picture, stream("\r100%\n")]
    cell = new_code_cell("x", outputs=outputs)
    notebooks.strip(cell)
    assert [o.get("text") for o in cell.outputs] == ["begin\n", None, "100%\n"]
    cell = new_code_cell("x", outputs=[stream("\r 32%"), picture, stream("\r100%\n")])
    notebooks.strip(cell)
    assert [o.get("text") for o in cell.outputs] == [None, "100%\n"]


def test_refresh_renews_sources_and_nothing_else(tmp_path):
    stale = new_output("execute_result", {"text/markdown": "old", "text/plain": "old"})
    other = new_output("execute_result", {"text/plain": "trained for an hour"})
    path = write(
        tmp_path / "lesson.ipynb",
        new_code_cell("%time from gan_utils.gan import losses\n1 / 0"),
        new_code_cell(IMPORTS),
        new_code_cell(
            "# read\nshow_source(losses.nonsaturating)", outputs=[stale], execution_count=2
        ),
        new_code_cell("raise SystemExit", outputs=[other], execution_count=3),
    )
    notebooks.refresh_sources(path)
    cells = nbformat.read(path, as_version=4).cells
    expected = show_source(nonsaturating)
    assert cells[2].outputs[0].data == {
        "text/markdown": expected._repr_markdown_(),
        "text/plain": repr(expected),
    }
    assert cells[3].outputs[0].data == {"text/plain": "trained for an hour"}
    assert [cell.execution_count for cell in cells] == [None, None, 2, 3]


def test_refresh_takes_over_edited_code_and_refuses_edited_outputs(tmp_path):
    path = write(tmp_path / "lesson.ipynb", new_code_cell("print(1)", outputs=[stream("1\n")]))
    notebook = nbformat.read(path, as_version=4)
    notebook.cells[0].source = "print(1)  # one"
    nbformat.write(notebook, path)
    notebooks.refresh_sources(path)
    notebook = nbformat.read(path, as_version=4)
    assert notebook.metadata[notebooks.RUN] == notebooks.digests(notebook)
    notebook.cells[0].outputs[0].text = "2\n"
    nbformat.write(notebook, path)
    with pytest.raises(ValueError, match=r"lesson\.ipynb: the outputs are not those of its last"):
        notebooks.refresh_sources(path)


@pytest.mark.parametrize(
    "code",
    [
        "from gan_utils.show.source import show_source\nshow_source(open('planted', 'w'))",
        "import shutil as show_source\nshow_source(open)",
        "from pathlib import Path as show_source\nshow_source(open)",
    ],
)
def test_refresh_evaluates_nothing_but_names_of_the_package(tmp_path, monkeypatch, code):
    monkeypatch.chdir(tmp_path)
    path = write(tmp_path / "lesson.ipynb", new_code_cell(code, outputs=[stream("1\n")]))
    with contextlib.suppress(NameError):  # the name does not come from the package
        notebooks.refresh_sources(path)
    assert not (tmp_path / "planted").exists()


def test_execute_stores_outputs_and_the_opening_picture(tmp_path):
    code = f"from IPython.display import Image\nImage({PICTURE!r}, format='png')"
    path = write(
        tmp_path / "lesson.ipynb",
        new_code_cell("import os\nprint(os.environ['GAN_UTILS_MODE'])"),
        new_code_cell(code, metadata={"tags": ["hero"]}),
    )
    notebooks.execute(path)
    notebook = nbformat.read(path, as_version=4)
    assert notebook.metadata[notebooks.RUN] == notebooks.digests(notebook)
    cells = notebook.cells
    assert cells[0].outputs[0].text == "full\n" and cells[0].execution_count == 1
    assert base64.b64decode(cells[1].outputs[0].data["image/png"]) == PICTURE
    assert (tmp_path / "images/lesson.png").read_bytes() == PICTURE


@pytest.fixture(autouse=True)
def same_mode_afterwards(monkeypatch):
    monkeypatch.setenv("GAN_UTILS_MODE", "quick")


def test_pictures_of_the_run_are_kept_where_a_cell_asks_for_them(tmp_path):
    data = {"image/png": base64.b64encode(PICTURE).decode()}
    cell = new_code_cell(
        'plt.show()\nshow_full_run("lesson/curves", width=300)',
        outputs=[new_output("display_data", data)],
    )
    path = write(tmp_path / "lesson.ipynb", cell)
    notebooks.refresh(path)
    assert (tmp_path / "images/lesson/curves.png").read_bytes() == PICTURE
    assert notebooks.stored_pictures(path) == {"lesson/curves.png": PICTURE}


def test_opening_a_written_notebook_finds_what_front_ends_write(tmp_path):
    path = write(tmp_path / "lesson.ipynb", new_code_cell("1"))
    notebooks.refresh(path)
    metadata = nbformat.read(path, as_version=4).metadata
    assert metadata.language_info == notebooks.LANGUAGE
    assert metadata.kernelspec.display_name == "GAN lessons"


def test_a_failing_cell_leaves_the_file_as_it_was(tmp_path):
    path = write(tmp_path / "lesson.ipynb", new_code_cell("1 / 0"))
    before = path.read_bytes()
    with pytest.raises(CellExecutionError, match="ZeroDivisionError"):
        notebooks.execute(path)
    assert path.read_bytes() == before and list(tmp_path.iterdir()) == [path]


def test_a_hero_without_a_picture_costs_no_outputs(tmp_path):
    cell = new_code_cell("print('trained for an hour')", metadata={"tags": ["hero"]})
    path = write(tmp_path / "lesson.ipynb", cell)
    with pytest.raises(ValueError, match="picture 'lesson' shows none"):
        notebooks.execute(path)
    assert nbformat.read(path, as_version=4).cells[0].outputs[0].text == "trained for an hour\n"


def test_a_pattern_is_expanded_as_a_shell_would_do(tmp_path, monkeypatch):
    """Neither cmd nor PowerShell does it."""
    done = []
    monkeypatch.setitem(notebooks.ACTIONS, "html", (lambda path: done.append(path.name), ""))
    monkeypatch.chdir(tmp_path)
    for name in ("02.ipynb", "01.ipynb", "[03].ipynb", "other.txt"):
        nbformat.write(nbformat.v4.new_notebook(), tmp_path / name)
    arguments = read(["notebooks", "html", "0*.ipynb", "[03].ipynb", "none*.ipynb"])
    with pytest.raises(SystemExit, match=r"none\*\.ipynb is no notebook"):
        arguments.run(arguments)
    assert done == ["01.ipynb", "02.ipynb", "[03].ipynb"]


def test_what_a_terminal_cannot_show_is_escaped():
    code = (
        "from types import SimpleNamespace\n"
        "from gan_utils import __main__ as command\n"
        "shown = SimpleNamespace(run=lambda _: print('β₁, \\udcff'))\n"
        "command.read = lambda: shown\n"
        "command.main()\n"
    )
    environment = os.environ | {"PYTHONIOENCODING": "cp1252"}
    done = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True)
    assert done.stdout.decode().strip() == r"\u03b2\u2081, \udcff" and not done.stderr


@pytest.mark.parametrize("text", [None, "", "[]", '{"cells": 3}', "GIF89a"])
def test_what_is_no_notebook_is_named_without_a_traceback(tmp_path, text):
    path = tmp_path / "page.ipynb"
    if text is not None:
        path.write_text(text)
    arguments = read(["notebooks", "html", str(path)])
    with pytest.raises(SystemExit, match="page.ipynb is no notebook"):
        arguments.run(arguments)
