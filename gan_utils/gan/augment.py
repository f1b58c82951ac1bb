"""Few pictures: change them before the discriminator looks, so that it learns none by heart."""

import torch
from torch import Tensor, nn

SHIFT, HOLE = 1 / 8, 1 / 2  # of the side of a picture


def change_colors(images: Tensor) -> Tensor:
    """Change brightness, saturation and contrast of each image by
    chance.

    Args:
        images: [N, 3, H, W] in [-1, 1]; the result may leave the range.

    Source: Zhao et al. 2020 (DiffAugment) and its code.
    """
    brightness, saturation, contrast = torch.rand(3, len(images), 1, 1, 1, device=images.device)
    images = images + brightness - 0.5
    grey = images.mean(dim=1, keepdim=True)
    images = grey + 2 * saturation * (images - grey)
    mean = images.mean(dim=(1, 2, 3), keepdim=True)
    return mean + (contrast + 0.5) * (images - mean)


def shift(images: Tensor) -> Tensor:
    """Move each image by up to an eighth of its side, and fill with
    zeros.

    Args:
        images: [N, C, H, W].

    Source: as of `change_colors`.
    """
    for dim in (2, 3):
        side, most = images.shape[dim], round(SHIFT * images.shape[dim])
        by = torch.randint(-most, most + 1, (len(images), 1), device=images.device)
        places = torch.arange(side, device=images.device) + by
        inside = (places >= 0) & (places < side)
        shape = [len(images), 1, 1, 1]
        shape[dim] = side
        index = places.clamp(0, side - 1).view(shape).expand_as(images)
        images = images.gather(dim, index) * inside.view(shape)
    return images


def cut_out(images: Tensor) -> Tensor:
    """Replace a square of half the side in each image by zeros; it may
    lie half outside.

    Args:
        images: [N, C, H, W].

    Source: as of `change_colors`.
    """
    near = []
    for side in images.shape[2:]:
        middle = torch.randint(side + 1, (len(images), 1), device=images.device)
        start = middle - round(HOLE * side) // 2
        places = torch.arange(side, device=images.device)
        near.append((places >= start) & (places < start + round(HOLE * side)))
    rows, columns = near
    return images * ~(rows[:, None, :, None] & columns[:, None, None, :])


class DiffAugment(nn.Module):
    """The first layer of a discriminator: changes real and generated
    images alike, in training alone.

    The generator learns through it, since every change has a gradient.
    So it never has to draw grey skin or holes: a changed real image
    looks the same way.

    Source: Zhao et al. 2020. Lesson 03, section 17.
    """

    def forward(self, images: Tensor) -> Tensor:
        """Change images [N, 3, H, W] in training; else return them."""
        if not self.training:
            return images
        return cut_out(shift(change_colors(images)))
