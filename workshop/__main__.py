"""The command line of authors: `python -m workshop COMMAND …`."""

from functools import partial

from gan_utils.commands.line import read_line, run_line

COMMANDS = {
    "notebooks": "workshop.notebooks",
    "book": "workshop.book.build",
    "grade": "workshop.grade",
    "experiments": "workshop.experiments.command",
    "generators": "workshop.generators",
}
read = partial(read_line, "workshop", COMMANDS)


def main() -> None:
    """Run the command that the command line names."""
    try:
        run_line(read)
    except ModuleNotFoundError as error:
        text = f'workshop: {error.name} is not here; run pip install -e ".[workshop]" first'
        raise SystemExit(text) from None


if __name__ == "__main__":
    main()
