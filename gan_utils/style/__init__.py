"""Neural style transfer: the network stays, the picture learns.

- `vgg`: VGG19 as a dictionary of named activations
- `colors`: how the colours of photographs vary
- `objective`: what pictures are compared by: content, Gram matrices, total variation
- `optimization`: how one picture is optimised
- `transfer`: the whole transfer, from small to large
- `one_pass`: a network that paints in one pass
"""
