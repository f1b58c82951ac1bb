import math
import signal

import pytest
import torch

from gan_utils import progress
from gan_utils.data.faces import FaceImages, face_images
from gan_utils.scores.face_classifier import FaceClassifier


@pytest.fixture
def seen(record_property):
    """What a test saw of this computer, by what it is, for the lines at the end of the run."""
    found = {}
    yield found
    for what, words in found.items():
        record_property(what, words)


def pytest_terminal_summary(terminalreporter):
    """Say what the tests of a GPU saw: device, versions, ratios. Reports bring it from workers."""
    reports = [report for kind in terminalreporter.stats.values() for report in kind]
    for report in reports:
        if getattr(report, "when", None) == "teardown":
            for what, words in report.user_properties:
                terminalreporter.write_line(f"{what}: {words}")


@pytest.fixture(scope="session")
def learned() -> tuple[FaceClassifier, FaceImages]:
    """A reader of drawn faces, which takes long to learn, and faces that it has not seen."""
    with torch.random.fork_rng():
        torch.manual_seed(0)
        train, kept = face_images("drawn", count=2000)
    return FaceClassifier(train), kept


@pytest.fixture
def slow_bfloat16():
    """PyTorch without oneDNN multiplies bfloat16 as a processor without such instructions does."""
    torch._C._set_mkldnn_enabled(False)  # torch.backends.mkldnn.flags also warns, of something else
    yield
    torch._C._set_mkldnn_enabled(True)


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
