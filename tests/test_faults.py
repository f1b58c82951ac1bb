"""The tests fail where they should; all faults are planted by `python tests/faults.py`."""

import pytest
from faults import FAULTS, ROOT, is_caught, project_copy

SAMPLE = (1, 15, 23, 45, 54)  # of each kind: a loss, a setting, data, style, a stored output


@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: fault.what)
def test_every_fault_can_still_be_planted(fault):
    assert (ROOT / fault.file).read_text(encoding="utf-8").count(fault.old) == 1
    assert all((ROOT / name).is_file() for name in fault.tests.split())


@pytest.fixture(scope="module")
def copy(tmp_path_factory):
    return project_copy(str(tmp_path_factory.mktemp("copy")))


@pytest.mark.parametrize("number", SAMPLE, ids=lambda number: FAULTS[number - 1].what)
def test_a_planted_fault_is_caught(number, copy):
    assert is_caught(FAULTS[number - 1], copy)
