"""Packaged source code, shown in a notebook as it runs."""

import inspect
import textwrap
from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True)
class Source:
    """The source code of one object; Jupyter shows it as a Markdown code block."""

    name: str
    code: str

    def __repr__(self) -> str:
        """Return the plain source, for a terminal."""
        return self.code

    def _repr_markdown_(self) -> str:
        return f"`{self.name}`\n\n```python\n{self.code}\n```"


def show_source(thing: Callable) -> Source:
    """Return the packaged source of a function or class, as the last value of a notebook cell.

    The code shown is the code that runs: it is read from the imported module.
    """
    code = textwrap.dedent(inspect.getsource(thing)).rstrip()
    return Source(f"{thing.__module__}.{thing.__qualname__}", code)
