"""The nets of the conversion matrix: weights that were trained for a few minutes, and inputs of the same kind.

Nets with random weights are chaotic: each layer amplifies the rounding errors of those before it, as layers of trained
nets do not. So the matrix converts nets that learned something, if only a made-up task: to tell smooth random pictures
apart. Every class is a template; an example is its template moved, zoomed and dimmed, under smooth and white noise.

Weights and samples are kept under build/matrix/nets, and made again only where they are missing.
"""

import json
import os
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from PIL import Image
from safetensors.torch import save_file
from torch import nn
from torch.nn import functional

from architectures.catalogue import Architecture, parse
from architectures.pretrained import DEVIATION, MEAN, load_pretrained

SAMPLES = 72
"""Of every net: `zoo convert` takes the first 8 as golden inputs, and calibrates with the others."""
PHOTOS = "ZOO_PHOTOS"
"""Environment variable: a folder of JPEG photos, golden inputs of the net that was trained on photos."""

_MOST_CLASSES = (
    21  # heads of 1000 classes get 10: so many templates cannot be told apart in a few hundred steps
)
_FEW_CLASSES = 10
_NODES, _CLUTTER_NODES = 4, 6  # of the grids that smooth fields are interpolated from, along each axis
_CLUTTER, _WHITE = 0.3, 0.2  # standard deviations; templates have 1
_REGIONS = 4  # of a picture to segment
_MOVE, _ZOOM, _DIM = 0.2, 0.2, 0.3  # most, of half the picture, of 1, of 1
_SETTLING_BATCHES = 8
Batch = tuple[torch.Tensor, torch.Tensor]
Task = Callable[[int, torch.Generator], Batch]
"""Draws so many examples and their labels."""


@dataclass(frozen=True, slots=True)
class Training:
    """How long a net learns.

    Attributes:
        steps: of AdamW, at the training's size.
        batch: examples a step.
        rate: the highest of a one-cycle schedule.
        size: height and width of training images; ``None`` for the net's own. Weights do not depend on it.
        last_steps: more of them at the net's own size and an eighth of the rate, where the other is smaller.
    """

    steps: int = 300
    batch: int = 32
    rate: float = 5e-3
    size: int | None = None
    last_steps: int = 0


TRAININGS = {
    "lenet-300-100": Training(rate=2e-3),
    "lenet-5": Training(rate=2e-3),
    "ds-cnn-64": Training(),
    "resnet-8": Training(),
    "vgg-small": Training(),
    "squeezenet-1.1-96": Training(rate=1e-3),
    "mobilenet-v1-0.25-128": Training(),
    "mobilenet-v2-0.35-96": Training(),
    "mobilenet-v2-1.0-224": Training(steps=150, batch=16, size=112, last_steps=15),
    "mobilenet-v3-small-1.0-96": Training(steps=200),
    "mnasnet-0.5-96": Training(steps=200),
    "resnet-18-96": Training(steps=60, batch=16),
    "efficientnet-lite0": None,
    "deeplab-v3-mobilenet-v2-0.5-128": Training(steps=400, batch=8),
    "transformer-encoder-2-64": Training(rate=2e-3),
}
"""By net; ``None`` for the one whose ImageNet weights a package has."""


@dataclass(frozen=True, slots=True)
class Made:
    """A net of the matrix.

    Attributes:
        weights: safetensors.
        samples: ``.npz``, `SAMPLES` of them.
        about: JSON, written last.
        facts: what it says: ``weights``, ``inputs``, and where it was trained ``classes``, ``steps`` and ``accuracy``,
            the share of right answers (of pixels, for a segmenter) on the samples.
    """

    weights: Path
    samples: Path
    about: Path
    facts: dict[str, Any]


def make(name: str, folder: Path) -> Made:
    """Train a net and draw its samples, unless that was done before."""
    weights, samples, about = (folder / f"{name}.{suffix}" for suffix in ("safetensors", "npz", "json"))
    if not about.exists():
        folder.mkdir(parents=True, exist_ok=True)
        torch.set_num_threads(1)
        training = TRAININGS[name]
        net, inputs, facts = _pretrained(name) if training is None else _trained(name, training)
        save_file({key: value.contiguous() for key, value in net.state_dict().items()}, weights)
        np.savez_compressed(samples, inputs.numpy())
        about.write_text(json.dumps(facts, indent=2), encoding="utf-8")
    return Made(weights, samples, about, json.loads(about.read_text(encoding="utf-8")))


def _pretrained(name: str) -> tuple[Any, torch.Tensor, dict[str, Any]]:
    net, shape = load_pretrained(name), parse(name).shape
    folder = os.environ.get(PHOTOS)
    if folder:
        pictures, inputs = _photos(Path(folder), shape[1]), "photos"
    else:
        random = torch.Generator().manual_seed(0)
        pictures = _fields((SAMPLES, *shape), 2 * _CLUTTER_NODES, random)
        pictures, inputs = (
            (pictures / 2 + _WHITE * torch.randn(pictures.shape, generator=random) / 4),
            "synthetic",
        )
    return net, pictures.clip(-1, 1), {"weights": "ImageNet", "inputs": inputs}


def _photos(folder: Path, size: int) -> torch.Tensor:
    """Photos drawn at random, squeezed to a square, as the net was trained on them."""
    paths = sorted(each for each in folder.rglob("*") if each.suffix.lower() in {".jpg", ".jpeg"})
    if len(paths) < SAMPLES:
        raise SystemExit(f"{PHOTOS}: {len(paths)} photos in '{folder}', {SAMPLES} are wanted")
    chosen = np.random.default_rng(0).permutation(len(paths))[:SAMPLES]
    pixels = [
        np.asarray(Image.open(paths[each]).convert("RGB").resize((size, size)), np.float32) for each in chosen
    ]
    return (torch.from_numpy(np.stack(pixels)).permute(0, 3, 1, 2) - MEAN) / DEVIATION


def _trained(name: str, training: Training) -> tuple[Any, torch.Tensor, dict[str, Any]]:
    """Train a net at a smaller size, if it is told so, then at its own; draw samples that it has not seen."""
    started, random = time.monotonic(), torch.Generator().manual_seed(1)
    architecture = parse(name)
    classes = architecture.classes if architecture.classes <= _MOST_CLASSES else _FEW_CLASSES
    torch.manual_seed(0)
    net = architecture.build(classes)
    task = _task(architecture, classes)
    if training.size is not None:
        small = architecture.with_shape((architecture.shape[0], training.size, training.size))
        other = small.build(classes)
        other.load_state_dict(net.state_dict())
        _fit(other, _task(small, classes), training, training.steps, training.rate, random)
        net.load_state_dict(other.state_dict())
        _fit(net, task, training, training.last_steps, training.rate / 8, random)
    else:
        _fit(net, task, training, training.steps, training.rate, random)
    _settle(net, task, training.batch, random)
    inputs, labels = task(SAMPLES, random)
    with torch.no_grad():
        accuracy = float((net(inputs).argmax(1) == labels).float().mean())
    facts = {"weights": "trained", "inputs": "synthetic", "classes": classes, "accuracy": accuracy,
             "steps": training.steps + training.last_steps}  # fmt: skip
    print(f"{name}: {accuracy:.0%} right after {time.monotonic() - started:.0f} s of training", flush=True)
    return net, inputs, facts


def _fit(
    net: nn.Module, task: Task, training: Training, steps: int, rate: float, random: torch.Generator
) -> None:
    optimizer = torch.optim.AdamW(net.parameters(), lr=rate, weight_decay=0.05)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, rate, total_steps=steps, pct_start=0.15)
    net.train()
    for _ in range(steps):
        inputs, labels = task(training.batch, random)
        loss = functional.cross_entropy(net(inputs), labels)
        optimizer.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(net.parameters(), 5.0)
        optimizer.step()
        schedule.step()


def _settle(net: nn.Module, task: Task, batch: int, random: torch.Generator) -> None:
    """Give batch norms the statistics of the last weights, at the net's own size; leave it in evaluation mode."""
    for each in net.modules():
        if isinstance(each, nn.modules.batchnorm._BatchNorm):  # noqa: SLF001 - torch has no other name of it
            each.reset_running_stats()
            each.momentum = None  # the plain mean over all batches
    net.train()
    with torch.no_grad():
        for _ in range(_SETTLING_BATCHES):
            net(task(batch, random)[0])
    net.eval()


def _task(architecture: Architecture, classes: int) -> Task:
    """The task that fits the net's inputs and outputs; templates are the same at every size."""
    random, shape = torch.Generator().manual_seed(2), architecture.shape
    if len(shape) == 2:  # noqa: PLR2004 - tokens and features: every feature is smooth over the tokens
        tokens, features = shape
        series = _templates(classes, (features, tokens, 1), random)
        return lambda count, generator: _sequences(series, count, generator)
    templates = _templates(classes, shape, random)
    if architecture.family.startswith("deeplab"):
        colours = torch.randn((classes, shape[0], 1, 1), generator=random)
        return lambda count, generator: _scenes(templates / 2 + colours, count, generator)
    return lambda count, generator: _pictures(templates, count, generator)


def _fields(shape: tuple[int, ...], nodes: int, random: torch.Generator) -> torch.Tensor:
    """Smooth random fields: normal numbers on a coarse grid, interpolated."""
    count, channels, height, width = shape
    grid = torch.randn((count, channels, nodes, min(nodes, width)), generator=random)
    return functional.interpolate(grid, (height, width), mode="bicubic", align_corners=True)


def _templates(classes: int, shape: tuple[int, ...], random: torch.Generator) -> torch.Tensor:
    made = _fields((classes, *shape), _NODES, random)
    return made / made.std((1, 2, 3), keepdim=True)


def _pictures(templates: torch.Tensor, count: int, random: torch.Generator) -> Batch:
    """Templates moved, zoomed and dimmed, with clutter and noise."""
    labels = torch.randint(len(templates), (count,), generator=random)
    return _disturbed(_moved(templates[labels], random), random), labels


def _moved(pictures: torch.Tensor, random: torch.Generator) -> torch.Tensor:
    count = len(pictures)
    place = torch.zeros(count, 2, 3)
    place[:, 0, 0] = place[:, 1, 1] = 1 + _ZOOM * (2 * torch.rand(count, generator=random) - 1)
    place[:, :, 2] = _MOVE * (2 * torch.rand((count, 2), generator=random) - 1)
    grid = functional.affine_grid(place, list(pictures.shape), align_corners=False)
    return functional.grid_sample(pictures, grid, padding_mode="reflection", align_corners=False)


def _disturbed(pictures: torch.Tensor, random: torch.Generator) -> torch.Tensor:
    dim = 1 + _DIM * (2 * torch.rand((len(pictures), 1, 1, 1), generator=random) - 1)
    clutter = _fields(tuple(pictures.shape), _CLUTTER_NODES, random)
    return dim * pictures + _CLUTTER * clutter + _WHITE * torch.randn(pictures.shape, generator=random)


def _sequences(series: torch.Tensor, count: int, random: torch.Generator) -> Batch:
    """As pictures are, one column wide, then (N, tokens, features)."""
    pictures, labels = _pictures(series, count, random)
    return pictures.squeeze(3).transpose(1, 2).contiguous(), labels


def _scenes(templates: torch.Tensor, count: int, random: torch.Generator) -> Batch:
    """Pictures of smooth regions, each with the colours of its class; labels are one a pixel."""
    classes, _, height, width = templates.shape
    shown = torch.stack([torch.randperm(classes, generator=random)[:_REGIONS] for _ in range(count)])
    region = _fields((count, _REGIONS, height, width), _NODES, random).argmax(1)
    labels = shown.gather(1, region.flatten(1)).view(count, height, width)
    everywhere = templates.permute(2, 3, 0, 1)  # (H, W, classes, C)
    rows, columns = torch.arange(height)[:, None], torch.arange(width)
    pictures = everywhere[rows, columns, labels].permute(0, 3, 1, 2)
    return _disturbed(pictures, random), labels
