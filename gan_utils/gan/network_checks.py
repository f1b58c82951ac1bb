"""Do generator and discriminator fit? What is wrong is said before the first step."""

import torch
from torch import Tensor, nn

from gan_utils.gan.models import evaluate


def check_networks(generator: nn.Module, discriminator: nn.Module, latent_dim: int) -> torch.Size:
    """Try both networks on two latent vectors; nothing about them changes.

    Returns:
        The shape of one sample.

    Raises:
        ValueError: both are one network, lie on two devices, have no weights that can
            learn, do not fit `latent_dim` or each other, or the discriminator returns no logits.
    """
    if generator is discriminator:
        raise ValueError("generator and discriminator are the same network; give two")
    devices = {
        _check_weights("generator", generator),
        _check_weights("discriminator", discriminator),
    }
    if len(devices) > 1:
        raise ValueError(
            f"the networks lie on {' and '.join(map(str, devices))}; move both to one device"
        )
    if isinstance(list(discriminator.modules())[-1], nn.Sigmoid):
        raise ValueError(
            "the discriminator ends in a sigmoid; leave it out, since the losses take logits"
        )
    weight = next(generator.parameters())
    latent = torch.zeros(2, latent_dim, device=weight.device, dtype=weight.dtype)
    samples = _try("generator", generator, latent, f"latent vectors of latent_dim={latent_dim}")
    made = f"the generator's samples of shape {list(samples.shape[1:])}"
    logits = _try("discriminator", discriminator, samples, made)
    if logits.numel() != 2 or len(logits) != 2:
        raise ValueError(
            f"the discriminator returns {list(logits.shape)} for two samples; it must return one "
            "logit for each, [2, 1]. Are the two networks swapped?"
        )
    return samples.shape[1:]


def _check_weights(role: str, network: nn.Module) -> torch.device:
    weights = list(network.parameters())
    if not weights:
        raise ValueError(f"the {role} has no weights, so there is nothing to train")
    if not any(weight.requires_grad for weight in weights):
        raise ValueError(
            f"all weights of the {role} are frozen; let it learn with {role}.requires_grad_(True)"
        )
    return weights[0].device


def _try(role: str, network: nn.Module, inputs: Tensor, named: str) -> Tensor:
    try:
        return evaluate(network, inputs)
    except (RuntimeError, ValueError) as error:
        reason = " ".join(str(error).split())
        raise ValueError(
            f"the {role} does not take {named} ({reason}). Are the two swapped, or made for "
            "other sizes?"
        ) from None
