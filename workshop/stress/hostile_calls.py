"""Calls that nobody should make: broken files, odd arguments, networks and batches."""

import gzip
import io
import os
from collections.abc import Callable, Iterator
from contextlib import redirect_stdout
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch
from PIL import Image
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

from gan_utils.data.batches import Batches
from gan_utils.data.digits import digit_images
from gan_utils.data.faces import face_images
from gan_utils.data.mnist import IDX_DIMENSIONS
from gan_utils.data.pictures import load_folder, load_picture
from gan_utils.data.sine import sine_points
from gan_utils.gan.models import MLPDiscriminator, MLPGenerator
from gan_utils.gan.training import train_gan
from gan_utils.runtime import pick_device
from gan_utils.scores.results import stored_results
from gan_utils.settings import require_choice, require_folder, require_positive, require_whole

Call = tuple[str, Callable[[], Any]]
NAN, INF = float("nan"), float("inf")
ODD = (None, "", "x", b"x", -1, 0, 1.5, NAN, INF, True, [], {}, (1, 2, 3), object())


def data_calls(folder: Path) -> Iterator[Call]:
    """Yield calls of loaders with broken files, empty folders and odd arguments."""
    picture = io.BytesIO()
    Image.fromarray(np.arange(70 * 80 * 3, dtype=np.uint8).reshape(70, 80, 3)).save(picture, "PNG")
    whole = picture.getvalue()
    broken = {f"cut at {n}": whole[:n] for n in (0, 1, 7, 8, 20, 33, 60, len(whole) // 2)}
    broken |= {f"byte {n} turned": _turned(whole, n) for n in (0, 9, 16, 24, 25, 40, 99)}
    broken |= {"text": b"<html>", "zeros": bytes(5000), "zip": b"PK\3\4" + bytes(99)}
    for name, content in broken.items():
        path = folder / f"{name}.png"
        path.write_bytes(content)
        yield f"picture, {name}", partial(load_picture, path)
    for name in (".", "nowhere.png", "x" * 300, "a\0b.png"):
        yield f"picture {name[:9]!r}", partial(load_picture, folder / name)
    yield "folder of broken pictures", partial(load_folder, folder, 64, 100)
    for size, limit in ((0, 5), (-1, 5), (64, 0), (10**9, 5)):
        yield f"folder, {size}, {limit}", partial(load_folder, folder, size, limit)
    for source in ("nosuch", "", "lfw", "celeba", "folder"):
        yield f"faces, {source!r}", partial(face_images, source, count=20)
    for count in (-1, 0, 9):
        yield f"faces, count {count}", partial(face_images, "drawn", count=count)
    os.environ["GAN_UTILS_DATA"] = str(folder)
    raw = folder / "MNIST" / "raw"
    raw.mkdir(parents=True)
    for name, content in _broken_mnist().items():
        for file in IDX_DIMENSIONS:
            (raw / file).unlink(missing_ok=True)
            (raw / f"{file}.gz").unlink(missing_ok=True)
        for file, data in content.items():
            (raw / file).write_bytes(data)
        yield f"MNIST, {name}", partial(digit_images, "mnist")
    for name, text in {"cut": '{"row": 1', "empty": "", "list": "[]", "other": "{}"}.items():
        (folder / f"{name}_a_1.json").write_text(text)
        yield f"results, {name}", partial(stored_results, name, folder)


def _turned(content: bytes, place: int) -> bytes:
    return content[:place] + bytes([content[place] ^ 0xFF]) + content[place + 1 :]


def _broken_mnist() -> dict[str, dict[str, bytes]]:
    def idx(*sizes: int, value: int = 1) -> bytes:
        head = b"".join(n.to_bytes(4, "big") for n in (0x800 + len(sizes), *sizes))
        return head + bytes([value]) * int(np.prod(sizes))

    images, labels = idx(20, 28, 28), idx(20)
    good = {file: images if "images" in file else labels for file in IDX_DIMENSIONS}
    first, second = list(IDX_DIMENSIONS)[:2]
    packed = gzip.compress(images)
    return {
        "none": {},
        "one missing": {first: images},
        "labels of 255": good | {second: idx(20, value=255)},
        "a label missing": good | {second: idx(19)},
        "no image": good | {first: idx(0, 28, 28), second: idx(0)},
        "images of 32": good | {first: idx(20, 32, 32)},
        "labels in place of images": good | {first: labels},
        "cut": good | {first: images[:-1]},
        "too long": good | {first: images + b"1"},
        "head cut": good | {first: images[:9]},
        "empty": good | {first: b""},
        "web page": good | {first: b"<!DOCTYPE html>"},
        "packed, cut": {n: d for n, d in good.items() if n != first} | {f"{first}.gz": packed[:-9]},
        "packed, no gzip": {n: d for n, d in good.items() if n != first} | {f"{first}.gz": images},
    }


def training_calls(_: Path) -> Iterator[Call]:
    """Yield training runs with odd arguments, networks and batches."""
    arguments = (
        "steps latent_dim lr d_lr betas ema_decay snapshots checkpoint_every latent loss gamma"
    )
    for name in arguments.split():
        for value in ODD:
            if value is None and name not in ("steps", "latent_dim"):
                continue  # what it means is said
            yield f"{name}={value!r}"[:40], partial(_train, **{name: value})
    for name in ("decay_lr", "shared_latent", "precision", "probe", "fixed_latent", "on_snapshot"):
        for value in ("x", 3, [1], np.zeros(2)):
            yield f"{name}={value!r}"[:40], partial(_train, **{name: value})
    for name, value in _odd_networks().items():
        yield f"generator: {name}", partial(_train, generator=value)
        yield f"discriminator: {name}", partial(_train, discriminator=value)
    for name, value in _odd_batches().items():
        yield f"batches: {name}", partial(_train, batches=value)
    for check in (
        require_whole,
        require_positive,
        require_folder,
        partial(require_choice, {"a": 1}),
    ):
        for value in ODD:
            yield f"setting {value!r}"[:40], partial(check, SETTING=value)
    for value in ODD[2:]:
        yield f"device {value!r}"[:40], partial(pick_device, value)


def _train(generator: Any = "usual", discriminator: Any = "usual", batches: Any = "usual", **how):
    torch.manual_seed(0)
    generator = MLPGenerator(2, (8,), 2) if isinstance(generator, str) else generator
    discriminator = MLPDiscriminator(2, (8,)) if isinstance(discriminator, str) else discriminator
    batches = Batches(sine_points(64), 8) if isinstance(batches, str) else batches
    settings = dict(steps=3, latent_dim=2, progress=False) | how
    return train_gan(generator, discriminator, batches, **settings)


class Odd(nn.Linear):
    """A layer that returns what `made` makes of its output."""

    def __init__(self, inputs: int, outputs: int, made: Callable) -> None:
        """Build the layer."""
        super().__init__(inputs, outputs)
        self.made = made

    def forward(self, inputs: torch.Tensor) -> Any:
        """Return something odd."""
        return self.made(super().forward(inputs))


def _odd_networks() -> dict[str, Any]:
    makers: dict[str, Callable] = {
        "returns a tuple": lambda x: (x, x),
        "returns None": lambda _: None,
        "returns NaN": lambda x: x * NAN,
        "detaches": lambda x: x.detach(),
        "drops a sample": lambda x: x[:-1],
        "returns whole numbers": lambda x: x.round().long(),
        "adds a dimension": lambda x: x[None],
    }
    networks = {name: Odd(2, 2, made) for name, made in makers.items()}
    kinds = {
        "no module": 3,
        "a function": sine_points,
        "lazy": nn.LazyLinear(2),
        "the class": nn.Linear,
    }
    return (
        networks
        | kinds
        | {
            "lazy": nn.LazyLinear(2),
            "half": nn.Linear(2, 2).half(),
            "no weights": nn.ReLU(),
            "frozen": nn.Linear(2, 2).requires_grad_(False),
            "another size": nn.Linear(3, 5),
            "on meta": nn.Linear(2, 2, device="meta"),
        }
    )


def _odd_batches() -> dict[str, Any]:
    points = sine_points(64)
    kinds = {"None": None, "a number": 3, "a tensor": points, "a dataset": TensorDataset(points)}
    lists = {"empty": [], "of None": [None], "of numbers": [1, 2], "of empty lists": [[], []]}
    tensors = {
        "NaN": points * NAN,
        "infinite": points * INF,
        "whole numbers": points.long(),
        "complex": points.to(torch.complex64),
        "bool": points > 0,
        "no dimension": torch.tensor(1.0),
        "no rows": points[:0],
        "another shape": points[:, :1],
        "a row too many dimensions": points[None],
        "sparse": points.to_sparse(),
    }
    return (
        kinds
        | lists
        | {name: [tensor] for name, tensor in tensors.items()}
        | {
            "a generator": (points for _ in range(1)),
            "a function": lambda: [points],
            "a file": io.StringIO("1 2"),
            "a loader of one": DataLoader(TensorDataset(points[:1]), batch_size=1),
            "a dict": {"points": points},
        }
    )


def checkpoint_calls(folder: Path) -> Iterator[Call]:
    """Yield training runs whose checkpoint is another thing, damaged, or made by hand."""
    good = folder / "good.pt"
    with redirect_stdout(io.StringIO()):
        _train(checkpoint=good)
    content, saved = good.read_bytes(), torch.load(good, weights_only=True)
    for value in (
        "",
        3,
        b"x",
        "a\0b",
        "~nobody/x",
        "x" * 300,
        str(folder),
        "/dev/null",
        good / "x",
    ):
        yield f"checkpoint={value!r}"[:40], partial(_train, checkpoint=value)
    cuts = {f"cut at {n}": content[:n] for n in (0, 1, 9, 99, len(content) // 2, len(content) - 1)}
    turned = {f"byte {n} turned": _turned(content, n) for n in range(50, len(content), 997)}
    for number, (name, damaged) in enumerate((cuts | turned | {"text": b"hello"}).items()):
        path = folder / f"damaged-{number}.pt"
        path.write_bytes(damaged)
        yield f"damaged: {name}", partial(_train, checkpoint=path)
    odd = (None, 3, [], {}, {"parts": []})
    changes = {f"{key} = {value!r}"[:40]: {key: value} for key in saved for value in odd}
    parts = saved["parts"]
    changes |= {
        f"part {n}: {value!r}"[:40]: {"parts": [*parts[:n], value, *parts[n + 1 :]]}
        for n in range(len(parts))
        for value in odd
    }
    for number, (name, change) in enumerate(changes.items()):
        path = folder / f"made-{number}.pt"
        torch.save(saved | change, path)
        yield f"made: {name}", partial(_train, checkpoint=path)
    for name, value in {
        "tensor": torch.ones(2),
        "list": [1],
        "network": {"a": torch.ones(1)},
    }.items():
        torch.save(value, folder / f"{name}.pt")
        yield f"another file: {name}", partial(_train, checkpoint=folder / f"{name}.pt")
    others = dict(lr=1e-3, loss="hinge", ema_decay=0.9, steps=2, latent="uniform", gamma=None)
    for name, value in others.items():
        copy = folder / f"other-{name}.pt"
        copy.write_bytes(content)
        yield f"other training: {name}", partial(_train, checkpoint=copy, **{name: value})
