"""What the processes of `test_distributed.py` do: torchrun starts this file.

    torchrun --standalone --nproc-per-node 2 tests/distributed_worker.py FOLDER

Each process trains small players, and leaves in FOLDER what they and their losses are in the end.
"""

import sys
from functools import partial
from pathlib import Path

import torch
from torch.nn import BatchNorm1d

from gan_utils.data.sine import sine_points
from gan_utils.gan.distributed import DistributedTrainState, init_world, train_distributed
from gan_utils.gan.models import MLPDiscriminator, MLPGenerator
from gan_utils.gan.recipes import Recipe, vary
from gan_utils.randomness import seeded

STEPS, SEED = 25, 3
PLAIN = Recipe(
    source="tests",
    generator=partial(MLPGenerator, 3, (16, 16), 2),
    discriminator=partial(MLPDiscriminator, 2, (16, 16), slope=0.2),
    batch_size=8,
    training=dict(
        latent_dim=3, lr=1e-3, betas=(0.5, 0.99), loss="nonsaturating, R1", ema_decay=0.9
    ),
)
NORMED = vary(PLAIN, generator=partial(PLAIN.generator, batch_norm=BatchNorm1d))
RECIPES = {"plain": PLAIN, "normed": NORMED}


def samples() -> torch.Tensor:
    with seeded(SEED):
        return sine_points(64)


def main(folder: Path) -> None:
    with init_world("cpu") as world:
        for name, recipe in RECIPES.items():
            train_state = DistributedTrainState(world, recipe, samples(), steps=STEPS, seed=SEED)
            if world.rank > 0:  # as if it had begun otherwise: all go on from the first one's state
                torch.nn.init.ones_(next(train_state.networks[0].parameters()))
            history = train_distributed(train_state)
            weights = [dict(network.named_parameters()) for network in train_state.all_networks()]
            torch.save((weights, history.records), folder / f"{name}-{world.rank}.pt")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
