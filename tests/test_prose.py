"""Spelling by codespell, and habits of speech that are not English, in all that learners read."""

import re
from pathlib import Path

import nbformat
import pytest
from codespell_lib import main as codespell

ROOT = Path(__file__).parents[1]
LESSONS = sorted(ROOT.glob("notebooks/*.ipynb"))
PAGES = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *ROOT.glob("notebooks/*.md")]
PAGES += ROOT.glob("workshop/book/**/*.md")
NAMES = "finial"  # words that codespell takes for others
HABITS = {  # and what to write instead
    r"\b(?:[Aa]|[Oo]ne|[Tt]hat) training\b(?! (?:run|step|image|set|mode))": "a training run",
    r"\btrainings\b": "training runs",
    r"\b[Mm]ind the scales?\b": "each panel has its own scale",
    r"\b(?:for nobody|nobody of us)\b": "for no one",
    r"\bnumbers of another kind\b": "another dtype",
    r"\bbrakes?\b": "gradient penalty",
    r"\bbeliefs?\b": "D(x)",
}
MOST_WORDS, MOST_CODE_CELLS, FIRST_TRAINING = 4500, 60, 15  # of a lesson, before its laboratory
TRAINS = {  # the cell of the first training run of each lesson that has a laboratory
    "01_sine_gan": "step_by_hand(real_points[indices])",
    "02_mnist_mlp_gan": "train(house, FIRST_STEPS",
    "03_dcgan_faces": "train(at_width(recipe, lambda: 16)",
    "04_neural_style_transfer": "result = transfer_style(content, style_image",
    "05_fast": "generator = form()",
}


def prose(path):
    if path.suffix == ".md":
        return path.read_text(encoding="utf-8")
    cells = nbformat.read(path, as_version=4).cells
    return "\n\n".join(cell.source for cell in cells if cell.cell_type == "markdown")


def all_texts():
    return LESSONS + sorted(ROOT.glob("notebooks/solutions/*.ipynb")) + sorted(PAGES)


@pytest.mark.parametrize("path", all_texts(), ids=lambda p: str(p.relative_to(ROOT)))
def test_prose_is_spelled_right_and_speaks_english(path, tmp_path, capsys):
    text = prose(path)
    copy = tmp_path / "text.md"
    copy.write_text(text, encoding="utf-8")
    wrong = codespell("--builtin", "clear,rare", "--ignore-words-list", NAMES, str(copy))
    assert not wrong, capsys.readouterr().out
    for habit, better in HABITS.items():
        found = re.search(rf".{{0,40}}{habit}.{{0,40}}", text)
        assert not found, f"{found[0]!r}: write {better!r}"


def test_codespell_and_the_habits_find_what_they_are_for(tmp_path, capsys):
    copy = tmp_path / "text.md"
    copy.write_text("The generater recieves noise.")
    assert codespell(str(copy)) and "receives" in capsys.readouterr().out
    samples = "a training ends", "five trainings", "Mind the scales", "for nobody", "its belief"
    assert all(any(re.search(habit, text) for habit in HABITS) for text in samples)
    assert not any(re.search(habit, "a training step of a training run") for habit in HABITS)


def test_the_lessons_that_are_named_have_a_laboratory():
    halves = {path.stem for path in LESSONS if "\n## Laboratory\n" in f"\n{prose(path)}\n"}
    assert halves == set(TRAINS)


@pytest.mark.parametrize("stem", TRAINS)
def test_a_lesson_can_be_read_before_its_laboratory(stem):
    cells = nbformat.read(ROOT / "notebooks" / f"{stem}.ipynb", as_version=4).cells
    sources = [cell.source for cell in cells]
    end = next(i for i, text in enumerate(sources) if text.startswith("## Laboratory"))
    words = [len(c.source.split()) for c in cells[:end] if c.cell_type == "markdown"]
    code = [cell.source for cell in cells[:end] if cell.cell_type == "code"]
    assert sum(words) <= MOST_WORDS and len(code) <= MOST_CODE_CELLS
    [first] = [i for i, source in enumerate(code, start=1) if TRAINS[stem] in source]
    assert first <= FIRST_TRAINING
    headings = "\n".join(text for text in sources[:end] if text.startswith("## "))
    assert re.search(r"How good.*Break it.*\. Exercises", headings, re.S)
