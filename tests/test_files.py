import os
import shutil
import subprocess
import sys

import pytest

from gan_utils.files import atomic_write, file_lock

HOLD = """
import sys, time
from pathlib import Path
from gan_utils.files import file_lock
with file_lock(Path(sys.argv[1])):
    print("held", flush=True)
    time.sleep(60)
"""


def holder(path, *namespace):
    command = [*namespace, sys.executable, "-c", HOLD, str(path)]
    return subprocess.Popen(command, stdout=subprocess.PIPE, text=True)


@pytest.fixture
def other(tmp_path):
    """Another process that has locked the checkpoint `run.pt`."""
    (tmp_path / "run.pt").touch()
    with holder(tmp_path / "run.pt") as process:
        assert process.stdout.readline() == "held\n"
        yield process
        process.kill()


def test_a_file_appears_only_when_it_is_complete(tmp_path):
    path = tmp_path / "file"
    path.write_bytes(b"old")
    with pytest.raises(KeyboardInterrupt), atomic_write(path) as file:
        file.write(b"half")
        raise KeyboardInterrupt
    assert path.read_bytes() == b"old" and os.listdir(tmp_path) == ["file"]
    with atomic_write(path) as file, atomic_write(path) as second:  # two at once: the last one wins
        file.write(b"first")
        second.write(b"second")
    assert path.read_bytes() == b"first" and os.listdir(tmp_path) == ["file"]


def test_a_link_stays_a_link(tmp_path):
    (tmp_path / "target").write_bytes(b"old")
    link = tmp_path / "link"
    link.symlink_to("target")
    with atomic_write(link) as file:
        file.write(b"new")
    assert link.is_symlink() and (tmp_path / "target").read_bytes() == b"new"


def refused(path, words="is being written by another process; wait"):
    with pytest.raises(ValueError, match=words), file_lock(path):
        pytest.fail("locked twice")


def test_a_second_writer_is_refused_until_the_first_is_gone(tmp_path, other):
    path = tmp_path / "run.pt"
    refused(path)
    other.kill()  # which cleans nothing up
    other.wait()
    for _ in range(2):
        with file_lock(path):
            refused(path)  # in the same process, too


@pytest.mark.usefixtures("other")
@pytest.mark.parametrize("link", [os.symlink, os.link], ids=["symbolic", "hard"])
def test_a_second_writer_is_refused_by_another_name_of_the_file(tmp_path, link):
    link(tmp_path / "run.pt", tmp_path / "other.pt")
    refused(tmp_path / "other.pt")
    (tmp_path / "folder").mkdir()
    link(tmp_path / "run.pt", tmp_path / "folder" / "run.pt")
    words = "written by another" if link is os.symlink else "in another folder .a hard link."
    refused(tmp_path / "folder" / "run.pt", words)
    shutil.copy(tmp_path / "run.pt", tmp_path / "copy.pt")
    with file_lock(tmp_path / "copy.pt"):  # another file
        pass


def test_a_file_of_several_names_is_locked_under_all_of_them(tmp_path):
    (tmp_path / "a.pt").touch()
    os.link(tmp_path / "a.pt", tmp_path / "b.pt")
    (tmp_path / "latest.pt").symlink_to("a.pt")  # no name of its own
    (tmp_path / "dangling.pt").symlink_to("nowhere")
    with file_lock(tmp_path / "a.pt"):
        with atomic_write(tmp_path / "a.pt"):  # from now on two files
            pass
        refused(tmp_path / "b.pt")


def test_a_second_writer_is_refused_from_another_pid_namespace(tmp_path):
    apart = ["unshare", "--fork", "--pid", "--mount-proc"]
    if shutil.which("unshare") is None or subprocess.run([*apart, "true"]).returncode:
        pytest.skip("this computer gives no namespaces")
    with holder(tmp_path / "run.pt", *apart) as process:
        assert process.stdout.readline() == "held\n"
        refused(tmp_path / "run.pt")
        process.kill()


def test_what_a_killed_writer_left_is_removed(tmp_path):
    (tmp_path / "run.pt.1a2b3c4d.part").touch()
    others = ["other.pt.1a2b3c4d.part", "run.pt.b.1a2b3c4d.part", "run.pt.zip.part"]
    for name in others:
        (tmp_path / name).touch()
    with file_lock(tmp_path / "run.pt"):
        assert sorted(os.listdir(tmp_path)) == sorted([*others, "run.pt.writer.lock"])


def test_a_lock_that_somebody_left_locks_nothing(tmp_path):
    (tmp_path / "run.pt.writer.lock").touch()  # as a full disk leaves it
    os.utime(tmp_path / "run.pt.writer.lock", (2**33, 2**33))  # by another clock
    with file_lock(tmp_path / "run.pt"):
        pass
    assert os.listdir(tmp_path) == []


def test_a_place_that_cannot_be_written_is_named_before_anything_runs(tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(ValueError, match=r"run\.pt cannot be written \(File exists\)"):
        file_lock(tmp_path / "file" / "run.pt").__enter__()
    with file_lock(None):
        assert os.listdir(tmp_path) == ["file"]
