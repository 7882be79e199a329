"""A net in a deep-compression file, and back."""

from dataclasses import asdict
from typing import Any

import torch

from architectures.catalogue import HEAD, parse
from compress.container.fields import bad
from compress.container.files import Decoded, decode, encode
from compress.net import Blueprint, Net, build
from zoo.errors import UsageError

_IMAGE_RANK = 3
_MOST_INPUTS = 1 << 24
_MOST_SPARE = 256  # parameters of the unpruned net a parameter of the file
_FREE_PARAMETERS = 1 << 20
# What building a net from words that nobody checked can raise.
_UNBUILDABLE = (UsageError, ValueError, TypeError, LookupError, AttributeError, ArithmeticError, RuntimeError)


def pack(net: Net) -> bytes:
    """The net's file: `compress.container` says what is in it.

    Raises:
        BadFileError: a tensor has a type that no file holds.
    """
    tensors = {name: each.detach().numpy() for name, each in net.module.state_dict().items()}
    shape = net.blueprint.shape
    strides = (shape[-1],) if len(shape) == _IMAGE_RANK else ()
    return encode(tensors, asdict(net.blueprint), strides)


def unpack(data: bytes) -> Net:
    """The net of `pack`: equal in every tensor.

    Raises:
        BadFileError: the file is damaged, or holds no net.
    """
    decoded = decode(data)
    try:
        blueprint = _blueprint(decoded.about)
        _refuse_larger(blueprint, decoded)
        state = {name: torch.from_numpy(each.copy()) for name, each in decoded.tensors.items()}
        return Net(blueprint, build(blueprint, state))
    except _UNBUILDABLE as problem:
        found = " ".join(str(problem).split())[:300]
        raise bad(f"it holds no net of this project: {found}") from problem


def _blueprint(told: Any) -> Blueprint:
    shape, removed = tuple(told["shape"]), tuple(told["removed"])
    whole = all(type(each) is int and each > 0 for each in (*shape, told["classes"]))
    words = all(isinstance(each, str) for each in (told["architecture"], *removed))
    if not whole or not words or type(told["folded"]) is not bool:
        raise ValueError("its shape, classes, name or removed blocks make no sense")
    return Blueprint(**{**told, "shape": shape, "removed": removed})


def _refuse_larger(blueprint: Blueprint, decoded: Decoded) -> None:
    """Refuse a blueprint that would build far more than the tensors fill.

    Raises:
        ValueError: it does.
    """
    head = decoded.tensors[HEAD]
    size = 1
    for each in blueprint.shape:
        size *= each
    if size > _MOST_INPUTS or head.ndim == 0 or head.shape[0] != blueprint.classes:
        raise ValueError(
            f"inputs of {blueprint.shape} and {blueprint.classes} classes do not fit its tensors"
        )
    with torch.device("meta"):  # no memory
        module = parse(blueprint.architecture).with_shape(blueprint.shape).build(blueprint.classes)
    wanted = sum(each.numel() for each in module.parameters())
    held = sum(each.size for each in decoded.tensors.values())
    if wanted > _FREE_PARAMETERS + _MOST_SPARE * held:
        raise ValueError(f"{blueprint.architecture} has {wanted} parameters, and the file {held}")
