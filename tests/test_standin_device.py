"""Every tensor on a stand-in device that refuses to meet the CPU, as a GPU's would.

PyTorch's device `meta` holds shapes without numbers: reading one, which would stall a GPU, is an
error. Operations on one tensor there and one on the CPU are refused here, as on a GPU; so are
numbers of 64 bits behind the point and complex ones, which an Apple GPU has not.
"""

import pytest
import torch
from torch import Tensor
from torch.optim import Adam
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

from gan_utils.commands import trainer
from gan_utils.data.batches import Batches, BatchStream
from gan_utils.data.digits import LabelledImages
from gan_utils.gan import recipes, step
from gan_utils.gan.distributed import DistributedTrainState, World
from gan_utils.gan.latent import draw_latent
from gan_utils.gan.losses import LOSSES
from gan_utils.gan.models import MLPDiscriminator, evaluate
from gan_utils.gan.recipes import vary
from gan_utils.gan.step import TrainState
from gan_utils.gan.training import train_gan
from gan_utils.scores import digit_classifier, metrics
from gan_utils.scores.digit_classifier import DigitClassifier, predict, train_classifier
from gan_utils.scores.features import RandomFeatures, features_of
from gan_utils.style import objective as style
from gan_utils.style.statistics import STATISTICS
from gan_utils.style.vgg import VGGFeatures

STANDIN = torch.device("meta")
IMAGES = {"MNIST": (1, 28, 28), "FACES": (3, 64, 64)}
RECIPES = [name for name, each in vars(recipes).items() if isinstance(each, recipes.Recipe)]


def refuse(dtype):
    if dtype in (torch.float64, torch.complex64, torch.complex128):
        raise TypeError(f"{dtype} does not exist on this device")


class Separate(TorchDispatchMode):
    """Refuses operations on tensors of two devices; some of `meta` would let them pass."""

    def __torch_dispatch__(self, operation, types, args=(), kwargs=None):
        tensors = [t for t in tree_leaves((args, kwargs)) if isinstance(t, Tensor) and t.ndim]
        devices = {str(t.device) for t in tensors}
        if len(devices) > 1 and operation is not torch.ops.aten.copy_.default:
            raise RuntimeError(f"{operation} meets tensors on {' and '.join(sorted(devices))}")
        result = operation(*args, **(kwargs or {}))
        for tensor in tree_leaves((args, kwargs, result)):
            if isinstance(tensor, Tensor) and tensor.device == STANDIN and tensor.ndim:
                refuse(tensor.dtype)
        return result


@pytest.fixture
def standin(monkeypatch):
    """Adam's fused kernel does not know the device; what leaves it becomes zeros, or True."""

    def ordinary(weights, *numbers, fused):
        assert fused
        return Adam(weights, *numbers)

    def arrived(tensor):
        return torch.full(tensor.shape, tensor.dtype == torch.bool, dtype=tensor.dtype)

    monkeypatch.setattr(step, "Adam", ordinary)
    monkeypatch.setattr(digit_classifier, "Adam", ordinary)
    monkeypatch.setattr(Tensor, "cpu", arrived)
    with Separate():
        yield STANDIN


def samples_of(name, count):
    if name.startswith("SINE_"):
        return torch.zeros(count, 2)
    return torch.zeros(count, *IMAGES[name.split("_")[0]], dtype=torch.uint8)


def narrow(recipe):
    """The faces' networks, which take long to build, in their smallest form."""
    networks = dict(generator=recipe.generator, discriminator=recipe.discriminator)
    return vary(recipe, **{role: lambda b=build: b(width=2) for role, build in networks.items()})


@pytest.mark.parametrize("name", RECIPES)
def test_a_step_of_each_recipe_leaves_nothing_behind_and_reads_nothing(standin, name):
    recipe = getattr(recipes, name)
    recipe = vary(narrow(recipe) if name.startswith("FACES") else recipe, batch_size=4)
    train_state = TrainState(
        recipe.generator().to(standin),
        recipe.discriminator().to(standin),
        steps=10,
        **recipe.training,
    )
    stream = BatchStream(Batches(samples_of(name, 8).to(standin), 4), standin)
    for _ in range(2):
        statistics = train_state.step(next(stream))
    assert statistics.device == standin and statistics.shape == (6,)


@pytest.mark.parametrize("loss", LOSSES)
def test_so_does_a_step_with_each_loss(standin, loss):
    generator = recipes.SINE_PUBLISHED.generator().to(standin)
    train_state = TrainState(
        generator, MLPDiscriminator(2, (8,)).to(standin), latent_dim=2, steps=9, loss=loss
    )
    assert train_state.step(torch.zeros(4, 2, device=standin)).device == standin


def test_a_whole_training_sends_what_comes_from_the_cpu_and_brings_back_what_it_keeps(standin):
    recipe = recipes.MNIST_HOUSE
    networks = recipe.generator().to(standin), recipe.discriminator().to(standin)
    batches = [torch.zeros(4, 1, 28, 28)] * 3  # on the CPU, as those of a DataLoader
    history = train_gan(
        *networks,
        batches,
        steps=5,
        fixed_latent=torch.zeros(6, 100),
        probe=torch.zeros(7, 1, 28, 28),
        snapshots=2,
        progress=False,
        **recipe.training,
    )
    kept = [history.records, history.snapshots[-1].samples, history.snapshots[-1].logits]
    assert [str(tensor.device) for tensor in kept] == ["cpu"] * 3
    assert history.snapshots[-1].samples.shape == (6, 1, 28, 28)


def test_one_process_compares_its_samples_and_its_weights_there(standin):
    recipe = vary(recipes.MNIST_HOUSE, batch_size=4)
    train_state = DistributedTrainState(
        World(0, 1, standin), recipe, samples_of("MNIST_", 8), steps=9, seed=0
    )
    trainer._compare_samples(train_state)
    assert train_state.step(train_state.part(0)).device == standin
    train_state.world.check_sync(train_state.networks)
    assert train_state.world.any(False) is False


def test_it_lacks_what_an_apple_gpu_lacks(standin):
    with pytest.raises(TypeError, match=r"float64 does not exist"):
        torch.zeros(3, device=standin).double()
    with pytest.raises(TypeError, match=r"complex64 does not exist"):
        torch.fft.fft(torch.zeros(4, device=standin))


def test_sampling_stays_on_the_device(standin):
    generator = recipes.MNIST_HOUSE.generator().to(standin)
    for kind in ("normal", "uniform"):
        assert evaluate(generator, draw_latent(3, 100, kind=kind, device=standin)).device == standin


def test_the_classifier_learns_and_answers_there(standin):
    images = torch.zeros(64, 1, 28, 28, dtype=torch.uint8)
    data = LabelledImages(images, torch.zeros(64, dtype=torch.int64), tuple("0123456789"))
    classifier = DigitClassifier().to(standin)
    train_classifier(classifier, data, steps=2, batch_size=8)
    assert predict(classifier, torch.zeros(5, 1, 28, 28)).tolist() == [0] * 5
    balance = metrics.class_balance(classifier, torch.zeros(5, 1, 28, 28))
    assert balance.shares[0] == 1


def test_features_are_taken_there(standin):
    features = features_of(RandomFeatures().to(standin), torch.zeros(2, 3, 64, 64))
    assert str(features.device) == "cpu" and len(features) == 2


@pytest.mark.parametrize("statistic", STATISTICS)
def test_the_style_objective_and_its_gradient_stay_there(standin, statistic, monkeypatch):
    monkeypatch.setattr(style, "check_pictures", lambda *_, **__: None)  # it reads, once, at first
    layers = *style.PUBLISHED_CONTENT, *style.PUBLISHED_STYLE
    network = VGGFeatures(layers, weights="random").to(standin)
    content, painting, picture = torch.zeros(3, 3, 32, 32, device=standin)
    objective = style.style_objective(
        network, content, painting, statistic=statistic, variation_weight=1.0, standardise=True
    )
    picture = picture[None].requires_grad_()
    sum(objective(picture).values()).backward()
    assert picture.grad.device == standin
