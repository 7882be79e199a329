"""Sources that are torch modules: architectures of this project, Python references, exported programs."""

import hashlib
import re
import sys
from collections.abc import Sequence
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np
import torch

from architectures.catalogue import HEAD, parse
from architectures.folding import fold_batch_norms
from architectures.settling import settle
from converters.sources.base import Array, Port, Source, SourceKind
from zoo.errors import BadSourceError

SEED = 0
REFERENCE = re.compile(r"[A-Za-z_][\w.]*:[A-Za-z_]\w*")


def from_architecture(name: str, weights: Path | None) -> Source:
    """Build an architecture of this project and load its weights.

    Args:
        name: such as ``mobilenet-v2-0.35-96``.
        weights: a safetensors file, or a pickled state dict that holds nothing but tensors; ``None`` leaves the
            weights random, seeded.

    Raises:
        UnknownNameError: no architecture has that name.
        BadSourceError: the weights cannot be read or do not belong to it.
    """
    architecture = parse(name)
    torch.manual_seed(SEED)
    state = None if weights is None else read_state(weights)
    module = architecture.build(classes=None if state is None else _classes(state))
    if state is None:
        settle(module, architecture.example())
    else:
        _load(module, state, name, weights)
    return from_module(module, [architecture.example()], name, SourceKind.ARCHITECTURE, str(weights or name))


def _classes(state: dict[str, torch.Tensor]) -> int | None:
    """How many classes the weights were trained for."""
    head = state.get(HEAD)
    return None if head is None else int(head.shape[0])


def _load(module: Any, state: dict[str, torch.Tensor], name: str, weights: Path | None) -> None:
    try:
        module.load_state_dict(state)
    except RuntimeError as problem:
        found = " ".join(str(problem).split())
        raise BadSourceError(f"the weights '{weights}' are not those of {name}: {found[:300]}") from problem


def read_state(path: Path) -> dict[str, torch.Tensor]:
    """Read a state dict: safetensors, or a pickle that holds nothing but tensors.

    Raises:
        BadSourceError: it is neither.
    """
    from safetensors import SafetensorError
    from safetensors.torch import load_file

    if not path.is_file():
        raise BadSourceError(f"there are no weights at '{path}'")
    try:
        return load_file(path)
    except SafetensorError:
        pass  # not that format: a state dict of torch.save, perhaps
    try:
        state = torch.load(path, map_location="cpu", weights_only=True)
    except Exception as problem:  # the unpickler raises what it likes on bytes that are no state dict
        raise BadSourceError(
            f"'{path}' is neither safetensors nor a state dict that torch.load(weights_only=True) accepts. "
            "Save the weights with safetensors.torch.save_file(module.state_dict(), path)"
        ) from problem
    if not isinstance(state, dict) or not all(isinstance(each, torch.Tensor) for each in state.values()):
        raise BadSourceError(f"'{path}' holds no state dict: a mapping of names to tensors is wanted")
    return state


def from_reference(reference: str) -> Source:
    """Call ``package.module:function``, which returns a module and an example input (a tensor or a tuple of them).

    The module is looked for in the working folder, too. This runs code of the user's own.

    Raises:
        BadSourceError: it cannot be imported, or does not return what it should.
    """
    name, _, function = reference.partition(":")
    folder = str(Path.cwd())
    sys.path.insert(0, folder)
    try:
        made = getattr(import_module(name), function)
    except (ImportError, AttributeError) as problem:
        raise BadSourceError(f"'{reference}' cannot be imported: {problem}") from problem
    finally:
        sys.path.remove(folder)
    torch.manual_seed(SEED)
    match made():
        case (torch.nn.Module() as module, (torch.Tensor() | tuple() | list()) as example):
            examples = [example] if isinstance(example, torch.Tensor) else list(example)
            return from_module(module, examples, function, SourceKind.PYTHON, reference)
        case other:
            raise BadSourceError(
                f"'{reference}' returned {type(other).__name__}, but (torch.nn.Module, example input) is wanted"
            )


def from_exported(path: Path) -> Source:
    """Read a ``torch.export`` program (.pt2); pickled objects in it are refused, never loaded.

    Raises:
        BadSourceError: it is no such program, or holds pickles.
    """
    from converters.sources.exported import load_program

    program = load_program(path)
    arguments, keywords = program.example_inputs or ((), {})
    if not arguments or keywords:
        raise BadSourceError(f"'{path}' was exported without positional example inputs; export it with them")
    return from_module(
        program.module(), list(arguments), path.stem, SourceKind.TORCH_EXPORT, str(path), is_graph=True
    )


def from_module(
    module: Any,
    examples: Sequence[torch.Tensor],
    name: str,
    kind: SourceKind,
    origin: str,
    *,
    is_graph: bool = False,
) -> Source:
    """Make a source of a module in memory.

    Args:
        module: gives one tensor, or a tuple, list or dict of tensors.
        examples: one tensor an input, batch first.
        name: what its files are called.
        kind: where it comes from.
        origin: what the user gave.
        is_graph: whether it is an exported graph, whose mode is fixed.

    Raises:
        BadSourceError: it does not run on its example.
    """
    torch.set_grad_enabled(False)
    net = Flat(module if is_graph else fold_batch_norms(module), is_graph=is_graph)

    def run(arrays: Sequence[Array]) -> list[Array]:
        tensors = [torch.from_numpy(np.ascontiguousarray(each)) for each in arrays]
        with torch.no_grad():
            return [each.numpy() for each in net(*tensors)]

    try:
        outputs = run([each.numpy() for each in examples])
    except Exception as problem:
        raise BadSourceError(f"'{origin}' does not run on its example: {problem}") from problem
    return Source(
        name=re.sub(r"[^\w.-]+", "-", name),
        kind=kind,
        origin=origin,
        sha256=_digest(net),
        inputs=tuple(
            Port("input" if len(examples) == 1 else f"input_{place}", tuple(each.shape), _dtype(each.numpy()))
            for place, each in enumerate(examples)
        ),
        outputs=tuple(
            Port("output" if len(outputs) == 1 else f"output_{place}", each.shape, _dtype(each))
            for place, each in enumerate(outputs)
        ),
        run=run,
        examples=tuple(each.numpy() for each in examples),
        module=net,
    )


class Flat(torch.nn.Module):
    """Gives a tuple of tensors whatever the wrapped net gives, as every format wants it."""

    def __init__(self, net: Any, *, is_graph: bool) -> None:
        """Wrap ``net``; an exported graph has its mode built in and must not be told."""
        super().__init__()
        self.net = net
        if not is_graph:
            self.eval()

    def forward(self, *inputs: torch.Tensor) -> tuple[torch.Tensor, ...]:
        """Run the net and flatten what it gives."""
        given = self.net(*inputs)
        if isinstance(given, torch.Tensor):
            return (given,)
        return tuple(given.values()) if isinstance(given, dict) else tuple(given)


def _digest(module: Any) -> str:
    """SHA-256 over names, shapes and bytes of the state dict, in sorted order."""
    digest = hashlib.sha256()
    for name, tensor in sorted(module.state_dict().items()):
        digest.update(f"{name} {tuple(tensor.shape)} {tensor.dtype}\n".encode())
        digest.update(tensor.detach().contiguous().cpu().reshape(-1).view(torch.uint8).numpy().tobytes())
    return digest.hexdigest()


def _dtype(array: Array) -> str:
    return str(array.dtype)
