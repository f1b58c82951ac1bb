"""Two networks, their losses, and their training.

- `losses`: adversarial losses of raw discriminator outputs, and penalties
- `models`: generators and discriminators
- `modern`: a generator without chequers
- `augment`: changes of colour and place before the discriminator looks
- `ema`: an exponential moving average of the generator's weights
- `latent`: latent vectors, and the arc between two of them
- `recipes`: published training recipes as data, each with its source
- `pretrained`: generators that lie beside the lessons, trained already
- `history`: what happened in a training run
- `callbacks`: metrics and snapshots, between the steps of a training run
- `checkpoints`: saving, exact resuming, the way back after a bad loss
- `network_checks`: do generator and discriminator fit?
- `step`: one step of training: each network learns once
- `cuda_graph`: the step recorded once, and repeated by the GPU itself
- `training`: the loop around the step: when to look, show, save and stop
- `distributed`: the same with several processes, which share each batch
"""
