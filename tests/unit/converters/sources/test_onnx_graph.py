"""ONNX files become torch modules that give what ONNX Runtime gives, or say in words why not."""

import sys
from pathlib import Path

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="torch comes with the extra 'convert'")
onnx = pytest.importorskip("onnx", reason="onnx comes with the extra 'convert'")
ort = pytest.importorskip("onnxruntime", reason="onnxruntime comes with the extra 'convert'")
from onnx import helper, numpy_helper  # noqa: E402

from converters.sources.base import Port  # noqa: E402
from converters.sources.onnx_graph import rebuild  # noqa: E402
from converters.sources.onnx_ops.table import COVERED  # noqa: E402

sys.path.insert(0, str(Path(__file__).parent))
from onnx_cases import CASES, ON_CONSTANTS  # noqa: E402

pytestmark = pytest.mark.convert


def _info(name, array):
    return helper.make_tensor_value_info(name, helper.np_dtype_to_tensor_dtype(array.dtype), array.shape)


def _model(case):
    """One node: what varies are inputs, what does not initializers."""
    names = [f"x{place}" for place in range(len(case.inputs))]
    constants = [None if each is None else f"c{place}" for place, each in enumerate(case.constants)]
    outputs = [f"y{place}" for place in range(case.outputs)]
    node = helper.make_node(
        case.op, [*names, *(each or "" for each in constants)], outputs, **case.attributes
    )
    graph = helper.make_graph(
        [node], "case",
        [_info(name, array) for name, array in zip(names, case.inputs, strict=True)],
        [helper.make_empty_tensor_value_info(each) for each in outputs],
        [numpy_helper.from_array(np.asarray(array), name) for name, array in zip(constants, case.constants, strict=True)
         if name],
    )  # fmt: skip
    return _whole(graph, case.opset)


def _whole(graph, opset=21):
    made = helper.make_model(
        graph, opset_imports=[helper.make_opsetid("", opset)], ir_version=min(10, 4 + opset // 2)
    )
    return onnx.shape_inference.infer_shapes(made)


def _with_runtime(model, arrays):
    options = ort.SessionOptions()
    options.log_severity_level = 4
    options.intra_op_num_threads = 1
    session = ort.InferenceSession(model.SerializeToString(), options, providers=["CPUExecutionProvider"])
    return session.run(
        None, {each.name: array for each, array in zip(session.get_inputs(), arrays, strict=True)}
    )


@pytest.mark.parametrize("case", CASES, ids=str)
def test_an_operator_gives_what_onnx_runtime_gives(case):
    model = _model(case)
    ports = [Port(f"x{place}", each.shape, str(each.dtype)) for place, each in enumerate(case.inputs)]
    module = rebuild(model, ports)
    with torch.no_grad():
        found = module(*(torch.from_numpy(each) for each in case.inputs))
    for want, have in zip(_with_runtime(model, case.inputs), found, strict=True):
        assert have.shape == want.shape
        assert have.numpy().dtype == want.dtype
        np.testing.assert_allclose(have.numpy(), want, rtol=1e-4, atol=1e-5)


def test_every_operator_of_the_table_has_a_case():
    assert {each.op for each in CASES} | set(ON_CONSTANTS) == set(COVERED)
