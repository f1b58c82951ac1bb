"""Keep the stored outputs of notebooks true, and make pages of them."""

import argparse
import ast
import json
import os
import platform
import re
import sys
from glob import glob
from hashlib import sha256
from itertools import pairwise
from pathlib import Path

import nbformat
from nbclient import NotebookClient
from nbformat import NotebookNode

from gan_utils.exercises.lesson import tree_of
from gan_utils.files import atomic_write
from workshop.exercises import learners_cells, with_exercises, write_worksheet
from workshop.pages import write_page
from workshop.slides import write_slides
from workshop.stored_pictures import SUFFIXES, pictures_of, store_small
from workshop.times import write_times

# What front ends write when they open a lesson: written here first, opening changes nothing.
KERNELSPEC = {"name": "python3", "display_name": "GAN lessons", "language": "python"}
LANGUAGE = {
    "codemirror_mode": {"name": "ipython", "version": 3},
    "file_extension": ".py",
    "mimetype": "text/x-python",
    "name": "python",
    "nbconvert_exporter": "python",
    "pygments_lexer": "ipython3",
    "version": platform.python_version(),
}
FULL_RUN = re.compile(r'show_full_run\("([^"]+)"')
RUN = "run"  # the name of the digests among the metadata
HERO = "hero"  # the tag of the cell whose picture opens the lesson


def execute(path: Path) -> None:
    """Run a notebook in full mode from top to bottom, store its outputs, and write its pictures.

    Raises:
        nbclient.exceptions.CellExecutionError: a cell failed; the file is left as it was.
        ValueError: a cell whose picture is wanted shows none; the outputs are stored all the same.
    """
    os.environ["GAN_UTILS_MODE"] = "full"
    notebook = nbformat.read(path, as_version=4)
    NotebookClient(
        notebook, timeout=None, kernel_name="python3", resources={"metadata": {"path": path.parent}}
    ).execute()
    for cell in notebook.cells:
        strip(cell)
    notebook.metadata[RUN] = digests(notebook)
    _write(notebook, path)
    write_pictures(path)


def digests(notebook: NotebookNode) -> dict[str, str]:
    """Return short hashes of all code, and of all outputs but the sources that cells display.

    `execute` stores them. As long as they fit, the outputs are those of one run of this code.
    """
    code = [cell for cell in notebook.cells if cell.cell_type == "code"]
    outputs = [cell.outputs for cell in code if not _displayed(tree_of(cell))]
    parts = {"code": [cell.source for cell in code], "outputs": outputs}
    return {
        name: sha256(json.dumps(part, sort_keys=True).encode()).hexdigest()[:16]
        for name, part in parts.items()
    }


def stored_pictures(path: Path) -> dict[str, bytes]:
    """Return the pictures of a notebook's full run that are kept as files, by the files' names.

    That of the cell tagged `hero` has the notebook's name and opens the lesson. The others stand
    where a cell calls `show_full_run`.

    Raises:
        ValueError: such a cell shows no picture.
    """
    pictures = {}
    for cell in nbformat.read(path, as_version=4).cells:
        names = FULL_RUN.findall(cell.source) if cell.cell_type == "code" else []
        if HERO in cell.metadata.get("tags", []):
            names.append(path.stem)
        for name in names:
            if not (shown := [*pictures_of(cell)]):
                raise ValueError(f"the cell of the picture {name!r} shows none")
            kind, data = shown[-1]
            pictures[name + SUFFIXES[kind]] = data
    return pictures


def write_pictures(path: Path) -> None:
    """Write the stored pictures of a notebook to the folder `images` beside it."""
    for name, data in stored_pictures(path).items():
        image = path.parent / "images" / name
        image.parent.mkdir(parents=True, exist_ok=True)
        for suffix in SUFFIXES.values():  # of an earlier run, perhaps of another kind
            image.with_suffix(suffix).unlink(missing_ok=True)
        image.write_bytes(data)


def strip(cell: NotebookNode) -> None:
    """Remove from a cell what must not be stored: times, widgets, standard error, old progress;
    pictures become as small as they can be.
    """
    cell.metadata.pop("execution", None)
    if cell.cell_type != "code":
        return
    kept: list[NotebookNode] = []
    for output in cell.outputs:
        if output.get("name") == "stderr":
            print(f"not stored, but worth a look:\n{output.text}", file=sys.stderr)
            continue
        pictures = output.get("data", {})
        if "application/vnd.jupyter.widget-view+json" in pictures:
            continue  # nobody can use it without the kernel, and its words are none
        store_small(output)
        if output.output_type == "stream" and kept and kept[-1].output_type == "stream":
            kept[-1].text += output.text
        else:
            kept.append(output)
    # Of a line that was overwritten after a carriage return only the last state stays, also where
    # a picture came in between.
    streams = [output for output in kept if output.output_type == "stream"]
    for output, following in pairwise(streams):
        if following.text.startswith("\r"):
            output.text = re.sub(r"[^\n]*$", "", output.text)
    for output in streams:
        output.text = re.sub(r"[^\n]*\r(?=[^\n])", "", output.text)
    cell.outputs = [o for o in kept if o.output_type != "stream" or o.text]


def refresh_sources(path: Path) -> None:
    """Renew the stored `show_source` displays of a notebook; of its code only imports
    from the package are run.

    Raises:
        ValueError: other outputs were changed since the full run that they came from.
    """
    notebook = _read_unchanged(path)
    names: dict[str, object] = {}
    for cell in notebook.cells:
        if cell.cell_type != "code":
            continue
        tree = tree_of(cell)
        imports = [node for node in tree.body if _is_ours(node)]
        exec(compile(ast.Module(imports, []), str(path), "exec"), names)
        if shown := _displayed(tree):
            source = eval(shown, names)
            data = {"text/markdown": source._repr_markdown_(), "text/plain": repr(source)}
            for output in cell.outputs:
                if output.output_type == "execute_result":
                    output.data = data
    notebook.metadata[RUN] = digests(notebook)
    _write(notebook, path)


def _read_unchanged(path: Path) -> NotebookNode:
    """Return a notebook whose outputs are those that `execute` stored, but for displayed sources.

    Raises:
        ValueError: they are not.
    """
    notebook = nbformat.read(path, as_version=4)
    if digests(notebook)["outputs"] != notebook.metadata.get(RUN, {}).get("outputs"):
        raise ValueError(f"{path.name}: the outputs are not those of its last run; execute it")
    return notebook


def renew_exercises(path: Path) -> None:
    """Make the exercises of a lesson anew from the notebook of solutions with its name.

    Raises:
        ValueError: outputs were changed since the full run that they came from, or the lesson has
            no place for exercises.
        FileNotFoundError: it has no notebook of solutions.
    """
    notebook = _read_unchanged(path)
    solutions = nbformat.read(path.parent / "solutions" / path.name, as_version=4)
    section = learners_cells(solutions)
    for cell in section:
        strip(cell)
    notebook.cells = with_exercises(notebook, section)
    code = [cell for cell in notebook.cells if cell.cell_type == "code"]
    for number, cell in enumerate(code, start=1):
        cell.execution_count = number
    notebook.metadata[RUN] = digests(notebook)
    _write(notebook, path)


def _is_ours(node: ast.stmt) -> bool:
    """Tell whether a statement imports something of the package and nothing else."""
    return isinstance(node, ast.ImportFrom) and (node.module or "").split(".")[0] == "gan_utils"


def _displayed(tree: ast.Module) -> str:
    """Return the call of `show_source` that ends a cell; "" if there is none.

    Only names and their attributes are shown: a stored notebook must not have anything else
    evaluated.
    """
    last = ast.unparse(tree.body[-1]) if tree.body else ""
    return last if re.fullmatch(r"show_source\([A-Za-z_][\w.]*\)", last) else ""


def _write(notebook: NotebookNode, path: Path) -> None:
    """Write with steady metadata, in one piece, so that a crash cannot cost the notebook."""
    notebook.metadata.pop("widgets", None)
    notebook.metadata.kernelspec = KERNELSPEC
    notebook.metadata.language_info = LANGUAGE
    with atomic_write(path) as file:
        file.write((nbformat.writes(notebook) + "\n").encode())


def refresh(path: Path) -> None:
    """Renew what costs no training: displayed sources, metadata, and the picture files."""
    refresh_sources(path)
    write_pictures(path)


def _named(name: str) -> list[Path]:
    """Return the files that a name or a pattern stands for; Windows leaves patterns to us."""
    found = [] if Path(name).exists() else sorted(glob(name))
    return [Path(path) for path in found or [name]]


# For teachers, and then for authors; with what each does.
ACTIONS = {
    "slides": (
        write_slides,
        "Write a talk: one HTML file, with the text as the speaker's notes. Scripts in a notebook "
        "run in it: make slides of notebooks that you trust.",
    ),
    "worksheet": (write_worksheet, "Write a copy without outputs to the folder worksheets."),
    "html": (write_page, "Write a page that needs no network, and runs no script."),
    "execute": (execute, "Run in full mode, and store the outputs and the pictures of the run."),
    "refresh": (refresh, "Renew the code that show_source displays, and the picture files."),
    "exercises": (renew_exercises, "Make the exercises anew from the notebook of solutions."),
    "times": (write_times, "Run in quick mode, and write the seconds into TEACHING.md."),
}
EXAMPLE = "notebooks slides notebooks/01_sine_gan.ipynb"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Say which arguments the command takes."""
    actions = parser.add_subparsers(dest="action", required=True, metavar="ACTION")
    for name, (_, words) in ACTIONS.items():
        action = actions.add_parser(
            name,
            help=words,
            description=words,
            epilog=f"example: python -m workshop notebooks {name} notebooks/01_sine_gan.ipynb",
        )
        action.add_argument("notebooks", nargs="+", help="files, or patterns as notebooks/0*.ipynb")
    actions.choices["slides"].add_argument(
        "--sections", nargs="+", help="numbers, or all; otherwise the plan of fifty minutes"
    )


def run(arguments: argparse.Namespace) -> None:
    """Do the action to each notebook."""
    for path in [path for name in arguments.notebooks for path in _named(name)]:
        try:
            nbformat.validate(nbformat.read(path, as_version=4))
        except Exception as error:  # nbformat fails in many ways where a file is none
            raise SystemExit(f"notebooks: {path} is no notebook ({type(error).__name__})") from None
        print(f"{arguments.action} {path.name}")
        act, _ = ACTIONS[arguments.action]
        act(path, arguments.sections) if arguments.action == "slides" else act(path)
