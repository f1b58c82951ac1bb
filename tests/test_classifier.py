import pytest
import torch

from gan_utils.classifier import CHUNK, DigitClassifier, check_images, predict, train_classifier
from gan_utils.data import digit_images, scale_images


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
    features = classifier.features(images)
    assert features.shape == (5, DigitClassifier.num_features) and features.min() >= 0
    assert torch.equal(classifier.head(features), classifier(images))


def test_predictions_do_not_depend_on_the_chunks():
    torch.manual_seed(0)
    classifier = DigitClassifier()
    images = torch.rand(CHUNK + 3, 1, 28, 28) * 2 - 1
    expected = classifier.eval()(images).argmax(1)
    assert (predict(classifier, images) == expected).float().mean() > 0.999


@pytest.mark.parametrize(
    ("images", "message"),
    [
        (torch.zeros(5, 28, 28), r"shape \[5, 28, 28\]"),
        (torch.zeros(5, 3, 28, 28), r"shape \[5, 3, 28, 28\]"),
        (torch.zeros(1, 1, 28, 28), "at least 2"),
        (torch.zeros(5, 1, 28, 28, dtype=torch.uint8), "torch.uint8"),
        (torch.full((5, 1, 28, 28), 255.0), r"from 255 to 255.*\[-1, 1\]"),
        (torch.full((5, 1, 28, 28), float("nan")), "from nan"),
    ],
)
def test_images_of_the_wrong_size_or_range_are_refused(images, message):
    with pytest.raises(ValueError, match=message):
        check_images(images)


@pytest.mark.parametrize("changes", [{"steps": 0}, {"steps": 5, "batch_size": -1}])
def test_counts_below_one_are_refused(digits, changes):
    with pytest.raises(ValueError, match="must be at least 1"):
        train_classifier(DigitClassifier(), digits[0], **changes)
