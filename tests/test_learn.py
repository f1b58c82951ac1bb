import errno
import json
import subprocess
import sys

import pytest

from gan_utils.__main__ import read
from gan_utils.commands import learn


def test_copies_are_made_and_never_touched_again(tmp_path, capsys):
    originals, copies = tmp_path / "notebooks", tmp_path / "lessons"
    (originals / "images").mkdir(parents=True)
    (originals / "images/hero.png").write_bytes(b"picture")
    for name in ("01.ipynb", "02.ipynb"):
        (originals / name).write_text("stored")
    learn.copy_lessons(originals, copies)
    assert (copies / "01.ipynb").read_text() == "stored" and capsys.readouterr().out == ""
    assert (copies / "images/hero.png").read_bytes() == b"picture"
    (copies / "02.ipynb").write_text("mine")
    (copies / "images/hero.png").write_bytes(b"mine")
    learn.copy_lessons(originals, copies)
    assert (copies / "02.ipynb").read_text() == "mine"
    assert capsys.readouterr().out == (
        "lessons/02.ipynb is yours and stays; rename it to get a new one.\n"
    )
    assert (originals / "02.ipynb").read_text() == "stored"
    assert (copies / "images/hero.png").read_bytes() == b"mine"


def test_a_full_disk_leaves_no_half_lesson(tmp_path, monkeypatch):
    originals, copies = tmp_path / "notebooks", tmp_path / "lessons"
    originals.mkdir()
    (originals / "01.ipynb").write_text("stored")

    def full(*_):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr("gan_utils.files.os.fsync", full)
    with pytest.raises(OSError, match="No space left"):
        learn.copy_lessons(originals, copies)
    assert list(copies.iterdir()) == []


LAB = """
import os, signal, time
signal.signal(signal.SIGINT, lambda *_: None)
os.kill(os.getppid(), signal.SIGINT)
time.sleep(1)
print("asked")
raise SystemExit(3)
"""
LEARN = f"""
import subprocess, sys
from gan_utils.__main__ import read
from gan_utils.commands import learn
learn.name_kernel, learn.copy_lessons, run = lambda: None, lambda *_: None, subprocess.run
subprocess.run = lambda *_, **__: run([sys.executable, "-c", {LAB!r}])
arguments = read(["learn"])
arguments.run(arguments)
"""


def test_ctrl_c_leaves_the_question_to_jupyterlab():
    done = subprocess.run([sys.executable, "-c", LEARN], capture_output=True, text=True)
    assert (done.returncode, done.stdout, done.stderr) == (3, "asked\n", "")


def test_options_go_on_to_jupyterlab(monkeypatch):
    started = []
    modes = []

    def start(command, *, env, **_):
        started.append(command)
        modes.append(env["GAN_UTILS_MODE"])
        return subprocess.CompletedProcess(command, 0)

    monkeypatch.setattr(learn.subprocess, "run", start)
    monkeypatch.setenv("GAN_UTILS_MODE", "quick")
    monkeypatch.setattr(learn, "name_kernel", lambda: None)
    monkeypatch.setattr(learn, "copy_lessons", lambda *_: None)
    monkeypatch.setattr(learn.os, "access", lambda *_: True)
    for line in (["learn"], ["learn", "--mode", "full", "--", "--no-browser", "--port=9"]):
        arguments = read(line)
        arguments.run(arguments)
    assert started[0][2:] == [
        "jupyterlab",
        "--LabApp.default_url=/lab/tree/lessons/01_sine_gan.ipynb",
    ]
    assert started[1][-2:] == ["--no-browser", "--port=9"]
    assert modes == ["quick", "full"]


def test_the_kernel_gets_its_name_and_keeps_its_place(tmp_path, monkeypatch):
    monkeypatch.setattr(learn.sys, "prefix", str(tmp_path))
    learn.name_kernel()
    spec = json.loads((tmp_path / "share/jupyter/kernels/python3/kernel.json").read_text())
    assert spec["display_name"] == "GAN lessons" and spec["argv"][0] == learn.sys.executable


def test_a_project_of_somebody_else_leaves_copies_in_the_home(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(learn.Path, "home", lambda: tmp_path)
    assert learn.copies_folder(tmp_path) == tmp_path / "lessons"
    closed = {tmp_path / "lessons"}
    monkeypatch.setattr(learn.os, "access", lambda path, _: path not in closed)
    assert learn.copies_folder(tmp_path) == tmp_path / "lessons"
    (tmp_path / "lessons").mkdir()  # of another user
    assert learn.copies_folder(tmp_path) == tmp_path / "gan_lessons"
    assert "belongs to somebody else: your copies are in ~/gan_lessons" in capsys.readouterr().out


def test_an_environment_of_somebody_else_is_left_as_it_is(monkeypatch, capsys):
    def refuse(**_):
        raise PermissionError

    monkeypatch.setattr(learn, "install", refuse)
    learn.name_kernel()
    assert "its kernel keeps its name" in capsys.readouterr().out


def test_a_package_without_lessons_says_where_they_are(tmp_path, monkeypatch):
    monkeypatch.setattr(learn, "NOTEBOOKS", tmp_path)
    arguments = read(["learn"])
    with pytest.raises(FileNotFoundError, match="the lessons are not here.*Fetch the project"):
        arguments.run(arguments)
