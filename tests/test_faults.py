"""The tests fail where they should; `python -m workshop.stress.faults` plants all faults."""

import pytest

from workshop.stress.faults import FAULTS, ROOT, is_caught, project_copy

SAMPLE = {  # of each kind: a loss, a setting, data, style, a stored output
    "labels of real samples swapped",
    "betas swapped",
    "images scaled by 255",
    "Gram matrix grows with the picture",
    "an output edited",
}


@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: fault.what)
def test_every_fault_can_still_be_planted(fault):
    assert (ROOT / fault.file).read_text(encoding="utf-8").count(fault.old) == 1
    assert all((ROOT / name).is_file() for name in fault.tests.split())


@pytest.fixture(scope="module")
def copy(tmp_path_factory):
    return project_copy(str(tmp_path_factory.mktemp("copy")))


def test_the_sample_stands_in_the_table():
    assert {fault.what for fault in FAULTS} >= SAMPLE


@pytest.mark.parametrize("fault", [f for f in FAULTS if f.what in SAMPLE], ids=lambda f: f.what)
def test_a_planted_fault_is_caught(fault, copy):
    assert is_caught(fault, copy)
