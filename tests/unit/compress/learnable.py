"""A small task that nets learn in seconds: which quarter of a noisy picture is bright."""

import torch

from compress.net import Blueprint, fresh
from compress.samples import Samples

CLASSES = 4


def pictures(count=512, size=16, channels=3, seed=0):
    generator = torch.Generator().manual_seed(seed)
    labels = torch.randint(CLASSES, (count,), generator=generator)
    inputs = torch.randn((count, channels, size, size), generator=generator)
    half = size // 2
    for image, label in zip(inputs, labels.tolist(), strict=True):
        row, column = divmod(label, 2)
        image[:, row * half : (row + 1) * half, column * half : (column + 1) * half] += 1.0
    return Samples(inputs, labels, (channels, size, size))


def net(name="resnet-8", size=16, channels=3, seed=0):
    return fresh(Blueprint(name, (channels, size, size), CLASSES), seed)
