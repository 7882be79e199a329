"""Which ONNX Runtime takes which model: the table against the runtime that is installed."""

from importlib.metadata import version

import pytest

onnx = pytest.importorskip("onnx", reason="onnx comes with the extra 'inspect'")

from converters.inspection import onnx as reader  # noqa: E402
from converters.inspection.onnx import versions  # noqa: E402
from tests.unit.converters.inspection.onnx import onnx_models as models  # noqa: E402

pytestmark = pytest.mark.convert


def release(text):
    return tuple(map(int, text.split(".")[:2]))


@pytest.mark.parametrize("table", [versions.OPSETS, versions.IR_VERSIONS])
def test_newer_versions_need_newer_runtimes(table):
    releases = [release(table[each]) for each in sorted(table)]
    assert releases == sorted(releases)


@pytest.mark.parametrize("opset", [8, 13, 17, 21, 23, 26, 28])
def test_the_installed_runtime_takes_what_the_table_says(tmp_path, opset):
    node = onnx.helper.make_node("Relu", ["x"], ["y"])
    model = models.model([node], [models.value("x", [2])], [models.value("y", [2])], opset=opset)
    (tmp_path / "m.onnx").write_bytes(model.SerializeToString())
    needed = reader.read(tmp_path / "m.onnx").minimum["runtime"].removeprefix("onnxruntime ")
    if release(needed) <= release(version("onnxruntime")):
        assert reader.load(tmp_path / "m.onnx").loaded


def test_the_ir_version_may_need_more_than_the_opset(tmp_path):
    node = onnx.helper.make_node("Relu", ["x"], ["y"])
    model = models.model([node], [models.value("x", [2])], [models.value("y", [2])], opset=13, ir=11)
    (tmp_path / "m.onnx").write_bytes(model.SerializeToString())
    assert reader.read(tmp_path / "m.onnx").minimum["runtime"] == "onnxruntime 1.23"
