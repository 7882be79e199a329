"""What must hold in a TFLite model beyond its FlatBuffer: indices, shapes, lengths, quantization, order."""

from collections.abc import Iterator
from typing import Any

import numpy as np

from converters.inspection import elements
from converters.inspection.reading import UnreadableError
from converters.inspection.tflite.checked import Record, schema, word

VERSION = 3
MOST_PROBLEMS = 20
DTYPES = {
    "FLOAT32": "float32", "FLOAT16": "float16", "INT32": "int32", "UINT8": "uint8", "INT64": "int64",
    "STRING": "string",
    "BOOL": "bool", "INT16": "int16", "COMPLEX64": "complex64", "INT8": "int8", "FLOAT64": "float64",
    "COMPLEX128": "complex128", "UINT64": "uint64", "RESOURCE": "resource", "VARIANT": "variant", "UINT32": "uint32",
    "UINT16": "uint16", "INT4": "int4", "BFLOAT16": "bfloat16", "INT2": "int2", "UINT4": "uint4",
    "FLOAT8_E4M3FN": "float8_e4m3fn", "FLOAT8_E5M2": "float8_e5m2",
}  # fmt: skip
_UNSIZED = {"string", "resource", "variant"}
_PLACEHOLDER = 127  # a deprecated code of this value says: look at the newer field


def check(model: Record, file_bytes: memoryview) -> None:
    """Raise with every problem found, at most 20.

    Raises:
        UnreadableError: something does not hold.
    """
    problems = []
    for each in _problems(model, file_bytes):
        problems.append(each)
        if len(problems) == MOST_PROBLEMS:
            break
    if problems:
        raise UnreadableError(problems)


def _problems(model: Record, file_bytes: memoryview) -> Iterator[str]:  # noqa: C901 - a list of checks
    if model["version"] != VERSION:
        yield f"the schema version is {model['version']}, {VERSION} is wanted"
    graphs, buffers = model["subgraphs"] or [], model["buffers"] or []
    if not graphs:
        yield "there is no subgraph"
    if not buffers:
        yield "there are no buffers"
    for place, each in enumerate(buffers):
        yield from _buffer(place, each, len(file_bytes))
    for each in model["metadata"] or []:
        if not 0 <= each["buffer"] < len(buffers):
            yield f"metadata {_text(each['name'])} is in buffer {each['buffer']}, there are {len(buffers)}"
    for each in model["metadata_buffer"] if model["metadata_buffer"] is not None else ():
        if not 0 <= each < len(buffers):
            yield f"metadata is in buffer {each}, there are {len(buffers)}"
    for place, each in enumerate(model["operator_codes"] or []):
        yield from _code(place, each)
    for place, graph in enumerate(graphs):
        yield from _graph(place, graph, model, file_bytes)
    for each in model["signature_defs"] or []:
        yield from _signature(each, graphs)


def _buffer(place: int, buffer: Record, size: int) -> Iterator[str]:
    if buffer["offset"] > 1 and (buffer["offset"] + buffer["size"] > size or buffer["data"]):
        yield f"buffer {place} lies at {buffer['offset']} with {buffer['size']} bytes, the file has {size}"


def builtin(code: Record) -> int:
    """Which operator a code stands for."""
    return max(int(code["builtin_code"]), int(code["deprecated_builtin_code"]))


def _code(place: int, code: Record) -> Iterator[str]:
    number = builtin(code)
    name = schema()[1]["BuiltinOperator"].get(number)
    if name is None or number == _PLACEHOLDER:
        yield f"operator code {place} is {number}, which is no operator"
    if name == "CUSTOM" and not code["custom_code"]:
        yield f"operator code {place} is a custom operator without a name"
    if code["version"] < 1:
        yield f"operator code {place} has version {code['version']}, at least 1 is wanted"


def _graph(place: int, graph: Record, model: Record, file_bytes: memoryview) -> Iterator[str]:  # noqa: C901 - a list of checks
    tensors, codes = graph["tensors"] or [], model["operator_codes"] or []
    where = f"subgraph {place}"
    for index, tensor in enumerate(tensors):
        yield from _tensor(f"{where}, tensor {index} ({_text(tensor['name'])})", tensor, model, file_bytes)
    written: set[int] = set()
    known = set(_ints(graph["inputs"])) | {
        index for index, each in enumerate(tensors) if has_data(each, model) or each["is_variable"]
    }
    for kind in ("inputs", "outputs"):
        yield from _indices(f"{where}, {kind}", graph[kind], len(tensors), least=0)
    for index, operator in enumerate(graph["operators"] or []):
        what = f"{where}, operator {index}"
        if not 0 <= operator["opcode_index"] < len(codes):
            yield f"{what} has code {operator['opcode_index']}, there are {len(codes)}"
        yield from _indices(f"{what}, inputs", operator["inputs"], len(tensors), least=-1)
        yield from _indices(f"{what}, outputs", operator["outputs"], len(tensors), least=0)
        yield from _indices(f"{what}, intermediates", operator["intermediates"], len(tensors), least=-1)
        for each in _ints(operator["inputs"]):
            if each >= 0 and each not in known:
                yield f"{what} reads tensor {each} before anything writes it"
        for each in _ints(operator["outputs"]):
            if each in written or each in _ints(graph["inputs"]):
                yield f"{what} writes tensor {each}, which is written already"
            written.add(each)
            known.add(each)
    for each in _ints(graph["outputs"]):
        if each not in known:
            yield f"{where}: nothing writes output {each}"


def _indices(what: str, found: Any, count: int, least: int) -> Iterator[str]:
    for each in _ints(found):
        if not least <= each < count:
            yield f"{what}: {each} is no tensor, there are {count}"


def _ints(found: Any) -> list[int]:
    return [] if found is None else [int(each) for each in found]


def shape_of(tensor: Record) -> tuple[int | None, ...]:
    """Lengths of the axes; ``None`` where the signature leaves one open."""
    shape = _ints(tensor["shape"])
    signature = _ints(tensor["shape_signature"])
    if len(signature) == len(shape):
        return tuple(None if open_ == -1 else length for length, open_ in zip(shape, signature, strict=True))
    return tuple(shape)


def has_data(tensor: Record, model: Record) -> bool:
    """Whether its values lie in the file."""
    buffers = model["buffers"] or []
    if tensor["buffer"] >= len(buffers):
        return False
    buffer = buffers[tensor["buffer"]]
    return bool(buffer["data"]) or buffer["offset"] > 1


def data_of(tensor: Record, model: Record, file_bytes: memoryview) -> memoryview:
    """Its bytes, in the file or behind it."""
    buffer = model["buffers"][tensor["buffer"]]
    if buffer["offset"] > 1:
        return file_bytes[buffer["offset"] : buffer["offset"] + buffer["size"]]
    return memoryview(buffer["data"] or b"")


def _tensor(what: str, tensor: Record, model: Record, file_bytes: memoryview) -> Iterator[str]:
    buffers = model["buffers"] or []
    if tensor["buffer"] >= len(buffers):
        yield f"{what} is in buffer {tensor['buffer']}, there are {len(buffers)}"
        return
    try:
        dtype = DTYPES[word("TensorType", tensor["type"])]
    except UnreadableError as problem:
        yield f"{what}: {problem}"
        return
    shape = _ints(tensor["shape"])
    if any(each < 0 for each in shape):
        yield f"{what} has shape {shape}, lengths of at least 0 are wanted"
        return
    if any(each < -1 for each in _ints(tensor["shape_signature"])):
        yield f"{what} has shape signature {_ints(tensor['shape_signature'])}, at least -1 is wanted"
    count = elements.count(tuple(shape))
    if count is None:
        yield f"{what} has shape {shape}, which has too many elements"
        return
    if has_data(tensor, model) and dtype not in _UNSIZED:
        yield from _data(what, tensor, dtype, count, len(data_of(tensor, model, file_bytes)))
    if tensor["quantization"]:
        yield from _quantization(what, tensor["quantization"], shape)


def _data(what: str, tensor: Record, dtype: str, count: int, length: int) -> Iterator[str]:
    sparsity = tensor["sparsity"]
    if sparsity:
        yield from _sparsity(what, sparsity, _ints(tensor["shape"]))
        most = elements.size_bytes(dtype, count)
        if length > most:
            yield f"{what} is sparse and holds {length} bytes, dense it would be {most}"
    elif length != elements.size_bytes(dtype, count):
        yield f"{what} holds {length} bytes, its shape and type want {elements.size_bytes(dtype, count)}"


def _sparsity(what: str, sparsity: Record, shape: list[int]) -> Iterator[str]:
    order = _ints(sparsity["traversal_order"])
    blocks = _ints(sparsity["block_map"])
    dimensions = sparsity["dim_metadata"] or []
    if sorted(order) != list(range(len(shape) + len(blocks))) or len(dimensions) != len(order):
        yield f"{what}: its sparsity goes through axes {order} of {len(shape)} with {len(dimensions)} descriptions"
        return
    if any(not 0 <= each < len(shape) for each in blocks):
        yield f"{what}: its sparsity has blocks of axes {blocks}, it has {len(shape)} axes"
    for each in dimensions:
        if word("DimensionType", each["format"]) == "SPARSE_CSR" and not (
            each["array_segments"] and each["array_indices"]
        ):
            yield f"{what}: a sparse axis lacks its segments or indices"
            continue
        if word("DimensionType", each["format"]) == "SPARSE_CSR":
            segments, indices = (
                _ints(each["array_segments"]["values"]),
                _ints(each["array_indices"]["values"]),
            )
            if not segments or segments[0] or segments != sorted(segments) or segments[-1] != len(indices):
                yield f"{what}: the segments of a sparse axis do not fit its {len(indices)} indices"
            if any(not 0 <= index < max(shape, default=0) for index in indices):
                yield f"{what}: an index of a sparse axis lies outside of it"
        elif each["dense_size"] <= 0:
            yield f"{what}: a dense axis of its sparsity has length {each['dense_size']}"


def _quantization(what: str, found: Record, shape: list[int]) -> Iterator[str]:
    scales = found["scale"] if found["scale"] is not None else np.zeros(0, np.float32)
    zero_points = found["zero_point"] if found["zero_point"] is not None else np.zeros(0, np.int64)
    if found["details"] is not None or not len(scales):
        return  # block scales lie in a tensor of their own, which is checked as any other
    if not np.isfinite(scales).all() or (scales < 0).any():
        yield f"{what} has scales that are negative or no numbers"
    if len(zero_points) not in {0, len(scales)}:
        yield f"{what} has {len(scales)} scales and {len(zero_points)} zero points"
    axis = found["quantized_dimension"]
    if len(scales) > 1 and not (0 <= axis < len(shape) and shape[axis] == len(scales)):
        yield f"{what} has {len(scales)} scales along axis {axis} of shape {shape}"


def _signature(signature: Record, graphs: list[Record]) -> Iterator[str]:
    place = signature["subgraph_index"]
    if not 0 <= place < len(graphs):
        yield f"signature {_text(signature['signature_key'])} is of subgraph {place}, there are {len(graphs)}"
        return
    count = len(graphs[place]["tensors"] or [])
    for each in [*(signature["inputs"] or []), *(signature["outputs"] or [])]:
        if not 0 <= each["tensor_index"] < count:
            name = _text(signature["signature_key"])
            yield f"signature {name} names tensor {each['tensor_index']}, there are {count}"


def _text(name: bytes | None) -> str:
    return repr((name or b"").decode(errors="replace")[:60])
