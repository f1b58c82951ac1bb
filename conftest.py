"""Set what the notebook kernels of the tests inherit, and fail cells that nbval would let pass."""

import os
import re
import runpy
import time
from pathlib import Path
from queue import Empty

import pytest
from nbval.kernel import RunningKernel

from gan_utils.progress import WIDTH  # before PyTorch: the package chooses threads for kernels
from gan_utils.threads import available_processors

ROOT = Path(__file__).parent

# Workers share the threads that their parent has, and so do their kernels.
threads = int(os.environ.get("OMP_NUM_THREADS", available_processors()))
workers = int(os.environ.get("PYTEST_XDIST_WORKER_COUNT", 1))
os.environ["OMP_NUM_THREADS"] = str(max(1, threads // workers))

os.environ.setdefault("GAN_UTILS_MODE", "quick")
# Kernels do not see pytest's warning filters: they show all warnings, and ours are found below.
os.environ.setdefault("PYTHONWARNINGS", "default")
OURS = re.compile(r"^\S*(?:gan_utils\S*\.py|ipykernel_\S+):\d+: \w*Warning.*", re.MULTILINE)
paths = [ROOT, os.environ.get("PYTHONPATH")]
if os.environ["GAN_UTILS_MODE"] == "quick":
    os.environ["GAN_UTILS_DEVICE"] = "cpu"
    os.environ["GAN_UTILS_OFFLINE"] = "1"
    os.environ["http_proxy"] = os.environ["https_proxy"] = "http://127.0.0.1:9"  # no network
    paths.insert(0, ROOT / "tests/kernels")  # nor by any other way
    runpy.run_path(str(ROOT / "tests/kernels/sitecustomize.py"))
os.environ["PYTHONPATH"] = os.pathsep.join(str(path) for path in paths if path)
os.environ.pop("MPLBACKEND", None)


def _unless_dead(get_message):
    """Let nbval notice that a kernel has died; it would wait for a message until the time-out."""

    def get_message_or_fail(kernel, stream, timeout=None):
        end = time.monotonic() + (timeout or 0)
        while True:
            try:
                return get_message(kernel, stream, timeout=1)
            except Empty:
                if not kernel.is_alive():
                    raise RuntimeError("the kernel died in this cell") from None
                if timeout and time.monotonic() > end:
                    raise

    return get_message_or_fail


RunningKernel.get_message = _unless_dead(RunningKernel.get_message)


def _is_cell(item: pytest.Item) -> bool:
    return type(item).__name__ == "IPyNbCell"


def _printed(item: pytest.Item, stream: str) -> str:
    outputs = [output for output in item.test_outputs or () if output.get("name") == stream]
    return "\n".join(output.text for output in outputs)


def _complaint(item: pytest.Item) -> str:
    """Return what a cell that ran should not have done."""
    if getattr(item.parent, "timed_out", False):  # even if it swallowed the interrupt
        return "was stopped after --nbval-cell-timeout seconds"
    if warnings := OURS.findall(_printed(item, "stderr")):
        return f"warns: {warnings}"
    # What a carriage return overwrites counts on its own. Of standard error only bars are ours.
    lines = re.split(r"[\r\n]", _printed(item, "stdout"))
    lines += [x for x in re.split(r"[\r\n]", _printed(item, "stderr")) if "%|" in x]
    wide = [line for line in lines if len(line) > WIDTH]
    return f"prints more than {WIDTH} characters in a line: {wide}" if wide else ""


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_setup(item: pytest.Item) -> None:
    """Skip the cells after a failed one: their errors would only hide it."""
    if _is_cell(item) and getattr(item.parent, "first_failure", None):
        pytest.skip(f"{item.parent.name}: {item.parent.first_failure} failed earlier")


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_runtest_makereport(item: pytest.Item, call: pytest.CallInfo):
    """Fail a cell that ran out of time, prints lines too long to read, or warns."""
    report = yield
    if _is_cell(item) and report.when == "call":
        complaint = report.outcome != "failed" and _complaint(item)
        if complaint:
            report.outcome = "failed"
            report.longrepr = f"{item.name} {complaint}"
            if hasattr(report, "wasxfail"):
                del report.wasxfail
        if report.failed and not getattr(item.parent, "first_failure", None):
            item.parent.first_failure = item.name
    return report
