"""What happened in a training run: losses and probabilities of every step, samples of some."""

from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor, nn

from gan_utils.gan.models import evaluate

METRICS = ("d_loss", "g_loss", "d_real", "d_fake", "d_fake_after", "d_accuracy")


@dataclass(frozen=True)
class Snapshot:
    """What the networks made of fixed inputs at one moment of the training.

    Attributes:
        step: training steps done by then.
        samples: the generator's samples of `History.fixed_latent`, on the CPU.
        logits: the discriminator's logits of `History.probe`, on the CPU; None without a probe.
    """

    step: int
    samples: Tensor
    logits: Tensor | None


@dataclass
class History:
    """What happened in a training run.

    Attributes:
        generator: the network to sample from: the averaged copy where `ema_decay` was given,
            otherwise the trained generator itself. In evaluation mode after the training.
        fixed_latent: latent vectors whose samples the snapshots keep; None for no snapshots.
        probe: discriminator inputs whose logits the snapshots keep, or None.
        records: [steps, 6] on the CPU, one row a step, columns as in `METRICS`: the losses,
            the mean probability of "real" that the discriminator gives to real samples, to
            generated ones, and to generated ones after its update, and the share of real and
            generated samples that it tells apart (logit above 0 for real ones). Probabilities
            and share take the raw outputs as logits: with other losses than cross-entropy they
            say little. A penalty is part of the discriminator's loss.
            `history["d_loss"]` is a column.
        snapshots: moments of the training, oldest first.
        seconds: wall time of the steps, resumed parts included, snapshots and pictures not.
        interrupted: whether the training was stopped before its end.
    """

    generator: nn.Module
    fixed_latent: Tensor | None = None
    probe: Tensor | None = None
    records: Tensor = field(default_factory=lambda: torch.empty(0, len(METRICS)))
    snapshots: list[Snapshot] = field(default_factory=list)
    seconds: float = 0.0
    interrupted: bool = False

    def __getitem__(self, name: str) -> Tensor:
        """Return one column of `records`, [steps]."""
        if name not in METRICS:
            raise KeyError(f"{name!r} is not recorded; choose one of {', '.join(METRICS)}")
        return self.records[:, METRICS.index(name)]

    def extend(self, metrics: list[Tensor]) -> None:
        """Add the metrics of the latest steps, each [6] on any device."""
        self.records = torch.cat([self.records, torch.stack(metrics).cpu()])

    def take_snapshot(self, discriminator: nn.Module) -> None:
        """Keep what the networks make of the fixed inputs now, in evaluation mode."""
        device = next(discriminator.parameters()).device
        samples = evaluate(self.generator, self.fixed_latent.to(device, copy=True)).cpu()
        logits = None
        if self.probe is not None:
            logits = evaluate(discriminator, self.probe.to(device, copy=True)).cpu()
        self.snapshots.append(Snapshot(len(self.records), samples, logits))

    def identity(self) -> dict[str, Any]:
        """Return the shapes of the fixed inputs: a training run with others is another one."""
        inputs = dict(fixed_latent=self.fixed_latent, probe=self.probe)
        return {n: None if given is None else tuple(given.shape) for n, given in inputs.items()}

    def state_dict(self) -> dict[str, Any]:
        """Return everything but the generator, as plain data for a checkpoint."""
        return {
            "fixed_latent": self.fixed_latent,
            "probe": self.probe,
            "records": self.records,
            "snapshots": [(s.step, s.samples, s.logits) for s in self.snapshots],
            "seconds": self.seconds,
        }

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Take over what `state_dict` returned, the fixed inputs included.

        Raises:
            ValueError: the records are none.
        """
        records = state["records"]
        if not (torch.is_tensor(records) and records.shape[1:] == self.records.shape[1:]):
            raise ValueError("the records are no table of metrics")
        if History(self.generator, state["fixed_latent"], state["probe"]).identity() != (
            self.identity()
        ):
            raise ValueError("the fixed inputs have other shapes")
        self.fixed_latent, self.probe = state["fixed_latent"], state["probe"]
        self.records, self.seconds = records, float(state["seconds"])
        self.snapshots = [Snapshot(*snapshot) for snapshot in state["snapshots"]]
