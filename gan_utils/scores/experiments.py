"""The experiments that take hours: what each of them trains, and for how many steps."""

from collections.abc import Iterable
from functools import partial

from gan_utils.gan import recipes
from gan_utils.gan.losses import LOSSES
from gan_utils.gan.recipes import Recipe, vary
from gan_utils.scores.trials import Trial

Rows = dict[str, tuple[Recipe, int]]  # by name: a recipe and its steps

SHORT, EQUAL, CHANGED = 2500, 6000, 3000  # steps

PUBLISHED = {
    "Real Python": recipes.MNIST_REAL_PYTHON,
    "PyTorch Note45": recipes.MNIST_NOTE45,
    "MnistGAN": recipes.MNIST_GAN,
    "Keras article": recipes.MNIST_KERAS,
}
HOUSE = recipes.MNIST_HOUSE
FALLING = dict(decay_lr=True)
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
    """The house recipe with each of the losses, and one of them with rates published for it."""
    rows = {name: vary(HOUSE, training=dict(loss=name)) for name in LOSSES}
    # Heusel et al. 2017: in place of five updates of the discriminator, three times the rate.
    rates = dict(lr=1e-4, d_lr=3e-4, betas=(0.0, 0.9))
    rows["wasserstein, own rates"] = vary(rows["wasserstein"], training=rates)
    return {name: (recipe, CHANGED) for name, recipe in rows.items()}


EXPERIMENTS = {
    "digits-steps": digits_steps,
    "digits-published": digits_published,
    "digits-path": digits_path,
    "digits-control": digits_control,
    "digits-losses": digits_losses,
}


def trials(name: str, seeds: Iterable[int], source: str = "mnist") -> list[Trial]:
    """Return the trainings of an experiment, seed by seed.

    Raises:
        ValueError: there is no such experiment.
    """
    if name not in EXPERIMENTS:
        raise ValueError(
            f"no experiment is called {name!r}; choose one of {', '.join(EXPERIMENTS)}"
        )
    rows = EXPERIMENTS[name]()
    return [
        Trial(name, row, recipe, steps, seed, source)
        for seed in seeds
        for row, (recipe, steps) in rows.items()
    ]
