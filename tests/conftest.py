import math

import pytest

from gan_utils import progress


@pytest.fixture(autouse=True)
def no_press_before(monkeypatch):
    """Tests press Ctrl-C in quick succession; each begins as if nobody had pressed it yet."""
    monkeypatch.setattr(progress, "_last_press", -math.inf)
