"""What a long computation shows and obeys: a progress bar, and the stop button."""

import signal
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager

from tqdm import tqdm


def progress_bar(total: int, *, done: int = 0, shown: bool = True, unit: str = "steps") -> tqdm:
    """Return a bar of text on standard output, redrawn at most once a second."""
    # Not on standard error: red text looks like a failure in a notebook.
    return tqdm(
        total=total,
        initial=done,
        disable=not shown,
        file=sys.stdout,
        mininterval=1.0,
        ncols=79,
        unit=f" {unit}",
    )


@contextmanager
def stop_button() -> Iterator[threading.Event]:
    """Turn the first Ctrl-C into an event, so that no step is cut in half.

    The second one raises KeyboardInterrupt. In a thread other than the main one nothing changes:
    Python delivers signals to the main thread alone.
    """
    stopped = threading.Event()

    def on_interrupt(*_: object) -> None:
        if stopped.is_set():
            raise KeyboardInterrupt
        stopped.set()

    if threading.current_thread() is not threading.main_thread():
        yield stopped
        return
    previous = signal.signal(signal.SIGINT, on_interrupt)
    try:
        yield stopped
    finally:
        signal.signal(signal.SIGINT, previous)
