"""A lesson as slides: everything that fits is there, and nothing comes from elsewhere."""

import re
from pathlib import Path

import nbformat
import pytest

from workshop import plan, slides
from workshop.slides import deck, write_slides
from workshop.stored_pictures import pictures_of

NOTEBOOKS = sorted((Path(__file__).parents[1] / "notebooks").glob("*.ipynb"))


def markdown(text):
    return nbformat.v4.new_markdown_cell(text)


def picture():
    output = nbformat.v4.new_output("display_data", {"image/png": "eA=="})
    return nbformat.v4.new_code_cell("plt.show()", outputs=[output])


def types(*cells):
    shown = deck(nbformat.v4.new_notebook(cells=list(cells))).cells
    return [(cell.metadata.slideshow.slide_type, cell.source) for cell in shown]


def code(source, printed=""):
    outputs = [nbformat.v4.new_output("stream", text=printed)] if printed else []
    return nbformat.v4.new_code_cell(source, outputs=outputs)


def test_what_is_read_aloud_is_not_on_the_slide():
    text = "## 1. A question\n\nWhy?\n\nA long answer.\n\n$$x$$\n\n- one\n\n*Figure: a line.*"
    assert types(markdown(text)) == [
        ("slide", "## 1. A question\n\nWhy?\n\n$$x$$\n\n- one"),
        ("notes", "A long answer.\n\n*Figure: a line.*"),
    ]
    assert types(markdown("And on it goes.\n\n**What we see.** A line.")) == [
        ("notes", "And on it goes.\n\n**What we see.** A line.")
    ]


def test_a_picture_fills_its_slide_and_code_stands_below_what_leads_to_it():
    found = types(
        markdown("## 1. A question\n\nWhy?"),
        code("print(1)\nprint(2)", "1\n2\n"),
        picture(),
        markdown("*Figure: a line.*\n\n**What we see.** It is straight."),
    )
    assert [kind for kind, _ in found] == ["slide", "-", "subslide", "notes"]
    assert found[2] == ("subslide", "")


def test_a_heading_is_never_alone():
    found = types(markdown("## 1. Break it\n\n### Collapse\n\nWhat if?"), picture())
    assert [kind for kind, _ in found] == ["slide", "-", "subslide"]


def test_neither_a_helper_nor_one_print_has_a_slide():
    told = markdown("## 1. A\n\nB.\n\nThis is `step`.")
    helper, core = code("def helper():\n    return 1"), code("def step():\n    return 1")
    found = types(told, helper, core, code("print(1)", "1\n"))
    assert [source for kind, source in found if kind != "notes"] == [
        "## 1. A\n\nB.", "def step():\n    return 1"
    ]  # fmt: skip


def test_long_prints_hints_and_the_setting_up_are_left_out():
    long = code("print(x)", "1\n" * 40)
    hint = markdown(
        "### Exercise 1\n\nWhy?\n\n<details><summary>Hint</summary>\n\nSo.\n\n</details>"
    )
    setting_up = [markdown("## Setting up\n\nImports."), code("import torch")]
    found = types(*setting_up, markdown("## 1. A\n\nB."), long, hint)
    assert found == [("slide", "## 1. A\n\nB."), ("subslide", "### Exercise 1\n\nWhy?")]


def test_long_code_is_cut_where_a_part_ends():
    block = "def f():\n" + "    x = 1\n" * 11
    parts = slides.in_parts("\n\n".join([block.strip()] * 3))
    assert parts == [block.strip()] * 3
    endless = slides.in_parts("x = 1\n" * 50)
    assert [part.count("\n") + 1 for part in endless] == [19, 19, 12]


def test_docstrings_are_folded_to_their_first_paragraph():
    code = 'def f():\n    """Do it.\n\n    Args:\n        none.\n    """\n    return 1'
    assert slides.without_details(code) == 'def f():\n    """Do it."""\n    return 1'


def test_every_lesson_has_a_plan_and_sections_are_chosen_by_their_numbers():
    for path in NOTEBOOKS:
        lesson = nbformat.read(path, as_version=4)
        sections, titles = plan.plan_of(path.stem)
        assert len(sections) >= 5
        told = slides.deck(plan.chosen(lesson, sections, titles)).cells
        assert 12 <= sum("slide" in cell.metadata.slideshow.slide_type for cell in told) <= 34
        for title in titles:
            assert any(f"### {title}" in cell.source for cell in told), title
    assert plan.plan_of("01_sine_gan")[0][-1] == "12.2"
    assert plan.plan_of("99_x") == (["all"], None)
    small = nbformat.v4.new_notebook(cells=[
        markdown("# 07 · A"), markdown("## 1. One\n\nA.\n\n## 2. Two\n\nB."), picture(),
        markdown("## 3. Exercises"), markdown("### Exercise 1, x"), markdown("### Exercise 2, y"),
        markdown("## Summary"),
    ])  # fmt: skip
    kept = [cell.source.split("\n")[0] for cell in plan.chosen(small, ["2", "3.2"]).cells]
    assert kept == ["# 07 · A", "## 2. Two", "plt.show()", "### Exercise 2, y"]
    assert len(plan.chosen(small, ["all"]).cells) == 8
    deep = nbformat.v4.new_notebook(cells=[markdown("## 1. A\n\n### B\n\n### C\n\nd"), picture()])
    assert [cell.source for cell in plan.chosen(deep, ["1"], {"B"}).cells] == [
        "## 1. A\n\n", "### B\n\n"
    ]  # fmt: skip
    with pytest.raises(ValueError, match=r"no section 4 here; give one of 1, 2, 3, 3.1, 3.2, all"):
        plan.chosen(small, ["4"])


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_slides_of_a_lesson_need_no_network_and_lose_no_picture(path, tmp_path, capsys):
    copy = tmp_path / path.name
    copy.write_bytes(path.read_bytes())
    (tmp_path / "images").symlink_to(path.parent / "images")
    write_slides(copy, ["all"])
    assert f"{path.stem}.slides.html: " in capsys.readouterr().out
    page = (tmp_path / f"{path.stem}.slides.html").read_text()
    body = re.sub(r"<script>.*?</script>", "", page, flags=re.S)  # which are inlined
    fetched = re.findall(r'<(?:script|img|link|iframe)[^>]*(?:src|href)="(?!data:|#)[^"]*"', body)
    assert not fetched
    assert "url(http" not in page and "cdn" not in page.split("</head>")[0].lower()
    assert "Reveal.initialize(" in page and page.count("<section") == page.count("</section>")
    lesson = nbformat.read(path, as_version=4)
    shown = [cell for cell in lesson.cells if not slides.AGAIN.search(cell.source)]
    stored = sum(len([*pictures_of(cell)]) for cell in shown)
    assert len(re.findall(r'<img[^>]*src="data:image/(?:png|jpeg)', body)) >= stored


def test_without_revealjs_it_says_what_to_install(monkeypatch):
    monkeypatch.setattr(slides, "find_spec", lambda _: None)
    with pytest.raises(ModuleNotFoundError, match=r'pip install -e "\.\[workshop\]"'):
        write_slides(NOTEBOOKS[0])
