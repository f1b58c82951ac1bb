"""The command line: `python -m gan_utils COMMAND …`."""

import argparse

from gan_utils.commands import notebooks

COMMANDS = {"notebooks": notebooks}


def main() -> None:
    """Read the command line and run the command that it names."""
    parser = argparse.ArgumentParser(prog="python -m gan_utils")
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    for name, command in COMMANDS.items():
        first_line = command.__doc__.splitlines()[0]
        subparser = commands.add_parser(name, help=first_line, description=first_line)
        command.add_arguments(subparser)
        subparser.set_defaults(run=command.run)
    arguments = parser.parse_args()
    arguments.run(arguments)


if __name__ == "__main__":
    main()
