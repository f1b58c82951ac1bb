"""What the processes of `test_processes.py` do: torchrun starts this file.

    torchrun --standalone --nproc-per-node 2 tests/team.py FOLDER

Each process trains small players, and leaves in FOLDER what they and their losses are in the end.
"""

import sys
from functools import partial
from pathlib import Path

import torch
from torch.nn import BatchNorm1d

from gan_utils.data.sine import sine_points
from gan_utils.gan.models import MLPDiscriminator, MLPGenerator
from gan_utils.gan.processes import SharedGame, joined_team, train_together
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
    with joined_team("cpu") as team:
        for name, recipe in RECIPES.items():
            game = SharedGame(team, recipe, samples(), steps=STEPS, seed=SEED)
            if team.rank > 0:  # as if it had begun otherwise: all go on from the first one's state
                torch.nn.init.ones_(next(game.players[0].parameters()))
            history = train_together(game)
            weights = [dict(network.named_parameters()) for network in game.networks()]
            torch.save((weights, history.records), folder / f"{name}-{team.rank}.pt")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
