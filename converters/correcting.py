"""Corrects biases for what few bits do to the weights before them.

A quantized weight is off by up to half a step, and maps behind a rectifier have positive means: so the outputs of a
layer are off by a constant, too. Its mean over samples is added to the layer's bias (Nagel et al. 2019, Data-free
quantization, arXiv:1906.04721, section 4.2, with samples in the place of batch norms' statistics). Weights stay as they
are: every format quantizes them as it does without.
"""

import copy
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from types import MappingProxyType
from typing import Any

import numpy as np

from converters import grids
from converters.parity import compare
from converters.recipes import Recipe
from converters.sources.base import Array, Source

LEAST_SAMPLES = 16
"""With fewer, the mean of an error is itself an error."""
MOST_SAMPLES = 32
"""More change little, and all maps of one layer are in memory at once."""

GRIDS: Mapping[Recipe, tuple[int, bool]] = MappingProxyType(
    {
        Recipe.INT8: (8, True),
        Recipe.INT8_WEIGHTS: (8, True),
        Recipe.INT8_PER_TENSOR: (8, False),
        Recipe.INT4_WEIGHTS: (4, True),
        Recipe.INT2_WEIGHTS: (2, True),
    }
)
"""Bits, and whether each channel has a scale: of the recipes whose weights lie on the grid of `grids.quantize`."""


class Corrections:
    """The corrected nets of one source, each made once for all targets.

    Args:
        source: the net.
        samples: as `corrected` takes them.
    """

    def __init__(self, source: Source, samples: Sequence[Sequence[Array]]) -> None:
        """Remember them; nothing is computed yet."""
        self._source, self._samples = source, samples
        self._made: dict[tuple[int, bool], Source | None] = {}

    def of(self, grid: tuple[int, bool]) -> Source | None:
        """See `corrected`."""
        if grid not in self._made:
            self._made[grid] = corrected(self._source, grid, self._samples)
        return self._made[grid]


def corrected(source: Source, grid: tuple[int, bool], samples: Sequence[Sequence[Array]]) -> Source | None:
    """The same net with other biases.

    Args:
        source: the net; it is not changed.
        grid: of its weights: one of `GRIDS`.
        samples: one list of arrays (one an input) a sample, batch 1; at most 32 are used.

    Returns:
        The net, or ``None`` where nothing is to be gained: the net is no torch module, has no
        layers with biases, does not take several samples at once, or comes closer to its float self without.
    """
    if source.module is None or source.tensorflow is not None or source.onnx is not None:
        return None
    if len(samples) < LEAST_SAMPLES:
        return None
    import torch

    used = samples[:MOST_SAMPLES]
    batch = [torch.from_numpy(np.concatenate(column)) for column in zip(*used, strict=True)]
    with torch.no_grad():
        found = _float_means(source, used, batch)
        if not found:
            return None
        means, wanted = found
        rough = copy.deepcopy(source.module)
        _quantize(rough, *grid)
        before = compare([wanted], [_outputs(rough, batch)]).snr_db
        changes, outputs = _correct(rough, means, batch)
        if compare([wanted], [outputs]).snr_db <= before:
            return None
        module = copy.deepcopy(source.module)
        layers = dict(_layers(module))
        for name, change in changes.items():
            layers[name].bias.add_(change)
    return replace(source, module=module)


def _layers(module: Any) -> Iterator[tuple[str, Any]]:
    """Convolutions and dense layers: those whose output channels are their weights' first axis."""
    import torch

    kinds = torch.nn.Conv1d | torch.nn.Conv2d | torch.nn.Conv3d | torch.nn.Linear
    return ((name, each) for name, each in module.named_modules() if isinstance(each, kinds))


def _outputs(module: Any, batch: Sequence[Any]) -> list[Array]:
    return [each.numpy() for each in module(*batch)]


def _channel_means(layer: Any, output: Any) -> Any:
    """Over samples and places: channels are axis 1 behind a convolution, the last one behind a dense layer."""
    import torch

    axis = output.ndim - 1 if isinstance(layer, torch.nn.Linear) else 1
    return output.mean([each for each in range(output.ndim) if each != axis])


def _float_means(
    source: Source, samples: Sequence[Sequence[Array]], batch: Sequence[Any]
) -> tuple[dict[str, Any], list[Array]] | None:
    """Mean outputs of the layers that are called once and have a bias; what the net gives for the batch.

    ``None`` where there is no such layer, or where a batch does not give what its samples give one by one.
    """
    means: dict[str, Any] = {}
    calls: Counter[str] = Counter()
    module = source.module

    def look(name: str, layer: Any, output: Any) -> None:
        calls[name] += 1
        means[name] = _channel_means(layer, output)

    hooks = [
        each.register_forward_hook(lambda layer, _, output, name=name: look(name, layer, output))
        for name, each in _layers(module)
        if each.bias is not None
    ]
    try:
        outputs = _outputs(module, batch)
    except (RuntimeError, ValueError, TypeError, IndexError):
        return None  # its code is for one sample
    finally:
        for each in hooks:
            each.remove()
    alone = [np.concatenate(column) for column in zip(*(source.run(each) for each in samples), strict=True)]
    same = all(
        have.shape == want.shape
        and np.allclose(have, want, rtol=1e-3, atol=1e-4 * np.abs(want).max(initial=0.0))
        for have, want in zip(outputs, alone, strict=True)
    )
    once = {name: each for name, each in means.items() if calls[name] == 1}
    return (once, outputs) if same and once else None


def _quantize(module: Any, bits: int, per_channel: bool) -> None:  # noqa: FBT001 - a pair of the table
    import torch

    for _, layer in _layers(module):
        weight = np.ascontiguousarray(layer.weight.numpy())
        layer.weight.copy_(torch.from_numpy(grids.fake_quantize(weight, bits, per_channel=per_channel)))


def _correct(
    module: Any, means: Mapping[str, Any], batch: Sequence[Any]
) -> tuple[dict[str, Any], list[Array]]:
    """Run a quantized net once, and move each layer's means to where they were, before the next layer sees them."""
    changes: dict[str, Any] = {}

    def move(name: str, layer: Any, output: Any) -> Any:
        change = means[name] - _channel_means(layer, output)
        changes[name] = change
        return (
            output + change.reshape(-1, *[1] * (output.ndim - 2)) if _has_places(layer) else output + change
        )

    for name, layer in _layers(module):
        if name in means:
            layer.register_forward_hook(lambda layer, _, output, name=name: move(name, layer, output))
    return changes, _outputs(module, batch)


def _has_places(layer: Any) -> bool:
    """Whether axes follow the channels' one in its outputs."""
    import torch

    return not isinstance(layer, torch.nn.Linear)
