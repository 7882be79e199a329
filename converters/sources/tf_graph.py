"""Frozen TensorFlow graphs, rebuilt as torch modules: calls are entered, loops of known length are unrolled."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from graphlib import TopologicalSorter
from typing import Any

import torch

from converters.sources.base import Port
from converters.sources.lowering.builder import Lowering, Node, NotCoveredError
from converters.sources.lowering.proving import examples
from converters.sources.tf_ops.table import COVERED

MOST_STEPS = 256
"""Loops are unrolled; beyond this, the other formats would get tens of thousands of nodes."""
_LOOPS, _BRANCHES = {"While", "StatelessWhile"}, {"If", "StatelessIf"}
_CALLS = {"PartitionedCall", "StatefulPartitionedCall"}
_SILENT = {"NoOp", "Assert", "CheckNumerics"}
_PASSED_ON = {"Identity", "StopGradient", "PreventGradient", "Snapshot", "EnsureShape"}


def rebuild(graph: Any, ports: Sequence[Port], outputs: Sequence[str]) -> Any:
    """Build a torch module of a frozen graph.

    Args:
        graph: a ``GraphDef`` without variables, with its functions.
        ports: its placeholders, in the order that the module takes them.
        outputs: names of the tensors that it gives, such as ``Identity:0``.

    Raises:
        NotCoveredError: an operator, or something that one is told, is not covered.
    """
    lower = Lowering()
    given = {
        port.name: [lower.input(port.name, torch.from_numpy(array))]
        for port, array in zip(ports, examples(ports), strict=True)
    }
    values = _Walk(lower, graph.library).follow(graph.node, given)
    return lower.finish([_found(values, each) for each in outputs])


@dataclass(frozen=True, slots=True)
class _Function:
    """A function of the graph's library, with names as they are in a graph."""

    nodes: Sequence[Any]
    inputs: Sequence[str]
    outputs: Sequence[str]


@dataclass(frozen=True, slots=True)
class _Dilated:
    """What stands for a convolution between SpaceToBatchND and BatchToSpaceND: strides of its input, in truth."""

    source: str
    block: str
    pads: str
    crops: str
    removed: frozenset[str] = field(default_factory=frozenset)


class _Walk:
    """Follows nodes in the order of their dependencies."""

    def __init__(self, lower: Lowering, library: Any) -> None:
        self._lower = lower
        self._library = {each.signature.name: each for each in library.function}
        self._function = cache(self._read_function)

    def follow(self, nodes: Sequence[Any], given: Mapping[str, list[Any]]) -> dict[str, list[Any]]:
        """What every node gives, by its name; ``given`` are placeholders."""
        named = {each.name: each for each in nodes}
        needs = {each.name: {_node_of(name) for name in each.input} for each in nodes}
        values = dict(given)
        for name in TopologicalSorter(needs).static_order():
            if name in values or named[name].op in _SILENT:
                continue
            values[name] = self._apply(named[name], values)
        return values

    def _apply(self, proto: Any, values: Mapping[str, list[Any]]) -> list[Any]:
        label = f"{proto.op} (node '{proto.name}')"
        try:
            given = [_found(values, name) for name in proto.input if not name.startswith("^")]
            node = Node(proto.op, proto.name, {name: _attribute(each) for name, each in proto.attr.items()})
            if proto.op in _LOOPS:
                return self._loop(node, given)
            if proto.op in _BRANCHES:
                chosen = bool(self._lower.known(given[0], "condition").item())
                return self._call(node.get("then_branch" if chosen else "else_branch"), given[1:])
            if proto.op in _CALLS:
                return self._call(node.get("f"), given)
            if given and isinstance(given[0], list) and proto.op in _PASSED_ON:
                return [given[0]]  # a list of tensors is one value, not several outputs
            operator = COVERED.get(proto.op)
            if operator is None:
                covered = sorted({*COVERED, *_LOOPS, *_BRANCHES, *_CALLS})
                raise NotCoveredError(f"covered are {', '.join(covered)}")  # noqa: TRY301 - said with the others
            made = operator(self._lower, node, *given)
        except NotCoveredError as problem:
            raise NotCoveredError(f"it uses {label}: {problem}") from problem
        return made if isinstance(made, list) else [made]

    def _call(self, name: str, given: Sequence[Any]) -> list[Any]:
        function = self._function(name)
        values = self.follow(
            function.nodes, {each: [value] for each, value in zip(function.inputs, given, strict=True)}
        )
        return [_found(values, each) for each in function.outputs]

    def _loop(self, node: Node, given: Sequence[Any]) -> list[Any]:
        """Unrolled: whether it goes on must not depend on the input."""
        state = list(given)
        for _ in range(MOST_STEPS + 1):
            (goes_on,) = self._call(node.get("cond"), state)
            if not self._lower.known(goes_on, "condition").item():
                return state
            state = self._call(node.get("body"), state)
        raise NotCoveredError(f"it has more than {MOST_STEPS} steps, and would be written out step by step")

    def _read_function(self, name: str) -> _Function:
        from tensorflow.python.framework.function_def_to_graph import function_def_to_graph_def

        definition = self._library[name]
        graph, flat = function_def_to_graph_def(definition)
        return _Function(
            graph.node,
            [each.name for each in definition.signature.input_arg],
            [flat[definition.ret[each.name]] for each in definition.signature.output_arg],
        )


def _node_of(name: str) -> str:
    return name.removeprefix("^").partition(":")[0]


def _found(values: Mapping[str, list[Any]], name: str) -> Any:
    """The value of ``node:place``."""
    node, _, place = name.partition(":")
    if node not in values:
        raise NotCoveredError(f"its input '{node}' gives nothing")
    return values[node][int(place or 0)]


def _attribute(proto: Any) -> Any:
    """In Python's types: tensors as torch's, functions by name, unknown lengths as -1."""
    kind = proto.WhichOneof("value")
    return None if kind is None else _KINDS[kind](getattr(proto, kind))


def _tensor(proto: Any) -> Any:
    from tensorflow.python.framework.tensor_util import MakeNdarray

    array = MakeNdarray(proto)
    try:
        return torch.from_numpy(array.copy())
    except TypeError:
        return None  # strings, which only checks that are left out take


def _list(proto: Any) -> list[Any]:
    kind = next((each for each in ("s", "i", "f", "b", "type", "shape") if getattr(proto, each)), None)
    return [] if kind is None else [_KINDS[kind](each) for each in getattr(proto, kind)]


_KINDS: Mapping[str, Callable[[Any], Any]] = {
    "s": lambda each: each.decode(errors="replace"),
    "i": int,
    "f": float,
    "b": bool,
    "type": int,
    "shape": lambda each: None if each.unknown_rank else [axis.size for axis in each.dim],
    "tensor": _tensor,
    "func": lambda each: each.name,
    "list": _list,
    "placeholder": str,
}
