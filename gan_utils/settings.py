"""Refusing nonsense in the settings of a lesson and in arguments."""

import math
from collections.abc import Collection
from numbers import Integral, Real
from pathlib import Path

MODES = ("quick", "full")  # how much training the lessons do


def require_whole(*, least: int = 1, optional: bool = True, **values: object) -> None:
    """Raise ValueError for a value that is no whole number of at least `least`; None is allowed
    where it is `optional`.
    """
    for name, value in values.items():
        whole = isinstance(value, Integral) and not isinstance(value, bool)
        if not (whole and value >= least or value is None and optional):
            raise ValueError(f"{name} is {value!r}; it must be a whole number of at least {least}")


def require_numbers(*, optional: bool = True, **values: object) -> None:
    """Raise ValueError for a value that is no number; None is allowed where it is `optional`."""
    for name, value in values.items():
        number = isinstance(value, Real) and not isinstance(value, bool)
        if not (number or value is None and optional):
            raise ValueError(f"{name} is {value!r}; it must be a number")


def require_flags(**values: object) -> None:
    """Raise ValueError for a value that is neither True nor False."""
    for name, value in values.items():
        if not isinstance(value, bool):
            raise ValueError(f"{name} is {value!r}; it must be True or False")


def require_positive(**values: object) -> None:
    """Raise ValueError for a value that is no number above 0."""
    for name, value in values.items():
        number = isinstance(value, Real) and not isinstance(value, bool)
        if not (number and 0 < value < math.inf):
            raise ValueError(f"{name} is {value!r}; it must be a number above 0")


def require_choice(allowed: Collection[object], **values: object) -> None:
    """Raise ValueError for a value that is not one of those allowed."""
    for name, value in values.items():
        if value not in [*allowed]:  # a list cannot be looked up in a dict
            choices = ", ".join(map(repr, allowed))
            raise ValueError(f"{name} is {value!r}; choose one of {choices}")


def require_folder(**values: object) -> None:
    """Raise ValueError for a value that names no folder, not even one to be made; None is fine."""
    for name, value in values.items():
        if value is None:
            continue
        if not isinstance(value, (str, Path)) or not str(value):
            raise ValueError(f"{name} is {value!r}; give the name of a folder, or None")
        try:
            file = (path := Path(value)).exists() and not path.is_dir()
        except OSError as error:  # too long a name
            reason = error.strerror
            raise ValueError(f"{name} names no folder ({reason}); give another, or None") from None
        if file:
            raise ValueError(f"{name} is {value!r}, a file; give the name of a folder, or None")
