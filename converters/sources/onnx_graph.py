"""Sources that are ONNX files: rebuilt as a torch module where every operator can be, and run by ONNX Runtime."""

import hashlib
import re
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from types import MappingProxyType
from typing import Any

import numpy as np
import onnx
import torch
from onnx import numpy_helper

from converters.sources.base import Array, Port, Source, SourceKind
from converters.sources.lowering.builder import Lowering, Node, NotCoveredError, Value
from converters.sources.lowering.proving import differs, examples
from converters.sources.onnx_ops.quantizing import REFUSED
from converters.sources.onnx_ops.table import COVERED
from converters.sources.torch_modules import Flat
from zoo.errors import BadSourceError

FIRST_OPSET, LAST_OPSET = 9, 25
_SILENT = 4


def from_onnx(path: Path) -> Source:
    """Read an ONNX file. ONNX Runtime runs it; a torch module is rebuilt from it for the other formats.

    Where the module cannot be rebuilt, or does not give what ONNX Runtime gives, `Source.no_module` says why, and the
    file can still become ONNX. A symbolic batch becomes 1.

    Raises:
        BadSourceError: it cannot be read or run, an input has another symbolic axis, or its opset is not covered.
    """
    try:
        model = onnx.load(path)
    except Exception as problem:  # its parser and its reader of external data raise what they like
        raise BadSourceError(f"'{path}' cannot be read as ONNX: {_one_line(problem)}") from problem
    inputs = _inputs(model, path)
    run = _session(path)
    try:
        outputs = run(examples(inputs))
    except Exception as problem:  # ONNX Runtime's exceptions have no common base
        raise BadSourceError(f"'{path}' does not run in ONNX Runtime: {_one_line(problem)}") from problem
    module, reason = _module(model, inputs, run)
    return Source(
        name=re.sub(r"[^\w.-]+", "-", path.stem),
        kind=SourceKind.ONNX,
        origin=str(path),
        sha256=hashlib.sha256(path.read_bytes()).hexdigest(),
        inputs=inputs,
        outputs=tuple(
            Port(each.name, array.shape, str(array.dtype))
            for each, array in zip(model.graph.output, outputs, strict=True)
        ),
        run=run,
        module=module,
        no_module=reason,
        onnx=path,
    )


def _session(path: Path) -> Callable[[Sequence[Array]], list[Array]]:
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    options.log_severity_level = _SILENT
    try:
        session = onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
    except Exception as problem:  # as above
        raise BadSourceError(f"'{path}' does not load in ONNX Runtime: {_one_line(problem)}") from problem
    names = [each.name for each in session.get_inputs()]

    def run(arrays: Sequence[Array]) -> list[Array]:
        feed = {name: np.ascontiguousarray(each) for name, each in zip(names, arrays, strict=True)}
        return [np.asarray(each) for each in session.run(None, feed)]

    return run


def _inputs(model: Any, path: Path) -> tuple[Port, ...]:
    """Its inputs that are no weights, with a batch of 1 where it is symbolic."""
    weights = {each.name for each in model.graph.initializer}
    ports = []
    for each in model.graph.input:
        if each.name in weights:
            continue
        kind = each.type.tensor_type
        if not each.type.HasField("tensor_type") or not kind.HasField("shape"):
            raise BadSourceError(f"'{path}' takes '{each.name}', which is no tensor of known shape")
        lengths = [
            axis.dim_value if axis.HasField("dim_value") else axis.dim_param or "?" for axis in kind.shape.dim
        ]
        shape = [
            1 if place == 0 and not isinstance(length, int) else length
            for place, length in enumerate(lengths)
        ]
        if not all(isinstance(length, int) and length > 0 for length in shape):
            raise BadSourceError(
                f"'{path}' takes '{each.name}' of shape ({', '.join(map(str, lengths))}), and only the first axis may "
                "be open. Fix the others: python -m onnxruntime.tools.make_dynamic_shape_fixed "
                f"--input_name '{each.name}' --input_shape 1,... IN.onnx OUT.onnx"
            )
        dtype = onnx.helper.tensor_dtype_to_np_dtype(kind.elem_type)
        ports.append(Port(each.name, tuple(map(int, shape)), str(dtype)))
    return tuple(ports)


def _module(
    model: Any, inputs: Sequence[Port], run: Callable[[Sequence[Array]], list[Array]]
) -> tuple[Any, str]:
    """The module, or why there is none."""
    try:
        module = Flat(rebuild(model, inputs), is_graph=False)
        problem = differs(module, run, inputs)
    except NotCoveredError as found:
        return None, str(found)
    return (None, problem) if problem else (module, "")


def rebuild(model: Any, inputs: Sequence[Port]) -> Any:
    """Build a torch module of an ONNX model whose inputs have fixed shapes.

    Raises:
        NotCoveredError: an operator, or something that one is told, is not covered.
    """
    opset = max((each.version for each in model.opset_import if each.domain in {"", "ai.onnx"}), default=0)
    if not FIRST_OPSET <= opset <= LAST_OPSET:
        raise NotCoveredError(f"it is of opset {opset}, and {FIRST_OPSET} to {LAST_OPSET} are covered")
    if model.functions:
        model = onnx.inliner.inline_local_functions(model)
    lower = Lowering()
    values = {
        port.name: lower.input(port.name, torch.from_numpy(array))
        for port, array in zip(inputs, examples(inputs), strict=True)
    }
    walk = _Walk(lower, opset)
    walk.follow(model.graph, values)
    return lower.finish([values[each.name] for each in model.graph.output])


class _Walk:
    """Follows the nodes of a graph, and those of branches that a constant chooses."""

    def __init__(self, lower: Lowering, opset: int) -> None:
        self._lower, self._opset = lower, opset

    def follow(self, graph: Any, values: dict[str, Value]) -> None:
        """Compute every value of ``graph`` and add it to ``values``."""
        for each in graph.initializer:
            values[each.name] = self._lower.constant(_tensor(each), each.name)
        for each in graph.sparse_initializer:
            values[each.values.name] = self._lower.constant(_dense(each), each.values.name)
        for proto in graph.node:
            made = self._apply(proto, values)
            values.update(zip(proto.output, made, strict=False))

    def _apply(self, proto: Any, values: Mapping[str, Value]) -> Sequence[Value]:
        label = f"{proto.op_type} (node '{proto.name or proto.output[0]}')"
        if proto.domain not in {"", "ai.onnx"}:
            raise NotCoveredError(
                f"it uses {proto.domain}.{label}, and only ONNX's own operators are covered"
            )
        try:
            if proto.op_type == "If":
                return self._branch(proto, values)
            if proto.op_type not in COVERED:
                told = REFUSED.get(proto.op_type, f"covered are {', '.join(sorted(COVERED))}")
                raise NotCoveredError(told)  # noqa: TRY301 - said with the others
            attributes = {each.name: _attribute(each) for each in proto.attribute}
            node = Node(
                proto.op_type, proto.name or proto.output[0], attributes, self._opset, len(proto.output)
            )
            given = [values[name] if name else None for name in proto.input]
            made = COVERED[proto.op_type](self._lower, node, *given)
        except NotCoveredError as problem:
            raise NotCoveredError(f"it uses {label}: {problem}") from problem
        except KeyError as problem:
            raise NotCoveredError(
                f"it uses {label}, whose input {problem} nothing gives that is covered"
            ) from problem
        return [made] if isinstance(made, Value) else list(made)

    def _branch(self, proto: Any, values: Mapping[str, Value]) -> Sequence[Value]:
        chosen = bool(self._lower.known(values[proto.input[0]], "condition").item())
        branches = {each.name: each.g for each in proto.attribute}
        graph = branches["then_branch" if chosen else "else_branch"]
        inside = dict(values)
        self.follow(graph, inside)
        return [inside[each.name] for each in graph.output]


def _attribute(proto: Any) -> Any:
    value = onnx.helper.get_attribute_value(proto)
    match value:
        case bytes():
            return value.decode(errors="replace")
        case onnx.TensorProto():
            return _tensor(value)
        case [bytes(), *_]:
            return [each.decode(errors="replace") for each in value]
        case _:
            return value


_WIDENED = MappingProxyType(
    {"int4": np.int8, "uint4": np.uint8, "int2": np.int8, "uint2": np.uint8, "bfloat16": np.float32}
)
"""Types that numpy has only by extension, and one that holds them."""


def _tensor(proto: Any) -> torch.Tensor:
    array = numpy_helper.to_array(proto)
    array = array.astype(_WIDENED.get(array.dtype.name, array.dtype))
    try:
        return torch.from_numpy(array.copy())
    except TypeError as problem:
        raise NotCoveredError(f"'{proto.name}' holds {array.dtype}, which torch does not take") from problem


def _dense(proto: Any) -> torch.Tensor:
    values, places = _tensor(proto.values), _tensor(proto.indices).long()
    made = torch.zeros(list(proto.dims), dtype=values.dtype)
    if places.ndim == 1:
        made.view(-1)[places] = values
    else:
        made[places.unbind(1)] = values
    return made


def _one_line(problem: Exception) -> str:
    return " ".join(str(problem).split())[:300]
