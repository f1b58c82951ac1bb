"""The pictures of stored notebooks: small files whose colours are true."""

import base64
import io
from collections.abc import Iterator

from nbformat import NotebookNode
from PIL import Image, ImageChops, ImageFile
from torch.nn.functional import avg_pool2d
from torchmetrics.functional.image import structural_similarity_index_measure
from torchvision.transforms.functional import to_tensor

SUFFIXES = {"image/png": ".png", "image/jpeg": ".jpg"}  # by kind, as notebooks name them
PALETTE = 256  # colours that a PNG file may count by
QUALITIES = (80, 85, 90, 93, 95, 97, 99)  # of JPEG: the first that is true to the picture serves
LEAST_SIMILARITY = 0.98  # SSIM of a stored picture and its original (Wang et al. 2004)
# Of colours, on average. An eye compares those of small areas: what JPEG adds to the pixels of a
# dense pattern and takes from their neighbours is no other colour, and what is more SSIM sees.
MOST_ERROR, AREA = 1 / 255, 4  # and the side of such an area in pixels
ImageFile.MAXBLOCK = 2**24  # bytes of a file that Pillow may hold while it optimises it


def pictures_of(cell: NotebookNode) -> Iterator[tuple[str, bytes]]:
    """Yield the kind and the bytes of each picture that a code cell shows."""
    for output in cell.get("outputs", []):
        for kind, data in output.get("data", {}).items():
            if kind in SUFFIXES:
                yield kind, base64.b64decode(data)


def store_small(output: NotebookNode) -> None:
    """Give the picture of an output, if it has one, the smallest form that is true to it."""
    if "image/png" not in output.get("data", {}):
        return
    kind, data = compact(base64.b64decode(output.data.pop("image/png")))
    output.data[kind] = base64.b64encode(data).decode()
    if "image/png" in output.get("metadata", {}):
        output.metadata[kind] = output.metadata.pop("image/png")


def compact(png: bytes) -> tuple[str, bytes]:
    """Return kind and bytes of the smallest file that is true to a picture.

    Without colours, or with few, that is PNG without any loss; with many, PNG with the best 256 of
    them or JPEG, whichever is smaller. One that moves or is transparent stays as it is.
    """
    picture = Image.open(io.BytesIO(png))
    if (
        getattr(picture, "is_animated", False)
        or picture.convert("RGBA").getchannel("A").getextrema()[0] < 255
    ):
        return "image/png", png
    colored = picture.convert("RGB")
    grey = colored.convert("L")
    if ImageChops.difference(colored, grey.convert("RGB")).getbbox() is None:
        return "image/png", _saved(grey, "PNG", optimize=True)
    if colored.getcolors(PALETTE) is not None:
        return "image/png", png
    forms = [
        ("image/png", _saved(colored.quantize(PALETTE, dither=dither), "PNG", optimize=True))
        for dither in (Image.Dither.NONE, Image.Dither.FLOYDSTEINBERG)
    ]
    true = [(kind, data) for kind, data in (("image/png", png), *forms) if is_true(data, colored)]
    for quality in QUALITIES:
        data = _saved(
            colored, "JPEG", quality=quality, subsampling=0, optimize=True, progressive=True
        )
        if is_true(data, colored):
            true.append(("image/jpeg", data))
            break
    return min(true, key=lambda form: len(form[1]))


def is_true(data: bytes, original: Image.Image) -> bool:
    """Say whether nobody would see a difference between a stored picture and its original."""
    stored = Image.open(io.BytesIO(data)).convert("RGB")
    pair = [to_tensor(picture)[None] for picture in (stored, original)]
    colors = [avg_pool2d(picture, AREA, ceil_mode=True) for picture in pair]
    if (colors[0] - colors[1]).abs().mean() > MOST_ERROR:
        return False
    return structural_similarity_index_measure(*pair, data_range=1.0) >= LEAST_SIMILARITY


def _saved(picture: Image.Image, form: str, **options: object) -> bytes:
    data = io.BytesIO()
    picture.save(data, form, **options)
    return data.getvalue()
