"""What README, packaging files and package promise must be true together."""

import ast
import re
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

import gan_utils

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib  # pytest brings it

ROOT = Path(__file__).parents[1]
CONDA_NAMES = {"torch": "pytorch", "matplotlib": "matplotlib-base"}


def test_ci_runs_the_test_line_of_the_readme():
    commands = re.findall(r"^python3 -m venv .*pytest$", (ROOT / "README.md").read_text(), re.M)
    assert len(commands) == 1
    script = (ROOT / ".ci/run").read_text().splitlines()
    assert script[-1] == commands[0]


def test_conda_environment_has_the_packages_and_bounds_of_pyproject():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    wanted = project["dependencies"] + project["optional-dependencies"]["test"]
    wanted = {re.sub(r"^[\w-]+", lambda m: CONDA_NAMES.get(m[0], m[0]), w) for w in wanted}
    wanted |= {"python" + project["requires-python"], "pip"}
    environment = yaml.safe_load((ROOT / "environment.yml").read_text())
    assert environment["name"] == "gan"
    assert environment["channels"] == ["conda-forge"]
    assert {d for d in environment["dependencies"] if isinstance(d, str)} == wanted
    assert environment["dependencies"][-1] == {"pip": ["-e ."]}


def modules_in_order():
    return re.findall(r"^- `(\w+)`", gan_utils.__doc__, re.M)


def test_the_map_of_the_package_is_complete():
    files = {path.stem for path in (ROOT / "gan_utils").glob("*.py")} - {"__init__"}
    assert set(modules_in_order()) == files


@pytest.mark.parametrize("name", modules_in_order())
def test_imports_go_only_downwards(name):
    tree = ast.parse((ROOT / "gan_utils" / f"{name}.py").read_text())
    imported = {
        node.module.split(".")[1]
        for node in ast.walk(tree)
        if isinstance(node, ast.ImportFrom) and node.module.startswith("gan_utils.")
    }
    order = modules_in_order()
    assert imported <= set(order[: order.index(name)])


def test_code_is_clean():
    result = subprocess.run(
        [sys.executable, "-m", "ruff", "check", "."], cwd=ROOT, capture_output=True, text=True
    )
    assert result.returncode == 0, result.stdout
    result = subprocess.run(
        [sys.executable, "-m", "ruff", "format", "--check", "gan_utils", "tests", "conftest.py"],
        cwd=ROOT, capture_output=True, text=True,
    )  # fmt: skip
    assert result.returncode == 0, result.stdout
