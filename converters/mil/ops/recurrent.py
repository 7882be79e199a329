"""LSTM and GRU over (time, batch, features)."""

from collections.abc import Callable
from typing import Any

import torch

from converters.mil.ops.elementwise import Arguments, tensor

_ACTIVATIONS = {"sigmoid": torch.sigmoid, "tanh": torch.tanh, "relu": torch.relu}


def _pass(
    arguments: Arguments, suffix: str, hidden: torch.Tensor, cell: torch.Tensor, *, backwards: bool
) -> Any:
    """One direction: every hidden state in the order of time, the last hidden and the last cell state."""
    x = tensor(arguments["x"])
    entry, recurrent = tensor(arguments[f"weight_ih{suffix}"]), tensor(arguments[f"weight_hh{suffix}"])
    given = arguments.get(f"bias{suffix}")
    bias = torch.zeros(entry.shape[0]) if given is None else tensor(given)
    gate, inner, outer = (
        _ACTIVATIONS[str(arguments.get(name, usual))]
        for name, usual in (
            ("recurrent_activation", "sigmoid"),
            ("cell_activation", "tanh"),
            ("activation", "tanh"),
        )
    )
    states: list[torch.Tensor] = []
    steps = reversed(range(x.shape[0])) if backwards else range(x.shape[0])
    for step in steps:
        gates = x[step] @ entry.T + hidden @ recurrent.T + bias
        let, forget, out, new = gates.chunk(4, -1)
        cell = gate(forget) * cell + gate(let) * inner(new)
        hidden = gate(out) * outer(cell)
        states.append(hidden)
    return torch.stack(states[::-1] if backwards else states), hidden, cell


def _lstm(arguments: Arguments) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    hidden, cell = tensor(arguments["initial_h"]), tensor(arguments["initial_c"])
    direction = str(arguments.get("direction", "forward"))
    if direction == "bidirectional":
        (first, first_cell), (second, second_cell) = zip(hidden.chunk(2, -1), cell.chunk(2, -1), strict=True)
        one = _pass(arguments, "", first, first_cell, backwards=False)
        other = _pass(arguments, "_back", second, second_cell, backwards=True)
        states, hidden, cell = (torch.cat(pair, -1) for pair in zip(one, other, strict=True))
    else:
        states, hidden, cell = _pass(arguments, "", hidden, cell, backwards=direction == "reverse")
    return states if arguments.get("output_sequence") else hidden.unsqueeze(0), hidden, cell


OPERATIONS: dict[str, Callable[[Arguments], Any]] = {"lstm": _lstm}
