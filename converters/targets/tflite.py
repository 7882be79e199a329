"""To TFLite: litert-torch writes the float32 file, AI Edge Quantizer compresses it; Keras goes through TensorFlow."""

from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

from converters import grids
from converters.quiet import first_line, quiet
from converters.recipes import Recipe
from converters.sources.base import Source
from converters.targets import flatbuffer
from converters.targets.base import Array, Layout, QuantizedWeight, Settings
from zoo.errors import ConversionError


class TfliteConverter:
    """See `converters.targets.base.Converter`. Inputs and outputs of rank 4 become channels-last.

    Args:
        source: a torch module, or a frozen TensorFlow function.
        scratch: folder for the float32 file.
    """

    def __init__(self, source: Source, scratch: Path) -> None:
        """Remember them; nothing is converted yet."""
        self._source, self._scratch = source, scratch
        self.layout = Layout(tuple(source.images(source.inputs)), tuple(source.images(source.outputs)))

    @cached_property
    def _base(self) -> Path:
        """The float32 file."""
        out = self._scratch / f"{self._source.name}.tflite"
        with quiet():
            if self._source.tensorflow is not None:
                out.write_bytes(self._from_tensorflow())
                ports = (self._source.inputs, self._source.outputs)
                model = flatbuffer.read(out)
                flatbuffer.sign(model, *([each.name for each in side] for side in ports))
                flatbuffer.write(model, out)
            else:
                self._from_torch(out)
        return out

    def _from_torch(self, out: Path) -> None:
        import litert_torch
        import torch

        if self._source.module is None:
            raise ConversionError(f"{self._source.name} cannot become TFLite: {self._source.no_module}")
        examples = [torch.zeros(each.shape, dtype=getattr(torch, each.dtype)) for each in self._source.inputs]
        net = self._source.module
        if self.layout.inputs or self.layout.outputs:
            net = litert_torch.to_channel_last_io(
                net, args=list(self.layout.inputs), outputs=list(self.layout.outputs)
            )
            for place in self.layout.inputs:
                examples[place] = examples[place].permute(0, 2, 3, 1).contiguous()
        try:
            litert_torch.convert(net, tuple(examples)).export(str(out))
        except Exception as problem:  # the lowering raises what it likes on what TFLite cannot say
            raise ConversionError(
                f"{self._source.name} cannot become TFLite: {first_line(problem)}"
            ) from problem

    def _from_tensorflow(self) -> bytes:
        import tensorflow as tf

        made = tf.lite.TFLiteConverter.from_concrete_functions([self._source.tensorflow])
        try:
            return bytes(made.convert())
        except Exception as problem:  # the converter raises what it likes on what TFLite cannot say
            raise ConversionError(
                f"{self._source.name} cannot become TFLite: {first_line(problem)}"
            ) from problem

    def suffix_of(self, recipe: Recipe, settings: Settings) -> str:  # noqa: ARG002 - the protocol's
        """How the name of such a file ends."""
        return ".tflite"

    def operators(self) -> frozenset[str]:
        """Kinds of operators in the float32 file."""
        return flatbuffer.operators(flatbuffer.read(self._base))

    def write(self, recipe: Recipe, settings: Settings, out: Path) -> None:
        """See `converters.targets.base.Converter`."""
        model = self._quantized(recipe, settings)
        if settings.tiny:
            flatbuffer.strip(model)
        flatbuffer.write(model, out)

    def _quantized(self, recipe: Recipe, settings: Settings) -> Any:
        if recipe is Recipe.FLOAT32:
            return flatbuffer.read(self._base)
        if recipe in {Recipe.INT8_WEIGHTS, Recipe.INT4_WEIGHTS}:
            return self._weight_only(recipe.weight_bits)
        if recipe is Recipe.SPARSE:
            from converters.targets.tflite_sparse import sparsify

            return sparsify(flatbuffer.read(self._base))
        coded = self._scratch / f"{self._source.name}-{recipe}.tflite"
        coded.unlink(missing_ok=True)
        with quiet():
            self._with_quantizer(recipe, settings, coded)
        model = flatbuffer.read(coded)
        if recipe is Recipe.INT8 and settings.exact:
            self._restore_grid(model)
        return model

    def _weight_only(self, bits: int) -> Any:
        """Integers with explicit DEQUANTIZE, computed in float32; depthwise ones, too, unlike the quantizer."""
        model = flatbuffer.read(self._base)
        for slot in list(flatbuffer.weights(model)):
            values = np.ascontiguousarray(flatbuffer.values(model, slot))
            flatbuffer.store(model, slot, grids.find_grid(values, bits) or grids.quantize(values, bits))
            flatbuffer.dequantize_before(model, slot)
        return model

    def _with_quantizer(self, recipe: Recipe, settings: Settings, out: Path) -> None:
        from ai_edge_quantizer import qtyping, recipe_manager
        from ai_edge_quantizer.algorithm_manager import AlgorithmName
        from ai_edge_quantizer.quantizer import Quantizer
        from ai_edge_quantizer.recipe import dynamic_wi4_afp32, dynamic_wi8_afp32, static_wi8_ai8

        everything = qtyping.TFLOperationName.ALL_SUPPORTED
        manager = recipe_manager.RecipeManager()
        match recipe:
            case Recipe.INT8:
                steps = static_wi8_ai8()
            case Recipe.INT8_PER_TENSOR:
                manager.add_static_config(
                    regex=".*", operation_name=everything, activation_num_bits=8, weight_num_bits=8,
                    weight_granularity=qtyping.QuantGranularity.TENSORWISE,
                )  # fmt: skip
                steps = manager.get_quantization_recipe()
            case Recipe.INT8_DYNAMIC:
                steps = dynamic_wi8_afp32()
            case Recipe.INT4_DYNAMIC:
                steps = dynamic_wi4_afp32()
            case _:
                manager.add_quantization_config(
                    regex=".*",
                    operation_name=everything,
                    op_config=qtyping.OpQuantizationConfig(
                        weight_tensor_config=qtyping.TensorQuantizationConfig(
                            num_bits=16, dtype=qtyping.TensorDataType.FLOAT
                        ),
                        compute_precision=qtyping.ComputePrecision.FLOAT,
                        explicit_dequantize=True,
                    ),
                    algorithm_key=AlgorithmName.FLOAT_CASTING,
                )
                steps = manager.get_quantization_recipe()
        quantizer = Quantizer(str(self._base))
        quantizer.load_quantization_recipe(steps)
        samples = self._samples(settings) if quantizer.need_calibration else {}
        try:
            found = self._ranges(quantizer, samples) if samples else None
            quantizer.quantize(found, enable_progress_report=False).export_model(str(out))
        except Exception as problem:  # the quantizer raises what it likes on what it does not know
            raise ConversionError(
                f"AI Edge Quantizer cannot make {recipe} of {self._source.name}: {first_line(problem)}"
            ) from problem

    def _ranges(self, quantizer: Any, by_signature: dict[str, list[dict[str, Array]]]) -> dict[str, Any]:
        """The least and the largest value of every tensor over all samples.

        The quantizer's own calibration is a moving average, which cuts off what few samples showed.
        """
        found: dict[str, Any] = {}
        ((key, samples),) = by_signature.items()
        for sample in samples:
            for name, seen in quantizer.calibrate({key: [sample]}, num_threads=2).items():
                before = found.setdefault(name, dict(seen))
                if "min" in seen:
                    before["min"] = np.minimum(before["min"], seen["min"])
                    before["max"] = np.maximum(before["max"], seen["max"])
        return found

    def _samples(self, settings: Settings) -> dict[str, list[dict[str, Array]]]:
        """Calibration samples by signature and input name, in the file's layout and types (torch's int64 is int32)."""
        from ai_edge_litert.interpreter import Interpreter

        opened = Interpreter(str(self._base))
        key, signature = next(iter(opened.get_signature_list().items()))
        types = {
            name: each["dtype"] for name, each in opened.get_signature_runner(key).get_input_details().items()
        }
        names = (
            signature["inputs"]
            if self._source.tensorflow is None
            else [each.name for each in self._source.inputs]
        )
        return {
            key: [
                {
                    name: np.asarray(
                        np.moveaxis(array, 1, -1) if place in self.layout.inputs else array, types[name]
                    )
                    for place, (name, array) in enumerate(zip(names, sample, strict=True))
                }
                for sample in settings.calibration
            ]
        }

    def _restore_grid(self, model: Any) -> None:
        """Replace the quantizer's scales, which it computes anew, by those that the weights were trained with."""
        base = flatbuffer.read(self._base)
        known = {_identity(each): (each, flatbuffer.values(base, each)) for each in flatbuffer.weights(base)}
        for slot in flatbuffer.weights(model):
            float_slot, values = known.get(_identity(slot), (None, None))
            grid = None if values is None else grids.find_grid(np.ascontiguousarray(values), 8)
            if float_slot is None or grid is None:
                continue
            grid = _per_channel(grid)
            flatbuffer.store(model, slot, grid)
            bias = _bias(base, float_slot)
            if bias is not None:
                flatbuffer.rescale_bias(model, slot, grid, bias)

    def model_file(self, path: Path) -> Path:
        """See `converters.targets.base.Converter`."""
        return path

    def weights(self, path: Path) -> list[QuantizedWeight]:
        """See `converters.targets.base.Converter`."""
        return flatbuffer.quantized(path)


def _identity(slot: Any) -> tuple[bytes, int]:
    """Names are kept by the quantizer, but need not be unique; the position of the first user's output is."""
    return bytes(slot.tensor.name or b""), slot.index


def _per_channel(grid: grids.Grid) -> grids.Grid:
    channels = grid.integers.shape[0]
    return grids.Grid(grid.bits, grid.integers, np.broadcast_to(grid.scales, channels).copy(), grid.exact)


def _bias(model: Any, slot: Any) -> Array | None:
    inputs = slot.operator.inputs
    if len(inputs) <= 2 or inputs[2] < 0:  # noqa: PLR2004 - input, weight, bias
        return None
    data = model.buffers[slot.graph.tensors[inputs[2]].buffer].data
    return None if data is None else np.frombuffer(bytes(data), np.float32)
