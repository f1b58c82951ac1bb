"""The command line: `python -m gan_utils COMMAND …`."""

import argparse
import io
import sys
from importlib import import_module

COMMANDS = ("learn", "notebooks", "book", "experiments", "bench", "train")


def read(arguments: list[str] | None = None) -> argparse.Namespace:
    """Read the command line, or the arguments given; `run` is what to call with the result."""
    arguments = sys.argv[1:] if arguments is None else arguments
    parser = argparse.ArgumentParser(prog="python -m gan_utils")
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    # Importing a command takes seconds: only the one that is asked for, or all to list them.
    for name in [name for name in COMMANDS if name in arguments[:1]] or COMMANDS:
        command = import_module(f"gan_utils.commands.{name}")
        first_line = command.__doc__.splitlines()[0]
        subparser = commands.add_parser(name, help=first_line, description=first_line)
        command.add_arguments(subparser)
        subparser.set_defaults(run=command.run)
    return parser.parse_args(arguments)


def main() -> None:
    """Run the command that the command line names."""
    for stream in (sys.stdout, sys.stderr):  # a terminal may not know β₁, nor the name of a file
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")
    arguments = read()
    arguments.run(arguments)


if __name__ == "__main__":
    main()
