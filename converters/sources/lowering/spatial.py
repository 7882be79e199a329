"""Convolutions and pooling on (N, C, ...) values, with any padding that another framework may ask for."""

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import nn
from torch.nn import functional

from converters.sources.lowering.builder import Lowering, NotCoveredError, Value

Pads = tuple[tuple[int, int], ...]
_CONVOLUTIONS: dict[int, Any] = {1: nn.Conv1d, 2: nn.Conv2d, 3: nn.Conv3d}
_TRANSPOSED: dict[int, Any] = {1: nn.ConvTranspose1d, 2: nn.ConvTranspose2d, 3: nn.ConvTranspose3d}
_RUNTIME: dict[int, Any] = {1: functional.conv1d, 2: functional.conv2d, 3: functional.conv3d}
_MAXIMA: dict[int, Any] = {1: functional.max_pool1d, 2: functional.max_pool2d, 3: functional.max_pool3d}
_AVERAGES: dict[int, Any] = {1: functional.avg_pool1d, 2: functional.avg_pool2d, 3: functional.avg_pool3d}


@dataclass(frozen=True, slots=True)
class Window:
    """How a kernel goes over the axes after the channels, one number or pair an axis.

    Attributes:
        kernel: lengths.
        strides: steps.
        dilations: distances between the elements of the kernel.
        pads: what is added before and after.
    """

    kernel: tuple[int, ...]
    strides: tuple[int, ...]
    dilations: tuple[int, ...]
    pads: Pads = field(default=())

    @property
    def reach(self) -> tuple[int, ...]:
        """Lengths with the gaps."""
        return tuple((k - 1) * d + 1 for k, d in zip(self.kernel, self.dilations, strict=True))

    def outputs(self, lengths: Sequence[int], *, ceil: bool = False) -> tuple[int, ...]:
        """Lengths of what comes out; rounded up with ``ceil``, but no window starts in the padding after the end."""
        made = []
        for length, reach, stride, (before, after) in zip(
            lengths, self.reach, self.strides, self.pads, strict=True
        ):
            steps = (length + before + after - reach) / stride
            count = (math.ceil(steps) if ceil else math.floor(steps)) + 1
            made.append(count - 1 if ceil and (count - 1) * stride >= length + before else count)
        return tuple(made)


def same(lengths: Sequence[int], window: Window, *, lower: bool = False) -> Pads:
    """Padding that makes the output ``ceil(length / stride)`` long; an odd rest goes after, with ``lower`` before."""
    pads = []
    for length, reach, stride in zip(lengths, window.reach, window.strides, strict=True):
        total = max((math.ceil(length / stride) - 1) * stride + reach - length, 0)
        half = total // 2
        pads.append((total - half, half) if lower else (half, total - half))
    return tuple(pads)


def convolution(
    lower: Lowering, value: Value, weight: Value, bias: Value | None, window: Window, groups: int, path: str
) -> Value:
    """Convolve; ``weight`` is (outputs, inputs / groups, ...).

    Raises:
        NotCoveredError: it has more than three axes to go over.
    """
    rank = len(window.kernel)
    if rank not in _CONVOLUTIONS:
        raise NotCoveredError(f"it goes over {rank} axes, at most 3 are covered")
    value, padding = _evenly_padded(lower, value, window)
    setting: dict[str, Any] = {
        "stride": window.strides, "padding": padding, "dilation": window.dilations, "groups": groups,
    }  # fmt: skip
    if not weight.is_constant or (bias is not None and not bias.is_constant):
        return lower.call(_RUNTIME[rank], value, weight, bias, **setting)
    outputs, inputs = weight.shape[:2]
    module = _CONVOLUTIONS[rank](
        inputs * groups, outputs, window.kernel, bias=bias is not None, device="meta", **setting
    )
    return lower.module(path, filled(module, weight, bias), value)


def filled(module: Any, weight: Value, bias: Value | None) -> Any:
    """Give a module without memory its weights."""
    module.weight = nn.Parameter(weight.example.contiguous(), requires_grad=False)
    if bias is not None:
        module.bias = nn.Parameter(bias.example.contiguous(), requires_grad=False)
    return module


def dense(lower: Lowering, path: str, x: Value, weight: Value, bias: Value | None = None) -> Value:
    """A dense layer: ``weight`` is (outputs, inputs), constant as ``bias`` is."""
    outputs, inputs = weight.shape
    module = nn.Linear(inputs, outputs, bias=bias is not None, device="meta")
    return lower.module(path, filled(module, weight, bias), x)


def _evenly_padded(lower: Lowering, value: Value, window: Window) -> tuple[Value, tuple[int, ...]]:
    """Leave equal padding to the operation, and carry out any other before it."""
    if all(before == after >= 0 for before, after in window.pads):
        return value, tuple(before for before, _ in window.pads)
    return lower.pad(value, ((0, 0), (0, 0), *window.pads)), (0,) * len(window.pads)


def transposed(
    lower: Lowering, value: Value, weight: Value, bias: Value | None, window: Window, groups: int, path: str
) -> Value:
    """Convolve transposed; `Window.pads` are cut off, or added below 0.

    Weights are (inputs, outputs / groups, ...).

    Raises:
        NotCoveredError: its weights depend on the input, or it has more than three axes to go over.
    """
    rank = len(window.kernel)
    if rank not in _TRANSPOSED:
        raise NotCoveredError(f"it goes over {rank} axes, at most 3 are covered")
    lower.known(weight, "weight")
    padding, output_padding, rest = [], [], []
    for (before, after), stride, dilation in zip(window.pads, window.strides, window.dilations, strict=True):
        longest = max(stride, dilation) - 1
        inside = before if before >= 0 and before - after <= longest else 0
        longer = min(max(0, inside - after), longest)
        padding.append(inside)
        output_padding.append(longer)
        rest.append((inside - before, inside - longer - after))
    inputs, outputs = weight.shape[:2]
    module = _TRANSPOSED[rank](
        inputs, outputs * groups, window.kernel, stride=window.strides, padding=tuple(padding), groups=groups,
        output_padding=tuple(output_padding), dilation=window.dilations, bias=bias is not None, device="meta",
    )  # fmt: skip
    made = lower.module(path, filled(module, weight, bias), value)
    if bias is not None and any(number > 0 for pair in rest for number in pair):
        raise NotCoveredError("its output is longer than its kernel reaches")
    return lower.pad(made, ((0, 0), (0, 0), *rest))


def max_pool(lower: Lowering, value: Value, window: Window, *, ceil: bool = False) -> Value:
    """The maximum of each window; padding never counts."""
    lengths = value.shape[2:]
    wanted = window.outputs(lengths, ceil=ceil)
    even = tuple((before, before) for before, _ in window.pads)
    fits = all(0 <= before <= k // 2 for (before, _), k in zip(window.pads, window.kernel, strict=True))
    for rounds_up in (False, True):
        given = Window(window.kernel, window.strides, window.dilations, even).outputs(lengths, ceil=rounds_up)
        if fits and all(have >= want for have, want in zip(given, wanted, strict=True)):
            made = _pooled(lower, value, window, tuple(before for before, _ in even), ceil=rounds_up)
            return lower.slice(made, [slice(0, each, 1) for each in (*value.shape[:2], *wanted)])
    lowest = torch.finfo(value.example.dtype).min if value.example.is_floating_point() else 0
    padded = lower.pad(value, ((0, 0), (0, 0), *_reaching(window, lengths, wanted)), fill=lowest)
    return _pooled(lower, padded, window, (0,) * len(lengths), ceil=False)


def _pooled(lower: Lowering, value: Value, window: Window, padding: tuple[int, ...], *, ceil: bool) -> Value:
    return lower.call(
        _MAXIMA[len(padding)], value, list(window.kernel), list(window.strides), list(padding),
        list(window.dilations), ceil,
    )  # fmt: skip


def _reaching(window: Window, lengths: Sequence[int], outputs: Sequence[int]) -> Pads:
    """The same padding before, and after the end what makes exactly ``outputs`` windows."""
    return tuple(
        (before, (count - 1) * stride + reach - length - before)
        for (before, _), count, stride, reach, length in zip(
            window.pads, outputs, window.strides, window.reach, lengths, strict=True
        )
    )


def average_pool(
    lower: Lowering, value: Value, window: Window, *, counts_padding: bool, ceil: bool = False
) -> Value:
    """The mean of each window; padding counts as zeros, or not at all.

    Raises:
        NotCoveredError: the kernel is dilated.
    """
    if any(each != 1 for each in window.dilations):
        raise NotCoveredError("its kernel is dilated")
    lengths, rank = value.shape[2:], len(window.kernel)
    wanted = window.outputs(lengths, ceil=ceil)
    pool = _AVERAGES[rank]
    fits = all(a == b <= k // 2 for (a, b), k in zip(window.pads, window.kernel, strict=True))
    if fits and wanted == window.outputs(lengths):
        padding, ceil_mode = [before for before, _ in window.pads], False
        return lower.call(
            pool, value, list(window.kernel), list(window.strides), padding, ceil_mode, counts_padding
        )
    reaching = _reaching(window, lengths, wanted)
    padded = lower.pad(value, ((0, 0), (0, 0), *reaching))
    made = lower.call(pool, padded, list(window.kernel), list(window.strides))
    shares = _shares(window, lengths, reaching, counts_padding=counts_padding)
    if bool((shares == 1).all()):
        return made
    return lower.elementwise(torch.mul, made, lower.constant((1 / shares).to(value.example.dtype)))


def _shares(window: Window, lengths: Sequence[int], reaching: Pads, *, counts_padding: bool) -> torch.Tensor:
    """By window, which share of it counts."""
    counts = tuple(
        (before, max(0, min(after, end))) if counts_padding else (0, 0)
        for (before, after), (_, end) in zip(window.pads, reaching, strict=True)
    )
    rest = tuple((a - c, b - d) for (a, b), (c, d) in zip(reaching, counts, strict=True))
    counted = functional.pad(torch.ones(1, 1, *lengths), _torchwise(counts), value=1.0)
    counted = functional.pad(counted, _torchwise(rest))
    return _AVERAGES[len(window.kernel)](counted, list(window.kernel), list(window.strides))


def _torchwise(pads: Pads) -> list[int]:
    """Torch counts axes from the last."""
    return [each for pair in reversed(pads) for each in pair]
