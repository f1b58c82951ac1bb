"""A lesson as slides: one HTML file that needs no network."""

import copy
import math
import re
from importlib.util import find_spec
from pathlib import Path

import nbformat
from jinja2 import DictLoader
from nbconvert import SlidesExporter
from nbformat import NotebookNode

from workshop.pages import STYLE, MathMixin, title_of, write_beside
from workshop.stored_pictures import SUFFIXES

# Paragraphs that stand on a slide; all others are the speaker's notes.
SHOWN = re.compile(r"^(#|\$\$|\||!\[|- |\d+\. |\*\*(?:What we see|Time|You need))")
BREAK = re.compile(r"^(?=#{2,3} )", re.M)
LONGEST = 26  # lines of code and prints that can be read on a slide
SEEN = "**What we see"  # begins what belongs to a picture
ROOM = 600  # pixels of height of a slide
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
.reveal pre { font-size: 20px; line-height: 1.3; box-shadow: none; width: 100%; margin: 0; }
.reveal img { width: 100%; max-height: 520px; object-fit: contain; margin: 0 auto; }
.reveal .slide-number { left: 8px; right: auto; background: none; color: #777; }
.reveal table { font-size: 0.75em; margin: 0.5em 0; }
.reveal math[display=block] { margin: 0.5em 0; }
a.anchor-link { display: none; }
"""
)
# Lines that are too wide get smaller letters; a slide that is too high is made smaller as a whole.
JS = """
const width = 1100, height = 720, room = 690;
function fit() {
  for (const part of document.querySelectorAll('.slides pre, .slides math[display=block]')) {
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
  pdfMaxPagesPerSlide: 1, transition: 'none', plugins: [RevealNotes],
  viewDistance: 1000, mobileViewDistance: 1000,
}).then(async () => {
  await Promise.all([...document.images].map(image => image.decode()));
  fit();
  Reveal.layout();
});
"""


class DeckExporter(MathMixin, SlidesExporter):
    """Slides with embedded pictures, local mathematics, and no script from elsewhere."""


def write_slides(path: Path) -> None:
    """Write `<notebook>.slides.html` beside a notebook, from its stored outputs.

    Raises:
        ModuleNotFoundError: reveal.js is not here; it says what to install.
        OSError: the file cannot be written.
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
    body, _ = exporter.from_notebook_node(deck(notebook), resources)
    write_beside(path, ".slides.html", body)


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

    A heading begins a slide. Of a text the slide has the first paragraph, equations, tables, lists
    and what we see; the rest are the speaker's notes. Code and prints that are short, and pictures
    without their code, stand below the text that leads to them, or else have a slide of their own.
    """
    slides = copy.deepcopy(notebook)
    slides.cells, section = [], ""
    for cell in notebook.cells:
        for part in BREAK.split(cell.source) if cell.cell_type == "markdown" else [cell]:
            if isinstance(part, str) and (heading := re.match(r"#{1,2} (.+)", part)):
                section = heading[1]
            if part and not any(name in section for name in SKIPPED):
                slides.cells += text_slides(part) if isinstance(part, str) else code_slides(part)
    join(slides.cells)
    return slides


def text_slides(text: str) -> list[NotebookNode]:
    """Return what a text gives for slides: a cell that is shown, another one for what follows what
    we see, and one of notes.
    """
    text = HINT.sub("", text).strip()
    shown, more, notes = [], [], []
    before = ""
    for paragraph in re.split(r"\n\n+", text):
        lead = not before or before.startswith("#")
        kept = SHOWN.match(paragraph) or lead and not paragraph.startswith("*Figure: ")
        seen = shown and shown[-1].startswith(SEEN)
        (notes if not kept else more if seen else shown).append(paragraph)
        before = paragraph
    kind = "slide" if re.match(r"#{1,2} ", text) else "subslide"
    new = nbformat.v4.new_markdown_cell
    return [
        new("\n\n".join(part), metadata={"slideshow": {"slide_type": kind}})
        for part, kind in ((shown, kind), (more, "subslide"), (notes, "notes"))
        if part
    ]


def code_slides(cell: NotebookNode) -> list[NotebookNode]:
    """Return the slide of a code cell; nothing if it is too long to be read there."""
    shown = copy.deepcopy(cell)
    shown.metadata["slideshow"] = {"slide_type": "subslide"}
    pictures = [o for o in cell.outputs if SUFFIXES.keys() & o.get("data", {}).keys()]
    sources = [
        o.data["text/markdown"] for o in cell.outputs if "text/markdown" in o.get("data", {})
    ]
    printed = "".join([o.get("text", "") for o in cell.outputs] + sources)
    if pictures or sources:  # without the code that shows them
        shown.outputs = pictures or cell.outputs
        shown.metadata["transient"] = {"remove_source": True}
    lines = printed.count("\n") + (0 if sources else cell.source.count("\n") + 1)
    return [shown] if pictures or lines <= LONGEST else []


def join(cells: list[NotebookNode]) -> None:
    """Let code and pictures stand below what comes before them while there is room, and what we
    see always below its picture. Nothing parts from its heading. What continues a slide has the
    type "-".
    """
    height, before = 0, ""
    for cell in cells:
        if cell.metadata.slideshow.slide_type == "notes":
            continue
        bare = before.startswith("#") and "\n" not in before
        below = bare or cell.source.startswith(SEEN)
        before = cell.source if cell.cell_type == "markdown" else ""
        height += height_of(cell)
        if below or (cell.cell_type == "code" and height <= ROOM):
            cell.metadata.slideshow.slide_type = "-"
        else:
            height = height_of(cell)


def height_of(cell: NotebookNode) -> int:
    """Return about how high a cell is on a slide, in pixels."""
    if "transient" in cell.metadata:
        return 430  # a picture alone
    if cell.cell_type == "code":
        printed = "".join(output.get("text", "") for output in cell.outputs)
        return 26 * (cell.source.count("\n") + printed.count("\n") + 2)
    lines = [line for line in cell.source.splitlines() if line]
    return sum(36 * math.ceil(len(line) / 80) + 14 for line in lines)
