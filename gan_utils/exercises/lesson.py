"""What a lesson defines outside its exercises, without its training runs."""

import ast
import re
from contextlib import suppress
from typing import Any

import nbformat
from IPython.core.inputtransformer2 import TransformerManager

from gan_utils.files import NOTEBOOKS

DEFINITIONS = (ast.Import, ast.ImportFrom, ast.FunctionDef, ast.ClassDef)
EXERCISES = re.compile(r"^## \d+\. (?:Open e|E)xercises", re.M)  # headings of their sections
SECTION = re.compile(r"^## ", re.M)


def tree_of(cell: nbformat.NotebookNode) -> ast.Module:
    """Return the code of a cell as Python reads it, IPython's own lines translated.

    Raises:
        SyntaxError: it is no Python.
    """
    return ast.parse(TransformerManager().transform_cell(cell.source))


def names_of_lesson(stem: str) -> dict[str, Any]:
    """Return the imports, the functions and the settings (in capitals) of a lesson, by their names.

    Solutions start from them. What other statements compute is not among them, nor what needs it.

    Args:
        stem: of its file, as in `"01_sine_gan"`.

    Raises:
        FileNotFoundError: there is no such lesson.
    """
    path = NOTEBOOKS / f"{stem}.ipynb"
    names: dict[str, Any] = {"__name__": "__main__"}
    answers = False
    for cell in nbformat.read(path, as_version=4).cells:
        if cell.cell_type == "markdown" and SECTION.search(cell.source):
            answers = bool(EXERCISES.search(cell.source))
        if cell.cell_type == "code" and not answers:
            for part in tree_of(cell).body:
                if isinstance(part, DEFINITIONS) or _is_setting(part):
                    with suppress(NameError):  # it needs a result that is not here
                        exec(compile(ast.Module([part], []), f"<{stem}>", "exec"), names)
    return names


def _is_setting(part: ast.stmt) -> bool:
    targets = part.targets if isinstance(part, ast.Assign) else []
    in_capitals = (isinstance(name, ast.Name) and name.id.isupper() for name in targets)
    return bool(targets) and all(in_capitals)
