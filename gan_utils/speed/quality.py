"""How long it takes to reach a score: recipes for digits, with steps from stored experiments and
seconds from here, and the transfer of a style.
"""

import time
from typing import NamedTuple

import torch
from PIL import Image
from sklearn.datasets import load_sample_image
from torch import Tensor

from gan_utils.data.pictures import picture_tensor, resized
from gan_utils.data.waves import draw_waves
from gan_utils.gan.recipes import MNIST_HOUSE, MNIST_PUBLISHED
from gan_utils.scores.results import (
    WEIGHTS,
    Result,
    final_scores,
    score_curves,
    stored_results,
)
from gan_utils.speed.cases import our_training
from gan_utils.speed.textbook import TextbookStyle
from gan_utils.speed.timing import interleave, quartiles, seconds_of
from gan_utils.style.objective import (
    CONTENT_LAYERS,
    OUR_STYLE_LAYERS,
    PUBLISHED_CONTENT,
    PUBLISHED_STYLE,
)
from gan_utils.style.patches import style_distances, style_floor
from gan_utils.style.transfer import transfer_style
from gan_utils.style.vgg import LAYERS, VGGFeatures

PUBLISHED_CALLS = 500
OUR_CALLS = 60


class Reached(NamedTuple):
    """How a published recipe ends, and when the house recipe is there.

    Attributes:
        recipe: the published one.
        distance: the Fréchet distance at its end, of its better
            weights.
        steps: its published steps.
        house_steps: of the house recipe; None if it never gets there.
    """

    recipe: str
    distance: float
    steps: int
    house_steps: int | None


def first_step(results: list[Result], distance: float) -> int | None:
    """Return the first stored moment at which the median over the seeds is at most `distance`."""
    found = []
    for weights in WEIGHTS:
        steps, distances = score_curves(results, weights)
        there = steps[distances.quantile(0.5, dim=0) <= distance]
        found += there[:1].tolist()
    return min(found, default=None)


def steps_to_quality() -> list[Reached]:
    """Compare the published recipes at the end of their published budgets with the house recipe,
    which may take its shortest stored training to get there.

    Raises:
        FileNotFoundError: the experiments have not been run.
    """
    published, equal = stored_results("digits-published"), stored_results("digits-steps")
    house = [rows for name, rows in equal.items() if name.startswith("house")]
    house.append(published.pop("house"))
    found = []
    for name, results in published.items():
        ends = [final_scores(results, weights).quantile(0.5).item() for weights in WEIGHTS]
        moments = [first_step(rows, min(ends)) for rows in house]
        steps = min((moment for moment in moments if moment is not None), default=None)
        found.append(Reached(name, min(ends), results[0]["steps"], steps))
    return found


def step_seconds(images: Tensor, device: torch.device, seconds: float) -> dict[str, float]:
    """Return the median seconds of a step of each recipe for digits, in the package's form."""
    chosen = MNIST_PUBLISHED | {"house": MNIST_HOUSE}
    forms = {n: our_training(r, images, device, graph=None) for n, r in chosen.items()}
    times = interleave(forms, device, seconds=seconds)
    return {name: quartiles(found)[1] for name, found in times.items()}


def print_quality(steps: dict[str, float]) -> None:
    """Print how long each published recipe takes to its end, and the house recipe to there.

    Args:
        steps: the seconds of a step of each recipe, see `step_seconds`.
    """
    print("\nFréchet distance on MNIST: the published ends, the house's way there")
    print(f"{'':15}{'distance':>9}{'steps':>9}{'minutes':>9}{'house':>9}{'minutes':>9}{'ratio':>7}")
    for reached in steps_to_quality():
        seconds = reached.steps * steps[reached.recipe]
        print(f"{reached.recipe:15}{reached.distance:9.1f}{reached.steps:9,}", end="")
        print(f"{seconds / 60:9.1f}", end="")
        if reached.house_steps is None:
            print("   not reached")
            continue
        ours = reached.house_steps * steps["house"]
        print(f"{reached.house_steps:9,}{ours / 60:9.1f}{seconds / ours:7.1f}")


def style_seconds(device: torch.device, seconds: float, size: int = 192) -> dict[str, float | None]:
    """Time the published style transfer to its end, and ours until it is as near to the style.

    Args:
        device: where both work, on random filters.
        seconds: about how long the published one may take: it gets its 500 calls, or fewer.
        size: pixels of the picture's longer side.

    Returns:
        Of the published one `calls`, `distance` (from the style at its end, in floors) and
        `published` (seconds); `ours`, the seconds of ours to that distance, None if never.

    Lesson 04, section 16.
    """
    photo = picture_tensor(Image.fromarray(load_sample_image("china.jpg")), size).to(device)
    waves = draw_waves(*photo.shape[1:], radius=size / 15)  # as in lesson 04
    as_published = (*PUBLISHED_CONTENT, *PUBLISHED_STYLE)
    whole = VGGFeatures([*as_published, LAYERS[-1]], "random", padding="zeros").to(device)
    textbook, floor = TextbookStyle(whole, photo, waves.to(device)), style_floor(waves)

    def distance(picture: Tensor) -> float:
        found = style_distances(resized(picture.cpu(), photo.shape[1:]), waves, floor)
        return sum(found.values()) / len(found)

    a_call = seconds_of(lambda: textbook.paint(photo, 2), 2, device) / 2
    calls, start = min(max(int(seconds / a_call), 1), PUBLISHED_CALLS), time.perf_counter()
    painted, moments = textbook.paint(photo, calls), []
    published, goal = time.perf_counter() - start, distance(painted)  # judged off the clock
    ours = VGGFeatures([*OUR_STYLE_LAYERS, *CONTENT_LAYERS], "random").to(device)
    start = time.perf_counter()
    transfer_style(
        photo, waves, ours, calls=OUR_CALLS, snapshots=10, progress=False,
        on_snapshot=lambda r: moments.append((time.perf_counter() - start, r.picture)),
    )  # fmt: skip
    there = next((when for when, picture in moments if distance(picture) <= goal), None)
    return dict(calls=calls, distance=goal, published=published, ours=there)


def print_style(found: dict[str, float | None]) -> None:
    """Print how soon ours is as near to the style as the published transfer: `style_seconds`."""
    print(f"\nStyle, published: {found['calls']} calls, {found['published']:.1f} s, to ", end="")
    print(f"{found['distance']:.1f} floors from the style; ours: ", end="")
    ours = found["ours"]
    print("not reached" if ours is None else f"{ours:.2f} s, ratio {found['published'] / ours:.1f}")
