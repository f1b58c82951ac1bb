import math
import signal

import pytest

from gan_utils import progress


@pytest.fixture(autouse=True)
def no_press_before(monkeypatch):
    """Tests press Ctrl-C in quick succession; each begins as if nobody had pressed it yet."""
    monkeypatch.setattr(progress, "_last_press", -math.inf)


@pytest.fixture(autouse=True)
def interrupts_arrive():
    """A shell that starts a command in the background lets it ignore Ctrl-C."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)
