"""The training step of a GAN, and one loop around it."""

import time
from collections.abc import Callable, Iterable, Sized
from numbers import Integral
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from torch.optim import Adam, Optimizer
from torch.optim.lr_scheduler import LambdaLR
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn
from torch.utils.data import Dataset

from gan_utils.checkpoints import SafeKeeper
from gan_utils.data import BatchStream
from gan_utils.history import History
from gan_utils.losses import GANLoss, named_loss
from gan_utils.models import LATENTS, count_parameters, draw_latent
from gan_utils.progress import progress_bar, stop_button

PRECISIONS = ("torch.float32", "torch.bfloat16")
CHECK_SECONDS = 1.0  # how often the losses are brought to the CPU and looked at


def gan_step(
    generator: nn.Module,
    discriminator: nn.Module,
    g_optimizer: Optimizer,
    d_optimizer: Optimizer,
    loss: GANLoss,
    real: Tensor,
    d_latent: Tensor,
    g_latent: Tensor,
    precision: torch.dtype = torch.float32,
) -> Tensor:
    """Train each player once: first the discriminator, then the generator.

    Args:
        generator, discriminator: the players, both in training mode.
        g_optimizer, d_optimizer: their optimisers.
        loss: what each player minimises.
        real: a batch of real samples [N, ...].
        d_latent, g_latent: latent vectors [N, latent_dim] for either half of the step.
        precision: `torch.bfloat16` runs both networks under autocast.

    Returns:
        The six numbers named in `history.STATISTICS`, still on the device.

    Source: Goodfellow et al. 2014, algorithm 1, with one discriminator update a step.
    """
    autocast = torch.autocast(real.device.type, precision, enabled=precision != torch.float32)

    with autocast:
        with torch.no_grad():  # the generator does not learn in this half
            fake = generator(d_latent)
        # Two passes, not one over both: batch norm must not mix real and fake statistics.
        real_logits = discriminator(real).float()
        fake_logits = discriminator(fake).float()
    d_loss = loss.discriminator(real_logits, fake_logits)
    if loss.penalty is not None:
        d_loss = d_loss + loss.penalty(discriminator, real, fake)
    d_optimizer.zero_grad()
    d_loss.backward()
    d_optimizer.step()

    with autocast:
        new_logits = discriminator(generator(g_latent)).float()
    g_loss = loss.generator(new_logits)  # its gradients go through D, into G alone
    g_optimizer.zero_grad()
    g_loss.backward(inputs=[p for p in generator.parameters() if p.requires_grad])
    g_optimizer.step()

    probabilities = [a.sigmoid().mean() for a in (real_logits, fake_logits, new_logits)]
    accuracy = ((real_logits > 0).float().mean() + (fake_logits <= 0).float().mean()) / 2
    return torch.stack([d_loss, g_loss, *probabilities, accuracy]).detach()


def train_gan(
    generator: nn.Module,
    discriminator: nn.Module,
    batches: Iterable,
    *,
    latent_dim: int,
    epochs: int | None = None,
    steps: int | None = None,
    latent: str = "normal",
    loss: str = "nonsaturating",
    lr: float = 2e-4,
    d_lr: float | None = None,
    betas: tuple[float, float] = (0.5, 0.999),
    decay_lr: bool = False,
    ema_decay: float | None = None,
    precision: torch.dtype = torch.float32,
    fixed_latent: Tensor | None = None,
    probe: Tensor | None = None,
    snapshots: int = 25,
    on_snapshot: Callable[[History], None] | None = None,
    checkpoint: Path | str | None = None,
    checkpoint_every: int = 1000,
    progress: bool = True,
) -> History:
    """Train `generator` against `discriminator`, in place, and return what happened.

    The stop button (Ctrl-C) ends the training after the current step and returns the history
    so far; pressed a second time it raises KeyboardInterrupt.

    Args:
        generator: maps latent vectors [N, latent_dim] to samples.
        discriminator: maps samples to logits; on the same device.
        batches: gives an epoch's batches of real samples each time it is iterated:
            `data.Batches`, a list, a DataLoader. Of (samples, labels) the samples are used.
        latent_dim: numbers in one latent vector.
        epochs, steps: how long to train; give one of the two.
        latent: how latent vectors are drawn, see `models.draw_latent`.
        loss: a name in `losses.LOSSES`.
        lr, betas: of both Adam optimisers (Kingma & Ba 2015).
        d_lr: the discriminator's learning rate, where it differs (Heusel et al. 2017).
        decay_lr: let the learning rate fall to zero along a straight line.
        ema_decay: sample from a copy of the generator whose weights follow the trained ones:
            averaged <- ema_decay * averaged + (1 - ema_decay) * trained.
        precision: `torch.bfloat16` runs the networks under autocast.
        fixed_latent: latent vectors whose samples the snapshots keep; None for no snapshots.
        probe: discriminator inputs whose logits the snapshots keep.
        snapshots: how many moments to keep, evenly spaced from the start to the end, at least 2.
        on_snapshot: called with the history after each snapshot, for a live picture.
        checkpoint: a file to write every `checkpoint_every` steps, when stopped and at the end.
            If it exists, the training goes on from there as if it had never stopped, with the
            fixed inputs that it holds; exactly so on the same kind of device.
        progress: show a progress bar.

    Raises:
        ValueError: an argument is out of range, or the checkpoint does not fit.
        FloatingPointError: a loss or a weight became infinite or not a number. The networks
            then hold the weights of the last check that found all finite.
    """
    total = _total_steps(batches, epochs, steps)
    players = (generator.train(), discriminator.train())
    settings = dict(
        latent_dim=int(latent_dim),
        steps=total,
        latent=latent,
        loss=loss,
        lr=float(lr),
        d_lr=float(lr if d_lr is None else d_lr),
        betas=tuple(map(float, betas)),
        decay_lr=decay_lr,
        ema_decay=None if ema_decay is None else float(ema_decay),
        precision=str(precision),
        batches=len(batches) if isinstance(batches, Sized) else None,
        parameters=tuple(map(count_parameters, players)),
    )
    _check_settings(settings, snapshots, checkpoint_every)
    gan_loss = named_loss(loss)
    if on_snapshot is not None and fixed_latent is None:
        raise ValueError("on_snapshot needs a fixed_latent to take snapshots of")
    device = next(generator.parameters()).device
    optimizers = [
        Adam(player.parameters(), settings[rate], settings["betas"], fused=True)
        for player, rate in zip(players, ("lr", "d_lr"), strict=True)
    ]
    schedules = [LambdaLR(o, lambda step: 1 - step / total) for o in optimizers if decay_lr]
    averages = []
    if ema_decay is not None:
        average = get_ema_multi_avg_fn(settings["ema_decay"])
        averages = [AveragedModel(generator, multi_avg_fn=average, use_buffers=True)]
    history = History(averages[0].module if averages else generator, fixed_latent, probe)
    stream = BatchStream(batches, device)

    parts = [*players, *optimizers, *schedules, *averages, history, stream]
    keeper = SafeKeeper(parts, settings, checkpoint, device)
    if keeper.resume():
        print(f"{keeper.path.name}: going on from step {len(history.records):,} of {total:,}.")
        keeper.check(history.records)
    done = len(history.records)
    moments = set()
    if history.fixed_latent is not None:
        moments = {round(total * k / (snapshots - 1)) for k in range(snapshots)}
    if moments and not history.snapshots:
        _take_snapshot(history, discriminator, on_snapshot)

    recent: list[Tensor] = []  # statistics left on the device: reading each would stall a GPU
    clock = time.perf_counter()
    with progress_bar(total, done=done, shown=progress) as bar, stop_button() as stopped:
        for step in range(done + 1, total + 1):
            real = next(stream)
            latents = [
                draw_latent(len(real), latent_dim, kind=latent, device=device) for _ in range(2)
            ]
            recent.append(gan_step(*players, *optimizers, gan_loss, real, *latents, precision))
            for schedule in schedules:
                schedule.step()
            for average in averages:
                average.update_parameters(generator)
            bar.update()

            last = step == total or stopped.is_set()
            saving = last or step % checkpoint_every == 0
            if saving or step in moments or time.perf_counter() > clock + CHECK_SECONDS:
                history.extend(recent)  # waits for the device, so the clock is read afterwards
                recent.clear()
                now = time.perf_counter()
                history.seconds, clock = history.seconds + now - clock, now
                keeper.check(history.records)
            if step in moments:
                _take_snapshot(history, discriminator, on_snapshot)
            if saving:
                keeper.save()
            if last:
                break
    history.interrupted = len(history.records) < total
    if history.interrupted:
        print(f"Stopped after step {len(history.records):,} of {total:,}.")
    history.generator.eval()
    return history


def _take_snapshot(
    history: History, discriminator: nn.Module, on_snapshot: Callable[[History], None] | None
) -> None:
    history.take_snapshot(discriminator)
    if on_snapshot is not None:
        on_snapshot(history)


def _total_steps(batches: Iterable, epochs: int | None, steps: int | None) -> int:
    if (epochs is None) == (steps is None):
        raise ValueError(f"give either epochs or steps; got epochs={epochs} and steps={steps}")
    name, count = ("epochs", epochs) if steps is None else ("steps", steps)
    if not isinstance(count, Integral) or count < 1:
        raise ValueError(f"{name} is {count!r}; it must be a whole number of at least 1")
    if isinstance(batches, (Tensor, Dataset)):
        raise ValueError(f"batches is a {type(batches).__name__}; wrap it in Batches or DataLoader")
    if steps is not None:
        return int(steps)
    if not isinstance(batches, Sized):
        raise ValueError("batches has no length to count epochs by; give steps instead")
    if len(batches) == 0:
        raise ValueError("batches is empty: is the batch size larger than the data?")
    return int(epochs) * len(batches)


def _check_settings(settings: dict[str, Any], snapshots: int, checkpoint_every: int) -> None:
    if settings["latent"] not in LATENTS:
        raise ValueError(f"latent is {settings['latent']!r}; choose one of {', '.join(LATENTS)}")
    for name in ("lr", "d_lr"):
        if not settings[name] > 0:
            raise ValueError(f"{name} is {settings[name]}; it must be above 0")
    betas = settings["betas"]
    if len(betas) != 2 or not all(0 <= beta < 1 for beta in betas):
        raise ValueError(f"betas is {betas}; give two numbers of at least 0 and below 1")
    if settings["precision"] not in PRECISIONS:
        raise ValueError(f"precision is {settings['precision']}; give {' or '.join(PRECISIONS)}")
    decay = settings["ema_decay"]
    if decay is not None and not 0 < decay < 1:
        raise ValueError(f"ema_decay is {decay}; it must lie between 0 and 1")
    at_least = [
        ("latent_dim", settings["latent_dim"], 1),
        ("snapshots", snapshots, 2),
        ("checkpoint_every", checkpoint_every, 1),
    ]
    for name, value, least in at_least:
        if value < least:
            raise ValueError(f"{name} is {value}; it must be at least {least}")
