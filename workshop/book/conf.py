"""How Sphinx makes a book of the lessons, called by `python -m workshop book`.

Nothing is fetched when a page is opened: equations are MathML, fonts and the search index lie
beside the pages.
"""

import sys
from importlib.metadata import metadata
from pathlib import Path

BOOK = Path(__file__).parent
sys.path.insert(0, str(BOOK))  # for the extensions below

project = "Generative adversarial networks, one notebook at a time"
html_title = project
author = "the gan-utils authors"
copyright = f"2026, {author}"
language = "en"
extensions = [
    "myst_nb",
    "sphinx.ext.autodoc",
    "sphinx.ext.napoleon",
    "sphinx.ext.viewcode",
    "docstrings",
    "equations",
    "names",
]

# The lessons are shown as they are stored.
nb_execution_mode = "off"
nb_code_prompt_show, nb_code_prompt_hide = "The code of the solution", "Hide the code"
nb_merge_streams = True
myst_enable_extensions = ["dollarmath", "attrs_inline", "attrs_block", "colon_fence"]
myst_heading_anchors = 3
html_math_renderer = "mathml"

autodoc_member_order = "bysource"
autodoc_typehints = "signature"
napoleon_google_docstring = True
napoleon_numpy_docstring = False
napoleon_use_ivar = True
napoleon_custom_sections = [("Source", "notes_style")]
default_role = "code"

html_theme = "sphinx_book_theme"
html_static_path = [str(BOOK / "static")]
html_css_files = ["book.css"]
html_js_files = [(name, {"defer": "defer"}) for name in ("tables.js", "search.js", "frames.js")]
html_copy_source = False
html_show_sourcelink = False
html_theme_options = {
    "use_download_button": False,
    "show_toc_level": 2,
    "navbar_persistent": [],  # the search is in the side bar
}

# Buttons to Colab, Binder and the file appear once pyproject.toml names the repository:
# [project.urls], Repository = "https://github.com/…".
addresses = dict(url.split(", ") for url in metadata("gan-utils").get_all("Project-URL") or [])
if repository := addresses.get("Repository"):
    html_theme_options |= {
        "repository_url": repository,
        "path_to_docs": ".",
        "use_repository_button": True,
        "use_download_button": True,
        "launch_buttons": {
            "colab_url": "https://colab.research.google.com",
            "binderhub_url": "https://mybinder.org",
        },
    }
