import gzip
import struct
import threading
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer

import pytest
import torch
from torchvision.datasets import MNIST, FashionMNIST

from gan_utils import downloads
from gan_utils.data import digit_images

COUNTS = {"train": 30, "t10k": 20}


def idx_bytes(array):
    head = struct.pack(f">{1 + array.ndim}I", 0x800 + array.ndim, *array.shape)
    return head + array.numpy().tobytes()


def write_dataset(root, kind="MNIST", size=28, labels_missing=0):
    """Four small files in MNIST's format."""
    raw = root / kind / "raw"
    raw.mkdir(parents=True)
    torch.manual_seed(0)
    for part, count in COUNTS.items():
        images = torch.randint(256, (count, size, size), dtype=torch.uint8)
        labels = torch.arange(count - labels_missing, dtype=torch.uint8) % 10
        (raw / f"{part}-images-idx3-ubyte").write_bytes(idx_bytes(images))
        (raw / f"{part}-labels-idx1-ubyte").write_bytes(idx_bytes(labels))
    return raw


@pytest.fixture
def root(tmp_path, monkeypatch):
    monkeypatch.setenv("GAN_UTILS_DATA", str(tmp_path))
    monkeypatch.setenv("GAN_UTILS_OFFLINE", "1")
    return tmp_path


@pytest.mark.parametrize(
    ("source", "kind"), [("mnist", "MNIST"), ("fashion", "FashionMNIST"), ("auto", "MNIST")]
)
def test_files_in_the_data_folder_are_loaded(root, capsys, source, kind):
    raw = write_dataset(root, kind)
    train, test = digit_images(source)
    assert (len(train.images), len(test.images)) == (30, 20)
    stored = (raw / "train-images-idx3-ubyte").read_bytes()[16:]
    assert train.images.numpy().tobytes() == stored
    assert train.labels.tolist() == [i % 10 for i in range(30)]
    assert train.classes[:2] == (("T-shirt/top", "Trouser") if source == "fashion" else ("0", "1"))
    said = capsys.readouterr().out
    assert said.count("\n") == 1 and str(root) not in said
    assert f"{kind}, from the data folder: 30 images" in said


def test_auto_falls_back_to_the_embedded_digits_and_says_so(root, capsys):
    train, test = digit_images()
    assert (len(train.images), len(test.images)) == (1347, 450)
    said = capsys.readouterr().out
    assert "MNIST cannot be had (GAN_UTILS_OFFLINE forbids it)" in said
    assert "scikit-learn's digits" in said and str(root) not in said


@pytest.mark.parametrize("source", ["mnist", "fashion"])
@pytest.mark.usefixtures("root")
def test_an_explicit_source_that_is_absent_is_an_error(source):
    with pytest.raises(FileNotFoundError, match="cannot be fetched.*raw/.*GAN_UTILS_DATA"):
        digit_images(source)


def test_one_missing_file_is_not_enough(root):
    (write_dataset(root) / "t10k-labels-idx1-ubyte").unlink()
    with pytest.raises(FileNotFoundError):
        digit_images("mnist")


@pytest.mark.parametrize("source", ["mnist", "auto"])
@pytest.mark.parametrize("kept", [0, 3, 10, 1000, -1])
def test_a_truncated_file_is_named_and_kept(root, source, kept):
    file = write_dataset(root) / "train-images-idx3-ubyte"
    file.write_bytes(file.read_bytes()[:kept])
    before = file.read_bytes()
    with pytest.raises(ValueError, match="train-images-idx3-ubyte is damaged.*Replace or delete"):
        digit_images(source)
    assert file.read_bytes() == before
    assert sorted(p.name for p in file.parent.iterdir()) == sorted(downloads.IDX_DIMENSIONS)


def test_a_file_of_another_kind_is_damaged(root):
    file = write_dataset(root) / "t10k-labels-idx1-ubyte"
    file.write_bytes(b"<html>not found</html>")
    with pytest.raises(ValueError, match="t10k-labels-idx1-ubyte is damaged"):
        digit_images("mnist")


def test_images_of_another_size_and_labels_that_do_not_match_are_refused(root):
    write_dataset(root, size=32)
    write_dataset(root, "FashionMNIST", labels_missing=1)
    with pytest.raises(ValueError, match=r"\[30, 1, 32, 32\].*\[N, 1, 28, 28\]"):
        digit_images("mnist")
    with pytest.raises(ValueError, match="labels have shape.*30 images"):
        digit_images("fashion")


class QuietHandler(SimpleHTTPRequestHandler):
    def log_message(self, *_):
        pass


@pytest.fixture
def server(tmp_path, monkeypatch):
    """A web server on this computer: a network made on the spot."""
    folder = tmp_path / "server"
    folder.mkdir()
    handler = partial(QuietHandler, directory=folder)
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as http:
        threading.Thread(target=http.serve_forever, daemon=True).start()
        monkeypatch.setenv("no_proxy", "127.0.0.1")
        yield folder, f"http://127.0.0.1:{http.server_port}/"
        http.shutdown()


def serve(monkeypatch, server, kind):
    """Put packed files on the server and let torchvision look for them there."""
    away, address = server
    raw = write_dataset(away, kind.__name__)
    archives = []
    for name in downloads.IDX_DIMENSIONS:
        packed = gzip.compress((raw / name).read_bytes())
        (away / f"{name}.gz").write_bytes(packed)
        archives.append((f"{name}.gz", None))
    monkeypatch.setattr(kind, "mirrors", [address])
    monkeypatch.setattr(kind, "resources", archives)
    return raw


@pytest.fixture
def online_root(tmp_path, monkeypatch):
    folder = tmp_path / "data"
    folder.mkdir()
    monkeypatch.setenv("GAN_UTILS_DATA", str(folder))
    monkeypatch.setenv("GAN_UTILS_OFFLINE", "0")
    return folder


@pytest.mark.parametrize("kind", [MNIST, FashionMNIST])
@pytest.mark.usefixtures("online_root")
def test_missing_files_are_downloaded(monkeypatch, server, capsys, kind):
    serve(monkeypatch, server, kind)
    train, _ = digit_images("mnist" if kind is MNIST else "fashion")
    assert len(train.images) == 30
    assert f"{kind.__name__}, downloaded: 30" in capsys.readouterr().out


def test_a_damaged_file_is_fetched_again(online_root, monkeypatch, server, capsys):
    good = serve(monkeypatch, server, MNIST)
    file = write_dataset(online_root) / "train-images-idx3-ubyte"
    file.write_bytes(file.read_bytes()[:500])
    train, _ = digit_images("mnist")
    assert len(train.images) == 30
    assert file.read_bytes() == (good / file.name).read_bytes()
    assert not list(file.parent.glob("*.damaged"))
    assert "train-images-idx3-ubyte is damaged: fetching it again" in capsys.readouterr().out


def test_a_damaged_file_stays_when_the_server_is_gone(online_root, monkeypatch):
    monkeypatch.setattr(MNIST, "mirrors", ["http://127.0.0.1:9/"])
    file = write_dataset(online_root) / "train-images-idx3-ubyte"
    file.write_bytes(b"part")
    with pytest.raises(ValueError, match="cannot be fetched again.*Replace or delete"):
        digit_images("mnist")
    assert file.read_bytes() == b"part" and not list(file.parent.glob("*.damaged"))


def test_the_data_folder(tmp_path, monkeypatch):
    monkeypatch.delenv("GAN_UTILS_DATA", raising=False)
    assert downloads.data_folder().name == "gan_utils"
    monkeypatch.setenv("GAN_UTILS_DATA", str(tmp_path / "absent"))
    with pytest.raises(NotADirectoryError, match="absent.*make it"):
        downloads.data_folder()
    (tmp_path / "project" / "shelf").mkdir(parents=True)
    (tmp_path / "work").mkdir()
    monkeypatch.setattr(downloads, "PROJECT", tmp_path / "project")
    monkeypatch.chdir(tmp_path / "work")
    monkeypatch.setenv("GAN_UTILS_DATA", "shelf")
    assert downloads.data_folder().samefile(tmp_path / "project" / "shelf")
    (tmp_path / "work" / "shelf").mkdir()
    assert downloads.data_folder().samefile(tmp_path / "work" / "shelf")


@pytest.mark.parametrize(("value", "allowed"), [("", True), ("0", True), ("1", False)])
def test_offline_switch(monkeypatch, value, allowed):
    monkeypatch.setenv("GAN_UTILS_OFFLINE", value)
    assert downloads.network_allowed() is allowed
