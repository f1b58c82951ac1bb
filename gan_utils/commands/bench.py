"""Time training, style and sampling: as in a textbook, as in this package, beside the limits."""

import argparse
from pathlib import Path

from gan_utils.settings import require_positive

EXAMPLE = "bench --seconds 30"
SECONDS = 90.0


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Say which arguments the command takes."""
    parser.add_argument("--device", help="otherwise GAN_UTILS_DEVICE, else the best one here")
    parser.add_argument(
        "--seconds", type=float, default=SECONDS, help=f"about how long to measure: {SECONDS:g}"
    )
    parser.add_argument("--json", type=Path, metavar="FILE", help="keep all that was measured")


def run(arguments: argparse.Namespace) -> None:
    """Measure, print a table, and write the file that was asked for.

    Raises:
        RuntimeError: the device asked for is not here.
        ValueError: `--seconds` is not above 0, or the file's folder is not there.
    """
    require_positive(**{"--seconds": arguments.seconds})
    if arguments.json and not arguments.json.resolve().parent.is_dir():
        raise ValueError(f"--json is {arguments.json}; make its folder first")
    # Imported only now, so that help and refusals come at once.
    from gan_utils.runtime import pick_device
    from gan_utils.speed.report import report

    report(pick_device(arguments.device), arguments.seconds, arguments.json)
