"""EMA: an exponential moving average of a generator's weights, to draw samples from."""

from typing import Any

import torch
from torch import Tensor, nn
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn


def ema_of(generator: nn.Module, decay: float) -> AveragedModel:
    """Return an EMA of a generator: a copy whose weights and buffers follow the trained ones.

    With each `update_parameters`, averaged <- decay * averaged + (1 - decay) * trained. Whole
    numbers, counts and indices, are taken over.

    Raises:
        ValueError: the generator cannot be copied.

    Source: Yaz et al. 2019, on GANs. Lesson 01, section 10.
    """
    follow = get_ema_multi_avg_fn(decay)

    def average(averaged: list[Tensor], trained: list[Tensor], count: Any) -> None:
        if averaged[0].is_floating_point():  # all in a list have one dtype
            return follow(averaged, trained, count)
        for kept, new in zip(averaged, trained, strict=True):
            kept.copy_(new)  # an average of indices is none

    try:
        return AveragedModel(generator, multi_avg_fn=average, use_buffers=True)
    except torch.OutOfMemoryError:
        raise
    except RuntimeError as error:  # of copying: weight_norm of old, a kept output
        raise ValueError(
            f"the generator cannot be copied, which ema_decay needs ({error}); use "
            "torch.nn.utils.parametrizations, or leave ema_decay out"
        ) from None
