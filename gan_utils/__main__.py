"""The command line: `python -m gan_utils COMMAND …`."""

import argparse

from gan_utils.commands import bench, experiments, learn, notebooks, train

COMMANDS = {
    "learn": learn,
    "notebooks": notebooks,
    "experiments": experiments,
    "bench": bench,
    "train": train,
}


def read(arguments: list[str] | None = None) -> argparse.Namespace:
    """Read the command line, or the arguments given; `run` is what to call with the result."""
    parser = argparse.ArgumentParser(prog="python -m gan_utils")
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    for name, command in COMMANDS.items():
        first_line = command.__doc__.splitlines()[0]
        subparser = commands.add_parser(name, help=first_line, description=first_line)
        command.add_arguments(subparser)
        subparser.set_defaults(run=command.run)
    return parser.parse_args(arguments)


def main() -> None:
    """Run the command that the command line names."""
    arguments = read()
    arguments.run(arguments)


if __name__ == "__main__":
    main()
