"""The command line: `python -m gan_utils COMMAND …`."""

from functools import partial

from gan_utils.commands.line import read_line, run_line

COMMANDS = {
    name: f"gan_utils.commands.{name}" for name in ("learn", "check", "train", "sample", "bench")
}
read = partial(read_line, "gan_utils", COMMANDS)


def main() -> None:
    """Run the command that the command line names."""
    run_line(read)


if __name__ == "__main__":
    main()
