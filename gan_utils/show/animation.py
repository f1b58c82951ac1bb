"""Pictures that move: an animated PNG, and a figure that is redrawn while a network trains."""

import io
from collections.abc import Callable, Sequence

import numpy as np
from IPython.display import DisplayHandle, Image, display
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from PIL import Image as PILImage

from gan_utils.gan.history import History, Snapshot
from gan_utils.show.plotting import DrawSnapshot, plot_beliefs, plot_losses
from gan_utils.style.optimization import PictureSnapshot, StyleResult

# Draws into one axes what has happened so far.
DrawCurves = Callable[[Axes, History | StyleResult], None]

PLAYS, REST = 3, 2000  # times; milliseconds on the last frame

# Fixed margins: a layout engine would make each redrawing three times slower.
MARGINS = dict(left=0.065, right=0.98, bottom=0.1, top=0.9)


def blank(width: float, height: float) -> Figure:
    """Return a figure of so many inches that no notebook shows by itself."""
    figure = Figure(figsize=(width, height), dpi=100, layout="none")
    FigureCanvasAgg(figure)
    return figure


def pixels(figure: Figure) -> PILImage.Image:
    """Return a figure as it looks, in RGB."""
    figure.canvas.draw()
    return PILImage.fromarray(np.asarray(figure.canvas.buffer_rgba())).convert("RGB")


def png(first: PILImage.Image, **options: object) -> bytes:
    """Return a picture as the bytes of a PNG file; `options` are Pillow's."""
    data = io.BytesIO()
    first.save(data, "PNG", **options)
    return data.getvalue()


def _frame(
    snapshot: Snapshot | PictureSnapshot, draw: DrawSnapshot, size: tuple[float, float]
) -> PILImage.Image:
    figure = blank(*size)
    draw(figure.subplots(gridspec_kw=MARGINS), snapshot)
    return pixels(figure)


def animate(
    snapshots: Sequence[Snapshot | PictureSnapshot],
    draw: DrawSnapshot,
    *,
    alt: str,
    size: tuple[float, float] = (6.0, 3.4),
    milliseconds: int = 200,
    colors: int = 128,
) -> Image:
    """Return an animated PNG of a training run, which plays in notebooks and on web pages.

    It begins with the last moment, which is also what paper shows, then plays all moments, three
    times, and rests on the last.

    Args:
        snapshots: the moments, one frame each; the last one stays `REST` milliseconds.
        draw: draws one of them.
        alt: the picture in words, for those who cannot see it.
        size: width and height in inches, at 100 pixels an inch.
        milliseconds: time for one frame.
        colors: how many colours all frames share; fewer make a smaller file.

    Raises:
        ValueError: there are no snapshots.
    """
    if not snapshots:
        raise ValueError("there are no snapshots; give train_gan a fixed_latent")
    frames = [_frame(snapshot, draw, size) for snapshot in snapshots]
    # One palette for all frames makes the file four times smaller; this method keeps rare colours.
    palette = frames[len(frames) // 2].quantize(colors, PILImage.Quantize.MAXCOVERAGE)
    frames = [frame.quantize(palette=palette, dither=PILImage.Dither.NONE) for frame in frames]
    durations = [REST] + [milliseconds] * (len(frames) - 1) + [REST]
    data = png(
        frames[-1],
        optimize=True,
        save_all=True,
        append_images=frames,
        loop=PLAYS,
        duration=durations,
    )
    return Image(data, format="png", alt=alt)


class LiveView:
    """A figure that is redrawn in place: the latest snapshot, and curves beside it.

    Give it to `train_gan` or `transfer_style` as `on_snapshot`.

    Args:
        draw: draws a snapshot.
        curves: each draws into one axes what has happened so far; by default the losses and the
            discriminator's beliefs.
        alt: the figure in words, for those who cannot see it.
    """

    def __init__(
        self,
        draw: DrawSnapshot,
        curves: Sequence[DrawCurves] = (plot_losses, plot_beliefs),
        *,
        alt: str,
    ) -> None:
        """Show nothing yet."""
        self.draw, self.curves, self.alt = draw, tuple(curves), alt
        self.handle: DisplayHandle | None = None

    def __call__(self, history: History | StyleResult) -> None:
        """Redraw the figure from what has happened so far."""
        figure = blank(9, 2.7)
        widths = (1.6, *(2 / len(self.curves) for _ in self.curves))
        grid = MARGINS | dict(bottom=0.28, wspace=0.2, width_ratios=widths)
        picture, *axes = figure.subplots(1, len(widths), gridspec_kw=grid)
        self.draw(picture, history.snapshots[-1])
        if len(history.records):
            for ax, curve in zip(axes, self.curves, strict=True):
                curve(ax, history)
        image = Image(png(pixels(figure)), format="png", alt=self.alt)
        if self.handle is None:
            self.handle = display(image, display_id=True)
        else:
            self.handle.update(image)
