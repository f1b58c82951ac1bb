"""Helpers for a tutorial series on generative adversarial networks.

One idea a module; each imports only from those above it in this list.

- `runtime`: device, quick and full mode, showing live source code
- `losses`: adversarial losses as pure functions of logits
- `models`: generators, discriminators, and sampling from them
- `recipes`: published training recipes as data, each with its source
- `data`: the sine curve, and shuffled mini-batches on the device
- `training`: one training loop, its history and its checkpoints
- `metrics`: how good is the generator?
- `plotting`: one theme for every figure
- `animation`: pictures that move: film strips, animated PNG, the live view
- `notebooks`: `python -m gan_utils.notebooks` stores a notebook's outputs
"""
