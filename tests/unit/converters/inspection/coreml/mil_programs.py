"""Small Core ML models for tests, made by hand from Core ML's protobuf classes: no coremltools is imported."""

import json
import struct

import numpy as np

from converters.inspection.coreml import proto
from converters.inspection.coreml.blobs import DTYPES as BLOB_DTYPES
from converters.inspection.coreml.value_types import DTYPES

CODES = {name: code for code, name in DTYPES.items()}
BLOB_CODES = {name: code for code, name in BLOB_DTYPES.items()}
OPSETS = {6: "CoreML5", 7: "CoreML6", 8: "CoreML7", 9: "CoreML8"}
ARRAYS = {"float32": 65568, "float16": 65552, "int32": 131104}


class Weights:
    """A weight file in the MIL blob format, version 2."""

    def __init__(self):
        self.data, self.count = bytearray(64), 0

    def add(self, data, dtype, padding=0):
        """Append a blob; gives the offset of its description."""
        self.data += bytes(-len(self.data) % 64)
        at = len(self.data)
        self.data += (
            struct.pack("<2I3Q32x", 0xDEADBEEF, BLOB_CODES[dtype], len(data), at + 64, padding) + data
        )
        self.count += 1
        return at

    def bytes(self):
        struct.pack_into("<2I", self.data, 0, self.count, 2)
        return bytes(self.data)


def typed(holder, dtype, shape):
    """Fill in a ValueType; ``None`` is an open length."""
    tensor = holder.tensorType
    tensor.dataType, tensor.rank = CODES[dtype], len(shape)
    for each in shape:
        axis = tensor.dimensions.add()
        if each is None:
            axis.unknown.variadic = False
        else:
            axis.constant.size = each


def written(value, content, dtype, shape=None):
    """Fill in a Value that is written into the program."""
    if dtype == "string":
        typed(value.type, dtype, ())
        value.immediateValue.tensor.strings.values.append(content)
        return
    array = np.asarray(content)
    typed(value.type, dtype, array.shape if shape is None else shape)
    tensor, flat = value.immediateValue.tensor, array.reshape(-1).tolist()
    fields = {"int32": tensor.ints, "float32": tensor.floats, "bool": tensor.bools}
    if dtype in fields:
        fields[dtype].values.extend(flat)
    else:
        tensor.bytes.values = array.tobytes()


class Program:
    """An ML Program that grows operation by operation."""

    def __init__(self, version=7, shape=(1, 3, 8, 8), dtype="float16"):
        self.model = proto.classes("Model_pb2").Model(specificationVersion=version)
        self.weights = Weights()
        self.model.mlProgram.version = 1
        self.function = self.model.mlProgram.functions["main"]
        self.function.opset = OPSETS[version]
        self.block = self.function.block_specializations[OPSETS[version]]
        each = self.function.inputs.add(name="x")
        typed(each.type, dtype, shape)
        self.announce(self.model.description.input, "x", dtype, shape)

    @staticmethod
    def announce(features, name, dtype, shape):
        array = features.add(name=name).type.multiArrayType
        array.dataType = ARRAYS[dtype]
        array.shape.extend(1 if each is None else each for each in shape)

    def add(self, kind, outputs, inputs=None, attributes=None):
        """Append an operation: outputs as (name, dtype, shape); inputs by argument, a name or (content, dtype)."""
        operation = self.block.operations.add(type=kind)
        written(operation.attributes["name"], outputs[0][0] if outputs else kind, "string")
        for name, dtype, shape in outputs:
            typed(operation.outputs.add(name=name).type, dtype, shape)
        for argument, given in (inputs or {}).items():
            for each in given if isinstance(given, list) else [given]:
                binding = operation.inputs[argument].arguments.add()
                if isinstance(each, str):
                    binding.name = each
                else:
                    self.value(binding.value, *each)
        for argument, given in (attributes or {}).items():
            self.value(operation.attributes[argument], *given)
        return operation

    def value(self, value, content, dtype, shape=None, packed=None):
        """A value: written in, or in the weight file where ``packed`` gives its bytes."""
        if packed is None:
            written(value, content, dtype, shape)
            return
        typed(value.type, dtype, shape)
        bits = {"uint1": 1, "uint2": 2, "uint3": 3, "int4": 4, "uint4": 4, "uint6": 6}.get(dtype)
        padding = len(packed) * 8 - int(np.prod(shape)) * bits if bits else 0
        value.blobFileValue.fileName = "@model_path/weights/weight.bin"
        value.blobFileValue.offset = self.weights.add(packed, dtype, padding)

    def const(self, name, content, dtype, shape=None, packed=None):
        """Append a named constant."""
        array = np.asarray(content) if dtype != "string" else None
        lengths = shape if shape is not None else () if array is None else array.shape
        self.add("const", [(name, dtype, lengths)], attributes={"val": (content, dtype, shape, packed)})

    def give(self, *outputs):
        """Say what comes out: (name, dtype, shape)."""
        for name, dtype, shape in outputs:
            self.block.outputs.append(name)
            self.announce(self.model.description.output, name, dtype, shape)
        return self

    def save(self, folder):
        """Write the package."""
        inner = folder / "Data/com.apple.CoreML"
        (inner / "weights").mkdir(parents=True)
        (inner / "model.mlmodel").write_bytes(self.model.SerializeToString())
        (inner / "weights/weight.bin").write_bytes(self.weights.bytes())
        items = {"A": "com.apple.CoreML/model.mlmodel", "B": "com.apple.CoreML/weights"}
        manifest = {
            "fileFormatVersion": "1.0.0",
            "itemInfoEntries": {key: {"author": "tests", "path": path} for key, path in items.items()},
            "rootModelIdentifier": "A",
        }
        (folder / "Manifest.json").write_text(json.dumps(manifest))
        return folder


def half(*shape):
    return np.random.RandomState(0).randn(*shape).astype(np.float16)


def steering(program, kernel=2):
    """The constants that a convolution takes."""
    program.const("pad_type", "custom", "string")
    program.const("pad", np.array([1] * 2 * kernel, np.int32), "int32")
    program.const("strides", np.array([2] * kernel, np.int32), "int32")
    program.const("dilations", np.array([1] * kernel, np.int32), "int32")
    program.const("groups", np.int32(1), "int32")
    return {each: each for each in ("pad_type", "pad", "strides", "dilations", "groups")}


def convolution(version=7, batch=1, weight=None):
    """A convolution and a rectifier; ``weight`` puts the weight into the program under the name ``w``."""
    program = Program(version, (batch, 3, 8, 8))
    given = steering(program)
    if weight is None:
        program.const("w", None, "float16", (4, 3, 3, 3), half(4, 3, 3, 3).tobytes())
    else:
        weight(program)
    program.const("b", None, "float16", (4,), half(4).tobytes())
    program.add("conv", [("c", "float16", (batch, 4, 4, 4))], {"x": "x", "weight": "w", "bias": "b", **given})
    program.add("relu", [("y", "float16", (batch, 4, 4, 4))], {"x": "c"})
    return program.give(("y", "float16", (batch, 4, 4, 4)))


SHAPE = (4, 3, 3, 3)
ELEMENTS = 108


def pack(numbers, bits):
    flat = np.unpackbits(np.asarray(numbers, np.uint8).reshape(-1, 1), axis=1, bitorder="little")[:, :bits]
    return np.packbits(flat.reshape(-1), bitorder="little").tobytes()


def affine(program):
    """int8 per channel, with zero points: iOS 16."""
    numbers = np.random.RandomState(1).randint(-3, 4, SHAPE).astype(np.int8)
    program.add(
        "constexpr_affine_dequantize",
        [("w", "float16", SHAPE)],
        attributes={
            "quantized_data": (None, "int8", SHAPE, numbers.tobytes()),
            "zero_point": (np.array([0, 1, 2, 3], np.int8), "int8"),
            "scale": (half(4), "float16"),
            "axis": (np.int32(0), "int32"),
        },
    )


def palette(program, bits=4):
    """Indices into one codebook: iOS 16."""
    numbers = np.random.RandomState(1).randint(0, 2**bits, ELEMENTS)
    book = np.arange(2**bits).astype(np.float16)
    packed = pack(numbers, bits)
    program.add(
        "constexpr_lut_to_dense",
        [("w", "float16", SHAPE)],
        attributes={
            "indices": (None, "uint8", (len(packed),), packed),
            "lut": (book, "float16"),
            "shape": (np.array(SHAPE, np.uint32), "uint32"),
        },
    )


def sparse(program):
    """Values where a mask is set: iOS 16."""
    mask = np.random.RandomState(1).randint(0, 2, ELEMENTS)
    present = int(mask.sum())
    packed = np.packbits(mask, bitorder="little").tobytes()
    program.add(
        "constexpr_sparse_to_dense",
        [("w", "float16", SHAPE)],
        attributes={
            "nonzero_data": (None, "float16", (present,), np.ones(present, np.float16).tobytes()),
            "mask": (None, "uint8", (len(packed),), packed),
            "shape": (np.array(SHAPE, np.uint32), "uint32"),
        },
    )


def blockwise(program, scales=(4, 1, 1, 1), offset=True):
    """int4 with a scale for each block: iOS 18."""
    numbers = np.random.RandomState(1).randint(0, 16, ELEMENTS)
    count = int(np.prod(scales))
    inputs = {
        "data": (None, "uint4", SHAPE, pack(numbers, 4)),
        "scale": (half(*scales), "float16"),
    }
    if offset:
        inputs["offset"] = (None, "uint4", scales, pack(np.arange(count) % 16, 4))
    program.add("constexpr_blockwise_shift_scale", [("w", "float16", SHAPE)], inputs)


def grouped_palette(program, groups=2, bits=2, vector=1):
    """A codebook for each group of channels: iOS 18."""
    shape = (SHAPE[0] // vector, *SHAPE[1:])
    numbers = np.random.RandomState(1).randint(0, 2**bits, int(np.prod(shape)))
    books = np.arange(groups * 2**bits * vector).astype(np.float16).reshape(groups, 1, 1, 1, 2**bits, vector)
    inputs = {"indices": (None, f"uint{bits}", shape, pack(numbers, bits)), "lut": (books, "float16")}
    if vector > 1:
        inputs["vector_axis"] = (np.int32(0), "int32")
    program.add("constexpr_lut_to_dense", [("w", "float16", SHAPE)], inputs)


def sparse_palette(program, bits=2):
    """Codebook indices where a mask is set: iOS 18, two operations."""
    mask = np.random.RandomState(1).randint(0, 2, ELEMENTS)
    present = int(mask.sum())
    numbers = np.random.RandomState(2).randint(0, 2**bits, present)
    books = np.arange(2**bits).astype(np.float16).reshape(1, 1, 1, 1, 2**bits, 1)
    program.add(
        "constexpr_lut_to_sparse",
        [("wm", "uint1", SHAPE), ("wn", "float16", (present,))],
        {
            "indices_mask": (None, "uint1", SHAPE, pack(mask, 1)),
            "indices_nonzero_data": (None, f"uint{bits}", (present,), pack(numbers, bits)),
            "lut": (books, "float16"),
        },
    )
    program.add("constexpr_sparse_to_dense", [("w", "float16", SHAPE)], {"nonzero_data": "wn", "mask": "wm"})


def sparse_blocks(program):
    """int8 where a mask is set: iOS 18, two operations."""
    mask = np.random.RandomState(1).randint(0, 2, ELEMENTS)
    present = int(mask.sum())
    numbers = np.random.RandomState(2).randint(-2, 3, present).astype(np.int8)
    program.add(
        "constexpr_sparse_blockwise_shift_scale",
        [("wm", "uint1", SHAPE), ("wn", "float16", (present,))],
        {
            "data_mask": (None, "uint1", SHAPE, pack(mask, 1)),
            "nonzero_data": (None, "int8", (present,), numbers.tobytes()),
            "scale": (half(4, 1, 1, 1), "float16"),
        },
    )
    program.add("constexpr_sparse_to_dense", [("w", "float16", SHAPE)], {"nonzero_data": "wn", "mask": "wm"})


COMPRESSED = {
    "affine": (7, affine), "palette": (7, palette), "sparse": (7, sparse), "blockwise": (9, blockwise),
    "grouped palette": (9, grouped_palette), "sparse palette": (9, sparse_palette), "sparse blocks": (9, sparse_blocks),
}  # fmt: skip


def states():
    """A state that is read, added to and written."""
    program = Program(9, (4,))
    each = program.function.inputs.add(name="sum")
    typed(each.type.stateType.wrappedType, "float16", (4,))
    array = program.model.description.state.add(name="sum").type.stateType.arrayType
    array.dataType = ARRAYS["float16"]
    array.shape.append(4)
    program.add("read_state", [("before", "float16", (4,))], {"input": "sum"})
    program.add("add", [("y", "float16", (4,))], {"x": "before", "y": "x"})
    program.add("write_state", [], {"input": "sum", "data": "y"})
    return program.give(("y", "float16", (4,)))


def network():
    """An older network: convolution, activation, dense layer, weights inside."""
    model = proto.classes("Model_pb2").Model(specificationVersion=4)
    Program.announce(model.description.input, "image", "float32", (1, 3, 8, 8))
    Program.announce(model.description.output, "y", "float32", (1, 10))
    net = model.neuralNetwork
    net.arrayInputShapeMapping = 1
    conv = net.layers.add(name="conv", input=["image"], output=["c"]).convolution
    conv.outputChannels, conv.kernelChannels, conv.nGroups, conv.hasBias = 4, 3, 1, True
    conv.kernelSize.extend([3, 3])
    conv.stride.extend([2, 2])
    conv.dilationFactor.extend([1, 1])
    for _ in range(2):
        border = conv.valid.paddingAmounts.borderAmounts.add()
        border.startEdgeSize = border.endEdgeSize = 1
    conv.weights.floatValue.extend([0.0, *range(1, ELEMENTS)])
    conv.bias.floatValue.extend(range(4))
    net.layers.add(name="relu", input=["c"], output=["r"]).activation.ReLU.SetInParent()
    net.layers.add(name="flat", input=["r"], output=["f"]).reshapeStatic.targetShape.extend([1, 64])
    dense = net.layers.add(name="dense", input=["f"], output=["y"]).innerProduct
    dense.inputChannels, dense.outputChannels = 64, 10
    dense.weights.float16Value = half(10, 64).tobytes()
    return model
