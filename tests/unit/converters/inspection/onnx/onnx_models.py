"""Small ONNX models for tests, each a ModelProto made by hand."""

import numpy as np
from onnx import TensorProto as T
from onnx import helper as h
from onnx import numpy_helper as nh


def value(name, shape, kind=T.FLOAT):
    return h.make_tensor_value_info(name, kind, shape)


def floats(*shape):
    return np.random.RandomState(0).randn(*shape).astype(np.float32)


def model(nodes, inputs, outputs, constants=(), opset=17, ir=8, imports=None, **more):
    graph = h.make_graph(nodes, "net", inputs, outputs, list(constants), **more.pop("graph", {}))
    imports = imports or [h.make_opsetid("", opset)]
    return h.make_model(graph, opset_imports=imports, ir_version=ir, producer_name="tests", **more)


def convolution(batch=1):
    """Convolution, pooling, reshape, dense."""
    return model(
        [
            h.make_node("Conv", ["x", "w", "b"], ["c"], name="conv", pads=[1, 1, 1, 1], strides=[2, 2]),
            h.make_node("Relu", ["c"], ["r"]),
            h.make_node("MaxPool", ["r"], ["p"], kernel_shape=[2, 2], strides=[2, 2]),
            h.make_node("Reshape", ["p", "s"], ["f"]),
            h.make_node("Gemm", ["f", "gw", "gb"], ["y"], transB=1),
        ],
        [value("x", [batch, 3, 8, 8])],
        [value("y", [batch, 5])],
        [
            nh.from_array(floats(4, 3, 3, 3), "w"),
            nh.from_array(floats(4), "b"),
            nh.from_array(np.array([-1, 16], np.int64), "s"),
            nh.from_array(floats(5, 16), "gw"),
            nh.from_array(floats(5), "gb"),
        ],
    )


def int4(scale_shape=(4,), block_size=0):
    """A convolution whose weight is stored as int4."""
    numbers = np.random.RandomState(0).randint(-7, 8, 4 * 3 * 3 * 3)
    more = {"block_size": block_size} if block_size else {}
    return model(
        [
            h.make_node("DequantizeLinear", ["w", "scale"], ["wf"], axis=0, **more),
            h.make_node("Conv", ["x", "wf"], ["y"], pads=[1, 1, 1, 1]),
        ],
        [value("x", [1, 3, 8, 8])],
        [value("y", [1, 4, 8, 8])],
        [
            h.make_tensor("w", T.INT4, (4, 3, 3, 3), numbers.tolist()),
            nh.from_array(np.abs(floats(*scale_shape)), "scale"),
        ],
        opset=21,
        ir=10,
    )


def integer_convolution():
    """QLinearConv: int8 weights per channel, with zero points."""
    constants = {
        "xs": np.float32(0.1),
        "xz": np.uint8(3),
        "w": np.random.RandomState(0).randint(-5, 5, (2, 3, 3, 3)).astype(np.int8),
        "ws": np.array([0.1, 0.2], np.float32),
        "wz": np.array([0, 1], np.int8),
        "ys": np.float32(0.3),
        "yz": np.uint8(0),
    }
    return model(
        [
            h.make_node("QuantizeLinear", ["x", "xs", "xz"], ["xq"]),
            h.make_node("QLinearConv", ["xq", "xs", "xz", "w", "ws", "wz", "ys", "yz"], ["yq"]),
            h.make_node("DequantizeLinear", ["yq", "ys", "yz"], ["y"]),
        ],
        [value("x", [1, 3, 4, 4])],
        [value("y", [1, 2, 2, 2])],
        [nh.from_array(np.asarray(each), name) for name, each in constants.items()],
    )


def branches():
    """A condition with a weight in one branch, and a constant node."""
    then = h.make_graph(
        [h.make_node("Add", ["x", "k"], ["t"])],
        "then",
        [],
        [value("t", [2])],
        [nh.from_array(floats(2), "k")],
    )
    other = h.make_graph([h.make_node("Neg", ["x"], ["e"])], "else", [], [value("e", [2])])
    return model(
        [
            h.make_node("If", ["c"], ["y"], then_branch=then, else_branch=other),
            h.make_node("Constant", [], ["q"], value_floats=[1.0, 0.0]),
            h.make_node("Mul", ["y", "q"], ["z"]),
        ],
        [value("x", [2]), value("c", [], T.BOOL)],
        [value("z", [2])],
    )


def function(nodes=None):
    """A local function."""
    nodes = nodes or [h.make_node("Add", ["a", "a"], ["b"])]
    imports = [h.make_opsetid("", 17), h.make_opsetid("mine", 1)]
    twice = h.make_function("mine", "Twice", ["a"], ["b"], nodes, imports)
    node = h.make_node("Twice", ["x"], ["y"], domain="mine")
    return model([node], [value("x", [2, 3])], [value("y", [2, 3])], imports=imports, functions=[twice])


def recurrent():
    """An LSTM whose batch is open, on its second axis."""
    return model(
        [h.make_node("LSTM", ["t", "w", "r", "b"], ["y", "", ""], hidden_size=4),
         h.make_node("Transpose", ["x"], ["t"], perm=[1, 0, 2])][::-1],
        [value("x", ["batch", 5, 3])],
        [value("y", [5, 1, "batch", 4])],
        [nh.from_array(floats(1, 16, 3), "w"), nh.from_array(floats(1, 16, 4), "r"), nh.from_array(floats(1, 32), "b")],
    )  # fmt: skip


def sparse(indices=(0, 3, 5), dims=(2, 3)):
    """A sparse initializer."""
    values = h.make_tensor("w", T.FLOAT, [len(indices)], [1.0] * len(indices))
    places = h.make_tensor("places", T.INT64, [len(indices)], list(indices))
    held = h.make_sparse_tensor(values, places, list(dims))
    node = h.make_node("MatMul", ["x", "w"], ["y"])
    more = {"graph": {"sparse_initializer": [held]}}
    return model([node], [value("x", [4, 2])], [value("y", [4, 3])], opset=13, ir=7, **more)


def blocks_of_bits():
    """ONNX Runtime's own product with a weight of 4 bits."""
    packed = np.random.RandomState(0).randint(0, 255, (8, 1, 16)).astype(np.uint8)
    node = h.make_node(
        "MatMulNBits", ["x", "w", "s"], ["y"], domain="com.microsoft", K=32, N=8, bits=4, block_size=32
    )
    return model(
        [node],
        [value("x", ["batch", 32])],
        [value("y", ["batch", 8])],
        [nh.from_array(packed, "w"), nh.from_array(np.abs(floats(8)), "s")],
        imports=[h.make_opsetid("", 17), h.make_opsetid("com.microsoft", 1)],
    )


def unknown_operator():
    """An operator that only an app has."""
    imports = [h.make_opsetid("", 17), h.make_opsetid("app", 1)]
    node = h.make_node("Secret", ["x"], ["y"], domain="app")
    return model([node], [value("x", [2])], [value("y", [2])], imports=imports)


ALL = {
    "convolution": convolution, "int4": int4, "integer convolution": integer_convolution, "branches": branches,
    "function": function, "recurrent": recurrent, "sparse": sparse, "blocks of bits": blocks_of_bits,
}  # fmt: skip
