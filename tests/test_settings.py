import math

import numpy as np
import pytest

from gan_utils.settings import require_choice, require_folder, require_positive, require_whole


@pytest.mark.parametrize("value", [0, -3, 1.5, "20", True, math.nan])
def test_numbers_that_cannot_be_counts_are_named(value):
    with pytest.raises(ValueError, match=r"EPOCHS is .*whole number of at least 1") as caught:
        require_whole(BATCH=32, EPOCHS=value)
    assert repr(value) in str(caught.value) and "\n" not in str(caught.value)


def test_counts_none_and_other_limits():
    require_whole(EPOCHS=1, STEPS=None, BATCH=np.int64(3))
    require_whole(least=0, SEED=0)
    with pytest.raises(ValueError, match="SNAPSHOTS is 1; .* at least 2"):
        require_whole(least=2, SNAPSHOTS=1)


@pytest.mark.parametrize("value", [0, -1.0, "1", math.nan, math.inf, None])
def test_seconds_must_be_above_zero(value):
    require_positive(SECONDS=0.5)
    with pytest.raises(ValueError, match="SECONDS is .*above 0"):
        require_positive(SECONDS=value)


def test_a_misspelt_choice_names_what_there_is():
    require_choice(("auto", "mnist"), SOURCE="mnist")
    with pytest.raises(ValueError, match="SOURCE is 'mnits'; choose one of 'auto', 'mnist'"):
        require_choice(("auto", "mnist"), SOURCE="mnits")


def test_a_choice_that_cannot_be_looked_up_is_refused_all_the_same():
    with pytest.raises(ValueError, match=r"device is \['cpu'\]; choose one of 'cpu', 'cuda'"):
        require_choice({"cpu": 1, "cuda": 2}, device=["cpu"])


def test_a_folder_that_cannot_be_named_is_refused():
    with pytest.raises(ValueError, match="data names no folder"):
        require_folder(data="x" * 300)


def test_a_folder_may_be_missing_and_may_not_be_a_file(tmp_path):
    require_folder(KEEP=None, THERE=tmp_path, TO_BE_MADE=str(tmp_path / "new"))
    assert not (tmp_path / "new").exists()
    file = tmp_path / "weights.pt"
    file.touch()
    for value, message in (
        (str(file), "a file; give the name of a folder"),
        (3, "KEEP is 3;"),
        ("", "KEEP is ''"),
    ):
        with pytest.raises(ValueError, match=message):
            require_folder(KEEP=value)
