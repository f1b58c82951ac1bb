"""How the colours of photographs vary, and colours that stay while brightness changes."""

from torch import Tensor

# The directions in which the colours of photographs vary: in brightness, less from red to blue,
# least from magenta to green. Each row is one of them in red, green and blue, as long as its spread
# (Olah et al. 2017, "Feature Visualization").
COLOR_AXES = ((0.952, 0.952, 0.952), (0.326, 0.0, -0.326), (0.088, -0.176, 0.088))
LUMINANCE = (0.299, 0.587, 0.114)  # Rec. ITU-R BT.601


def with_colors_of(picture: Tensor, colors: Tensor) -> Tensor:
    """Return the brightness of one picture in the colours of another, both [3, H, W] in [0, 1].

    Where a colour would leave [0, 1] at its new brightness it becomes paler, all three channels by
    the same factor: brightness and hue stay.

    Source: after Gatys et al. 2016, "Preserving Color in Neural Artistic Style Transfer", section
    4. They match the styles' brightness to the photograph's and transfer brightness alone; here the
    brightness of a finished picture is used.
    """
    weights = picture.new_tensor(LUMINANCE).reshape(3, 1, 1)
    brightness = (picture * weights).sum(0)
    color = colors - (colors * weights).sum(0)
    room = brightness.where(color < 0, 1 - brightness)  # up to black, or up to white
    share = (room / color.abs().clamp(min=1e-6)).amin(0).clamp(max=1)
    return (brightness + share * color).clamp(0, 1)
