"""ML Programs: one function of operations, evaluated in the order in which they are saved."""

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
import torch

from converters.mil.base import Array, Port, Weight
from converters.mil.constants import DECODERS, weight
from converters.mil.ops import OPERATIONS
from zoo.errors import ConversionError

# Operations that take a weight: the argument, and the axis of its output channels
_WEIGHTED = {
    "conv": ("weight", 0),
    "conv_transpose": ("weight", 1),
    "linear": ("weight", 0),
    "matmul": ("y", -1),
}
_HALF = "fp16"


class ProgramEvaluator:
    """See `converters.mil.base.Evaluator`.

    Args:
        spec: the saved model.
        weights_dir: folder of its weight file.
    """

    def __init__(self, spec: Any, weights_dir: str | None) -> None:
        """Read the program back from its saved form, and decode its constants."""
        from coremltools.converters.mil.frontend.milproto.load import load

        program = load(spec, spec.specificationVersion, weights_dir or "")
        (function,) = program.functions.values()
        self._function = function
        self.inputs = tuple(Port(name, _shape(each)) for name, each in function.inputs.items())
        self.outputs = tuple(Port(each.name, _shape(each)) for each in function.outputs)
        self._constants: dict[str, Any] = {}
        self._stored: dict[str, tuple[str, Mapping[str, Any]]] = {}
        for operation in function.operations:
            self._decode(operation)

    def _decode(self, operation: Any) -> None:
        if operation.op_type == "const":
            self._constants[operation.outputs[0].name] = operation.outputs[0].val
        elif operation.op_type in DECODERS:
            arguments = {name: self._value(each, {}) for name, each in operation.inputs.items()}
            made = DECODERS[operation.op_type](arguments)
            for output, values in zip(operation.outputs, made, strict=True):
                self._constants[output.name] = values
                self._stored[output.name] = operation.op_type, arguments

    def _value(self, found: Any, values: Mapping[str, Any]) -> Any:
        if isinstance(found, list | tuple):
            return [self._value(each, values) for each in found]
        if found.name in values:
            return values[found.name]
        return self._constants.get(found.name, found.val)

    def _operations(self) -> Iterator[Any]:
        return (each for each in self._function.operations if each.outputs[0].name not in self._constants)

    def unknown_operators(self) -> tuple[str, ...]:
        """See `converters.mil.base.Evaluator`."""
        return tuple(sorted({each.op_type for each in self._operations()} - set(OPERATIONS)))

    def weights(self) -> dict[str, Weight]:
        """See `converters.mil.base.Evaluator`."""
        found = {}
        for operation in self._operations():
            argument, axis = _WEIGHTED.get(operation.op_type, ("", 0))
            taken = operation.inputs.get(argument)
            values = None if taken is None else self._constants.get(taken.name)
            if values is None or np.ndim(values) < 2:  # noqa: PLR2004 - matrices at least
                continue
            kind, arguments = self._stored.get(taken.name, ("const", {}))
            transposed = operation.op_type == "matmul" and bool(
                self._value(operation.inputs["transpose_y"], {})
            )
            found[taken.name] = weight(kind, arguments, values, -2 if transposed else axis)
        return found

    def run(self, feeds: Mapping[str, Array]) -> dict[str, Array]:
        """See `converters.mil.base.Evaluator`."""
        unknown = self.unknown_operators()
        if unknown:
            raise ConversionError(f"parity not checked: the evaluator does not know {', '.join(unknown)}")
        values: dict[str, Any] = {}
        for name, declared in self._function.inputs.items():
            given = torch.from_numpy(np.ascontiguousarray(feeds[name]))
            values[name] = _rounded(given.float() if given.is_floating_point() else given.int(), declared)
        with torch.no_grad():
            for operation in self._operations():
                arguments = {name: self._value(each, values) for name, each in operation.inputs.items()}
                given = {name: each for name, each in arguments.items() if each is not None}
                made = OPERATIONS[operation.op_type](given)
                outputs = made if isinstance(made, tuple) else (made,)
                for declared, each in zip(operation.outputs, outputs, strict=False):
                    values[declared.name] = _rounded(each, declared)
        return {
            port.name: np.asarray(self._value(each, values))
            for port, each in zip(self.outputs, self._function.outputs, strict=True)
        }


def _rounded(values: torch.Tensor, declared: Any) -> torch.Tensor:
    """Round to float16 what the program declares so, and keep it in float32."""
    from coremltools.converters.mil.mil import types

    if values.is_floating_point() and types.builtin_to_string(declared.dtype) == _HALF:
        return values.half().float()
    return values


def _shape(declared: Any) -> tuple[int, ...]:
    shape = tuple(declared.shape or ())
    return (
        tuple(int(each) for each in shape)
        if all(isinstance(each, int | np.integer) for each in shape)
        else ()
    )
