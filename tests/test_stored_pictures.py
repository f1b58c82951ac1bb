"""The pictures of stored notebooks: small, and true to the original."""

import base64
import io

import numpy as np
import pytest
from nbformat.v4 import new_code_cell, new_output
from PIL import Image, ImageChops, ImageFilter

from workshop.stored_pictures import MOST_ERROR, compact, is_true, pictures_of, store_small


def png(*frames):
    data = io.BytesIO()
    frames[0].save(data, "PNG", save_all=True, append_images=frames[1:])
    return data.getvalue()


def opened(data):
    return Image.open(io.BytesIO(data)).convert("RGB")


GREY = Image.frombytes("L", (40, 40), bytes((i * i * 7919) % 251 for i in range(1600)))
RED = Image.new("RGB", (40, 40), "red")
CLEAR = Image.new("RGBA", (40, 40), (0, 0, 0, 0))
NOISE = np.random.default_rng(0).integers(0, 256, (300, 400, 3), dtype=np.uint8)
FACES = Image.fromarray(NOISE).filter(ImageFilter.GaussianBlur(4))  # smooth, of many colours
Y, X = np.mgrid[0:256, 0:256].astype(np.uint8)
RAMP = Image.fromarray(np.stack([X, Y, X // 2 + Y // 2], axis=2))


def test_pictures_without_colours_are_stored_as_such():
    kind, stored = compact(png(GREY.convert("RGBA")))
    assert kind == "image/png" and len(stored) < len(png(GREY.convert("RGBA")))
    assert Image.open(io.BytesIO(stored)).mode == "L"
    assert not ImageChops.difference(Image.open(io.BytesIO(stored)), GREY).getbbox()


@pytest.mark.parametrize("picture", [png(RED), png(GREY, GREY.rotate(90)), png(CLEAR)])
def test_few_colours_animated_and_transparent_pictures_are_stored_as_they_are(picture):
    assert compact(picture) == ("image/png", picture)


@pytest.mark.parametrize("picture", [FACES, RAMP, Image.fromarray(NOISE)])
def test_pictures_of_many_colours_are_stored_true(picture):
    kind, stored = compact(png(picture))
    assert len(stored) <= len(png(picture)) and is_true(stored, picture)
    error = np.asarray(opened(stored), dtype=float) - np.asarray(picture)
    height, width = (side // 4 * 4 for side in error.shape[:2])
    areas = error[:height, :width].reshape(height // 4, 4, width // 4, 4, 3).mean((1, 3))
    assert np.abs(areas).mean() <= 255 * MOST_ERROR
    assert kind == Image.MIME[Image.open(io.BytesIO(stored)).format]


def test_smooth_pictures_of_many_colours_become_much_smaller():
    assert len(compact(png(FACES))[1]) < len(png(FACES)) / 4


def test_what_is_seen_to_differ_is_not_true():
    brighter = Image.eval(FACES, lambda value: min(255, value + 3))
    flat = FACES.filter(ImageFilter.GaussianBlur(8))
    spoiled = [FACES.quantize(16), brighter, flat, FACES.convert("L")]
    assert [is_true(png(each.convert("RGB")), FACES) for each in spoiled] == [False] * 4
    assert is_true(png(FACES), FACES)


def test_an_output_keeps_one_picture_and_what_is_said_of_it():
    data = {"image/png": base64.b64encode(png(FACES)).decode(), "text/plain": "figure"}
    output = new_output("display_data", data, metadata={"image/png": {"width": 300}})
    cell = new_code_cell("x", outputs=[output, new_output("stream", text="said")])
    for each in cell.outputs:
        store_small(each)
    [(kind, stored)] = pictures_of(cell)
    assert kind == "image/jpeg" and is_true(stored, FACES)
    assert output.metadata == {"image/jpeg": {"width": 300}}
    assert output.data["text/plain"] == "figure"
