"""Arithmetic, comparisons and activations, element by element; and matrix products."""

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import torch
from torch.nn import functional

Arguments = Mapping[str, Any]


def tensor(value: Any) -> torch.Tensor:
    """A tensor of what may be a constant; floats of any width become float32."""
    found = value if isinstance(value, torch.Tensor) else torch.from_numpy(np.array(value))
    return found.float() if found.is_floating_point() else found


def number(value: Any) -> float:
    """A constant scalar."""
    return float(np.asarray(value))


def _unary(function: Callable[[torch.Tensor], torch.Tensor]) -> Callable[[Arguments], torch.Tensor]:
    return lambda arguments: function(tensor(arguments["x"]))


def _binary(
    function: Callable[[torch.Tensor, torch.Tensor], torch.Tensor],
) -> Callable[[Arguments], torch.Tensor]:
    return lambda arguments: function(tensor(arguments["x"]), tensor(arguments["y"]))


def _per_channel(values: Any, x: torch.Tensor) -> torch.Tensor:
    return tensor(values).reshape(1, -1, *[1] * (x.ndim - 2))


def _prelu(arguments: Arguments) -> torch.Tensor:
    x = tensor(arguments["x"])
    return torch.where(x >= 0, x, _per_channel(arguments["alpha"], x) * x)


def _gelu(arguments: Arguments) -> torch.Tensor:
    x, mode = tensor(arguments["x"]), str(arguments.get("mode", "EXACT"))
    if mode == "SIGMOID_APPROXIMATION":
        return x * torch.sigmoid(1.702 * x)
    return functional.gelu(x, approximate="tanh" if mode == "TANH_APPROXIMATION" else "none")


def _real_div(arguments: Arguments) -> torch.Tensor:
    x, y = tensor(arguments["x"]), tensor(arguments["y"])
    return x / y if x.is_floating_point() else torch.div(x, y, rounding_mode="trunc")


def _matmul(arguments: Arguments) -> torch.Tensor:
    x, y = tensor(arguments["x"]), tensor(arguments["y"])
    x = x.transpose(-1, -2) if arguments.get("transpose_x") else x
    y = y.transpose(-1, -2) if arguments.get("transpose_y") else y
    return x @ y


def _linear(arguments: Arguments) -> torch.Tensor:
    bias = arguments.get("bias")
    return functional.linear(
        tensor(arguments["x"]), tensor(arguments["weight"]), None if bias is None else tensor(bias)
    )


def _einsum(arguments: Arguments) -> torch.Tensor:
    return torch.einsum(str(arguments["equation"]), *(tensor(each) for each in arguments["values"]))


def _attention(arguments: Arguments) -> torch.Tensor:
    mask = arguments.get("attn_mask")
    return functional.scaled_dot_product_attention(
        tensor(arguments["query"]), tensor(arguments["key"]), tensor(arguments["value"]),
        attn_mask=None if mask is None else tensor(mask),
    )  # fmt: skip


_CASTS = {"fp16": torch.float16, "fp32": torch.float32, "int32": torch.int32, "int16": torch.int16,
    "uint16": torch.int32,
          "int8": torch.int8, "uint8": torch.uint8, "bool": torch.bool}  # fmt: skip


def _cast(arguments: Arguments) -> torch.Tensor:
    return tensor(tensor(arguments["x"]).to(_CASTS[str(arguments["dtype"])]))


def _select(arguments: Arguments) -> torch.Tensor:
    return torch.where(tensor(arguments["cond"]).bool(), tensor(arguments["a"]), tensor(arguments["b"]))


def _along(values: Any, axis: Any, x: torch.Tensor) -> torch.Tensor:
    found = tensor(values)
    if not found.ndim:
        return found
    return found.reshape([-1 if place == int(axis) % x.ndim else 1 for place in range(x.ndim)])


def _quantize(arguments: Arguments) -> torch.Tensor:
    x = tensor(arguments["input"])
    low, high = (0, 255) if str(arguments["output_dtype"]) == "uint8" else (-128, 127)
    axis = arguments.get("axis", 0)
    scaled = torch.round(x / _along(arguments["scale"], axis, x))
    if arguments.get("zero_point") is not None:
        scaled = scaled + _along(arguments["zero_point"], axis, x)
    return scaled.clamp(low, high).to(torch.uint8 if low == 0 else torch.int8)


def _dequantize(arguments: Arguments) -> torch.Tensor:
    x, axis = tensor(arguments["input"]), arguments.get("axis", 0)
    shifted = x.float()
    if arguments.get("zero_point") is not None:
        shifted = shifted - _along(arguments["zero_point"], axis, x).float()
    return shifted * _along(arguments["scale"], axis, x)


OPERATIONS: dict[str, Callable[[Arguments], Any]] = {
    **{
        name: _unary(function)
        for name, function in {
            "relu": torch.relu, "relu6": functional.relu6, "sigmoid": torch.sigmoid, "tanh": torch.tanh,
            "silu": functional.silu,
            "softsign": functional.softsign, "softplus": functional.softplus, "abs": torch.abs, "sqrt": torch.sqrt,
            "square": torch.square, "sign": torch.sign, "floor": torch.floor, "ceil": torch.ceil, "round": torch.round,
            "erf": torch.erf, "cos": torch.cos, "sin": torch.sin, "tan": torch.tan, "exp2": torch.exp2,
            "exp": torch.exp,
            "atan": torch.atan, "logical_not": torch.logical_not, "identity": lambda x: x,
        }.items()
    },
    **{
        name: _binary(function)
        for name, function in {
            "add": torch.add, "sub": torch.sub, "mul": torch.mul, "maximum": torch.maximum, "minimum": torch.minimum,
            "pow": torch.pow, "floor_div": lambda x, y: torch.div(x, y, rounding_mode="floor"), "mod": torch.remainder,
            "equal": torch.eq, "not_equal": torch.ne, "greater": torch.gt, "greater_equal": torch.ge, "less": torch.lt,
            "less_equal": torch.le, "logical_and": torch.logical_and, "logical_or": torch.logical_or,
            "logical_xor": torch.logical_xor,
        }.items()
    },
    "real_div": _real_div,
    "log": lambda a: torch.log(tensor(a["x"]) + number(a.get("epsilon", 1e-45))),
    "rsqrt": lambda a: torch.rsqrt(tensor(a["x"]) + number(a.get("epsilon", 1e-12))),
    "inverse": lambda a: 1 / (tensor(a["x"]) + number(a.get("epsilon", 1e-4))),
    "clip": lambda a: tensor(a["x"]).clamp(number(a["alpha"]), number(a["beta"])),
    "clamped_relu": lambda a: functional.leaky_relu(tensor(a["x"]), number(a["alpha"])).clamp(max=number(a["beta"])),
    "leaky_relu": lambda a: functional.leaky_relu(tensor(a["x"]), number(a["alpha"])),
    "elu": lambda a: functional.elu(tensor(a["x"]), number(a["alpha"])),
    "linear_activation": lambda a: number(a["alpha"]) * tensor(a["x"]) + number(a["beta"]),
    "scaled_tanh": lambda a: number(a["alpha"]) * torch.tanh(number(a["beta"]) * tensor(a["x"])),
    "sigmoid_hard": lambda a: (number(a["alpha"]) * tensor(a["x"]) + number(a["beta"])).clamp(0, 1),
    "threshold": lambda a: tensor(a["x"]).clamp(min=number(a["alpha"])),
    "thresholded_relu": lambda a: torch.where(tensor(a["x"]) >= number(a["alpha"]), tensor(a["x"]), torch.tensor(0.0)),
    "prelu": _prelu,
    "gelu": _gelu,
    "softmax": lambda a: torch.softmax(tensor(a["x"]), int(a.get("axis", -1))),
    "matmul": _matmul,
    "linear": _linear,
    "einsum": _einsum,
    "scaled_dot_product_attention": _attention,
    "cast": _cast,
    "select": _select,
    "quantize": _quantize,
    "dequantize": _dequantize,
}  # fmt: skip
