"""What a long computation shows and obeys: a progress bar, and the stop button."""

import signal
import sys
import textwrap
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

from tqdm import tqdm

WIDTH = 72  # characters; a notebook beside its list of files is not much wider
TWICE_SECONDS = 2.0  # two presses within this time mean: end everything

_last_press = -TWICE_SECONDS


def print_wrapped(text: str) -> None:
    """Print a message in lines of at most `WIDTH` characters."""
    text = text.encode(errors="backslashreplace").decode()  # names of files may be no UTF-8
    print(textwrap.fill(text, WIDTH, break_long_words=False, break_on_hyphens=False))


def progress_bar(total: int, *, done: int = 0, shown: bool = True, unit: str = "steps") -> tqdm:
    """Return a bar of text on standard output, redrawn at most once a second."""
    # Not on standard error: red text looks like a failure in a notebook.
    return tqdm(
        total=total,
        initial=done,
        disable=not shown,
        file=sys.stdout,
        mininterval=1.0,
        ncols=WIDTH,
        unit=f" {unit}",
    )


@contextmanager
def stop_button() -> Iterator[threading.Event]:
    """Turn Ctrl-C, which is Jupyter's stop button, into an event: no step is cut in half.

    One press sets the event. Two presses within `TWICE_SECONDS` also raise KeyboardInterrupt, once
    what runs inside has ended by itself; that stops the cells behind it too. A third press raises
    at once. In a thread other than the main one nothing changes: Python delivers signals to the
    main thread alone.
    """
    stopped, presses = threading.Event(), []

    def on_interrupt(*_: object) -> None:
        global _last_press
        now = time.monotonic()
        # The press before may have ended another training, in the cell before this one.
        presses.append(now - _last_press < TWICE_SECONDS)
        _last_press = now
        stopped.set()
        if len(presses) > 2:
            raise KeyboardInterrupt

    if threading.current_thread() is not threading.main_thread():
        yield stopped
        return
    previous = signal.signal(signal.SIGINT, on_interrupt)
    try:
        yield stopped
    finally:
        signal.signal(signal.SIGINT, previous)
    if any(presses):
        raise KeyboardInterrupt("stopped twice: the cells that follow are not run either")
