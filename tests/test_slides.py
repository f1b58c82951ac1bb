"""A lesson as slides: everything that fits is there, and nothing comes from elsewhere."""

import re
from pathlib import Path

import nbformat
import pytest

from workshop import slides
from workshop.slides import deck, write_slides
from workshop.stored_pictures import pictures_of

NOTEBOOKS = sorted((Path(__file__).parents[1] / "notebooks").glob("*.ipynb"))


def markdown(text):
    return nbformat.v4.new_markdown_cell(text)


def picture():
    output = nbformat.v4.new_output("display_data", {"image/png": "x"})
    return nbformat.v4.new_code_cell("plt.show()", outputs=[output])


def types(*cells):
    shown = deck(nbformat.v4.new_notebook(cells=list(cells))).cells
    return [(cell.metadata.slideshow.slide_type, cell.source) for cell in shown]


def test_what_is_read_aloud_is_not_on_the_slide():
    text = "## 1. A question\n\nWhy?\n\nA long answer.\n\n$$x$$\n\n- one\n\n*Figure: a line.*"
    assert types(markdown(text)) == [
        ("slide", "## 1. A question\n\nWhy?\n\n$$x$$\n\n- one"),
        ("notes", "A long answer.\n\n*Figure: a line.*"),
    ]


def test_what_belongs_together_is_on_one_slide():
    found = types(
        markdown("## 1. A question\n\nWhy?"),
        nbformat.v4.new_code_cell("x = 1"),
        markdown("Look at this."),
        picture(),
        markdown("*Figure: a line.*\n\n**What we see.** It is straight."),
    )
    assert [kind for kind, _ in found] == ["slide", "-", "subslide", "-", "-", "notes"]


def test_what_follows_what_we_see_has_a_slide_of_its_own():
    found = types(picture(), markdown("**What we see.** A line.\n\n- one\n- two\n\nAnd more."))
    assert found[1:] == [
        ("-", "**What we see.** A line."),
        ("subslide", "- one\n- two"),
        ("notes", "And more."),
    ]


def test_a_heading_is_never_alone():
    found = types(markdown("## 1. Break it\n\n### Collapse\n\nWhat if?"), picture())
    assert [kind for kind, _ in found] == ["slide", "-", "-"]


def test_what_cannot_be_read_on_a_slide_is_left_out():
    long = nbformat.v4.new_code_cell("\n".join(["x = 1"] * 40))
    hint = markdown(
        "### Exercise 1\n\nWhy?\n\n<details><summary>Hint</summary>\n\nSo.\n\n</details>"
    )
    setting_up = [markdown("## Setting up\n\nImports."), nbformat.v4.new_code_cell("import torch")]
    found = types(*setting_up, markdown("## 1. A\n\nB."), long, hint)
    assert found == [("slide", "## 1. A\n\nB."), ("subslide", "### Exercise 1\n\nWhy?")]


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_slides_of_a_lesson_need_no_network_and_lose_no_picture(path, tmp_path, capsys):
    copy = tmp_path / path.name
    copy.write_bytes(path.read_bytes())
    (tmp_path / "images").symlink_to(path.parent / "images")
    write_slides(copy)
    assert f"{path.stem}.slides.html: " in capsys.readouterr().out
    page = (tmp_path / f"{path.stem}.slides.html").read_text()
    body = re.sub(r"<script>.*?</script>", "", page, flags=re.S)  # which are inlined
    fetched = re.findall(r'<(?:script|img|link|iframe)[^>]*(?:src|href)="(?!data:|#)[^"]*"', body)
    assert not fetched
    assert "url(http" not in page and "cdn" not in page.split("</head>")[0].lower()
    assert "Reveal.initialize(" in page and page.count("<section") == page.count("</section>")
    lesson = nbformat.read(path, as_version=4)
    stored = sum(len([*pictures_of(cell)]) for cell in lesson.cells)
    assert len(re.findall(r'<img[^>]*src="data:image/(?:png|jpeg)', body)) >= stored


def test_without_revealjs_it_says_what_to_install(monkeypatch):
    monkeypatch.setattr(slides, "find_spec", lambda _: None)
    with pytest.raises(ModuleNotFoundError, match=r'pip install -e "\.\[workshop\]"'):
        write_slides(NOTEBOOKS[0])
