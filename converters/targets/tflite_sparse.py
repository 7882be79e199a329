"""Sparse weights in TFLite: zeros are left out of the file, DENSIFY puts them back when it is loaded.

The last axis of a weight is stored as compressed sparse rows (``SPARSE_CSR``), all others stay dense, as the schema's
``SparsityParameters`` describe. At run time the weight is dense again: this saves download, not latency (XNNPACK's
sparse kernels take nets of 1x1 convolutions only).
"""

from typing import Any

import numpy as np
from ai_edge_litert import schema_py_generated as schema

from converters.targets import flatbuffer
from converters.targets.base import Array


def sparsify(model: Any) -> Any:
    """Store every weight sparsely that becomes smaller by it."""
    for slot in list(flatbuffer.weights(model)):
        data = model.buffers[slot.tensor.buffer].data
        dense = np.frombuffer(bytes(data), np.float32).reshape(tuple(slot.tensor.shape))
        values, segments, indices = _rows(dense)
        if values.nbytes + segments.nbytes + indices.nbytes >= dense.nbytes:
            continue
        model.buffers[slot.tensor.buffer].data = values.view(np.uint8)
        slot.tensor.sparsity = _parameters(dense.shape, segments, indices)
        _densify_before(model, slot)
    return model


def _rows(dense: Array) -> tuple[Array, Array, Array]:
    """Values, row starts and column indices of the last axis."""
    rows = dense.reshape(-1, dense.shape[-1])
    filled = rows != 0
    segments = np.concatenate([[0], np.cumsum(filled.sum(axis=1))])
    columns = np.nonzero(filled)[1]
    return (
        np.ascontiguousarray(rows[filled]),
        segments.astype(_narrowest(int(segments[-1]))),
        columns.astype(_narrowest(rows.shape[1])),
    )


def _narrowest(largest: int) -> type[np.generic]:
    return np.uint8 if largest < 2**8 else np.uint16 if largest < 2**16 else np.int32


_VECTORS = {
    np.dtype(np.uint8): (schema.SparseIndexVector.Uint8Vector, schema.Uint8VectorT),
    np.dtype(np.uint16): (schema.SparseIndexVector.Uint16Vector, schema.Uint16VectorT),
    np.dtype(np.int32): (schema.SparseIndexVector.Int32Vector, schema.Int32VectorT),
}


def _parameters(shape: tuple[int, ...], segments: Array, indices: Array) -> Any:
    made = schema.SparsityParametersT()
    made.traversalOrder = list(range(len(shape)))
    made.dimMetadata = []
    for place, length in enumerate(shape):
        dimension = schema.DimensionMetadataT()
        if place < len(shape) - 1:
            dimension.format, dimension.denseSize = schema.DimensionType.DENSE, length
        else:
            dimension.format = schema.DimensionType.SPARSE_CSR
            dimension.arraySegmentsType, dimension.arraySegments = _vector(segments)
            dimension.arrayIndicesType, dimension.arrayIndices = _vector(indices)
        made.dimMetadata.append(dimension)
    return made


def _vector(values: Array) -> tuple[int, Any]:
    kind, vector = _VECTORS[values.dtype]
    made = vector()
    made.values = values
    return kind, made


def _densify_before(model: Any, slot: flatbuffer.WeightSlot) -> None:
    dense = flatbuffer.insert_before(
        model,
        slot,
        schema.BuiltinOperator.DENSIFY,
        schema.BuiltinOptions.DensifyOptions,
        schema.DensifyOptionsT(),
    )
    dense.name = (slot.tensor.name or b"") + b"_dense"
