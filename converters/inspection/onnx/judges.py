"""What the onnx package itself says of a model: its checker, and its shape inference.

Both are C++ behind a serialized copy, so they get the model without its large weights; those stay as inputs of the same
name, type and shape, which is all that either needs to know of them.
"""

from dataclasses import dataclass
from typing import Any

import onnx
import onnx.checker
import onnx.inliner
import onnx.shape_inference

from converters.inspection.onnx.versions import STANDARD
from converters.inspection.reading import UnreadableError

SMALL_BYTES = 4_096  # initializers up to this length may give shapes, so inference sees their values
SHOWN = 400  # characters of another library's message


@dataclass(frozen=True, slots=True)
class Judged:
    """A model that checker and inference accept.

    Attributes:
        model: the ModelProto without large weights, functions in their place, ``value_info`` inferred.
        batch_1: the same with the open first axes of its inputs taken as 1; ``None`` where none is open.
        warnings: where declared and inferred shapes differ.
    """

    model: Any
    batch_1: Any
    warnings: tuple[str, ...]


def judge(model: Any) -> Judged:
    """Check a model and infer its shapes.

    Raises:
        UnreadableError: the checker refuses it, or shapes contradict each other.
    """
    light = _light(model)
    try:
        onnx.checker.check_model(light)
        if light.functions:
            light = onnx.inliner.inline_local_functions(light)
    except (onnx.checker.ValidationError, RuntimeError) as problem:
        raise UnreadableError([f"onnx's checker: {_line(problem)}"]) from problem
    declared = {each.name: each.type.tensor_type for each in light.graph.value_info}
    _forget(light)
    warnings = []
    try:
        inferred = _infer(light)
    except onnx.shape_inference.InferenceError as problem:
        for each in light.graph.output:
            each.type.tensor_type.ClearField("shape")
        try:
            inferred = _infer(light)
        except onnx.shape_inference.InferenceError:
            raise UnreadableError([f"onnx's shape inference: {_line(problem)}"]) from problem
        warnings.append(f"an output has another shape than it announces: {_line(problem)}")
    wrong = [
        each.name
        for each in inferred.graph.value_info
        if each.name in declared and _contradict(declared[each.name], each.type.tensor_type)
    ]
    if wrong:
        warnings.append(
            f"{len(wrong):,} values have other shapes than they announce, such as '{wrong[0][:80]}'"
        )
    return Judged(inferred, _batch_1(light), tuple(warnings))


def _batch_1(light: Any) -> Any:
    """Infer shapes once more at a batch of one; ``None`` where no batch is open, or the graph does not take one."""
    opened = False
    for each in light.graph.input:
        axes = each.type.tensor_type.shape.dim
        if axes and not axes[0].HasField("dim_value"):
            axes[0].dim_value = 1
            opened = True
    if not opened:
        return None
    for each in light.graph.output:
        each.type.tensor_type.ClearField("shape")
    try:
        return _infer(light)
    except onnx.shape_inference.InferenceError:
        return None


def _infer(model: Any) -> Any:
    return onnx.shape_inference.infer_shapes(model, check_type=True, strict_mode=True, data_prop=True)


def _line(problem: Exception) -> str:
    text = " ".join(str(problem).split())
    return text if len(text) <= SHOWN else text[: SHOWN - 3] + "..."


def _light(model: Any) -> Any:
    """Copy a model without large initializers and without texts."""
    light = onnx.ModelProto(ir_version=model.ir_version)
    for name in ("opset_import", "functions"):
        getattr(light, name).extend(getattr(model, name))
    light.graph.name = model.graph.name or "graph"
    for name in ("node", "input", "output", "value_info"):
        getattr(light.graph, name).extend(getattr(model.graph, name))
    large = [(each.values.name, each.values.data_type, each.dims) for each in model.graph.sparse_initializer]
    for tensor in model.graph.initializer:
        if tensor.data_location != onnx.TensorProto.EXTERNAL and tensor.ByteSize() <= SMALL_BYTES:
            light.graph.initializer.append(tensor)
        else:
            large.append((tensor.name, tensor.data_type, tensor.dims))
    inputs = {each.name for each in light.graph.input}
    light.graph.input.extend(
        onnx.helper.make_tensor_value_info(*each) for each in large if each[0] not in inputs
    )
    return light


def _forget(model: Any) -> None:
    """Drop declared shapes that inference gives anew; of operators it does not know, they are all there is."""
    foreign = {name for node in model.graph.node if node.domain not in STANDARD for name in node.output}
    kept = [each for each in model.graph.value_info if each.name in foreign]
    del model.graph.value_info[:]
    model.graph.value_info.extend(kept)


def _contradict(declared: Any, inferred: Any) -> bool:
    if not declared.HasField("shape") or not inferred.HasField("shape"):
        return False
    have, want = declared.shape.dim, inferred.shape.dim
    return len(have) != len(want) or any(
        one.HasField("dim_value") and other.HasField("dim_value") and one.dim_value != other.dim_value
        for one, other in zip(have, want, strict=True)
    )
