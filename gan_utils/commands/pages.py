"""A notebook as one HTML page that looks right without a network."""

import re
from pathlib import Path
from typing import Any

import nbformat
from jinja2 import DictLoader, pass_context
from latex2mathml.converter import convert
from nbconvert import HTMLExporter
from nbconvert.filters.markdown_mistune import IPythonRenderer, MarkdownWithMath

from gan_utils.files import replacing

# The scripts that pages usually fetch from the network are left out.
TEMPLATE = """
{%- extends 'lab/index.html.j2' -%}
{%- block html_head_js_requirejs -%}{%- endblock -%}
{%- block html_head_js_mathjax -%}
<style>
math { font-size: 1.1em; }
math[display=block] { margin: 0.6em 0; overflow-x: auto; }
.jp-RenderedMarkdown pre, .jp-RenderedMarkdown code { font-family: monospace; }
@media print {
  pre { white-space: pre-wrap !important; }
  img, table, math[display=block] { break-inside: avoid; }
  math[display=block] { font-size: 0.85em; }
}
</style>
{%- endblock -%}
"""


class MathRenderer(IPythonRenderer):
    """Markdown to HTML, with equations as MathML, which browsers draw by themselves."""

    def block_math(self, body: str) -> str:
        """Return an equation on lines of its own."""
        return convert(body, display="block")

    def inline_math(self, body: str) -> str:
        """Return an equation within a line."""
        return convert(body)


class PageExporter(HTMLExporter):
    """HTML with embedded pictures, local mathematics, and no script from elsewhere."""

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


def write_page(path: Path) -> None:
    """Write `<notebook>.html` beside a notebook, from its stored outputs; an older one is replaced.

    The title is the lesson's heading.

    Raises:
        OSError: the page cannot be written.
    """
    notebook = nbformat.read(path, as_version=4)
    heading = re.search(r"^# (.+)$", notebook.cells[0].source, re.MULTILINE)
    resources = {
        "metadata": {
            "name": heading[1] if heading else path.stem,
            "path": str(path.parent),
        }
    }
    loader = DictLoader({"page.html.j2": TEMPLATE})
    exporter = PageExporter(extra_loaders=[loader], template_file="page.html.j2")
    body, _ = exporter.from_notebook_node(notebook, resources)
    page = path.with_suffix(".html")
    with replacing(page) as file:
        file.write(body.encode())
    print(f"{page.name}: {page.stat().st_size / 1e6:.1f} MB")
