"""The loop around the training step: when to look, to show, to save and to stop."""

import math
from collections.abc import Callable, Iterable, Iterator
from contextlib import closing
from pathlib import Path

import torch
from torch import Tensor, nn
from torch.nn import BatchNorm1d
from torch.utils.data import Dataset

from gan_utils.data.batches import BatchStream, batch_count, data_identity, smallest_batch
from gan_utils.files import file_lock
from gan_utils.gan.callbacks import MetricsRecorder, SnapshotTaker, snapshot_steps
from gan_utils.gan.checkpoints import Checkpointer
from gan_utils.gan.cuda_graph import make_train_state
from gan_utils.gan.history import History
from gan_utils.gan.step import TrainState
from gan_utils.progress import print_wrapped, progress_bar, stop_button
from gan_utils.runtime import memory_advice
from gan_utils.settings import require_numbers, require_whole


def train_gan(
    generator: nn.Module,
    discriminator: nn.Module,
    batches: Iterable,
    *,
    epochs: int | None = None,
    steps: int | None = None,
    fixed_latent: Tensor | None = None,
    probe: Tensor | None = None,
    snapshots: int | Iterable[int] = 25,
    on_snapshot: Callable[[History], None] | None = None,
    every_seconds: float = 10.0,
    checkpoint: Path | str | None = None,
    checkpoint_every: int = 1000,
    progress: bool = True,
    graph: bool | None = None,
    latent_dim: int,
    latent: str = "normal",
    shared_latent: bool = False,
    loss: str = "nonsaturating",
    gamma: float | None = None,
    lr: float = 2e-4,
    d_lr: float | None = None,
    betas: tuple[float, float] = (0.5, 0.999),
    decay_lr: bool = False,
    ema_decay: float | None = None,
    precision: torch.dtype = torch.float32,
) -> History:
    """Train `generator` against `discriminator`, in place, and return what happened.

    The stop button (Ctrl-C) ends the training after the current step and returns the history
    so far. Pressed twice, it raises KeyboardInterrupt after that step: the cells behind it do not
    run either, and a checkpoint is written first.

    Args:
        generator: maps latent vectors [N, latent_dim] to samples.
        discriminator: maps samples to logits; on the same device.
        batches: gives an epoch's batches of real samples each time it is iterated:
            `batches.Batches`, a list, a DataLoader. Of (samples, labels) the samples are used.
        epochs, steps: how long to train; give one of the two.
        fixed_latent: latent vectors whose samples the snapshots keep; None for no snapshots.
        probe: discriminator inputs whose logits the snapshots keep.
        snapshots: how many moments to keep, evenly spaced from the start to the end, at least 2;
            or the steps themselves, such as (30, 100, 300), to which both ends are added. A
            training that is stopped keeps the moment of the stop as well.
        on_snapshot: called with the history after each snapshot, for a live picture.
        every_seconds: it is also called when so much time has passed; the history then ends with
            a snapshot of that moment, which the next one replaces.
        checkpoint: a file to write every `checkpoint_every` steps, when stopped and at the end.
            If it exists, the training goes on from there as if it had never stopped, with the
            fixed inputs that it holds; exactly so on the same kind of device.
        progress: show a progress bar.
        graph: True has a CUDA GPU repeat a recorded step, see `cuda_graph.CUDAGraphTrainState`:
            the same training within rounding. Where that cannot be, a line says so. None does it
            where it certainly can be done, without a word; False never.
        latent_dim, latent, shared_latent: how latent vectors are drawn, see `step.TrainState`.
        loss, gamma: a name in `losses.LOSSES`, and the weight of its penalty; None for its own.
        lr, d_lr, betas, decay_lr: of Adam; `d_lr` where the discriminator's rate differs, and
            whether rates fall to zero along a straight line.
        ema_decay: sample from an EMA (exponential moving average) of the generator's weights.
        precision: `torch.bfloat16` runs the networks under autocast.

    Raises:
        ValueError: an argument is out of range, or the checkpoint does not fit, is written by
            another process or lies where nothing can be written.
        FloatingPointError: a loss or a weight became infinite or not a number. The networks
            then hold the weights of the last check that found all finite.
        torch.OutOfMemoryError: the GPU's memory is too small for such batches.
        RuntimeError: the step cannot be recorded as a graph.
    """
    total = _total_steps(batches, epochs, steps)
    require_numbers(optional=False, every_seconds=every_seconds)
    moments = snapshot_steps(total, snapshots)
    require_whole(optional=False, checkpoint_every=checkpoint_every)
    if on_snapshot is not None and fixed_latent is None:
        raise ValueError("on_snapshot needs a fixed_latent to take snapshots of")
    if on_snapshot is not None and not callable(on_snapshot):
        raise ValueError(f"on_snapshot is {on_snapshot!r}; give a function of the history")
    settings = dict(
        latent_dim=latent_dim, latent=latent, shared_latent=shared_latent, loss=loss, gamma=gamma,
        lr=lr, d_lr=d_lr, betas=betas, decay_lr=decay_lr, ema_decay=ema_decay, precision=precision,
    )  # fmt: skip
    train_state = make_train_state(generator, discriminator, graph=graph, steps=total, **settings)
    _check_inputs(train_state, batches, fixed_latent, probe)
    history = History(train_state.ema_generator, fixed_latent, probe)
    stream = BatchStream(batches, train_state.device)
    data = {} if checkpoint is None else data_identity(batches) | history.identity()
    checkpointer = Checkpointer(
        [train_state, history, stream],
        train_state.all_networks(),
        train_state.identity() | data,
        checkpoint,
        train_state.device,
    )
    with closing(stream), file_lock(checkpointer.path), memory_advice("the batch size"):
        resume(checkpointer, train_state, history, total)
        snapshot_taker = SnapshotTaker(history, discriminator, moments, on_snapshot, every_seconds)
        recorder = MetricsRecorder(history)  # its clock starts after the first picture
        loop = dict(total=total, checkpoint_every=checkpoint_every, progress=progress)
        training_loop(train_state, stream, recorder, snapshot_taker, checkpointer, **loop)
    history.interrupted = len(history.records) < total
    if history.interrupted:
        print(f"Stopped after step {len(history.records):,} of {total:,}.")
    history.generator.eval()
    return history


def resume(
    checkpointer: Checkpointer, train_state: TrainState, history: History, total: int
) -> None:
    """Go on from the checkpoint if it is there, and say from which of `total` steps.

    Raises:
        ValueError: it does not fit this training, or has more steps.
    """
    if not checkpointer.resume():
        return
    step, name, trouble = len(history.records), checkpointer.path.name, ""
    if step > total:
        trouble = f"holds {step:,} steps, and {total:,} are asked for; ask for more"
    elif not all(optimizer.state for optimizer in train_state.optimizers):
        trouble = "holds no memory of Adam, so the training could not go on exactly; delete it"
    if trouble:
        checkpointer.restore_weights()
        raise ValueError(f"{name} {trouble}, or give another name")
    print_wrapped(f"{name}: going on from step {step:,} of {total:,}.")
    checkpointer.check(history.records)


def training_loop(
    train_state: TrainState,
    stream: Iterator[Tensor],
    recorder: MetricsRecorder,
    snapshot_taker: SnapshotTaker,
    checkpointer: Checkpointer,
    *,
    total: int,
    checkpoint_every: int,
    progress: bool,
) -> None:
    """Train to step `total`, or until the stop button is pressed.

    After each step it asks: look at the losses? Show a picture? Save?
    Stop? A step that is shown or saved is looked at first.
    Lesson 01, section 20.
    """
    done = len(recorder.history.records)
    for network in train_state.networks:
        network.train()
    with (
        progress_bar(total, done=done, shown=progress) as bar,
        stop_button() as stopped,
    ):
        for step in range(done + 1, total + 1):
            recorder.add(train_state.step(next(stream)))
            bar.update()
            last = step == total or recorder.ends(step, stopped)
            saving = last or step % checkpoint_every == 0
            showing = snapshot_taker.is_due(step, last)
            if saving or showing or recorder.is_due(step):
                recorder.flush()
                checkpointer.check(recorder.history.records)
            if showing:
                snapshot_taker.take()
                for network in train_state.networks:
                    network.train()  # whatever a picture needed
                recorder.restart_clock()
            if saving:
                checkpointer.save()
                recorder.restart_clock()
            if last:
                break


def _total_steps(batches: Iterable, epochs: int | None, steps: int | None) -> int:
    if (epochs is None) == (steps is None):
        raise ValueError(f"give either epochs or steps; got epochs={epochs} and steps={steps}")
    require_whole(epochs=epochs, steps=steps)
    if isinstance(batches, (Tensor, Dataset)):
        raise ValueError(f"batches is a {type(batches).__name__}; wrap it in Batches or DataLoader")
    if not isinstance(batches, Iterable):
        raise ValueError(
            f"batches is a {type(batches).__name__}; give what can be iterated again and again: "
            "Batches, a DataLoader, a list. Of a function give what it returns, as a list"
        )
    if steps is not None:
        return int(steps)
    count = batch_count(batches)
    if count is None:
        raise ValueError("batches has no length to count epochs by; give steps instead")
    if count == 0:
        raise ValueError("batches is empty: is the batch size larger than the data?")
    return int(epochs) * count


def _check_inputs(
    train_state: TrainState, batches: Iterable, fixed_latent: Tensor | None, probe: Tensor | None
) -> None:
    shapes = {
        "fixed_latent": (fixed_latent, (train_state.settings["latent_dim"],)),
        "probe": (probe, train_state.sample_shape),
    }
    for name, (given, shape) in shapes.items():
        if given is None:
            continue
        if not isinstance(given, Tensor) or given.dtype != train_state.dtype:
            kind = getattr(given, "dtype", type(given).__name__)
            raise ValueError(f"{name} is {kind}; it must be a tensor of {train_state.dtype}")
        if given.shape[1:] != shape:
            wanted = ["N", *shape]
            raise ValueError(f"{name} has the shape {[*given.shape]}; it must be {wanted}")
    normed = any(isinstance(m, BatchNorm1d) for n in train_state.networks for m in n.modules())
    reached = train_state.settings["steps"] >= (batch_count(batches) or math.inf)
    reached = reached or getattr(batches, "batch_size", None) == 1
    if normed and reached and smallest_batch(batches) == 1:
        raise ValueError(
            "a batch of an epoch, perhaps the last one, has one sample, and batch norm needs two; "
            "use Batches, or a DataLoader of larger batches with drop_last=True"
        )
