"""What is timed: the same computation as in a textbook and as in this package."""

from collections.abc import Callable
from functools import partial
from typing import NamedTuple

import torch
from torch import Tensor

from gan_utils.data.batches import Batches, BatchStream
from gan_utils.data.drawn_faces import draw_faces, draw_factors
from gan_utils.data.sine import sine_points
from gan_utils.gan import recipes
from gan_utils.gan.cuda_graph import make_train_state
from gan_utils.gan.latent import draw_latent
from gan_utils.gan.models import evaluate
from gan_utils.gan.recipes import Recipe, vary
from gan_utils.runtime import records_graphs
from gan_utils.speed.textbook import TextbookStyle, TextbookTraining, textbook_samples
from gan_utils.style.objective import PUBLISHED_CONTENT, PUBLISHED_STYLE, style_objective
from gan_utils.style.vgg import LAYERS, VGGFeatures

FACES = 512  # drawn for the convolutional networks
SAMPLES = 10_000  # images drawn in one call

Run = Callable[[], object]


class Case(NamedTuple):
    """One computation in two forms, or three.

    Attributes:
        textbook, ours: do it once, on the device for which they were
            made.
        images: how many samples pass through the networks each time.
        graph: ours, recorded as a CUDA graph, where that can be.
    """

    textbook: Run
    ours: Run
    images: int
    graph: Run | None = None


# The same networks, losses and rates as published, laid out for the processor, and with one batch
# of generated images for both halves of a step, as in the example of pytorch/examples.
FASTER_DCGAN = vary(
    recipes.FACES_DCGAN,
    generator=recipes.FACES_HOUSE.generator,
    discriminator=partial(recipes.FACES_HOUSE.discriminator, batch_norm=True),
    training=dict(shared_latent=True),
)


def our_training(
    recipe: Recipe, samples: Tensor, device: torch.device, *, graph: bool | None = False
) -> Callable[[], Tensor]:
    """Return a step of `train_gan` on a recipe, without the loop around it; see there `graph`."""
    networks = recipe.generator().to(device), recipe.discriminator().to(device)
    # So many steps that no rate falls.
    train_state = make_train_state(*networks, graph=graph, steps=10**9, **recipe.training)
    stream = BatchStream(Batches(samples.to(device), recipe.batch_size), device)
    for network in networks:
        network.train()
    return lambda: train_state.step(next(stream))


def training(samples: Tensor, recipe: Recipe, faster: Recipe | None, device: torch.device) -> Case:
    """Return a step on a recipe, and ours on a faster form of it, if there is one."""
    textbook = TextbookTraining(recipe, samples, device)
    ours = partial(our_training, faster or recipe, samples, device)
    graph = ours(graph=True) if records_graphs(device) else None
    return Case(textbook.step, ours(), recipe.batch_size, graph)


def style(longer_side: int, device: torch.device) -> Case:
    """Return the published objective of a picture, and its gradient."""
    content, painting, start = torch.rand(3, 3, longer_side * 3 // 4, longer_side, device=device)
    layers = *PUBLISHED_CONTENT, *PUBLISHED_STYLE
    filters = dict(weights="random", padding="zeros")
    whole = VGGFeatures([*layers, LAYERS[-1]], **filters).to(device)
    objective = style_objective(VGGFeatures(layers, **filters).to(device), content, painting)
    picture = start[None].requires_grad_()

    def ours() -> list[Tensor]:
        picture.grad = None
        terms = list(objective(picture).values())
        sum(terms).backward()
        return terms

    return Case(partial(TextbookStyle(whole, content, painting).step, picture), ours, 1)


def sampling(device: torch.device) -> Case:
    """Return the drawing of many images of digits."""
    recipe = recipes.MNIST_HOUSE
    generator, latent_dim = recipe.generator().to(device), recipe.training["latent_dim"]

    def ours() -> Tensor:
        return evaluate(generator, draw_latent(SAMPLES, latent_dim, device=device)).cpu()

    textbook = partial(textbook_samples, generator, latent_dim, SAMPLES, device)
    return Case(textbook, ours, SAMPLES)


def cases(digits: Tensor, device: torch.device) -> dict[str, Callable[[], Case]]:
    """Return by name what makes each case on `device`; a GPU gets larger ones as well.

    Args:
        digits: uint8 images [N, 1, 28, 28] for the fully connected networks.
        device: where the cases work.
    """
    faces, mlp = draw_faces(draw_factors(FACES)), recipes.MNIST_REAL_PYTHON
    large = device.type != "cpu"
    found = {"sine": partial(training, sine_points(1024), recipes.SINE_PUBLISHED, None, device)}
    for size in (32, 128):
        recipe = vary(mlp, batch_size=size)
        found[f"MLP, batch {size}"] = partial(training, digits, recipe, None, device)
    for size in (16, 64, *[256] * large):
        recipe, faster = (vary(r, batch_size=size) for r in (recipes.FACES_DCGAN, FASTER_DCGAN))
        found[f"DCGAN, batch {size}"] = partial(training, faces, recipe, faster, device)
    side = 512 if large else 256
    found[f"style, {side} pixels"] = partial(style, side, device)
    found[f"{SAMPLES:,} samples"] = partial(sampling, device)
    return found
