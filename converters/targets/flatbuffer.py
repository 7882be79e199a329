"""TFLite files as objects: read, changed and written through LiteRT's own schema classes.

Only for files that this project wrote itself: a file from elsewhere goes through `converters.inspection` first.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from ai_edge_litert import schema_py_generated as schema
from ai_edge_litert.tools import flatbuffer_utils

from converters.grids import Grid
from converters.targets.base import Array, QuantizedWeight
from converters.targets.versions import raise_versions

WEIGHTED = {
    schema.BuiltinOperator.CONV_2D: 0,
    schema.BuiltinOperator.DEPTHWISE_CONV_2D: 3,
    schema.BuiltinOperator.FULLY_CONNECTED: 0,
    schema.BuiltinOperator.TRANSPOSE_CONV: 0,
}
"""Operators whose input 1 is a weight, with the axis of its output channels."""
SIGNATURE = "serving_default"
_NAMES = {value: name for name, value in vars(schema.BuiltinOperator).items() if isinstance(value, int)}
_TYPES = {value: name for name, value in vars(schema.TensorType).items() if isinstance(value, int)}
_INT8_DENSE, _RANK_DENSE = 4, 5  # versions of FULLY_CONNECTED: that takes int8, that may keep the rank
_FLATTENING = (
    schema.BuiltinOperator.FULLY_CONNECTED,
    schema.BuiltinOperator.RESHAPE,
    schema.BuiltinOperator.TRANSPOSE,
)
_INT4_PER_BYTE = 2
_MATRIX_RANK = 2
_PER_CHANNEL_DEQUANTIZE, _INT4_DEQUANTIZE = 5, 6  # the first versions of DEQUANTIZE that take them


@dataclass(frozen=True, slots=True)
class WeightSlot:
    """A constant weight of a model.

    Attributes:
        graph: the subgraph it is in.
        operator: the first operator that takes it.
        tensor: its object.
        index: its position in the subgraph.
        axis: of its output channels.
    """

    graph: Any
    operator: Any
    tensor: Any
    index: int
    axis: int


def read(path: Path) -> Any:
    """Read a file as a ``ModelT``."""
    return flatbuffer_utils.read_model(str(path))


def write(model: Any, path: Path) -> None:
    """Write a ``ModelT``, its operators at the versions that they need."""
    raise_versions(model, _NAMES)
    for each in model.buffers:  # anything but numpy's bytes is packed one by one, some millions in Python
        if each.data is not None and not (isinstance(each.data, np.ndarray) and each.data.dtype == np.uint8):
            each.data = np.frombuffer(bytes(each.data), np.uint8)
    path.write_bytes(flatbuffer_utils.convert_object_to_bytearray(model))


def operators(model: Any) -> frozenset[str]:
    """Kinds of operators, by their names in the schema."""
    return frozenset(_NAMES[_builtin(model, each)] for graph in model.subgraphs for each in graph.operators)


def port_types(model: Any) -> frozenset[str]:
    """Types of the inputs and outputs, by their names in the schema."""
    graph = model.subgraphs[0]
    return frozenset(_TYPES[graph.tensors[each].type] for each in (*graph.inputs, *graph.outputs))


def _builtin(model: Any, operator: Any) -> int:
    code = model.operatorCodes[operator.opcodeIndex]
    return max(code.builtinCode, code.deprecatedBuiltinCode)


def weights(model: Any) -> Iterator[WeightSlot]:
    """Every constant weight, once, whether it is fed directly or through DEQUANTIZE."""
    for graph in model.subgraphs:
        made_by = {output: each for each in graph.operators for output in each.outputs}
        seen = set()
        for operator in graph.operators:
            axis = WEIGHTED.get(_builtin(model, operator))
            if axis is None:
                continue
            index = operator.inputs[1]
            source = made_by.get(index)
            if source is not None and _builtin(model, source) == schema.BuiltinOperator.DEQUANTIZE:
                index = source.inputs[0]
            tensor = graph.tensors[index]
            if index in seen or not _has_data(model, tensor):
                continue
            seen.add(index)
            yield WeightSlot(graph, operator, tensor, int(index), axis)


def _has_data(model: Any, tensor: Any) -> bool:
    data = model.buffers[tensor.buffer].data
    return data is not None and len(data) > 0


def values(model: Any, slot: WeightSlot) -> Array:
    """The stored values of a weight, output channels first: float32, or the integers."""
    raw = np.frombuffer(bytes(model.buffers[slot.tensor.buffer].data), np.uint8)
    shape = tuple(slot.tensor.shape)
    kind = slot.tensor.type
    if kind == schema.TensorType.INT4:
        low, high = (raw << 4).view(np.int8) >> 4, raw.view(np.int8) >> 4
        flat = np.stack([low, high], axis=-1).reshape(-1)[: int(np.prod(shape))]
    else:
        flat = raw.view({schema.TensorType.FLOAT32: np.float32, schema.TensorType.INT8: np.int8,
                         schema.TensorType.FLOAT16: np.float16}[kind])  # fmt: skip
    return np.moveaxis(flat.reshape(shape), slot.axis, 0)


def store(model: Any, slot: WeightSlot, grid: Grid) -> None:
    """Put integers and scales in a weight's place; in 4 bits where they fit, else in 8."""
    stored = np.ascontiguousarray(np.moveaxis(grid.integers, 0, slot.axis)).reshape(-1)
    tensor = slot.tensor
    tensor.quantization = schema.QuantizationParametersT()
    tensor.quantization.scale = grid.scales
    tensor.quantization.zeroPoint = np.zeros(grid.scales.size, np.int64)
    tensor.quantization.quantizedDimension = slot.axis if grid.per_channel else 0
    if grid.bits <= 4:  # noqa: PLR2004 - bits
        tensor.type = schema.TensorType.INT4
        padded = np.append(stored, np.zeros(stored.size % _INT4_PER_BYTE, np.int8))
        low, high = padded[0::2].view(np.uint8) & 0x0F, padded[1::2].view(np.uint8) << 4
        data = low | high
    else:
        tensor.type = schema.TensorType.INT8
        data = stored.view(np.uint8)
    model.buffers[tensor.buffer].data = data


def dequantize_before(model: Any, slot: WeightSlot) -> None:
    """Insert a DEQUANTIZE between a weight and its users, so that they compute in float32."""
    options = schema.BuiltinOptions.DequantizeOptions, schema.DequantizeOptionsT()
    version = _INT4_DEQUANTIZE if slot.tensor.type == schema.TensorType.INT4 else _PER_CHANNEL_DEQUANTIZE
    made = insert_before(model, slot, schema.BuiltinOperator.DEQUANTIZE, *options, version=version)
    made.name = (slot.tensor.name or b"") + b"_float"


def insert_before(
    model: Any, slot: WeightSlot, builtin: int, options_type: int, options: Any, *, version: int = 1
) -> Any:
    """Insert an operator of one float32 output between a weight and its users; return the output's tensor."""
    graph = slot.graph
    made = schema.TensorT()
    made.shape, made.type, made.buffer = slot.tensor.shape, schema.TensorType.FLOAT32, 0
    graph.tensors.append(made)
    new = len(graph.tensors) - 1
    for each in graph.operators:
        each.inputs = [new if index == slot.index else index for index in each.inputs]
    operator = schema.OperatorT()
    operator.opcodeIndex = _code(model, builtin, version)
    operator.inputs, operator.outputs = [slot.index], [new]
    operator.builtinOptionsType, operator.builtinOptions = options_type, options
    graph.operators.insert(0, operator)
    return made


def flatten_before_dense(model: Any) -> None:
    """Make the flattening that FULLY_CONNECTED does by itself an operator of its own: code generators want matrices."""
    for graph in model.subgraphs:
        for place, operator in reversed(list(enumerate(graph.operators))):
            taken = graph.tensors[operator.inputs[0]] if len(operator.inputs) else None
            is_dense = _builtin(model, operator) == schema.BuiltinOperator.FULLY_CONNECTED
            if not is_dense or taken is None or len(taken.shape) == _MATRIX_RANK:
                continue
            width = int(graph.tensors[operator.inputs[1]].shape[1])
            flat = schema.TensorT()
            flat.shape, flat.type, flat.buffer = [int(np.prod(taken.shape)) // width, width], taken.type, 0
            flat.quantization = taken.quantization
            graph.tensors.append(flat)
            reshape = schema.OperatorT()
            reshape.opcodeIndex = _code(model, schema.BuiltinOperator.RESHAPE, 1)
            reshape.inputs, reshape.outputs = [operator.inputs[0]], [len(graph.tensors) - 1]
            reshape.builtinOptionsType = schema.BuiltinOptions.ReshapeOptions
            reshape.builtinOptions = schema.ReshapeOptionsT()
            reshape.builtinOptions.newShape = list(flat.shape)
            operator.inputs = [len(graph.tensors) - 1, *operator.inputs[1:]]
            graph.operators.insert(place, reshape)


def drop_rank_of_dense(model: Any) -> None:
    """Undo 'keep the rank' of FULLY_CONNECTED where all are matrices, and the version that only says that."""
    for graph in model.subgraphs:
        for each in graph.operators:
            ranks = {len(graph.tensors[index].shape) for index in (*each.inputs[:1], *each.outputs)}
            if _builtin(model, each) != schema.BuiltinOperator.FULLY_CONNECTED or ranks != {_MATRIX_RANK}:
                continue
            code = model.operatorCodes[each.opcodeIndex]
            if each.builtinOptions is not None and code.version in {_INT8_DENSE, _RANK_DENSE}:
                each.builtinOptions.keepNumDims, code.version = False, _INT8_DENSE


def fold_transpose_before_dense(model: Any) -> None:
    """Reorder the weights of an int8 FULLY_CONNECTED and not its input: a net from torch flattens channels first.

    Its sums have the same terms in another order, so the outputs stay the same to the last bit.
    """
    for graph in model.subgraphs:
        made_by = {int(output): each for each in graph.operators for output in each.outputs}
        users = [int(index) for each in graph.operators for index in each.inputs] + [*map(int, graph.outputs)]
        for dense in list(graph.operators):
            reshape = made_by.get(int(dense.inputs[0])) if len(dense.inputs) else None
            transpose = made_by.get(int(reshape.inputs[0])) if reshape is not None else None
            if reshape is None or transpose is None:
                continue
            if tuple(_builtin(model, each) for each in (dense, reshape, transpose)) != _FLATTENING:
                continue
            inner, weight = (
                (int(each.outputs[0]) for each in (transpose, reshape)),
                graph.tensors[dense.inputs[1]],
            )
            is_alone = all(users.count(each) == 1 for each in (*inner, int(dense.inputs[1])))
            order = np.frombuffer(
                bytes(model.buffers[graph.tensors[transpose.inputs[1]].buffer].data), np.int32
            )
            if not is_alone or order[0] or weight.type != schema.TensorType.INT8:
                continue
            lengths = [int(each) for each in graph.tensors[transpose.outputs[0]].shape[1:]]
            stored = np.frombuffer(bytes(model.buffers[weight.buffer].data), np.int8).reshape(-1, *lengths)
            reordered = np.ascontiguousarray(stored.transpose(np.argsort(order)))
            model.buffers[weight.buffer].data = reordered.reshape(-1).view(np.uint8)
            reshape.inputs = [transpose.inputs[0], *reshape.inputs[1:]]
            graph.operators.remove(transpose)


def drop_softmax(model: Any) -> bool:
    """Take the SOFTMAX away that makes the only output, and return whether there was one: the order of scores stays."""
    graph = model.subgraphs[0]
    last = graph.operators[-1]
    if _builtin(model, last) != schema.BuiltinOperator.SOFTMAX or list(graph.outputs) != list(last.outputs):
        return False
    graph.outputs = [int(last.inputs[0])]
    graph.operators.pop()
    return True


def fix_shapes(model: Any) -> None:
    """Fix lengths that a signature leaves open at those the file was made with, and tell RESHAPE its shape."""
    for graph in model.subgraphs:
        for tensor in graph.tensors:
            tensor.shapeSignature = None
        for operator in graph.operators:
            if _builtin(model, operator) == schema.BuiltinOperator.RESHAPE:
                operator.builtinOptionsType = schema.BuiltinOptions.ReshapeOptions
                operator.builtinOptions = schema.ReshapeOptionsT()
                operator.builtinOptions.newShape = list(graph.tensors[operator.outputs[0]].shape)


def _code(model: Any, builtin: int, version: int) -> int:
    for index, each in enumerate(model.operatorCodes):
        if each.builtinCode == builtin and each.version >= version:
            return index
    code = schema.OperatorCodeT()
    code.builtinCode, code.version = builtin, version
    code.deprecatedBuiltinCode = min(builtin, 127)
    model.operatorCodes.append(code)
    return len(model.operatorCodes) - 1


def rescale_bias(model: Any, slot: WeightSlot, grid: Grid, bias: Array) -> None:
    """Give a static int8 operator's bias the scales that its new weight asks for."""
    graph, operator = slot.graph, slot.operator
    if len(operator.inputs) <= 2 or operator.inputs[2] < 0:  # noqa: PLR2004 - input, weight, bias
        return
    tensor = graph.tensors[operator.inputs[2]]
    if tensor.type != schema.TensorType.INT32:
        return
    entry = np.float32(graph.tensors[operator.inputs[0]].quantization.scale[0])
    scales = (entry * grid.scales).astype(np.float32)
    integers = np.clip(np.rint(bias.astype(np.float64) / scales), -(2**31) + 1, 2**31 - 1).astype(np.int32)
    tensor.quantization.scale = scales
    model.buffers[tensor.buffer].data = integers.view(np.uint8)


def quantized(path: Path) -> list[QuantizedWeight]:
    """The integer weights of a file, in torch's layout, output channels first."""
    model = read(path)
    found = []
    for slot in weights(model):
        if slot.tensor.type in {schema.TensorType.INT8, schema.TensorType.INT4}:
            scales = np.asarray(slot.tensor.quantization.scale, np.float32)
            found.append(QuantizedWeight(_as_torch(values(model, slot), slot.axis), scales))
    return found


def _as_torch(stored: Array, axis: int) -> Array:
    """(O, H, W, I) -> (O, I, H, W); depthwise weights are (O, 1, H, W) already, matrices have no such axes."""
    return np.moveaxis(stored, -1, 1) if stored.ndim == 4 and axis == 0 else stored  # noqa: PLR2004 - images


def sign(model: Any, inputs: Sequence[str], outputs: Sequence[str]) -> None:
    """Name a model's inputs and outputs in a signature, as TensorFlow's converter does for SavedModels only.

    Callers feed by name, and AI Edge Quantizer calibrates nothing without one.
    """
    graph = model.subgraphs[0]
    made = schema.SignatureDefT()
    made.signatureKey, made.subgraphIndex = SIGNATURE, 0
    made.inputs = _named(inputs, graph.inputs)
    made.outputs = _named(outputs, graph.outputs)
    model.signatureDefs = [made]


def _named(names: Sequence[str], places: Sequence[int]) -> list[Any]:
    found = []
    for name, place in zip(names, places, strict=True):
        made = schema.TensorMapT()
        made.name, made.tensorIndex = name, int(place)
        found.append(made)
    return found


def strip(model: Any) -> None:
    """Drop names, descriptions, metadata and signatures: what inference does not need."""
    flatbuffer_utils.strip_strings(model)
    model.metadata = None
    model.signatureDefs = None
