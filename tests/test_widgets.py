"""Pictures that answer: what is moved or pressed is drawn."""

import base64
import io
import re

import ipywidgets
import pytest
from PIL import Image

from gan_utils.show.widgets import try_out


def parts(widget):
    found = [widget]
    for child in getattr(widget, "children", ()):
        found += parts(child)
    return found


def find(widget, kind, description=None):
    [found] = [
        part
        for part in parts(widget)
        if type(part) is kind and (description is None or part.description == description)
    ]
    return found


def test_a_slider_that_is_moved_draws_again_and_keeps_whole_numbers_whole():
    drawn = []

    def draw(ax, **values):
        drawn.append(values)
        ax.plot([0, values["height"]])

    shown = try_out(draw, alt='a "line"', height=(0, 5, 1), share=(0.0, 1.0, 0.5), name=["a", "b"])
    picture = find(shown, ipywidgets.HTML)
    before = picture.value
    find(shown, ipywidgets.IntSlider, "height").value = 4
    find(shown, ipywidgets.SelectionSlider, "name").value = "b"
    assert drawn == [
        {"height": 1, "share": 0.5, "name": "a"},
        {"height": 4, "share": 0.5, "name": "a"},
        {"height": 4, "share": 0.5, "name": "b"},
    ]
    assert picture.value != before and 'alt="a &quot;line&quot;"' in picture.value
    data = re.search('base64,([^"]+)', picture.value)[1]
    with Image.open(io.BytesIO(base64.b64decode(data))) as image:
        assert image.size == (500, 300)


def test_buttons_do_one_thing_and_the_player_all_of_them_in_turn():
    done, drawn = [], []
    actions = {
        "D": lambda rate: done.append(("D", rate)),
        "G": lambda rate: done.append(("G", rate)),
    }
    shown = try_out(lambda _, rate: drawn.append(rate), actions, alt="steps", rate=(0.0, 1.0, 0.1))
    find(shown, ipywidgets.Button, "G").click()
    assert done == [("G", 0.1)] and len(drawn) == 2
    done.clear()
    find(shown, ipywidgets.FloatSlider, "rate").value = 0.2
    find(shown, ipywidgets.IntSlider, "rounds").value = 2
    find(shown, ipywidgets.Play).value += 1
    assert done == [("D", 0.2), ("G", 0.2)] * 2 and len(drawn) == 4


@pytest.mark.parametrize(
    ("control", "message"),
    [
        ((0, 5), r"rate is \(0, 5\); give \(least, most, start\) or a list"),
        ("fast", "rate is 'fast'; give"),
        ((0, 5, 6), "rate starts at 6, which is not from 0 to 5"),
    ],
)
def test_a_control_that_is_none_is_refused(control, message):
    with pytest.raises(ValueError, match=message):
        try_out(lambda _, **__: None, alt="nothing", rate=control)
