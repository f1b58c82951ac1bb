"""Faces drawn by code: pictures of nobody, with known factors of variation.

A shape is a signed distance: at each pixel, how far it is to the edge, negative inside. Distances
make shapes easy to combine (minimum: union, maximum: intersection) and give smooth edges for free.
Coordinates are 0 in the middle of the picture and 0.92 at its edges, x to the right and y down.
"""

import torch
from torch import Tensor

FACE_SHAPE = (3, 64, 64)  # channels, rows, columns
EDGE = 0.92  # coordinate of the picture's right and lower edge
CHUNK = 250  # faces drawn at once

# The choices of each factor; colours as red, green, blue from 0 to 255.
BACKGROUNDS = {
    "sand": (222, 203, 164), "sky": (148, 190, 220), "sage": (157, 185, 148),
    "rose": (221, 168, 168), "lilac": (184, 170, 208), "slate": (112, 128, 144),
}  # fmt: skip
SKINS = {
    "porcelain": (250, 220, 200), "beige": (235, 190, 155), "tan": (205, 150, 110),
    "brown": (155, 100, 68), "dark": (102, 64, 44),
}  # fmt: skip
HAIR_STYLES = ("bald", "short", "fringe", "long", "curly", "bun")
HAIR_COLORS = {
    "black": (35, 30, 32), "brown": (95, 60, 38), "blond": (222, 180, 98),
    "red": (172, 78, 38), "grey": (170, 170, 172),
}  # fmt: skip
EYE_COLORS = {"brown": (92, 58, 30), "blue": (62, 118, 178), "green": (74, 132, 82)}
CLOTHES = ((58, 84, 120), (132, 62, 70), (70, 104, 84), (236, 232, 224), (80, 72, 96))
LIGHT, DARK, BLUSH, LIPS = (
    torch.tensor(color).reshape(1, 3, 1, 1) / 255
    for color in ((255, 253, 248), (38, 32, 36), (226, 100, 90), (190, 84, 84))
)

# Factors with names for their values, and factors that are a number from -1 to 1.
CHOICES: dict[str, tuple[str, ...]] = {
    "background": tuple(BACKGROUNDS),
    "skin": tuple(SKINS),
    "hair style": HAIR_STYLES,
    "hair color": tuple(HAIR_COLORS),
    "eye color": tuple(EYE_COLORS),
    "glasses": ("without", "with"),
}
SLIDERS = ("eye spacing", "brows", "nose", "mouth", "head width")


def draw_factors(count: int) -> dict[str, Tensor]:
    """Draw the factors of `count` faces, each evenly over its values, independently.

    Returns:
        For each name in `CHOICES` the numbers of the values, int64 [count]; for each name in
        `SLIDERS` numbers in [-1, 1), float [count]: eyes close to wide, brows sad to angry, nose
        short to long, mouth from a frown to a smile, head narrow to broad.

    Raises:
        ValueError: `count` is below 1.
    """
    if count < 1:
        raise ValueError(f"count is {count}; it must be at least 1")
    factors = {name: torch.randint(len(values), (count,)) for name, values in CHOICES.items()}
    return factors | {name: torch.rand(count) * 2 - 1 for name in SLIDERS}


def draw_faces(factors: dict[str, Tensor], size: int = FACE_SHAPE[2]) -> Tensor:
    """Draw one face for each row of `factors`.

    Clothes, and small shifts of the head, are drawn at random: not all that varies is a factor.

    Args:
        factors: as `draw_factors` returns them.
        size: pixels along each side.

    Returns:
        Images uint8 [N, 3, size, size], from 0 to 255.

    Raises:
        ValueError: there are no factors, a choice does not exist, or `size` is below 1.
    """
    count = len(factors["skin"])
    if size < 1 or count < 1:
        raise ValueError(f"size is {size} for {count} faces; both must be at least 1")
    for name, values in CHOICES.items():
        if factors[name].min() < 0 or factors[name].max() >= len(values):
            raise ValueError(
                f"{name} goes from {factors[name].min()} to {factors[name].max()}; it must lie "
                f"between 0 and {len(values) - 1}"
            )
    chunks = [{n: f[i : i + CHUNK] for n, f in factors.items()} for i in range(0, count, CHUNK)]
    return torch.cat([_draw_chunk(chunk, size) for chunk in chunks])


class _Canvas:
    """Images [N, 3, size, size] in [0, 1], painted layer by layer."""

    def __init__(self, colors: Tensor, size: int) -> None:
        self.pixel = 2 * EDGE / size
        places = (torch.arange(size) + 0.5) * self.pixel - EDGE
        self.y, self.x = places[:, None], places[None, :]
        self.image = colors.repeat(1, 1, size, size)

    def paint(
        self, distance: Tensor, colors: Tensor, *, opacity: float | Tensor = 1.0, soft: float = 0.0
    ) -> None:
        """Lay colours [N, 3, 1, 1] over the inside of a shape; `soft` widens its edge."""
        self.image.lerp_(colors, self.coverage(distance, soft) * opacity)

    def coverage(self, distance: Tensor, soft: float = 0.0) -> Tensor:
        """Return how much of each pixel lies inside a shape, in [0, 1]."""
        return (0.5 - distance / (self.pixel + soft)).clamp_(0, 1)


def _ellipse(x: Tensor, y: Tensor, width: float | Tensor, height: float | Tensor) -> Tensor:
    """Distance to an ellipse around (0, 0), exact near its edge. Half axes are given."""
    k0 = torch.hypot(x / width, y / height)
    k1 = torch.hypot(x / width**2, y / height**2).clamp_(min=1e-6)
    return k0 * (k0 - 1) / k1


def _stroke(x: Tensor, y: Tensor, half: float, bend: float | Tensor, thick: float) -> Tensor:
    """Distance to a brush stroke along y = bend (1 - (x / half)^2), |x| <= half."""
    along = bend * (1 - (x.clamp(-half, half) / half) ** 2)
    return torch.hypot((x.abs() - half).clamp_(min=0), y - along) - thick


def _box(x: Tensor, y: Tensor, width: float | Tensor, height: float, corner: float) -> Tensor:
    """Distance to a box around (0, 0) with round corners. Half sides are given."""
    dx, dy = x.abs() - (width - corner), y.abs() - (height - corner)
    outside = torch.hypot(dx.clamp(min=0), dy.clamp(min=0))
    return outside + torch.maximum(dx, dy).clamp_(max=0) - corner


def _colors(table: dict[str, tuple] | tuple, chosen: Tensor) -> Tensor:
    values = table.values() if isinstance(table, dict) else table
    return torch.tensor(list(values))[chosen][:, :, None, None] / 255


def _draw_chunk(factors: dict[str, Tensor], size: int) -> Tensor:
    """Paint all layers, from the background to the glasses."""
    canvas = _Canvas(_colors(BACKGROUNDS, factors["background"]), size)
    count = len(canvas.image)
    sliders = {name: factors[name].reshape(-1, 1, 1, 1) for name in SLIDERS}
    skin, hair = _colors(SKINS, factors["skin"]), _colors(HAIR_COLORS, factors["hair color"])
    clothes = _colors(CLOTHES, torch.randint(len(CLOTHES), (count,)))
    canvas.paint(_ellipse(canvas.x + 0.4, canvas.y + 0.5, 0.6, 0.6), LIGHT, opacity=0.2, soft=1.4)

    shift = 0.06 * torch.rand(2, count, 1, 1, 1) - 0.03
    x, y = canvas.x - shift[0], canvas.y - shift[1] - 0.04
    width = 0.49 + 0.05 * sliders["head width"]
    back, front = _hair(x, y, width, factors["hair style"])
    canvas.paint(back, 0.8 * hair)
    _paint_head(canvas, x, y, width, skin, clothes)
    _paint_eyes(canvas, x, y, sliders, _colors(EYE_COLORS, factors["eye color"]), 0.7 * hair)
    _paint_nose_and_mouth(canvas, x, y, sliders, skin)
    canvas.paint(front, hair)
    shine = torch.maximum(front + 0.04, _ellipse(x + 0.2, y + 0.5, 0.22, 0.09))
    canvas.paint(shine, LIGHT, opacity=0.2, soft=0.1)
    _paint_glasses(canvas, x, y, sliders, width, factors["glasses"].reshape(-1, 1, 1, 1))
    return (canvas.image * 255).round_().clamp_(0, 255).byte()


def _hair(x: Tensor, y: Tensor, width: Tensor, style: Tensor) -> tuple[Tensor, Tensor]:
    """Distances to the hair behind the head and to the hair in front of it, for each face."""
    none = torch.ones_like(x * y)
    outer = _ellipse(x, y + 0.05, width + 0.06, 0.64)
    cap = torch.maximum(outer, -_ellipse(x, y - 0.22, width + 0.02, 0.66))
    short = torch.maximum(cap, y - 0.02)
    fringe = torch.maximum(outer, y + 0.24 - 0.1 * x**2)
    parted = torch.maximum(outer, -_ellipse(x - 0.16, y - 0.26, width + 0.09, 0.74))
    waves = 0.035 * (14 * torch.atan2(x, -y - 0.1)).cos()
    curls = _ellipse(x, y + 0.14, width + 0.14, 0.66) + waves
    curly = torch.maximum(curls, -(_ellipse(x, y - 0.2, width + 0.02, 0.62) + waves))
    bun = torch.minimum(_ellipse(x, y + 0.78, 0.2, 0.17), cap)
    falls = _box(x, y - 0.12, width + 0.13, 0.74, 0.4)
    backs = torch.stack([none, none, none, falls, torch.maximum(curls, y - 0.35), none])
    fronts = torch.stack([none, short, torch.minimum(fringe, short), parted,
                          torch.maximum(curly, y - 0.2), torch.maximum(bun, y - 0.1)])  # fmt: skip
    rows = torch.arange(len(style))
    return backs[style, rows], fronts[style, rows]


def _paint_head(
    canvas: _Canvas, x: Tensor, y: Tensor, width: Tensor, skin: Tensor, clothes: Tensor
) -> None:
    head = _ellipse(x * (1 + 0.25 * y.clamp(min=0)), y - 0.02, width, 0.62)  # narrow at the chin
    canvas.paint(_box(x, y - 0.72, 0.19, 0.4, 0.1), 0.85 * skin)  # neck
    canvas.paint(_ellipse(x, y - 1.17, 0.84, 0.42), clothes)
    canvas.paint(_ellipse(x.abs() - width, y - 0.07, 0.08, 0.13), 0.9 * skin)  # ears
    canvas.paint(head, skin)
    inside = canvas.coverage(head)  # soft shapes must not spill over the edge of the head
    shade, cheeks = (
        -_ellipse(x + 0.16, y + 0.1, 0.62, 0.8),
        _ellipse(x.abs() - 0.28, y - 0.23, 0.13, 0.1),
    )
    canvas.paint(shade, 0.75 * skin, opacity=0.6 * inside, soft=0.3)
    canvas.paint(cheeks, BLUSH, opacity=0.25 * inside, soft=0.15)


def _paint_eyes(
    canvas: _Canvas, x: Tensor, y: Tensor, sliders: dict[str, Tensor], iris: Tensor, brow: Tensor
) -> None:
    center = 0.21 + 0.04 * sliders["eye spacing"]
    side, level = x.abs() - center, y - 0.02  # the same on both sides, from the middle outwards
    canvas.paint(_ellipse(side, level, 0.13, 0.08), LIGHT)
    canvas.paint(_ellipse(side, level, 0.07, 0.075), iris)
    canvas.paint(_ellipse(side, level, 0.035, 0.037), DARK)
    canvas.paint(_ellipse(torch.minimum((x - center + 0.025).abs(), (x + center + 0.025).abs()),
                          level + 0.03, 0.02, 0.02), LIGHT)  # fmt: skip
    canvas.paint(_stroke(side, level + 0.025, 0.125, -0.07, 0.014), DARK)  # upper lids
    tilt = sliders["brows"] * 0.3
    raised = y + 0.17 + tilt * side
    canvas.paint(_stroke(side, raised, 0.14, -0.035, 0.026), brow)


def _paint_nose_and_mouth(
    canvas: _Canvas, x: Tensor, y: Tensor, sliders: dict[str, Tensor], skin: Tensor
) -> None:
    tip = 0.2 + 0.05 * sliders["nose"]
    canvas.paint(_box(x - 0.045, y - tip / 2, 0.02, 0.12, 0.02), 0.8 * skin, opacity=0.6, soft=0.06)
    canvas.paint(_stroke(x, y - tip, 0.075, 0.035, 0.014), 0.65 * skin)
    bend = 0.03 + 0.09 * sliders["mouth"]
    line = y - 0.38 + bend / 2
    canvas.paint(_stroke(x, line - 0.015, 0.17, bend, 0.04), LIPS)
    canvas.paint(_stroke(x, line, 0.2, bend, 0.014), 0.5 * LIPS)


def _paint_glasses(
    canvas: _Canvas, x: Tensor, y: Tensor, sliders: dict[str, Tensor], width: Tensor, worn: Tensor
) -> None:
    side, level = x.abs() - 0.21 - 0.04 * sliders["eye spacing"], y - 0.03
    lens = _box(side, level, 0.165, 0.13, 0.09)
    bar = torch.maximum((level + 0.03).abs() - 0.014, x.abs() - width)  # bridge and temples
    frame = torch.minimum(lens.abs() - 0.017, torch.maximum(bar, -lens))
    canvas.paint(lens, LIGHT, opacity=0.15 * worn)
    canvas.paint(frame, DARK, opacity=worn)
