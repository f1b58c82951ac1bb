"""What somebody sees whose Python lacks the package, or what it needs."""

import subprocess
import sys
from pathlib import Path

import nbformat
import pytest
from IPython.core.interactiveshell import InteractiveShell

from gan_utils import packages

LESSON = Path(__file__).parents[1] / "notebooks" / "01_sine_gan.ipynb"


def first_cell():
    cells = nbformat.read(LESSON, as_version=4).cells
    return next(cell.source for cell in cells if cell.cell_type == "code")


def said_without(module):
    """Run the first cell of a lesson in a fresh Python in which a module cannot be imported."""
    code = "\n".join(
        [
            "import sys",
            "from IPython.core.interactiveshell import InteractiveShell",
            f"sys.modules[{module!r}] = None",
            f"InteractiveShell().run_cell({first_cell()!r})",
            "print('torch' in sys.modules)",
        ]
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=True
    )
    return done.stdout


@pytest.mark.parametrize(
    ("module", "line"),
    [
        ("gan_utils", "%pip install --no-deps -e FOLDER"),
        ("joblib", "%pip install --no-deps joblib"),
        ("packaging", "%pip install --no-deps packaging"),
    ],
)
def test_the_first_cell_says_what_to_run_without_a_traceback(module, line):
    said = said_without(module)
    assert f"{module} is not in this Python" in said and line in said
    assert "python -m gan_utils learn" in said
    assert "Traceback" not in said and "File" not in said
    assert said.endswith("False\n")  # threads are chosen before PyTorch is imported


def test_what_is_installed_here_is_enough():
    assert packages.missing_packages() == []
    packages.require_packages()


def versions(monkeypatch, **given):
    def version(name):
        if name not in given:
            raise packages.PackageNotFoundError(name)
        return given[name]

    needs = [
        "torch>=2.11",
        "tqdm>=4.66",
        "jupyter>=1.1",
        'colorama; sys_platform == "none"',
        'ruff; extra == "x"',
    ]
    monkeypatch.setattr(packages, "requires", lambda _: needs)
    monkeypatch.setattr(packages, "version", version)


@pytest.mark.parametrize(
    ("here", "missing"),
    [
        (dict(torch="2.11.0+cu128", tqdm="4.67"), []),
        (dict(torch="2.12.0a0+git", tqdm="4.66"), []),
        (dict(torch="2.9.1", tqdm="4.67"), ["torch>=2.11"]),
        (dict(torch="2.11.0"), ["tqdm>=4.66"]),
    ],
)
def test_versions_are_compared_as_pip_does(monkeypatch, here, missing):
    versions(monkeypatch, **here)
    assert packages.missing_packages() == missing


def test_what_is_too_old_is_named_without_a_traceback(monkeypatch, capsys):
    versions(monkeypatch, torch="2.9.1", tqdm="4.67")
    InteractiveShell().run_cell("from gan_utils.packages import *; require_packages()")
    said = capsys.readouterr().out
    assert "torch>=2.11: not in this Python, or too old" in said
    assert "-m pip install 'torch>=2.11'" in said and "Traceback" not in said
