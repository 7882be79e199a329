"""Whether what a model announces to an app is what its program takes and gives."""

from collections.abc import Iterable
from typing import Any

from converters.inspection.coreml.nodes import Program, Value
from converters.inspection.coreml.value_types import ValueType

# FeatureTypes.proto, enum ArrayDataType.
ARRAYS = {65568: "float32", 65600: "float64", 131104: "int32", 131080: "int8", 65552: "float16"}
COLOURS = {10: 1, 20: 3, 30: 3, 40: 1}  # ColorSpace: channels


def check(description: Any, program: Program) -> tuple[list[str], str]:
    """Hold a ModelDescription against the functions of a program.

    Returns:
        What does not hold, and the function that runs where an app names none.
    """
    if not description.functions:
        if "main" not in program.functions:
            return [f"the program has no function 'main', only {sorted(program.functions)}"[:200]], ""
        if len(program.functions) > 1:
            return ["the program has several functions, the description names none of them"], ""
        return list(_function(description, program, "main")), "main"
    names = [each.name for each in description.functions]
    main = description.defaultFunctionName
    problems = []
    if sorted(names) != sorted(program.functions):
        problems.append(
            f"the description names the functions {sorted(names)}, there are {sorted(program.functions)}"
        )
    if main not in program.functions:
        problems.append(f"the default function '{main[:80]}' does not exist")
    for each in description.functions:
        if each.name in program.functions:
            problems += _function(each, program, each.name)
    return problems, main


def _function(described: Any, program: Program, name: str) -> Iterable[str]:
    block = program.functions[name]
    states = [each for each in block.inputs if each.type.kind == "state"]
    inputs = [each for each in block.inputs if each.type.kind != "state"]
    for what, features, values in (
        ("input", described.input, inputs),
        ("output", described.output, block.outputs),
        ("state", described.state, states),
    ):
        said = f"{what} of function '{name[:80]}'"
        have = {each.name: each for each in values}
        names = [each.name for each in features]
        if sorted(names) != sorted(have) or len(have) != len(values):
            yield f"{said}: the description names {sorted(names)}, the program {sorted(have)}"
            continue
        for feature in features:
            problem = _feature(feature.type, have[feature.name])
            if problem:
                yield f"{said}: '{feature.name[:80]}' {problem}"


def _feature(declared: Any, value: Value) -> str:
    """What is wrong with one announced value; empty where it fits."""
    kind = declared.WhichOneof("Type")
    if kind == "multiArrayType":
        return _array(declared.multiArrayType, value.type)
    if kind == "stateType":
        return _array(declared.stateType.arrayType, value.type)
    if kind == "imageType":
        return _image(declared.imageType, value.type)
    texts = {
        "stringType": ("tensor", "string"),
        "int64Type": ("tensor", "int64"),
        "dictionaryType": ("dictionary", ""),
    }
    if kind not in texts:
        return f"is announced as {kind or 'nothing'}"
    wanted = texts[kind]
    fits = (value.type.kind, value.type.dtype) == wanted
    return "" if fits else f"is announced as {kind}, the program has {value.type}"


def _array(declared: Any, have: ValueType) -> str:
    if have.kind not in {"tensor", "state"}:
        return f"is announced as an array, the program has {have}"
    if ARRAYS.get(declared.dataType) != have.dtype:
        return f"is announced as {ARRAYS.get(declared.dataType, declared.dataType)}, the program has {have}"
    shape = tuple(declared.shape)
    fits = len(shape) == len(have.shape) or not shape  # of an output, the shape may be left out
    if not fits or any(two is not None and one != two for one, two in zip(shape, have.shape, strict=False)):
        return f"is announced with shape {shape}, the program has {have}"
    return ""


def _image(declared: Any, have: ValueType) -> str:
    wanted = (1, COLOURS.get(declared.colorSpace, 0), declared.height, declared.width)
    fits = have.kind == "tensor" and len(have.shape) == len(wanted)
    if not fits or any(two is not None and one != two for one, two in zip(wanted, have.shape, strict=True)):
        return f"is announced as an image of {wanted}, the program has {have}"
    return ""
