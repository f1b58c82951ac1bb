"""Two networks, their losses, and their training.

- `losses`: adversarial losses of raw discriminator outputs, and penalties
- `models`: generators and discriminators
- `latent`: latent vectors, and the arc between two of them
- `recipes`: published training recipes as data, each with its source
- `history`: what happened in a training
- `watching`: what a training looks at between its steps
- `checkpoints`: saving, exact resuming, the way back after a bad loss
- `players`: do two networks make a game?
- `step`: one step of training: each player learns once
- `graph`: the step recorded once, and repeated by the GPU itself
- `training`: the loop around the step: when to look, show, save and stop
- `processes`: the same with several processes, which share each batch
"""
