"""One step of training: the discriminator learns, then the generator."""

import re
from contextlib import nullcontext
from typing import Any

import torch
from torch import Tensor, nn
from torch.optim import Adam, Optimizer
from torch.optim.lr_scheduler import LambdaLR

from gan_utils.gan.augment import DiffAugment
from gan_utils.gan.ema import ema_of
from gan_utils.gan.latent import LATENTS, draw_latent
from gan_utils.gan.losses import GANLoss, named_loss
from gan_utils.gan.models import (
    DCGANDiscriminator,
    MLPDiscriminator,
    count_parameters,
    has_hooks,
)
from gan_utils.gan.network_checks import check_networks
from gan_utils.settings import require_choice, require_flags, require_numbers, require_whole

PRECISIONS = ("torch.float32", "torch.bfloat16")
# Modules, of exactly these types, that treat each sample of a batch by itself. Of others, a
# learner's own `forward` among them, nothing is known.
SAMPLE_BY_SAMPLE = (
    *(nn.Sequential, MLPDiscriminator, DCGANDiscriminator, DiffAugment),
    *(nn.Linear, nn.Conv1d, nn.Conv2d, nn.Conv3d, nn.Flatten, nn.Unflatten, nn.Identity),
    *(nn.ReLU, nn.LeakyReLU, nn.ELU, nn.SELU, nn.GELU, nn.SiLU, nn.Tanh, nn.Softplus),
    *(nn.Dropout, nn.Dropout2d, nn.AvgPool2d, nn.MaxPool2d, nn.LayerNorm, nn.GroupNorm),
)


def logits_of_both(
    discriminator: nn.Module,
    real: Tensor,
    fake: Tensor,
) -> tuple[Tensor, Tensor]:
    """Return the logits of real and of generated samples.

    One pass over both takes half as many calls. But what looks at the
    whole batch, as batch norm does, must not mix real and fake
    statistics: with any module not in SAMPLE_BY_SAMPLE, or a hook, both
    go apart. Lesson 03, section 5.
    """
    kinds = {type(module) for module in discriminator.modules()}
    if kinds <= {*SAMPLE_BY_SAMPLE} and not has_hooks(discriminator):
        logits = discriminator(torch.cat([real, fake]))
        return logits[: len(real)], logits[len(real) :]
    return discriminator(real), discriminator(fake)


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
    """Train each network once: first the discriminator, then the
    generator.

    Args:
        generator, discriminator: both in training mode.
        g_optimizer, d_optimizer: their optimisers.
        loss: what each network minimises.
        real: a batch of real samples [N, ...].
        d_latent, g_latent: latent vectors [N, latent_dim] for either
            half of the step, which may be the same tensor.
        precision: `torch.bfloat16` runs both networks under autocast.

    Returns:
        The six numbers named in `history.METRICS`, still on the
        device.

    Source: Goodfellow et al. 2014, algorithm 1, with one discriminator
    update a step. Lesson 01, section 4.
    """
    shared = g_latent is d_latent  # then one pass through G will do
    autocast = nullcontext()
    if precision != torch.float32:
        autocast = torch.autocast(real.device.type, precision)

    with autocast:
        with torch.set_grad_enabled(shared):
            samples = generator(d_latent)
        # The generator only supplies them, in full precision.
        fake = samples.detach().to(real.dtype)
        both = logits_of_both(discriminator, real, fake)
    real_logits, fake_logits = (logits.float() for logits in both)
    d_loss = loss.discriminator(real_logits, fake_logits)
    if loss.penalty is not None:
        d_loss = d_loss + loss.penalty(discriminator, real, fake)
    d_optimizer.zero_grad()
    d_loss.backward()
    d_optimizer.step()

    with autocast:
        if not shared:
            samples = generator(g_latent)
        new_logits = discriminator(samples).float()
        compared = [new_logits]
        if loss.relativistic:
            with torch.no_grad():
                compared.append(discriminator(real).float())
    g_loss = loss.generator(*compared)
    g_optimizer.zero_grad()
    weights = [p for p in generator.parameters() if p.requires_grad]
    g_loss.backward(inputs=weights)  # through D, into G alone
    g_optimizer.step()

    outputs = (real_logits, fake_logits, new_logits)
    probabilities = [logits.sigmoid().mean() for logits in outputs]
    right = (real_logits > 0).float(), (fake_logits <= 0).float()
    accuracy = sum(part.mean() for part in right) / 2
    found = [d_loss, g_loss, *probabilities, accuracy]
    return torch.stack(found).detach()


class TrainState:
    """All that a training run changes: two networks, their optimisers, schedules and the EMA.

    `step` trains each network once.

    Attributes:
        networks: generator and discriminator, the networks that were given.
        optimizers: their two Adam optimisers, in the same order.
        ema_generator: the network to draw samples from: the averaged copy of the generator where
            `ema_decay` was given, otherwise the generator itself.
        device: where the generator lives, and the latent vectors are drawn.
        sample_shape: of one sample that the generator makes.
        settings: the arguments as plain numbers and strings.
    """

    def __init__(
        self,
        generator: nn.Module,
        discriminator: nn.Module,
        *,
        latent_dim: int,
        steps: int,
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
    ) -> None:
        """Check the settings, then make the optimisers; nothing is trained yet.

        Args:
            generator: maps latent vectors [N, latent_dim] to samples.
            discriminator: maps samples to logits [N, 1]; on the same device.
            latent_dim: numbers in one latent vector.
            steps: how many steps are planned; only `decay_lr` depends on it.
            latent: how latent vectors are drawn, see `latent.draw_latent`.
            shared_latent: give both halves of a step the same latent vectors.
            loss: a name in `losses.LOSSES`.
            gamma: the weight of the loss's penalty (R1, gradient penalty); None for its usual one.
            lr, betas: of both Adam optimisers (Kingma & Ba 2015).
            d_lr: the discriminator's learning rate, where it differs (Heusel et al. 2017); 0 leaves
                the discriminator as it is.
            decay_lr: let the learning rate fall to zero along a straight line.
            ema_decay: sample from a copy of the generator whose weights follow the trained ones:
                averaged <- ema_decay * averaged + (1 - ema_decay) * trained.
            precision: `torch.bfloat16` runs the networks under autocast.

        Raises:
            ValueError: an argument is out of range, or the networks do not fit, see
                `network_checks.check_networks`; the networks are as they were.
        """
        require_whole(optional=False, latent_dim=latent_dim)
        require_numbers(optional=False, lr=lr)
        require_numbers(d_lr=d_lr, ema_decay=ema_decay, gamma=gamma)
        if not isinstance(betas, (tuple, list)):
            raise ValueError(f"betas is {betas!r}; give two numbers of at least 0 and below 1")
        require_numbers(optional=False, **{f"betas[{i}]": beta for i, beta in enumerate(betas)})
        if not torch.is_grad_enabled():
            raise ValueError("gradients are switched off here (torch.no_grad); train outside of it")
        self.sample_shape = check_networks(generator, discriminator, latent_dim)
        self.settings = dict(
            latent_dim=int(latent_dim),
            steps=int(steps),
            latent=latent,
            shared_latent=shared_latent,
            loss=loss,
            gamma=None if gamma is None else float(gamma),
            lr=float(lr),
            d_lr=float(lr if d_lr is None else d_lr),
            betas=tuple(map(float, betas)),
            decay_lr=decay_lr,
            ema_decay=None if ema_decay is None else float(ema_decay),
            precision=str(precision),
            parameters=tuple(map(count_parameters, (generator, discriminator))),
        )
        _check(self.settings)
        self.networks = (generator, discriminator)
        weight = next(generator.parameters())
        self.device, self.dtype = weight.device, weight.dtype
        self.loss, self.precision = named_loss(loss, gamma), precision
        self.optimizers = [
            Adam(network.parameters(), self.settings[rate], self.settings["betas"], fused=True)
            for network, rate in zip(self.networks, ("lr", "d_lr"), strict=True)
        ]
        falling = self.optimizers if decay_lr else []
        self.schedules = [LambdaLR(o, lambda step: 1 - step / steps) for o in falling]
        self.averages = []
        if ema_decay is not None:
            self.averages = [ema_of(generator, self.settings["ema_decay"])]
        self.ema_generator = self.averages[0].module if self.averages else generator

    def step(self, real: Tensor) -> Tensor:
        """Train each network once, with a batch of real samples [N, ...] and new latent vectors.

        Returns:
            The six numbers named in `history.METRICS`, still on the device.

        Raises:
            ValueError: the samples have another dtype than the weights, or another shape than
                those of the generator.
        """
        self.check_samples(real)
        metrics = self.learn(real)
        for schedule in self.schedules:
            schedule.step()
        for average in self.averages:
            average.update_parameters(self.networks[0])
        return metrics

    def check_samples(self, real: Tensor) -> None:
        """Refuse real samples of another dtype than the weights, or another shape than generated.

        Raises:
            ValueError: they are.
        """
        if real.dtype != self.dtype:
            raise ValueError(
                f"batches gives {real.dtype}; the weights are {self.dtype}: convert it"
            )
        if real.shape[1:] != self.sample_shape:
            raise ValueError(
                f"batches gives samples of the shape {[*real.shape[1:]]}; the generator makes "
                f"{[*self.sample_shape]}"
            )

    def learn(self, real: Tensor) -> Tensor:
        """Do what a step does before rates fall and weights are averaged; see `step`."""
        d_latent = self.latent(len(real))
        g_latent = d_latent if self.settings["shared_latent"] else self.latent(len(real))
        return gan_step(
            *self.networks, *self.optimizers, self.loss, real, d_latent, g_latent, self.precision
        )

    def identity(self) -> dict[str, Any]:
        """Return what tells this training from another one, as plain numbers and strings.

        How many steps are planned is part of it only where the rate falls to the last of them.
        """
        named = dict(zip(("generator", "discriminator"), map(repr, self.networks), strict=True))
        found = self.settings | {n: re.sub(r" at 0x\w+", "", text) for n, text in named.items()}
        steps = found.pop("steps")
        return found | ({"steps, to which rates fall,": steps} if self.schedules else {})

    def latent(self, count: int) -> Tensor:
        """Draw latent vectors [count, latent_dim] as a step does."""
        dim, kind = self.settings["latent_dim"], self.settings["latent"]
        return draw_latent(count, dim, kind=kind, device=self.device).to(self.dtype)

    def all_networks(self) -> list[nn.Module]:
        """Return all networks whose weights a step changes."""
        return [*self.networks, *self.averages]

    def _parts(self) -> list[Any]:
        return [*self.all_networks(), *self.optimizers, *self.schedules]

    def state_dict(self) -> dict[str, Any]:
        """Return everything that steps change."""
        return {"parts": [part.state_dict() for part in self._parts()]}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Take over what `state_dict` returned.

        Raises:
            ValueError: an optimiser remembers weights of another shape. PyTorch does not look, and
                its fused Adam then writes where it must not.
        """
        for part, saved in zip(self._parts(), state["parts"], strict=True):
            part.load_state_dict(saved)
        for optimizer in self.optimizers:
            for weight, memory in optimizer.state.items():
                shapes = {name: [*kept.shape] for name, kept in memory.items() if name != "step"}
                if shapes != dict.fromkeys(("exp_avg", "exp_avg_sq"), [*weight.shape]):
                    raise ValueError(
                        f"Adam remembers {shapes} of a weight with the shape {[*weight.shape]}"
                    )


def _check(settings: dict[str, Any]) -> None:
    named_loss(settings["loss"], settings["gamma"])
    require_choice(LATENTS, latent=settings["latent"])
    require_choice(PRECISIONS, precision=settings["precision"])
    if not settings["lr"] > 0:
        raise ValueError(f"lr is {settings['lr']}; it must be above 0")
    if not settings["d_lr"] >= 0:
        raise ValueError(f"d_lr is {settings['d_lr']}; it must be at least 0")
    require_flags(**{name: settings[name] for name in ("decay_lr", "shared_latent")})
    betas = settings["betas"]
    if len(betas) != 2 or not all(0 <= beta < 1 for beta in betas):
        raise ValueError(f"betas is {betas}; give two numbers of at least 0 and below 1")
    decay = settings["ema_decay"]
    if decay is not None and not 0 < decay < 1:
        raise ValueError(f"ema_decay is {decay}; it must lie between 0 and 1")
