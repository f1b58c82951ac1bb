"""Do generator and discriminator fit? What is wrong is said before the first step."""

from collections.abc import Iterator
from contextlib import contextmanager

import torch
from torch import Tensor, nn
from torch.nn.parameter import is_lazy

from gan_utils.gan.models import evaluate


def check_networks(generator: nn.Module, discriminator: nn.Module, latent_dim: int) -> torch.Size:
    """Try both networks on two latent vectors; nothing about them changes.

    Returns:
        The shape of one sample.

    Raises:
        ValueError: both are one network, share weights, lie on two devices, have no weights that
            can learn or no size yet, do not fit `latent_dim` or each other, cut off the gradient,
            or the discriminator returns no logits.
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
    shared = {*map(id, generator.parameters())} & {*map(id, discriminator.parameters())}
    if shared:
        raise ValueError(
            f"the networks share {len(shared)} weights, which both would train; give each its own"
        )
    weight = next(generator.parameters())
    latent = torch.zeros(2, latent_dim, device=weight.device, dtype=weight.dtype)
    made = f"latent vectors of latent_dim={latent_dim}"
    samples = _try("generator", generator, latent, made).detach()
    made = f"the generator's samples of shape {list(samples.shape[1:])}"
    samples.requires_grad_(samples.is_floating_point())
    # A copy, for layers that work in place; without cuDNN, whose recurrent layers go back in
    # training mode alone.
    with (
        torch.backends.cudnn.flags(enabled=False),
        _outputs_of(discriminator, nn.Sigmoid) as probabilities,
    ):
        logits = _try("discriminator", discriminator, samples.clone(), made)
        [slope] = torch.autograd.grad(logits.sum(), samples, allow_unused=True)
    if logits.numel() != 2 or len(logits) != 2:
        raise ValueError(
            f"the discriminator returns {list(logits.shape)} for two samples; it must return one "
            "logit for each, [2, 1]. Are the two networks swapped?"
        )
    if any(torch.equal(p.flatten(), logits.flatten()) for p in probabilities):
        raise ValueError(
            "the discriminator ends in a sigmoid; leave it out, since the losses take logits"
        )
    if slope is None:
        raise ValueError(
            "no gradient goes from the discriminator's logits to the samples, so the generator "
            "cannot learn; leave out detach() and torch.no_grad() in its forward"
        )
    return samples.shape[1:]


@contextmanager
def _outputs_of(network: nn.Module, kind: type[nn.Module]) -> Iterator[list[Tensor]]:
    """Collect what the modules of a kind return while the network is called."""
    found: list[Tensor] = []
    layers = [layer for layer in network.modules() if isinstance(layer, kind)]
    hooks = [each.register_forward_hook(lambda *called: found.append(called[2])) for each in layers]
    try:
        yield found
    finally:
        for hook in hooks:
            hook.remove()


def _check_weights(role: str, network: nn.Module) -> torch.device:
    if not isinstance(network, nn.Module):
        raise ValueError(f"the {role} is {network!r}; it must be a network, an nn.Module")
    weights = list(network.parameters())
    if not weights:
        raise ValueError(f"the {role} has no weights, so there is nothing to train")
    if any(is_lazy(weight) for weight in weights):
        raise ValueError(
            f"the {role} has lazy layers without a size; call it once with a batch before the "
            "training"
        )
    if not any(weight.requires_grad for weight in weights):
        raise ValueError(
            f"all weights of the {role} are frozen; let it learn with {role}.requires_grad_(True)"
        )
    return weights[0].device


def _try(role: str, network: nn.Module, inputs: Tensor, named: str) -> Tensor:
    try:
        outputs = evaluate(network, inputs, gradients=True)
    except (RuntimeError, ValueError, TypeError) as error:
        reason = " ".join(str(error).split())
        raise ValueError(
            f"the {role} does not take {named} ({reason}). Are the two swapped, or made for "
            "other sizes?"
        ) from None
    if not isinstance(outputs, Tensor):
        raise ValueError(f"the {role} returns a {type(outputs).__name__}; it must return a tensor")
    if not outputs.requires_grad:
        raise ValueError(
            f"no gradient reaches the weights of the {role}, so it cannot learn; leave out "
            "detach() and torch.no_grad() in its forward"
        )
    return outputs
