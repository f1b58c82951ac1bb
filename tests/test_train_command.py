"""The command that trains a recipe, in one process here; `test_processes.py` has several."""

import os
import signal
import subprocess
import sys

import pytest
import torch
from PIL import Image

from gan_utils.__main__ import read
from gan_utils.commands import trainer
from gan_utils.gan.distributed import World


def run(*line):
    arguments = read(["train", *map(str, line), "--device", "cpu"])
    arguments.run(arguments)


def test_it_trains_goes_on_and_says_what_it_kept(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    run("sine-published", "--steps", 30, "--save-every", 20)
    said = capsys.readouterr().out
    assert "30 steps in" in said and "1 process, cpu" in said
    runs = tmp_path / "runs"
    assert {file.name for file in runs.iterdir()} == {
        "sine-published.pt",
        "sine-published-000020.png",
        "sine-published-000030.png",
    }
    run("sine-published", "--steps", 30)
    assert "going on from step 30 of 30" in capsys.readouterr().out


def test_images_become_a_grid(tmp_path):
    path = tmp_path / "a.pt"
    run("digits-note45", "--steps", 1, "--source", "digits", "--checkpoint", path)
    with Image.open(tmp_path / "a-000001.png") as picture:
        assert picture.size == (8 * 30 + 2, 8 * 30 + 2)
    saved = torch.load(path, weights_only=True)
    assert saved["settings"]["batch_size"] == 128 and saved["settings"]["seed"] == 0


@pytest.mark.parametrize(
    ("line", "message"),
    [
        (("nosuch", "--steps", 1), "no recipe is called 'nosuch'; choose one of sine, "),
        (("sine", "--steps", 0), "steps is 0; it must be at least 1"),
        (("sine", "--steps", 1, "--seed", -1), "--seed is -1; it must be at least 0"),
        (("sine", "--steps", 1, "--seed", 2**63), "at least 0 and below 2^63"),
        (("sine", "--steps", 1, "--batch-size", 0), "batch_size is 0; with 1024"),
        (("sine", "--steps", 1, "--save-every", 0), "save_every is 0"),
        (("digits", "--steps", 1, "--source", "nosuch"), "source is 'nosuch'"),
        (("digits", "--steps", 1, "--data", "nosuch"), "--data is 'nosuch', which is no folder"),
        (("sine", "--steps", 1, "--checkpoint", "."), "checkpoint is ., a folder"),
    ],
)
def test_what_is_wrong_is_said_in_a_sentence(line, message, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(SystemExit) as ended:
        run(*line)
    assert message in str(ended.value)


def test_a_data_folder_is_that_of_the_loaders(tmp_path, monkeypatch):
    monkeypatch.setenv("GAN_UTILS_DATA", "unset")
    monkeypatch.setenv("GAN_UTILS_OFFLINE", "1")
    with pytest.raises(SystemExit, match="there is no folder faces"):
        run("faces", "--steps", 1, "--data", tmp_path, "--source", "folder")


def test_processes_with_other_data_are_found_out(tmp_path, monkeypatch):
    monkeypatch.setattr(World, "gather", lambda _, value, *__: [value, (value[0] + 1, value[1])])
    with pytest.raises(SystemExit, match=r"other data, of 1,024, 1,025 samples; give --source"):
        run("sine", "--steps", 1, "--checkpoint", tmp_path / "a.pt")


def test_a_full_disk_ends_no_training(tmp_path, monkeypatch, capsys):
    def full(*_, **__):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(trainer, "write_samples", full)
    run("digits-note45", "--steps", 1, "--source", "digits", "--checkpoint", tmp_path / "a.pt")
    assert "a-000001.png could not be written: No space left" in capsys.readouterr().out
    assert (tmp_path / "a.pt").exists()


def test_a_process_that_torchrun_ends_says_how_to_go_on(tmp_path, monkeypatch):
    def ended(*_, **__):
        os.kill(os.getpid(), signal.SIGTERM)

    monkeypatch.setattr(trainer, "is_torchelastic_launched", lambda: True)
    monkeypatch.setattr(trainer, "write_samples", ended)
    before = signal.getsignal(signal.SIGTERM)
    try:
        with pytest.raises(SystemExit, match="process 0 was told to end"):
            path = tmp_path / "a.pt"
            run("digits-note45", "--steps", 1, "--source", "digits", "--checkpoint", path)
    finally:
        signal.signal(signal.SIGTERM, before)


def test_of_several_processes_only_one_says_what_all_know(tmp_path, monkeypatch):
    monkeypatch.setattr(trainer, "RANK", 1)
    monkeypatch.setattr(World, "gather", lambda _, value, *__: [value, (0, 0.0)])
    with pytest.raises(SystemExit) as ended:
        run("sine", "--steps", 1, "--checkpoint", tmp_path / "a.pt")
    assert ended.value.code == 1


def test_a_rank_that_torchrun_has_not_set_means_nothing(tmp_path):
    line = [sys.executable, "-m", "gan_utils", "train", "sine", "--steps", "1", "--device", "cpu"]
    line += ["--checkpoint", str(tmp_path / "a.pt")]
    environment = os.environ | {"RANK": "abc"}
    subprocess.run(line, check=True, env=environment, capture_output=True)
    assert (tmp_path / "a.pt").exists()
