"""Docstrings are plain text here: in `[N, *shape]` and `|mu|` no sign means anything to Sphinx."""

from sphinx.application import Sphinx


def escape(app: Sphinx, what: str, name: str, obj: object, options: object, lines: list) -> None:
    """Mark the signs that docutils would take for emphasis and substitutions."""
    del app, what, name, obj, options
    lines[:] = [line.replace("*", r"\*").replace("|", r"\|") for line in lines]


def setup(app: Sphinx) -> dict[str, bool]:
    """Register with Sphinx, before napoleon looks for sections."""
    app.connect("autodoc-process-docstring", escape, priority=400)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
