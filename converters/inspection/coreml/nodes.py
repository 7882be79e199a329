"""An ML Program, read: functions, blocks, operations and their values."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from converters.inspection.coreml.constants import Constant
from converters.inspection.coreml.value_types import ValueType


@dataclass(frozen=True, slots=True, eq=False)
class Value:
    """One value; two of them are never equal.

    Attributes:
        name: as the file has it; empty where it is written into an operation.
        type: what it is.
        constant: its value, where that lies in the file.
    """

    name: str
    type: ValueType
    constant: Constant | None = None


@dataclass(frozen=True, slots=True, eq=False)
class Operation:
    """One operation.

    Attributes:
        kind: such as ``conv``.
        name: as the file has it; may be empty.
        arguments: its values by argument, in the order of its definition.
        outputs: what it gives.
        blocks: its branches, or the parts of its loop.
        version: specification version of its model, on which its definition depends.
    """

    kind: str
    name: str
    arguments: Mapping[str, tuple[Value, ...]]
    outputs: tuple[Value, ...]
    blocks: tuple["Block", ...] = ()
    version: int = 0

    def value(self, argument: str) -> Value | None:
        """The one value of an argument; ``None`` where it is left out."""
        values = self.arguments.get(argument, ())
        return values[0] if len(values) == 1 else None

    def given(self, argument: str, default: Any = None) -> Any:
        """The constant of an argument as numbers or text; ``default`` where it is left out or not constant."""
        value = self.value(argument)
        if value is None or value.constant is None:
            return default
        if value.type.kind == "tensor" and not value.type.shape:
            return value.constant.scalar
        values = value.constant.array()
        return values if isinstance(values, list) else values.tolist()

    def open(self, argument: str) -> bool:
        """Whether an argument is there whose value only a run tells."""
        value = self.value(argument)
        return value is not None and value.constant is None


@dataclass(frozen=True, slots=True, eq=False)
class Block:
    """Operations in the order in which they run.

    Attributes:
        inputs: values that it takes.
        operations: what it does; constants and unpacked weights are values, not operations.
        outputs: values that it gives.
    """

    inputs: tuple[Value, ...]
    operations: tuple[Operation, ...]
    outputs: tuple[Value, ...]

    def inside(self) -> Iterator["Block"]:
        """Every block inside of it, at any depth."""
        for operation in self.operations:
            for block in operation.blocks:
                yield block
                yield from block.inside()


@dataclass(frozen=True, slots=True, eq=False)
class Program:
    """An ML Program.

    Attributes:
        functions: their blocks by name.
        opset: operator set of all, such as ``CoreML7``.
        constants: every constant of every function, whether an operation takes it or not.
    """

    functions: Mapping[str, Block]
    opset: str
    constants: tuple[Value, ...]
