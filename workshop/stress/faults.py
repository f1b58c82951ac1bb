"""Plant faults into a copy of the project, one at a time, and see that a test fails for each.

    python -m workshop.stress.faults            all of them: takes a while
    python -m workshop.stress.faults 3 7        those with these numbers

It is no part of the test line, which plants a few of them (`test_faults.py`).
"""

import os
import shutil
import subprocess
import sys
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import NamedTuple

ROOT = Path(__file__).parents[2]


class Fault(NamedTuple):
    """One change of one file, and the tests that must notice it."""

    what: str
    file: str
    old: str
    new: str
    tests: str


LOSSES, STEP, RECIPES = (f"gan_utils/gan/{name}.py" for name in ("losses", "step", "recipes"))
LATENT, MODELS = "gan_utils/gan/latent.py", "gan_utils/gan/models.py"
TRAINING, CHECKPOINTS = "gan_utils/gan/training.py", "gan_utils/gan/checkpoints.py"
METRICS, OBJECTIVE = "gan_utils/scores/metrics.py", "gan_utils/style/objective.py"
STATISTICS = "gan_utils/style/statistics.py"
PROCESSES, GRAPH = "gan_utils/gan/distributed.py", "gan_utils/gan/cuda_graph.py"
VGG, BATCHES = "gan_utils/style/vgg.py", "gan_utils/data/batches.py"
LIMITS = "gan_utils/speed/limits.py"
LESSON = "notebooks/01_sine_gan.ipynb"
HYGIENE = "tests/test_notebook_hygiene.py"

FAULTS = [
    Fault(
        "labels of real samples swapped",
        LOSSES,
        "real_error = softplus(-real_logits)",
        "real_error = softplus(real_logits)",
        "tests/test_losses.py",
    ),
    Fault(
        "both halves summed, not averaged",
        LOSSES,
        "return (real_error + fake_error) / 2",
        "return real_error + fake_error",
        "tests/test_losses.py",
    ),
    Fault(
        "logarithm of a rounded probability",
        LOSSES,
        "real_error = softplus(-real_logits).mean()",
        "real_error = -real_logits.sigmoid().log().mean()",
        "tests/test_losses.py",
    ),
    Fault(
        "saturating loss exchanged for the other",
        LOSSES,
        "return -softplus(fake_logits).mean()",
        "return softplus(-fake_logits).mean()",
        "tests/test_losses.py",
    ),
    Fault(
        "hinge without its margin",
        LOSSES,
        "relu(1 - real_scores)",
        "relu(-real_scores)",
        "tests/test_losses.py",
    ),
    Fault(
        "penalty asks for slope 0",
        LOSSES,
        "norm(dim=1) - 1)",
        "norm(dim=1))",
        "tests/test_losses.py",
    ),
    Fault(
        "penalty ten times too weak",
        LOSSES,
        "return gamma * (gradient",
        "return gamma / 10 * (gradient",
        "tests/test_losses.py",
    ),
    Fault(
        "R1 on generated samples",
        LOSSES,
        "total = discriminator(real).sum()",
        "total = discriminator(real := _.detach().requires_grad_()).sum()",
        "tests/test_losses.py",
    ),
    Fault(
        "fakes keep their graph in D's half",
        STEP,
        "fake = samples.detach().to(real.dtype)",
        "fake = samples",
        "tests/test_step.py",
    ),
    Fault(
        "pairs the wrong way round",
        LOSSES,
        "return softplus(fake_logits - real_logits).mean()",
        "return softplus(real_logits - fake_logits).mean()",
        "tests/test_modern.py",
    ),
    Fault(
        "both penalties on the real side",
        LOSSES,
        "pair = (real, fake), (fake, real)",
        "pair = (real, fake), (real, fake)",
        "tests/test_modern.py",
    ),
    Fault(
        "pictures that are looked at are augmented",
        "gan_utils/gan/augment.py",
        "if not self.training:",
        "if False:",
        "tests/test_modern.py",
    ),
    Fault(
        "indices are averaged",
        "gan_utils/gan/ema.py",
        "if averaged[0].is_floating_point():",
        "if True:",
        "tests/test_hostile.py",
    ),
    Fault(
        "Adam's memory is not looked at",
        STEP,
        'if shapes != dict.fromkeys(("exp_avg", "exp_avg_sq"), [*weight.shape]):',
        "if False:",
        "tests/test_hostile.py",
    ),
    Fault(
        "gradients of D pile up",
        STEP,
        "    d_optimizer.zero_grad()\n",
        "",
        "tests/test_training.py",
    ),
    Fault(
        "gradients of G pile up",
        STEP,
        "    g_optimizer.zero_grad()\n",
        "",
        "tests/test_training.py",
    ),
    Fault(
        "D learns from real samples twice",
        STEP,
        "torch.cat([real, fake])",
        "torch.cat([real, real])",
        "tests/test_training.py",
    ),
    Fault(
        "G is judged on the samples of D's half",
        STEP,
        "samples = generator(g_latent)",
        "samples = generator(d_latent)",
        "tests/test_training.py",
    ),
    Fault(
        "G records gradients that nobody uses",
        STEP,
        "with torch.set_grad_enabled(shared):",
        "with torch.enable_grad():",
        "tests/test_training.py",
    ),
    Fault(
        "real and fake statistics mixed by batch norm",
        STEP,
        "if kinds <= {*SAMPLE_BY_SAMPLE} and not has_hooks(discriminator):",
        "if True:",
        "tests/test_step.py",
    ),
    Fault(
        "accuracy of fakes inverted",
        STEP,
        "(fake_logits <= 0).float()",
        "(fake_logits > 0).float()",
        "tests/test_training.py",
    ),
    Fault(
        "betas swapped",
        STEP,
        'self.settings["betas"], fused=True',
        'self.settings["betas"][::-1], fused=True',
        "tests/test_training.py",
    ),
    Fault(
        "rate of D forgotten",
        STEP,
        'zip(self.networks, ("lr", "d_lr"), strict=True)',
        'zip(self.networks, ("lr", "lr"), strict=True)',
        "tests/test_training.py",
    ),
    Fault(
        "rate does not fall",
        STEP,
        "lambda step: 1 - step / steps",
        "lambda step: 1.0",
        "tests/test_training.py",
    ),
    Fault(
        "decay of the average inverted",
        STEP,
        'ema_of(generator, self.settings["ema_decay"])',
        'ema_of(generator, 1 - self.settings["ema_decay"])',
        "tests/test_training.py",
    ),
    Fault(
        "average without buffers",
        "gan_utils/gan/ema.py",
        "use_buffers=True",
        "use_buffers=False",
        "tests/test_training.py",
    ),
    Fault(
        "latent vectors shared where they should not be",
        STEP,
        'd_latent if self.settings["shared_latent"] else',
        'd_latent if not self.settings["shared_latent"] else',
        "tests/test_training.py",
    ),
    Fault(
        "uniform latents from 0 to 2",
        LATENT,
        "device=device) * 2 - 1",
        "device=device) * 2",
        "tests/test_models.py tests/test_training.py",
    ),
    Fault(
        "slerp walks backwards",
        LATENT,
        "((1 - t) * angle).sin() * start + (t * angle).sin() * end",
        "((1 - t) * angle).sin() * end + (t * angle).sin() * start",
        "tests/test_models.py",
    ),
    Fault(
        "images scaled by 255",
        "gan_utils/data/images.py",
        "/ 127.5 - 1",
        "/ 255",
        "tests/test_data.py",
    ),
    Fault(
        "batches in the same order every epoch",
        BATCHES,
        "torch.randperm(len(self.samples))",
        "torch.arange(len(self.samples))",
        "tests/test_data.py tests/test_training.py",
    ),
    Fault(
        "resumed one batch too early",
        BATCHES,
        'range(state["position"])',
        'range(state["position"] - 1)',
        "tests/test_training.py",
    ),
    Fault(
        "cosine for sine",
        "gan_utils/data/sine.py",
        "x1.sin()",
        "x1.cos()",
        "tests/test_data.py",
    ),
    Fault(
        "sizes in the head of an IDX file not checked",
        "gan_utils/data/mnist.py",
        "len(data) != wanted or ",
        "",
        "tests/test_downloads.py tests/test_data.py",
    ),
    Fault(
        "sigmoid for tanh",
        MODELS,
        "self.layers.append(nn.Tanh())",
        "self.layers.append(nn.Sigmoid())",
        "tests/test_models.py",
    ),
    Fault(
        "dropout ignored",
        MODELS,
        "layers.append(nn.Dropout(dropout))",
        "layers.append(nn.Dropout(0.0))",
        "tests/test_models.py",
    ),
    Fault(
        "evaluation without evaluation mode",
        MODELS,
        "    module.eval()\n",
        "",
        "tests/test_models.py",
    ),
    Fault(
        "sizes of the sine generator",
        RECIPES,
        "partial(MLPGenerator, 2, (16, 32), 2)",
        "partial(MLPGenerator, 2, (16, 16), 2)",
        "tests/test_models.py",
    ),
    Fault(
        "rate of the sine recipe a hundred times too high",
        RECIPES,
        "training=dict(latent_dim=2, lr=1e-3",
        "training=dict(latent_dim=2, lr=1e-1",
        "tests/test_models.py",
    ),
    Fault(
        "budget of Note45 of all images",
        RECIPES,
        "steps=10 * 391",
        "steps=10 * 469",
        "tests/test_models.py",
    ),
    Fault(
        "momentum of Keras's batch norm as in PyTorch",
        RECIPES,
        "momentum=0.2, eps=1e-3",
        "momentum=0.8, eps=1e-3",
        "tests/test_models.py",
    ),
    Fault(
        "one step twice after resuming",
        TRAINING,
        "range(done + 1, total + 1)",
        "range(done, total + 1)",
        "tests/test_training.py",
    ),
    Fault(
        "checksums of a checkpoint not read",
        CHECKPOINTS,
        "(damaged := archive.testzip())",
        "(damaged := None)",
        "tests/test_training.py",
    ),
    Fault(
        "losses may be NaN",
        CHECKPOINTS,
        "if not bad_steps and torch.stack(finite)",
        "if torch.stack(finite)",
        "tests/test_training.py",
    ),
    Fault(
        "random state not restored",
        CHECKPOINTS,
        'restore_random_state(saved["random"], self.device)  # last',
        "pass  # last",
        "tests/test_training.py",
    ),
    Fault(
        "settings of a checkpoint not compared",
        CHECKPOINTS,
        '_compare(self.path, saved["settings"], self.settings)',
        "pass",
        "tests/test_training.py",
    ),
    Fault(
        "unfinished files are left behind",
        "gan_utils/files.py",
        "        unfinished.unlink(missing_ok=True)\n",
        "        pass\n",
        "tests/test_files.py",
    ),
    Fault(
        "points far from the curve are good",
        METRICS,
        "distances <= tolerance",
        "distances >= tolerance",
        "tests/test_metrics.py",
    ),
    Fault(
        "Fréchet distance goes on from the last one",
        METRICS,
        "        self.metric.reset()\n",
        "",
        "tests/test_metrics.py",
    ),
    Fault(
        "an image is its own neighbour",
        METRICS,
        "kthvalue(k + 1)",
        "kthvalue(k)",
        "tests/test_metrics.py",
    ),
    Fault(
        "precision and recall exchanged",
        METRICS,
        "return precision, recall",
        "return recall, precision",
        "tests/test_metrics.py",
    ),
    Fault(
        "Gram matrix grows with the picture",
        STATISTICS,
        "flat @ flat.transpose(1, 2) / flat.shape[2]",
        "flat @ flat.transpose(1, 2)",
        "tests/test_statistics.py",
    ),
    Fault(
        "covariance with its means",
        STATISTICS,
        "gram_matrix(features - mean)",
        "gram_matrix(features)",
        "tests/test_statistics.py",
    ),
    Fault(
        "projections not sorted",
        STATISTICS,
        "values.sort(dim=2).values",
        "values",
        "tests/test_statistics.py",
    ),
    Fault(
        "the judge forgets to make pictures smaller",
        "gan_utils/style/patches.py",
        "avg_pool2d(picture[None], scale)",
        "picture[None]",
        "tests/test_statistics.py",
    ),
    Fault(
        "total variation in one direction only",
        OBJECTIVE,
        "return down.square().mean() + across.square().mean()",
        "return down.square().mean()",
        "tests/test_style.py",
    ),
    Fault(
        "style terms not relative to the photograph",
        OBJECTIVE,
        'weights[f"style {name}"] /= _share(at_photo[f"style {name}"], target)',
        "pass",
        "tests/test_style_balance.py",
    ),
    Fault(
        "the size of the activations is not divided out",
        OBJECTIVE,
        "_size(features[n]) if balanced else 1.0",
        "1.0",
        "tests/test_style.py",
    ),
    Fault(
        "content that is not standardised",
        OBJECTIVE,
        "standardise: bool = True",
        "standardise: bool = False",
        "tests/test_style.py",
    ),
    Fault(
        "mean and deviation of ImageNet exchanged",
        VGG,
        "(pictures - self.mean) / self.std",
        "(pictures - self.std) / self.mean",
        "tests/test_vgg.py",
    ),
    Fault(
        "names of layers off by one",
        VGG,
        "enumerate(BLOCKS, start=1)",
        "enumerate(BLOCKS, start=0)",
        "tests/test_vgg.py",
    ),
    Fault(
        "max pooling with random filters",
        VGG,
        '"random": "avg"',
        '"random": "max"',
        "tests/test_vgg.py",
    ),
    Fault(
        "a frame from zeros at the edge",
        VGG,
        'padding: str = "replicate",',
        'padding: str = "zeros",',
        "tests/test_vgg.py",
    ),
    Fault(
        "a result is never out of date",
        "workshop/experiments/trials.py",
        'result.get("fingerprint") == trial.fingerprint()',
        "True",
        "tests/test_trials.py",
    ),
    Fault(
        "quick mode is full mode",
        "gan_utils/runtime.py",
        'return full if mode() == "full" else quick',
        "return full",
        "tests/test_runtime.py",
    ),
    Fault(
        "a wing imports upwards",
        BATCHES,
        "import torch\n",
        "import torch\nimport gan_utils.gan.losses\n",
        "tests/test_repository.py",
    ),
    Fault(
        "an output edited",
        LESSON,
        '"generator: 658 parameters',
        '"generator: 659 parameters',
        HYGIENE,
    ),
    Fault(
        "code edited after the run",
        LESSON,
        "POINTS = 1024",
        "POINTS = 1025",
        HYGIENE,
    ),
    Fault(
        "another kernel",
        LESSON,
        '"name": "python3"',
        '"name": "my-python"',
        HYGIENE,
    ),
    Fault(
        "a path of somebody's computer",
        LESSON,
        '"## Setting up',
        '"## Setting up in /media/disk',
        HYGIENE,
    ),
    Fault(
        "a picture that is not there",
        LESSON,
        "(images/01_sine_gan.png)",
        "(images/01_sine_cat.png)",
        "tests/test_repository.py",
    ),
    Fault(
        "a link to a lesson that is not there",
        "README.md",
        "(notebooks/02_mnist_mlp_gan.ipynb)",
        "(notebooks/02_mnist_gan.ipynb)",
        "tests/test_repository.py",
    ),
    Fault(
        "warnings in cells are overlooked",
        "conftest.py",
        'if warnings := OURS.findall(_printed(item, "stderr")):',
        "if warnings := []:",
        "tests/test_notebook_runner.py",
    ),
    Fault(
        "dead kernels are waited for",
        "conftest.py",
        "if not kernel.is_alive():",
        "if False:",
        "tests/test_notebook_runner.py",
    ),
    Fault(
        "norm left in the discriminator for faces",
        RECIPES,
        "DCGANDiscriminator, batch_norm=False)",
        "DCGANDiscriminator)",
        "tests/test_models.py tests/test_trials.py",
    ),
    Fault(
        "small weights left in a discriminator without norm",
        MODELS,
        "initialize_dcgan if batch_norm else initialize_he",
        "initialize_dcgan",
        "tests/test_models.py",
    ),
    Fault(
        "views counted as work",
        "gan_utils/speed/work.py",
        "if operation.is_view:",
        "if False:",
        "tests/test_speed.py",
    ),
    Fault(
        "the textbook's loss of fakes forgotten",
        "gan_utils/speed/textbook.py",
        "(real_loss.item() + fake_loss.item()) / 2",
        "real_loss.item()",
        "tests/test_speed.py",
    ),
    Fault(
        "the first moment above a distance, not below",
        "gan_utils/speed/quality.py",
        "dim=0) <= distance",
        "dim=0) >= distance",
        "tests/test_speed.py",
    ),
    Fault(
        "batches left on the CPU",
        BATCHES,
        "samples.detach().to(self.device)",
        "samples.detach()",
        "tests/test_standin_device.py",
    ),
    Fault(
        "latent vectors drawn on the CPU",
        LATENT,
        "torch.randn(count, dim, device=device)",
        "torch.randn(count, dim)",
        "tests/test_standin_device.py",
    ),
    Fault(
        "fixed latent vectors left on the CPU",
        "gan_utils/gan/history.py",
        "self.fixed_latent.to(device, copy=True)",
        "self.fixed_latent",
        "tests/test_standin_device.py",
    ),
    Fault(
        "places of the penalty drawn on the CPU",
        LOSSES,
        "torch.rand(shape, device=real.device)",
        "torch.rand(shape)",
        "tests/test_standin_device.py",
    ),
    Fault(
        "a loss read in every step",
        STEP,
        "torch.stack(found).detach()",
        "torch.stack(found).detach() + 0 * d_loss.item()",
        "tests/test_standin_device.py",
    ),
    Fault(
        "images to classify left on the CPU",
        "gan_utils/scores/features.py",
        "chunk.to(device, torch.float32)",
        "chunk",
        "tests/test_standin_device.py",
    ),
    Fault(
        "labels of the classifier left on the CPU",
        "gan_utils/scores/digit_classifier.py",
        "data.labels.to(device)",
        "data.labels",
        "tests/test_standin_device.py",
    ),
    Fault(
        "directions of a style left on the CPU",
        STATISTICS,
        "random_directions(features.shape[1]).to(features)",
        "random_directions(features.shape[1])",
        "tests/test_standin_device.py",
    ),
    Fault(
        "gradients not averaged over the processes",
        PROCESSES,
        "            optimizer.register_step_pre_hook(world.average_gradients)\n",
        "            pass\n",
        "tests/test_distributed.py",
    ),
    Fault(
        "gradients of all processes summed",
        PROCESSES,
        "means = (joined / self.size).split(",
        "means = joined.split(",
        "tests/test_distributed.py",
    ),
    Fault(
        "all processes draw the same latent vectors",
        PROCESSES,
        "torch.manual_seed(mixed_seed(self.seed, step, self.world.rank))",
        "torch.manual_seed(mixed_seed(self.seed, step))",
        "tests/test_distributed.py",
    ),
    Fault(
        "all processes learn from the same part",
        BATCHES,
        "part = batch.chunk(self.size)[self.rank]",
        "part = batch.chunk(self.size)[0]",
        "tests/test_distributed.py",
    ),
    Fault(
        "processes begin with states of their own",
        PROCESSES,
        "        world.broadcast(checkpointer.parts)\n",
        "",
        "tests/test_distributed.py",
    ),
    Fault(
        "losses of one process alone are kept",
        PROCESSES,
        "        self.world.average(self.recent)\n",
        "",
        "tests/test_distributed.py",
    ),
    Fault(
        "processes never look at each other's weights",
        PROCESSES,
        "if len(set(found)) > 1 and all(map(math.isfinite, found)):",
        "if False:",
        "tests/test_distributed.py",
    ),
    Fault(
        "an epoch's order does not change",
        BATCHES,
        "torch.Generator().manual_seed(mixed_seed(self.seed, epoch))",
        "torch.Generator().manual_seed(mixed_seed(self.seed))",
        "tests/test_distributed.py",
    ),
    Fault(
        "other data in one process goes unnoticed",
        "gan_utils/commands/trainer.py",
        "if len(set(found)) > 1:",
        "if False:",
        "tests/test_train_command.py",
    ),
    Fault(
        "an exercise accepts what is nearly right",
        "gan_utils/exercises/verdicts.py",
        "torch.allclose(given, other, rtol=tolerance",
        "torch.allclose(given, other, rtol=9 * tolerance",
        "tests/test_exercises.py",
    ),
    Fault(
        "a learner who forgot detach is told nothing",
        "gan_utils/exercises/lesson_01.py",
        "if mine.visits > 1:",
        "if False:",
        "notebooks/solutions/01_sine_gan.ipynb",
    ),
    Fault(
        "a wrong answer that is told something else goes unnoticed",
        "gan_utils/exercises/verdicts.py",
        " or words not in found.words",
        "",
        "tests/test_exercises.py",
    ),
    Fault(
        "learners get the solutions",
        "workshop/exercises.py",
        "[section.cells[index] for index in kept]",
        "solutions.cells[kept[0] :]",
        "tests/test_exercises.py",
    ),
    Fault(
        "a learner's worksheet is written over",
        "workshop/exercises.py",
        "if worksheet.exists() and worksheet.read_bytes() != text:",
        "if False:",
        "tests/test_exercises.py",
    ),
    Fault(
        "slides ask the network for reveal.js",
        "workshop/slides.py",
        "<script>{{ resources.reveal_js }}</script>",
        '<script src="https://unpkg.com/reveal.js"></script>',
        "tests/test_slides.py",
    ),
    Fault(
        "a GPU is not shared",
        "gan_utils/runtime.py",
        "    share_memory(torch.device(asked))\n",
        "",
        "tests/test_runtime.py",
    ),
    Fault(
        "a PyTorch that is too old is taken",
        "gan_utils/packages.py",
        "return needed.specifier.contains(version(needed.name), prereleases=True)",
        "return bool(version(needed.name))",
        "tests/test_packages.py",
    ),
    Fault(
        "the first running mean is not the weights themselves",
        GRAPH,
        "if average.n_averaged == 0:",
        "if average.n_averaged < 0:",
        "tests/test_cuda_graph.py",
    ),
    Fault(
        "a recorded step keeps the learning rate of its recording",
        GRAPH,
        '            rate.fill_(group["lr"])\n',
        "            pass\n",
        "tests/test_cuda_graph.py",
    ),
    Fault(
        "the metrics of a recorded step are written over by the next",
        GRAPH,
        "return self._metrics.clone()",
        "return self._metrics",
        "tests/test_cuda_graph.py",
    ),
    Fault(
        "Adam remembers the rehearsal of a recording",
        GRAPH,
        "tensor.zero_()",
        "pass",
        "tests/test_cuda_graph.py",
    ),
    Fault(
        "a recorded step looks for real samples where they were, not where they are",
        GRAPH,
        "        self._real.copy_(real)\n",
        "",
        "tests/test_cuda_graph.py",
    ),
    Fault(
        "a graph goes on with memory that loading has replaced",
        GRAPH,
        "        self.recorded, self.shape = False, state",
        "        self.shape = state",
        "tests/test_cuda_graph.py",
    ),
    Fault(
        "the rehearsal of a recording uses up random numbers",
        GRAPH,
        "            restore_generator_state(states, self.device)",
        "            pass",
        "tests/test_cuda_graph.py",
    ),
    Fault(
        "a batch of another shape goes into the graph",
        GRAPH,
        "if self.shape not in (None, tuple(real.shape)):",
        "if self.recorded and real.ndim != self._real.ndim:",
        "tests/test_cuda_graph.py",
    ),
    Fault(
        "a training that goes on records another shape",
        GRAPH,
        'state.get("shape")',
        "None",
        "tests/test_cuda_graph.py",
    ),
    Fault(
        "Adam is not told that it is recorded",
        GRAPH,
        "with self._rates_in_memory(capturable=True):",
        "with self._rates_in_memory(capturable=False):",
        "tests/test_cuda_graph.py",
    ),
    Fault(
        "networks that may keep something in Python are recorded without being asked",
        GRAPH,
        "self._trusted = asked or all(map(_is_known, self.networks))",
        "self._trusted = True",
        "tests/test_cuda_graph.py",
    ),
    Fault(
        "a hook of a known network is overlooked",
        GRAPH,
        "and not has_hooks(network)",
        "",
        "tests/test_cuda_graph.py",
    ),
    Fault(
        "the rehearsal lets numbers be read",
        GRAPH,
        "if operation is torch.ops.aten._local_scalar_dense.default:",
        "if False:",
        "tests/test_cuda_graph.py",
    ),
    Fault(
        "one of several processes records its step",
        PROCESSES,
        '"in several processes" if self.world.size > 1 else',
        '"in several processes" if self.world.size > 9 else',
        "tests/test_cuda_graph.py",
    ),
    Fault(
        "weights are added in numbers that an Apple GPU has not",
        PROCESSES,
        "w.detach().sum() for w in weights",
        "w.detach().double().sum() for w in weights",
        "tests/test_standin_device.py",
    ),
    Fault(
        "a precision that is emulated takes part",
        LIMITS,
        "if found[1] <= EMULATED * found[0]:",
        "if found:",
        "tests/test_speed.py",
    ),
    Fault(
        "the limits are measured with products that take a minute",
        LIMITS,
        "if best and 2 * flops / best > left:",
        "if best and left < -99:",
        "tests/test_speed.py",
    ),
    Fault(
        "slow forms are timed in as many rounds as fast ones",
        "gan_utils/speed/timing.py",
        "rounds = min(rounds, int(left / sum(once.values())))",
        "rounds = rounds",
        "tests/test_speed.py",
    ),
]


def project_copy(folder: str) -> Path:
    """Copy the project, without what tools and learners have put beside it."""
    copy = Path(folder, "project")
    leftovers = shutil.ignore_patterns("__pycache__", ".ipynb_checkpoints", "runs")
    for name in ("gan_utils", "workshop", "tests", "notebooks", ".ci", ".github"):
        shutil.copytree(ROOT / name, copy / name, ignore=leftovers)
    for path in ROOT.iterdir():
        if path.is_file():
            shutil.copy(path, copy)
    return copy


def run_tests(copy: Path, tests: list[str]) -> subprocess.CompletedProcess:
    """Run files of tests in a copy of the project, up to the first failure."""
    line = [sys.executable, "-m", "pytest", "-x", "-q", "-p", "no:cacheprovider", "-n0"]
    environment = os.environ | {"PYTHONPATH": str(copy), "PYTHONDONTWRITEBYTECODE": "1"}
    return subprocess.run([*line, *tests], cwd=copy, env=environment, capture_output=True)


def is_caught(fault: Fault, copy: Path) -> bool:
    """Plant a fault into a copy of the project, run its tests, and take it out again.

    Raises:
        ValueError: the text to be changed does not stand in the file exactly once.
    """
    path = copy / fault.file
    sound = path.read_text(encoding="utf-8")
    if sound.count(fault.old) != 1:
        raise ValueError(f"{fault.what}: {fault.old!r} is {sound.count(fault.old)} times in {path}")
    path.write_text(sound.replace(fault.old, fault.new), encoding="utf-8")
    try:
        run = run_tests(copy, fault.tests.split())
    finally:
        path.write_text(sound, encoding="utf-8")
    return run.returncode == 1  # 1: tests failed; others: they could not be run


def main() -> None:
    """Print a line for each fault; fail if one passes."""
    chosen = [int(number) for number in sys.argv[1:]] or range(1, len(FAULTS) + 1)
    passed = 0
    with TemporaryDirectory() as folder:
        copy = project_copy(folder)
        tests = sorted({name for fault in FAULTS for name in fault.tests.split()})
        if run_tests(copy, tests).returncode != 0:
            sys.exit("The project has a fault of its own: let the tests pass first.")
        for number in chosen:
            fault = FAULTS[number - 1]
            caught = is_caught(fault, copy)
            passed += not caught
            verdict = "caught" if caught else "PASSED"
            print(f"{number:3} {verdict}  {fault.what} ({fault.file})", flush=True)
    print(f"{len(chosen) - passed} of {len(chosen)} caught")
    sys.exit(passed > 0)


if __name__ == "__main__":
    main()
