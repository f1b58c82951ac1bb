"""Faces in colour: a folder of pictures, published photographs, or drawn by code."""

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

FACE_SOURCES = ("auto", "folder", "lfw", "celeba", "drawn")


@dataclass(frozen=True)
class FaceImages:
    """Faces in colour, with what is known about each.

    Attributes:
        images: uint8 [N, 3, 64, 64], from 0 to 255; N at least 1.
        factors: of drawn faces, see `drawn_faces.draw_factors`; None for photographs.

    Raises:
        ValueError: shapes or types are not as above.
    """

    images: Tensor
    factors: dict[str, Tensor] | None = None

    def __post_init__(self) -> None:
        """Check that the images have the right form, and the factors as many rows."""
        check_images(self.images, FACE_SHAPE)
        for name, values in (self.factors or {}).items():
            if len(values) != len(self.images):
                raise ValueError(f"{name} has {len(values)} values for {len(self.images)} images")

    def __getitem__(self, chosen: Tensor) -> "FaceImages":
        """Return the rows where the boolean tensor `chosen` [N] is true."""
        factors = self.factors and {name: f[chosen] for name, f in self.factors.items()}
        return FaceImages(self.images[chosen], factors)


def face_images(
    source: str = "auto", *, count: int = 10_000, folder: Path | str | None = None
) -> tuple[FaceImages, FaceImages]:
    """Return faces to learn from and a tenth kept back for comparison; print what they are.

    Photographs become squares of 64 x 64 pixels, cut from their middle.

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
    if count < 10:
        raise ValueError(f"count is {count}; it must be at least 10, as a tenth is kept back")
    if folder is not None and source != "folder":
        raise ValueError(f"folder is given, but source is {source!r}; ask for source='folder'")
    what, faces = _any_faces(count) if source == "auto" else _load_faces(source, count, folder)
    if len(faces.images) < 10:
        raise ValueError(
            f"{what}: only {len(faces.images)} can be used; at least 10 are needed, as a tenth is "
            "kept back. Add pictures, or ask for source='drawn'"
        )
    kept = torch.arange(len(faces.images)) % 10 == 9
    train, test = faces[~kept], faces[kept]
    announce(what, train.images, test.images)
    return train, test


def _load_faces(source: str, count: int, folder: Path | str | None) -> tuple[str, FaceImages]:
    if source == "folder":
        folder = data_folder() / "faces" if folder is None else Path(folder).expanduser().resolve()
        return f"pictures of the folder {folder.name}", FaceImages(
            load_folder(folder, FACE_SHAPE[2], count)
        )
    if source == "lfw":
        return "Labeled Faces in the Wild", FaceImages(lfw_images(FACE_SHAPE[2], count))
    if source == "celeba":
        return "CelebA", FaceImages(celeba_images(FACE_SHAPE[2], count))
    factors = draw_factors(count)
    return "faces drawn by code", FaceImages(draw_faces(factors), factors)


def _any_faces(count: int) -> tuple[str, FaceImages]:
    if (data_folder() / "faces").is_dir():
        return _load_faces("folder", count, None)
    if mode() == "full":
        try:
            return _load_faces("lfw", count, None)
        except FileNotFoundError:
            print("Labeled Faces in the Wild is not here and cannot be fetched. Instead:")
    return _load_faces("drawn", count, None)
