"""What must hold on every device that is here: on a CPU, and on a GPU as well where one is."""

import copy
import os
import signal

import pytest
import torch

from gan_utils.data.batches import Batches
from gan_utils.gan.latent import draw_latent
from gan_utils.gan.losses import LOSSES
from gan_utils.gan.models import DCGANDiscriminator, DCGANGenerator, evaluate
from gan_utils.gan.step import TrainState
from gan_utils.gan.training import train_gan
from gan_utils.runtime import available_devices, pick_device
from gan_utils.style.objective import PUBLISHED_CONTENT, PUBLISHED_STYLE, style_objective
from gan_utils.style.optimization import optimize_picture
from gan_utils.style.vgg import VGGFeatures

HERE = available_devices()
SETTINGS = dict(latent_dim=8, lr=1e-3, betas=(0.0, 0.99), loss="nonsaturating, R1")


@pytest.fixture(params=HERE)
def device(request):
    return pick_device(request.param)


class Stop:
    """Presses the stop button after so many steps."""

    def __init__(self, step):
        self.step = step

    def __call__(self, history):
        if len(history.records) == self.step < 9:
            os.kill(os.getpid(), signal.SIGINT)


def pair(device, seed=0):
    """The networks of the faces, narrow, and pictures for them."""
    torch.manual_seed(seed)
    generator = DCGANGenerator(8, 4, image_size=32)
    discriminator = DCGANDiscriminator(4, image_size=32, batch_norm=False)
    images = torch.randint(256, (16, 3, 32, 32), dtype=torch.uint8)
    return generator.to(device), discriminator.to(device), Batches(images.to(device), 4)


def weights(network):
    return torch.cat([values.flatten().float().cpu() for values in network.state_dict().values()])


def test_a_training_goes_on_exactly_where_it_stopped(device, tmp_path):
    ends = []
    for name, stops in (("whole", [9]), ("parts", [4, 9])):
        for steps in stops:
            networks = pair(device)
            torch.manual_seed(1)
            history = train_gan(
                *networks,
                steps=9,
                checkpoint=tmp_path / f"{name}.pt",
                checkpoint_every=4,
                on_snapshot=Stop(steps),
                fixed_latent=torch.zeros(2, 8),
                snapshots=10,
                progress=False,
                ema_decay=0.9,
                **SETTINGS,
            )
        ends.append([weights(network) for network in (*networks[:2], history.generator)])
    assert all(map(torch.equal, *ends))


def test_a_step_is_the_same_as_on_the_cpu_within_rounding(device):
    networks = pair("cpu")[:2]
    real, latent = torch.rand(4, 3, 32, 32) * 2 - 1, torch.randn(4, 8)
    found = []
    for where in (torch.device("cpu"), device):
        train_state = TrainState(
            *(copy.deepcopy(p).to(where) for p in networks), steps=9, **SETTINGS
        )
        train_state.latent = lambda _, where=where: latent.to(where)
        found.append([train_state.step(real.to(where)).cpu() for _ in range(2)][-1])
    assert torch.allclose(*found, rtol=1e-2, atol=1e-3)


@pytest.mark.parametrize("loss", LOSSES)
def test_half_precision_trains_and_reports_in_full(device, loss):
    *networks, batches = pair(device)
    settings = SETTINGS | dict(loss=loss, precision=torch.bfloat16)
    history = train_gan(*networks, batches, steps=3, progress=False, **settings)
    assert history.records.dtype == torch.float32 and history.records.isfinite().all()
    assert weights(networks[0]).isfinite().all()
    samples = evaluate(history.generator, draw_latent(2, 8, device=device))
    assert samples.dtype == torch.float32 and samples.device.type == device.type


def test_a_picture_is_painted(device):
    layers = *PUBLISHED_CONTENT, *PUBLISHED_STYLE
    network = VGGFeatures(layers, weights="random").to(device)
    content, painting = torch.rand(2, 3, 32, 32, device=device)
    objective = style_objective(network, content, painting)
    result = optimize_picture(objective, content, calls=4, progress=False)
    assert result.picture.device.type == "cpu" and result.lowest < result.totals[0]
