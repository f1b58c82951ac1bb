"""One theme for every figure, and the figures that several lessons share."""

import math
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import matplotlib.pyplot as plt
import torch
from matplotlib import colormaps
from matplotlib.axes import Axes
from matplotlib.colors import LinearSegmentedColormap
from matplotlib.image import AxesImage
from matplotlib.ticker import LogLocator, NullFormatter
from torch import Tensor
from torchvision.utils import make_grid, save_image

from gan_utils.gan.history import History, Snapshot
from gan_utils.style.optimization import PictureSnapshot, StyleResult

# Each stands out on white, also as text, and blue and orange differ when printed in grey.
REAL, FAKE, NEUTRAL = "#14375e", "#c2410c", "#6b7280"
PLANE = (-1, 7.3, -2, 2)  # left, right, bottom, top of the axes around the sine curve
PLANE_COLUMNS, PLANE_ROWS = 84, 40  # places in the belief map
BELIEF = LinearSegmentedColormap.from_list("belief", ["#ffffff", "#5b9bd5"])

THEME = {
    "figure.dpi": 100,
    "figure.constrained_layout.use": True,
    "figure.facecolor": "white",
    "font.size": 10,
    "axes.titlesize": 11,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.prop_cycle": plt.cycler(color=[REAL, FAKE, NEUTRAL, "#5b9bd5", "#7a3e9d"]),
    "axes.grid": True,
    "grid.color": "#e6e8eb",
    "axes.axisbelow": True,
    "legend.frameon": False,
    "lines.linewidth": 1.8,
}

# Draws one moment of a training run into one axes.
DrawSnapshot = Callable[[Axes, Snapshot | PictureSnapshot], None]


def use_theme() -> None:
    """Give all later figures the look of the series."""
    plt.style.use("default")  # an editor may have chosen a dark one before
    plt.rcParams.update(THEME)


def smooth(values: Tensor, share: float = 0.02) -> Tensor:
    """Return the moving average of a curve [steps] over `share` of its length, same length."""
    half = int(len(values) * share / 2)
    if half == 0:
        return values
    total = torch.cat([torch.zeros(1, dtype=torch.float64), values.double().cumsum(0)])
    steps = torch.arange(len(values))
    first, last = (steps - half).clamp(min=0), (steps + half + 1).clamp(max=len(values))
    return (total[last] - total[first]) / (last - first)


def legend_below(ax: Axes, *, columns: int = 2) -> None:
    """Put the legend under the axes, where it covers no curve."""
    ax.legend(
        loc="upper center",
        bbox_to_anchor=(0.5, -0.22),
        ncols=columns,
        fontsize=8,
        handlelength=1.4,
        columnspacing=0.8,
    )


def _plot_curves(ax: Axes, history: History, curves: dict[str, tuple[str, str, str]]) -> None:
    steps = torch.arange(1, len(history.records) + 1)
    # A thousand points are all that one can see; odd, as losses may swing with every second step.
    stride = len(steps) // 1000 + 1 | 1
    for name, (label, color, style) in curves.items():
        ax.plot(steps[::stride], history[name][::stride], color=color, alpha=0.2, linewidth=0.6)
        ax.plot(steps[::stride], smooth(history[name])[::stride], style, color=color, label=label)
    ax.set(xlabel="training step", xlim=(0, len(steps)))
    legend_below(ax)


def plot_losses(ax: Axes, history: History) -> None:
    """Draw both losses of cross-entropy training, each with its moving average."""
    curves = {"d_loss": ("discriminator", REAL, "-"), "g_loss": ("generator", FAKE, "--")}
    _plot_curves(ax, history, curves)
    ax.axhline(torch.tensor(2.0).log(), color="black", linewidth=0.8, linestyle=":")
    ax.set(title="losses (dotted: log 2)")
    ax.set_ylim(bottom=min(0.0, ax.get_ylim()[0]))  # the saturating loss is negative


def plot_beliefs(ax: Axes, history: History) -> None:
    """Draw the probability of "real" that the discriminator gives to both kinds of samples."""
    curves = {"d_real": ("D(x), real", REAL, "-"), "d_fake": ("D(G(z)), generated", FAKE, "--")}
    _plot_curves(ax, history, curves)
    ax.axhline(0.5, color="black", linewidth=0.8, linestyle=":")
    ax.set(title="probability of real (dotted: 1/2)", ylim=(0, 1))


def plot_accuracy(ax: Axes, history: History) -> None:
    """Draw the share of real and generated samples that the discriminator tells apart."""
    _plot_curves(ax, history, {"d_accuracy": ("real and generated", REAL, "-")})
    ax.axhline(0.5, color="black", linewidth=0.8, linestyle=":")
    ax.set(title="accuracy of D (dotted: guessing)", ylim=(0, 1))


def plot_scores(
    ax: Axes,
    rows: Mapping[str, tuple[Tensor, Tensor]],
    *,
    floor: float,
    label: str = "Fréchet distance",
) -> None:
    """Draw the scores of several training runs: a line for each row, a dot for each seed.

    Args:
        ax: its horizontal axis becomes logarithmic.
        rows: by name, the scores [seeds] of the trained and of the averaged weights; both of the
            same training runs. The first row is drawn on top.
        floor: what images that were kept back reach, drawn as a dashed line.
        label: the name of the score.
    """
    places = torch.arange(len(rows), 0, -1)
    kinds = (("trained weights", NEUTRAL, "o", 0.14), ("averaged weights", FAKE, "s", -0.14))
    for kind, (name, color, marker, shift) in enumerate(kinds):
        for place, scores in zip(places, rows.values(), strict=True):
            height = (place + shift).expand(len(scores[kind]))
            ax.plot(scores[kind], height, marker, color=color, markersize=5, alpha=0.8)
        ax.plot([], [], marker, color=color, label=name)
    ax.axvline(floor, color=REAL, linestyle="--", label="floor")
    ax.set(xscale="log", xlabel=f"{label}, logarithmic; a dot for each seed")
    ax.xaxis.set(major_locator=LogLocator(subs=(1, 2, 5)), major_formatter="{x:g}")
    ax.xaxis.set_minor_formatter(NullFormatter())
    ax.set_yticks(places, list(rows))
    legend_below(ax, columns=3)


def show_training(history: History) -> None:
    """Show the losses and the discriminator's beliefs of a whole training."""
    fig, (left, right) = plt.subplots(1, 2, figsize=(9, 3.2))
    plot_losses(left, history)
    plot_beliefs(right, history)
    plt.show()


def plot_plane(ax: Axes, *, title: str = "") -> None:
    """Prepare an axes for points around one period of the sine curve, which is drawn thin."""
    x = torch.linspace(0, 2 * torch.pi, 200)
    ax.plot(x, x.sin(), color=REAL, linewidth=1, alpha=0.6)
    ax.set(xlim=PLANE[:2], ylim=PLANE[2:], aspect="equal", title=title)
    ax.set(xticks=[0, torch.pi, 2 * torch.pi], yticks=[-1, 0, 1])
    ax.set_xticklabels(["0", "π", "2π"])


def plane_grid() -> Tensor:
    """Return the points [PLANE_ROWS * PLANE_COLUMNS, 2] of a grid over the axes of `plot_plane`."""
    x1, x2 = torch.linspace(*PLANE[:2], PLANE_COLUMNS), torch.linspace(*PLANE[2:], PLANE_ROWS)
    return torch.cartesian_prod(x2, x1).flip(1)


def plot_belief_map(ax: Axes, logits: Tensor) -> AxesImage:
    """Draw sigmoid(logits) of the points of `plane_grid` as a map: the bluer, the more real.

    Returns:
        the map, from which a figure can make a colour bar.
    """
    beliefs = logits.float().sigmoid().reshape(PLANE_ROWS, PLANE_COLUMNS).numpy()
    ax.grid(False)
    return ax.imshow(beliefs, extent=PLANE, origin="lower", cmap=BELIEF, vmin=0, vmax=1)


def plot_samples(ax: Axes, points: Tensor, *, real: bool = False) -> None:
    """Scatter points [N, 2]: real ones dark and round, generated ones orange and square. Where
    many lie on top of each other the colour deepens.
    """
    color, marker = (REAL, "o") if real else (FAKE, "s")
    ax.scatter(
        points[:, 0],
        points[:, 1],
        s=16,
        color=color,
        marker=marker,
        alpha=0.5,
        linewidths=0.4,
        edgecolors="white",
    )


def plot_images(ax: Axes, images: Tensor, *, columns: int = 8, title: str = "") -> None:
    """Draw images [N, 1 or 3, height, width] in [-1, 1] as a grid, row by row.

    Raises:
        ValueError: the images are not floating point.
    """
    if not images.is_floating_point():
        raise ValueError(f"images are {images.dtype}; bring them to [-1, 1] with scale_images")
    grid = make_grid(images.detach().float().cpu() / 2 + 0.5, columns, padding=1, pad_value=0.5)
    # Digits show their pixels. Colour is enlarged smoothly, as on any screen: square pixels would
    # hide the face, and make the stored picture three times as large.
    interpolation = "nearest" if images.shape[1] == 1 else "bicubic"
    ax.imshow(grid.clamp(0, 1).permute(1, 2, 0).numpy(), interpolation=interpolation)
    ax.set_title(title)
    ax.axis("off")


def show_images(images: Tensor, *, columns: int = 8, title: str = "", width: float = 6.0) -> None:
    """Show images [N, 1 or 3, height, width] in [-1, 1] as a grid, `width` inches wide.

    Raises:
        ValueError: the images are not floating point.
    """
    columns = min(columns, len(images))
    rows, (height, breadth) = -(-len(images) // columns), images.shape[2:]
    size = (width, width * rows * height / (columns * breadth) + 0.35 * bool(title))
    _, ax = plt.subplots(figsize=size)
    plot_images(ax, images, columns=columns, title=title)
    plt.show()


def write_samples(samples: Tensor, path: Path) -> None:
    """Write a picture of samples: points [N, 2], or a grid of images [N, 1 or 3, height, width]
    in [-1, 1].
    """
    if samples.ndim == 4:
        save_image(samples, path, normalize=True, value_range=(-1, 1))
        return
    use_theme()
    figure, ax = plt.subplots(figsize=(6, 3))
    plot_samples(ax, samples)
    figure.savefig(path)
    plt.close(figure)


def plot_picture(ax: Axes, picture: Tensor, *, title: str = "") -> None:
    """Draw a picture [3, height, width] in [0, 1]."""
    ax.imshow(picture.detach().float().cpu().clamp(0, 1).permute(1, 2, 0).numpy())
    ax.set_title(title)
    ax.axis("off")


def show_pictures(
    pictures: Mapping[str, Tensor], *, columns: int = 3, width: float | None = None
) -> None:
    """Show pictures [3, height, width] in [0, 1] beside each other, under their names.

    Args:
        pictures: by name.
        columns: how many stand beside each other at most.
        width: of the figure in inches; by default so that a pixel is one on the page, or several,
            but at most 7.
    """
    columns = min(columns, len(pictures))
    rows = -(-len(pictures) // columns)
    shapes = [picture.shape[1:] for picture in pictures.values()]
    if width is None:
        widest = max(w for _, w in shapes)
        width = min(7.0, 0.0105 * columns * widest * math.ceil(180 / widest))
    height = width / columns * max(h / w for h, w in shapes) + 0.3
    figure, axes = plt.subplots(rows, columns, figsize=(width, rows * height), squeeze=False)
    for ax in axes.flat:
        ax.axis("off")
    for ax, (title, picture) in zip(axes.flat, pictures.items(), strict=False):
        plot_picture(ax, picture, title=title)
    plt.show()


def plot_terms(ax: Axes, result: StyleResult) -> None:
    """Draw the terms of a style transfer at every call of the closure."""
    calls = range(1, len(result.records) + 1)
    for name, color in zip(result.records[0], colormaps["tab10"].colors, strict=False):
        style = {"content": "-", "style": "--", "variation": ":"}[name.split()[0]]
        ax.plot(calls, result[name], style, color=color, label=name, linewidth=1.2)
    ax.set(xlabel="call of the closure", ylabel="weighted term", yscale="log")
    legend_below(ax, columns=4)


def film_strip(
    snapshots: Sequence[Snapshot | PictureSnapshot], draw: DrawSnapshot, *, count: int = 6
) -> None:
    """Show some moments of a training run beside each other, for paper and screen.

    Args:
        snapshots: all moments; `count` of them are shown, evenly spaced.
        draw: draws one of them.
        count: pictures in the strip, in rows of three.
    """
    chosen = torch.linspace(0, len(snapshots) - 1, count).round().int().tolist()
    rows, columns = -(-count // 3), min(count, 3)
    figure = plt.figure(figsize=(3 * columns, 1.9 * rows))
    for place, index in enumerate(chosen, start=1):
        draw(figure.add_subplot(rows, columns, place), snapshots[index])
    plt.show()
