"""Devices, computers and a ring of processes that are simulated, for exercises on speed."""

from itertools import cycle

import torch


def sent_in_ring(processes: int) -> float:
    """Let processes in a ring add up ones; return how much each sends, in units of what it holds.

    Raises:
        ArithmeticError: one of them does not know all sums in the end.
    """
    held = torch.ones(processes, processes)  # a row for a process, a column for a piece
    ranks = torch.arange(processes)
    neighbours, hops = (ranks + 1) % processes, 2 * (processes - 1)
    for hop in range(hops):
        pieces = (ranks - hop) % processes
        adding = hop < processes - 1  # afterwards finished sums go round
        held[neighbours, pieces] = held[ranks, pieces] + adding * held[neighbours, pieces]
    if (held != processes).any():
        raise ArithmeticError("the sums have not reached all processes")
    return hops / processes  # a piece on each hop


class Device:
    """A device with a queue, and the clock of the program that asks it, both simulated.

    Args:
        seconds: of its runs, over and over.
    """

    def __init__(self, *seconds: float) -> None:
        """Begin with earlier work in the queue."""
        self.now, self.busy_until = 0.0, 5.0
        self.seconds, self.set_up = cycle(seconds), 0.3  # of its runs; more of the first

    def run(self) -> None:
        """Put work into the queue."""
        self.now += 0.01  # to ask takes time as well
        self.busy_until = max(self.now, self.busy_until) + next(self.seconds) + self.set_up
        self.set_up = 0.0

    def wait(self) -> None:
        """Return when the queue is empty."""
        self.now = max(self.now, self.busy_until)

    def clock(self) -> float:
        """Return the program's seconds."""
        return self.now


class DriftingComputer:
    """A simulated computer on which each call takes 2% longer than the one before it."""

    def __init__(self) -> None:
        """Begin before the first call."""
        self.calls = 0

    def call(self, seconds: float) -> float:
        """Return how long a program takes this time that takes `seconds` on an idle computer."""
        # Setting up, two moments of another program, and one when all others sleep.
        busy = {0: 4, 5: 30, 10: 0.6, 40: 30}.get(self.calls, 1)
        self.calls += 1
        return seconds * busy * 1.02**self.calls
