"""Training and sampling as most tutorials write them: what the package is measured against."""

import torch
from PIL import Image
from torch import Tensor, nn
from torch.nn.functional import mse_loss
from torch.optim import LBFGS, Adam
from torch.utils.data import DataLoader, Dataset
from torchvision import transforms

from gan_utils.gan.recipes import Recipe
from gan_utils.style.objective import PUBLISHED_CONTENT, PUBLISHED_STYLE
from gan_utils.style.vgg import VGGFeatures


class TextbookDataset(Dataset):
    """Images as torchvision's data sets give them: each is turned from bytes to a picture, to a
    tensor and to [-1, 1] when it is asked for. Points are given as they are.

    Args:
        samples: uint8 images [N, C, H, W], or points [N, ...] as floats.
    """

    def __init__(self, samples: Tensor) -> None:
        """Keep the samples."""
        self.samples = samples
        self.transform = transforms.Compose(
            [transforms.ToTensor(), transforms.Normalize((0.5,), (0.5,))]
        )

    def __len__(self) -> int:
        """Return the number of samples."""
        return len(self.samples)

    def __getitem__(self, index: int) -> Tensor:
        """Return one sample."""
        sample = self.samples[index]
        if sample.dtype != torch.uint8:
            return sample
        pixels = sample.permute(1, 2, 0).squeeze(2).numpy()
        return self.transform(Image.fromarray(pixels))


class TextbookTraining:
    """The training of a recipe in the form that most tutorials share.

    A DataLoader that transforms image by image, probabilities and their BCELoss, PyTorch's usual
    Adam, two passes through the discriminator, and losses that are read in every step.

    Args:
        recipe: networks, batch size and rates; only what such tutorials know is used of it.
        samples: see `TextbookDataset`; at least a batch.
        device: where the networks learn.

    Source: the DCGAN example of pytorch/examples.
    """

    def __init__(self, recipe: Recipe, samples: Tensor, device: torch.device) -> None:
        """Build networks, optimisers and loader."""
        self.device, self.latent_dim = device, recipe.training["latent_dim"]
        self.generator = recipe.generator().to(device)
        self.discriminator = nn.Sequential(recipe.discriminator(), nn.Sigmoid()).to(device)
        adam = dict(lr=recipe.training["lr"], betas=recipe.training["betas"])
        self.g_optimizer = Adam(self.generator.parameters(), **adam)
        self.d_optimizer = Adam(self.discriminator.parameters(), **adam)
        dataset = TextbookDataset(samples)
        self.loader = DataLoader(dataset, recipe.batch_size, shuffle=True, drop_last=True)
        self.batches = iter(self.loader)
        self.criterion = nn.BCELoss()

    def _real(self) -> Tensor:
        batch = next(self.batches, None)
        if batch is None:
            self.batches = iter(self.loader)
            batch = next(self.batches)
        return batch.to(self.device)

    def step(self) -> tuple[float, float]:
        """Train both once; return the losses of D and of G.

        Lesson 05, section 6.
        """
        real = self._real()
        size = (len(real), self.latent_dim)
        fake = self.generator(torch.randn(size, device=self.device))
        ones = torch.ones(len(real), 1, device=self.device)
        zeros = torch.zeros_like(ones)

        self.discriminator.zero_grad()
        real_loss = self.criterion(self.discriminator(real), ones)
        real_loss.backward()
        fake_belief = self.discriminator(fake.detach())
        fake_loss = self.criterion(fake_belief, zeros)
        fake_loss.backward()
        self.d_optimizer.step()

        self.generator.zero_grad()
        g_loss = self.criterion(self.discriminator(fake), ones)
        g_loss.backward()
        self.g_optimizer.step()
        return (real_loss.item() + fake_loss.item()) / 2, g_loss.item()


def textbook_samples(
    generator: nn.Module, latent_dim: int, count: int, device: torch.device, batch_size: int = 64
) -> Tensor:
    """Draw images in the batches of the training, each brought to the CPU: [count, ...]."""
    found = []
    for _ in range(0, count, batch_size):
        with torch.no_grad():
            found.append(generator(torch.randn(batch_size, latent_dim, device=device)).cpu())
    return torch.cat(found)[:count]


class TextbookStyle:
    """The published style objective as most tutorials compute it: the whole network is passed, and
    each term is a loss of its own, read in every call.

    Args:
        network: returns the layers of the objective, and may go on behind them.
        content, style: pictures [3, H, W] in [0, 1], on the network's device.

    Source: Gatys et al. 2016, eq. 7; the form of PyTorch's tutorial on neural style transfer.
    """

    def __init__(self, network: VGGFeatures, content: Tensor, style: Tensor) -> None:
        """Take the targets from the two pictures."""
        self.network = network
        with torch.no_grad():
            self.content, features = network(content[None]), network(style[None])
            self.grams = {name: self._gram(features[name]) for name in PUBLISHED_STYLE}

    @staticmethod
    def _gram(features: Tensor) -> Tensor:
        channels = features.flatten(2)[0]
        return channels @ channels.T / channels.shape[1]

    def step(self, picture: Tensor) -> list[float]:
        """Leave the gradient of the objective in `picture` [1, 3, H, W]; return its terms."""
        picture.grad = None
        features = self.network(picture)
        terms = [
            weight * mse_loss(features[name], self.content[name])
            for name, weight in PUBLISHED_CONTENT.items()
        ]
        for name, weight in PUBLISHED_STYLE.items():
            terms.append(weight * mse_loss(self._gram(features[name]), self.grams[name]))
        sum(terms).backward()
        return [term.item() for term in terms]

    def paint(self, start: Tensor, calls: int) -> Tensor:
        """Change `start` [3, H, W] by L-BFGS without bounds, and clip the end to [0, 1]. Lesson 04,
        section 13, tells why the thresholds are 0 and the objective is multiplied.
        """
        picture, factor = start[None].clone().requires_grad_(), start.numel()
        thresholds = dict(tolerance_grad=0, tolerance_change=0)
        solver = LBFGS([picture], max_iter=calls, max_eval=calls, **thresholds)

        def closure() -> float:
            total = factor * sum(self.step(picture))
            picture.grad *= factor
            return total

        solver.step(closure)
        return picture.detach()[0].clamp(0, 1)
