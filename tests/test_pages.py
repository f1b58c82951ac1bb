import re
import subprocess
from shutil import which

import nbformat
import pytest
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook, new_output
from PIL import Image

from workshop.pages import write_page

POLICY = re.compile(r'<meta content="([^"]+)" http-equiv="Content-Security-Policy"/?>')


@pytest.fixture
def page(tmp_path):
    (tmp_path / "images").mkdir()
    Image.new("RGB", (4, 4), "red").save(tmp_path / "images/hero.png")
    text = "# 07 · A lesson\n\n![four red dots](images/hero.png)\n\n$a < b$ and $$\\frac{x}{y}$$"
    output = new_output("stream", name="stdout", text="printed")
    cells = [new_markdown_cell(text), new_code_cell("print('printed')", outputs=[output])]
    nbformat.write(new_notebook(cells=cells), tmp_path / "07.ipynb")
    write_page(tmp_path / "07.ipynb")
    return (tmp_path / "07.html").read_text()


def test_the_title_is_the_lessons_heading(page):
    assert "<title>07 · A lesson</title>" in page and "printed" in page


def test_nothing_is_fetched_from_elsewhere(page):
    assert 'src="data:image/png;base64,' in page and "images/hero.png" not in page
    assert not re.search(r'(src|href)="https?://', page)
    assert "mathjax" not in page.lower() and "require.min.js" not in page


def test_equations_are_drawn_by_the_browser(page):
    assert page.count("<math") == 2 and "<mfrac>" in page and "$" not in page.split("<body")[1]


def test_a_page_runs_no_script_and_fetches_nothing_whoever_wrote_the_notebook(page):
    policy = POLICY.search(page)
    assert policy[1].startswith("default-src 'none'; img-src data:; style-src 'unsafe-inline';")
    assert "script-src" not in policy[1]
    assert policy.start() < page.index("<style") and "<script" not in page[: policy.start()]


@pytest.mark.skipif(which("chromium") is None, reason="there is no chromium here")
def test_a_browser_holds_to_it(tmp_path):
    hostile = (
        "# A lesson\n\n<script>document.title = 'run'</script><img src=x onerror=\"this.id=1\">"
    )
    nbformat.write(new_notebook(cells=[new_markdown_cell(hostile)]), tmp_path / "x.ipynb")
    write_page(tmp_path / "x.ipynb")
    line = ["chromium", "--headless", "--no-sandbox", "--disable-gpu", "--dump-dom"]
    line.append((tmp_path / "x.html").as_uri())
    seen = subprocess.run(line, capture_output=True, text=True, timeout=60).stdout
    assert "<title>A lesson</title>" in seen and 'id="1"' not in seen
    path = tmp_path / "x.html"
    path.write_text(POLICY.sub("", path.read_text()))
    assert "<title>run</title>" in subprocess.run(line, capture_output=True, text=True).stdout
