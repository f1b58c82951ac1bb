import os
import subprocess
import sys

import psutil
import pytest

from gan_utils import threads

ASK = (
    "import os, gan_utils, torch; print(os.environ.get('OMP_WAIT_POLICY'), torch.get_num_threads())"
)
CHOSEN = ("OMP_NUM_THREADS", "OMP_WAIT_POLICY", "GOMP_SPINCOUNT")


def answer(code=ASK, **settings):
    environment = {k: v for k, v in os.environ.items() if k not in CHOSEN} | settings
    command = [sys.executable, "-c", code]
    return subprocess.run(
        command, env=environment, capture_output=True, text=True, check=True
    ).stdout.split()


def test_the_package_chooses_threads_before_pytorch_starts_them():
    assert answer() == ["PASSIVE", str(threads.available_processors())]


def test_a_users_own_choice_stays():
    assert answer(OMP_WAIT_POLICY="ACTIVE", OMP_NUM_THREADS="1") == ["ACTIVE", "1"]
    spins = "import os, gan_utils; print(os.environ.get('GOMP_SPINCOUNT'))"
    assert answer(spins, OMP_WAIT_POLICY="ACTIVE") == ["None"]
    assert answer(spins, GOMP_SPINCOUNT="7") == ["7"]


def test_after_pytorch_it_is_too_late_and_nothing_is_claimed():
    assert answer(ASK.replace("gan_utils, torch", "torch, gan_utils"))[0] == "None"


@pytest.mark.parametrize(("joblib", "cores", "expected"), [(8, 4, 4), (3, 8, 3), (2, None, 2)])
def test_quota_and_cores_both_count(monkeypatch, joblib, cores, expected):
    monkeypatch.setattr(threads.joblib, "cpu_count", lambda: joblib)
    monkeypatch.setattr(psutil, "cpu_count", lambda **_: cores)
    assert threads.available_processors() == expected


@pytest.mark.skipif(not hasattr(os, "sched_setaffinity"), reason="Linux binds processes")
def test_a_process_bound_to_one_processor_gets_one_thread():
    code = "import os; os.sched_setaffinity(0, {min(os.sched_getaffinity(0))}); " + ASK
    assert answer(code) == ["PASSIVE", "1"]
