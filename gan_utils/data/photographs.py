"""Photographs of faces that others publish: Labeled Faces in the Wild, and CelebA."""

from http.client import HTTPException
from tarfile import TarError

import torch
from sklearn.datasets import fetch_lfw_people
from torch import Tensor
from torchvision.datasets import CelebA

from gan_utils.data.downloads import data_folder, impatient, network_allowed
from gan_utils.data.pictures import files_below, load_folder
from gan_utils.progress import print_wrapped

LFW_SQUARE = slice(62, 187)  # of 250 rows and columns: the face and a little around it
CELEBA_COUNT = 202_599


def lfw_images(size: int, count: int) -> tuple[Tensor, list[int]]:
    """Return photographs of Labeled Faces in the Wild, and the number of the person on each.

    Returns:
        Images uint8 [N, 3, size, size], N at most `count`, and N numbers.

    Raises:
        FileNotFoundError: they are not in the data folder and cannot be fetched.
        ValueError: what is in the data folder is damaged.

    Source: Huang et al. 2007, fetched by scikit-learn; 234 MB.
    """
    try:
        with impatient():
            people = fetch_lfw_people(
                data_home=data_folder(),
                color=True,
                slice_=(LFW_SQUARE, LFW_SQUARE),
                resize=size / (LFW_SQUARE.stop - LFW_SQUARE.start),
                download_if_missing=network_allowed(),
            )
    except PermissionError as error:
        name = error.filename or "lfw_home"
        raise PermissionError(f"Labeled Faces in the Wild: this user may not read {name}") from None
    except (OSError, EOFError, TarError, HTTPException, ValueError) as error:
        if (data_folder() / "lfw_home" / "lfw_funneled").is_dir():
            raise ValueError(
                f"Labeled Faces in the Wild: lfw_home/lfw_funneled/ is damaged: {error}. "
                "Delete lfw_home/ in the data folder, and it is fetched again"
            ) from None
        raise FileNotFoundError(
            f"Labeled Faces in the Wild is not here and cannot be fetched: {error}. Put its "
            "lfw_home/ into the folder that GAN_UTILS_DATA names, or ask for source='drawn', "
            "which needs no file"
        ) from None
    images = torch.from_numpy(people.images[:count])  # in [0, 1], in an order without order
    images = (images * 255).round().byte().permute(0, 3, 1, 2)
    return images, people.target[:count].tolist()


def celeba_images(size: int, count: int) -> tuple[Tensor, list[str] | None]:
    """Return photographs of CelebA, and the number of the person on each.

    Returns:
        Images uint8 [N, 3, size, size], N at most `count`, and N names; None for the names
        where CelebA's list of them is not beside the photographs.

    Raises:
        FileNotFoundError: they are not in the data folder and cannot be fetched.
        ValueError: no photograph can be read.

    Source: Liu et al. 2015, fetched by torchvision; 1.4 GB.
    """
    folder = data_folder() / "celeba" / "img_align_celeba"
    if not folder.is_dir():
        try:
            if not network_allowed():
                raise OSError("GAN_UTILS_OFFLINE forbids it")
            CelebA(data_folder(), download=True)
        except Exception as error:  # gdown's own errors derive from nothing narrower
            raise FileNotFoundError(
                f"CelebA is not here and cannot be fetched: {' '.join(str(error).split())}. It "
                "lies on Google Drive: fetching it needs the package gdown (pip install gdown), "
                "and fails on days when too many others have fetched it. Try again tomorrow, or "
                "fetch img_align_celeba.zip with a browser and unpack it to "
                "celeba/img_align_celeba/ in the folder that GAN_UTILS_DATA names"
            ) from None
    found = sum(path.suffix == ".jpg" for path in files_below(folder))
    if found < CELEBA_COUNT:
        print_wrapped(
            f"CelebA is not complete: {found:,} of {CELEBA_COUNT:,} photographs are here."
        )
    images, files = load_folder(folder, size, count)
    listed = folder.parent / "identity_CelebA.txt"
    if not listed.is_file():
        return images, None
    lines = (line.split() for line in listed.read_text(errors="replace").splitlines())
    people = dict(line for line in lines if len(line) == 2)  # 000001.jpg 2880
    if unknown := sum(file.name not in people for file in files):
        print_wrapped(
            f"{listed.name} does not name {unknown:,} of these photographs: it is left out."
        )
        return images, None
    return images, [people[file.name] for file in files]
