"""Reads the factors of drawn faces from pictures, also from poor ones."""

import numpy as np
import torch
from sklearn.discriminant_analysis import LinearDiscriminantAnalysis
from torch import Tensor
from torch.nn.functional import avg_pool2d, interpolate

from gan_utils.data.drawn_faces import CHOICES
from gan_utils.data.faces import FaceImages
from gan_utils.data.images import scale_images
from gan_utils.randomness import seeded

SURE = 0.9  # the probability from which on a value is named
SMALL = 4  # pixels along each side that become one
BLURS = (1, 2, 4, 8)  # likewise, in smeared pictures
FADED, ROUGH = 0.1, 0.05  # the least contrast, and the deviation of noise, in smeared pictures


def degrade(images: Tensor) -> Tensor:
    """Blur, fade and roughen images, each as much as chance will have
    it: what a young generator draws.

    Args:
        images: [N, 3, H, W] in [-1, 1].

    Returns:
        As many images of the same size, in [-1, 1].
    """
    blurred = torch.empty_like(images)
    blurs = torch.randint(len(BLURS), (len(images),))
    for number, k in enumerate(BLURS):
        few = avg_pool2d(images[blurs == number], k)
        blurred[blurs == number] = interpolate(few, scale_factor=k, mode="bilinear")
    contrast = FADED + (1 - FADED) * torch.rand(len(images), 1, 1, 1)
    faded = torch.lerp(images.mean(0), blurred, contrast)
    return (faded + ROUGH * torch.randn_like(faded)).clamp(-1, 1)


class FaceClassifier:
    """Names the factors of faces by linear discriminant analysis of
    small pictures, one for each of `CHOICES`.

    It learns from drawn faces and from smeared copies of them.
    Otherwise it would be as sure of a fog as of a face, and take any
    pale skin for the palest. Where no value is likely enough it names
    none.

    Args:
        faces: drawn faces and their factors.

    Source: Fisher 1936; Hastie, Tibshirani and Friedman 2009, section
    4.3, also on why least squares would miss values in the middle.
    Lesson 03, section 18.
    """

    def __init__(self, faces: FaceImages) -> None:
        """Learn; the global random state is left alone."""
        images = scale_images(faces.images)
        with seeded(0):
            both = [_pixels(images), _pixels(degrade(images))]
        pixels, self.models = np.concatenate(both), {}
        how = dict(solver="lsqr", shrinkage="auto")
        for name in CHOICES:
            values = faces.factors[name].repeat(2).numpy()
            model = LinearDiscriminantAnalysis(**how)
            self.models[name] = model.fit(pixels, values)

    def __call__(self, images: Tensor) -> dict[str, Tensor]:
        """Return for each of `CHOICES` the numbers of the values read
        from images [N, 3, 64, 64] in [-1, 1], int64 [N]; -1 where the
        reader is not sure.
        """
        pixels, found = _pixels(images), {}
        for name, model in self.models.items():
            chances = torch.from_numpy(model.predict_proba(pixels))
            best = chances.max(dim=1)
            values = torch.from_numpy(model.classes_)[best.indices]
            found[name] = torch.where(best.values >= SURE, values, -1)
        return found


def _pixels(images: Tensor) -> np.ndarray:
    return avg_pool2d(images, SMALL).flatten(1).numpy()
