import io

import matplotlib.pyplot as plt
import numpy as np
import pytest
import torch
from matplotlib.figure import Figure
from PIL import Image

from gan_utils.gan.history import METRICS, History, Snapshot
from gan_utils.gan.recipes import SINE_PUBLISHED
from gan_utils.show import animation, diagrams, plotting


@pytest.fixture(autouse=True)
def closed_figures(monkeypatch):
    plt.switch_backend("agg")
    monkeypatch.setattr(plt, "show", lambda: None)
    yield
    plt.close("all")


def history(steps=100):
    records = torch.rand(steps, len(METRICS))
    snapshots = [
        Snapshot(s, torch.full((3, 2), s / 50), torch.zeros(3360, 1)) for s in (0, 50, 100)
    ]
    return History(torch.nn.Identity(), records=records, snapshots=snapshots)


def draw(ax, snapshot):
    plotting.plot_plane(ax, title=str(snapshot.step))
    plotting.plot_belief_map(ax, snapshot.logits)
    plotting.plot_samples(ax, snapshot.samples)


def test_smooth_is_a_moving_average_that_keeps_the_length():
    values = torch.arange(200.0)
    smoothed = plotting.smooth(values, share=0.1)  # ten to either side
    assert smoothed.shape == values.shape
    assert torch.allclose(smoothed[10:-10], values[10:-10].double())
    assert smoothed[0] == values[:11].mean() and smoothed[-1] == values[-11:].mean()
    assert torch.equal(plotting.smooth(values[:5]), values[:5])


def test_belief_map_puts_each_logit_at_its_place():
    grid = plotting.plane_grid()
    logits = torch.where((grid[:, 0] > 5) & (grid[:, 1] > 1), 9.0, -9.0)[:, None]
    ax = Figure().subplots()
    plotting.plot_belief_map(ax, logits)
    [image] = ax.images
    beliefs = image.get_array()
    assert image.origin == "lower" and list(image.get_extent()) == [-1, 7.3, -2, 2]
    assert beliefs[-1, -1] > 0.99 and beliefs[0, -1] < 0.01 and beliefs[-1, 0] < 0.01


def test_losses_and_beliefs_are_drawn_under_their_names():
    figure = Figure()
    left, right = figure.subplots(1, 2)
    plotting.plot_losses(left, history())
    plotting.plot_beliefs(right, history())
    labels = [text.get_text() for ax in (left, right) for text in ax.get_legend().get_texts()]
    assert labels == ["discriminator", "generator", "D(x), real", "D(G(z)), generated"]


def test_negative_losses_are_not_cut_off():
    run, ax = history(), Figure().subplots()
    run.records[:, 1] = -2
    plotting.plot_losses(ax, run)
    assert ax.get_ylim()[0] < -2


def test_film_strip_shows_first_and_last_moment():
    plotting.film_strip(history().snapshots, draw, count=4)
    assert [ax.get_title() for ax in plt.gcf().axes] == ["0", "50", "50", "100"]


def test_animated_picture_moves_and_rests_on_the_last_moment():
    shown = animation.animate(history().snapshots, draw, alt="points that move")
    with Image.open(io.BytesIO(shown.data)) as picture:
        assert picture.format == "PNG" and picture.is_animated
        assert picture.size == (600, 340)
        assert picture.n_frames == 4 and picture.info["loop"] == 3
        assert picture.info["duration"] == animation.REST
        frames = []
        for index in range(4):
            picture.seek(index)
            frames.append(np.asarray(picture.convert("RGB")).astype(int))
    assert np.array_equal(frames[0], frames[3]) and not np.array_equal(frames[1], frames[3])
    assert shown.alt == "points that move"


def test_animation_needs_snapshots():
    with pytest.raises(ValueError, match="fixed_latent"):
        animation.animate([], draw, alt="nothing")


def test_live_view_redraws_one_picture_in_place(monkeypatch):
    shown = []

    class Handle:
        def update(self, image):
            shown.append(("update", image))

    def display(image, display_id):
        assert display_id
        shown.append(("display", image))
        return Handle()

    monkeypatch.setattr(animation, "display", display)
    live, run = animation.LiveView(draw, alt="a training"), history()
    run.records = run.records[:0]  # before the first step there are no losses to draw
    live(run)
    live(history())
    live(history())
    assert [name for name, _ in shown] == ["display", "update", "update"]
    assert all(image.data.startswith(b"\x89PNG") for _, image in shown)
    assert all(image.alt == "a training" for _, image in shown)


def test_image_grid_shows_the_range_from_black_to_white():
    images = torch.stack([torch.full((1, 4, 4), value) for value in (-1.0, 0.0, 1.0, 3.0)])
    _, ax = plt.subplots()
    plotting.plot_images(ax, images, columns=2)
    grid = ax.images[0].get_array()
    assert grid.shape == (11, 11, 3)  # two rows of four pixels, with lines of one between
    assert [grid[y, x, 0].item() for y, x in ((2, 2), (2, 8), (8, 2), (8, 8))] == [0, 0.5, 1, 1]
    plotting.show_images(images, columns=9, title="a title")
    assert plt.gca().images[0].get_array().shape == (6, 21, 3)  # no room for what is not there
    with pytest.raises(ValueError, match="torch.uint8.*scale_images"):
        plotting.show_images(images.byte())


def luminance(color):
    parts = [int(color[i : i + 2], 16) / 255 for i in (1, 3, 5)]
    parts = [p / 12.92 if p <= 0.04045 else ((p + 0.055) / 1.055) ** 2.4 for p in parts]
    return 0.2126 * parts[0] + 0.7152 * parts[1] + 0.0722 * parts[2]


def contrast(first, second):
    """Of two colours, from 1 to 21 (WCAG 2.1); 4.5 is asked for in text."""
    low, high = sorted(map(luminance, (first, second)))
    return (high + 0.05) / (low + 0.05)


def test_colours_stand_out_on_white_and_from_each_other_in_grey():
    for color in (plotting.REAL, plotting.FAKE, plotting.NEUTRAL):
        assert contrast(color, "#ffffff") >= 4.5
    assert contrast(plotting.REAL, plotting.FAKE) >= 2


def test_legends_cover_no_curve():
    figure = plt.figure(figsize=(9, 3.2), layout="constrained")
    for draw_curves, ax in zip(
        (plotting.plot_losses, plotting.plot_beliefs), figure.subplots(1, 2), strict=True
    ):
        draw_curves(ax, history())
        figure.canvas.draw()
        assert not ax.get_legend().get_window_extent().overlaps(ax.get_window_extent())


def test_accuracy_is_drawn_against_guessing():
    _, ax = plt.subplots()
    plotting.plot_accuracy(ax, history())
    assert "guessing" in ax.get_title() and ax.get_ylim() == (0, 1)


def test_the_theme_does_not_keep_an_editors_dark_style():
    with plt.rc_context():
        plt.style.use("dark_background")
        plotting.use_theme()
        assert plt.rcParams["text.color"] == "black" != plt.rcParams["axes.facecolor"]


def test_networks_are_drawn_with_the_sizes_of_their_layers():
    networks = dict(G=SINE_PUBLISHED.generator(), D=SINE_PUBLISHED.discriminator())
    diagrams.show_networks(**networks)
    left, right = plt.gcf().axes
    for ax, sizes in ((left, [2, 16, 32, 2]), (right, [2, 256, 128, 64, 1])):
        assert [text.get_text() for text in ax.texts if text.get_text()] == [f"{n}" for n in sizes]
        heights = [bar.get_height() for bar in ax.patches if hasattr(bar, "get_height")]
        order = sorted(range(len(sizes)), key=sizes.__getitem__)
        assert sorted(range(len(sizes)), key=heights.__getitem__) == order
    assert [ax.get_title(loc="left") for ax in (left, right)] == ["G", "D"]
