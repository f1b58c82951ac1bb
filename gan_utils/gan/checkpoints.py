"""Keeping a training run safe: checkpoints on disk, and the way back after a bad loss."""

import copy
import io
import os
import zipfile
from collections.abc import Callable
from itertools import zip_longest
from pathlib import Path
from typing import Any, Protocol

import torch
from torch import Tensor, nn

from gan_utils.files import atomic_write
from gan_utils.progress import print_wrapped
from gan_utils.randomness import random_state, restore_random_state


class Stateful(Protocol):
    """Anything with PyTorch's two methods for saving: networks, optimisers, our own."""

    def state_dict(self) -> dict[str, Any]:
        """Return the state."""

    def load_state_dict(self, state: dict[str, Any]) -> Any:
        """Take over a state."""


class Checkpointer:
    """Saves and restores everything that changes during a training run.

    Args:
        parts: what changes, in a fixed order: the train state, its history, the place in the data.
        networks: those whose weights come back after a bad loss.
        settings: numbers and strings that tell this training from another one.
        path: the checkpoint file, or None to keep nothing on disk; `~` is the home folder.
        device: where the training runs; its random generator is saved too.
        on_save: called after each time that the file was to be written.

    Raises:
        ValueError: `path` is a folder, a device or a pipe, or a network keeps something outside its
            `state_dict`.
    """

    def __init__(
        self,
        parts: list[Stateful],
        networks: list[nn.Module],
        settings: dict[str, Any],
        path: Path | str | None,
        device: torch.device,
        on_save: Callable[[], None] | None = None,
    ) -> None:
        """Remember the networks as they are; nothing is written yet."""
        self.parts, self.networks, self.on_save = parts, networks, on_save
        self.settings, self.device = settings, device
        self.path = None if path is None else _file_path(path)
        for network in networks if self.path is not None else ():
            outside = {name for name, _ in network.named_buffers()} - {*network.state_dict()}
            if outside:
                raise ValueError(
                    f"a network keeps {', '.join(sorted(outside))} outside its state_dict, and no "
                    "checkpoint could bring it back; register the buffer with persistent=True, or "
                    "train without a checkpoint"
                )
        self.good_step, self.good_weights = 0, self._copy_weights()
        # A mask of minus infinities, as in attention, is as it should be.
        self._endless = [~_finite(t) for w in self.good_weights for t in w.values()]

    def _copy_weights(self) -> list[dict[str, Any]]:
        return [copy.deepcopy(network.state_dict()) for network in self.networks]

    def restore_weights(self) -> None:
        """Put back the weights of the last check that found all finite."""
        for network, weights in zip(self.networks, self.good_weights, strict=True):
            network.load_state_dict(weights)

    def check(self, metrics: Tensor) -> None:
        """Remember the weights if all is finite, otherwise put the last good ones back.

        Args:
            metrics: [steps, numbers], a row for every step since the start.

        Raises:
            FloatingPointError: one of the numbers, or a weight, is infinite or not a number.
        """
        weights = self._copy_weights()
        bad_steps = (~metrics.isfinite().all(dim=1)).nonzero().flatten().tolist()
        tensors = [tensor for found in weights for tensor in found.values()]
        finite = [
            (_finite(tensor) | endless).to(self.device)
            for tensor, endless in zip(tensors, self._endless, strict=True)
        ]
        if not bad_steps and torch.stack(finite).all().cpu():  # read at once, not one by one
            self.good_step, self.good_weights = len(metrics), weights
            return
        # Weights can go bad in the very update whose losses were still good.
        bad_step = bad_steps[0] + 1 if bad_steps else len(metrics)
        self.restore_weights()
        raise FloatingPointError(
            f"losses or weights stopped being finite numbers at step {bad_step:,}; the networks "
            f"hold their weights of step {self.good_step:,} again. Check that the data is finite, "
            "or lower the learning rate"
        )

    def save(self) -> None:
        """Write the checkpoint; an older file is replaced only once the new one is complete.

        A disk that is full ends no training: a line says what failed, and the older file stays.
        """
        if self.path is None:
            return
        saved = {
            "settings": self.settings,
            "random": random_state(self.device),
            "parts": [part.state_dict() for part in self.parts],
        }
        content = io.BytesIO()  # first to memory: torch.save hides why a disk refuses
        torch.save(saved, content)
        try:
            with atomic_write(self.path) as file:
                file.write(content.getbuffer())
        except OSError as error:
            print_wrapped(
                f"{self.path.name} could not be written: {error.strerror}. What an earlier save "
                "wrote is as it was, and the training is not lost: it is still in memory."
            )
        if self.on_save is not None:
            self.on_save()

    def resume(self) -> bool:
        """Restore everything from the checkpoint if there is one, and say whether there was.

        Raises:
            ValueError: the file is damaged or no checkpoint, or belongs to another training.
        """
        if self.path is None or not self.path.exists():
            return False
        saved = _read(self.path)
        _compare(self.path, saved["settings"], self.settings)
        try:
            for part, state in zip(self.parts, saved["parts"], strict=True):
                part.load_state_dict(state)
            restore_random_state(saved["random"], self.device)  # last: other parts draw numbers
        except Exception as error:  # each part complains in its own way
            self.restore_weights()
            reason = " ".join(str(error).split())
            raise ValueError(
                f"{self.path} does not fit this training ({type(error).__name__}: {reason}). "
                "Delete it or give another name"
            ) from error
        return True


def _finite(value: Any) -> Tensor:
    """Return whether a tensor is finite, on its device; what is no tensor is."""
    return value.isfinite().all() if isinstance(value, Tensor) else torch.tensor(True)


def _file_path(given: Path | str) -> Path:
    """Return the path of a checkpoint; refuse what cannot be a file."""
    if not isinstance(given, (str, Path)) or not str(given) or "\0" in str(given):
        raise ValueError(f"checkpoint is {given!r}; give the name of a file, or None")
    try:
        path = Path(given).expanduser().absolute()
    except RuntimeError as error:  # ~ without a home, or of an unknown user
        raise ValueError(f"checkpoint is {given!s} ({error}); give its full path") from None
    if os.path.exists(path) and not path.is_file():
        kind = "a folder" if path.is_dir() else "no ordinary file"
        raise ValueError(f"checkpoint is {given!s}, {kind}; give the name of a file")
    return path


def _read(path: Path) -> dict[str, Any]:
    try:
        with zipfile.ZipFile(path) as archive:
            if (damaged := archive.testzip()) is not None:  # torch.load checks no checksum
                raise zipfile.BadZipFile(f"the checksum of {damaged} is wrong")
        # weights_only: a checkpoint is data; no code in it is ever run.
        saved = torch.load(path, map_location="cpu", weights_only=True)
    except (OSError, MemoryError):  # the file may be fine
        raise
    except Exception as error:  # a damaged file fails in a dozen ways, all with one remedy
        raise ValueError(
            f"{path} cannot be read as a checkpoint ({type(error).__name__}: it is damaged or "
            "something else); delete it or give another name"
        ) from None
    if not isinstance(saved, dict) or saved.keys() != {"settings", "random", "parts"}:
        raise ValueError(f"{path} is no checkpoint of a training; give another name")
    settings = saved["settings"]
    if not isinstance(settings, dict) or any(map(torch.is_tensor, settings.values())):
        raise ValueError(f"{path} does not say of which training it is; give another name")
    return saved


def _compare(path: Path, found: dict[str, Any], asked: dict[str, Any]) -> None:
    differing = [
        _difference(str(name), found.get(name), asked.get(name))
        for name in dict.fromkeys([*asked, *found])
        if found.get(name) != asked.get(name)
    ]
    if differing:
        raise ValueError(
            f"{path} belongs to another training: {', '.join(differing)}. "
            "Use its settings, delete it or give another name"
        )


def _difference(name: str, found: Any, asked: Any) -> str:
    """Say how two values differ; of long texts, as a network is one, the first line that does."""
    if isinstance(found, str) and isinstance(asked, str) and "\n" in found + asked:
        pairs = zip_longest(found.splitlines(), asked.splitlines(), fillvalue="nothing")
        found, asked = next((a.strip(), b.strip()) for a, b in pairs if a != b)
        return f"{name} has {found} there and {asked} here"
    if "\n" in str(found) + str(asked):
        return f"{name} is known on one side alone"
    return f"{name} is {found!r} there and {asked!r} here"
