"""To ONNX: torch's own exporter writes the float32 file, ONNX Runtime's quantizer makes static int8.

Weights that are only stored in few bits are written as ``DequantizeLinear`` nodes of our own: ONNX Runtime's int4
quantizer uses the grid -8..7, one step off the symmetric one that trained weights lie on.
"""

import platform
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import ml_dtypes
import numpy as np
import onnx
import onnx.version_converter
from onnx import TensorProto, helper, numpy_helper

from converters import grids
from converters.quiet import first_line, quiet
from converters.recipes import Recipe
from converters.sources.base import Source
from converters.targets.base import Array, Layout, QuantizedWeight, Settings
from zoo.errors import ConversionError

OPSET = 20
"""The newest that mobile builds of ONNX Runtime are widely shipped with; integers of few bits need a newer one."""
_STORAGE = {
    8: (TensorProto.INT8, np.int8, 13, 7),
    4: (TensorProto.INT4, ml_dtypes.int4, 21, 10),
    2: (TensorProto.INT2, ml_dtypes.int2, 25, 12),
}
"""By bits: the tensor type, numpy's type of it, the first opset and the first IR version that have it."""
_X86 = {"x86_64", "AMD64", "i686"}


@dataclass(frozen=True, slots=True)
class _Slot:
    """A constant weight: the node that takes it, its initializer, the axis of its output channels."""

    node: Any
    place: int
    initializer: Any
    axis: int


class OnnxConverter:
    """See `converters.targets.base.Converter`. Layouts stay those of the source.

    Args:
        source: a torch module, or an ONNX file.
        scratch: folder for the float32 file.
    """

    layout = Layout()

    def __init__(self, source: Source, scratch: Path) -> None:
        """Remember them; nothing is converted yet."""
        self._source, self._scratch = source, scratch

    @cached_property
    def _base(self) -> Any:
        """The float32 model, without metadata."""
        model = onnx.load(self._source.onnx) if self._source.onnx is not None else self._export()
        strip(model)
        return model

    def _export(self) -> Any:
        import torch

        if self._source.module is None:
            raise ConversionError(f"{self._source.name} cannot become ONNX: {self._source.no_module}")
        out = self._scratch / f"{self._source.name}.onnx"
        examples = tuple(
            torch.zeros(each.shape, dtype=getattr(torch, each.dtype)) for each in self._source.inputs
        )
        with quiet():
            try:
                torch.onnx.export(
                    self._source.module, examples, str(out), dynamo=True, external_data=False, opset_version=OPSET,
                    input_names=[each.name for each in self._source.inputs],
                    output_names=[each.name for each in self._source.outputs],
                )  # fmt: skip
            except Exception as problem:  # the exporter raises what it likes on what ONNX cannot say
                raise ConversionError(
                    f"{self._source.name} cannot become ONNX: {first_line(problem)}"
                ) from problem
        return onnx.load(out)

    def suffix_of(self, recipe: Recipe, settings: Settings) -> str:  # noqa: ARG002 - the protocol's
        """How the name of such a file ends."""
        return ".onnx"

    def operators(self) -> frozenset[str]:
        """Kinds of operators in the float32 file."""
        return frozenset(each.op_type for each in self._base.graph.node)

    def write(self, recipe: Recipe, settings: Settings, out: Path) -> None:
        """See `converters.targets.base.Converter`."""
        self.operators()  # exported here: a failure of the exporter is said in its own words
        with quiet():
            try:
                model = self._compressed(recipe, settings)
            except (
                Exception
            ) as problem:  # ONNX Runtime's quantizer raises what it likes on what it does not know
                raise ConversionError(
                    f"ONNX Runtime's tools cannot make {recipe} of {self._source.name}: {first_line(problem)}"
                ) from problem
        strip(model)
        try:
            # The checker's shape inference takes sparse weights for another type; runtimes make them dense first.
            onnx.checker.check_model(model, full_check=not model.graph.sparse_initializer)
        except onnx.checker.ValidationError as problem:
            raise ConversionError(f"the file made is no sound ONNX: {first_line(problem)}") from problem
        out.write_bytes(model.SerializeToString(deterministic=True))

    def _compressed(self, recipe: Recipe, settings: Settings) -> Any:
        match recipe:
            case Recipe.FLOAT32:
                return self._copy()
            case Recipe.FLOAT16:
                from onnxruntime.transformers.float16 import convert_float_to_float16
                from onnxruntime.transformers.onnx_model import OnnxModel

                made = convert_float_to_float16(self._copy(), keep_io_types=True)
                OnnxModel.graph_topological_sort(made.graph)
                return made
            case Recipe.INT8 | Recipe.INT8_PER_TENSOR:
                return self._static(recipe, settings)
            case Recipe.INT8_DYNAMIC:
                return self._dynamic()
            case Recipe.SPARSE:
                return _sparse(self._copy())
            case _:
                return self._weight_only(recipe.weight_bits)

    def _copy(self) -> Any:
        made = onnx.ModelProto()
        made.CopyFrom(self._base)
        return made

    def _static(self, recipe: Recipe, settings: Settings) -> Any:
        from onnxruntime.quantization import QuantFormat, QuantType, quantize_static
        from onnxruntime.quantization.shape_inference import quant_pre_process

        plain, out = self._scratch / "plain.onnx", self._scratch / "static.onnx"
        onnx.save(self._base, plain)
        quant_pre_process(str(plain), str(plain))
        activation = {"uint8": QuantType.QUInt8, "int8": QuantType.QInt8}[settings.onnx_activations]
        quantize_static(
            str(plain), str(out), _Samples(self._source, settings), quant_format=QuantFormat.QDQ,
            per_channel=recipe is Recipe.INT8, activation_type=activation, weight_type=QuantType.QInt8,
        )  # fmt: skip
        model = onnx.load(out)
        if settings.exact and recipe is Recipe.INT8:
            _restore_grid(model, onnx.load(plain))
        return model

    def _dynamic(self) -> Any:
        from onnxruntime.quantization import QuantType, quantize_dynamic

        plain, out = self._scratch / "plain.onnx", self._scratch / "dynamic.onnx"
        onnx.save(self._base, plain)
        quantize_dynamic(str(plain), str(out), weight_type=QuantType.QUInt8)
        return onnx.load(out)

    def _weight_only(self, bits: int) -> Any:
        _, _, opset, ir_version = _STORAGE[bits]
        model = _raised(self._copy(), opset)
        for slot in list(_weights(model)):
            values = np.moveaxis(numpy_helper.to_array(slot.initializer), slot.axis, 0)
            contiguous = np.ascontiguousarray(values, np.float32)
            grid = grids.find_grid(contiguous, bits) or grids.quantize(contiguous, bits)
            _dequantize_before(model, slot, grid)
        model.ir_version = max(model.ir_version, ir_version)
        return model

    def model_file(self, path: Path) -> Path:
        """See `converters.targets.base.Converter`."""
        return path

    def weights(self, path: Path) -> list[QuantizedWeight]:
        """See `converters.targets.base.Converter`."""
        model = onnx.load(path)
        constants = {each.name: each for each in model.graph.initializer}
        made_by = {name: node for node in model.graph.node for name in node.output}
        found = []
        for node in model.graph.node:
            place = _WEIGHTED.get(node.op_type)
            source = None if place is None else made_by.get(node.input[place])
            if source is None or source.op_type != "DequantizeLinear" or source.input[0] not in constants:
                continue
            integers = numpy_helper.to_array(constants[source.input[0]]).astype(np.int8)
            scales = np.atleast_1d(numpy_helper.to_array(constants[source.input[1]]))
            found.append(QuantizedWeight(np.moveaxis(integers, _axis(node, integers.ndim), 0), scales))
        return found


_WEIGHTED = {"Conv": 1, "ConvTranspose": 1, "Gemm": 1, "MatMul": 1}


def _raised(model: Any, opset: int) -> Any:
    """A model of at least ``opset``: attributes change between them, so the number alone will not do."""
    if all(each.version >= opset for each in model.opset_import if each.domain in {"", "ai.onnx"}):
        return model
    return onnx.version_converter.convert_version(model, opset)


def _axis(node: Any, rank: int) -> int:
    """Axis of the output channels in a weight."""
    if node.op_type == "Conv":
        return 0
    if node.op_type == "ConvTranspose":
        return 1
    if node.op_type == "Gemm":
        return 0 if any(each.name == "transB" and each.i for each in node.attribute) else 1
    return rank - 1


def _weights(model: Any) -> Iterator[_Slot]:
    constants = {each.name: each for each in model.graph.initializer}
    for node in model.graph.node:
        place = _WEIGHTED.get(node.op_type)
        weight = None if place is None else constants.get(node.input[place])
        if weight is not None and place is not None and len(weight.dims) > 1:
            yield _Slot(node, place, weight, _axis(node, len(weight.dims)))


def _dequantize_before(model: Any, slot: _Slot, grid: grids.Grid) -> None:
    """Replace a float weight by integers and a node that gives the float back."""
    name = slot.initializer.name
    integers = np.ascontiguousarray(np.moveaxis(grid.integers, 0, slot.axis))
    kind, numpy_kind, _, _ = _STORAGE[max(2, 1 << (grid.bits - 1).bit_length())]
    slot.node.input[slot.place] = f"{name}_dequantized"
    if any(each.name == f"{name}_integers" for each in model.graph.initializer):
        return  # a shared weight, done already
    model.graph.initializer.append(
        helper.make_tensor(
            f"{name}_integers", kind, integers.shape, _packed(integers.astype(numpy_kind)), raw=True
        )
    )
    scales = grid.scales if grid.per_channel else grid.scales.reshape(())
    model.graph.initializer.append(numpy_helper.from_array(scales, f"{name}_scale"))
    node = helper.make_node(
        "DequantizeLinear", [f"{name}_integers", f"{name}_scale"], [f"{name}_dequantized"],
        name=f"{name}_dequantize", axis=slot.axis,
    )  # fmt: skip
    model.graph.node.insert(0, node)
    if not any(name in each.input for each in model.graph.node):
        model.graph.initializer.remove(slot.initializer)


def _packed(integers: Array) -> bytes:
    """Little-endian bytes; elements of fewer than 8 bits packed, the first in the low bits."""
    return bytes(numpy_helper.from_array(integers).raw_data)


def _restore_grid(model: Any, base: Any) -> None:
    """Replace the quantizer's scales, which it computes anew, by those that the weights were trained with."""
    floats = {each.name: numpy_helper.to_array(each) for each in base.graph.initializer}
    constants = {each.name: each for each in model.graph.initializer}
    made_by = {name: node for node in model.graph.node for name in node.output}
    for node in model.graph.node:
        place = _WEIGHTED.get(node.op_type)
        source = None if place is None else made_by.get(node.input[place])
        if source is None or source.op_type != "DequantizeLinear" or source.input[0] not in constants:
            continue
        weight = floats.get(source.input[0].removesuffix("_quantized"))
        if weight is None:
            continue
        axis = _axis(node, weight.ndim)
        grid = grids.find_grid(np.ascontiguousarray(np.moveaxis(weight, axis, 0)), 8)
        old = numpy_helper.to_array(constants[source.input[1]])
        if grid is None or old.ndim == 0:
            continue
        scales = np.broadcast_to(grid.scales, old.shape).copy()
        stored = np.ascontiguousarray(np.moveaxis(grid.integers, 0, axis))
        _set(constants, source.input[0], stored)
        _set(constants, source.input[1], scales)
        _rescale_bias(node, made_by, constants, floats, scales)


def _rescale_bias(node: Any, made_by: Any, constants: Any, floats: Any, scales: Array) -> None:
    if len(node.input) < 3:  # noqa: PLR2004 - input, weight, bias
        return
    bias, entry = made_by.get(node.input[2]), made_by.get(node.input[0])
    if bias is None or entry is None or bias.input[0] not in constants or entry.input[1] not in constants:
        return
    values = floats.get(bias.input[0].removesuffix("_quantized"))
    if values is None:
        return
    product = (numpy_helper.to_array(constants[entry.input[1]]) * scales).astype(np.float32)
    integers = np.clip(np.rint(values.astype(np.float64) / product), -(2**31) + 1, 2**31 - 1)
    _set(constants, bias.input[0], integers.astype(np.int32))
    _set(constants, bias.input[1], product)


def _set(constants: Any, name: str, values: Array) -> None:
    constants[name].CopyFrom(numpy_helper.from_array(values, name))


def _sparse(model: Any) -> Any:
    """Store the weights that shrink by it as coordinates and values."""
    graph = model.graph
    for slot in list(_weights(model)):
        values = numpy_helper.to_array(slot.initializer)
        flat = values.reshape(-1)
        places = np.flatnonzero(flat)
        stored = places.size * (flat.itemsize + np.dtype(np.int64).itemsize)
        if stored >= flat.nbytes or slot.initializer not in graph.initializer:
            continue
        made = helper.make_sparse_tensor(
            numpy_helper.from_array(flat[places], slot.initializer.name),
            numpy_helper.from_array(places.astype(np.int64), f"{slot.initializer.name}_places"),
            list(values.shape),
        )
        graph.sparse_initializer.append(made)
        graph.initializer.remove(slot.initializer)
    return model


class _Samples:
    """Calibration samples as ONNX Runtime's quantizer reads them."""

    def __init__(self, source: Source, settings: Settings) -> None:
        self._feeds = iter(
            [
                dict(zip([each.name for each in source.inputs], sample, strict=True))
                for sample in settings.calibration
            ]
        )

    def get_next(self) -> dict[str, Array] | None:
        """The next feed, or ``None`` at the end."""
        return next(self._feeds, None)


def strip(model: Any) -> None:
    """Drop doc strings, metadata and intermediate value infos: what inference does not need."""
    for field in ("doc_string", "metadata_props"):
        model.ClearField(field)
        model.graph.ClearField(field)
        for each in [*model.graph.node, *model.graph.initializer, *model.graph.input, *model.graph.output]:
            each.ClearField(field)
    model.graph.ClearField("value_info")


def is_x86() -> bool:
    """Whether this machine has x86's 8-bit arithmetic, which S8S8 saturates or is slow on."""
    return platform.machine() in _X86
