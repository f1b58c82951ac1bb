import os
import subprocess
import sys

import pytest

from gan_utils.files import claiming, replacing

HOLD = """
import sys, time
from pathlib import Path
from gan_utils.files import claiming
with claiming(Path(sys.argv[1])):
    print("held", flush=True)
    time.sleep(60)
"""


@pytest.fixture
def other(tmp_path):
    """Another process that holds a claim."""
    command = [sys.executable, "-c", HOLD, str(tmp_path / "run.pt")]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout.readline() == "held\n"
        yield process
        process.kill()


def test_a_file_appears_only_when_it_is_complete(tmp_path):
    path = tmp_path / "file"
    path.write_bytes(b"old")
    with pytest.raises(KeyboardInterrupt), replacing(path) as file:
        file.write(b"half")
        raise KeyboardInterrupt
    assert path.read_bytes() == b"old" and os.listdir(tmp_path) == ["file"]
    with replacing(path) as file, replacing(path) as second:  # two at once: the last one wins
        file.write(b"first")
        second.write(b"second")
    assert path.read_bytes() == b"first" and os.listdir(tmp_path) == ["file"]


def test_a_link_stays_a_link(tmp_path):
    (tmp_path / "target").write_bytes(b"old")
    link = tmp_path / "link"
    link.symlink_to("target")
    with replacing(link) as file:
        file.write(b"new")
    assert link.is_symlink() and (tmp_path / "target").read_bytes() == b"new"


def test_a_claim_of_another_process_is_refused_by_name_until_it_is_gone(tmp_path, other):
    path = tmp_path / "run.pt"
    with pytest.raises(ValueError, match=f"written by process {other.pid}; wait"), claiming(path):
        pytest.fail("claimed twice")
    other.kill()
    other.wait()
    assert (tmp_path / "run.pt.lock").exists()  # a killed process cleans nothing up
    with claiming(path):
        assert (tmp_path / "run.pt.lock").exists()
    assert list(tmp_path.iterdir()) == []


def test_a_lock_that_says_nothing_is_respected(tmp_path):
    (tmp_path / "run.pt.lock").touch()
    with pytest.raises(ValueError, match=r"if there is none, delete run\.pt\.lock"):
        claiming(tmp_path / "run.pt").__enter__()


def test_a_place_that_cannot_be_written_is_named_before_anything_runs(tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(ValueError, match=r"run\.pt cannot be written \(File exists\)"):
        claiming(tmp_path / "file" / "run.pt").__enter__()
    with claiming(None):
        assert os.listdir(tmp_path) == ["file"]
