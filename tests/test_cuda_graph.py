"""The recorded step, with a tape in the place of a CUDA graph; on a GPU see test_cuda.py."""

import copy
from contextlib import contextmanager
from types import SimpleNamespace

import pytest
import torch
from test_standin_device import narrow
from torch import Tensor, nn
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

from gan_utils import runtime
from gan_utils.data.batches import Batches
from gan_utils.gan import cuda_graph, recipes
from gan_utils.gan.cuda_graph import CUDAGraphTrainState, NotRecordable, make_train_state
from gan_utils.gan.distributed import DistributedTrainState, World
from gan_utils.gan.losses import LOSSES
from gan_utils.gan.models import MLPDiscriminator, MLPGenerator
from gan_utils.gan.recipes import Recipe, vary
from gan_utils.gan.step import TrainState
from gan_utils.gan.training import train_gan
from gan_utils.speed.tape import Tape

CPU = torch.device("cpu")
STEPS = 8
FALLING = dict(decay_lr=True, ema_decay=0.9)
RECIPES = {
    "dropout": vary(recipes.SINE_PUBLISHED, training=FALLING),
    "one batch of latents": vary(recipes.MNIST_NOTE45, training=FALLING),
    "batch norm": recipes.MNIST_HOUSE,
    "bfloat16": vary(recipes.SINE_PUBLISHED, training=dict(precision=torch.bfloat16)),
    "two rates": vary(recipes.SINE_PUBLISHED, training=dict(d_lr=4e-3, loss="hinge")),
    "R1": recipes.SINE_HOUSE,
    "gradient penalty": vary(recipes.SINE_PUBLISHED, training=dict(loss="wasserstein")),
}


class Untouched(TorchDispatchMode):
    """Keeps what operations take, as it was; a CUDA graph records them without doing them."""

    def __init__(self):
        super().__init__()
        self.kept = {}

    def __torch_dispatch__(self, operation, types, args=(), kwargs=None):
        for tensor in tree_leaves((args, kwargs)):
            if isinstance(tensor, Tensor) and tensor.data_ptr() not in self.kept:
                self.kept[tensor.data_ptr()] = tensor, tensor.clone()
        return operation(*args, **(kwargs or {}))

    def put_back(self):
        with torch.no_grad():
            for tensor, value in reversed(self.kept.values()):
                tensor.copy_(value)


def record_on_tape(work, device, rehearsal):
    assert device == CPU
    rehearsal()
    state = torch.get_rng_state()
    with Untouched() as untouched, Tape() as tape:
        result = work()
    untouched.put_back()
    torch.set_rng_state(state)
    return tape.replay, result


@pytest.fixture
def taped(monkeypatch):
    """The CPU is taken for a GPU, whose graphs are tapes; count them."""
    recordings = []

    learn, capturable = TrainState.learn, []

    def watched(train_state, real):
        capturable.append(all(o.param_groups[0]["capturable"] for o in train_state.optimizers))
        return learn(train_state, real)

    def record(*given):
        recordings.append(given)
        capturable.clear()
        recorded = record_on_tape(*given)
        # Adam on a GPU refuses to be recorded unless it was told, and warns if it was in vain.
        assert capturable == [False] * cuda_graph.REHEARSALS + [True]
        return recorded

    monkeypatch.setattr(TrainState, "learn", watched)
    monkeypatch.setattr(cuda_graph, "records_graphs", lambda _: True)
    monkeypatch.setattr(cuda_graph, "record_graph", record)
    monkeypatch.setattr(cuda_graph, "generator_state", lambda _: dict(cpu=torch.get_rng_state()))
    monkeypatch.setattr(
        cuda_graph, "restore_generator_state", lambda states, _: torch.set_rng_state(states["cpu"])
    )
    return recordings


def samples_of(recipe, count):
    shape = (2,) if recipe.training["latent_dim"] == 2 else recipes.DIGIT
    return torch.rand(count, *shape) * 2 - 1


def trained(recipe, samples, **changes):
    torch.manual_seed(3)
    networks = recipe.generator(), recipe.discriminator()
    settings = recipe.training | dict(progress=False, steps=STEPS) | changes
    history = train_gan(*networks, Batches(samples, recipe.batch_size), **settings)
    return history, (*networks, history.generator)


def words(capsys):
    """What was printed, whatever the lines it was broken into."""
    return " ".join(capsys.readouterr().out.split())


def weights(networks):
    """All numbers that networks keep; those that count averages lie on the CPU."""
    values = [value for network in networks for value in network.state_dict().values()]
    return torch.cat([value.flatten().float().cpu() for value in values])


@pytest.mark.parametrize("name", RECIPES)
def test_a_recorded_training_is_the_same_within_rounding(taped, name):
    recipe = vary(RECIPES[name], batch_size=16)
    samples = samples_of(recipe, 64)
    eager, networks = trained(recipe, samples, graph=False)
    assert not taped
    recorded, others = trained(recipe, samples, graph=True)
    assert len(taped) == 1
    assert torch.allclose(eager.records, recorded.records, rtol=1e-3, atol=1e-4)
    assert torch.allclose(weights(networks), weights(others), rtol=1e-3, atol=1e-4)
    moved = weights(networks) - weights([recipe.generator(), recipe.discriminator()] + [others[2]])
    assert moved.abs().max() > 1e-2  # so the comparison says something
    assert eager.records.std(0).min() > 1e-4


EVERY = {name: each for name, each in vars(recipes).items() if isinstance(each, Recipe)}
EVERY |= {loss: vary(recipes.SINE_PUBLISHED, training=dict(loss=loss)) for loss in LOSSES}


@pytest.mark.parametrize("name", EVERY)
def test_a_recorded_step_of_each_recipe_and_loss_is_that_of_python(taped, name):
    recipe, found = vary(EVERY[name], batch_size=8), []
    if name.startswith("FACES"):  # these networks take long to build
        recipe, batch = narrow(recipe), torch.rand(8, 3, 64, 64) * 2 - 1
    else:
        batch = samples_of(recipe, 8)
    for chosen in (False, None):
        torch.manual_seed(3)
        networks = recipe.generator(), recipe.discriminator()
        train_state = make_train_state(*networks, graph=chosen, steps=9, **recipe.training)
        found.append(torch.stack([train_state.step(batch) for _ in range(3)]))
    assert len(taped) == 1 and torch.allclose(*found, rtol=1e-3, atol=1e-4)
    assert found[0].std(0).max() > 1e-4


def test_a_recorded_training_goes_on_exactly_where_it_stopped(taped, tmp_path):
    recipe = vary(RECIPES["dropout"], batch_size=16)
    samples = samples_of(recipe, 48)
    _, whole = trained(recipe, samples, graph=True)
    kept = dict(checkpoint=tmp_path / "kept.pt", fixed_latent=torch.zeros(2, 2), snapshots=9)

    def stop(history):
        if len(history.records) == 3:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        trained(recipe, samples, graph=True, checkpoint_every=2, on_snapshot=stop, **kept)
    _, parts = trained(recipe, samples, graph=True, **kept)
    assert torch.equal(weights(whole), weights(parts))
    assert len(taped) == 3


def test_it_does_so_just_before_a_batch_of_another_shape(taped):
    recipe, ends = vary(RECIPES["dropout"], batch_size=16), []
    batches = samples_of(recipe, 40).split(16)  # the third has eight
    for stops in ([7], [2, 7]):
        torch.manual_seed(3)
        networks = recipe.generator(), recipe.discriminator()
        train_state = [CUDAGraphTrainState(*networks, steps=9, **recipe.training) for _ in stops]
        done = 0
        for here, stop in zip(train_state, stops, strict=True):
            if done:
                here.load_state_dict(copy.deepcopy(train_state[0].state_dict()))
            for step in range(done, stop):
                here.step(batches[step % 3])
            done = stop
        ends.append(weights(networks))
    assert torch.equal(*ends) and len(taped) == 3
    assert [work.__self__.shape for work, *_ in taped] == [(16, 2)] * 3


@pytest.mark.usefixtures("taped")
def test_a_checkpoint_of_one_kind_goes_on_as_the_other():
    recipe = vary(RECIPES["dropout"], batch_size=16)
    train_state = [
        kind(recipe.generator(), recipe.discriminator(), steps=9, **recipe.training)
        for kind in (CUDAGraphTrainState, TrainState, CUDAGraphTrainState)
    ]
    for before, after in ((train_state[0], train_state[1]), (train_state[1], train_state[2])):
        before.step(samples_of(recipe, 16))
        after.load_state_dict(copy.deepcopy(before.state_dict()))
        assert after.optimizers[0].param_groups[0]["lr"] == before.schedules[0].get_last_lr()[0]
        assert not after.optimizers[0].param_groups[0]["capturable"]
        assert torch.equal(weights(before.networks), weights(after.networks))


def test_weights_that_are_loaded_into_a_recorded_game_are_used(taped):
    recipe = vary(RECIPES["dropout"], batch_size=16)
    samples = samples_of(recipe, 16)
    torch.manual_seed(0)
    train_state = CUDAGraphTrainState(
        recipe.generator(), recipe.discriminator(), steps=9, **recipe.training
    )
    state = copy.deepcopy(train_state.state_dict())
    torch.manual_seed(1)
    first = train_state.step(samples)
    train_state.load_state_dict(state)
    torch.manual_seed(1)
    assert torch.equal(train_state.step(samples), first) and len(taped) == 2


@pytest.mark.usefixtures("taped")
def test_what_a_step_returned_stays_as_it_was():
    recipe = vary(RECIPES["dropout"], batch_size=16)
    train_state = CUDAGraphTrainState(
        recipe.generator(), recipe.discriminator(), steps=9, **recipe.training
    )
    first = train_state.step(samples_of(recipe, 16))
    kept = first.clone()
    assert not torch.equal(train_state.step(samples_of(recipe, 16)), kept)
    assert torch.equal(first, kept)


@pytest.mark.usefixtures("taped")
def test_other_shapes_go_through_python_and_one_line_says_so(capsys):
    recipe = vary(RECIPES["dropout"], batch_size=16)
    samples = samples_of(recipe, 40)
    runs = []
    for chosen in (False, None, True):
        assert capsys.readouterr().out == ""
        torch.manual_seed(3)
        networks = recipe.generator(), recipe.discriminator()
        batches = samples.split(16)  # the third has eight
        settings = recipe.training | dict(progress=False, steps=9, graph=chosen)
        train_gan(*networks, batches, **settings)
        runs.append(weights(networks))
    assert torch.allclose(*runs[:2], rtol=1e-3, atol=1e-4) and torch.equal(*runs[1:])
    assert words(capsys) == (
        "No CUDA graph for a batch of the shape [8, 2]: Python asks for each operation."
    )


def test_what_certainly_can_be_recorded_is_so_without_being_asked(taped, capsys):
    recipe = vary(RECIPES["R1"], batch_size=16)
    samples = samples_of(recipe, 32)
    _, networks = trained(recipe, samples)
    assert len(taped) == 1
    _, others = trained(recipe, samples, graph=True)
    assert torch.equal(weights(networks), weights(others)) and len(taped) == 2
    assert words(capsys) == ""


class Counter(nn.Sequential):
    """Keeps a number in Python, which a recording would leave as it is."""

    calls = 0

    def forward(self, latent):
        self.calls += 1
        return super().forward(latent)


def test_networks_that_may_keep_something_in_python_are_recorded_only_if_asked(taped, capsys):
    def hooked():
        network = MLPGenerator(2, (4,), 2)
        network.register_forward_hook(lambda *_: None)
        return network

    def of_its_own():
        return Counter(MLPGenerator(2, (4,), 2))

    for build in (of_its_own, hooked, Reader):
        recipe = vary(RECIPES["dropout"], batch_size=16, generator=build)
        trained(recipe, samples_of(recipe, 16))
    assert not taped and words(capsys) == ""
    recipe = vary(recipe, generator=of_its_own)
    trained(recipe, samples_of(recipe, 16), graph=True)
    assert len(taped) == 1


def test_one_that_reads_numbers_is_left_to_python_if_nobody_asked(taped, capsys, monkeypatch):
    monkeypatch.setattr(cuda_graph, "_is_known", lambda _: True)
    recipe = vary(RECIPES["dropout"], batch_size=16, generator=Reader)
    samples = samples_of(recipe, 16)
    _, networks = trained(recipe, samples, graph=False)
    _, others = trained(recipe, samples)
    assert torch.equal(weights(networks), weights(others))
    assert len(taped) == 1 and words(capsys) == ""  # tried once


def test_a_recording_is_refused_before_it_is_made_where_numbers_cross_over():
    with pytest.raises(NotRecordable, match="from one device to another"), cuda_graph._Sealed():
        torch.ones(2).to("meta")
    with pytest.raises(NotRecordable, match="a number is read"), cuda_graph._Sealed():
        torch.ones(2).sum().item()
    with cuda_graph._Sealed():
        assert (torch.ones(2, device="meta") * torch.tensor(2.0)).shape == (2,)


def test_a_training_of_one_process_is_recorded_and_goes_on_exactly(taped):
    recipe, ends = vary(RECIPES["R1"], batch_size=16), []
    samples = samples_of(recipe, 64)
    train_state, again = (
        DistributedTrainState(World(0, 1, CPU), recipe, samples, steps=9, seed=1) for _ in "ab"
    )
    for step in range(3):
        train_state.step(train_state.part(step))
    again.load_state_dict(copy.deepcopy(train_state.state_dict()))
    for played in (train_state, again):
        played.step(played.part(3))
        ends.append(weights(played.networks))
    assert len(taped) == 2 and torch.equal(*ends)


def test_one_of_several_processes_is_not(taped, monkeypatch):
    monkeypatch.setattr(World, "average", lambda *_: None)
    recipe = vary(RECIPES["R1"], batch_size=16)
    samples = samples_of(recipe, 64)
    state = DistributedTrainState(World(0, 2, CPU), recipe, samples, steps=9, seed=1)
    state.step(state.part(0))
    assert not taped


def test_so_do_devices_without_cuda(capsys):
    recipe = vary(recipes.SINE_PUBLISHED, batch_size=16)
    samples = samples_of(recipe, 64)
    _, networks = trained(recipe, samples)
    _, others = trained(recipe, samples, graph=True)
    assert torch.equal(weights(networks), weights(others))
    assert words(capsys) == "No CUDA graph on the cpu: Python asks for each operation."


class Reader(nn.Module):
    """Looks at its own output, as code that prints a loss does."""

    def __init__(self):
        super().__init__()
        self.layers = MLPGenerator(2, (4,), 2)
        self.largest = 0.0

    def forward(self, latent):
        samples = self.layers(latent)
        self.largest = samples.max().item()
        return samples


@pytest.mark.usefixtures("taped")
def test_networks_that_cannot_be_recorded_are_left_as_they_were():
    networks = Reader(), MLPDiscriminator(2, (4,))
    before = weights(networks)
    message = "cannot be recorded as a CUDA graph: they read .* train them with graph=False"
    with pytest.raises(RuntimeError, match=message):
        train_gan(*networks, [torch.zeros(4, 2)], steps=3, latent_dim=2, graph=True, progress=False)
    assert torch.equal(weights(networks), before)


@pytest.mark.usefixtures("taped")
def test_numbers_of_another_kind_are_refused_before_and_after_the_recording():
    recipe = RECIPES["dropout"]
    train_state = CUDAGraphTrainState(
        recipe.generator(), recipe.discriminator(), steps=9, **recipe.training
    )
    for _ in range(2):
        with pytest.raises(ValueError, match="batches gives torch.float64"):
            train_state.step(torch.zeros(4, 2, dtype=torch.float64))
        train_state.step(torch.zeros(4, 2))


def test_the_tape_does_the_same_again_in_the_same_places():
    weight, x = torch.ones(3, requires_grad=True), torch.arange(3.0)
    with Tape() as tape:
        loss = (weight * x).square().sum()
        loss.backward()
        with torch.no_grad():
            weight -= 0.1 * weight.grad
    place = weight.data_ptr()
    x.fill_(1.0)
    weight.data.fill_(2.0)
    tape.replay()
    assert loss.item() == 12 and weight.data_ptr() == place
    assert torch.allclose(weight, torch.full((3,), 2 - 0.1 * 2 * 2.0))


def test_a_tape_refuses_what_a_gpu_could_not_record():
    with pytest.raises(RuntimeError, match="a number is read during the recording"), Tape():
        torch.ones(2).sum().item()


def test_a_recording_is_rehearsed_on_its_stream_and_made_on_it(monkeypatch):
    """PyTorch's functions for graphs, replaced: the order in which they are needed."""
    told = []

    class Stream:
        def __init__(self, name="side"):
            self.name = name

        def wait_stream(self, other):
            told.append(f"{self.name} waits for {other.name}")

    @contextmanager
    def within(text):
        told.append(text)
        yield
        told.append(f"end of {text}")

    replay = object()
    replaced = dict(
        Stream=Stream,
        current_stream=lambda: Stream("main"),
        CUDAGraph=lambda: SimpleNamespace(replay=replay),
        device=lambda device: within(str(device)),
        stream=lambda stream: within(stream.name),
        graph=lambda _, stream, capture_error_mode: within(
            f"recording on {stream.name}, {capture_error_mode}"
        ),
    )
    for name, replacement in replaced.items():
        monkeypatch.setattr(torch.cuda, name, replacement)
    given = runtime.record_graph(
        lambda: told.append("work") or 7, torch.device("cuda:1"), lambda: told.append("rehearsal")
    )
    assert given == (replay, 7)
    assert told == [
        *("cuda:1", "main", "side waits for main", "side", "rehearsal", "end of side"),
        *("main waits for side", "recording on side, thread_local", "work"),
        *("end of recording on side, thread_local", "end of main", "end of cuda:1"),
    ]
    assert runtime.records_graphs(torch.device("cuda:1"))
    assert not runtime.records_graphs(CPU)
