"""What README, packaging files and package promise must be true together."""

import ast
import importlib
import re
import shutil
import subprocess
import sys
import unicodedata
from pathlib import Path

import nbformat
import pytest
import yaml
from packaging.requirements import Requirement

from gan_utils.data.digits import DIGIT_SOURCES
from gan_utils.data.faces import FACE_SOURCES

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib  # pytest brings it

ROOT = Path(__file__).parents[1]
TEXTS = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *ROOT.glob("workshop/book/pages/*.md")]
MOST_LINES = 9091  # of the package without its exercises; lower it whenever that is possible
ATTRIBUTES = {"history.snapshots", "history.records"}  # of variables named like a module
CONDA_NAMES = {"torch": "pytorch", "matplotlib": "matplotlib-base"}


def test_ci_runs_the_test_line_of_the_readme():
    commands = re.findall(r"^python3 -m venv .*pytest$", (ROOT / "README.md").read_text(), re.M)
    assert len(commands) == 1
    script = (ROOT / ".ci/run").read_text().splitlines()
    assert script[-1] == commands[0]


def test_conda_environment_has_the_packages_and_bounds_of_pyproject():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    extras = project["optional-dependencies"]
    wanted = {*project["dependencies"], *extras["test"]} - {*extras["workshop"]}  # from pip
    wanted = {re.sub(r"^[\w-]+", lambda m: CONDA_NAMES.get(m[0], m[0]), w) for w in wanted}
    wanted |= {"python" + project["requires-python"], "pip"}
    environment = yaml.safe_load((ROOT / "environment.yml").read_text())
    assert environment["name"] == "gan"
    assert environment["channels"] == ["conda-forge"]
    assert {d for d in environment["dependencies"] if isinstance(d, str)} == wanted
    assert environment["dependencies"][-1] == {"pip": ["-e .[workshop]"]}


def test_known_versions_are_given_for_all_that_pyproject_asks_for_and_fit_it():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    wanted = project["dependencies"] + project["optional-dependencies"]["test"]
    lines = (ROOT / "constraints.txt").read_text().splitlines()
    known = dict(line.split("==") for line in lines if not line.startswith("#"))
    assert sorted(known) == list(known)
    for requirement in map(Requirement, wanted):
        assert requirement.specifier.contains(known[requirement.name]), requirement


def test_the_workflow_runs_newest_known_and_oldest_versions():
    workflow = yaml.safe_load((ROOT / ".github/workflows/test.yml").read_text())
    rows = workflow["jobs"]["test"]["strategy"]["matrix"]["include"]
    runs = {row["versions"]: row["run"] for row in rows}
    assert runs["newest"] == "bash .ci/run"
    assert runs["known"] == "PIP_CONSTRAINT=$PWD/constraints.txt bash .ci/run"
    assert "--resolution lowest-direct" in runs["oldest"]


def listed(docstring):
    """The names that a package's docstring lists, in their order."""
    return re.findall(r"^- `(\w+)`", docstring, re.M)


def modules_in_order(package):
    """The modules below a package as "wing.module", each after those that it may import."""
    found = []
    for name in listed(ast.get_docstring(ast.parse((package / "__init__.py").read_text()))):
        if (package / name).is_dir():
            found += [f"{name}.{module}" for module in modules_in_order(package / name)]
        else:
            found.append(name)
    return found


def imports_upwards(package, order):
    """Pairs (module, what it imports) where the second does not come before the first."""
    found = []
    for place, name in enumerate(order):
        tree = ast.parse((package / f"{name.replace('.', '/')}.py").read_text())
        nodes = [node for node in ast.walk(tree) if isinstance(node, (ast.Import, ast.ImportFrom))]
        for node in nodes:
            assert isinstance(node, ast.Import) or node.level == 0, f"{name}: a relative import"
            for alias in node.names:
                path = getattr(node, "module", None) or alias.name
                if path.split(".")[0] != package.name:
                    continue
                targets = {path, f"{path}.{alias.name}"} & {f"{package.name}.{n}" for n in order}
                allowed = {f"{package.name}.{n}" for n in order[:place]}
                if not targets or targets - allowed:
                    found.append((name, path))
    return found


PACKAGE, WORKSHOP = ROOT / "gan_utils", ROOT / "workshop"
BOTH = pytest.mark.parametrize("package", [PACKAGE, WORKSHOP], ids=lambda package: package.name)


@BOTH
def test_the_map_of_the_package_is_complete(package):
    files = {path.relative_to(package).with_suffix("") for path in package.rglob("*.py")}
    files = {".".join(path.parts) for path in files if path.stem not in ("__init__", "__main__")}
    assert set(modules_in_order(package)) == files


@BOTH
def test_imports_go_only_downwards(package):
    assert imports_upwards(package, modules_in_order(package)) == []


def imports_of_the_workshop(paths):
    """The names of files, notebooks too, that import what only authors have."""
    line = re.compile(r'^[\s"]*(?:from|import) workshop\b', re.M)
    return [path.name for path in paths if line.search(path.read_text())]


def test_what_learners_get_needs_nothing_of_the_workshop(tmp_path):
    paths = [*PACKAGE.rglob("*.py"), *(ROOT / "notebooks").rglob("*.ipynb")]
    assert imports_of_the_workshop(paths) == []
    planted = tmp_path / "planted.py"
    planted.write_text("def late():\n    from workshop.pages import STYLE\n")
    assert imports_of_the_workshop([planted]) == ["planted.py"]


@pytest.mark.parametrize(
    ("file", "line"),
    [
        ("data/batches.py", "from gan_utils.gan.losses import LOSSES"),
        ("gan/losses.py", "from gan_utils.gan import training"),
        ("runtime.py", "import gan_utils.show.plotting"),
    ],
)
def test_a_planted_import_upwards_is_found(tmp_path, file, line):
    copy = tmp_path / "gan_utils"
    shutil.copytree(PACKAGE, copy)
    (copy / file).write_text(line + "\n" + (copy / file).read_text())
    [(name, _)] = imports_upwards(copy, modules_in_order(copy))
    assert name == file.removesuffix(".py").replace("/", ".")


def test_style_needs_nothing_of_the_networks_that_are_trained():
    for path in (PACKAGE / "style").glob("*.py"):
        assert not re.search(r"gan_utils\.(gan|scores|show)\b", path.read_text()), path.name


def test_init_files_hold_a_description_and_nothing_else():
    for path in (*PACKAGE.glob("*/__init__.py"), *WORKSHOP.rglob("__init__.py")):
        tree = ast.parse(path.read_text())
        assert len(tree.body) == 1 and ast.get_docstring(tree), path


def body_lines(function):
    """Lines of a function without its head and its docstring."""
    documented = ast.get_docstring(function) is not None
    return function.end_lineno - function.body[documented].lineno + 1


def test_files_and_functions_fit_on_a_page():
    for path in (*PACKAGE.rglob("*.py"), *WORKSHOP.rglob("*.py")):
        text = path.read_text()
        assert text.count("\n") < 340 or path.name == "faults.py", path  # which is a table
        functions = [n for n in ast.walk(ast.parse(text)) if isinstance(n, ast.FunctionDef)]
        bodies = {f.name: body_lines(f) for f in functions if len(f.body) > 1}
        assert all(lines <= 48 for lines in bodies.values()), (path.name, bodies)
        if path.name in ("step.py", "training.py"):
            assert all(lines < 40 for lines in bodies.values()), bodies


def test_the_readme_is_short_and_its_table_names_files_that_are_there():
    text = (ROOT / "README.md").read_text()
    assert len(text.encode()) <= 9000
    rows = text.split("## Which file belongs")[1].split("\n## ")[0]
    named = re.findall(r"`(\w+/\w+)`", rows)
    assert len(named) > 15 and all((PACKAGE / f"{name}.py").is_file() for name in named)


def test_the_core_of_the_package_stays_small():
    files = [path for path in PACKAGE.rglob("*.py") if "exercises" not in path.parts]
    lines = sum(path.read_text().count("\n") for path in files)
    assert lines <= MOST_LINES, lines


@pytest.mark.parametrize("package", ["gan_utils", "workshop"])
def test_the_command_line_offers_every_command_with_a_line_of_help(package):
    command = [sys.executable, "-m", package, "--help"]
    text = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout
    for name in importlib.import_module(f"{package}.__main__").COMMANDS:
        assert re.search(rf"^    {name}\s+\w", text, re.M), text


def test_links_of_the_glossary_lead_to_headings():
    """As the book makes anchors of headings: in small letters, with hyphens, without marks."""
    glossary = (ROOT / "workshop/book/glossary.md").read_text(encoding="utf-8")
    links = re.findall(r"\((notebooks/\w+\.ipynb)#([^)]+)\)", glossary)
    assert len(links) > 20
    for path, anchor in links:
        cells = nbformat.read(ROOT / path, as_version=4).cells
        texts = "\n".join(cell.source for cell in cells if cell.cell_type == "markdown")
        titles = re.findall(r"^#{1,3} (.+)$", texts, re.M)
        plain = [unicodedata.normalize("NFKD", title).encode("ascii", "ignore") for title in titles]
        slugs = [re.sub(r"[^\w\- ]", "", p.decode().lower()).replace(" ", "-") for p in plain]
        assert anchor in slugs, (path, anchor)


def test_links_and_pictures_lead_somewhere():
    pages = {path: path.read_text(encoding="utf-8") for path in TEXTS}
    for path in (ROOT / "notebooks").glob("*.ipynb"):
        cells = nbformat.read(path, as_version=4).cells
        pages[path] = "\n".join(cell.source for cell in cells if cell.cell_type == "markdown")
    for page, text in pages.items():
        local = [x for x in re.findall(r"\]\(([^)\s]+)\)", text) if not x.startswith("http")]
        missing = [x for x in local if not (page.parent / x.split("#")[0]).is_file()]
        assert not missing, (page.name, missing)


def test_every_source_of_data_is_credited():
    section = (ROOT / "workshop/book/pages/data.md").read_text().split("## Credits")[1]
    rows = [line.strip("| ").split(" | ") for line in section.splitlines() if line[:1] == "|"][2:]
    assert all(len(row) == 4 and all(row) for row in rows)  # source, author, terms, what is stored
    credited = {name for row in rows for name in re.findall(r'"(\w+)"', row[0])}
    assert credited == {*DIGIT_SOURCES, *FACE_SOURCES} - {"auto"}
    code = "".join(path.read_text() for path in (ROOT / "notebooks").glob("*.ipynb"))
    pictures = set(re.findall(r'load_sample_image\(\\"([\w.]+)', code)) | {"flower.jpg"}
    assert pictures <= {row[0].strip("`") for row in rows}


def test_names_in_backticks_exist():
    """`module.name` in a lesson, the README or a docstring is something of that module."""
    modules = {name.split(".")[-1]: f"gan_utils.{name}" for name in modules_in_order(PACKAGE)}
    texts = {path: path.read_text() for path in (*TEXTS, *PACKAGE.rglob("*.py"))}
    for path in (ROOT / "notebooks").glob("*.ipynb"):
        cells = nbformat.read(path, as_version=4).cells
        texts[path] = "\n".join(cell.source for cell in cells if cell.cell_type == "markdown")
    for path, text in texts.items():
        for name in re.findall(r"`gan_utils\.([a-z_.]+)`", text):
            importlib.import_module(f"gan_utils.{name}")
        for module, name in re.findall(
            r"`(?:gan_utils\.)?(?:(?:gan|data|style|show|scores)\.)?(\w+)\.(\w+)`", text
        ):
            if module in modules and f"{module}.{name}" not in ATTRIBUTES:
                assert hasattr(importlib.import_module(modules[module]), name), (path, module, name)


def test_code_is_clean():
    result = subprocess.run(
        [sys.executable, "-m", "ruff", "check", "."], cwd=ROOT, capture_output=True, text=True
    )
    assert result.returncode == 0, result.stdout
    result = subprocess.run(
        [sys.executable, "-m", "ruff", "format", "--check", "."],
        cwd=ROOT, capture_output=True, text=True,
    )  # fmt: skip
    assert result.returncode == 0, result.stdout


@pytest.mark.parametrize(
    "line", ["python -OO -m gan_utils --help", "python -m gan_utils --help | :"]
)
def test_without_docstrings_and_without_a_reader_the_command_line_ends_well(line):
    line = line.replace("python", sys.executable)
    done = subprocess.run(["bash", "-c", line], cwd=ROOT, capture_output=True, text=True)
    assert "Traceback" not in done.stderr
