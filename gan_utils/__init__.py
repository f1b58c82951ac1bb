"""Helpers for a tutorial series on generative adversarial networks.

One idea a module; each imports only from those above it in this list.

- `runtime`: device, quick and full mode, showing live source code
- `losses`: adversarial losses as pure functions of logits
- `models`: generators, discriminators, latent vectors
- `recipes`: published training recipes as data, each with its source
- `data`: the sine curve, and shuffled batches on the device
- `history`: what happened in a training
- `checkpoints`: saving, resuming, and the way back after a bad loss
- `training`: the training step, and one loop around it
- `metrics`: is the generator any good?
- `plotting`: one theme, and the figures that several lessons share
- `diagrams`: the two halves of a training step, drawn by code
- `animation`: animated pictures and the live view
- `notebooks`: `python -m gan_utils.notebooks` stores a notebook's outputs
"""
