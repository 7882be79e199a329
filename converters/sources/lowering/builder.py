"""Builds a ``torch.fx`` graph by walking another one on example values."""

import hashlib
import keyword
import operator
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import fx, nn

from converters.sources.lowering.folding import fold_channels

Order = tuple[int, ...]

_PAIR = 2  # zeros before and after one axis


class NotCoveredError(Exception):
    """Something that the rebuilt module could not say; the text is the reason, for users."""


@dataclass(frozen=True, slots=True)
class Node:
    """One operation of the graph that is read.

    Attributes:
        op: what it does, in the words of its format.
        name: of the node, or of its first output.
        attributes: in Python's types.
        opset: version of its operator set; 0 where the format has none.
        outputs: how many it gives.
    """

    op: str
    name: str
    attributes: Mapping[str, Any]
    opset: int = 0
    outputs: int = 1

    def get(self, attribute: str, default: Any = None) -> Any:
        """An attribute, or ``default`` where it is not given."""
        return self.attributes.get(attribute, default)


@dataclass(frozen=True, slots=True, eq=False)
class Value:
    """One tensor of the graph.

    Attributes:
        example: what it is on the example inputs; for a constant, what it always is.
        node: what computes it; ``None`` for a constant.
        order: axes of the node's tensor in the order of this value's axes; ``None`` where it is the same.
        name: of a constant, as its file has it.
    """

    example: torch.Tensor
    node: fx.Node | None = None
    order: Order | None = None
    name: str = ""

    @property
    def is_constant(self) -> bool:
        """Whether it depends on no input."""
        return self.node is None

    @property
    def shape(self) -> tuple[int, ...]:
        """Lengths of its axes."""
        return tuple(self.example.shape)

    @property
    def rank(self) -> int:
        """How many axes it has."""
        return self.example.ndim

    def axis(self, place: int) -> int:
        """An axis counted from the front."""
        return int(place) % max(1, self.rank)


class Lowering:
    """A torch module in the making: each method adds to it, unless all values are constant."""

    def __init__(self) -> None:
        """Start with nothing."""
        self._made = fx.GraphModule(nn.Module(), fx.Graph())
        self._graph = self._made.graph
        self._taken = set(dir(self._made))
        self._tops: set[str] = set()
        self._modules: dict[tuple[str, ...], str] = {}
        self._buffers: dict[str, fx.Node] = {}
        self._plain: dict[tuple[fx.Node, Order], fx.Node] = {}

    def input(self, name: str, example: torch.Tensor) -> Value:
        """An input, in the order that the module takes them."""
        return self._value(example, self._graph.placeholder(_word(name)))

    def constant(self, value: Any, name: str = "") -> Value:
        """A constant of a tensor, a number or a list of numbers."""
        return Value(torch.as_tensor(value), name=name)

    def known(self, value: Value | None, what: str) -> torch.Tensor:
        """What ``value`` always is.

        Raises:
            NotCoveredError: it depends on an input; ``what`` says what it is.
        """
        if value is None or not value.is_constant:
            raise NotCoveredError(f"its {what} must be constant, and is computed from the input")
        return value.example

    def numbers(self, value: Value | None, what: str) -> list[int]:
        """What a value always is, as a list of whole numbers.

        Raises:
            NotCoveredError: it depends on an input.
        """
        return [int(each) for each in self.known(value, what).reshape(-1).tolist()]

    def call(self, function: Callable[..., Any] | str, *arguments: Any, **keywords: Any) -> Value:
        """Apply a function of torch, or a method of tensors by its name; values may stand inside lists."""
        given, given_named = _mapped((arguments, keywords), lambda each: each.example)
        apply = getattr(given[0], function) if isinstance(function, str) else function
        with torch.no_grad():
            example = apply(*(given[1:] if isinstance(function, str) else given), **given_named)
        if not _depends((arguments, keywords)):
            return Value(example)
        names, named = _mapped((arguments, keywords), self._stored)
        kind = "call_method" if isinstance(function, str) else "call_function"
        return self._value(example, self._graph.create_node(kind, function, names, named))

    def module(self, path: str, module: nn.Module, *arguments: Any) -> Value:
        """Run a module of torch, kept under ``path`` (made unique); several tensors are read with `item`."""
        with torch.no_grad():
            example = module(*_mapped(arguments, lambda each: each.example))
        if not _depends(arguments):
            return Value(example)
        target = self._kept(path, module)
        return self._value(example, self._graph.call_module(target, _mapped(arguments, self._stored)))

    def item(self, values: Value, *places: int) -> Value:
        """One of several tensors that a call gave, also in nested tuples."""
        example, node = values.example, values.node
        for place in places:
            example = example[place]
            node = None if node is None else self._graph.call_function(operator.getitem, (node, place))
        return Value(example, node)

    def elementwise(self, function: Callable[..., Any] | str, *arguments: Any, **keywords: Any) -> Value:
        """Apply a function that broadcasts and acts on elements; waiting permutations slide through it."""
        values = [each for each in arguments if isinstance(each, Value)]
        rank = max(each.rank for each in values)
        order = next((each.order for each in values if each.order is not None and each.rank == rank), None)
        if order is None:
            return self.call(function, *arguments, **keywords)
        aligned = [
            self._aligned(each, order, rank) if isinstance(each, Value) else each for each in arguments
        ]
        made = self.call(function, *aligned, **keywords)
        return Value(made.example.permute(order), made.node, order)

    def arithmetic(self, function: Callable[..., Any], left: Value, right: Value) -> Value:
        """Apply a binary function of Python's ``operator``; a constant of one element becomes a number."""
        if left.is_constant and right.is_constant:
            return self.call(function, left, right)
        return self.elementwise(function, _number(left, right), _number(right, left))

    def scaled(self, value: Value, scale: torch.Tensor, shift: torch.Tensor) -> Value:
        """Scale and shift the channels (axis 1): what folds into a convolution before it."""
        shape = (-1,) + (1,) * (value.rank - 2)
        factor, offset = (
            self.constant(each.reshape(shape).to(value.example.dtype)) for each in (scale, shift)
        )
        return self.elementwise(operator.add, self.elementwise(operator.mul, value, factor), offset)

    def permute(self, value: Value, axes: Sequence[int]) -> Value:
        """Reorder axes, when it is needed."""
        axes = [value.axis(each) for each in axes]
        example = value.example.permute(tuple(axes))
        if value.node is None:
            return Value(example, name=value.name)
        base = value.order or tuple(range(value.rank))
        order = tuple(base[each] for each in axes)
        return Value(example, value.node, None if order == tuple(sorted(order)) else order)

    def reshape(self, value: Value, shape: Sequence[int]) -> Value:
        """Give a value another shape; where only axes of length 1 come or go, permutations go on waiting."""
        shape = tuple(int(each) for each in shape)
        if value.shape == shape:
            return value
        if value.order is not None and value.node is not None:
            solid = [value.order[place] for place, length in enumerate(value.shape) if length != 1]
            kept = [place for place, length in enumerate(shape) if length != 1]
            if [value.shape[place] for place in map(value.order.index, solid)] == [
                shape[place] for place in kept
            ]:
                kept.sort(key=dict(zip(kept, solid, strict=True)).__getitem__)
                places = [place for place, length in enumerate(shape) if length == 1] + kept
                base = Value(value.example.permute(_inverse(value.order)), value.node)
                made = self.reshape(base, [shape[place] for place in places])
                order = _inverse(places)
                return Value(
                    made.example.permute(order), made.node, None if order == tuple(sorted(order)) else order
                )
        if value.node is not None and value.order is None and value.node.target is torch.reshape:
            value = Value(value.example, value.node.args[0])  # two reshapes are one
        return self.call(torch.reshape, value, list(shape))

    def along(self, function: Callable[..., Any], value: Value, axis: int, **keywords: Any) -> Value:
        """Apply a function with ``dim``, that keeps the number of axes."""
        if value.order is None:
            return self.call(function, value, dim=value.axis(axis), **keywords)
        stored = Value(value.example.permute(_inverse(value.order)), value.node)
        made = self.call(function, stored, dim=value.order[value.axis(axis)], **keywords)
        return Value(made.example.permute(value.order), made.node, value.order)

    def reduce(self, function: Callable[..., Any], value: Value, axes: Sequence[int], *, keep: bool) -> Value:
        """Apply a function with ``dim`` (a list) and ``keepdim``; ``axes`` are counted from the front."""
        order = value.order
        if order is None:
            return self.call(function, value, dim=list(axes), keepdim=keep)
        stored = Value(value.example.permute(_inverse(order)), value.node)
        made = self.call(function, stored, dim=[order[each] for each in axes], keepdim=keep)
        if keep:
            return Value(made.example.permute(order), made.node, order)
        left = [each for place, each in enumerate(order) if place not in axes]
        return self.permute(made, [sorted(left).index(each) for each in left])

    def concatenate(self, values: Sequence[Value], axis: int) -> Value:
        """Put values one after another along ``axis``."""
        rank = max(each.rank for each in values)
        order = next((each.order for each in values if each.order is not None), None)
        if order is None:
            return self.call(torch.cat, list(values), dim=axis % rank)
        made = self.call(
            torch.cat, [self._aligned(each, order, rank) for each in values], dim=order[axis % rank]
        )
        return Value(made.example.permute(order), made.node, order)

    def slice(self, value: Value, slices: Sequence[slice]) -> Value:
        """Take slices with positive steps, one an axis."""
        if all(each == slice(0, length, 1) for each, length in zip(slices, value.shape, strict=True)):
            return value
        order = value.order or tuple(range(value.rank))
        stored = Value(value.example.permute(_inverse(order)), value.node, None, value.name)
        made = self.call(
            operator.getitem, stored, tuple(slices[order.index(each)] for each in range(value.rank))
        )
        return Value(made.example.permute(order), made.node, value.order)

    def pad(
        self, value: Value, pads: Sequence[tuple[int, int]], mode: str = "constant", fill: float = 0
    ) -> Value:
        """Pad each axis before and after; negative numbers cut off."""
        cut = [slice(max(0, -before), length - max(0, -after), 1)
               for (before, after), length in zip(pads, value.shape, strict=True)]  # fmt: skip
        value = self.slice(value, cut)
        grown = [(max(0, before), max(0, after)) for before, after in pads]
        if not any(map(any, grown)):
            return value
        order = value.order or tuple(range(value.rank))
        stored = Value(value.example.permute(_inverse(order)), value.node)
        flat = [number for each in range(value.rank) for number in grown[order.index(each)]]
        while len(flat) > _PAIR and flat[:2] == [
            0,
            0,
        ]:  # torch counts from the last axis, and may leave out the first
            del flat[:2]
        torchwise = [number for place in range(len(flat) - 2, -1, -2) for number in flat[place : place + 2]]
        made = self.call(nn.functional.pad, stored, torchwise, mode, *([fill] if mode == "constant" else []))
        return Value(made.example.permute(order), made.node, value.order)

    def finish(self, outputs: Sequence[Value]) -> fx.GraphModule:
        """The module: it gives a tuple of ``outputs``."""
        self._graph.output(tuple(self._stored(each) for each in outputs))
        fold_channels(self._made)
        self._graph.eliminate_dead_code()
        self._made.delete_all_unused_submodules()
        used = {each.target for each in self._graph.nodes if each.op == "get_attr"}
        for name, _ in list(self._made.named_buffers(recurse=False)):
            if name not in used:
                delattr(self._made, name)
        self._made.recompile()
        return self._made.eval()

    def _value(self, example: Any, node: fx.Node) -> Value:
        node.meta["shape"] = tuple(example.shape) if isinstance(example, torch.Tensor) else None
        return Value(example, node)

    def _stored(self, value: Value) -> fx.Node:
        """The node of a value, with what waits carried out, and constants kept as buffers."""
        if value.node is None:
            return self._buffer(value)
        if value.order is None:
            return value.node
        key = value.node, value.order
        if key not in self._plain:
            solid = [place for place, length in zip(value.order, value.shape, strict=True) if length != 1]
            if solid == sorted(solid):  # only axes of length 1 move
                stored = Value(value.example.permute(_inverse(value.order)), value.node)
                self._plain[key] = self._stored(self.reshape(stored, value.shape))
            else:
                self._plain[key] = self._graph.call_function(torch.permute, key)
        return self._plain[key]

    def _buffer(self, value: Value) -> fx.Node:
        key = _digest(value.example)
        if key not in self._buffers:
            name = self._free(_word(value.name or "constant"))
            self._made.register_buffer(name, value.example.contiguous())
            self._buffers[key] = self._graph.get_attr(name)
        return self._buffers[key]

    def _aligned(self, value: Value, order: Order, rank: int) -> Value:
        """A value whose node's axes are those of another value that has ``order``."""
        if value.example.numel() == 1 and value.rank < rank:
            return value
        full = self.reshape(value, (1,) * (rank - value.rank) + value.shape)
        return self.permute(full, _inverse(order))

    def _kept(self, path: str, module: nn.Module) -> str:
        """Where a module is kept: the same place for the same weights in the same setting."""
        key = repr(module), *map(_digest, module.parameters())
        if key in self._modules:
            return self._modules[key]
        words = [_word(each) for each in path.split(".") if each] or ["module"]
        place = ".".join(words)
        if words[0] in self._taken or any(_nested(place, each) for each in self._modules.values()):
            place = self._free("_".join(words))
        self._tops.add(place.partition(".")[0])
        self._made.add_submodule(place, module)
        self._modules[key] = place
        return place

    def _free(self, word: str) -> str:
        """A name that nothing at the top of the module bears yet."""
        name, count = word, 1
        while name in self._taken | self._tops:
            name, count = f"{word}_{count}", count + 1
        self._taken.add(name)
        return name


def _digest(tensor: torch.Tensor) -> str:
    """What a tensor is, so that equal ones are kept once."""
    data = tensor.detach().contiguous().reshape(-1).view(torch.uint8).numpy()
    return f"{tensor.dtype} {tuple(tensor.shape)} {hashlib.sha256(data).hexdigest()}"


def _word(text: str) -> str:
    """A name that Python takes, but for digits in front: a loop's ``while`` gets a dash behind it."""
    word = re.sub(r"\W+", "_", text, flags=re.ASCII).strip("_") or "value"
    return f"{word}_" if keyword.iskeyword(word) else word


def _nested(place: str, other: str) -> bool:
    """Whether one path is the other, or lies in it."""
    shorter, longer = sorted((f"{place}.", f"{other}."), key=len)
    return longer.startswith(shorter)


def _inverse(order: Sequence[int]) -> Order:
    return tuple(sorted(range(len(order)), key=order.__getitem__))


def _number(value: Value, other: Value) -> Any:
    """A constant of one element as a number, where that changes neither shape nor type of the result."""
    if not value.is_constant or value.example.numel() != 1:
        return value
    return (
        value.example.item()
        if value.rank <= other.rank and value.example.dtype == other.example.dtype
        else value
    )


def _mapped(tree: Any, change: Callable[[Value], Any]) -> Any:
    """A copy of lists, tuples and dicts with every value changed."""
    match tree:
        case Value():
            return change(tree)
        case list() | tuple():
            return type(tree)(_mapped(each, change) for each in tree)
        case dict():
            return {key: _mapped(each, change) for key, each in tree.items()}
        case _:
            return tree


def _depends(tree: Any) -> bool:
    """Whether any value in it depends on an input."""
    match tree:
        case Value():
            return not tree.is_constant
        case list() | tuple():
            return any(map(_depends, tree))
        case dict():
            return any(map(_depends, tree.values()))
        case _:
            return False
