import os
import subprocess
import warnings

import numpy as np
import pytest
import torch
from PIL import Image, PngImagePlugin

from gan_utils.data import pictures
from gan_utils.data.faces import face_images
from gan_utils.data.pictures import (
    MAX_PIXELS,
    load_folder,
    load_picture,
    picture_tensor,
    resized,
    tiled,
)

RAMP = np.linspace(0, 255, 80 * 90).reshape(80, 90)
COLOURS = np.stack([RAMP, RAMP.T.reshape(80, 90), 255 - RAMP], axis=2).round().astype(np.uint8)


def save(path, array, mode=None, **options):
    image = Image.fromarray(array)
    (image.convert(mode) if mode else image).save(path, **options)
    return path


def error_of(picture, expected):
    return np.abs(np.asarray(picture, dtype=float) - expected).max()


@pytest.mark.parametrize(
    ("suffix", "mode", "tolerance"),
    [
        ("png", None, 0), ("bmp", None, 0), ("tiff", None, 0), ("png", "RGBA", 0),
        ("tiff", "CMYK", 2), ("webp", None, 0), ("gif", None, 160),
    ],
)  # fmt: skip
def test_formats_and_modes_become_rgb(tmp_path, suffix, mode, tolerance):
    picture = load_picture(save(tmp_path / f"a.{suffix}", COLOURS, mode, lossless=True))
    assert picture.mode == "RGB" and picture.size == (90, 80)
    assert error_of(picture, COLOURS) <= tolerance


@pytest.mark.parametrize("mode", ["L", "RGB", "CMYK"])
def test_jpegs_keep_their_brightness(tmp_path, mode):
    picture = load_picture(save(tmp_path / "a.jpg", RAMP.astype(np.uint8), mode, quality=95))
    assert error_of(picture, RAMP[..., None]) < 16


@pytest.mark.parametrize("mode", ["L", "1", "P", "LA"])
def test_grey_and_palette_pictures(tmp_path, mode):
    picture = load_picture(save(tmp_path / "a.png", RAMP.astype(np.uint8), mode))
    pixels = np.asarray(picture, dtype=float)
    assert picture.mode == "RGB" and (pixels[..., 0] == pixels[..., 2]).all()
    assert abs(pixels.mean() - RAMP.mean()) < 5


@pytest.mark.parametrize(
    ("suffix", "values"),
    [("png", (RAMP * 257).astype(np.uint16)), ("tiff", (RAMP * 257).astype(np.uint16)),
     ("tiff", (RAMP * 257).astype(np.int32)), ("tiff", (RAMP / 255).astype(np.float32))],
)  # fmt: skip
def test_more_than_8_bits_are_taken_down_to_8(tmp_path, suffix, values):
    picture = load_picture(save(tmp_path / f"a.{suffix}", values))
    assert error_of(picture, RAMP[..., None]) <= 1


def test_what_is_transparent_becomes_white(tmp_path):
    clear = np.zeros((70, 70, 4), dtype=np.uint8)
    assert np.asarray(load_picture(save(tmp_path / "a.png", clear))).min() == 255
    palette = Image.new("P", (70, 70), 0)
    palette.save(tmp_path / "b.gif", transparency=0)
    assert np.asarray(load_picture(tmp_path / "b.gif")).min() == 255


@pytest.mark.parametrize(("suffix", "tolerance"), [("png", 0), ("jpg", 16)])
def test_turned_photographs_are_put_upright(tmp_path, suffix, tolerance):
    exif = Image.Exif()
    exif[0x0112] = 6  # turn by 90 degrees to see it upright
    grey = RAMP.astype(np.uint8)
    path = save(tmp_path / f"a.{suffix}", grey, "RGB", exif=exif, quality=95)
    assert error_of(load_picture(path), np.rot90(grey, -1)[..., None]) <= tolerance


def test_half_transparent_grey_is_half_white(tmp_path):
    values = np.full((70, 70, 2), (100, 128), dtype=np.uint8)
    layers = [Image.fromarray(values[..., i].copy()) for i in range(2)]
    Image.merge("LA", layers).save(tmp_path / "a.png")
    assert error_of(load_picture(tmp_path / "a.png"), 100 * 128 / 255 + 255 * 127 / 255) <= 1


def write_bad_files(folder):
    """Files that pretend to be pictures, and what a message must say of each."""
    (folder / "empty.jpg").touch()
    (folder / "text.jpg").write_text("I am a letter to my aunt.")
    (folder / "page.png").write_text("<html><body>404</body></html>")
    whole = save(folder / "whole.jpg", COLOURS).read_bytes()
    (folder / "whole.jpg").unlink()
    (folder / "cut.jpg").write_bytes(whole[: len(whole) // 2])
    save(folder / "cut.png", COLOURS)
    (folder / "cut.png").write_bytes((folder / "cut.png").read_bytes()[:-200])
    Image.new("1", (8_000, 8_000)).save(folder / "large.png")
    Image.new("1", (10_000, 10_000)).save(folder / "huge.png")
    Image.new("1", (14_000, 14_000)).save(folder / "bomb.png")
    whole = save(folder / "flip.webp", COLOURS).read_bytes()
    (folder / "flip.webp").write_bytes(whole[:60] + bytes(40) + whole[100:-300])
    Image.fromarray((RAMP / 255).astype(np.float32)).save(folder / "white.tiff", tiffinfo={262: 0})
    save(folder / "range.tiff", np.full((80, 80), 300.0, dtype=np.float32))
    save(folder / "nan.tiff", np.full((80, 80), np.nan, dtype=np.float32))
    return {
        "empty.jpg": "is empty", "text.jpg": "no picture", "page.png": "no picture",
        "cut.jpg": "damaged", "cut.png": "damaged",
        "large.png": "too large", "huge.png": "too large", "bomb.png": "too large",
        "flip.webp": "damaged", "white.tiff": "white as 0",
        "range.tiff": "from 300 to 300", "nan.tiff": "from nan",
    }  # fmt: skip


def test_bad_files_are_named_with_what_is_wrong(tmp_path):
    for name, message in write_bad_files(tmp_path).items():
        with pytest.raises(ValueError, match=f"{name} .*{message}") as caught:
            load_picture(tmp_path / name)
        assert str(tmp_path) not in str(caught.value)
    with pytest.raises(FileNotFoundError, match="no file absent.png"):
        load_picture(tmp_path / "absent.png")


def test_no_format_is_read_whose_reader_calls_a_program(tmp_path, monkeypatch):
    Image.new("RGB", (80, 80)).save(tmp_path / "drawing.eps")
    (tmp_path / "drawing.eps").rename(tmp_path / "drawing.png")
    monkeypatch.setattr(subprocess, "Popen", lambda *_, **__: pytest.fail("a program was called"))
    with pytest.raises(ValueError, match="drawing.png is damaged or no picture"):
        load_picture(tmp_path / "drawing.png")


def test_the_limit_is_below_the_guard_of_the_library():
    assert MAX_PIXELS < Image.MAX_IMAGE_PIXELS


def test_a_folder_gives_squares_and_names_what_it_skips(tmp_path, capsys):
    bad = write_bad_files(tmp_path)
    (tmp_path / "deep" / "deeper").mkdir(parents=True)
    (tmp_path / "gone.jpg").symlink_to("nowhere")
    (tmp_path / "album.jpg").mkdir()
    (tmp_path / "deep" / "._tall.PNG").write_bytes(b"what a Mac leaves in archives")
    (tmp_path / "notes.txt").write_text("not looked at")
    save(tmp_path / "deep" / "deeper" / "tall.PNG", COLOURS.transpose(1, 0, 2))
    save(tmp_path / "wide.png", COLOURS)
    save(tmp_path / "dot.png", COLOURS[:1, :1])
    images, files = load_folder(tmp_path, 64, 100)
    assert [str(file) for file in files] == ["deep/deeper/tall.PNG", "wide.png"]
    assert images.shape == (2, 3, 64, 64) and images.dtype == torch.uint8
    said = capsys.readouterr().out
    assert f"{len(bad) + 1} of {len(bad) + 3} files skipped" in said
    assert "album.jpg" not in said and "- 1 too small, as dot.png is" in " ".join(said.split())
    kinds = [int(line.split()[1]) for line in said.splitlines() if line.startswith("- ")]
    assert sum(kinds) == len(bad) + 1 and max(map(len, said.splitlines())) <= 72


def test_the_square_is_the_middle(tmp_path):
    wide = np.zeros((64, 192, 3), dtype=np.uint8)
    wide[:, 64:128] = 255
    save(tmp_path / "wide.png", wide)
    assert load_folder(tmp_path, 64, 1)[0].min() == 255


def test_a_limited_number_is_spread_over_the_names(tmp_path):
    for i in range(9):
        save(tmp_path / f"{i}.png", np.full((64, 64), 20 * i, dtype=np.uint8))
    assert load_folder(tmp_path, 64, 3)[0][:, 0, 0, 0].tolist() == [0, 60, 120]
    assert len(load_folder(tmp_path, 64, 100)[0]) == 9


def test_folders_nested_beyond_all_names(tmp_path, capsys, monkeypatch):
    save(tmp_path / "top.png", COLOURS)
    monkeypatch.chdir(tmp_path)
    try:
        for _ in range(1500):
            os.mkdir("deep")
            os.chdir("deep")
        images, files = load_folder(tmp_path, 64, 5)
    finally:
        for _ in range(1500):
            os.chdir("..")
            os.rmdir("deep")
    assert [file.name for file in files] == ["top.png"]
    said = " ".join(capsys.readouterr().out.split())
    assert said.startswith("1 folders could not be looked into: File name too long")


def test_folders_without_pictures(tmp_path):
    with pytest.raises(ValueError, match=r"has no picture to learn from.*\.jpg.*64 x 64"):
        load_folder(tmp_path, 64, 5)
    with pytest.raises(FileNotFoundError, match="no folder nowhere"):
        load_folder(tmp_path / "nowhere", 64, 5)
    (tmp_path / "text.jpg").write_text("nothing to see")
    with pytest.raises(ValueError, match="no picture to learn from"):
        face_images("folder", folder=tmp_path)
    for size, limit in ((0, 5), (64, 0)):
        with pytest.raises(ValueError, match="it must be a whole number of at least 1"):
            load_folder(tmp_path, size, limit)


def test_a_tenth_of_too_few_pictures_cannot_be_kept_back(tmp_path):
    for i in range(9):
        save(tmp_path / f"{i}.png", COLOURS)
    with pytest.raises(ValueError, match="only 9 can be used; at least 10"):
        face_images("folder", folder=tmp_path)
    save(tmp_path / "9.png", COLOURS)
    assert len(face_images("folder", folder=tmp_path)[1].images) == 1


def test_a_picture_becomes_numbers_of_the_size_asked_for(tmp_path):
    picture = load_picture(save(tmp_path / "a.png", COLOURS))
    same = picture_tensor(picture, 90)
    assert same.shape == (3, 80, 90)
    assert torch.equal((same * 255).round().byte().permute(1, 2, 0), torch.from_numpy(COLOURS))
    assert picture_tensor(picture, 45).shape == (3, 40, 45)
    assert picture_tensor(picture.resize((20, 20)), 200).shape == (3, 200, 200)
    assert picture_tensor(picture.resize((900, 2)), 100).shape == (3, 1, 100)
    with pytest.raises(ValueError, match="size is 0"):
        picture_tensor(picture, 0)


def test_resizing_keeps_the_range_and_the_mean():
    torch.manual_seed(0)
    picture = torch.rand(3, 60, 80)
    small, large = resized(picture, (30, 40)), resized(picture, (120, 160))
    assert small.shape == (3, 30, 40) and large.shape == (3, 120, 160)
    for other in (small, large):
        assert other.min() >= 0 and other.max() <= 1
        assert torch.allclose(other.mean((1, 2)), picture.mean((1, 2)), atol=5e-3)
    assert torch.equal(resized(picture, (60, 80)), picture)


def test_broken_exif_and_long_notes_leave_good_pixels(tmp_path):
    exif = Image.Exif()
    exif[274], exif[305] = 6, "a program"
    path = save(tmp_path / "turned.jpg", COLOURS, exif=exif.tobytes())
    upright = np.asarray(load_picture(path))
    broken = path.read_bytes().replace(b"\x12\x01\x00\x03", b"\x12\x01\x00\x02")  # a word
    path.write_bytes(broken.replace(b"\x01\x12\x00\x03", b"\x01\x12\x00\x02"))
    assert np.asarray(load_picture(path)).shape == COLOURS.shape != upright.shape
    notes = PngImagePlugin.PngInfo()
    notes.add_text("notes", "x" * 3_000_000, zip=True)
    save(tmp_path / "noted.png", COLOURS, pnginfo=notes)
    assert np.array_equal(np.asarray(load_picture(tmp_path / "noted.png")), COLOURS)


def test_what_a_folder_holds_besides_pictures_is_left_out_or_counted(tmp_path, capsys):
    for name in ("a.jfif", "b.jpe"):
        Image.fromarray(COLOURS).save(tmp_path / name, "JPEG")
    for hidden in ("@eaDir", "__MACOSX", ".thumbnails"):
        (tmp_path / hidden).mkdir()
        save(tmp_path / hidden / "a.png", COLOURS)
    for number in range(3):
        (tmp_path / f"{number}.HEIC").touch()
    _, files = load_folder(tmp_path, 64, 100)
    assert [file.name for file in files] == ["a.jfif", "b.jpe"]
    assert capsys.readouterr().out == "left out, .heic: 3; save them as JPEG or PNG.\n"


def test_three_hundred_warnings_become_a_line(tmp_path, capsys, monkeypatch):
    for number in range(30):
        save(tmp_path / f"{number:02}.png", COLOURS)
    read = pictures._to_rgb

    def warned(image):
        warnings.warn("Corrupt EXIF data", stacklevel=1)
        return read(image)

    monkeypatch.setattr(pictures, "_to_rgb", warned)
    load_folder(tmp_path, 64, 100)
    said = capsys.readouterr().out
    assert said == "used, although their reader finds them odd: 30, as 00.png.\n"
    load_picture(tmp_path / "00.png")
    assert capsys.readouterr().out == "00.png: Corrupt EXIF data\n"


def test_a_picture_that_may_not_be_read_is_not_called_damaged(tmp_path, monkeypatch):
    path = save(tmp_path / "a.png", COLOURS)

    def refuse(*_, **__):
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(Image, "open", refuse)
    with pytest.raises(PermissionError, match="a.png may not be read by this user"):
        load_picture(path)


def test_tiles_are_mirror_images_of_their_neighbours():
    picture = torch.rand(3, 5, 7)
    whole = tiled(picture, (12, 20))
    assert whole.shape == (3, 12, 20) and torch.equal(whole[:, :5, :7], picture)
    assert torch.equal(whole[:, 5:10, :7], picture.flip(1))
    assert torch.equal(whole[:, :5, 7:14], picture.flip(2))
    assert torch.equal(whole[:, :5, 14:], picture[:, :, :6])
    assert torch.equal(tiled(picture, (3, 4)), picture[:, :3, :4])  # larger than asked for
