"""A notebook as one HTML page that looks right without a network."""

import re
from pathlib import Path
from typing import Any

import nbformat
from jinja2 import DictLoader, pass_context
from latex2mathml.converter import convert
from nbconvert import HTMLExporter
from nbconvert.filters.markdown_mistune import IPythonRenderer, MarkdownWithMath
from nbformat import NotebookNode

from gan_utils.files import atomic_write

STYLE = """
math { font-size: 1.1em; }
math[display=block] { margin: 0.6em 0; overflow-x: auto; }
.jp-RenderedMarkdown pre, .jp-RenderedMarkdown code { font-family: monospace; }
@media print {
  pre { white-space: pre-wrap !important; }
  img, table, math[display=block] { break-inside: avoid; }
  math[display=block] { font-size: 0.85em; }
}
"""
# A page needs no script and nothing from the network, so a browser shall allow neither, whoever
# wrote the notebook.
POLICY = "default-src 'none'; img-src data:; style-src 'unsafe-inline'; font-src data:"
TEMPLATE = f"""
{{%- extends 'lab/index.html.j2' -%}}
{{%- block html_head_js_requirejs -%}}
<meta http-equiv="Content-Security-Policy" content="{POLICY}">
{{%- endblock -%}}
{{%- block html_head_js_mathjax -%}}
<style>{STYLE}</style>
{{%- endblock -%}}
"""


class MathRenderer(IPythonRenderer):
    """Markdown to HTML, with equations as MathML, which browsers draw by themselves."""

    def block_math(self, body: str) -> str:
        """Return an equation on lines of its own."""
        return convert(body, display="block")

    def block_html(self, html: str) -> str:
        """Return HTML as it is, with its pictures in it: only the start of a `<details>`, say."""
        return super().block_html(html) if "<img" in html else html

    def inline_math(self, body: str) -> str:
        """Return an equation within a line."""
        return convert(body)


class MathMixin:
    """Renders Markdown cells with local mathematics and embedded pictures, for an exporter."""

    @pass_context
    def markdown2html(self, context: Any, source: str) -> str:
        """Render a Markdown cell."""
        cell, resources = context.get("cell", {}), context.get("resources", {})
        renderer = MathRenderer(
            escape=False,
            attachments=cell.get("attachments", {}),
            embed_images=True,
            path=resources.get("metadata", {}).get("path", ""),
        )
        return MarkdownWithMath(renderer=renderer).render(source)


class PageExporter(MathMixin, HTMLExporter):
    """HTML with embedded pictures, local mathematics, and no script from elsewhere."""


def title_of(notebook: NotebookNode, path: Path) -> str:
    """Return a lesson's heading, or the name of its file."""
    heading = re.search(r"^# (.+)$", notebook.cells[0].source, re.MULTILINE)
    return heading[1] if heading else path.stem


def write_beside(path: Path, suffix: str, text: str) -> None:
    """Write a file beside a notebook, with its name and another suffix; an older one is replaced.

    Raises:
        OSError: it cannot be written.
    """
    page = path.with_suffix(suffix)
    with atomic_write(page) as file:
        file.write(text.encode())
    print(f"{page.name}: {page.stat().st_size / 1e6:.1f} MB")


def write_page(path: Path) -> None:
    """Write `<notebook>.html` beside a notebook, from its stored outputs.

    Of a notebook that somebody else wrote, no script runs in it and nothing is fetched.

    Raises:
        OSError: the page cannot be written.
    """
    notebook = nbformat.read(path, as_version=4)
    resources = {"metadata": {"name": title_of(notebook, path), "path": str(path.parent)}}
    loader = DictLoader({"page.html.j2": TEMPLATE})
    exporter = PageExporter(extra_loaders=[loader], template_file="page.html.j2")
    body, _ = exporter.from_notebook_node(notebook, resources)
    write_beside(path, ".html", body)
