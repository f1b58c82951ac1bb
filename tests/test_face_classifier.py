"""The reader of drawn faces: right where it speaks, silent where nothing can be read."""

import pytest
import torch

from gan_utils.data.drawn_faces import CHOICES, draw_faces, draw_factors
from gan_utils.data.faces import FaceImages
from gan_utils.data.images import scale_images
from gan_utils.scores import face_classifier
from gan_utils.scores.face_classifier import FaceClassifier, degrade
from gan_utils.scores.metrics import checkerboard_power


@pytest.mark.parametrize("name", CHOICES)
def test_clean_faces_are_read(learned, name):
    reader, kept = learned
    values, expected = reader(scale_images(kept.images))[name], kept.factors[name]
    named = values >= 0
    assert named.float().mean() >= 0.8
    assert (values == expected)[named].float().mean() >= 0.95


@pytest.mark.parametrize("name", ["background", "skin"])
def test_smears_are_read_rightly_or_not_at_all(learned, name):
    reader, kept = learned
    torch.manual_seed(1)
    values = reader(degrade(scale_images(kept.images)))[name]
    named = values >= 0
    assert 0.7 < named.float().mean() < 0.99
    assert (values == kept.factors[name])[named].float().mean() >= 0.9


def test_values_in_the_middle_are_not_taken_for_their_neighbours(learned):
    reader, kept = learned
    read = reader(scale_images(kept.images))
    for name in ("skin", "hair color"):
        for value in range(len(CHOICES[name])):
            answers = read[name][kept.factors[name] == value]
            assert (answers == value).float().mean() > 0.4, (name, value)
            assert ((answers == value) | (answers < 0)).float().mean() > 0.95, (name, value)


def test_in_the_mean_of_all_faces_little_is_named(learned):
    reader, kept = learned
    fog = scale_images(kept.images).mean(0, keepdim=True)
    silent = [name for name, values in reader(fog).items() if values.item() < 0]
    assert {"background", "skin", "hair style", "eye color", "glasses"} <= set(silent)


def test_learning_leaves_the_random_state_alone(monkeypatch):
    class Silent:  # what draws random numbers is the smearing; fitting takes ten seconds
        def __init__(self, **_):
            pass

        def fit(self, pixels, values):
            assert len(pixels) == len(values) == 400
            return self

    monkeypatch.setattr(face_classifier, "LinearDiscriminantAnalysis", Silent)
    torch.manual_seed(5)
    factors = draw_factors(200)
    faces = FaceImages(draw_faces(factors), factors)
    before = torch.get_rng_state()
    FaceClassifier(faces)
    assert torch.equal(before, torch.get_rng_state())


def test_a_smear_has_less_contrast_and_the_same_middle():
    torch.manual_seed(0)
    images = scale_images(draw_faces(draw_factors(100)))
    smeared = degrade(images)
    assert smeared.shape == images.shape and smeared.abs().max() <= 1
    assert smeared.std(0).mean() < 0.8 * images.std(0).mean()
    assert (smeared.mean(0) - images.mean(0)).abs().mean() < 0.05
    assert degrade(images[:1]).shape == (1, 3, 64, 64)  # most blurs for no image at all


def test_a_wave_is_found_where_it_is_and_nowhere_else():
    row = torch.arange(64.0)
    for period in (2, 4, 8):
        wave = (2 * torch.pi * row / period).cos().expand(3, 3, 64, 64)
        for images in (wave, wave.transpose(2, 3)):
            found = [checkerboard_power(images, other) for other in (2, 4, 8)]
            own = found[(2, 4, 8).index(period)]
            # cos has the power 1/2, half of it in each sign of the frequency; for 2 both are one
            assert own == pytest.approx(64 * (0.5 if period == 2 else 0.125), rel=1e-4)
            assert sum(found) - own < 1e-6 * own


def test_noise_has_the_same_power_at_all_periods():
    torch.manual_seed(0)
    noise = 0.3 * torch.randn(50, 3, 64, 64)
    for period in (2, 4, 16):
        assert checkerboard_power(noise, period) == pytest.approx(0.09, rel=0.05)


@pytest.mark.parametrize("period", [0, 1, 3])
def test_waves_must_fit(period):
    with pytest.raises(ValueError, match=f"period is {period} for images of 64 x 64"):
        checkerboard_power(torch.zeros(1, 3, 64, 64), period)
