"""What one can ask about a training run that has ended. Each answer is printed, some are drawn."""

import copy
import inspect
import textwrap
from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import partial

import matplotlib.pyplot as plt
import torch
from torch import Tensor, nn
from torch.optim import Optimizer

from gan_utils.exercises.clinic import MOMENTS, PARTS, Run, Training, d_loss, g_loss, step
from gan_utils.gan.models import count_parameters, evaluate
from gan_utils.randomness import seeded
from gan_utils.scores.metrics import nearest_neighbours
from gan_utils.show.plotting import (
    FAKE,
    REAL,
    plot_images,
    plot_plane,
    plot_samples,
    smooth,
)

LOOKED_AT = 20  # batches
NETWORKS = ("generator", "discriminator")


def plot_some(ax: plt.Axes, samples: Tensor, *, title: str = "", real: bool = False) -> None:
    """Draw points as points, and of images the first sixteen."""
    samples = samples.detach().cpu()
    if samples.ndim == 2:
        plot_plane(ax, title=title)
        ax.set(xlim=(-3, 9), ylim=(-4, 4), aspect="auto")
        plot_samples(ax, samples[:200], real=real)
    else:
        plot_images(ax, samples[:16], columns=4, title=title)


def show_run(run: Run) -> None:
    """Show what every training run leaves: its curves, and samples at three moments."""
    figure = plt.figure(figsize=(9, 3.1))
    grid = figure.add_gridspec(2, 4, width_ratios=(1.35, 1, 1, 1))
    losses, beliefs = (figure.add_subplot(grid[row, 0]) for row in (0, 1))
    curves = run.records.T
    steps = torch.arange(1, len(run.records) + 1)
    for ax, (real, fake), title in (
        (losses, curves[:2], "losses: D, and G dashed"),
        (beliefs, curves[2:], "D(x), and D(G(z)) dashed"),
    ):
        ax.plot(steps, smooth(real), color=REAL, linewidth=1.2)
        ax.plot(steps, smooth(fake), "--", color=FAKE, linewidth=1.2)
        ax.set_title(title, fontsize=9)
        ax.tick_params(labelsize=8)
    losses.tick_params(labelbottom=False)
    beliefs.set(ylim=(-0.03, 1.03), xlabel="step")
    moments = dict(zip(MOMENTS, run.snapshots, strict=True))
    for place, part in enumerate((9, 3, 1), start=1):
        ax = figure.add_subplot(grid[:, place])
        plot_some(ax, moments[part], title=f"step {len(run.records) // part:,}")
    plt.show()


def show_side_by_side(samples: Mapping[str, Tensor]) -> None:
    """Show samples beside each other, under their names."""
    _, axes = plt.subplots(1, len(samples), figsize=(2.4 * len(samples), 2.4))
    for ax, (name, some) in zip(axes, samples.items(), strict=True):
        plot_some(ax, some, title=name, real=name == "real")
    plt.show()


def data(run: Run) -> None:
    """Real and generated samples, and their ranges."""
    both = {"real": run.real[:256], "generated": run.snapshots[-1]}
    for name, samples in both.items():
        low, high, mean = samples.min().item(), samples.max().item(), samples.mean().item()
        print(f"{name:10} from {low:6.2f} to {high:5.2f}, mean {mean:5.2f}")
    show_side_by_side(both)


def batches(run: Run) -> None:
    """How many different samples twenty batches hold."""
    source = run.training.batches(run.real, run.training.batch_size)
    seen = [next(source) for _ in range(LOOKED_AT)]
    every = torch.cat(seen).flatten(1).cpu()
    different = len(torch.unique(every, dim=0))
    spread = torch.stack([batch.mean() for batch in seen]).std().item()
    print(f"{LOOKED_AT} batches: {len(every)} samples, {different} of them different")
    print(f"means of the batches: standard deviation {spread:.3f}")


def weights(run: Run) -> None:
    """How far the weights have moved since the first step."""
    trained = run.generator, run.discriminator
    for name, before, after in zip(NETWORKS, run.first, trained, strict=True):
        pairs = [(p, q) for p, q in zip(before.parameters(), after.parameters(), strict=True)]
        moved = _norm([q - p for p, q in pairs]) / _norm([p for p, _ in pairs])
        print(f"{name:14} moved by {moved:.3f} times the length of its weights")


def gradients(run: Run) -> None:
    """Gradients of one more update, and of its batch alone."""
    found, batch = [], _batch(run)
    for cleared in (False, True):
        copies = copy.deepcopy((run.generator, run.discriminator, *run.optimizers))
        for network, original in zip(copies, (run.generator, run.discriminator), strict=False):
            for weight, kept in zip(network.parameters(), original.parameters(), strict=True):
                weight.grad = None if cleared or kept.grad is None else kept.grad.clone()
        found.append(_update(run.training, *copies, *batch))
    for name, used, alone in zip(NETWORKS, *found, strict=True):
        print(f"{name:14} {used.norm():.3g} in the next update, {alone.norm():.3g} of its batch")


def reference(run: Run) -> None:
    """Gradients of the first step, beside lesson 01's."""
    t = run.training
    real, latent = _batch(run)
    found = []
    for one in (t, replace(t, step=step, d_loss=d_loss, g_loss=g_loss)):
        networks = copy.deepcopy(run.first)
        optimizers = t.optimizers(*networks, t.lr, t.d_lr, t.betas)
        found.append(_update(one, *networks, *optimizers, real, latent))
    for name, here, there in zip(NETWORKS, *found, strict=True):
        angle = torch.cosine_similarity(here, there, dim=0).item()
        ratio = (here.norm() / there.norm()).item()
        print(f"{name:14} {ratio:.2f} times as long, cosine {angle:.2f}")


def logits(run: Run) -> None:
    """The raw outputs of D, which a loss takes for logits."""
    both = {"real": run.real[:256], "generated": run.snapshots[-1][:256].to(run.device)}
    for name, samples in both.items():
        found = evaluate(run.discriminator, samples)
        low, high, mean = found.min().item(), found.max().item(), found.mean().item()
        print(f"{name:10} from {low:.3g} to {high:.3g}, mean {mean:.3g}")


def company(run: Run) -> None:
    """What D says of the same samples in other company."""
    half = run.training.batch_size
    real = run.real[:half]
    fake = run.snapshots[-1][:half].to(run.device)
    discriminator = copy.deepcopy(run.discriminator)  # in training mode it may count batches
    with torch.no_grad():
        alone = discriminator(real)
        mixed = discriminator(torch.cat([real, fake]))[:half]
    for name, found in (("among real ones", alone), ("with generated ones", mixed)):
        print(f"D(x) {name:20} {found.sigmoid().mean():.3f}")


def modes(run: Run) -> None:
    """What the generator draws in each mode, and its copy."""
    generator = copy.deepcopy(run.generator)
    with torch.no_grad():
        in_training = generator.train()(run.latent)
    drawn = {
        "training mode": in_training,
        "evaluation mode": evaluate(generator, run.latent),
        "averaged copy": run.training.draw(copy.deepcopy(run.averaged), run.latent),
    }
    for name, samples in drawn.items():
        print(f"{name:16} standard deviation {samples.std(0).mean():.3f}")
    show_side_by_side(drawn)


def latents(run: Run) -> None:
    """How many different latent vectors twenty steps use."""
    t = run.training
    used = torch.cat([t.latent(t.batch_size, t.latent_dim) for _ in range(LOOKED_AT)])
    different = len(torch.unique(used, dim=0))
    print(f"{LOOKED_AT} steps: {len(used)} latent vectors, {different} of them different")
    new = torch.randn(64, t.latent_dim, generator=torch.Generator().manual_seed(1))
    drawn = {"used": used[:64], "new": new}
    averaged = copy.deepcopy(run.averaged)  # drawing in training mode would change it
    show_side_by_side({n: t.draw(averaged, z.to(run.device)) for n, z in drawn.items()})


def kept_back(run: Run) -> None:
    """What D says of samples that it did not learn from."""
    kept = run.training.prepare(run.training.kept().to(run.device))
    fake = run.snapshots[-1].to(run.device)
    for name, samples in (("learned from", run.real), ("kept back", kept), ("generated", fake)):
        found = evaluate(run.discriminator, samples[:256]).sigmoid().mean()
        print(f"{name:14} D = {found:.2f}")


def nearest(run: Run) -> None:
    """How far samples are from the nearest real one."""
    kept = run.training.prepare(run.training.kept().to(run.device))
    for name, samples in (("generated", run.snapshots[-1]), ("kept back", kept)):
        _, distances = nearest_neighbours(samples.cpu(), run.real.cpu())
        print(f"{name:10} to the nearest one learned from: {distances.mean():.3f}")


def constants(run: Run) -> None:
    """The numbers of the recipe."""
    t = run.training
    print(f"rates: {t.lr:g} (G), {t.d_lr:g} (D); betas {t.betas}; batches of {t.batch_size}")
    sizes = [count_parameters(network) for network in (run.generator, run.discriminator)]
    print("parameters: {:,} (G), {:,} (D); {:,} steps".format(*sizes, t.steps))


def code(run: Run, part: str) -> None:
    """The code of one part."""
    thing = getattr(run.training, part)
    if part in NETWORKS:
        print(getattr(run, part))
    elif inspect.isfunction(thing):
        print(textwrap.dedent(inspect.getsource(thing)).rstrip())
    elif isinstance(thing, partial):
        print(f"{thing.func.__name__}{thing.args}")
    else:
        print(f"{part} = {thing}")


# What can be asked for, with its price in minutes of the one who asks.
PRICES: dict[Callable[..., None], int] = {
    constants: 1,
    data: 1,
    weights: 1,
    logits: 1,
    batches: 2,
    gradients: 2,
    modes: 2,
    latents: 2,
    company: 3,
    kept_back: 3,
    nearest: 3,
    reference: 5,
    code: 10,
}
MEASUREMENTS = {measure.__name__: measure for measure in PRICES}


def ask(run: Run, measurement: str, part: str | None = None) -> int:
    """Print one measurement of a run, and return its price in minutes.

    Args:
        run: that has ended.
        measurement: one of `MEASUREMENTS`.
        part: for `"code"`, the name of the part to read.

    Raises:
        ValueError: there is no such measurement, or no such part.
    """
    if measurement not in MEASUREMENTS:
        raise ValueError(f"{measurement!r} cannot be asked for; choose among "
                         f"{', '.join(MEASUREMENTS)}")  # fmt: skip
    if (measurement == "code") != (part is not None) or part not in (None, *PARTS):
        raise ValueError(f"part is {part!r}; \"code\" needs one of {', '.join(PARTS)}, and "
                         "nothing else takes any")  # fmt: skip
    measure = MEASUREMENTS[measurement]
    with seeded(0):  # an answer does not hang on what was asked before
        measure(run, *([part] if part else []))
    return PRICES[measure]


def _batch(run: Run) -> tuple[Tensor, Tensor]:
    """Return real samples and latent vectors as the next step would get them."""
    t = run.training
    real = next(t.batches(run.real, t.batch_size))
    return real, t.latent(t.batch_size, t.latent_dim).to(run.device)


def _update(
    training: Training,
    generator: nn.Module,
    discriminator: nn.Module,
    g_optimizer: Optimizer,
    d_optimizer: Optimizer,
    *batch: Tensor,
) -> list[Tensor]:
    """Do one step, and return the gradient of each network at the moment of its update: later the
    generator's loss has left one in the discriminator as well.
    """
    networks, found = (generator, discriminator), {}
    for number, optimizer in enumerate((g_optimizer, d_optimizer)):

        def keep(*_: object, number: int = number) -> None:
            found[number] = _gradient(networks[number])

        optimizer.register_step_pre_hook(keep)
    training.step(training, *networks, g_optimizer, d_optimizer, *batch)
    return [found[number] for number in range(2)]


def _gradient(network: nn.Module) -> Tensor:
    """Return all gradients of a network as one vector, 0 where there is none."""
    return torch.cat([(torch.zeros_like(p) if p.grad is None else p.grad).flatten()
                      for p in network.parameters()])  # fmt: skip


def _norm(tensors: list[Tensor]) -> float:
    return torch.cat([tensor.detach().flatten() for tensor in tensors]).norm().item()
