"""Draw a sheet of samples of a generator that lies beside the lessons."""

import argparse
from pathlib import Path

EXAMPLE = "sample digits"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Say which arguments the command takes."""
    parser.add_argument("name", metavar="NAME", help="sine, digits or faces")
    parser.add_argument("--count", type=int, default=64, help="how many samples")
    parser.add_argument("--seed", type=int, default=0, help="of the latent vectors")
    parser.add_argument("--file", type=Path, help="otherwise NAME.png; a file that is there stays")


def run(arguments: argparse.Namespace) -> None:
    """Draw samples and write the picture.

    Raises:
        ValueError: no generator has this name, its file is damaged, or a number is out of range.
        FileExistsError: the picture is there already.
        FileNotFoundError: the generator, or the picture's folder, is not here.
    """
    # Imported only now, so that help comes at once.
    from gan_utils.gan.latent import draw_latent
    from gan_utils.gan.models import evaluate
    from gan_utils.gan.pretrained import PRETRAINED, load_generator
    from gan_utils.randomness import seeded
    from gan_utils.settings import require_whole
    from gan_utils.show.plotting import write_samples

    require_whole(**{"--count": arguments.count})
    generator, path = load_generator(arguments.name), arguments.file
    path = Path(f"{arguments.name}.png") if path is None else path
    if path.exists():
        raise FileExistsError(f"{path} is there and is not replaced; give another --file")
    with seeded(arguments.seed):
        latent = draw_latent(arguments.count, PRETRAINED[arguments.name][1])
    write_samples(evaluate(generator, latent), path)
    print(f"{arguments.count} samples in {path}")
