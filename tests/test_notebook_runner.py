"""What nbval alone lets pass, and the root's conftest.py does not."""

import os
import re
import shutil
import subprocess
import sys

import nbformat
import pytest
from nbformat.v4 import new_code_cell, new_notebook

from gan_utils.files import PROJECT

CELLS = {
    "warns": ("import warnings; warnings.warn('take care')", "warns: .*UserWarning: take care"),
    "dies": ("import os; os._exit(1)", "the kernel died in this cell"),
    "connects": (
        "import socket; socket.create_connection(('192.0.2.1', 80), timeout=9)",
        "the tests have no network, and this asks for 192.0.2.1",
    ),
    "swallows": (
        "import time\ntry:\n    time.sleep(60)\nexcept KeyboardInterrupt:\n    print('never mind')",
        "was stopped after --nbval-cell-timeout seconds",
    ),
    "prints": ("print('x' * 73)", "prints more than 72 characters in a line"),
    "draws a bar": (
        "import sys; print('\\r100%|' + 68 * '#', file=sys.stderr)",
        "prints more than 72 characters in a line",
    ),
    "listens": (
        "import socket\n"
        "server = socket.create_server(('127.0.0.1', 0))\n"
        "socket.create_connection(server.getsockname()).close()",
        None,
    ),
    "deprecated elsewhere": (
        "import warnings; warnings.warn_explicit('old', DeprecationWarning, 'other.py', 1)",
        None,
    ),
}


@pytest.fixture(scope="module")
def reports(tmp_path_factory):
    """One run of pytest, with the project's own settings, over a notebook for each cell."""
    folder = tmp_path_factory.mktemp("notebooks")
    for name in ("conftest.py", "pyproject.toml"):
        shutil.copy(PROJECT / name, folder)
    shutil.copytree(PROJECT / "tests/kernels", folder / "tests/kernels")
    for name, (source, _) in CELLS.items():
        notebook = new_notebook(cells=[new_code_cell(source, execution_count=1)])
        nbformat.write(notebook, folder / f"{name}.ipynb")
    line = [
        sys.executable,
        "-m",
        "pytest",
        "--nbval-cell-timeout=4",
        "-p",
        "no:cacheprovider",
        "-n0",
    ]
    environment = os.environ | {"PYTHONPATH": str(PROJECT)}
    environment.pop("PYTHONWARNINGS", None)
    files = [f"{name}.ipynb" for name in CELLS]
    run = subprocess.run(
        [*line, *files], cwd=folder, env=environment, capture_output=True, text=True, timeout=200
    )
    return run.stdout


@pytest.mark.parametrize("name", CELLS)
def test_cells_fail_for_what_nbval_lets_pass(reports, name):
    _, complaint = CELLS[name]
    assert (f"FAILED {name}.ipynb" in reports) == (complaint is not None), reports
    if complaint is not None:
        assert re.search(complaint, reports), reports
