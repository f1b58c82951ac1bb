"""Faces in colour: a folder of pictures, published photographs, or drawn by code."""

import re
from collections.abc import Hashable, Sequence
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor

from gan_utils.data.downloads import data_folder
from gan_utils.data.drawn_faces import FACE_SHAPE, draw_faces, draw_factors
from gan_utils.data.images import announce, check_images
from gan_utils.data.photographs import celeba_images, lfw_images
from gan_utils.data.pictures import load_folder
from gan_utils.runtime import mode
from gan_utils.settings import require_whole

FEW = 15  # groups of pictures in a folder, up to which they are not taken for people
FACE_SOURCES = ("auto", "folder", "lfw", "celeba", "drawn")


@dataclass(frozen=True)
class FaceImages:
    """Faces in colour, with what is known about each.

    Attributes:
        images: uint8 [N, 3, 64, 64], from 0 to 255; N at least 1.
        factors: of drawn faces, see `drawn_faces.draw_factors`; None for photographs.
        people: a number for the person on each, int64 [N]; None where nobody knows.

    Raises:
        ValueError: shapes or types are not as above.
    """

    images: Tensor
    factors: dict[str, Tensor] | None = None
    people: Tensor | None = None

    def __post_init__(self) -> None:
        """Check that the images have the right form, and the factors as many rows."""
        check_images(self.images, FACE_SHAPE)
        for name, values in (self.factors or {}).items():
            if len(values) != len(self.images):
                raise ValueError(f"{name} has {len(values)} values for {len(self.images)} images")

    def __getitem__(self, chosen: Tensor) -> "FaceImages":
        """Return the rows where the boolean tensor `chosen` [N] is true."""
        factors = self.factors and {name: f[chosen] for name, f in self.factors.items()}
        people = None if self.people is None else self.people[chosen]
        return FaceImages(self.images[chosen], factors, people)


def face_images(
    source: str = "auto", *, count: int = 10_000, folder: Path | str | None = None
) -> tuple[FaceImages, FaceImages]:
    """Return faces to learn from and a tenth kept back for comparison; print what they are.

    Photographs become squares of 64 x 64 pixels, cut from their middle. Where the source, or the
    names in a folder (`Ann_Lee/3.jpg`, `Ann_Lee_0003.jpg`), tell people apart, every tenth person
    is kept back with all photographs; else every tenth picture. The printed line says which. Of a
    folder nobody knows whether other names are other people: it says what it saw.

    Args:
        source: `"folder"` (any folder of pictures), `"lfw"` (13,233 photographs of Labeled Faces
            in the Wild, Huang et al. 2007, fetched by scikit-learn), `"celeba"` (202,599
            photographs, Liu et al. 2015, fetched by torchvision), `"drawn"` (faces of nobody,
            drawn by code, with known factors), or `"auto"`: the folder `faces` in the data
            folder; in full mode Labeled Faces in the Wild; else drawn faces.
        count: how many images in all. A source with fewer gives what it has.
        folder: for `"folder"`, where the pictures are; None is `faces` in the data folder.

    Raises:
        ValueError: there is no such source, `count` is below 10, fewer than 10 pictures can be
            used, or Labeled Faces in the Wild is damaged.
        FileNotFoundError: the pictures of a source that was asked for cannot be had.
        NotADirectoryError: `GAN_UTILS_DATA` names no folder.
    """
    if source not in FACE_SOURCES:
        raise ValueError(f"source is {source!r}; choose one of {', '.join(FACE_SOURCES)}")
    require_whole(optional=False, least=10, count=count)  # a tenth is kept back
    if folder is not None and source != "folder":
        raise ValueError(f"folder is given, but source is {source!r}; ask for source='folder'")
    loaded = _any_faces(count) if source == "auto" else _load_faces(source, count, folder)
    what, faces, others = loaded
    if len(faces.images) < 10:
        raise ValueError(
            f"{what}: only {len(faces.images)} can be used; at least 10 are needed, as a tenth is "
            "kept back. Add pictures, or ask for source='drawn'"
        )
    rows = torch.arange(len(faces.images)) if faces.people is None else faces.people
    kept = rows % 10 == 9
    train, test = faces[~kept], faces[kept]
    note = "perhaps of the same people" if faces.people is None else f"of other {others}"
    announce(what, train.images, test.images, "" if faces.factors else f", {note}")
    return train, test


def _load_faces(source: str, count: int, folder: Path | str | None) -> tuple[str, FaceImages, str]:
    """Return what was loaded in words, the faces, and what their `people` are known by."""
    if source == "folder":
        folder = data_folder() / "faces" if folder is None else Path(folder).expanduser().resolve()
        images, files = load_folder(folder, FACE_SHAPE[2], count)
        names = [_person(file) for file in files]
        # A few folders are kinds of pictures, not people; a name for each file tells nothing.
        telling = FEW < len(set(names)) < len(names)
        people = _numbers(names) if telling else None
        return f"pictures of the folder {folder.name}", FaceImages(images, people=people), "names"
    if source == "lfw":
        images, names = lfw_images(FACE_SHAPE[2], count)
        return "Labeled Faces in the Wild", FaceImages(images, people=_numbers(names)), "people"
    if source == "celeba":
        images, names = celeba_images(FACE_SHAPE[2], count)
        return "CelebA", FaceImages(images, people=names and _numbers(names)), "people"
    factors = draw_factors(count)
    return "faces drawn by code", FaceImages(draw_faces(factors), factors), "people"


def _person(file: Path) -> str:
    """Return the folder of a file; without one, its name up to the number at its end."""
    return str(file.parent) if file.parent.name else re.sub(r"[\W_]*\d+\W*$", "", file.stem)


def _numbers(names: Sequence[Hashable]) -> Tensor | None:
    """Number people in the order in which they come.

    None if every tenth of them is far from a tenth of the pictures: names like IMG_0001 tell
    nobody apart, and one person alone cannot be kept back.
    """
    order = {name: number for number, name in enumerate(dict.fromkeys(names))}
    numbers = torch.tensor([order[name] for name in names])
    share = (numbers % 10 == 9).float().mean()
    return numbers if 0.05 <= share <= 0.2 else None


def _any_faces(count: int) -> tuple[str, FaceImages, str]:
    if (data_folder() / "faces").is_dir():
        return _load_faces("folder", count, None)
    if mode() == "full":
        try:
            return _load_faces("lfw", count, None)
        except FileNotFoundError:
            print("Labeled Faces in the Wild is not here and cannot be fetched. Instead:")
    return _load_faces("drawn", count, None)
