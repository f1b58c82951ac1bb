"""The self-test of a computer: one line for each thing, and in the end one word."""

import re
from types import SimpleNamespace

import pytest

from gan_utils.__main__ import read
from gan_utils.commands import check


def checked():
    arguments = read(["check"])
    arguments.run(arguments)


def test_where_all_is_there_it_says_ready(capsys):
    checked()
    lines = capsys.readouterr().out.splitlines()
    assert [line[:9] for line in lines[:-1]] == ["ok       "] * len(check.CHECKS)
    assert lines[-1].startswith("ready: ")


def test_what_is_missing_is_named_with_what_to_do(monkeypatch, capsys, tmp_path):
    (tmp_path / "01_sine_gan.ipynb").write_text('{"cells": [')
    monkeypatch.setattr(check, "NOTEBOOKS", tmp_path)
    monkeypatch.setattr("gan_utils.packages.missing_packages", lambda: ["torch>=99"])
    monkeypatch.setattr("shutil.disk_usage", lambda _: SimpleNamespace(free=3e8))
    monkeypatch.setattr("psutil.virtual_memory", lambda: SimpleNamespace(available=9e8))
    with pytest.raises(SystemExit, match="not ready: 4 of 8 missing"):
        checked()
    missing = [x for x in capsys.readouterr().out.splitlines() if x.startswith("MISSING")]
    for line, words in zip(
        missing,
        (
            r"packages: torch>=99 not here, or too old; run in .* -m pip install -e \.",
            "lessons: 01_sine_gan.ipynb; fetch the project again",
            "room: 0.3 GB free at .*; make room for 1.0 GB",
            "memory: 0.9 GB free; close programs until 1.5 GB are",
        ),
        strict=True,
    ):
        assert re.search(words, line), line


def test_a_folder_without_lessons_and_one_that_may_not_be_written_are_missing(
    monkeypatch, tmp_path
):
    monkeypatch.setattr(check, "NOTEBOOKS", tmp_path)
    with pytest.raises(check.Missing, match="no lesson in .*fetch the project again"):
        check.CHECKS["lessons"]()

    def refused(**_):
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(check, "TemporaryFile", refused)
    with pytest.raises(check.Missing, match="nothing can be written to .*: Permission denied"):
        check.CHECKS["room"]()


def test_a_broken_library_is_missing_too(monkeypatch, capsys):
    def broken():
        raise OSError("c10.dll or one of its dependencies was not found")

    monkeypatch.setattr(check, "CHECKS", {"packages": broken})
    with pytest.raises(SystemExit, match="1 of 1"):
        checked()
    assert "MISSING  packages: c10.dll" in capsys.readouterr().out
