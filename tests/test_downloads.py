import gzip
import struct
import threading
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer

import pytest
import torch
from PIL import Image
from torchvision.datasets import MNIST, FashionMNIST

from gan_utils.data import downloads, mnist, photographs
from gan_utils.data.digits import digit_images
from gan_utils.data.faces import face_images

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
    assert f"{kind}, from the data folder: 30 to learn from" in said


def _dotted(raw):
    for path in [*raw.iterdir()]:
        path.rename(raw / path.name.replace("-idx", ".idx"))


def _each_in_a_folder(raw):  # as unpacked from an archive of archives
    for path in [*raw.iterdir()]:
        path.rename(raw / "aside")
        path.mkdir()
        (raw / "aside").rename(path / path.name.replace("-idx", ".idx"))


def _beside_raw(raw):
    for path in [*raw.iterdir()]:
        path.rename(raw.parent / path.name)


@pytest.mark.parametrize("place", [_dotted, _each_in_a_folder, _beside_raw])
def test_files_are_found_as_other_sites_give_them(root, place):
    place(write_dataset(root))
    assert len(digit_images("mnist")[0].images) == 30


@pytest.mark.parametrize("folder", ["MNIST", "MNIST/raw"])
def test_the_data_folder_may_be_the_folder_of_the_files(root, monkeypatch, folder):
    write_dataset(root)
    monkeypatch.setenv("GAN_UTILS_DATA", str(root / folder))
    assert len(digit_images("mnist")[0].images) == 30
    with pytest.raises(FileNotFoundError):  # clothes are no digits, wherever they lie
        digit_images("fashion")


@pytest.mark.usefixtures("root")
def test_auto_falls_back_to_the_embedded_digits_and_says_so(capsys):
    train, test = digit_images()
    assert (len(train.images), len(test.images)) == (1347, 450)
    said = capsys.readouterr().out
    assert said == (
        "MNIST is not here and cannot be fetched. Instead:\n"
        "scikit-learn's digits, enlarged: 1,347 to learn from, 450 kept back\n"
    )


@pytest.mark.parametrize("source", ["mnist", "fashion"])
@pytest.mark.usefixtures("root")
def test_an_explicit_source_that_is_absent_is_an_error(source):
    with pytest.raises(FileNotFoundError, match="cannot be fetched.*raw/.*GAN_UTILS_DATA"):
        digit_images(source)


@pytest.mark.parametrize("place", ["MNIST/raw", "MNIST"])
def test_packed_files_are_read_as_they_are(root, place):
    raw = write_dataset(root)
    expected, _ = digit_images("mnist")
    for path in list(raw.iterdir()):
        (root / place / f"{path.name}.gz").write_bytes(gzip.compress(path.read_bytes()))
        path.unlink()
    packed = sorted(p for p in root.rglob("*") if p.is_file())
    train, _ = digit_images("mnist")
    assert torch.equal(train.images, expected.images)
    assert torch.equal(train.labels, expected.labels)
    assert sorted(p for p in root.rglob("*") if p.is_file()) == packed and len(packed) == 4


def test_a_damaged_packed_file_is_named(root):
    raw = write_dataset(root)
    file = raw / "t10k-labels-idx1-ubyte"
    (raw / f"{file.name}.gz").write_bytes(gzip.compress(file.read_bytes())[:-9])
    file.unlink()
    with pytest.raises(ValueError, match="t10k-labels-idx1-ubyte.gz is damaged"):
        digit_images("mnist")


@pytest.mark.parametrize("declared", [10, 2**31 - 1])
def test_a_small_file_that_holds_gigabytes_is_not_unpacked(root, monkeypatch, declared):
    file = write_dataset(root) / "t10k-labels-idx1-ubyte"
    file.unlink()
    head = struct.pack(">2I", 0x801, declared)
    file.with_name(f"{file.name}.gz").write_bytes(gzip.compress(head + bytes(5_000_000)))
    read, sizes = gzip.GzipFile.read, []
    monkeypatch.setattr(gzip.GzipFile, "read", lambda f, n: sizes.append(n) or read(f, n))
    with pytest.raises(ValueError, match="its head and its size do not fit"):
        digit_images("mnist")
    assert sizes[-1] <= 11


@pytest.mark.usefixtures("root")
def test_errors_hide_no_remedy_behind_their_causes():
    with pytest.raises(FileNotFoundError) as caught:
        digit_images("mnist")
    assert caught.value.__suppress_context__


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
    with pytest.raises(ValueError, match="train-images-idx3-ubyte is damaged.*Replace it, or"):
        digit_images(source)
    assert file.read_bytes() == before
    assert sorted(p.name for p in file.parent.iterdir()) == sorted(mnist.IDX_DIMENSIONS)


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
    for name in mnist.IDX_DIMENSIONS:
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


def test_files_that_are_whole_are_never_replaced(online_root, monkeypatch, server):
    serve(monkeypatch, server, MNIST)
    raw = write_dataset(online_root)
    (raw / "train-images-idx3-ubyte").unlink()
    labels = raw / "t10k-labels-idx1-ubyte"
    labels.write_bytes(labels.read_bytes()[:8] + bytes([7] * COUNTS["t10k"]))  # the user's own
    _, test = digit_images("mnist")
    assert (test.labels == 7).all()


@pytest.mark.parametrize("mirror", ["http://127.0.0.1:9/", "http://"])
@pytest.mark.usefixtures("online_root")
def test_auto_without_a_server_says_so_in_a_line(monkeypatch, capsys, mirror):
    monkeypatch.setattr(MNIST, "mirrors", [mirror, mirror])
    digit_images()
    lines = [line for line in capsys.readouterr().out.splitlines() if "MNIST" in line]
    assert lines[-1] == "MNIST is not here and cannot be fetched. Instead:"


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


def write_lfw(root, people=4):
    """A folder as scikit-learn unpacks it: a dark face in a light frame for each person."""
    home = root / "lfw_home"
    for index in range(people):
        folder = home / "lfw_funneled" / f"Person_{index}"
        folder.mkdir(parents=True)
        picture = Image.new("RGB", (250, 250), "white")
        picture.paste((10 * index, 50, 90), (62, 62, 187, 187))
        picture.save(folder / f"Person_{index}_0001.jpg", quality=95)
    for name in ("pairsDevTrain.txt", "pairsDevTest.txt", "pairs.txt"):
        (home / name).touch()


def test_labeled_faces_in_the_wild_are_read_where_scikit_learn_puts_them(root, capsys):
    write_lfw(root, people=12)
    train, kept = face_images("lfw")
    assert (len(train.images), len(kept.images)) == (11, 1) and train.factors is None
    assert (train.images[:, 1].float().mean() - 50).abs() < 2  # the face, without its frame
    assert len(train.images[:, 0, 32, 32].unique()) == 11
    said = " ".join(capsys.readouterr().out.split())
    assert "Labeled Faces in the Wild: 11 to learn from, 1 kept back, of other people" in said
    images, people = photographs.lfw_images(64, 3)
    assert len(images) == 3 and len(set(people)) == 3


def test_damaged_labeled_faces_are_not_replaced_by_drawn_ones(root, monkeypatch):
    write_lfw(root, people=12)
    (root / "lfw_home" / "lfw_funneled" / "Person_3" / "Person_3_0001.jpg").write_bytes(b"cut")
    monkeypatch.setenv("GAN_UTILS_MODE", "full")
    for source in ("lfw", "auto"):
        with pytest.raises(ValueError, match="lfw_funneled/ is damaged.*Delete lfw_home/"):
            face_images(source)


@pytest.mark.usefixtures("root")
def test_faces_that_are_absent_are_an_error_that_says_what_to_do():
    with pytest.raises(FileNotFoundError, match="lfw_home/.*GAN_UTILS_DATA.*drawn"):
        face_images("lfw")
    with pytest.raises(FileNotFoundError, match="GAN_UTILS_OFFLINE.*gdown.*tomorrow.*browser"):
        face_images("celeba")
    with pytest.raises(FileNotFoundError, match="no folder faces"):
        face_images("folder")


@pytest.mark.parametrize(
    "error", [RuntimeError("a quota"), OSError("a quota"), Exception("a quota")]
)
@pytest.mark.usefixtures("online_root")
def test_celeba_explains_a_download_that_fails(monkeypatch, error):
    def fail(*_, **__):
        raise error

    monkeypatch.setattr(photographs, "CelebA", fail)
    with pytest.raises(FileNotFoundError, match="a quota.*Google Drive.*pip install gdown"):
        face_images("celeba")


def test_celeba_is_fetched_by_torchvision_and_read_from_its_folder(
    online_root, monkeypatch, capsys
):
    def fetch(root, download):
        assert download
        folder = root / "celeba" / "img_align_celeba"
        folder.mkdir(parents=True)
        for index in range(10):
            Image.new("RGB", (178, 218), (9 * index, 0, 0)).save(folder / f"{index:06}.jpg")

    monkeypatch.setattr(photographs, "CelebA", fetch)
    train, kept = face_images("celeba")
    assert (train.images[:, 0, 0, 0] - 9 * torch.arange(9)).abs().max() <= 1
    assert len(kept.images) == 1
    said = capsys.readouterr().out
    assert "CelebA is not complete: 10 of 202,599" in said and "perhaps of the same people" in said
    monkeypatch.setattr(photographs, "CelebA", None)  # not asked a second time
    assert len(face_images("celeba", count=10)[0].images) == 9
    assert (online_root / "celeba").is_dir()


def test_people_of_celeba_stay_on_one_side(root, capsys):
    folder = root / "celeba" / "img_align_celeba"
    folder.mkdir(parents=True)
    lines = []
    for index in range(40):  # four photographs of each of ten people, never side by side
        Image.new("RGB", (178, 218), (6 * index, 0, 0)).save(folder / f"{index:06}.jpg")
        lines.append(f"{index:06}.jpg {100 + index % 10}")
    (folder.parent / "identity_CelebA.txt").write_text("\n".join(lines) + "\n")
    train, kept = face_images("celeba")
    assert kept.people.tolist() == [9] * 4 and 9 not in train.people.tolist()
    shades = kept.images[:, 0, 0, 0].float() / 6
    assert shades.round().tolist() == [9, 19, 29, 39]
    assert "36 to learn from, 4 kept back, of other people" in capsys.readouterr().out


def test_any_faces_are_a_folder_then_lfw_in_full_mode_then_drawn(root, monkeypatch, capsys):
    monkeypatch.setenv("GAN_UTILS_MODE", "full")
    assert face_images(count=20)[0].factors is not None
    said = capsys.readouterr().out.splitlines()
    assert said[0] == "Labeled Faces in the Wild is not here and cannot be fetched. Instead:"
    assert said[1] == "faces drawn by code: 18 to learn from, 2 kept back"
    write_lfw(root, people=10)
    assert len(face_images()[0].images) == 9
    monkeypatch.setenv("GAN_UTILS_MODE", "quick")
    assert face_images(count=20)[0].factors is not None
    (root / "faces").mkdir()
    for index in range(10):
        Image.new("RGB", (64, 64)).save(root / "faces" / f"{index}.png")
    assert len(face_images()[0].images) == 9
    assert "pictures of the folder faces: 9 to learn" in capsys.readouterr().out


@pytest.mark.parametrize(
    "text", ["000000.jpg 7\n\n", "<html>not found</html>", "000000.jpg 7\n00001", ""]
)
def test_a_list_of_people_that_is_cut_short_is_not_used(root, capsys, text):
    folder = root / "celeba" / "img_align_celeba" / "img_align_celeba"  # one folder deeper
    folder.mkdir(parents=True)
    for index in range(10):
        Image.new("RGB", (178, 218)).save(folder / f"{index:06}.jpg")
    (root / "celeba" / "identity_CelebA.txt").write_text(text)
    assert face_images("celeba")[0].people is None
    said = " ".join(capsys.readouterr().out.split())
    assert "identity_CelebA.txt does not name" in said and "10 of 202,599" in said


def test_faces_that_may_not_be_read_are_not_called_damaged(root, monkeypatch):
    write_lfw(root)

    def refuse(**_):
        raise PermissionError(13, "Permission denied", "lfw_home")

    monkeypatch.setattr(photographs, "fetch_lfw_people", refuse)
    with pytest.raises(PermissionError, match="this user may not read lfw_home"):
        face_images("lfw")


def test_a_user_without_a_home_learns_from_bundled_data(monkeypatch):
    def nowhere(_):
        raise RuntimeError("Could not determine home directory.")

    monkeypatch.delenv("GAN_UTILS_DATA", raising=False)
    monkeypatch.setenv("GAN_UTILS_OFFLINE", "1")
    monkeypatch.setattr(downloads.platformdirs, "user_cache_path", nowhere)
    assert len(digit_images()[0].images) == 1347
