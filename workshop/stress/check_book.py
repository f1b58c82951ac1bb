"""Check that every link of the book leads somewhere, and that no page fetches anything.

    python -m workshop book --strict && python -m workshop.stress.check_book

It is no part of the test line; the workflow runs it before it publishes the pages.
"""

import sys
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urlsplit

from workshop.book.build import PAGES

FETCHED = ("img", "script", "source", "iframe")  # and style sheets


class Page(HTMLParser):
    """What a page links to, what it fetches, and the places in it that can be linked to."""

    def __init__(self, text: str) -> None:
        """Read the page."""
        super().__init__()
        self.links: list[str] = []
        self.fetched: list[str] = []
        self.places: set[str] = set()
        self.wordless: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Note what a tag links to, and what it fetches."""
        found = dict(attrs)
        self.places |= {found[name] for name in ("id", "name") if found.get(name)}
        target = found.get("href") or found.get("src") or found.get("srcset") or ""
        style = tag == "link" and "stylesheet" in (found.get("rel") or "")
        if tag in FETCHED or style:
            self.fetched.append(target)
        if tag in ("a", *FETCHED) or style:
            self.links.append(target)
        if tag == "img" and not (found.get("alt") or "").strip():
            self.wordless.append(target)


def pages_of(folder: Path) -> list[Path]:
    """The theme keeps some of its templates among the files that pages use."""
    return [path for path in folder.rglob("*.html") if "_static" not in path.parts]


def places(pages: dict[Path, Page], target: Path) -> set[str]:
    """Return the places within a page that a link may name."""
    return pages[target].places if target in pages else set()


def main(folder: Path) -> None:
    """Print what is wrong; fail if anything is."""
    pages = {p.resolve(): Page(p.read_text(encoding="utf-8")) for p in pages_of(folder)}
    wrong, checked = [], 0
    for path, page in pages.items():
        name = path.relative_to(folder.resolve())
        wrong += [f"{name} fetches {x}" for x in page.fetched if urlsplit(x).netloc]
        wrong += [f"{name} shows {x} without words" for x in page.wordless]
        for link in filter(None, page.links):
            parts = urlsplit(link)
            if parts.scheme or parts.netloc:
                continue
            checked += 1
            target = (path.parent / unquote(parts.path)).resolve() if parts.path else path
            if not target.is_file():
                wrong.append(f"{name} links to {link}, which is not there")
            elif parts.fragment and unquote(parts.fragment) not in places(pages, target):
                wrong.append(f"{name} links to a place {link} that is not there")
    print(*wrong, f"{checked:,} links within {len(pages)} pages", sep="\n")
    sys.exit(bool(wrong))


if __name__ == "__main__":
    main(Path(*sys.argv[1:2]) if sys.argv[1:] else PAGES)
