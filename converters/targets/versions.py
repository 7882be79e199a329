"""Operator versions: the quantizer leaves every operator at version 1, which is a lie about int8.

A version tells a runtime which types an operator needs: int8 CONV_2D is version 3, and code generators
refuse 1. Source: tensorflow/compiler/mlir/lite/tools/versioning/op_version.cc.
"""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

from ai_edge_litert import schema_py_generated as schema

INT8: Mapping[str, int] = MappingProxyType(
    {
        **dict.fromkeys(
            (
                "ADD", "AVERAGE_POOL_2D", "BATCH_MATMUL", "BATCH_TO_SPACE_ND", "CONCATENATION", "DEQUANTIZE", "GATHER",
                "L2_NORMALIZATION", "LEAKY_RELU", "LOGISTIC", "LOG_SOFTMAX", "MAXIMUM", "MAX_POOL_2D", "MEAN",
                "MINIMUM", "MUL",
                "PACK", "PAD", "PADV2", "REDUCE_MAX", "REDUCE_MIN", "RELU", "RELU6", "RESIZE_BILINEAR",
                "RESIZE_NEAREST_NEIGHBOR", "SLICE", "SOFTMAX", "SPACE_TO_BATCH_ND", "SPACE_TO_DEPTH", "SPLIT",
                "STRIDED_SLICE",
                "SUB", "SUM", "TANH", "TRANSPOSE", "TRANSPOSE_CONV", "UNPACK",
            ),
            2,
        ),
        "CONV_2D": 3,
        "DEPTHWISE_CONV_2D": 3,
        "FULLY_CONNECTED": 4,
    }
)  # fmt: skip
"""The version from which on an operator takes int8 values."""
HYBRID: Mapping[str, int] = MappingProxyType(
    {"CONV_2D": 5, "DEPTHWISE_CONV_2D": 6, "FULLY_CONNECTED": 9, "BATCH_MATMUL": 4}
)
"""The version from which on it takes float values with int8 weights of a scale a channel, or asymmetric inputs."""
_HALF_DEQUANTIZE = 3


def raise_versions(model: Any, names: Mapping[int, str]) -> None:
    """Raise every operator code to what the operators that use it need; never lower one.

    Args:
        model: a ``ModelT``, changed in place.
        names: of builtin operators by number.
    """
    for graph in model.subgraphs:
        for operator in graph.operators:
            code = model.operatorCodes[operator.opcodeIndex]
            name = names[max(code.builtinCode, code.deprecatedBuiltinCode)]
            code.version = max(code.version, _needed(name, graph, operator))


def _needed(name: str, graph: Any, operator: Any) -> int:
    kinds = [graph.tensors[each].type for each in operator.inputs if each >= 0]
    if not kinds:
        return 1
    first, second = kinds[0], kinds[1] if len(kinds) > 1 else None
    if name == "DEQUANTIZE" and first == schema.TensorType.FLOAT16:
        return _HALF_DEQUANTIZE
    if first == schema.TensorType.INT8:
        return INT8.get(name, 1)
    if first == schema.TensorType.FLOAT32 and second == schema.TensorType.INT8:
        return HYBRID.get(name, 1)
    return 1
