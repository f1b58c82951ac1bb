"""Make a book of the lessons and the package: pages to read, to search and to link to."""

import argparse
import importlib
import pkgutil
import re
from base64 import b64encode
from collections.abc import Callable, Iterable
from pathlib import Path
from shutil import copy2, copytree
from tempfile import TemporaryDirectory

import nbformat
from nbformat import NotebookNode
from PIL import Image

from gan_utils.files import NOTEBOOKS, PROJECT
from gan_utils.gan.pretrained import GENERATORS
from gan_utils.scores.results import WEIGHTS, final_scores, stored_results
from workshop.exercises import is_solution
from workshop.experiments.definitions import EXPERIMENTS
from workshop.stored_pictures import pictures_of
from workshop.times import GUIDE

BOOK, PAGES = Path(__file__).parent, PROJECT / "book" / "html"
MORE_PAGES = sorted((BOOK / "pages").glob("*.md"))  # what the README leads to
CAPTION = re.compile(r"^\*Figure: (.+)\*$", re.M)
HERO = re.compile(r"!\[(.+?)\]\((images/.+?)\)")
SOLVED = re.compile(r" · \[solutions\]\([^)]*\)")  # a link in the guide
PLAYED = re.compile(r"\[([^\]]+)\]\(([\w./]*play/\w+\.html(?:#\w+)?)\)")  # a page that plays
IMAGE = re.compile(r'<img [^>]*?src="([^"]+\.png)"[^>]*>')
EXAMPLE = "book --folder pages"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Say which arguments the command takes."""
    parser.add_argument("--folder", type=Path, default=PAGES, help="otherwise book/html")
    parser.add_argument("--with-solutions", action="store_true", help="of the exercises, too")
    parser.add_argument("--strict", action="store_true", help="let a warning end it")


def run(arguments: argparse.Namespace) -> None:
    """Write the pages from the stored lessons; nothing is executed, and nothing fetched.

    Raises:
        SystemExit: Sphinx is not installed or has found something wrong, or the folder holds
            something else.
    """
    try:
        from sphinx.cmd.build import build_main
    except ModuleNotFoundError:
        raise SystemExit('book: Sphinx is not here; run pip install -e ".[book]" first') from None
    if arguments.folder.exists() and not (arguments.folder / ".buildinfo").exists():
        raise SystemExit(f"book: {arguments.folder} is no book; give a folder that is new")
    with TemporaryDirectory() as folder:
        write_sources(Path(folder), with_solutions=arguments.with_solutions)
        # Without -q, so that Sphinx prints how far it has come.
        options = ["-b", "html", "-c", str(BOOK), "-d", f"{folder}/.doctrees"]
        options += ["-W", "--keep-going"] if arguments.strict else []
        if build_main([*options, folder, str(arguments.folder)]):
            raise SystemExit("book: the pages have faults, see above")
    finish_pages(arguments.folder)
    write_played(arguments.folder / "notebooks" / "play")
    print(f"open {arguments.folder / 'index.html'} in a browser")


def lessons() -> list[Path]:
    """Return the files of the lessons, in their order."""
    return sorted(NOTEBOOKS.glob("*.ipynb"))


def solutions() -> list[Path]:
    """Return the files of their solutions, in the same order."""
    return sorted((NOTEBOOKS / "solutions").glob("*.ipynb"))


def write_sources(folder: Path, *, with_solutions: bool) -> None:
    """Lay out what Sphinx reads as the repository is laid out, so that links fit."""
    solved = solutions() if with_solutions else []
    guide = leading_to_book(GUIDE.read_text(encoding="utf-8"))
    copy2(PROJECT / "LICENSE", folder)
    copytree(NOTEBOOKS / "images", folder / "notebooks" / "images")
    (folder / "notebooks" / "solutions").mkdir()
    for path in (*lessons(), *solved):
        notebook = folded(described(nbformat.read(path, as_version=4)))
        nbformat.write(notebook, folder / path.relative_to(PROJECT))
    modules = module_pages()
    pages = {
        "index.md": front_page(solved),
        "glossary.md": (BOOK / "glossary.md").read_text(encoding="utf-8"),
        "notebooks/TEACHING.md": guide if with_solutions else SOLVED.sub("", guide),
        "contributing.md": leading_to_book((PROJECT / "CONTRIBUTING.md").read_text("utf-8")),
        **{
            f"pages/{path.name}": leading_to_book(path.read_text(encoding="utf-8"))
            for path in MORE_PAGES
        },
        "experiments.md": experiments_page(),
        "reference/index.md": reference_page(modules),
    }
    pages |= {f"reference/{name}.rst": text for name, text in modules.items()}
    for name, text in pages.items():
        (folder / name).parent.mkdir(exist_ok=True)
        (folder / name).write_text(text, encoding="utf-8")


def described(notebook: NotebookNode) -> NotebookNode:
    """Give each figure the sentence below it as its description, let links lead to the book, and
    show a page that plays where a lesson links to it.
    """
    cells = notebook.cells
    figures = [cell for cell in cells if any(pictures_of(cell))]
    texts = [cell for cell in cells if cell.cell_type == "markdown"]
    captions = [sentence for cell in texts for sentence in CAPTION.findall(cell.source)]
    for cell, caption in zip(figures, captions, strict=True):
        cell.metadata["mystnb"] = {"image": {"alt": caption.replace("`", "").replace("$", "")}}
    for cell in texts:
        frames = [
            f'<iframe class="play" src="{page}" title="{words}" loading="lazy"></iframe>'
            for words, page in PLAYED.findall(cell.source)
        ]
        cell.source = "\n\n".join([leading_to_book(cell.source), *frames])
    return notebook


def folded(notebook: NotebookNode) -> NotebookNode:
    """Hide what is for teachers behind a click, but for the head of the page."""
    for cell in notebook.cells[1:]:
        if not is_solution(cell):
            continue
        if cell.cell_type == "code":
            cell.metadata["tags"] = [*cell.metadata["tags"], "hide-cell"]
        else:
            cell.source = f"<details><summary>Solution</summary>\n\n{cell.source}\n\n</details>"
    return notebook


def leading_to_book(text: str) -> str:
    """Return a text whose links lead to pages of the book: the repository has other places."""
    for path, page in {
        "../../../notebooks/": "../notebooks/",
        "../workshop/book/pages/": "../pages/",
        "../README.md": "../index.md",
        "../../README.md": "../../index.md",
        "workshop/book/pages/": "pages/",
        "CONTRIBUTING.md": "contributing.md",
    }.items():
        text = text.replace(f"]({path}", f"]({page}")
    # Sphinx would take such a page for a file to download, and leave its scripts behind.
    return PLAYED.sub(r'<a href="\2">\1</a>', text)


def front_page(solved: Iterable[Path] = ()) -> str:
    """Return the README with the lessons' pictures, and the table of contents; `solved` are the
    solutions that belong to it.
    """
    readme = leading_to_book((PROJECT / "README.md").read_text(encoding="utf-8"))
    heroes = []
    for path in lessons():
        words, image = HERO.search(nbformat.read(path, as_version=4).cells[0].source).groups()
        heroes.append(f"[![{words}](notebooks/{image})](notebooks/{path.name})")
    first, rest = readme.split("\n\n!", 1)
    rest = rest.split("\n\n", 1)[1]  # its own picture is among them
    gallery = "\n\n".join([":::{container} heroes", *heroes, ":::"])
    contents = {
        "Lessons": [f"notebooks/{path.stem}" for path in lessons()],
        "To teach": [
            *("notebooks/TEACHING", "pages/teaching"),
            *(f"notebooks/solutions/{path.stem}" for path in solved),
        ],
        "To look up": [
            *(f"pages/{path.stem}" for path in MORE_PAGES if path.stem != "teaching"),
            *("glossary", "experiments", "reference/index", "contributing"),
        ],
    }
    return "\n\n".join([first, gallery, rest, *(toctree(*entry) for entry in contents.items())])


def toctree(caption: str, pages: list[str]) -> str:
    """Return an entry of the table of contents."""
    lines = ["```{toctree}", ":hidden:", f":caption: {caption}", "", *pages, "```"]
    return "\n".join(lines)


def experiments_page() -> str:
    """Return the stored experiments as tables."""
    parts = [
        "# Experiments",
        "What `python -m workshop experiments` has stored: medians over the seeds of the last "
        "score of each training. A click on the head of a column sorts by it.",
    ]
    for name, experiment in EXPERIMENTS.items():
        try:
            rows = stored_results(name)
        except FileNotFoundError:
            continue
        score = experiment.scores[0]
        parts += [f"## {name}", " ".join(experiment.rows.__doc__.split())]
        head = ["row", "seeds", "steps", *(f"{score}, {weights}" for weights in WEIGHTS)]
        lines = [head, ["---", *["--:"] * (len(head) - 1)]]
        for row, results in rows.items():
            medians = [final_scores(results, weights, score).quantile(0.5) for weights in WEIGHTS]
            numbers = [f"{median:,.4g}" for median in medians]
            lines.append([row, str(len(results)), f"{results[0]['steps']:,}", *numbers])
        parts.append("\n".join(f"| {' | '.join(line)} |" for line in lines))
    return "\n\n".join(parts)


def reference_page(names: Iterable[str]) -> str:
    """Return the first page of the reference, which lists the pages of the modules."""
    text = "Made from the docstrings of the package. [source] shows the code of an entry."
    tree = "\n".join(["```{toctree}", ":maxdepth: 1", "", *names, "```"])
    return f"# Reference\n\n{text}\n\n{tree}\n"


def module_pages() -> dict[str, str]:
    """Return a page for each module of the package, by its name."""
    found = pkgutil.walk_packages([str(PROJECT / "gan_utils")], "gan_utils.")
    names = ["gan_utils", *(module.name for module in found if "__main__" not in module.name)]
    pages = {}
    for name in names:
        module = importlib.import_module(name)
        members = "" if hasattr(module, "__path__") else "   :members:\n"
        pages[name] = f"{name}\n{'=' * len(name)}\n\n.. automodule:: {name}\n{members}"
    return pages


def finish_pages(folder: Path) -> None:
    """Make the pages fit those who want no motion, and those who listen to them."""
    stills: dict[Path, str | None] = {}
    for page in folder.rglob("*.html"):
        text = page.read_text(encoding="utf-8")
        text = name_controls(IMAGE.sub(at_rest(page, stills), text))
        page.write_text(text, encoding="utf-8")


def write_played(folder: Path) -> None:
    """Write the pages that play, and the weights of generators as scripts: a page that is opened
    from a file may read no other file.
    """
    copytree(NOTEBOOKS / "play", folder, dirs_exist_ok=True)
    for name in ("digits", "faces"):
        content = b64encode((GENERATORS / f"{name}.safetensors").read_bytes()).decode()
        (folder / f"{name}.js").write_text(f'WEIGHTS.{name} = "{content}";\n', encoding="utf-8")


def at_rest(page: Path, stills: dict[Path, str | None]) -> Callable[[re.Match], str]:
    """Return what replaces an image of a page: where a reader wants no motion, the last moment of
    a picture that moves. `stills` remembers the files written for that.
    """

    def replace(match: re.Match) -> str:
        path = (page.parent / match[1]).resolve()
        if path not in stills:
            stills[path] = write_still(path)
        if stills[path] is None:
            return match[0]
        still = match[1].replace(path.name, stills[path])
        source = f'<source srcset="{still}" media="(prefers-reduced-motion: reduce)">'
        return f"<picture>{source}{match[0]}</picture>"

    return replace


def name_controls(text: str) -> str:
    """Return a page with the words that those who listen to it need: the theme has none for its
    triangles and its side bar, and others than it shows for its search.
    """
    text = text.replace("<summary><span", '<summary aria-label="pages below"><span')
    start = '<div class="sidebar-primary-items__start'
    text = text.replace(start, f'<div role="region" aria-label="side bar"{start[4:]}')
    return re.sub(r'(<button class="btn search-button[^>]*?) aria-label="Search"', r"\1", text)


def write_still(path: Path) -> str | None:
    """Write the last moment of a picture beside it, and return its name; None if nothing moves."""
    with Image.open(path) as picture:
        moments = getattr(picture, "n_frames", 1)
        if moments == 1:
            return None
        picture.seek(moments - 1)
        still = path.with_name(f"{path.stem}-still.png")
        picture.convert("RGB").save(still, "PNG", optimize=True)
        return still.name
