"""Shuffled batches on the device, an endless stream of them that knows its place, and batches that
several processes share.
"""

from collections.abc import Iterable, Iterator
from hashlib import sha256
from numbers import Integral
from typing import Any

import torch
from torch import Tensor
from torch.utils.data import BatchSampler, TensorDataset

from gan_utils.data.images import scale_images
from gan_utils.randomness import mixed_seed, random_state, restore_random_state


def check_batch_size(samples: Tensor, batch_size: int) -> None:
    """Raise ValueError where no batch of so many samples can be taken."""
    if not isinstance(samples, Tensor) or not isinstance(batch_size, Integral):
        kinds = " and ".join(type(each).__name__ for each in (samples, batch_size))
        raise ValueError(f"samples and batch_size are {kinds}; give a tensor and a whole number")
    if not 1 <= batch_size <= len(samples):
        raise ValueError(
            f"batch_size is {batch_size}; with {len(samples)} samples it must be between 1 and "
            f"{len(samples)}"
        )


class Batches:
    """Shuffled mini-batches of samples that already live on their
    device.

    Images may stay as uint8, a quarter of the memory; each batch is
    then scaled to [-1, 1].

    Each pass over it is one epoch in a new order, drawn from PyTorch's
    global CPU generator, so that a seed fixes the order on every
    device. All batches have the same size: the last few samples of an
    order that do not fill a batch wait for the next epoch.

    Args:
        samples: [count, ...], on the device where training happens.
        batch_size: samples in a batch, from 1 to count.

    Raises:
        ValueError: `batch_size` is below 1 or above the number of
            samples.

    Lesson 02, section 3.
    """

    def __init__(self, samples: Tensor, batch_size: int) -> None:
        """Keep a reference to `samples`; nothing is copied."""
        check_batch_size(samples, batch_size)
        self.samples = samples
        self.batch_size = batch_size

    def __len__(self) -> int:
        """Return the number of batches in an epoch."""
        return len(self.samples) // self.batch_size

    def __iter__(self) -> Iterator[Tensor]:
        """Yield batches [batch_size, ...] in a new random order."""
        order = torch.randperm(len(self.samples))
        order = order[: len(self) * self.batch_size]
        order = order.to(self.samples.device)
        for indices in order.split(self.batch_size):
            yield _floats(self.samples[indices])


def _floats(batch: Tensor) -> Tensor:
    stored = batch.dtype == torch.uint8
    return scale_images(batch) if stored else batch


def batch_count(batches: Iterable) -> int | None:
    """Return how many batches an epoch has; None where nobody knows."""
    try:
        return len(batches)
    except TypeError:  # a DataLoader has a length only where its dataset has one
        return None


def smallest_batch(batches: Iterable) -> int | None:
    """Return how many samples the smallest batch of an epoch has; None where nobody knows."""
    if isinstance(batches, (list, tuple)):
        found = map(_samples_of, batches)
        return min((len(x) for x in found if isinstance(x, Tensor) and x.ndim), default=None)
    sampler = getattr(batches, "batch_sampler", batches)
    if type(sampler) is not BatchSampler or sampler.drop_last:
        return getattr(sampler, "batch_size", None)
    count = batch_count(sampler.sampler)
    return None if not count else count % sampler.batch_size or sampler.batch_size


def _samples_of(batch: Any) -> Any:
    """Return the samples of a batch that may hold labels as well."""
    return next(iter(batch), None) if isinstance(batch, (list, tuple)) else batch


def data_identity(batches: Iterable) -> dict[str, Any]:
    """Return what tells the data of a training run from others, as plain numbers and strings.

    Of tensors (`Batches`, a list of batches, a DataLoader of a TensorDataset) the contents count,
    by a hash; of other data their kind, their number and the batch size.
    """
    source, digest = getattr(batches, "dataset", batches), sha256()
    if isinstance(source, (list, tuple)):
        found = list(map(_samples_of, source))
    elif isinstance(source, TensorDataset):
        found = [source.tensors[0]]
    else:
        found = [getattr(source, "samples", source)]
    tensors = [each for each in found if isinstance(each, Tensor)]
    for tensor in tensors:
        digest.update(repr((tensor.dtype, tuple(tensor.shape))).encode())
        digest.update(tensor.cpu().contiguous().flatten().view(torch.uint8).numpy())
    return {
        "batches": batch_count(batches),
        "batch_size": getattr(batches, "batch_size", None),
        "samples": batch_count(source),
        "data": digest.hexdigest()[:16] if tensors else type(source).__name__,
    }


class BatchStream:
    """Batches on the device without end, epoch after epoch, from any place on.

    Its `state_dict` holds the place: the state of the random generators when the epoch began,
    which fixes its order, and the number of batches taken since. That is exact for everything
    that draws from PyTorch's global generators; a DataLoader with a generator of its own or
    with persistent workers comes back with other batches.

    Args:
        batches: gives an epoch's batches each time it is iterated: `Batches`, a list, a
            DataLoader. Of a batch (samples, labels) the samples are used.
        device: where the batches go.
    """

    def __init__(self, batches: Iterable, device: torch.device) -> None:
        """Start at the beginning of the first epoch."""
        self.batches = batches
        self.device = device
        self.position = 0
        self._stream = self._endless()

    def _endless(self) -> Iterator[Tensor]:
        while True:
            self.epoch_start = random_state(self.device)
            self.position = 0
            for batch in self.batches:
                self.position += 1
                samples = _samples_of(batch)
                if not isinstance(samples, Tensor):
                    raise ValueError(
                        f"batches gives {type(samples).__name__}; it must give tensors, or lists "
                        "(samples, labels) of them"
                    )
                if samples.layout != torch.strided:
                    raise ValueError(f"batches gives {samples.layout}; it must give dense tensors")
                if not samples.is_floating_point():
                    raise ValueError(f"batches gives {samples.dtype}; it must give floating point")
                samples = samples.detach().to(self.device)
                # A network that works in place must not change what is learned from.
                yield samples.clone() if isinstance(self.batches, (list, tuple)) else samples
            if self.position == 0:
                raise ValueError(
                    "batches gave nothing; it must give batches each time it is iterated, "
                    "as a list or a DataLoader does and a generator does not"
                )

    def __next__(self) -> Tensor:
        """Return the next batch.

        Raises:
            ValueError: `batches` gave nothing in a whole epoch, no tensors, or no floats.
        """
        return next(self._stream)

    def close(self) -> None:
        """Let go of the batches, and so of the worker processes of a DataLoader."""
        self._stream.close()

    def state_dict(self) -> dict[str, Any]:
        """Return the place in the stream, after at least one batch."""
        return {"epoch_start": self.epoch_start, "position": self.position}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Go to a place that `state_dict` returned. Leaves the random generators moved."""
        restore_random_state(state["epoch_start"], self.device)
        self._stream = self._endless()
        for _ in range(state["position"]):
            next(self)


class DistributedBatches:
    """One process's part of every batch of a training run that several share.

    What a batch holds depends on the seed and the step alone: no
    process has to know what another one took, and a training run that goes
    on needs no memory of its place. Epochs are as in `Batches`.

    Args:
        samples: [count, ...], the same in all processes.
        batch_size: samples in a batch, those of all processes together.
        seed: of the orders.
        rank: the number of this process, from 0.
        size: how many processes share a batch.

    Raises:
        ValueError: `batch_size` is below 1 or above the number of
            samples, or the processes cannot share it evenly.
    """

    def __init__(
        self, samples: Tensor, batch_size: int, seed: int, rank: int = 0, size: int = 1
    ) -> None:
        """Keep a reference to `samples`; nothing is copied."""
        self.steps = len(Batches(samples, batch_size))  # of an epoch
        if batch_size % size:
            fitting = batch_size // size * size or size
            raise ValueError(
                f"a batch of {batch_size} cannot be shared evenly by {size} processes; "
                f"take a batch of {fitting} or {fitting + size}"
            )
        self.samples, self.batch_size, self.seed = samples, batch_size, seed
        self.rank, self.size = rank, size
        self.epoch, self.order = -1, torch.empty(0)

    def __getitem__(self, step: int) -> Tensor:
        """Return this process's part [batch_size / size, ...] of the batch of a step, from 0."""
        epoch, place = divmod(step, self.steps)
        if epoch != self.epoch:
            generator = torch.Generator().manual_seed(mixed_seed(self.seed, epoch))
            self.epoch, self.order = epoch, torch.randperm(len(self.samples), generator=generator)
        batch = self.order[place * self.batch_size :][: self.batch_size]
        part = batch.chunk(self.size)[self.rank]
        return _floats(self.samples[part.to(self.samples.device)])
