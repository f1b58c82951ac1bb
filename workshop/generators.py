"""Train the generators that lie beside the lessons, score them and store them."""

import argparse
from collections.abc import Mapping
from functools import partial
from pathlib import Path

import torch
from safetensors.torch import save
from torch import Tensor, nn

from gan_utils.data.batches import Batches
from gan_utils.data.digits import digit_images
from gan_utils.data.faces import face_images
from gan_utils.data.images import scale_images
from gan_utils.data.sine import sine_points
from gan_utils.files import atomic_write
from gan_utils.gan import recipes
from gan_utils.gan.latent import draw_latent
from gan_utils.gan.models import DCGANDiscriminator, evaluate
from gan_utils.gan.pretrained import GENERATORS, PRETRAINED, hash_of
from gan_utils.gan.recipes import vary
from gan_utils.gan.training import train_gan
from gan_utils.scores.digit_classifier import DigitClassifier, train_classifier
from gan_utils.scores.features import RandomFeatures
from gan_utils.scores.metrics import FrechetDistance, curve_score
from gan_utils.settings import require_choice

EXAMPLE = "generators digits"
SEED, SCORED = 1, 2000
RECIPES = {
    "sine": recipes.SINE_HOUSE,
    "digits": recipes.MNIST_HOUSE,
    "faces": vary(
        recipes.FACES_HOUSE,
        generator=PRETRAINED["faces"][0],
        discriminator=partial(DCGANDiscriminator, 16, batch_norm=False),
        training=dict(decay_lr=True),
    ),
}
STEPS = {"sine": 9600, "digits": 12_000, "faces": 6000}
SOURCES = {"sine": "sine_points", "digits": "mnist", "faces": "drawn"}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Say which arguments the command takes."""
    parser.add_argument("name", metavar="NAME", help=", ".join(PRETRAINED))
    parser.add_argument("--steps", type=int, help="otherwise those of the stored file")
    parser.add_argument("--folder", type=Path, default=GENERATORS, help="where the file goes")


def run(arguments: argparse.Namespace) -> None:
    """Train a generator from its seed, score it, and write its file."""
    name = arguments.name
    require_choice([*PRETRAINED], name=name)
    recipe = RECIPES[name]
    steps = STEPS[name] if arguments.steps is None else arguments.steps
    torch.manual_seed(SEED)
    samples = samples_of(name)
    networks = recipe.generator(), recipe.discriminator()
    batches = Batches(samples, recipe.batch_size)
    history = train_gan(*networks, batches, steps=steps, **recipe.training)
    about = {
        "recipe": recipe.source,
        "data": SOURCES[name],
        "steps": str(steps),
        "seconds": f"{history.seconds:.0f}",
        "seed": str(SEED),
        "score": f"{score(name, history.generator):.4f}",
    }
    arguments.folder.mkdir(exist_ok=True)
    path = arguments.folder / f"{name}.safetensors"
    write_generator(path, history.generator, about)
    print(f"{path.name}: {path.stat().st_size / 1e6:.2f} MB, score {about['score']}")


def samples_of(name: str) -> Tensor:
    """Return what a generator learns from, the same each time."""
    if name == "sine":
        return sine_points(1024)
    load = digit_images if name == "digits" else face_images
    return load(SOURCES[name])[0].images


def score(name: str, generator: nn.Module) -> float:
    """Return the share of points near the curve (1 is best), or the Fréchet distance to images kept
    back (0 is best): of digits by a classifier's features, of faces by random ones.
    """
    torch.manual_seed(SEED)
    made = evaluate(generator, draw_latent(SCORED, PRETRAINED[name][1])).cpu()
    if name == "sine":
        return curve_score(made).share
    if name == "faces":
        kept = scale_images(face_images("drawn", count=6000)[1].images)
        return FrechetDistance(RandomFeatures(), kept)(made)
    train_part, kept_part = digit_images("mnist")
    reader = DigitClassifier()
    train_classifier(reader, train_part, steps=500)
    return FrechetDistance(reader, scale_images(kept_part.images[:SCORED]))(made)


def write_generator(path: Path, generator: nn.Module, about: Mapping[str, str]) -> None:
    """Store a generator's weights in half precision, and words `about` their training."""
    kept = {key: weight.cpu() for key, weight in generator.state_dict().items()}
    weights = {key: w.half() if w.is_floating_point() else w for key, w in kept.items()}
    content = save(weights, {**about, "sha256": hash_of(weights)})
    with atomic_write(path) as file:
        file.write(content)
