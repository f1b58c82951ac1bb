"""Pictures that answer to sliders and buttons while a kernel runs.

A page or a print shows none of them: the lessons stand without, and never store them.
"""

import base64
from collections.abc import Callable, Mapping, Sequence
from html import escape
from typing import Any

import ipywidgets
from ipywidgets import Button, HBox, IntSlider, Play, SelectionSlider, ValueWidget, VBox

from gan_utils.show.animation import MARGINS, blank, pixels, png

# A slider's range and where it begins, or the values to choose from.
Range = tuple[float, float, float]
Control = Range | Sequence[Any]

PAUSE = 300  # milliseconds between two pictures
LONG_PAUSE = 2000  # slow motion
MOST_ROUNDS = 50  # of all actions before a picture


def try_out(
    draw: Callable[..., None],
    actions: Mapping[str, Callable[..., None]] | None = None,
    *,
    alt: str,
    size: tuple[float, float] = (5.0, 3.0),
    **controls: Control,
) -> VBox:
    """Return a picture with sliders, and with buttons where something can be done.

    Whatever is moved or pressed, the picture is drawn again. With actions there is a player, too:
    it does all of them in turn, once or for some rounds, draws, pauses, and goes on until stopped.

    Args:
        draw: `draw(ax, **values)`, where each control has its value.
        actions: what each button does, called with the same values.
        alt: the picture in words, for those who cannot see it.
        size: width and height in inches, at 100 pixels an inch.
        controls: for each a slider: `(least, most, start)` of numbers, or a list of values to
            choose from. Whole numbers stay whole.

    Raises:
        ValueError: a control is none of the two, or starts outside its range.
    """
    sliders = {name: _slider(name, control) for name, control in controls.items()}
    picture = ipywidgets.HTML()  # ipywidgets' own Image has no words for those who cannot see it

    def values() -> dict[str, Any]:
        return {name: slider.value for name, slider in sliders.items()}

    def redraw(_: object = None) -> None:
        figure = blank(*size)
        draw(figure.subplots(gridspec_kw=MARGINS), **values())
        data = base64.b64encode(png(pixels(figure))).decode()
        picture.value = f'<img alt="{escape(alt)}" src="data:image/png;base64,{data}">'

    for slider in sliders.values():
        slider.observe(redraw, "value")
    rows = [_buttons(actions, values, redraw)] if actions else []
    redraw()
    return VBox([*rows, *sliders.values(), picture])


def _slider(name: str, control: Control) -> ValueWidget:
    words = dict(description=name.replace("_", " "), style={"description_width": "initial"})
    if isinstance(control, list):
        return SelectionSlider(options=control, **words)
    if not (isinstance(control, tuple) and len(control) == 3):
        raise ValueError(f"{name} is {control!r}; give (least, most, start) or a list of values")
    least, most, start = control
    if not least <= start <= most:
        raise ValueError(f"{name} starts at {start}, which is not from {least} to {most}")
    if all(isinstance(number, int) for number in control):
        return IntSlider(start, least, most, **words)
    step = (most - least) / 100
    return ipywidgets.FloatSlider(
        start, min=least, max=most, step=step, readout_format=".3g", **words
    )


def _buttons(
    actions: Mapping[str, Callable[..., None]],
    values: Callable[[], dict[str, Any]],
    redraw: Callable[[], None],
) -> VBox:
    """Return a button for each action; a player that does all of them in turn; and for it, how
    often before each picture, and how long it pauses behind it.
    """
    rounds = IntSlider(1, 1, MOST_ROUNDS, description="rounds")
    pause = IntSlider(PAUSE, 100, LONG_PAUSE, 100, description="pause, ms")

    def act(chosen: Sequence[Callable[..., None]], times: int = 1) -> None:
        for action in times * chosen:
            action(**values())
        redraw()

    buttons = [Button(description=name) for name in actions]
    for button, action in zip(buttons, actions.values(), strict=True):
        button.on_click(lambda _, action=action: act([action]))
    player = Play(interval=PAUSE, max=1_000_000)
    player.observe(lambda _: act(list(actions.values()), rounds.value), "value")
    ipywidgets.jslink((pause, "value"), (player, "interval"))
    return VBox([HBox([player, *buttons]), HBox([rounds, pause])])
