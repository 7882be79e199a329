"""LSTM, GRU and plain recurrent nets as torch's own layers; a GRU of another kind, step by step."""

import operator
from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Any

import torch
from torch import nn

from converters.sources.lowering.builder import Lowering, Node, NotCoveredError, Value
from converters.sources.lowering.moving import part
from converters.sources.onnx_ops.products import path_of
from converters.sources.onnx_ops.settings import Operator, only

_GATES = {"LSTM": (0, 2, 3, 1), "GRU": (1, 0, 2), "RNN": (0,)}
"""Order of ONNX's gates (iofc, zrh) in torch (ifgo, rzn)."""
_ACTIVATIONS = {"LSTM": ["sigmoid", "tanh", "tanh"], "GRU": ["sigmoid", "tanh"], "RNN": ["tanh"]}
_LAYERS: dict[str, Any] = {"LSTM": nn.LSTM, "GRU": nn.GRU, "RNN": nn.RNN}


def _recurrent(  # noqa: PLR0913, PLR0917 - ONNX's own inputs
    lower: Lowering, node: Node, x: Value, weight: Value, recurrence: Value, bias: Value | None = None,
    lengths: Value | None = None, hidden: Value | None = None, cell: Value | None = None,
        peepholes: Value | None = None,
) -> list[Value]:  # fmt: skip
    """Gives Y (steps, directions, batch, size), the last hidden state, and an LSTM's last cell state."""
    direction = only(node, "direction", "forward", "reverse", "bidirectional")
    activations = _check(lower, node, x, lengths, peepholes)
    if only(node, "layout", 0, 1):
        x = lower.permute(x, (1, 0, 2))
        hidden, cell = (None if each is None else lower.permute(each, (1, 0, 2)) for each in (hidden, cell))
    x = lower.call(torch.flip, x, [0]) if direction == "reverse" else x
    layer = _layer(lower, node, (weight, recurrence, bias), activations)
    if node.op == "GRU" and not node.get("linear_before_reset"):
        found = _gru_by_steps(lower, layer, x, hidden)
    else:
        found = _layered(lower, node, layer, x, hidden, cell, path_of(node, weight))
    every, last = found[0], found[1:]
    every = lower.call(torch.flip, every, [0]) if direction == "reverse" else every
    steps, batch, directions = every.shape[0], every.shape[1], weight.shape[0]
    apart = lower.reshape(every, (steps, batch, directions, layer.hidden_size))
    if node.get("layout"):
        return [lower.permute(apart, (1, 0, 2, 3)), *(lower.permute(each, (1, 0, 2)) for each in last)]
    return [lower.permute(apart, (0, 2, 1, 3)), *last]


def _check(
    lower: Lowering, node: Node, x: Value, lengths: Value | None, peepholes: Value | None
) -> list[str]:
    only(node, "clip", None)
    only(node, "input_forget", 0)
    if peepholes is not None and lower.known(peepholes, "peepholes").any():
        raise NotCoveredError("it has peepholes")
    steps = x.shape[1 if node.get("layout") else 0]
    if lengths is not None and any(each != steps for each in lower.numbers(lengths, "sequence_lens")):
        raise NotCoveredError("its sequences are shorter than its input")
    wanted = _ACTIVATIONS[node.op]
    found = [each.casefold() for each in node.get("activations", wanted)]
    if found[: len(wanted)] != found[len(wanted) :] and len(found) > len(wanted):
        raise NotCoveredError("its directions have different activations")
    if found[: len(wanted)] != wanted and not (node.op == "RNN" and found[0] == "relu"):
        raise NotCoveredError(
            f"its activations are {', '.join(found)}, and only {', '.join(wanted)} are covered"
        )
    return found


def _layer(lower: Lowering, node: Node, weights: Sequence[Value | None], activations: Sequence[str]) -> Any:
    given = [None if each is None else lower.known(each, "weights") for each in weights]
    weight, recurrence, bias = given
    if weight is None or recurrence is None:
        raise NotCoveredError("it has no weights")
    directions, size = weight.shape[0], recurrence.shape[2]
    more = {"nonlinearity": activations[0]} if node.op == "RNN" else {}
    layer = _LAYERS[node.op](
        weight.shape[2], size, bias=bias is not None, bidirectional=directions == 2, **more  # noqa: PLR2004
    ).requires_grad_(requires_grad=False)  # fmt: skip
    for place in range(directions):
        suffix = "_reverse" if place else ""
        halves = () if bias is None else bias[place].chunk(2)
        named = zip(
            ("weight_ih", "weight_hh", "bias_ih", "bias_hh"),
            (weight[place], recurrence[place], *halves),
            strict=False,
        )
        for name, value in named:
            gates = value.reshape(len(_GATES[node.op]), size, *value.shape[1:])
            getattr(layer, f"{name}_l0{suffix}").copy_(gates[list(_GATES[node.op])].flatten(0, 1))
    return layer


def _layered(
    lower: Lowering, node: Node, layer: Any, x: Value, hidden: Value | None, cell: Value | None, path: str
) -> list[Value]:
    if node.op == "LSTM" and (hidden is not None or cell is not None):
        zeros = lower.constant(torch.zeros(layer.bidirectional + 1, x.shape[1], layer.hidden_size))
        states = [zeros if each is None else each for each in (hidden, cell)]
        made = lower.module(path, layer, x, tuple(states))
    else:
        made = lower.module(path, layer, x, *(() if hidden is None else (hidden,)))
    if node.op == "LSTM":
        return [lower.item(made, 0), lower.item(made, 1, 0), lower.item(made, 1, 1)]
    return [lower.item(made, 0), lower.item(made, 1)]


def _gru_by_steps(lower: Lowering, layer: Any, x: Value, hidden: Value | None) -> list[Value]:
    """The reset gate acts on the state before the product with its weights; torch's GRU acts after it."""
    outputs, last = [], []
    size, batch = layer.hidden_size, x.shape[1]
    for place in range(layer.bidirectional + 1):
        suffix = "_l0_reverse" if place else "_l0"
        state = lower.constant(torch.zeros(batch, size))
        if hidden is not None:
            state = lower.reshape(part(lower, hidden, 0, place, place + 1), (batch, size))
        entry = _Affine(lower, layer, "ih", suffix, slice(0, 3 * size))
        gates = _Affine(lower, layer, "hh", suffix, slice(0, 2 * size))
        kept = _Affine(lower, layer, "hh", suffix, slice(2 * size, 3 * size))
        inputs, found = entry(x), []
        for step in range(x.shape[0])[:: -1 if place else 1]:
            given = lower.reshape(part(lower, inputs, 0, step, step + 1), (batch, 3 * size))
            state = _gru_step(lower, given, state, gates, kept)
            found.append(lower.reshape(state, (1, batch, size)))
        outputs.append(lower.concatenate(found[:: -1 if place else 1], 0))
        last.append(lower.reshape(state, (1, batch, size)))
    return [lower.concatenate(outputs, 2), lower.concatenate(last, 0)]


class _Affine:
    """A product with some rows of a layer's weights, kept once for all steps."""

    def __init__(self, lower: Lowering, layer: Any, kind: str, suffix: str, rows: slice) -> None:
        self._lower = lower
        self._weight = lower.constant(getattr(layer, f"weight_{kind}{suffix}")[rows].T.contiguous())
        bias = getattr(layer, f"bias_{kind}{suffix}", None)
        self._bias = None if bias is None else lower.constant(bias[rows].clone())

    def __call__(self, x: Value) -> Value:
        made = self._lower.call(torch.matmul, x, self._weight)
        return made if self._bias is None else self._lower.elementwise(operator.add, made, self._bias)


def _gru_step(lower: Lowering, given: Value, state: Value, gates: _Affine, kept: _Affine) -> Value:
    size = state.shape[1]
    both = lower.elementwise(operator.add, part(lower, given, 1, 0, 2 * size), gates(state))
    both = lower.elementwise(torch.sigmoid, both)
    reset, update = part(lower, both, 1, 0, size), part(lower, both, 1, size, 2 * size)
    remembered = kept(lower.elementwise(operator.mul, reset, state))
    new = lower.elementwise(operator.add, part(lower, given, 1, 2 * size, 3 * size), remembered)
    new = lower.elementwise(torch.tanh, new)
    change = lower.elementwise(operator.mul, update, lower.elementwise(operator.sub, state, new))
    return lower.elementwise(operator.add, new, change)


OPERATORS: Mapping[str, Operator] = MappingProxyType(
    {"LSTM": _recurrent, "GRU": _recurrent, "RNN": _recurrent}
)
