"""Which other packages the lessons need, and whether they are here and new enough."""

import sys
from importlib.metadata import PackageNotFoundError, requires, version

from packaging.requirements import Requirement

NAME = "gan-utils"
OPENERS = ("jupyter",)  # open lessons; who sees this message has one, perhaps another one


class PackagesMissing(ImportError):
    """Says what to install; a notebook shows that alone, without a traceback."""

    def _render_traceback_(self) -> list[str]:
        return [str(self)]


def missing_packages() -> list[str]:
    """Return what `gan_utils` needs and this Python has not, or only older, as pip reads it."""
    needed = [Requirement(text) for text in requires(NAME) or []]
    needed = [one for one in needed if "extra" not in str(one.marker) and one.name not in OPENERS]
    return [str(one) for one in needed if not _is_here(one)]


def require_packages() -> None:
    """Raise PackagesMissing where a package is missing or too old; it says what to run.

    Packages that are new enough stay as they are. So where somebody else has chosen PyTorch, as in
    hosted notebooks, `pip install --no-deps` of this package and this check leave it alone.
    """
    if missing := missing_packages():
        raise PackagesMissing(
            f"{', '.join(missing)}: not in this Python, or too old. Run this, then restart:\n"
            f"    {sys.executable} -m pip install {' '.join(repr(one) for one in missing)}"
        )


def _is_here(needed: Requirement) -> bool:
    if needed.marker is not None and not needed.marker.evaluate():
        return True
    try:  # a build between two versions, as 2.12.0a0, will do
        return needed.specifier.contains(version(needed.name), prereleases=True)
    except PackageNotFoundError:
        return False
