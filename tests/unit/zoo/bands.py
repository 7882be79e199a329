"""A net that needs no training: of pictures with one bright band it says which band it is; and such pictures."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from datasets.values import Part
from registry.spec import ChannelOrder, Decoding, DecodingKind, InputKind, Port, Preprocessing, Spec

BANDS, SIDE = 5, 10
NAMES = ("anna", "ben", "cleo", "dan", "eva")
PER_BAND = 4


def weights() -> np.ndarray:
    """Mean of each band of two rows: (pixels, bands)."""
    made = np.zeros((SIDE, SIDE, BANDS), np.float32)
    for band in range(BANDS):
        made[2 * band : 2 * band + 2, :, band] = 1 / (2 * SIDE)
    return made.reshape(-1, BANDS)


def part() -> Part:
    """Four pictures a band, with noise that never hides it."""
    random, labels = np.random.default_rng(6), np.repeat(np.arange(BANDS), PER_BAND)
    samples = random.integers(0, 100, (len(labels), SIDE, SIDE, 1)).astype(np.uint8)
    for row, label in enumerate(labels):
        samples[row, 2 * label : 2 * label + 2] += 120
    return Part(samples, labels.astype(np.int64), tuple(f"{row}" for row in range(len(labels))))


def spec(*, labels: tuple[str, ...] = NAMES, layout: str = "NCHW", **changed: object) -> Spec:
    """What the net takes and gives."""
    shape = (1, 1, SIDE, SIDE) if layout == "NCHW" else (1, SIDE, SIDE, 1)
    made = Spec(
        inputs=(Port("input", shape, "float32", layout),),
        outputs=(Port("output", (1, BANDS), "float32"),),
        preprocessing=Preprocessing(InputKind.IMAGE, ChannelOrder.GRAY, 1 / 255),
        decoding=Decoding(DecodingKind.TOP1, labels),
    )
    return replace(made, **changed)


def write_onnx(path: Path, matrix: np.ndarray | None = None) -> Path:
    """The net as ONNX."""
    onnx = pytest.importorskip("onnx")
    matrix = weights() if matrix is None else matrix
    helper, kind = onnx.helper, onnx.TensorProto.FLOAT
    graph = helper.make_graph(
        [
            helper.make_node("Flatten", ["input"], ["flat"]),
            helper.make_node("MatMul", ["flat", "matrix"], ["output"]),
        ],
        "bands",
        [helper.make_tensor_value_info("input", kind, (1, 1, SIDE, SIDE))],
        [helper.make_tensor_value_info("output", kind, (1, matrix.shape[1]))],
        [onnx.numpy_helper.from_array(matrix, "matrix")],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9)
    path.write_bytes(model.SerializeToString())
    return path
