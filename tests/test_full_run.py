import pytest

from gan_utils.show import full_run


@pytest.fixture
def shown(monkeypatch, tmp_path):
    things = []
    monkeypatch.setattr(full_run, "display", things.append)
    monkeypatch.chdir(tmp_path)
    (tmp_path / "images").mkdir()
    (tmp_path / "images/curves.png").write_bytes(b"\x89PNG")
    return things


def test_quick_mode_shows_the_picture_of_the_full_run(monkeypatch, shown):
    monkeypatch.setenv("GAN_UTILS_MODE", "quick")
    full_run.show_full_run("curves")
    assert "full run" in shown[0].data and shown[1].data == b"\x89PNG"


def test_full_mode_shows_nothing_twice(monkeypatch, shown):
    monkeypatch.setenv("GAN_UTILS_MODE", "full")
    full_run.show_full_run("curves")
    assert shown == []


def test_a_picture_that_is_not_there_is_named(monkeypatch, shown, capsys):
    monkeypatch.setenv("GAN_UTILS_MODE", "quick")
    full_run.show_full_run("01_sine_gan/collapse")
    assert shown == [] and "collapse.png, is not beside" in capsys.readouterr().out
