"""A lesson as slides: one HTML file that needs no network."""

import copy
import math
import re
from collections.abc import Sequence
from importlib.util import find_spec
from pathlib import Path

import nbformat
from jinja2 import DictLoader
from nbconvert import SlidesExporter
from nbformat import NotebookNode
from nbformat.v4 import new_code_cell, new_markdown_cell

from workshop.pages import STYLE, MathMixin, title_of, write_beside
from workshop.plan import BREAK, chosen, plan_of
from workshop.stored_pictures import SUFFIXES, pictures_of

# Paragraphs that stand on a slide; all others are the speaker's notes.
SHOWN = re.compile(r"^(#|\$\$|\||!\[|- |\d+\. |\*\*(?:Time|You need))")
# Cells whose picture the animated one shows as well: the live view before it, the film behind it.
AGAIN = re.compile(r"on_snapshot=|^film_strip\(", re.M)
FENCED = re.compile(r"```python\n(.*?)```", re.S)
LONGEST = 20  # lines of code and prints that can be read on a slide
ROOM = 640  # pixels of height of a slide
HINT = re.compile(r"<details>.*?</details>", re.S)
SKIPPED = ("Setting up", "References", "Credits")  # sections without slides

TEMPLATE = """
{%- extends 'reveal/index.html.j2' -%}
{%- block header -%}
<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{{ resources.metadata.name | e }}</title>
{{ resources.include_css("static/index.css") }}
{{ resources.include_css("static/theme-light.css") }}
{% for css in resources.inlining.css -%}<style>{{ css }}</style>{% endfor %}
<style>{{ resources.reveal_css }}</style>
<style>{{ resources.slides_css }}</style>
</head>
{%- endblock header -%}
{%- block footer_js -%}
<script>{{ resources.reveal_js }}</script>
<script>{{ resources.notes_js }}</script>
<script>{{ resources.slides_js }}</script>
{%- endblock footer_js -%}
"""

CSS = (
    STYLE
    + """
html, body, main { height: 100%; margin: 0; }
.reveal { font-family: sans-serif; font-size: 26px; color: #222; background: white; }
.reveal .slides { text-align: left; }
.reveal .slides section { padding: 0 10px; box-sizing: border-box; }
.reveal h1 { font-size: 1.9em; } .reveal h2 { font-size: 1.5em; } .reveal h3 { font-size: 1.25em; }
.reveal .jp-Cell { padding: 0; }
.reveal .jp-InputPrompt, .reveal .jp-OutputPrompt, .reveal .jp-Collapser { display: none; }
.reveal .jp-RenderedHTMLCommon { font-size: 1em; line-height: 1.35; }
.reveal pre { font-size: 26px; line-height: 1.18; box-shadow: none; width: 100%; margin: 0; }
.reveal pre, .reveal pre code { white-space: pre-wrap; }
.reveal img { width: 100%; max-height: 620px; object-fit: contain; margin: 0 auto; }
.reveal .where { font-size: 16px; color: #777; margin-bottom: 6px; }
.reveal .slide-number { left: 8px; right: auto; background: none; color: #777; }
.reveal table { font-size: 0.75em; margin: 0.5em 0; }
.reveal math[display=block] { margin: 0.5em 0; scrollbar-width: none; }
a.anchor-link { display: none; }
"""
)
# Equations that are too wide get smaller letters; a slide that is too high is made smaller as a
# whole, and each says in which section it stands.
JS = """
const width = 1100, height = 720, room = 690;
function fit() {
  let section = '';
  for (const slide of document.querySelectorAll('.slides section:not(.stack)')) {
    const title = slide.querySelector('h1, h2');
    if (title) section = title.textContent;
    else slide.insertAdjacentHTML('afterbegin', '<div class="where"></div>');
    if (!title) slide.firstChild.textContent = section;
  }
  for (const part of document.querySelectorAll('.slides math[display=block]')) {
    const share = 0.97 * part.clientWidth / part.scrollWidth;  // and a little air
    const size = parseFloat(getComputedStyle(part).fontSize);
    if (share < 1) part.style.fontSize = share * size + 'px';
  }
  for (const slide of document.querySelectorAll('.slides section:not(.stack)')) {
    let scale = 1;
    const high = () => slide.getBoundingClientRect().height / Reveal.getScale() > room;
    while (high() && scale > 0.4) slide.style.zoom = scale -= 0.02;
    slide.dataset.scale = scale.toFixed(2);
  }
}
Reveal.initialize({
  width: width, height: height, margin: 0.03, center: false, hash: true, slideNumber: 'c/t',
  pdfMaxPagesPerSlide: 1, transition: 'none', controls: false, plugins: [RevealNotes],
  viewDistance: 1000, mobileViewDistance: 1000,
}).then(async () => {
  await Promise.all([...document.images].map(image => image.decode()));
  fit();
  Reveal.layout();
});
"""


class DeckExporter(MathMixin, SlidesExporter):
    """Slides with embedded pictures, local mathematics, and no script from elsewhere."""


def write_slides(path: Path, sections: Sequence[str] | None = None) -> None:
    """Write `<notebook>.slides.html` beside a notebook, from its stored outputs.

    Args:
        path: of a lesson.
        sections: numbers of those that are shown, or `["all"]`; by default those of the plan of
            fifty minutes.

    Raises:
        ModuleNotFoundError: reveal.js is not here; it says what to install.
        OSError: the file cannot be written.
        ValueError: the lesson has no such section.
    """
    notebook = nbformat.read(path, as_version=4)
    resources = {
        "metadata": {"name": title_of(notebook, path), "path": str(path.parent)},
        "reveal_css": (reveal() / "dist" / "reveal.css").read_text(encoding="utf-8"),
        "reveal_js": (reveal() / "dist" / "reveal.js").read_text(encoding="utf-8"),
        "notes_js": (reveal() / "plugin" / "notes" / "notes.js").read_text(encoding="utf-8"),
        "slides_css": CSS,
        "slides_js": JS,
    }
    loader = DictLoader({"deck.html.j2": TEMPLATE})
    exporter = DeckExporter(extra_loaders=[loader], template_file="deck.html.j2")
    shown = deck(chosen(notebook, *((sections,) if sections else plan_of(path.stem))))
    body, _ = exporter.from_notebook_node(shown, resources)
    write_beside(path, ".slides.html", body)
    new = ("slide", "subslide")
    print(sum(c.metadata.slideshow.slide_type in new for c in shown.cells), "slides")


def reveal() -> Path:
    """Return the folder of reveal.js, which comes with the package sphinx-revealjs.

    Raises:
        ModuleNotFoundError: it is not installed.
    """
    if (found := find_spec("sphinx_revealjs")) is None:
        raise ModuleNotFoundError(
            'reveal.js is not here; run pip install -e ".[workshop]" first', name="sphinx_revealjs"
        )
    return Path(found.submodule_search_locations[0]) / "_static" / "revealjs"


def deck(notebook: NotebookNode) -> NotebookNode:
    """Return the slides of a lesson as a notebook, each cell with its type of slide.

    A heading begins a slide, with the first paragraph below it. Equations, tables and lists are
    shown, all other text is in the speaker's notes. A picture fills a slide, without its code. Code
    stands below what leads to it, or has slides of its own, each of them short enough to be read.
    """
    slides = copy.copy(notebook)
    slides.cells, section = [], ""
    spoken = "".join(cell.source for cell in notebook.cells if cell.cell_type == "markdown")
    for cell in notebook.cells:
        for part in BREAK.split(cell.source) if cell.cell_type == "markdown" else [cell]:
            if isinstance(part, str) and (heading := re.match(r"#{1,2} (.+)", part)):
                section = heading[1]
            if part and not any(name in section for name in SKIPPED):
                slides.cells += (
                    text_slides(part) if isinstance(part, str) else code_slides(part, spoken)
                )
    join(slides.cells)
    return slides


def text_slides(text: str) -> list[NotebookNode]:
    """Return what a text gives for slides: a cell that is shown, and one of notes.

    Below a heading its first paragraph is shown. A text without a heading is for the speaker, but
    for what one has to see.
    """
    text = HINT.sub("", text).strip()
    shown, notes = [], []
    for paragraph in re.split(r"\n\n+", text):
        lead = shown and shown[-1].startswith("#") and not notes
        (shown if SHOWN.match(paragraph) or lead else notes).append(paragraph)
    kind = "slide" if re.match(r"#{1,2} ", text) else "subslide"
    return [
        new_markdown_cell("\n\n".join(part), metadata={"slideshow": {"slide_type": kind}})
        for part, kind in ((shown, kind), (notes, "notes"))
        if part
    ]


def code_slides(cell: NotebookNode, spoken: str) -> list[NotebookNode]:
    """Return the slides of a code cell.

    Pictures stand alone. Code that prints nothing is shown if the text speaks of what it defines,
    and code of the package if it is short.

    Args:
        cell: of a lesson.
        spoken: the text of the lesson.
    """
    pictures = [o for o in cell.outputs if SUFFIXES.keys() & o.get("data", {}).keys()]
    if pictures:
        return [] if AGAIN.search(cell.source) else [_code_slide("", pictures)]
    sources = [
        o.data["text/markdown"] for o in cell.outputs if "text/markdown" in o.get("data", {})
    ]
    if sources:
        code = "\n".join(FENCED.findall("\n".join(sources)))
        code = without_details(code)
        return [_code_slide(code)] if code.count("\n") <= LONGEST else []
    printed = "".join(output.get("text", "") for output in cell.outputs)
    lines = printed.count("\n")
    if lines > 1 and cell.source.count("\n") + lines < LONGEST:
        return [_code_slide(cell.source, cell.outputs)]
    if lines:
        return [_code_slide("", cell.outputs)] if 2 < lines <= LONGEST else []
    defined = re.findall(r"^(?:def|class) (\w+)", cell.source, re.M)
    if any(f"`{name}`" in spoken for name in defined):
        return [_code_slide(part) for part in in_parts(cell.source)]
    return []


def _code_slide(source: str, outputs: Sequence[NotebookNode] = ()) -> NotebookNode:
    slide = new_code_cell(source, outputs=[*outputs])
    slide.metadata["slideshow"] = {"slide_type": "subslide"}
    if not source:
        slide.metadata["transient"] = {"remove_source": True}
    return slide


def without_details(code: str) -> str:
    """Return code in which each docstring has its first paragraph alone."""
    for docstring in re.findall(r'""".*?"""', code, re.S):
        first = docstring.split("\n\n")[0].removesuffix('"""')
        code = code.replace(docstring, f'{first}"""')
    return code


def in_parts(code: str) -> list[str]:
    """Return code in parts of at most `LONGEST` lines, cut at the last empty line or else at the
    last line that begins no further inside than the first of its part.
    """
    lines, parts = code.strip("\n").split("\n"), []
    while len(lines) > LONGEST:
        indents = [len(line) - len(line.lstrip()) for line in lines[:LONGEST]]
        empty = [n for n in range(LONGEST // 3, LONGEST) if not lines[n].strip()]
        outer = [n for n in range(LONGEST // 3, LONGEST) if indents[n] <= max(4, indents[0])]
        cut = (empty or outer or [LONGEST])[-1]
        parts.append("\n".join(lines[:cut]))
        lines = lines[cut:]
        while lines and not lines[0].strip():
            lines = lines[1:]
    return [*parts, "\n".join(lines)]


def join(cells: list[NotebookNode]) -> None:
    """Let code stand below what comes before it while there is room; nothing parts from its
    heading. What continues a slide has the type "-".
    """
    height, before = 0, ""
    for cell in cells:
        if cell.metadata.slideshow.slide_type == "notes":
            continue
        bare = before.startswith("#") and "\n" not in before
        before = cell.source if cell.cell_type == "markdown" else ""
        height += height_of(cell)
        if bare or (cell.cell_type == "code" and height <= ROOM):
            cell.metadata.slideshow.slide_type = "-"
        else:
            height = height_of(cell)


def height_of(cell: NotebookNode) -> int:
    """Return about how high a cell is on a slide, in pixels."""
    if any(pictures_of(cell)):
        return ROOM  # a picture alone
    if cell.cell_type == "code":
        printed = "".join(output.get("text", "") for output in cell.outputs)
        return 31 * (cell.source.count("\n") + printed.count("\n") + 1) + 20
    lines = [line for line in cell.source.splitlines() if line]
    return sum(36 * math.ceil(len(line) / 80) + 14 for line in lines)
