"""A book of the lessons and the package, made by Sphinx.

- `build`: the command: lay out the sources, run Sphinx, finish the pages
- `docstrings`: an extension: docstrings as plain text
- `equations`: an extension: equations as MathML
- `names`: an extension: links from names of the package to the reference
- `conf`: the settings of Sphinx
"""
