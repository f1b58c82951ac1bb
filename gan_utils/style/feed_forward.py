"""A network that paints any picture in one style, in one pass."""

from collections.abc import Iterable
from itertools import islice

import torch
from torch import Tensor, nn
from torch.nn.functional import pad
from torch.optim import Adam
from torch.optim.lr_scheduler import CosineAnnealingLR

from gan_utils.progress import progress_bar, stop_button
from gan_utils.style.colors import COLOR_AXES
from gan_utils.style.objective import StyleObjective, finite_values


def _convolution(inputs: int, outputs: int, kernel: int, stride: int = 1) -> list[nn.Module]:
    # Mirrored edges: zeros would leave a frame.
    return [
        nn.Conv2d(inputs, outputs, kernel, stride, kernel // 2, padding_mode="reflect"),
        nn.InstanceNorm2d(outputs, affine=True),
    ]


class _Residual(nn.Module):
    def __init__(self, width: int) -> None:
        super().__init__()
        self.layers = nn.Sequential(
            *_convolution(width, width, 3), nn.ReLU(), *_convolution(width, width, 3)
        )

    def forward(self, inputs: Tensor) -> Tensor:
        return inputs + self.layers(inputs)


class StyleNetwork(nn.Module):
    """Paints pictures [N, 3, H, W] in [0, 1] in one pass.

    H and W must be at least 16. One convolution makes the picture half
    as large, where a few residual blocks work on it; then it is
    enlarged by repeating pixels, which leaves no checkerboard. What
    comes out are logits along `colors.COLOR_AXES`. A fourth channel
    beside red, green and blue is noise from the global random state: it
    decides where strokes begin in a plain sky, so no two pictures are
    quite the same.

    Source: Johnson et al. 2016, who halve twice, for larger pictures
    and longer training; instance norm: Ulyanov et al. 2016; noise:
    Ulyanov et al. 2016b; enlarging: Odena et al. 2016.
    Lesson 04, section 15.
    """

    def __init__(self, width: int = 24, blocks: int = 5) -> None:
        """Build the network.

        Args:
            width: channels next to the picture; twice as many further
                in.
            blocks: residual blocks.

        Raises:
            ValueError: a number is not positive.
        """
        super().__init__()
        if width < 1 or blocks < 1:
            problem = f"width is {width} and blocks {blocks}"
            raise ValueError(f"{problem}; both must be at least 1")
        self.layers = nn.Sequential(
            *_convolution(4, width, 9), nn.ReLU(),
            *_convolution(width, 2 * width, 3, stride=2), nn.ReLU(),
            *(_Residual(2 * width) for _ in range(blocks)),
            nn.Upsample(scale_factor=2),
            *_convolution(2 * width, width, 3), nn.ReLU(),
            nn.Conv2d(width, 3, 9, padding=4, padding_mode="reflect"),
        )  # fmt: skip
        self.register_buffer("axes", torch.tensor(COLOR_AXES))

    def forward(self, pictures: Tensor) -> Tensor:
        """Return the painted pictures, of the same size."""
        height, width = pictures.shape[2:]
        if min(height, width) < 16:
            problem = f"pictures have {width} x {height} pixels"
            raise ValueError(f"{problem}; each side needs 16")
        odd = (0, width % 2, 0, height % 2)
        noise = torch.rand_like(pictures[:, :1])
        inputs = torch.cat([pictures, noise], dim=1)
        numbers = self.layers(pad(inputs, odd, mode="replicate"))
        logits = torch.einsum("ac,nahw->nchw", self.axes, numbers)
        return logits[..., :height, :width].sigmoid()


def train_style_network(
    network: StyleNetwork,
    batches: Iterable[Tensor],
    objective: StyleObjective,
    *,
    steps: int,
    lr: float = 2e-3,
    progress: bool = True,
) -> list[dict[str, float]]:
    """Train a network, in place, to paint in the style of an objective.

    Each batch is its own content. The stop button (Ctrl-C) ends the
    training after a step.

    Args:
        network: on the device to work on.
        batches: pictures [N, 3, H, W] in [0, 1], at least `steps`
            times.
        objective: its style and its weights are used, its content is
            replaced.
        steps: batches to learn from.
        lr: of Adam; it falls to zero along half a cosine.
        progress: show a progress bar.

    Returns:
        The weighted terms of every step.

    Raises:
        FloatingPointError: the objective became infinite or not a
            number.
        ValueError: `steps` is below 1, or there are fewer batches.

    Source: Johnson et al. 2016. Lesson 04, section 15.
    """
    if steps < 1:
        raise ValueError(f"steps is {steps}; it must be at least 1")
    optimizer = Adam(network.train().parameters(), lr)
    schedule = CosineAnnealingLR(optimizer, steps)
    records: list[dict[str, float]] = []
    with (
        progress_bar(steps, shown=progress) as bar,
        stop_button() as stopped,
    ):
        for pictures in islice(batches, steps):
            pictures = pictures.to(next(network.parameters()).device)
            terms = objective.with_content(pictures)(network(pictures))
            moment = f"step {len(records) + 1:,}"
            records.append(finite_values(terms, moment))
            optimizer.zero_grad()
            sum(terms.values()).backward()
            optimizer.step()
            schedule.step()
            bar.update()
            if stopped.is_set():
                break
    network.eval()
    done = len(records)
    if done < steps and not stopped.is_set():
        moment = f"{done:,} of {steps:,}"
        raise ValueError(f"batches ended after {moment} steps")
    if done < steps:
        print(f"Stopped after step {done:,} of {steps:,}.")
    return records
