"""Pictures that move: an animated PNG, and a figure that is redrawn while a network trains."""

import io
from collections.abc import Sequence

import numpy as np
from IPython.display import DisplayHandle, Image, display
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from PIL import Image as PILImage

from gan_utils.history import History, Snapshot
from gan_utils.plotting import DrawSnapshot, plot_beliefs, plot_losses


def _render(snapshot: Snapshot, draw: DrawSnapshot, size: tuple[float, float]) -> PILImage.Image:
    figure = Figure(figsize=size, dpi=100, layout="constrained")
    canvas = FigureCanvasAgg(figure)
    draw(figure.subplots(), snapshot)
    canvas.draw()
    return PILImage.fromarray(np.asarray(canvas.buffer_rgba())).convert("RGB")


def animate(
    snapshots: Sequence[Snapshot],
    draw: DrawSnapshot,
    *,
    alt: str,
    size: tuple[float, float] = (6.0, 3.4),
    milliseconds: int = 200,
) -> Image:
    """Return an animated PNG of a training, which plays in notebooks and on web pages.

    Where nothing can move, as on paper, the last moment is shown.

    Args:
        snapshots: the moments, one frame each; the last one stays two seconds.
        draw: draws one of them.
        alt: the picture in words, for those who cannot see it.
        size: width and height in inches, at 100 pixels an inch.
        milliseconds: time for one frame.

    Raises:
        ValueError: there are no snapshots.
    """
    if not snapshots:
        raise ValueError("there are no snapshots; give train_gan a fixed_latent")
    frames = [_render(snapshot, draw, size) for snapshot in snapshots]
    # One palette of 128 colours for all frames makes the file four times smaller.
    palette = frames[len(frames) // 2].quantize(128)
    frames = [frame.quantize(palette=palette, dither=PILImage.Dither.NONE) for frame in frames]
    data = io.BytesIO()
    frames[-1].save(
        data,
        "PNG",
        save_all=True,
        default_image=True,
        append_images=frames,
        loop=0,
        optimize=True,
        duration=[milliseconds] * (len(frames) - 1) + [2000],
    )
    return Image(data.getvalue(), format="png", alt=alt)


class LiveView:
    """A figure that is redrawn in place: the latest snapshot, the losses, D's beliefs.

    Give it to `train_gan` as `on_snapshot`.

    Args:
        draw: draws a snapshot.
    """

    def __init__(self, draw: DrawSnapshot) -> None:
        """Show nothing yet."""
        self.draw = draw
        self.handle: DisplayHandle | None = None

    def __call__(self, history: History) -> None:
        """Redraw the figure from `history`."""
        figure = Figure(figsize=(9, 2.6), dpi=100, layout="constrained")
        FigureCanvasAgg(figure)
        picture, losses, beliefs = figure.subplots(1, 3, width_ratios=(1.5, 1, 1))
        self.draw(picture, history.snapshots[-1])
        if len(history.records):
            plot_losses(losses, history)
            plot_beliefs(beliefs, history)
        if self.handle is None:
            self.handle = display(figure, display_id=True)
        else:
            self.handle.update(figure)
