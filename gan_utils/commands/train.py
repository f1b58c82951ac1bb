"""Train a recipe in one process, or in several with torchrun."""

import argparse
from pathlib import Path

EXAMPLE = "train digits --steps 2000"
RECIPES = {  # by the names on the command line: those in `gan.recipes`
    "sine": "SINE_HOUSE",
    "sine-published": "SINE_PUBLISHED",
    "digits": "MNIST_HOUSE",
    "digits-realpython": "MNIST_REAL_PYTHON",
    "digits-note45": "MNIST_NOTE45",
    "digits-mnistgan": "MNIST_GAN",
    "digits-keras": "MNIST_KERAS",
    "faces": "FACES_HOUSE",
    "faces-modern": "FACES_MODERN",
    "faces-dcgan": "FACES_DCGAN",
}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Say which arguments the command takes."""
    parser.add_argument("recipe", metavar="RECIPE", help=", ".join(RECIPES))
    parser.add_argument("--steps", type=int, required=True, help="how many in all")
    parser.add_argument("--data", type=Path, help="otherwise GAN_UTILS_DATA, else a cache folder")
    parser.add_argument("--source", default="auto", help="which data, as in the lessons")
    parser.add_argument("--batch-size", type=int, help="of all processes together")
    parser.add_argument("--seed", type=int, default=0, help="of weights, batches, latent vectors")
    parser.add_argument("--checkpoint", type=Path, help="otherwise runs/RECIPE.pt")
    parser.add_argument("--save-every", type=int, default=1000, help="steps")
    parser.add_argument("--device", help="otherwise GAN_UTILS_DEVICE, else the best one here")


def run(arguments: argparse.Namespace) -> None:
    """Train; the package is imported only now, so that help comes at once."""
    from gan_utils.commands.trainer import train

    train(arguments, RECIPES)
