"""Neural style transfer: the network stays, the picture learns.

- `vgg`: VGG19 as a dictionary of named activations
- `colors`: how the colours of photographs vary
- `statistics`: what is kept of a layer when the places are forgotten
- `objective`: what pictures are compared by: content, style, total variation
- `patches`: how near a picture is to a style by its patches of pixels: sliced Wasserstein
- `optimization`: how one picture is optimised
- `transfer`: the whole transfer, from small to large
- `feed_forward`: a network that paints in one pass
"""
