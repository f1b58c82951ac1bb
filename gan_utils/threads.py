"""How many threads work on a CPU, and how they wait: chosen before PyTorch starts them."""

import os
import sys

import joblib
import psutil

# OpenMP's threads wait for each other after every operation. By default they spin for milliseconds
# meanwhile; beside any other busy program each then waits for threads that were put aside, and
# training becomes ten times slower. With PASSIVE they sleep at once, and waking them costs a third
# of the speed on an idle computer. So many turns, some ten microseconds, keep most of both.
SPINS = 2000


def available_processors() -> int:
    """Return how many processors this process may use.

    Physical cores, the processors it is bound to and the quota of its container all count: on a
    shared server they are far fewer than the computer has.
    """
    return min(joblib.cpu_count(), psutil.cpu_count(logical=False) or joblib.cpu_count())


def choose_threads() -> None:
    """Set OpenMP's environment variables where the user has not set them.

    OpenMP reads them once, when PyTorch or scikit-learn is imported.
    """
    if "torch" in sys.modules:  # too late; PyTorch has its threads
        return
    os.environ.setdefault("OMP_NUM_THREADS", str(available_processors()))
    if "OMP_WAIT_POLICY" not in os.environ:
        os.environ["OMP_WAIT_POLICY"] = "PASSIVE"
        os.environ.setdefault("GOMP_SPINCOUNT", str(SPINS))
