import os
import signal
import time

import pytest

from gan_utils import progress
from gan_utils.progress import WIDTH, print_wrapped, progress_bar, stop_button


def press():
    os.kill(os.getpid(), signal.SIGINT)


def test_one_press_is_an_event_and_nothing_else():
    with stop_button() as stopped:
        assert not stopped.is_set()
        press()
        assert stopped.is_set()


def test_two_presses_end_everything_once_the_step_is_done():
    done = False
    with pytest.raises(KeyboardInterrupt, match="stopped twice"), stop_button():
        press()
        press()
        done = True
    assert done and signal.getsignal(signal.SIGINT) is signal.default_int_handler


def test_a_third_press_does_not_wait():
    with pytest.raises(KeyboardInterrupt), stop_button():
        press()
        press()
        press()
        pytest.fail("the third press was swallowed")


def test_a_second_press_may_come_in_the_cell_after(monkeypatch):
    with stop_button():
        press()
    with pytest.raises(KeyboardInterrupt, match="stopped twice"), stop_button():
        press()
    monkeypatch.setattr(progress, "_last_press", time.monotonic() - progress.TWICE_SECONDS - 1)
    with stop_button() as stopped:
        press()
    assert stopped.is_set()


def test_messages_and_bars_fit_a_narrow_notebook(capsys):
    print_wrapped("a " * 100)
    with progress_bar(10**6, unit="calls") as bar:
        bar.update(10**5)
    printed = capsys.readouterr().out.replace("\r", "\n").splitlines()
    assert max(map(len, printed)) == WIDTH


def test_a_name_that_is_no_utf_8_is_printed_all_the_same(capsys):
    progress.print_wrapped("caf\udce9.png is damaged")
    assert capsys.readouterr().out == "caf\\udce9.png is damaged\n"
