"""Command lines that consist of a command's name and its arguments."""

import argparse
import ast
import io
import os
import sys
from collections.abc import Callable, Mapping
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path


def read_line(
    program: str, commands: Mapping[str, str], arguments: list[str] | None = None
) -> argparse.Namespace:
    """Read the command line, or the arguments given; `run` is what to call with the result.

    Args:
        program: the package that has the commands.
        commands: the module of each command, by the command's name.
        arguments: otherwise those that Python was started with.
    """
    arguments = sys.argv[1:] if arguments is None else arguments
    parser = argparse.ArgumentParser(prog=f"python -m {program}")
    subparsers = parser.add_subparsers(required=True, metavar="COMMAND")
    for name, module in commands.items():
        first_line = _first_line(module)
        subparser = subparsers.add_parser(name, help=first_line, description=first_line)
        if name in arguments[:1]:  # importing a command may take seconds
            command = import_module(module)
            command.add_arguments(subparser)
            subparser.epilog = f"example: python -m {program} {command.EXAMPLE}"
            subparser.set_defaults(run=command.run, command=name)
    return parser.parse_args(arguments)


def _first_line(module: str) -> str:
    """Return the first line of a module's text, without importing it."""
    source = Path(find_spec(module).origin).read_text(encoding="utf-8")
    return ast.get_docstring(ast.parse(source)).splitlines()[0]


def run_line(read: Callable[[], argparse.Namespace]) -> None:
    """Run the command that the command line names; `read` is `read_line` for a program."""
    for stream in (sys.stdout, sys.stderr):  # a terminal may not know β₁, nor the name of a file
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")
    arguments = read()
    try:
        arguments.run(arguments)
    except BrokenPipeError:  # who read it has seen enough; nothing more can be flushed
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        raise SystemExit(1) from None
    except KeyboardInterrupt:
        raise SystemExit(f"\n{arguments.command}: stopped") from None
    except (ValueError, OSError, RuntimeError) as error:
        raise SystemExit(f"{arguments.command}: {error}") from error
