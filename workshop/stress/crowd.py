"""Several kernels run a lesson at once, as in a class on one machine: how long, how much memory?

    python -m workshop.stress.crowd notebooks/01_sine_gan.ipynb 1 4 10

Each kernel runs the whole lesson in quick mode. Shown are the seconds until the first and until the
last is through, and the memory of one kernel at its largest. With `--spinning` the package does not
choose how threads wait: they spin, as is OpenMP's way. Not a test: it takes minutes.
"""

import argparse
import os
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import nbformat
import psutil
from nbclient import NotebookClient

SPINNING = {"OMP_NUM_THREADS": str(psutil.cpu_count()), "OMP_WAIT_POLICY": "ACTIVE"}


def run_lesson(path: Path) -> tuple[float, float]:
    """Run a lesson in a kernel of its own; return its seconds and its largest memory in MiB."""
    notebook = nbformat.read(path, as_version=4)
    client = NotebookClient(notebook, timeout=None, kernel_name="python3")
    largest = 0

    def look(**_: object) -> None:
        nonlocal largest
        kernel = psutil.Process(client.km.provisioner.pid)
        largest = max(largest, kernel.memory_info().rss)

    client.on_cell_executed = look
    begin = time.perf_counter()
    client.execute(cwd=str(path.parent))
    return time.perf_counter() - begin, largest / 2**20


def main() -> None:
    """Measure for each number of kernels."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("lesson", type=Path)
    parser.add_argument("kernels", type=int, nargs="+")
    parser.add_argument("--spinning", action="store_true")
    arguments = parser.parse_args()
    os.environ |= {"GAN_UTILS_MODE": "quick", "GAN_UTILS_OFFLINE": "1", "GAN_UTILS_DEVICE": "cpu"}
    for name in SPINNING:
        os.environ.pop(name, None)
    if arguments.spinning:
        os.environ |= SPINNING
    print(f"{psutil.cpu_count(logical=False)} processors, {arguments.lesson.stem}")
    for count in arguments.kernels:
        with ThreadPoolExecutor(count) as pool:
            found = list(pool.map(run_lesson, count * [arguments.lesson]))
        seconds, memory = zip(*found, strict=True)
        print(
            f"{count:3} kernels: {min(seconds):5.0f} to {max(seconds):5.0f} s, "
            f"{max(memory):,.0f} MiB each at most"
        )


if __name__ == "__main__":
    main()
