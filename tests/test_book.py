"""The book is complete; `check_book.py` looks at its pages once they are built."""

import runpy
import sys
from pathlib import Path

import nbformat
import pytest
from PIL import Image

from gan_utils.files import PROJECT
from gan_utils.scores.results import RESULTS
from workshop.__main__ import read
from workshop.book import build as book
from workshop.experiments.definitions import EXPERIMENTS
from workshop.stored_pictures import pictures_of

sys.path.insert(0, str(book.BOOK))


def test_the_table_of_contents_lists_every_lesson_and_page():
    front = book.front_page()
    for path in sorted((PROJECT / "notebooks").glob("*.ipynb")):
        assert f"\nnotebooks/{path.stem}\n" in front
        assert f"](notebooks/{path.name})" in front and f"notebooks/images/{path.stem}.png" in front
    assert all(f"\n{page}\n" in front for page in ("glossary", "experiments", "reference/index"))
    for path in book.MORE_PAGES:
        assert f"\npages/{path.stem}\n" in front and f"](pages/{path.name})" in front
    assert "](contributing.md)" in front and "workshop/book" not in front


def test_each_figure_is_described_by_the_sentence_below_it():
    for path in (*book.lessons(), *book.solutions()):
        notebook = book.described(nbformat.read(path, as_version=4))
        for cell in notebook.cells:
            if any(pictures_of(cell)):
                assert len(cell.metadata["mystnb"]["image"]["alt"]) > 30
        assert "../README.md" not in "".join(cell.source for cell in notebook.cells)


@pytest.mark.parametrize("wanted", [False, True])
def test_solutions_are_in_the_book_only_if_they_are_asked_for(tmp_path, wanted):
    book.write_sources(tmp_path, with_solutions=wanted)
    assert bool(list(tmp_path.glob("notebooks/solutions/*.ipynb"))) == wanted
    assert ("solutions/01_sine_gan" in (tmp_path / "index.md").read_text()) == wanted
    guide = (tmp_path / "notebooks/TEACHING.md").read_text()
    assert ("](solutions/01_sine_gan.ipynb)" in guide) == wanted
    assert "[Lesson](01_sine_gan.ipynb)" in guide


def test_solutions_are_folded_behind_a_click():
    path = book.solutions()[0]
    before = nbformat.read(path, as_version=4)
    after = book.folded(nbformat.read(path, as_version=4))
    assert before.cells[0] == after.cells[0]  # the title
    for old, new in zip(before.cells[1:], after.cells[1:], strict=True):
        if "solution" not in old.metadata.get("tags", []):
            assert new == old
        elif new.cell_type == "code":
            assert "hide-cell" in new.metadata.tags
        else:
            assert new.source.startswith("<details><summary>Solution</summary>\n\n")


def test_every_module_and_every_stored_experiment_has_its_place():
    pages, tables = book.module_pages(), book.experiments_page()
    for path in (PROJECT / "gan_utils").rglob("*.py"):
        parts = path.relative_to(PROJECT).with_suffix("").parts
        name = ".".join(part for part in parts if part != "__init__")
        assert name in pages or "__main__" in name, name
    for name in EXPERIMENTS:
        assert (f"## {name}\n" in tables) == any(RESULTS.glob(f"{name}_*.json"))
    assert "| house | 3 |" in tables


def test_names_are_found_where_there_is_one_of_them():
    names = pytest.importorskip("names", reason="the book needs Sphinx")
    objects = dict.fromkeys(("gan_utils.gan.step.gan_step", "gan_utils.a.Same", "gan_utils.b.Same"))
    whole = "gan_utils.gan.step.gan_step"
    for text in (whole, "gan.step.gan_step", "step.gan_step", "gan_step"):
        assert names.full_name(text, objects) == whole
    for text in ("Same", "step", "gan_step()", "the gan_step", "other_step"):
        assert names.full_name(text, objects) is None


@pytest.mark.parametrize("address", [None, "https://example.org/lessons"])
def test_buttons_appear_once_the_repository_has_an_address(monkeypatch, address):
    class Metadata:
        def get_all(self, _):
            return address and [f"Repository, {address}"]

    monkeypatch.setattr("importlib.metadata.metadata", lambda _: Metadata())
    options = runpy.run_path(str(book.BOOK / "conf.py"))["html_theme_options"]
    assert options.get("repository_url") == address
    assert ("launch_buttons" in options) == bool(address)


def test_parts_of_the_theme_get_words():
    text = book.name_controls(
        '<summary><span></span></summary><button class="btn search-button" title="x" '
        'aria-label="Search">Search</button>'
    )
    assert '<summary aria-label="pages below"><span>' in text and 'aria-label="Search"' not in text


def test_what_moves_has_a_picture_at_rest(tmp_path):
    frames = [Image.new("RGB", (4, 4), color) for color in ("white", "red", "black")]
    frames[0].save(tmp_path / "a.png", save_all=True, append_images=frames[1:])
    frames[0].save(tmp_path / "b.png")
    page = tmp_path / "page.html"
    page.write_text('<p><img alt="x" src="a.png" /><img alt="y" src="b.png" /></p>')
    book.finish_pages(tmp_path)
    text = page.read_text()
    assert '<picture><source srcset="a-still.png" media="(prefers-reduced-motion' in text
    assert text.count("<picture>") == 1
    with Image.open(tmp_path / "a-still.png") as still:
        assert still.convert("RGB").getpixel((0, 0)) == (0, 0, 0)


def test_without_sphinx_it_says_what_to_install(monkeypatch, tmp_path):
    monkeypatch.setitem(sys.modules, "sphinx.cmd.build", None)
    arguments = read(["book", "--folder", str(tmp_path)])
    with pytest.raises(SystemExit, match=r'pip install -e "\.\[book\]"'):
        arguments.run(arguments)
    assert not list(Path(tmp_path).iterdir())


def test_a_folder_of_other_pages_is_left_alone(tmp_path):
    (tmp_path / "mine.html").write_text("mine")
    arguments = read(["book", "--folder", str(tmp_path)])
    pytest.importorskip("sphinx")
    with pytest.raises(SystemExit, match="is no book; give a folder that is new"):
        arguments.run(arguments)
    assert (tmp_path / "mine.html").read_text() == "mine"
