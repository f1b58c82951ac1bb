"""Diagrams of networks, and of the two halves of a training step, drawn by code."""

import math
from itertools import cycle, pairwise

import matplotlib.pyplot as plt
from matplotlib.axes import Axes
from torch import nn

from gan_utils.show.plotting import FAKE, NEUTRAL, REAL


def box(ax: Axes, x: float, y: float, text: str, edge: str, *, filled: bool = False) -> None:
    """Write a text into a box around (x, y)."""
    inside, color = (edge, "white") if filled else ("white", "black")
    look = dict(boxstyle="round,pad=0.45", edgecolor=edge, linewidth=1.6, facecolor=inside)
    ax.text(x, y, text, ha="center", va="center", color=color, bbox=look)


def arrow(ax: Axes, start: tuple[float, float], end: tuple[float, float], **style: object) -> None:
    """Draw an arrow; `style` is that of Matplotlib's `arrowprops`."""
    look = dict(arrowstyle="-|>", linewidth=1.4, color="black", mutation_scale=13) | style
    ax.annotate("", end, start, arrowprops=look)


def _draw_half(ax: Axes, *, learner: str, gradient_path: list[float], title: str) -> None:
    """Draw the way from the latent vector to the loss, and the gradients' way back."""
    box(ax, 0.5, 1, "latent $z$", NEUTRAL)
    box(ax, 2.3, 1, "generator $G$", FAKE, filled=learner == "G")
    box(ax, 4.3, 1, "sample $G(z)$", FAKE)
    box(ax, 6.5, 1, "discriminator $D$", REAL, filled=learner == "D")
    box(ax, 8.6, 1, f"loss $L_{learner}$", "black")
    for start, end in ((0.95, 1.55), (3.05, 3.6), (5.0, 5.55), (7.45, 8.12)):
        arrow(ax, (start, 1), (end, 1))
    for start, end in pairwise(gradient_path):
        arrow(ax, (start, 1.3), (end, 1.3), linestyle="--", connectionstyle="arc3,rad=0.25")
    ax.text(8.6, 1.62, "gradients", ha="center")
    ax.set(xlim=(-0.1, 9.3), ylim=(-0.2, 2.2))
    ax.set_title(title, loc="left")
    ax.axis("off")


def show_step_diagrams() -> None:
    """Show the discriminator's half and the generator's half of a training step."""
    _, (top, bottom) = plt.subplots(2, 1, figsize=(9, 4))
    _draw_half(
        top,
        learner="D",
        gradient_path=[8.5, 6.5],
        title="1. The discriminator learns, the generator only supplies samples",
    )
    box(top, 4.3, 0.1, "real sample $x$", REAL)
    arrow(top, (5.05, 0.2), (5.6, 0.72))
    _draw_half(
        bottom,
        learner="G",
        gradient_path=[8.5, 6.5, 2.3],
        title="2. The generator learns, the discriminator only judges",
    )
    plt.show()


def show_networks(**networks: nn.Module) -> None:
    """Show fully connected networks: between linear layers a bar, as high as the log of its size.

    Args:
        networks: by the names to show; each has linear layers in the order of its modules.
    """
    _, axes = plt.subplots(1, len(networks), figsize=(9, 2.2), sharey=True, squeeze=False)
    for ax, (name, net), color in zip(axes[0], networks.items(), cycle((FAKE, REAL)), strict=False):
        layers = [layer for layer in net.modules() if isinstance(layer, nn.Linear)]
        sizes = [layers[0].in_features, *(layer.out_features for layer in layers)]
        heights = [1 + math.log2(size) for size in sizes]
        ax.bar(range(len(sizes)), heights, 0.3, [-h / 2 for h in heights], color=color)
        for place, (size, height) in enumerate(zip(sizes, heights, strict=True)):
            ax.text(place, height / 2 + 0.3, f"{size:,}", ha="center")
            if place:
                arrow(ax, (place - 0.8, 0), (place - 0.2, 0))
        ax.set(xlim=(-0.5, len(sizes) - 0.5), ylim=(-6.5, 7))
        ax.set_title(name, loc="left")
        ax.axis("off")
    plt.show()
