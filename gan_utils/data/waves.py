"""A seigaiha pattern drawn by code: rows of discs with rings, each row in front of the one above.

Lengths are in radii of a disc. Row k has its centres at y = k / 2, at x = 0, 2, 4 ... in even rows
and x = 1, 3, 5 ... in odd ones.
"""

import torch
from torch import Tensor
from torch.nn.functional import avg_pool2d

FINER = 4  # the pattern is drawn this much finer than asked for, then averaged: smooth edges
RINGS = 6  # in every disc, of ink and paper in turn
PAPER = (0.95, 0.92, 0.83)
INKS = ((0.09, 0.16, 0.36), (0.13, 0.35, 0.52), (0.38, 0.60, 0.68), (0.80, 0.42, 0.24))
TABLE = 97  # the inks repeat after so many rows and columns


def draw_waves(height: int, width: int, *, radius: float | None = None, seed: int = 0) -> Tensor:
    """Draw a seigaiha pattern.

    Args:
        height, width: pixels.
        radius: of a disc in pixels; by default a fifth of the shorter side.
        seed: for the ink of each disc; the global random state is left alone.

    Returns:
        A picture [3, height, width] in [0, 1].

    Raises:
        ValueError: a size is not positive.
    """
    radius = min(height, width) / 5 if radius is None else radius
    if height < 1 or width < 1 or not radius > 0:
        raise ValueError(
            f"height is {height}, width {width} and radius {radius}; all must be above 0"
        )
    y = (torch.arange(height * FINER)[:, None] + 0.5) / FINER / radius
    x = (torch.arange(width * FINER)[None] + 0.5) / FINER / radius
    row, column, distance = _front_disc(y, x)
    generator = torch.Generator().manual_seed(seed)
    table = torch.randint(len(INKS), (TABLE, TABLE), generator=generator)
    ink = torch.tensor(INKS)[table[row % TABLE, column % TABLE]]
    is_ink = (distance * RINGS).long() % 2 == 0
    pixels = torch.where(is_ink[..., None], ink, torch.tensor(PAPER))
    return avg_pool2d(pixels.permute(2, 0, 1)[None], FINER)[0]


def _front_disc(y: Tensor, x: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Return row, column and distance from its centre of the foremost disc at each place."""
    lowest = (2 * (y + 1)).floor().long()  # the last row that can reach up to y
    shape = torch.broadcast_shapes(y.shape, x.shape)
    row, column = torch.zeros(shape, dtype=torch.long), torch.zeros(shape, dtype=torch.long)
    distance = torch.full(shape, torch.inf)
    for back in range(5):  # rows lie half a radius apart, so a disc spans five of them
        this_row = (lowest - back).expand(shape)
        shift = this_row % 2
        this_column = ((x - shift) / 2).round().long()
        this_distance = torch.hypot(y - this_row / 2, x - shift - 2 * this_column)
        front = (distance > 1) & (this_distance <= 1)
        row = torch.where(front, this_row, row)
        column = torch.where(front, this_column, column)
        distance = torch.where(front, this_distance, distance)
    return row, column, distance
