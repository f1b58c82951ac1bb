"""Helpers for a tutorial series on generative adversarial networks.

One idea a module; each imports only from those above it in this list.

- `runtime`: device, quick and full mode, showing live source code
- `progress`: a progress bar, and the stop button
- `losses`: adversarial losses as pure functions of raw discriminator outputs
- `models`: generators, discriminators, latent vectors
- `recipes`: published training recipes as data, each with its source
- `pictures`: a user's picture files, whatever their format
- `downloads`: data that others publish, checked before it is used
- `waves`: a wave pattern drawn by code
- `faces`: faces drawn by code, with known factors
- `data`: the sine curve, digits, faces, and shuffled batches on the device
- `features`: networks that images are compared by
- `classifier`: a small network that knows digits, for the scores
- `history`: what happened in a training
- `checkpoints`: saving, resuming, and the way back after a bad loss
- `training`: the training step, and one loop around it
- `vgg`: VGG19 as a dictionary of named activations
- `style`: neural style transfer
- `fast_style`: a network that paints in one pass
- `metrics`: is the generator any good?
- `plotting`: one theme, and the figures that several lessons share
- `diagrams`: the two halves of a training step, drawn by code
- `animation`: animated pictures and the live view
- `notebooks`: `python -m gan_utils.notebooks` stores a notebook's outputs
"""
