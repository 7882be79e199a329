"""From an ML Program to the report's graph.

A tensor is what flows, and what an operation takes as data: weights, biases, tables. A constant that only steers an
operation (a stride, an axis, an epsilon) is an option of it, by the name of the argument. Weights are shown as the file
stores them, before anything is unpacked.
"""

from converters.inspection.coreml import operations
from converters.inspection.coreml.nodes import Block, Operation, Program, Value
from converters.inspection.report import Graph, Operator, OptionValue, Tensor

MAX_OPTION = 16  # elements of a constant that is an option
# Arguments that hold data whatever their length.
DATA = frozenset(
    {"x", "y", "values", "data", "indices", "updates", "a", "b", "cond", "query", "key", "value", "input"}
)
WORDS = frozenset({"int32", "int64", "uint32", "bool", "string"})


def build(program: Program, main: str) -> Graph:
    """Build the graph of one function.

    Args:
        program: the whole program.
        main: name of the function that runs where an app names none.
    """
    return _Builder().graph(program, main)


class _Builder:
    def __init__(self) -> None:
        self.tensors: list[Tensor] = []
        self.places: dict[Value, int] = {}

    def graph(self, program: Program, main: str) -> Graph:
        block = program.functions[main]
        inputs = tuple(self.add(each) for each in block.inputs)
        operators = tuple(self.operator(each) for each in block.operations)
        others = [each for name, each in program.functions.items() if name != main]
        for inner in [*block.inside(), *(deep for each in others for deep in (each, *each.inside()))]:
            self.hold(inner)
        subgraphs = len(others) + sum(1 for each in program.functions.values() for _ in each.inside())
        outputs = tuple(self.add(each) for each in block.outputs)
        return Graph(tuple(self.tensors), operators, inputs, outputs, subgraphs)

    def add(self, value: Value) -> int:
        """Give a value's place; take it up when it is new."""
        if value not in self.places:
            self.places[value] = len(self.tensors)
            self.tensors.append(_tensor(value))
        return self.places[value]

    def operator(self, operation: Operation) -> Operator:
        """Build one operator: its data, then what its blocks read from around them."""
        data = [
            each for name, values in operation.arguments.items() for each in values if not _steers(name, each)
        ]
        for block in operation.blocks:
            data += [each for each in _captured(block) if each not in data]
        custom = operation.kind == operations.CUSTOM
        return Operator(
            kind=str(operation.given("class_name", operation.kind)) if custom else operation.kind,
            inputs=tuple(self.add(each) for each in data),
            outputs=tuple(self.add(each) for each in operation.outputs),
            label=operation.name,
            options={
                name: _option(operation, name)
                for name, values in operation.arguments.items()
                if values and all(_steers(name, each) for each in values)
            },
            custom=custom,
        )

    def hold(self, block: Block) -> None:
        """Take up the weights of a block that is not the main one, but not those that it shares."""
        for operation in block.operations:
            for name, values in operation.arguments.items():
                for each in values:
                    if (
                        each.constant is not None
                        and each.constant.storage.stored_bytes
                        and not _steers(name, each)
                    ):
                        self.add(each)


def _steers(argument: str, value: Value) -> bool:
    """Whether a constant only says how an operation works."""
    if value.constant is None or argument in DATA:
        return False
    if value.type.kind != "tensor":
        return True
    count = value.type.count or 0
    return (value.type.dtype in WORDS and count <= MAX_OPTION) or not value.type.shape


def _option(operation: Operation, argument: str) -> OptionValue:
    given = operation.given(argument)
    if isinstance(given, list):
        flat = given[:MAX_OPTION]
        return tuple(tuple(each) if isinstance(each, list) else each for each in flat)
    value: OptionValue = given
    return value


def _captured(block: Block) -> list[Value]:
    """Values that a block reads and does not make."""
    made = {*block.inputs}
    found: dict[Value, None] = {}
    for operation in block.operations:
        read = [each for values in operation.arguments.values() for each in values if each.constant is None]
        read += [each for inner in operation.blocks for each in _captured(inner)]
        found |= dict.fromkeys(each for each in read if each not in made)
        made |= {*operation.outputs}
    found |= dict.fromkeys(each for each in block.outputs if each not in made and each.constant is None)
    return list(found)


def _tensor(value: Value) -> Tensor:
    kind = value.type
    shape = kind.shape if kind.kind in {"tensor", "state"} else None
    if value.constant is None:
        return Tensor(value.name, shape, kind.dtype or kind.kind)
    storage = value.constant.storage
    return Tensor(
        value.name,
        shape,
        storage.dtype,
        constant=True,
        stored_bytes=storage.stored_bytes,
        granularity=storage.granularity,
        axis=storage.axis,
        scales=storage.scales,
        zeros=storage.zeros() / kind.count if kind.count else None,
        sparse=storage.sparse,
    )
