"""To Core ML: coremltools traces the net (or falls back to its exported graph) and compresses the ML Program.

Floats are float16 in a file of any compressed recipe, as the Neural Engine computes, unless the weights lie on a grid
or codebook already: then the program is float32, so that integers, scales and codebooks arrive to the last bit.
Where every byte counts, the older NeuralNetwork format is written: it has no program text (about 25 kB). It cannot
carry a grid to the last bit, and the evaluator does not know all its layers: an ML Program is written then, too.
"""

import copy
from functools import cache, cached_property
from pathlib import Path
from typing import Any

import numpy as np

from converters import grids
from converters.quiet import first_line, quiet
from converters.recipes import Recipe
from converters.sources.base import Source, output_axis
from converters.targets.base import Layout, QuantizedWeight, Settings
from zoo.errors import ConversionError

_IN_NEURAL_NETWORK = {Recipe.FLOAT32, Recipe.FLOAT16, Recipe.INT8_WEIGHTS}


class CoremlConverter:
    """See `converters.targets.base.Converter`. Layouts stay those of the source.

    Args:
        source: a torch module.
        scratch: not used: coremltools keeps the program in memory.
    """

    layout = Layout()

    def __init__(self, source: Source, scratch: Path) -> None:
        """Remember the source; nothing is converted yet."""
        with quiet():
            import coremltools  # noqa: F401 - a missing package must be said before anything else is done

        self._source, self._scratch = source, scratch
        self._program = cache(self._convert)
        self._on_grids = cache(self._convert_on_grids)

    def _convert(self, *, half: bool, newest: bool) -> Any:
        """An ML Program in float16 or float32, for iOS 16 or iOS 18."""
        import coremltools as ct

        target = ct.target.iOS18 if newest else ct.target.iOS16
        precision = ct.precision.FLOAT16 if half else ct.precision.FLOAT32
        return self._lower(
            self._module(),
            convert_to="mlprogram",
            minimum_deployment_target=target,
            compute_precision=precision,
        )

    def _convert_on_grids(self, recipe: Recipe) -> Any:
        """A float32 program whose weights are the source's own integers and scales, or its own codebooks.

        coremltools' quantizers compute scales anew, which may differ in the last bit, and its codebooks of unique
        values are one a tensor. Buffers of a documented form beside a weight make its frontend take what they say.
        """
        import coremltools as ct

        module = copy.deepcopy(self._module())
        for each in list(module.modules()):
            for name, weight in list(each.named_parameters(recurse=False)):
                if weight.ndim > 1:
                    _describe(each, name, weight, recipe)
        return self._lower(
            module,
            convert_to="mlprogram",
            minimum_deployment_target=ct.target.iOS16 if recipe is Recipe.INT8_WEIGHTS else ct.target.iOS18,
            compute_precision=ct.precision.FLOAT32,
        )

    def _static(self, recipe: Recipe, settings: Settings) -> Any:
        """Integer weights and activations (iOS 17).

        coremltools calibrates a finished program only on a Mac, where it can run it. Its torch quantizer observes the
        ranges in torch instead, with fake quantization switched on only after the last sample.
        """
        import coremltools as ct
        import torch
        from coremltools.optimize.torch.quantization import (
            LinearQuantizer,
            LinearQuantizerConfig,
            ModuleLinearQuantizerConfig,
            ObserverType,
        )

        never = len(settings.calibration) + 1
        config = ModuleLinearQuantizerConfig(
            quantization_scheme="symmetric",
            milestones=[0, never, never, 0],
            weight_per_channel=recipe is Recipe.INT8,
            activation_observer=ObserverType.min_max,
        )
        samples = [tuple(torch.from_numpy(each) for each in sample) for sample in settings.calibration]
        with quiet():
            try:
                net = _plain_layers(copy.deepcopy(self._module().net))
                quantizer = LinearQuantizer(net, LinearQuantizerConfig(global_config=config))
                observed = quantizer.prepare(example_inputs=samples[0], inplace=False)
                quantizer.step()
                observed.eval()
                for sample in samples:
                    observed(*sample)
                _choose_scales(observed, per_channel=recipe is Recipe.INT8, exact=settings.exact)
                done = type(self._source.module)(quantizer.finalize(inplace=False), is_graph=False)
                _match_ranks(done)
            except Exception as problem:  # fx tracing raises what it likes
                raise ConversionError(
                    "coremltools' torch quantizer cannot trace the net, and its other one needs a Mac: "
                    f"{first_line(problem)}"
                ) from problem
        return self._lower(
            done,
            convert_to="mlprogram",
            minimum_deployment_target=ct.target.iOS17,
            compute_precision=ct.precision.FLOAT32 if settings.exact else ct.precision.FLOAT16,
        )

    def _module(self) -> Any:
        if self._source.module is None:
            raise ConversionError(f"{self._source.name} cannot become Core ML: {self._source.no_module}")
        return self._source.module

    def _lower(self, module: Any, **options: Any) -> Any:
        import coremltools as ct
        import torch

        examples = tuple(
            torch.zeros(each.shape, dtype=getattr(torch, each.dtype)) for each in self._source.inputs
        )
        inputs = [
            ct.TensorType(name=each.name, shape=each.shape, dtype=np.dtype(each.dtype).type)
            for each in self._source.inputs
        ]
        outputs = [ct.TensorType(name=each.name) for each in self._source.outputs]
        with quiet():
            try:
                traced = torch.jit.trace(module, examples)
                return ct.convert(traced, inputs=inputs, outputs=outputs, **options)
            except Exception as first:  # noqa: BLE001 - whatever trace or its frontend cannot take, export may
                try:
                    exported = torch.export.export(module, examples).run_decompositions({})
                    return ct.convert(exported, outputs=outputs, **options)
                except Exception as problem:  # both frontends raise what they like
                    raise ConversionError(
                        f"{self._source.name} cannot become Core ML: {first_line(first)} (traced); "
                        f"{first_line(problem)} (exported)"
                    ) from problem

    def suffix_of(self, recipe: Recipe, settings: Settings) -> str:
        """NeuralNetwork files are single files with a suffix of their own."""
        return ".mlmodel" if self._in_neural_network(recipe, settings) else ".mlpackage"

    def _in_neural_network(self, recipe: Recipe, settings: Settings) -> bool:
        is_carried = recipe in _IN_NEURAL_NETWORK and not (settings.exact and recipe is Recipe.INT8_WEIGHTS)
        return settings.tiny and is_carried and self._network is not None

    @cached_property
    def _network(self) -> Any:
        """The net in the older format, in float32; ``None`` where it has layers that nothing here can check."""
        from converters.mil.neural_network import NetworkEvaluator

        try:
            made = self._lower(self._module(), convert_to="neuralnetwork")
        except ConversionError:
            return None  # what the older format does not have, ML Programs may
        return None if NetworkEvaluator(made.get_spec()).unknown_operators() else made

    def operators(self) -> frozenset[str]:
        """Kinds of operators in the float32 file."""
        program = self._program(half=False, newest=False)._mil_program  # noqa: SLF001 - the only way in
        return frozenset(each.op_type for each in program.functions["main"].operations)

    def write(self, recipe: Recipe, settings: Settings, out: Path) -> None:
        """See `converters.targets.base.Converter`."""
        if self._in_neural_network(recipe, settings):
            self._write_neural_network(recipe, out)
            return
        if recipe.is_static:
            made = self._static(recipe, settings)
            with quiet():
                made.save(str(out))
            return
        half = recipe is not Recipe.FLOAT32 and not settings.exact
        newest = recipe is Recipe.INT4_WEIGHTS
        program = self._program(half=half or recipe is Recipe.FLOAT16, newest=newest)
        with quiet():
            try:
                made = self._carried(recipe) if settings.exact else None
                made = made or _compress(program, recipe, exact=settings.exact)
            except Exception as problem:  # coremltools raises what it likes on what it cannot compress
                raise ConversionError(
                    f"coremltools cannot make {recipe} of {self._source.name}: {first_line(problem)}"
                ) from problem
        if settings.tiny:
            _forget(made)
        with quiet():
            made.save(str(out))

    def _carried(self, recipe: Recipe) -> Any:
        """See `_convert_on_grids`; ``None`` where only coremltools' own compression is to be had, or is exact, too."""
        shared = all(grids.find_codebook(each) is not None for each in self._source.weights())
        if recipe.weight_bits > max(grids.GRID_BITS) or (recipe.is_palette and shared):
            return None
        try:
            return self._on_grids(recipe)
        except ConversionError:
            return None  # a layer whose weights its frontend rearranges, such as an LSTM's

    def _write_neural_network(self, recipe: Recipe, out: Path) -> None:
        import coremltools as ct
        from coremltools.models.neural_network import quantization_utils

        made = self._network
        bits = {Recipe.FLOAT32: 32, Recipe.FLOAT16: 16, Recipe.INT8_WEIGHTS: 8}[recipe]
        with quiet():
            if bits < 32:  # noqa: PLR2004 - bits
                made = quantization_utils.quantize_weights(made, bits)
            spec = made.get_spec() if hasattr(made, "get_spec") else made
            spec.description.metadata.Clear()
            ct.models.utils.save_spec(spec, str(out))

    def model_file(self, path: Path) -> Path:
        """See `converters.targets.base.Converter`."""
        return path

    def weights(self, path: Path) -> list[QuantizedWeight]:
        """See `converters.targets.base.Converter`."""
        from converters.mil import load

        return [
            QuantizedWeight(each.integers, each.scales)
            for each in load(path).weights().values()
            if each.integers is not None and each.scales is not None
        ]


def _compress(program: Any, recipe: Recipe, *, exact: bool) -> Any:
    """Compress every weight whatever its size: coremltools leaves tensors below 2,048 elements alone unless told."""
    import coremltools.optimize.coreml as cto

    match recipe:
        case Recipe.FLOAT32 | Recipe.FLOAT16:
            return program
        case Recipe.INT8_WEIGHTS | Recipe.INT4_WEIGHTS:
            config: Any = cto.OpLinearQuantizerConfig(
                mode="linear_symmetric",
                dtype=f"int{recipe.weight_bits}",
                granularity="per_channel",
                weight_threshold=1,
            )
            return cto.linear_quantize_weights(program, cto.OptimizationConfig(global_config=config))
        case Recipe.SPARSE:
            config = cto.OpThresholdPrunerConfig(threshold=1e-12, weight_threshold=1)
            return cto.prune_weights(program, cto.OptimizationConfig(global_config=config))
        case _:
            config = (
                cto.OpPalettizerConfig(mode="unique", weight_threshold=1)
                if exact
                else cto.OpPalettizerConfig(mode="kmeans", nbits=recipe.weight_bits, weight_threshold=1)
            )
            return cto.palettize_weights(program, cto.OptimizationConfig(global_config=config))


def _plain_layers(net: Any) -> Any:
    """Rewrite what coremltools' quantizer gets wrong.

    It takes ``Identity`` layers, such as folded batch norms leave, for places to round at; and where a tensor is
    flattened by a method, it reads integers of one scale with another scale (9.0: quantize, reshape, dequantize).
    """
    import torch

    traced = torch.fx.symbolic_trace(net)
    modules = dict(traced.named_modules())
    for node in traced.graph.nodes:
        if node.op == "call_module" and isinstance(
            modules[node.target], torch.nn.Identity | torch.nn.Dropout
        ):
            node.replace_all_uses_with(node.args[0])
            traced.graph.erase_node(node)
        elif node.op == "call_method" and node.target == "flatten":
            name = f"flatten_{node.name}"
            traced.add_submodule(name, torch.nn.Flatten(*node.args[1:]))
            node.op, node.target, node.args = "call_module", name, node.args[:1]
    traced.delete_all_unused_submodules()
    traced.recompile()
    return traced


def _describe(module: Any, name: str, weight: Any, recipe: Recipe) -> None:
    """Register what a weight is made of, as coremltools' frontend reads it: its guide on compressed source models."""
    import torch

    axis = output_axis(module)
    values = np.ascontiguousarray(np.moveaxis(weight.detach().numpy(), axis, 0))
    along = [1] * weight.ndim
    if recipe.is_palette:
        codebook = grids.find_codebook(values, 2**recipe.weight_bits)
        found = (
            codebook[None] if codebook is not None else grids.find_codebooks(values, 2**recipe.weight_bits)
        )
        if found is None:
            return
        along[axis] = len(found)
        facts = {"lut": torch.from_numpy(found.reshape(*along, -1, 1)), "compression_type": torch.tensor([2])}
    else:
        grid = grids.find_grid(values, recipe.weight_bits)
        if grid is None:
            return
        along[axis] = grid.scales.size
        facts = {
            "quantization_scale": torch.from_numpy(grid.scales.reshape(along)),
            "quantization_n_bits": torch.tensor(recipe.weight_bits),
            "compression_type": torch.tensor([3]),
        }
    for key, value in facts.items():
        module.register_buffer(f"_COREML_/{name}/{key}", value)


def _match_ranks(net: Any) -> None:
    """Give scales as many axes as their weights: coremltools' frontend does so for images only (9.0)."""
    for module in net.modules():
        for name, weight in module.named_parameters(recurse=False):
            for key in ("quantization_scale", "zero_point"):
                buffer = f"_COREML_/{name}/{key}"
                found = dict(module.named_buffers(recurse=False)).get(buffer)
                if found is not None and found.ndim not in {0, weight.ndim}:
                    module.register_buffer(
                        buffer, found.reshape(*found.shape, *[1] * (weight.ndim - found.ndim))
                    )


def _choose_scales(observed: Any, *, per_channel: bool, exact: bool) -> None:
    """Give weights the scales that they have in every other format: those they were trained with, or max|w| / 127.

    The quantizer's own are max|w| / 127.5, which cuts off the largest weight of most channels: the noise of the weights
    of MobileNet V2 is 6 dB stronger by it.
    """
    import torch

    for module in observed.modules():
        quantizer = getattr(module, "weight_fake_quant", None)
        if (
            quantizer is None or getattr(quantizer, "ch_axis", 0) > 0
        ):  # transposed: its channels are not axis 0
            continue
        weight = module.weight.detach().numpy()
        grid = grids.find_grid(weight, 8) if exact and per_channel else None
        scales = grids.scales_of(weight, 8, per_channel=per_channel) if grid is None else grid.scales
        if per_channel:
            scales = np.broadcast_to(scales, weight.shape[0]).copy()
        chosen = torch.from_numpy(scales), torch.zeros(len(scales), dtype=torch.int32)
        quantizer.calculate_qparams = lambda chosen=chosen: chosen


def _forget(model: Any) -> None:
    """Drop what the converter wrote about itself."""
    model._spec.description.metadata.Clear()  # noqa: SLF001 - get_spec gives a copy
