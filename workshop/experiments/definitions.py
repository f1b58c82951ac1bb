"""The experiments that take hours: what each of them trains, and for how many steps."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from functools import partial
from itertools import product

from torch import nn

from gan_utils.data.digits import DIGIT_SOURCES
from gan_utils.gan import recipes
from gan_utils.gan.augment import DiffAugment
from gan_utils.gan.recipes import Recipe, vary
from workshop.experiments.evaluators import CURVE
from workshop.experiments.residual import ResidualDiscriminator, ResidualGenerator
from workshop.experiments.trials import Trial

Rows = dict[str, tuple[Recipe, int]]  # by name: a recipe and its steps


@dataclass(frozen=True)
class Experiment:
    """What is trained, and on what.

    Attributes:
        rows: returns the recipes and their steps.
        seeds: those that the lessons read.
        sources: what can be learned from, see `evaluators.evaluator_of`; first the usual one.
        scores: what its table shows.
        counts: by the names of rows, how many samples they learn from, where not all.
    """

    rows: Callable[[], Rows]
    seeds: tuple[int, ...] = (1, 2, 3)
    sources: tuple[str, ...] = tuple(name for name in DIGIT_SOURCES if name != "auto")
    scores: tuple[str, ...] = ("frechet",)
    counts: Mapping[str, int] = field(default_factory=dict)


SHORT, EQUAL, CHANGED = 2500, 6000, 3000  # steps
FACE_WIDTH, FACE_STEPS = 16, 1500

PUBLISHED, HOUSE = recipes.MNIST_PUBLISHED, recipes.MNIST_HOUSE
FALLING = dict(decay_lr=True)
PAIRS = dict(loss="relativistic, R1 and R2")
COUNTS = (100, 300, 1000, 3000, 11_000)  # pictures
FACE_SCORES = ("frechet", "chequers 2", "chequers 4", "contrast")
FACE_PLACES = ("folder", "drawn", "lfw", "celeba")
AVERAGED = dict(ema_decay=HOUSE.training["ema_decay"])

# From the first recipe to the house, one change at a time; each row keeps those above it.
PATH = {
    "Real Python": {},
    "batch of 128": dict(batch_size=HOUSE.batch_size),
    "β₁ = 0.5": dict(training=dict(betas=(0.5, 0.999))),
    "LeakyReLU in both": dict(
        generator=partial(recipes.MNIST_REAL_PYTHON.generator, slope=0.2),
        discriminator=partial(recipes.MNIST_REAL_PYTHON.discriminator, slope=0.2),
    ),
    "batch norm in G": dict(generator=HOUSE.generator),
    "smaller D, no dropout": dict(discriminator=HOUSE.discriminator),
    "higher rates": dict(training={name: HOUSE.training[name] for name in ("lr", "d_lr")}),
    "falling rates": dict(training=FALLING),
    "house's β": dict(training=dict(betas=HOUSE.training["betas"])),
    "averaged weights: house": dict(training=HOUSE.training),
}


def digits_steps() -> Rows:
    """Five recipes, the same number of steps for each; the house also with fewer."""
    rows = {name: (recipe, EQUAL) for name, recipe in PUBLISHED.items()}
    return rows | {"house": (HOUSE, EQUAL), "house, fewer steps": (HOUSE, SHORT)}


def digits_published() -> Rows:
    """Every recipe for its published budget."""
    return {name: (recipe, recipe.steps) for name, recipe in [*PUBLISHED.items(), ("house", HOUSE)]}


def digits_path() -> Rows:
    """From Real Python to house, one change at a time."""
    rows, recipe = {}, PUBLISHED["Real Python"]
    for name, change in PATH.items():
        recipe = vary(recipe, **change)
        rows[name] = (recipe, CHANGED)
    uniform = vary(HOUSE, training=dict(latent="uniform"))
    return rows | {"house with uniform noise": (uniform, CHANGED)}


def digits_control() -> Rows:
    """The Keras article's recipe with nothing but a falling rate and averaged weights."""
    recipe = vary(PUBLISHED["Keras article"], training=FALLING | AVERAGED)
    return {"Keras, falling, averaged": (recipe, EQUAL)}


def digits_losses() -> Rows:
    """The house recipe with each of five losses, and one of them with rates published for it."""
    games = ("minimax", "nonsaturating", "least squares", "hinge", "wasserstein")
    rows = {name: vary(HOUSE, training=dict(loss=name)) for name in games}
    # Heusel et al. 2017: in place of five updates of the discriminator, three times the rate.
    rates = dict(lr=1e-4, d_lr=3e-4, betas=(0.0, 0.9))
    rows["wasserstein, own rates"] = vary(rows["wasserstein"], training=rates)
    return {name: (recipe, CHANGED) for name, recipe in rows.items()}


def sine() -> Rows:
    """The published sine recipe with other rates, schedules and constants of Adam, in all
    combinations, and the house recipe.
    """
    published, house = recipes.SINE_PUBLISHED, recipes.SINE_HOUSE
    steps = published.epochs * CURVE["points"] // published.batch_size
    rates, adams = ([r.training[k] for r in (published, house)] for k in ("lr", "betas"))
    rows = {}
    for betas, falls, rate in product(adams, (False, True), rates):
        name = f"{rate:g} {'falling' if falls else 'constant'}, β₁ = {betas[0]:g}"
        levers = dict(lr=rate, decay_lr=falls, betas=betas, ema_decay=house.training["ema_decay"])
        rows[name] = (vary(published, training=levers), steps)
    return rows | {"house": (house, steps)}


def faces() -> Rows:
    """From the published DCGAN to the house recipe for faces, one change at a time and at a
    quarter of the published width; then for longer with and without batch norm and R1 in the
    discriminator.
    """
    published, house = recipes.FACES_DCGAN, recipes.FACES_HOUSE
    small = dict(batch_size=house.batch_size, generator=house.generator)
    changes = {
        "DCGAN": {},
        "batch of 16": small | dict(discriminator=partial(house.discriminator, batch_norm=True)),
        "house's β": dict(training=dict(betas=house.training["betas"])),
        "higher rates": dict(training=dict(lr=house.training["lr"])),
        "no norm in D": dict(discriminator=house.discriminator),
        "R1: house": dict(training=house.training),
    }
    rows, recipe = {}, vary(published, training=dict(ema_decay=house.training["ema_decay"]))
    for name, change in changes.items():
        recipe = vary(recipe, **change)
        rows[name] = (_at_width(recipe, FACE_WIDTH), FACE_STEPS)
    longer = {name: rows[name][0] for name in ("higher rates", "R1: house", "no norm in D")}
    longer["norm and R1"] = vary(longer["higher rates"], training=house.training)
    return rows | {f"{name}, longer": (each, 3 * FACE_STEPS) for name, each in longer.items()}


def faces_modern() -> Rows:
    """From the house recipe for faces to that of today, one change at a time and at a quarter of
    the published width. The last three rows are the recipe of today with a slower average, with
    residual networks at the rate that these can bear, and with penalties approximated by noise.
    """
    house, modern = recipes.FACES_HOUSE, recipes.FACES_MODERN
    changes = {
        "falling rates": dict(training=FALLING),
        "resized": dict(generator=modern.generator),
        "pairs, R1 and R2": dict(training=PAIRS),
        "constant rates: today": dict(training=dict(decay_lr=False)),
        "EMA 0.999": dict(training=dict(ema_decay=0.999)),
    }
    rows, recipe = {}, house
    for name, change in changes.items():
        recipe = vary(recipe, **change)
        rows[name] = _at_width(recipe, FACE_WIDTH)
    residual = dict(generator=ResidualGenerator, discriminator=ResidualDiscriminator)
    slower = vary(modern, training=dict(lr=3e-4), **residual)  # 1e-3 does not learn at all
    rows["residual, no norm"] = _at_width(slower, FACE_WIDTH)
    cheaper = vary(modern, training=dict(loss="relativistic, approximate"))
    rows["approximate R1, R2"] = _at_width(cheaper, FACE_WIDTH)
    return {name: (recipe, FACE_STEPS) for name, recipe in rows.items()}


def faces_count() -> Rows:
    """How many pictures are enough? The recipe of today with fewer and fewer, with DiffAugment and
    without.
    """
    modern = _at_width(recipes.FACES_MODERN, FACE_WIDTH)
    pair = {"": modern, ", DiffAugment": _augmented(modern)}
    return {
        f"{count}{name}": (recipe, FACE_STEPS) for count in COUNTS for name, recipe in pair.items()
    }


def _augmented(recipe: Recipe) -> Recipe:
    return vary(recipe, discriminator=partial(_augmented_discriminator, recipe.discriminator))


def _augmented_discriminator(build: Callable[[], nn.Module]) -> nn.Module:
    return nn.Sequential(DiffAugment(), build())


def _at_width(recipe: Recipe, width: int) -> Recipe:
    networks = (recipe.generator, recipe.discriminator)
    generator, discriminator = (partial(network, width=width) for network in networks)
    return vary(recipe, generator=generator, discriminator=discriminator)


EXPERIMENTS = {
    "sine": Experiment(sine, tuple(range(11, 21)), sources=("sine",), scores=("share", "w1")),
    "digits-steps": Experiment(digits_steps),
    "digits-published": Experiment(digits_published),
    "digits-path": Experiment(digits_path),
    "digits-control": Experiment(digits_control),
    "digits-losses": Experiment(digits_losses),
    "faces": Experiment(faces, sources=FACE_PLACES, scores=FACE_SCORES),
    "faces-modern": Experiment(faces_modern, sources=FACE_PLACES, scores=FACE_SCORES),
    "faces-count": Experiment(
        faces_count,
        seeds=(1, 2),
        sources=FACE_PLACES,
        counts={f"{count}{name}": count for count in COUNTS for name in ("", ", DiffAugment")},
    ),
}


def trials(name: str, seeds: Iterable[int] = (), source: str | None = None) -> list[Trial]:
    """Return the training runs of an experiment, seed by seed.

    Args:
        name: one of `EXPERIMENTS`.
        seeds: of the training runs; without any, those that the lessons read.
        source: what is learned from; otherwise the experiment's usual one.

    Raises:
        ValueError: there is no such experiment, or it cannot learn from `source`.
    """
    if name not in EXPERIMENTS:
        raise ValueError(
            f"no experiment is called {name!r}; choose one of {', '.join(EXPERIMENTS)}"
        )
    experiment = EXPERIMENTS[name]
    source = source or experiment.sources[0]
    if source not in experiment.sources:
        allowed = ", ".join(experiment.sources)
        raise ValueError(f"{name} cannot learn from {source!r}; choose one of {allowed}")
    rows = experiment.rows()
    return [
        Trial(name, row, recipe, steps, seed, source, position, experiment.counts.get(row))
        for seed in dict.fromkeys(seeds) or experiment.seeds
        for position, (row, (recipe, steps)) in enumerate(rows.items())
    ]
