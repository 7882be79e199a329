"""ONNX Runtime's own operators, which onnx has no definition of: held to the installed runtime's definitions.

Without onnxruntime, or where it does not tell its definitions, nothing is known of them and nothing is refused.
"""

from collections.abc import Iterator, Mapping
from functools import cache
from typing import Any

from converters.inspection.onnx.versions import CONTRIB


@cache
def _definitions() -> Mapping[str, Any]:
    """The installed runtime's definitions by name of the operator."""
    try:
        from onnxruntime.capi.onnxruntime_pybind11_state import get_all_operator_schema
    except ImportError:
        return {}
    return {each.name: each for each in get_all_operator_schema() if each.domain in CONTRIB}


def problems(node: Any) -> Iterator[str]:
    """What is wrong with one node of the runtime's own operators.

    Args:
        node: a NodeProto whose domain is in `CONTRIB`.
    """
    known = _definitions()
    definition = known.get(node.op_type)
    if definition is None:
        if known:
            yield f"the installed ONNX Runtime has no operator '{node.op_type[:80]}'"
        return
    for what, names, least, most in (
        ("inputs", node.input, definition.min_input, definition.max_input),
        ("outputs", node.output, definition.min_output, definition.max_output),
    ):
        if not least <= len(names) <= most:
            yield f"it has {len(names)} {what}, wanted {least} to {most}"
    given = {each.name for each in node.attribute}
    for name in sorted(given - set(definition.attributes)):
        yield f"it has no attribute '{name[:80]}'"
    for name, attribute in definition.attributes.items():
        if attribute.required and name not in given:
            yield f"it lacks its attribute '{name}'"
