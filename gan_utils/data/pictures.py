"""A user's picture files, in any common format, as 8-bit RGB the right way up; or clear errors."""

import warnings
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import torch
from PIL import Image, ImageOps
from torch import Tensor
from torch.nn.functional import interpolate

from gan_utils.progress import print_wrapped

SUFFIXES = (".jpg", ".jpeg", ".png", ".webp", ".bmp", ".gif", ".tif", ".tiff")
# No others: Pillow calls a program to read EPS, and readers that few use are seldom looked at.
FORMATS = ("JPEG", "PNG", "WEBP", "BMP", "GIF", "TIFF")
NAMED = 5  # skipped files that a message names
MAX_PIXELS = 50_000_000  # more than most cameras take, and 200 MB once it is unpacked
BITS, PHOTOMETRIC, WHITE_IS_ZERO = 258, 262, 0  # entries of a TIFF's head


def load_picture(path: Path | str) -> Image.Image:
    """Read a picture file.

    What is transparent becomes white. Pictures of 16 bits are taken down to 8. A turned photograph
    is put upright as its EXIF data say.

    Args:
        path: a file of one of the `FORMATS`, whatever its name ends in.

    Returns:
        An RGB picture of 8 bits a channel.

    Raises:
        FileNotFoundError: there is no such file.
        ValueError: the file is no picture, is cut short, has more than `MAX_PIXELS` pixels, or
            holds numbers whose black and white nobody can know.
    """
    path = Path(path).expanduser()
    if not path.is_file():
        raise FileNotFoundError(f"there is no file {path.name}")
    if path.stat().st_size == 0:
        raise ValueError(f"{path.name} is empty")
    try:
        with warnings.catch_warnings(record=True) as heard:
            warnings.simplefilter("always")
            warnings.simplefilter("error", Image.DecompressionBombWarning)
            with Image.open(path, formats=FORMATS) as image:  # reads the head alone
                if image.width * image.height > MAX_PIXELS:
                    raise Image.DecompressionBombError(f"{image.width} x {image.height} pixels")
                picture = _to_rgb(image)
    except (Image.DecompressionBombError, Image.DecompressionBombWarning) as error:
        raise ValueError(
            f"{path.name} is too large to unpack ({error}); make it smaller, to at most "
            f"{MAX_PIXELS:,} pixels"
        ) from None
    except Exception as error:  # Pillow's readers raise nothing narrower: EOFError, struct.error
        reason = str(error).replace(str(path), path.name) or type(error).__name__
        raise ValueError(f"{path.name} is damaged or no picture: {reason}") from None
    for warning in heard:
        print_wrapped(f"{path.name}: {warning.message}")
    return picture


def _to_rgb(image: Image.Image) -> Image.Image:
    tags = getattr(image, "tag_v2", {})  # of a TIFF
    image = ImageOps.exif_transpose(image)
    if image.mode[0] in "IF":  # one channel of more than 8 bits
        image = _to_8_bits(image, tags)
    if image.mode == "La":  # as LA, but multiplied by its transparency
        image = image.convert("LA")
    if image.has_transparency_data:
        image = image.convert("RGBA")
        image = Image.alpha_composite(Image.new("RGBA", image.size, "white"), image)
    return image.convert("RGB")


def _to_8_bits(image: Image.Image, tags: Mapping[int, object]) -> Image.Image:
    if tags.get(BITS) == (12,) or tags.get(PHOTOMETRIC) == WHITE_IS_ZERO:
        raise ValueError("TIFFs of 12 bits, or with white as 0, are not read; save it as a PNG")
    values, white = np.asarray(image, dtype=np.float32), 1.0 if image.mode == "F" else 65535.0
    if not (values.min() >= 0 and values.max() <= white):
        raise ValueError(
            f"it holds numbers from {values.min():g} to {values.max():g}; of this kind "
            f"({image.mode}) they must lie between 0 (black) and {white:g} (white)"
        )
    return Image.fromarray((values / white * 255).round().astype(np.uint8))


def picture_tensor(picture: Image.Image, size: int) -> Tensor:
    """Return a picture as numbers, enlarged or reduced to `size` pixels along its longer side.

    Returns:
        [3, H, W] in [0, 1].

    Raises:
        ValueError: `size` is below 1.
    """
    if size < 1:
        raise ValueError(f"size is {size}; it must be at least 1")
    factor = size / max(picture.size)
    width, height = (max(1, round(side * factor)) for side in picture.size)
    small = picture.convert("RGB").resize((width, height), Image.Resampling.LANCZOS)
    # A copy in the order of its shape: L-BFGS needs gradients that can be laid out in a row.
    return torch.from_numpy(np.array(small)).permute(2, 0, 1).contiguous() / 255


def resized(picture: Tensor, size: Sequence[int]) -> Tensor:
    """Return a picture [3, H, W] in [0, 1] with `size` = (height, width) pixels, in [0, 1]."""
    if picture.shape[1:] == tuple(size):
        return picture
    return interpolate(picture[None], tuple(size), mode="bilinear", antialias=True)[0].clamp(0, 1)


def load_folder(folder: Path | str, size: int, limit: int) -> tuple[Tensor, list[Path]]:
    """Read the pictures of a folder and of the folders in it, as squares of one size.

    Of each picture the largest square in the middle is used. Files that are no pictures, are
    damaged, or are smaller than `size` are skipped; a printed line counts and names them. Hidden
    files and links to folders are not looked at.

    Args:
        folder: where the pictures are.
        size: pixels along each side of the squares.
        limit: how many files to use at most, evenly spaced in the order of their names.

    Returns:
        Images uint8 [N, 3, size, size], N at least 1, and their N files, as seen from the folder.

    Raises:
        FileNotFoundError: there is no such folder.
        ValueError: the folder has no picture that can be used, or a number is below 1.
    """
    folder = Path(folder).expanduser()
    if size < 1 or limit < 1:
        raise ValueError(f"size is {size} and limit {limit}; both must be at least 1")
    if not folder.is_dir():
        raise FileNotFoundError(
            f"there is no folder {folder.name}; make it and put pictures into it, or give the "
            "full path of another"
        )
    paths = sorted(
        path
        for path in folder.rglob("*")
        if path.suffix.lower() in SUFFIXES
        and not any(part.startswith(".") for part in path.relative_to(folder).parts)
    )
    if len(paths) > limit:
        paths = [paths[i * len(paths) // limit] for i in range(limit)]
    squares, used, skipped = [], [], []
    for path in paths:
        try:
            squares.append(_square(load_picture(path), size, path.name))
            used.append(path.relative_to(folder))
        except (OSError, ValueError) as error:
            skipped.append(str(error))
    if skipped:
        more = f"; and {len(skipped) - NAMED} more" if len(skipped) > NAMED else ""
        print_wrapped(
            f"{len(skipped)} of {len(paths)} files skipped: {'; '.join(skipped[:NAMED])}{more}."
        )
    if not squares:
        raise ValueError(
            f"the folder {folder.name} has no picture to learn from; it needs files that end in "
            f"{', '.join(SUFFIXES)} of at least {size} x {size} pixels"
        )
    return torch.stack(squares), used


def _square(image: Image.Image, size: int, name: str) -> Tensor:
    if min(image.size) < size:
        raise ValueError(
            f"{name} has {image.width} x {image.height} pixels, fewer than {size} x {size}"
        )
    square = ImageOps.fit(image, (size, size), Image.Resampling.LANCZOS)
    return torch.from_numpy(np.array(square)).permute(2, 0, 1)
