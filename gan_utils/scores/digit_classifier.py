"""A small classifier of digits: generated ones are scored by its features and verdicts."""

import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy
from torch.optim import Adam
from torch.optim.lr_scheduler import LinearLR

from gan_utils.data.digits import DIGIT_SHAPE, LabelledImages
from gan_utils.data.images import scale_images
from gan_utils.scores.features import in_chunks


class DigitClassifier(nn.Module):
    """Convolutional network: images [N, 1, 28, 28] in [-1, 1] to logits
    [N, 10].

    Its last hidden layer gives the features [N, 84]: where two images
    differ there, they differ in what matters for telling digits apart.

    Source: LeCun et al. 1998 (LeNet-5), with ReLU and max-pooling.
    Lesson 02, section 4.
    """

    classes, image_shape, num_features = 10, DIGIT_SHAPE, 84

    def __init__(self) -> None:
        """Build the layers, initialised as PyTorch does."""
        super().__init__()
        self.features = nn.Sequential(
            nn.Conv2d(1, 6, 5, padding=2), nn.ReLU(),
            nn.MaxPool2d(2),  # [N, 6, 14, 14]
            nn.Conv2d(6, 16, 5), nn.ReLU(),
            nn.MaxPool2d(2),  # [N, 16, 5, 5]
            nn.Flatten(), nn.Linear(400, 120), nn.ReLU(),
            nn.Linear(120, self.num_features), nn.ReLU(),
        )  # fmt: skip
        self.head = nn.Linear(self.num_features, self.classes)

    def forward(self, images: Tensor) -> Tensor:
        """Map images to one logit a class."""
        return self.head(self.features(images))


def train_classifier(
    classifier: DigitClassifier, data: LabelledImages, *, steps: int, batch_size: int = 128
) -> None:
    """Train `classifier` in place with Adam at a rate that falls from 2e-3 towards zero.

    It is in evaluation mode afterwards.

    Args:
        classifier: on the device where it shall be trained.
        data: images and their labels.
        steps: batches to learn from, each drawn at random.
        batch_size: images in a batch.

    Raises:
        ValueError: `steps` or `batch_size` is below 1.
    """
    for name, value in (("steps", steps), ("batch_size", batch_size)):
        if value < 1:
            raise ValueError(f"{name} is {value}; it must be at least 1")
    device = next(classifier.parameters()).device
    images, labels = data.images.to(device), data.labels.to(device)
    optimizer = Adam(classifier.parameters(), 2e-3, fused=True)
    schedule = LinearLR(optimizer, 1.0, 0.01, steps)
    classifier.train()
    for _ in range(steps):
        chosen = torch.randint(len(images), (batch_size,)).to(device)
        loss = cross_entropy(classifier(scale_images(images[chosen])), labels[chosen])
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        schedule.step()
    classifier.eval()


def predict(classifier: DigitClassifier, images: Tensor) -> Tensor:
    """Return the most probable class [N] of images [N, 1, 28, 28] in [-1, 1], on the CPU.

    Raises:
        ValueError: the images have another shape or range.
    """
    return in_chunks(classifier, images, classifier.image_shape).argmax(1)
