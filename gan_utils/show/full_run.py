"""Beside what quick mode makes: the picture that the stored full run made at the same place."""

from pathlib import Path

from IPython.display import Image, Markdown, display

from gan_utils.progress import print_wrapped
from gan_utils.runtime import mode


def show_full_run(name: str, *, width: int = 560) -> None:
    """In quick mode, show the picture `images/<name>` beside the notebook; in full mode, nothing.

    The call stands in the cell that makes the picture: the command that stores the outputs of a
    full run writes the last picture of that cell to this file.

    Args:
        name: `"01_sine_gan/levers"`, a folder for each lesson; the file ends in `.png` or `.jpg`.
        width: of the picture shown, in pixels.
    """
    if mode() == "full":
        return
    files = [Path("images", name + suffix) for suffix in (".png", ".jpg")]
    if path := next(filter(Path.is_file, files), None):
        display(Markdown("*The same place in the stored full run:*"))
        display(Image(path.read_bytes(), width=width))
    else:
        print_wrapped(f"The picture of the full run, {files[0].name}, is not beside this notebook.")
