import math

import pytest
import torch
from PIL import Image
from torch.utils.data import DataLoader, TensorDataset

from gan_utils.data.batches import Batches, BatchStream
from gan_utils.data.digits import LabelledImages, digit_images
from gan_utils.data.drawn_faces import draw_factors
from gan_utils.data.faces import FaceImages, face_images
from gan_utils.data.images import scale_images
from gan_utils.data.sine import sine_points

CPU = torch.device("cpu")


def test_sine_points_lie_on_one_period():
    torch.manual_seed(0)
    points = sine_points(10_000)
    assert points.shape == (10_000, 2)
    assert points[:, 0].min() >= 0 and points[:, 0].max() <= 2 * math.pi
    assert torch.allclose(points[:, 1], points[:, 0].sin())
    assert abs(points[:, 0].mean() - math.pi) < 0.1


def test_sine_points_need_a_count():
    with pytest.raises(ValueError, match="count is 0"):
        sine_points(0)


def test_batches_show_each_sample_once_an_epoch_in_a_new_order():
    batches = Batches(torch.arange(12), 4)
    torch.manual_seed(0)
    epochs = [torch.cat(list(batches)) for _ in range(2)]
    assert len(batches) == 3
    assert all(torch.equal(epoch.sort().values, torch.arange(12)) for epoch in epochs)
    assert not torch.equal(*epochs)
    torch.manual_seed(0)
    assert torch.equal(torch.cat(list(batches)), epochs[0])


def test_samples_that_fill_no_batch_wait_for_the_next_epoch():
    batches = Batches(torch.arange(10), 4)
    assert [len(batch) for batch in batches] == [4, 4]
    torch.manual_seed(0)
    seen = {int(i) for _ in range(20) for batch in batches for i in batch}
    assert seen == set(range(10))


@pytest.mark.parametrize("batch_size", [0, -3, 11])
def test_batch_size_outside_the_data_is_refused(batch_size):
    with pytest.raises(ValueError, match=f"batch_size is {batch_size}.*between 1 and 10"):
        Batches(torch.arange(10), batch_size)


@pytest.mark.parametrize(
    "batches",
    [
        Batches(torch.arange(12.0), 4),
        DataLoader(TensorDataset(torch.arange(12.0), torch.zeros(12)), 4, shuffle=True),
    ],
    ids=["Batches", "DataLoader with labels"],
)
def test_stream_goes_on_exactly_from_a_saved_place(batches):
    torch.manual_seed(0)
    stream = BatchStream(batches, CPU)
    for _ in range(4):  # one batch into the second epoch
        next(stream)
    place = stream.state_dict()
    expected = [next(stream) for _ in range(2)]

    torch.manual_seed(99)
    resumed = BatchStream(batches, CPU)
    resumed.load_state_dict(place)
    assert all(torch.equal(next(resumed), batch) for batch in expected)


def test_a_used_up_generator_is_named():
    stream = BatchStream((torch.zeros(2) for _ in range(3)), CPU)
    for _ in range(3):
        next(stream)
    with pytest.raises(ValueError, match="each time it is iterated"):
        next(stream)


def test_samples_that_are_not_floats_are_named():
    with pytest.raises(ValueError, match="torch.uint8.*floating point"):
        next(BatchStream([torch.zeros(2, dtype=torch.uint8)], CPU))


def test_embedded_digits_are_images_with_their_labels(capsys):
    train, test = digit_images("digits")
    assert "1,347 to learn from, 450 kept back" in capsys.readouterr().out
    for part, count in ((train, 1347), (test, 450)):
        assert part.images.shape == (count, 1, 28, 28) and part.images.dtype == torch.uint8
        assert part.labels.shape == (count,) and set(part.labels.tolist()) == set(range(10))
        assert part.images.float().std() > 50 and part.images.max() == 255
    one = train.images[train.labels == 1].float().mean(0)[0]
    assert one[:, 10:18].mean() > 2 * one[:, :8].mean()  # a one is a stroke in the middle


def test_unknown_source_names_what_is_allowed():
    with pytest.raises(ValueError, match="'emnist'; choose one of auto, mnist, fashion, digits"):
        digit_images("emnist")


IMAGES, LABELS = torch.zeros(6, 1, 28, 28, dtype=torch.uint8), torch.arange(6)


@pytest.mark.parametrize(
    ("images", "labels", "message"),
    [
        (IMAGES.float(), LABELS, "torch.float32.*must be torch.uint8"),
        (IMAGES[..., 1:], LABELS, r"\[6, 1, 28, 27\]"),
        (IMAGES[:, 0], LABELS, r"\[6, 28, 28\]"),
        (IMAGES, LABELS[1:], r"labels have shape \[5\]; 6 images"),
        (IMAGES, LABELS[:, None], r"labels have shape \[6, 1\]"),
        (IMAGES, LABELS + 5, "from 5 to 10"),
        (IMAGES, LABELS - 1, "from -1 to 4"),
        (IMAGES, LABELS.float(), "torch.float32.*torch.int64 from 0 to 9"),
        (IMAGES, LABELS.int(), "torch.int32.*torch.int64 from 0 to 9"),
        (IMAGES[:0], LABELS[:0], "N at least 1"),
    ],
)
def test_images_and_labels_that_do_not_fit_are_refused(images, labels, message):
    with pytest.raises(ValueError, match=message):
        LabelledImages(images, labels)


def test_scaled_images_span_the_range_of_tanh():
    scaled = scale_images(torch.tensor([0, 51, 255], dtype=torch.uint8))
    assert torch.allclose(scaled, torch.tensor([-1.0, -0.6, 1.0]))
    with pytest.raises(ValueError, match="torch.float32.*torch.uint8"):
        scale_images(torch.zeros(3))


def test_batches_of_stored_images_are_scaled():
    images = torch.arange(12, dtype=torch.uint8).reshape(12, 1, 1, 1) * 20
    torch.manual_seed(0)
    batches = list(Batches(images, 4))
    torch.manual_seed(0)
    expected = scale_images(images)[torch.randperm(12)].split(4)
    assert all(torch.equal(b, e) for b, e in zip(batches, expected, strict=True))


def test_drawn_faces_come_with_their_factors():
    torch.manual_seed(0)
    train, kept = face_images("drawn", count=40)
    assert train.images.shape == (36, 3, 64, 64) and kept.images.shape == (4, 3, 64, 64)
    for part in (train, kept):
        assert {len(values) for values in part.factors.values()} == {len(part.images)}
    torch.manual_seed(0)
    factors = draw_factors(40)
    assert kept.factors["skin"].tolist() == factors["skin"][9::10].tolist()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (dict(source="ffhq"), "'ffhq'; choose one of auto, folder, lfw, celeba, drawn"),
        (dict(source="drawn", count=9), "count is 9"),
        (dict(source="lfw", folder="here"), "ask for source='folder'"),
    ],
)
def test_face_arguments_that_make_no_sense(arguments, message):
    with pytest.raises(ValueError, match=message):
        face_images(**arguments)


@pytest.mark.parametrize(
    ("name", "known"),
    [
        ("Ann-{who}_Lee/{which}.png", True),
        ("Ann_{who}x_{which:04}.png", True),
        ("Bob {who}x ({which}).png", True),
        ("IMG_{who}{which:03}.png", False),
        ("{who}{which:03}.png", False),
        ("train/{who}{which:03}.png", False),
    ],
)
def test_people_in_a_folder_stay_on_one_side_where_names_tell_them_apart(
    tmp_path, capsys, name, known
):
    for who in range(20):
        for which in range(3):
            path = tmp_path / name.format(who=who, which=which)
            path.parent.mkdir(exist_ok=True)
            Image.new("RGB", (64, 64), (12 * who, 0, 0)).save(path)
    train, kept = face_images("folder", folder=tmp_path)
    people = [set(part.images[:, 0, 0, 0].tolist()) for part in (train, kept)]
    assert len(kept.images) == 6 and (train.people is not None) == known
    assert people[0].isdisjoint(people[1]) == known
    note = "of other names" if known else "perhaps of the same people"
    assert f"54 to learn from, 6 kept back, {note}" in " ".join(capsys.readouterr().out.split())


@pytest.mark.parametrize("name", ["{kind}/{which}.png", "{kind}_{which}.png"])
def test_ten_kinds_of_pictures_are_no_people(tmp_path, name):
    for kind in ["ant", "bee", "cat", "dog", "eel", "fox", "gnu", "hen", "ibex", "jay"]:
        for which in range(10):
            path = tmp_path / name.format(kind=kind, which=which)
            path.parent.mkdir(exist_ok=True)
            Image.new("RGB", (64, 64)).save(path)
    train, kept = face_images("folder", folder=tmp_path)
    assert train.people is None and len(kept.images) == 10


def test_a_name_for_each_picture_tells_nothing(tmp_path, capsys):
    for letter in "abcdefghijklmnopqrst":
        Image.new("RGB", (64, 64)).save(tmp_path / f"{letter}.png")
    assert face_images("folder", folder=tmp_path)[0].people is None
    assert "perhaps of the same people" in " ".join(capsys.readouterr().out.split())


def test_one_person_with_most_of_the_pictures_is_not_kept_back(tmp_path):
    for who in range(20):
        for which in range(20 if who == 9 else 1):
            Image.new("RGB", (64, 64)).save(tmp_path / f"person{who}x_{which}.png")
    train, kept = face_images("folder", folder=tmp_path)
    assert train.people is None and len(kept.images) == 3


def test_face_images_are_checked():
    images = torch.zeros(3, 3, 64, 64, dtype=torch.uint8)
    with pytest.raises(ValueError, match="torch.float32.*torch.uint8"):
        FaceImages(images.float())
    with pytest.raises(ValueError, match=r"\[3, 3, 64, 32\]"):
        FaceImages(images[..., :32])
    with pytest.raises(ValueError, match="skin has 2 values for 3 images"):
        FaceImages(images, {"skin": torch.zeros(2)})
