"""A user's picture files, in any common format, as 8-bit RGB the right way up; or clear errors."""

import math
import os
import re
import warnings
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import torch
from PIL import Image, ImageOps, PngImagePlugin
from torch import Tensor
from torch.nn.functional import interpolate

from gan_utils.progress import print_wrapped
from gan_utils.settings import require_whole

SUFFIXES = (
    *(".jpg", ".jpeg", ".jpe", ".jfif", ".png", ".webp"),
    *(".bmp", ".gif", ".tif", ".tiff"),
)
UNREAD = (".heic", ".heif", ".avif", ".jxl", ".svg", ".psd", ".raw", ".dng", ".cr2", ".nef", ".arw")
LEFT_OUT = re.compile(r"[.@]|__MACOSX$")  # how names begin that no user has given
# No others: Pillow calls a program to read EPS, and readers that few use are seldom looked at.
FORMATS = ("JPEG", "PNG", "WEBP", "BMP", "GIF", "TIFF")
MAX_PIXELS = 50_000_000  # more than most cameras take, and 200 MB once it is unpacked
BITS, PHOTOMETRIC, WHITE_IS_ZERO = 258, 262, 0  # entries of a TIFF's head
ORIENTATION = 274  # an entry of EXIF; what puts the picture upright, by its value:
UPRIGHT = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}
# Editors write long notes and profiles beside the pixels; 64 MiB of them are no attack yet.
PngImagePlugin.MAX_TEXT_CHUNK = PngImagePlugin.MAX_TEXT_MEMORY = 2**26


class PictureError(ValueError):
    """A file that cannot be used as a picture.

    Args:
        name: of the file.
        kind: what is wrong, in words that many files can share.
        detail: what is wrong with this one, and what to do.
    """

    def __init__(self, name: str, kind: str, detail: str = "") -> None:
        """Put the message together."""
        super().__init__(f"{name} is {kind}{detail}")
        self.kind = kind


def load_picture(path: Path | str) -> Image.Image:
    """Read a picture file, and print what its reader warns of.

    What is transparent becomes white. Pictures of 16 bits are taken down to 8. A turned photograph
    is put upright as its EXIF data say.

    Args:
        path: a file of one of the `FORMATS`, whatever its name ends in.

    Returns:
        An RGB picture of 8 bits a channel.

    Raises:
        FileNotFoundError: there is no such file.
        PermissionError: this user may not read it.
        ValueError: the file is no picture, is cut short, has more than `MAX_PIXELS` pixels, or
            holds numbers whose black and white nobody can know.
    """
    picture, heard = _read(Path(path).expanduser())
    for warning in heard:
        print_wrapped(f"{Path(path).name}: {warning}")
    return picture


def _read(path: Path) -> tuple[Image.Image, list[str]]:
    """Return a picture, and the warnings of its reader."""
    try:
        found = path.is_file()
    except PermissionError:
        raise PermissionError(f"{path.name} may not be read by this user") from None
    except OSError:  # too long a name
        found = False
    if not found:
        raise FileNotFoundError(f"there is no file {path.name}")
    if path.stat().st_size == 0:
        raise PictureError(path.name, "empty")
    try:
        with warnings.catch_warnings(record=True) as heard:
            warnings.simplefilter("always")
            warnings.simplefilter("error", Image.DecompressionBombWarning)
            with Image.open(path, formats=FORMATS) as image:  # reads the head alone
                if image.width * image.height > MAX_PIXELS:
                    raise Image.DecompressionBombError(f"{image.width} x {image.height} pixels")
                picture = _to_rgb(image)
    except (Image.DecompressionBombError, Image.DecompressionBombWarning) as error:
        detail = f" ({error}); make it smaller, to at most {MAX_PIXELS:,} pixels"
        raise PictureError(path.name, "too large to unpack", detail) from None
    except PermissionError:
        raise PermissionError(f"{path.name} may not be read by this user") from None
    except Exception as error:  # Pillow's readers raise nothing narrower: EOFError, struct.error
        reason = str(error).replace(str(path), path.name) or type(error).__name__
        raise PictureError(path.name, "damaged or no picture", f": {reason}") from None
    return picture, [str(warning.message) for warning in heard]


def _to_rgb(image: Image.Image) -> Image.Image:
    tags = getattr(image, "tag_v2", {})  # of a TIFF
    image.load()
    try:
        turned = image.getexif().get(ORIENTATION)
    except Exception:  # EXIF data break in many ways; the pixels are as they are
        turned = None
    if turned in UPRIGHT:
        image = image.transpose(UPRIGHT[turned])
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
    require_whole(optional=False, size=size)
    factor = size / max(picture.size)
    width, height = (max(1, round(side * factor)) for side in picture.size)
    if width * height > MAX_PIXELS:
        raise ValueError(f"size is {size}; a picture may have at most {MAX_PIXELS:,} pixels")
    picture = picture if picture.mode == "RGB" else _to_rgb(picture)
    small = picture.resize((width, height), Image.Resampling.LANCZOS)
    # A copy in the order of its shape: L-BFGS needs gradients that can be laid out in a row.
    return torch.from_numpy(np.array(small)).permute(2, 0, 1).contiguous() / 255


def resized(picture: Tensor, size: Sequence[int]) -> Tensor:
    """Return a picture [3, H, W] in [0, 1] with `size` = (height, width) pixels, in [0, 1]."""
    if picture.shape[1:] == tuple(size):
        return picture
    return interpolate(picture[None], tuple(size), mode="bilinear", antialias=True)[0].clamp(0, 1)


def tiled(picture: Tensor, size: Sequence[int]) -> Tensor:
    """Fill `size` = (height, width) pixels with copies of a picture
    [3, H, W], each the mirror image of its neighbours, so that no seam
    shows. Lesson 04, section 1.
    """
    pair = torch.cat([picture, picture.flip(1)], dim=1)
    four = torch.cat([pair, pair.flip(2)], dim=2)
    times = [math.ceil(side / has) for side, has in zip(size, four.shape[1:], strict=True)]
    return four.repeat(1, *times)[:, : size[0], : size[1]].contiguous()


def load_folder(folder: Path | str, size: int, limit: int) -> tuple[Tensor, list[Path]]:
    """Read the pictures of a folder and of the folders in it, as squares of one size.

    Of each picture the largest square in the middle is used. Files that are no pictures, are
    damaged, of a kind that is not read, or smaller than `size` are skipped; printed lines count
    them by kind and name one of each. Hidden files, thumbnails of a NAS, and links to folders are
    not looked at.

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
    require_whole(optional=False, size=size, limit=limit)
    if not folder.is_dir():
        raise FileNotFoundError(
            f"there is no folder {folder.name}; make it and put pictures into it, or give the "
            "full path of another"
        )
    found = files_below(folder)
    paths = [path for path in found if path.suffix.lower() in SUFFIXES]
    kinds = Counter(path.suffix.lower() for path in found if path.suffix.lower() in UNREAD)
    for suffix, number in kinds.items():
        print_wrapped(f"left out, {suffix}: {number:,}; save them as JPEG or PNG.")
    if len(paths) > limit:
        paths = [paths[i * len(paths) // limit] for i in range(limit)]
    squares, used, skipped, odd = [], [], [], []
    for path in paths:
        try:
            picture, heard = _read(path)
            squares.append(_square(picture, size, path.name))
            used.append(path.relative_to(folder))
            odd += [path.name] if heard else []
        except (OSError, PictureError) as error:
            skipped.append(error)
    if odd:
        print_wrapped(f"used, although their reader finds them odd: {len(odd):,}, as {odd[0]}.")
    _print_skipped(skipped, len(paths))
    if not squares:
        raise ValueError(
            f"the folder {folder.name} has no picture to learn from; it needs files that end in "
            f"{', '.join(SUFFIXES)} of at least {size} x {size} pixels"
        )
    return torch.stack(squares), used


def files_below(folder: Path) -> list[Path]:
    """Return the files of a folder and of all folders in it, in the order of their names.

    Left out are hidden files, what a NAS or an archive adds, links to folders, and folders that
    may not be read, or lie deeper than the system can name; a printed line counts the last two.
    """
    found, folders, closed = [], [folder], []
    while folders:  # a list, for `Path.rglob` calls itself: 1,000 nested folders are too many
        try:
            with os.scandir(folders.pop()) as entries:
                kept = [entry for entry in entries if not LEFT_OUT.match(entry.name)]
        except OSError as error:
            closed.append(error)
            continue
        folders += [Path(entry) for entry in kept if entry.is_dir(follow_symlinks=False)]
        found += [Path(entry) for entry in kept if _is_file(entry)]
    if closed:
        print_wrapped(f"{len(closed):,} folders could not be looked into: {closed[0].strerror}.")
    return sorted(found)


def _is_file(entry: os.DirEntry) -> bool:
    try:
        return entry.is_file()
    except OSError:  # a loop of links
        return False


def _print_skipped(skipped: Sequence[OSError | PictureError], count: int) -> None:
    """Count what was skipped by its kind, and name the first file of each."""
    kinds: dict[str, list[str]] = {}
    for error in skipped:
        kinds.setdefault(getattr(error, "kind", "not readable"), []).append(str(error))
    if kinds:
        print_wrapped(f"{len(skipped):,} of {count:,} files skipped:")
    for kind, errors in kinds.items():
        print_wrapped(f"- {len(errors):,} {kind}, as {errors[0]}")


def _square(image: Image.Image, size: int, name: str) -> Tensor:
    if min(image.size) < size:
        found = f" ({image.width} x {image.height} pixels, fewer than {size} x {size})"
        raise PictureError(name, "too small", found)
    square = ImageOps.fit(image, (size, size), Image.Resampling.LANCZOS)
    return torch.from_numpy(np.array(square)).permute(2, 0, 1)
