"""Weights on a grid of few bits, with training that knows of it.

A channel (axis 0) of a weight lies on ``integer x scale``, with integers in -q ... q and ``q = 2^(bits-1) - 1``: 255,
15, 7 and 3 levels for 8, 4, 3 and 2 bits. Gradients go straight through the rounding (Bengio et al. 2013,
arXiv:1308.3432), and scales are learned beside the weights (LSQ, Esser et al. 2019, arXiv:1902.08153), as logarithms,
so that a step does not depend on their size (Jain et al. 2019, arXiv:1903.08066).

The largest integer of a channel is always q, so that the grid can be found again from the weights alone: the scale is
never more than ``max|w| / q``. `converters.grids` has the same formula; a test holds both together.
"""

from collections.abc import Mapping
from functools import partial
from typing import Any

import torch
from torch import nn
from torch.nn.utils import parametrize

from compress.layers import bits_by_layer, weight_layers
from compress.net import Net
from compress.samples import Samples
from compress.training import KeepZeros, Objective, Report, Settings, fit
from zoo.errors import UsageError

BITS = (2, 3, 4, 8)
"""Of weights: what some format stores."""

ACTIVATION_BITS = (4, 8, 16)

_TINY = 1e-30  # the least scale: weight decay leaves dead channels of subnormal numbers
_CLIP_STEP, _CLIP_STEPS = 0.95, 80  # clips that are tried reach down to 0.95^79 = 1.7 % of the largest weight
_MEMORY = (
    0.99  # share of the old range that a new batch leaves (Jacob et al. 2017, arXiv:1712.05877: close to 1)
)
_WATCH_UNTIL, _FREEZE_AFTER = 1 / 6, 2 / 3  # shares of the training


def quantize_aware(  # noqa: PLR0913 - a training's parts, and the bits of two things
    net: Net,
    samples: Samples,
    settings: Settings,
    *,
    weight_bits: int | Mapping[str, int],
    activation_bits: int | None = None,
    seed: int,
    objective: Objective | None = None,
    report: Report = lambda _: None,
) -> Net:
    """Train a net for weights of few bits; with a teacher's objective, this is quantized distillation.

    Batch norms go on normalising while it learns and are folded at the end: they scale whole channels, so what was on a
    channel's grid stays on one. Zeros of pruned weights stay zero.

    Args:
        net: trained in floats; it is not changed.
        samples: to train on.
        settings: how.
        weight_bits: of every layer, or by path; layers that a mapping leaves out stay floats.
        activation_bits: of what goes into every layer; ``None`` leaves activations alone.
        seed: see `fit`.
        objective: what is minimised; cross entropy by default.
        report: told how far it is.

    Returns:
        A folded net whose weights lie exactly on their grid.

    Raises:
        UnknownNameError: there is no such layer.
        UsageError: no such number of bits.
        TrainingError: the loss is no number any more.
    """
    made = net.copy()
    chosen = bits_by_layer(made.module, weight_bits, BITS)
    layers = weight_layers(made.module)
    for path, bits in chosen.items():
        layer = layers[path]
        parametrize.register_parametrization(layer, "weight", LearnedGrid(layer.weight.detach(), bits))
    constraints: list[Any] = [KeepZeros()]
    if activation_bits is not None:
        constraints.append(ActivationGrids(activation_bits))
    try:
        fit(
            made.module,
            samples,
            settings,
            seed=seed,
            objective=objective,
            constraints=constraints,
            report=report,
        )
    finally:
        for each in constraints[1:]:
            each.remove()
    for path in chosen:
        parametrize.remove_parametrizations(layers[path], "weight")
    return _folded_on_grid(made, chosen)


def _folded_on_grid(net: Net, chosen: Mapping[str, int]) -> Net:
    """Fold, which rounds, and move each weight the last bit to its grid."""
    made = net.folded()
    layers = weight_layers(made.module)
    with torch.no_grad():
        for path, bits in chosen.items():
            weight = layers[path].weight
            weight.copy_(on_grid(weight, largest_scales(weight, bits), bits))
    return made


def quantize_weights(net: Net, bits: int | Mapping[str, int]) -> Net:
    """The nearest weights of few bits, without training: each channel is clipped where its squared error is least.

    Args:
        net: it is not changed.
        bits: of every layer, or by path.

    Returns:
        A folded net.

    Raises:
        UnknownNameError: there is no such layer.
        UsageError: no such number of bits.
    """
    made = net.folded()
    layers = weight_layers(made.module)
    with torch.no_grad():
        for path, number in bits_by_layer(made.module, bits, BITS).items():
            weight = layers[path].weight
            weight.copy_(on_grid(weight, fitting_scales(weight, number), number))
    return made


def largest_integer(bits: int) -> int:
    """Q of a symmetric grid."""
    return 2 ** (bits - 1) - 1


def largest_scales(weight: torch.Tensor, bits: int) -> torch.Tensor:
    """Scales that clip nothing, one a channel, of the weight's rank; 1 for a channel of zeros (or next to: it dies)."""
    largest = weight.abs().flatten(1).amax(1).reshape(-1, *[1] * (weight.ndim - 1))
    return torch.where(largest > _TINY, largest / largest_integer(bits), torch.ones_like(largest))


def on_grid(weight: torch.Tensor, scales: torch.Tensor, bits: int) -> torch.Tensor:
    """The nearest points of the grid of these scales."""
    most = largest_integer(bits)
    return (weight / scales).round().clamp(-most, most) * scales + 0.0  # no negative zeros


def fitting_scales(weight: torch.Tensor, bits: int) -> torch.Tensor:
    """Scales with the least squared error, one a channel: large weights are clipped where that serves the others."""
    widest = largest_scales(weight, bits)
    best, least = widest, torch.full_like(widest, float("inf"))
    rest = tuple(range(1, weight.ndim))
    for step in range(_CLIP_STEPS):
        scales = widest * _CLIP_STEP**step
        error = (on_grid(weight, scales, bits) - weight).square().sum(rest, keepdim=True)
        best = torch.where(error < least, scales, best)
        least = torch.minimum(error, least)
    return best


class LearnedGrid(nn.Module):
    """A parametrization: gives the weight on its grid, and learns the grid's scales.

    Args:
        weight: to begin with, (channels, ...).
        bits: of the grid.
    """

    def __init__(self, weight: torch.Tensor, bits: int) -> None:
        """Start with the scales of least error."""
        super().__init__()
        self.most = largest_integer(bits)
        # One axis: `fit` decays and `KeepZeros` masks only what has more.
        self.log_scales = nn.Parameter(fitting_scales(weight, bits).flatten().clamp(min=_TINY).log())

    def forward(self, weight: torch.Tensor) -> torch.Tensor:
        """Give the nearest points of the grid."""
        widest = weight.detach().abs().flatten(1).amax(1) / self.most
        scales = torch.minimum(self.log_scales.exp(), widest).clamp(min=_TINY)
        return _Snap.apply(weight, scales.reshape(-1, *[1] * (weight.ndim - 1)), self.most)


class _Snap(torch.autograd.Function):
    """``clip(round(w / s), -q, q) s``, exactly, with LSQ's gradients."""

    @staticmethod
    def forward(ctx: Any, weight: torch.Tensor, scales: torch.Tensor, most: int) -> torch.Tensor:
        """Snap."""
        ratio = weight / scales
        integers = ratio.round().clamp(-most, most)
        ctx.save_for_backward(ratio, integers)
        ctx.most = most
        return integers * scales + 0.0  # no negative zeros

    @staticmethod
    def backward(ctx: Any, gradient: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor, None]:
        """LSQ, equations 3 and 5, and its factor 1 / sqrt(n q)."""
        ratio, integers = ctx.saved_tensors
        inside = ratio.abs() <= ctx.most
        to_scale = gradient * torch.where(inside, integers - ratio, integers)
        factor = (ratio[0].numel() * ctx.most) ** -0.5
        return gradient * inside, factor * to_scale.sum(tuple(range(1, ratio.ndim)), keepdim=True), None


class ActivationGrids:
    """A constraint: what goes into every layer lies on an affine grid while the net is trained.

    Ranges are running means of each batch's smallest and largest value. They are only watched at first, then used, and
    stand still for the last third (Jacob et al. 2017, arXiv:1712.05877; Krishnamoorthi 2018, arXiv:1806.08342). Inputs
    of layers are quantized, and not outputs, because that is where runtimes do it: after the activation that they fuse.

    Args:
        bits: of an activation.

    Raises:
        UsageError: no such number of bits.
    """

    def __init__(self, bits: int) -> None:
        """Watch nothing yet."""
        if bits not in ACTIVATION_BITS:
            wanted = ", ".join(map(str, ACTIVATION_BITS))
            raise UsageError(f"activations cannot have {bits} bits; wanted is one of {wanted}")
        self.top = 2**bits - 1
        self.ranges: dict[str, tuple[float, float]] = {}
        self._hooks: list[Any] = []
        self._watching, self._using, self._steps = True, False, 1

    def begin(self, module: Any, steps: int) -> None:
        """See `compress.training.Constraint.begin`."""
        self._steps = steps
        for path, layer in weight_layers(module).items():
            self._hooks.append(layer.register_forward_pre_hook(partial(self._quantize, path)))

    def before_step(self, module: Any) -> None:
        """See `compress.training.Constraint.before_step`."""

    def after_step(self, module: Any, step: int) -> None:  # noqa: ARG002 - of the protocol
        """See `compress.training.Constraint.after_step`."""
        self._using = step >= _WATCH_UNTIL * self._steps
        self._watching = step < _FREEZE_AFTER * self._steps

    def remove(self) -> None:
        """Let activations be as they are again."""
        for each in self._hooks:
            each.remove()

    def _quantize(self, path: str, layer: Any, inputs: tuple[Any, ...]) -> tuple[Any, ...] | None:
        values = inputs[0]
        if layer.training and self._watching:
            self._watch(path, values.detach())
        if not self._using:
            return None
        low, high = self.ranges[path]
        scale = max((high - low) / self.top, _TINY)
        zero = round(-low / scale)
        return (torch.fake_quantize_per_tensor_affine(values, scale, zero, 0, self.top), *inputs[1:])

    def _watch(self, path: str, values: torch.Tensor) -> None:
        """Zero is always in the range: paddings and rectifiers need it exactly."""
        low, high = min(0.0, float(values.min())), max(0.0, float(values.max()))
        if path in self.ranges:
            old_low, old_high = self.ranges[path]
            low = _MEMORY * old_low + (1 - _MEMORY) * low
            high = _MEMORY * old_high + (1 - _MEMORY) * high
        self.ranges[path] = low, high
