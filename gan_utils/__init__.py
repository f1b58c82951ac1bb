"""Helpers for a tutorial series on generative adversarial networks.

The ground, and the wings on it. Each imports only from those above it in this list, and each wing
lists its own files in the same way.

- `packages`: which other packages are needed, and whether they are here
- `threads`: how many threads work on a CPU, and how they wait
- `settings`: refusing nonsense in the settings of a lesson and in arguments
- `runtime`: the device, quick and full mode
- `randomness`: random generators kept, put back, and seeded for a while
- `files`: where the project lies, and writing files so that none is left half written
- `progress`: a progress bar, and the stop button
- `data`: where samples and pictures come from, and how a training run gets them
- `gan`: two networks, their losses, and their training
- `scores`: is the generator any good?
- `style`: neural style transfer; it needs nothing of the two wings before it
- `speed`: how fast is it, and how fast could it be?
- `show`: figures, animated pictures, the live view, source code
- `exercises`: are answers to the exercises right, and if not, where to look?
- `commands`: what `python -m gan_utils` can do
"""

from gan_utils.threads import choose_threads

choose_threads()  # before anything imports PyTorch
