"""Reading an ML Program: names known before they are used, arguments and types as the operation's definition says.

What coremltools' own reader and type inference would refuse is refused here, so that a program can be trusted without
importing coremltools; operations whose types have no rule in `shapes` are held to their names and arguments only.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from converters.inspection.coreml import constants, constexpr, operations, shapes, value_types
from converters.inspection.coreml.blobs import Blobs
from converters.inspection.coreml.constants import Constant
from converters.inspection.coreml.nodes import Block, Operation, Program, Value
from converters.inspection.coreml.value_types import ValueType
from converters.inspection.coreml.versions import OPSETS
from converters.inspection.reading import UnreadableError

MAX_PROBLEMS = 20  # listed; a damaged file may have thousands
MAX_DEPTH = 16  # blocks inside each other
VERSION = 1  # of MIL.proto's Program
STATES = frozenset({"read_state", "write_state"})


def read(program: Any, version: int, blobs: Blobs, main: str = "main") -> Program:
    """Read a MIL.proto Program.

    Args:
        program: the message.
        version: specification version of the model.
        blobs: its weight files.
        main: the function that is read first, so that weights which functions share count as its own.

    Raises:
        UnreadableError: what does not hold, all of it up to a limit.
    """
    reader = _Reader(version, blobs)
    found = reader.program(program, main)
    problems = list(dict.fromkeys(reader.problems))
    if len(problems) > MAX_PROBLEMS:
        problems[MAX_PROBLEMS:] = [f"and {len(problems) - MAX_PROBLEMS:,} problems more"]
    if problems:
        raise UnreadableError(problems)
    return found


Scope = dict[str, Value]


class _Reader:
    """One reading of one program; a class because problems and constants gather everywhere."""

    def __init__(self, version: int, blobs: Blobs) -> None:
        self.version, self.blobs = version, blobs
        self.problems: list[str] = []
        self.constants: list[Value] = []

    def program(self, program: Any, main: str) -> Program:
        """Read all functions."""
        if program.version != VERSION:
            self.problems.append(f"the program has version {program.version}, {VERSION} is read")
        for name in set(program.attributes) - {"buildInfo"}:
            self.problems.append(f"the program has the attribute '{name[:80]}', which nothing reads")
        functions, opsets = {}, set()
        for name in sorted(program.functions, key=lambda each: (each != main, each)):
            found = self.function(name, program.functions[name])
            if found is not None:
                functions[name] = found
                opsets.add(program.functions[name].opset)
        if not program.functions:
            self.problems.append("the program has no functions")
        if len(opsets) > 1:
            self.problems.append(f"its functions use operator sets {', '.join(sorted(opsets))}")
        return Program(functions, min(opsets, default=""), tuple(self.constants))

    def function(self, name: str, function: Any) -> Block | None:
        """Read the block of a function that its operator set names."""
        said = f"function '{name[:80]}'"
        if function.attributes:
            self.problems.append(f"{said} has attributes, which nothing reads")
        if OPSETS.get(function.opset, 99) > self.version:
            self.problems.append(
                f"{said} uses the operator set '{function.opset[:40]}' in version {self.version}"
            )
            return None
        if list(function.block_specializations) != [function.opset]:
            self.problems.append(
                f"{said} has blocks for {sorted(function.block_specializations)}, wanted {function.opset}"
            )
            return None
        scope: Scope = {}
        inputs = self.declare(function.inputs, scope, said)
        block = function.block_specializations[function.opset]
        if block.inputs:
            self.problems.append(f"the block of {said} has inputs of its own")
        return self.block(block, scope, inputs, said, 1)

    def declare(self, values: Any, scope: Scope, said: str) -> tuple[Value, ...]:
        """Take up named values."""
        found = []
        for each in values:
            kind = self.attempt(f"{said}, '{each.name[:80]}'", lambda each=each: value_types.read(each.type))
            if not each.name or each.name in scope:
                self.problems.append(f"{said} declares '{each.name[:80]}' twice, or without a name")
            elif kind is not None:
                scope[each.name] = Value(each.name, kind)
                found.append(scope[each.name])
        return tuple(found)

    def attempt(self, said: str, action: Any) -> Any:
        """Do something that may refuse; what it says becomes a problem of ``said``."""
        try:
            return action()
        except UnreadableError as problem:
            self.problems += [f"{said}: {each}" for each in problem.problems]
            return None

    def block(
        self, block: Any, scope: Scope, inputs: tuple[Value, ...], said: str, depth: int
    ) -> Block | None:
        """Read the operations of a block in the order in which they run."""
        if depth > MAX_DEPTH:
            self.problems.append(f"{said}: blocks lie inside each other over {MAX_DEPTH} deep")
            return None
        if block.attributes:
            self.problems.append(f"{said} has a block with attributes, which nothing reads")
        found = []
        for place, each in enumerate(block.operations):
            operation = self.operation(each, scope, f"operation {place} ({each.type[:40]}) of {said}", depth)
            if operation is not None:
                found.append(operation)
        for name in block.outputs:
            if name not in scope:
                self.problems.append(f"{said} gives '{name[:80]}', which nothing makes")
        if not block.outputs:
            self.problems.append(f"{said} gives nothing")
        return Block(inputs, tuple(found), tuple(scope[name] for name in block.outputs if name in scope))

    def operation(self, operation: Any, scope: Scope, said: str, depth: int) -> Operation | None:
        """Read one operation; constants give ``None``, for they are values."""
        given = self.arguments(operation, scope, said)
        signature = operations.signature(operation.type, self.version)
        if operation.type == operations.CONST:
            self.const(operation, scope, said)
            return None
        if operation.type == operations.CUSTOM:
            outputs = self.outputs(operation, None, None, scope, said)
            return Operation(operation.type, _name(operation), given, outputs, (), self.version)
        if signature is None:
            known = (
                "needs a newer specification version" if operations.known(operation.type) else "is unknown"
            )
            self.problems.append(f"{said}: this operation {known}")
            self.outputs(operation, None, None, scope, said)
            return None
        if not self.fits(given, signature, said):
            self.outputs(operation, None, None, scope, said)
            return None
        ordered = {name: given[name] for name in signature if name in given}
        if operation.type.startswith(operations.CONSTEXPR):
            self.unpack(operation, ordered, scope, said)
            return None
        blocks = self.blocks(operation, ordered, scope, said, depth)
        draft = Operation(operation.type, _name(operation), ordered, (), blocks, self.version)
        types = self.attempt(said, lambda: shapes.infer(draft))
        return replace(draft, outputs=self.outputs(operation, types, None, scope, said))

    def arguments(self, operation: Any, scope: Scope, said: str) -> dict[str, tuple[Value, ...]]:
        """Look up names, and read values that are written into the operation."""
        found: dict[str, tuple[Value, ...]] = {}
        for name, argument in operation.inputs.items():
            values: list[Value | None] = []
            for each in argument.arguments:
                kind = each.WhichOneof("binding")
                if kind == "name" and each.name in scope:
                    values.append(scope[each.name])
                elif kind == "value":
                    values.append(self.written(each.value, f"{said}, argument '{name[:80]}'"))
                else:
                    self.problems.append(
                        f"{said} takes '{each.name[:80]}' as {name[:80]}, which nothing before it gives"
                    )
            found[name] = tuple(each for each in values if each is not None)
        if "name" in operation.attributes:
            named = self.written(operation.attributes["name"], f"{said}, attribute name")
            if named is not None and named.type != ValueType("tensor", "string"):
                self.problems.append(f"{said} has a name of type {named.type}")
        # Before iOS 18, what unpacks a weight has its arguments as attributes.
        for name, value in operation.attributes.items():
            if operation.type.startswith(operations.CONSTEXPR) and name != "name":
                held = self.written(value, f"{said}, argument '{name[:80]}'")
                found[name] = () if held is None else (held,)
            elif operation.type != operations.CONST and name != "name":
                self.problems.append(f"{said} has the attribute '{name[:80]}', which nothing reads")
        return found

    def written(self, value: Any, said: str) -> Value | None:
        """A constant without a name."""
        constant: Constant | None = self.attempt(said, lambda: constants.read(value, self.blobs))
        return None if constant is None else Value("", constant.type, constant)

    def fits(self, given: Mapping[str, Sequence[Value]], signature: operations.Signature, said: str) -> bool:
        """Check which arguments are there, how many values each has, and which are constant."""
        before = len(self.problems)
        for name in given.keys() - signature.keys():
            self.problems.append(f"{said} has no argument '{name[:80]}'")
        for name, argument in signature.items():
            values = given.get(name)
            if values is None:
                if not argument.optional:
                    self.problems.append(f"{said} lacks its argument {name}")
                continue
            if not argument.several and len(values) != 1:
                self.problems.append(f"{said} has {len(values)} values for {name}")
            if argument.constant and any(each.constant is None for each in values):
                self.problems.append(f"{said}: {name} is no constant")
            dtype, rank = operations.argument_types().get(name, ("", 0))
            if dtype and any((each.type.dtype, len(each.type.shape)) != (dtype, rank) for each in values):
                found = ", ".join(str(each.type) for each in values)
                self.problems.append(f"{said}: {name} is {found}, wanted {dtype} of rank {rank}")
        return len(self.problems) == before

    def const(self, operation: Any, scope: Scope, said: str) -> None:
        """A constant with a name."""
        attributes = {name: value for name, value in operation.attributes.items() if name != "name"}
        if set(attributes) != {"val"} or operation.inputs or operation.blocks or len(operation.outputs) != 1:
            self.problems.append(f"{said}: a const has one value and one output, and nothing else")
            return
        held = self.written(attributes["val"], said)
        if held is not None:
            self.outputs(operation, [held.type], [held.constant], scope, said)

    def unpack(self, operation: Any, given: Mapping[str, tuple[Value, ...]], scope: Scope, said: str) -> None:
        """A weight that is unpacked before the model runs."""
        held = {name: values[0].constant for name, values in given.items()}
        known = {name: each for name, each in held.items() if each is not None}
        found = self.attempt(said, lambda: constexpr.evaluate(operation.type, known, self.version))
        types = None if found is None else [each.type for each in found]
        self.outputs(operation, types, found, scope, said)

    def outputs(
        self,
        operation: Any,
        types: Sequence[ValueType] | None,
        held: Sequence[Constant | None] | None,
        scope: Scope,
        said: str,
    ) -> tuple[Value, ...]:
        """Take up what an operation gives, and hold its declared types against those worked out."""
        found = []
        if types is not None and len(types) != len(operation.outputs):
            self.problems.append(
                f"{said} gives {len(operation.outputs)} values, {len(types)} are declared by its definition"
            )
            types = None
        for place, each in enumerate(operation.outputs):
            where = f"{said}, output '{each.name[:80]}'"
            declared = self.attempt(where, lambda each=each: value_types.read(each.type))
            if declared is None:
                continue
            if types is not None and not shapes.agree(declared, types[place]):
                self.problems.append(f"{where} is declared as {declared}, it is {types[place]}")
            if not each.name or each.name in scope:
                self.problems.append(f"{where}: this name is given already, or empty")
                continue
            constant = held[place] if held is not None and types is not None else None
            value = Value(each.name, declared, constant)
            scope[each.name] = value
            found.append(value)
            if constant is not None:
                self.constants.append(value)
        return tuple(found)

    def blocks(
        self, operation: Any, given: Mapping[str, tuple[Value, ...]], scope: Scope, said: str, depth: int
    ) -> tuple[Block, ...]:
        """The branches of ``cond``, or the condition and the body of ``while_loop``."""
        wanted = {"cond": 2, "while_loop": 2}.get(operation.type, 0)
        if len(operation.blocks) != wanted:
            self.problems.append(f"{said} has {len(operation.blocks)} blocks, wanted {wanted}")
            return ()
        found = []
        for place, each in enumerate(operation.blocks):
            inner = dict(scope)
            where = f"block {place} of {said}"
            for value in each.inputs:  # a block may call its inputs as values around it are called
                inner.pop(value.name, None)
            inputs = self.declare(each.inputs, inner, where)
            if operation.type == "while_loop" and len(inputs) != len(given.get("loop_vars", ())):
                self.problems.append(f"{where} takes {len(inputs)} values, the loop has another number")
            block = self.block(each, inner, inputs, where, depth + 1)
            if block is not None:
                found.append(block)
        return tuple(found)


def _name(operation: Any) -> str:
    """The name that an operation's attribute gives it."""
    if "name" not in operation.attributes:
        return ""
    texts = operation.attributes["name"].immediateValue.tensor.strings.values
    return texts[0] if texts else ""
