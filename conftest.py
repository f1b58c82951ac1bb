"""Set what the notebook kernels of the tests inherit, and let no timed-out cell pass."""

import os
import re
from pathlib import Path

import pytest

from gan_utils.progress import WIDTH  # before PyTorch: the package chooses threads for kernels

ROOT = Path(__file__).parent

os.environ.setdefault("GAN_UTILS_MODE", "quick")
os.environ["PYTHONPATH"] = os.pathsep.join(filter(None, [str(ROOT), os.environ.get("PYTHONPATH")]))
# Kernels do not see pytest's warning filters: a deprecated call must fail there too.
os.environ.setdefault("PYTHONWARNINGS", "error::FutureWarning,error::DeprecationWarning:__main__")
os.environ.pop("MPLBACKEND", None)
if os.environ["GAN_UTILS_MODE"] == "quick":
    os.environ["GAN_UTILS_DEVICE"] = "cpu"
    os.environ["GAN_UTILS_OFFLINE"] = "1"
    os.environ["http_proxy"] = os.environ["https_proxy"] = "http://127.0.0.1:9"  # no network


def _is_cell(item: pytest.Item) -> bool:
    return type(item).__name__ == "IPyNbCell"


def _printed(item: pytest.Item) -> list[str]:
    """Lines that a cell printed; what a carriage return overwrites counts on its own."""
    texts = (output.get("text", "") for output in item.test_outputs or ())
    return [line for text in texts for line in re.split(r"[\r\n]", text)]


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_setup(item: pytest.Item) -> None:
    """Skip the cells after a failed one: their errors would only hide it."""
    if _is_cell(item) and getattr(item.parent, "first_failure", None):
        pytest.skip(f"{item.parent.name}: {item.parent.first_failure} failed earlier")


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_runtest_makereport(item: pytest.Item, call: pytest.CallInfo):
    """Fail a cell that ran out of time, even if it swallowed the interrupt, as train_gan does."""
    report = yield
    if _is_cell(item) and report.when == "call":
        if getattr(item.parent, "timed_out", False) and report.outcome != "failed":
            report.outcome = "failed"
            report.longrepr = f"{item.name} was stopped after --nbval-cell-timeout seconds"
            if hasattr(report, "wasxfail"):
                del report.wasxfail
        wide = [line for line in _printed(item) if len(line) > WIDTH]
        if wide and report.outcome == "passed":
            report.outcome = "failed"
            report.longrepr = f"{item.name} prints more than {WIDTH} characters in a line: {wide}"
        if report.failed and not getattr(item.parent, "first_failure", None):
            item.parent.first_failure = item.name
    return report
