import pytest
import torch

from gan_utils.data.digits import digit_images
from gan_utils.data.images import scale_images
from gan_utils.scores import features
from gan_utils.scores.digit_classifier import DigitClassifier, predict, train_classifier
from gan_utils.scores.features import features_of


@pytest.fixture(scope="module")
def digits():
    return digit_images("digits")


def test_it_learns_the_digits(digits):
    train, test = digits
    torch.manual_seed(0)
    classifier = DigitClassifier()
    train_classifier(classifier, train, steps=150, batch_size=64)
    assert not classifier.training
    guesses = predict(classifier, scale_images(test.images))
    assert (guesses == test.labels).float().mean() > 0.85


def test_features_are_the_last_hidden_layer():
    classifier = DigitClassifier().eval()
    images = torch.rand(5, 1, 28, 28) * 2 - 1
    found = features_of(classifier, images)
    assert found.shape == (5, DigitClassifier.num_features) and found.min() >= 0
    assert torch.equal(classifier.head(found), classifier(images))


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64, torch.bfloat16])
def test_features_do_not_depend_on_the_chunks(monkeypatch, dtype):
    monkeypatch.setattr(features, "CHUNK", 3)
    torch.manual_seed(0)
    classifier = DigitClassifier()
    images = (torch.rand(10, 1, 28, 28) * 2 - 1).to(dtype)
    expected = classifier.features(images.float())
    assert torch.allclose(features_of(classifier, images), expected, atol=1e-6)
    assert predict(classifier, images[:1]).shape == (1,)


@pytest.mark.parametrize(
    ("images", "message"),
    [
        (torch.zeros(5, 28, 28), r"shape \[5, 28, 28\]"),
        (torch.zeros(5, 3, 28, 28), r"shape \[5, 3, 28, 28\]"),
        (torch.zeros(0, 1, 28, 28), "at least 1"),
        (torch.zeros(5, 1, 28, 28, dtype=torch.uint8), "torch.uint8"),
        (torch.full((5, 1, 28, 28), 255.0), r"from 255 to 255.*\[-1, 1\]"),
        (torch.full((5, 1, 28, 28), float("nan")), "from nan"),
    ],
)
def test_images_of_the_wrong_size_or_range_are_refused(images, message):
    with pytest.raises(ValueError, match=message):
        predict(DigitClassifier(), images)


@pytest.mark.parametrize("changes", [{"steps": 0}, {"steps": 5, "batch_size": -1}])
def test_counts_below_one_are_refused(digits, changes):
    with pytest.raises(ValueError, match="must be at least 1"):
        train_classifier(DigitClassifier(), digits[0], **changes)
