"""What a training run looks at between its steps: metrics, and snapshots."""

import math
import time
from collections.abc import Callable, Iterable
from threading import Event

from torch import Tensor, nn

from gan_utils.gan.history import History
from gan_utils.settings import require_whole

CHECK_SECONDS = 1.0  # how often the losses are brought to the CPU and looked at


def snapshot_steps(total: int, snapshots: int | Iterable[int]) -> set[int]:
    """Return so many steps from 0 to `total`, evenly spaced, or those named; both ends belong to
    them.

    Raises:
        ValueError: there are fewer than 2, or one is no step.
    """
    if isinstance(snapshots, Iterable):
        named = [*snapshots]
        for step in named:
            require_whole(optional=False, least=0, **{"a step of snapshots": step})
        return {0, *named, total}
    require_whole(optional=False, least=2, snapshots=snapshots)
    return {round(total * k / (snapshots - 1)) for k in range(snapshots)}


class MetricsRecorder:
    """Leaves metrics on the device until they are wanted: reading each would stall a GPU."""

    def __init__(self, history: History) -> None:
        """Start the clock of the training's seconds."""
        self.history, self.recent, self.clock = history, [], time.perf_counter()

    def add(self, metrics: Tensor) -> None:
        """Keep what a step returned, where it is."""
        self.recent.append(metrics)

    def is_due(self, step: int) -> bool:
        """Say whether a second has passed since the last flush."""
        del step
        return time.perf_counter() > self.clock + CHECK_SECONDS

    def ends(self, step: int, stopped: Event) -> bool:
        """Say whether this step is the last one because somebody has pressed the stop button."""
        del step
        return stopped.is_set()

    def restart_clock(self) -> None:
        """Leave out of the training's seconds what was done since the last flush."""
        self.clock = time.perf_counter()

    def flush(self) -> None:
        """Bring what was kept to the history, and count the seconds."""
        self.history.extend(self.recent)  # waits for the device, so the clock is read afterwards
        self.recent.clear()
        now = time.perf_counter()
        self.history.seconds, self.clock = self.history.seconds + now - self.clock, now


class SnapshotTaker:
    """Takes snapshots at the moments chosen, and shows them."""

    def __init__(
        self,
        history: History,
        discriminator: nn.Module,
        moments: set[int],
        on_snapshot: Callable[[History], None] | None,
        every_seconds: float = math.inf,
    ) -> None:
        """Take the first snapshot."""
        self.history, self.discriminator, self.on_snapshot = history, discriminator, on_snapshot
        self.every_seconds = math.inf if on_snapshot is None else every_seconds
        self.clock = time.perf_counter()
        self.moments = set() if history.fixed_latent is None else moments
        if self.moments and not history.snapshots:
            self.take()

    def is_due(self, step: int, last: bool) -> bool:
        """Say whether this step is a moment, the last one, or long after the last picture."""
        late = time.perf_counter() > self.clock + self.every_seconds
        return bool(self.moments) and (last or late or step in self.moments)

    def take(self) -> None:
        """Take a snapshot in place of one that was for the live picture alone, and show it."""
        kept = self.history.snapshots
        if kept and kept[-1].step not in self.moments:
            kept.pop()
        self.history.take_snapshot(self.discriminator)
        if self.on_snapshot is not None:
            self.on_snapshot(self.history)
        self.clock = time.perf_counter()
