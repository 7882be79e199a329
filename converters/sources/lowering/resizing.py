"""Resizing: every way is a choice of places, or a matrix, along each axis.

Where that is what torch's own interpolation does, the interpolation is written; else a choice of places (nearest), or a
product with the constant matrix (linear, cubic), which is exact whatever the convention.
"""

import math
from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch.nn import functional

from converters.sources.lowering.builder import Lowering, NotCoveredError, Value

_SAME = 1e-5

COORDINATES: dict[str, Callable[[torch.Tensor, float, int, int], torch.Tensor]] = {
    "half_pixel": lambda x, scale, _length, _outputs: (x + 0.5) / scale - 0.5,
    "half_pixel_symmetric": lambda x, scale, length, outputs: (
        length / 2 * (1 - outputs / (scale * length)) + (x + 0.5) / scale - 0.5
    ),
    "pytorch_half_pixel": lambda x, scale, _length, outputs: (
        (x + 0.5) / scale - 0.5 if outputs > 1 else torch.zeros_like(x)
    ),
    "asymmetric": lambda x, scale, _length, _outputs: x / scale,
    "align_corners": lambda x, _scale, length, outputs: x * ((length - 1) / max(1, outputs - 1)),
    "tf_half_pixel_for_nn": lambda x, scale, _length, _outputs: (x + 0.5) / scale,
}
"""By ONNX's ``coordinate_transformation_mode``: output place, scale, input length and output length to input place."""

ROUNDINGS: dict[str, Callable[[torch.Tensor], torch.Tensor]] = {
    "round_prefer_floor": lambda x: torch.ceil(x - 0.5),
    "round_prefer_ceil": lambda x: torch.floor(x + 0.5),
    "floor": torch.floor,
    "ceil": torch.ceil,
}
"""By ONNX's ``nearest_mode``."""


def nearest(lower: Lowering, value: Value, places: dict[int, torch.Tensor]) -> Value:
    """Choose input pixels: by axis, whole places of the input."""
    lengths = {axis: value.shape[axis] for axis in places}
    changed = {axis: each for axis, each in places.items() if not _is_identity(each, lengths[axis])}
    torchs = {
        axis: (torch.arange(len(each)) * (lengths[axis] / len(each))).floor()
        for axis, each in changed.items()
    }
    if _is_image(value, changed) and all(
        torch.equal(each.long(), torchs[axis].long()) for axis, each in changed.items()
    ):
        return lower.call(functional.interpolate, value, size=_size(value, changed), mode="nearest")
    for axis, each in changed.items():
        value = lower.call(torch.index_select, value, axis, lower.constant(each.long()))
    return value


def linear(lower: Lowering, value: Value, matrices: dict[int, torch.Tensor]) -> Value:
    """Mix input pixels: by axis, a matrix of (outputs, inputs)."""
    changed = {axis: each for axis, each in matrices.items() if not _is_eye(each)}
    if not changed:
        return value
    if _is_image(value, changed):
        for corners in (False, True):
            if all(_is_torchs(each, corners=corners) for each in changed.values()):
                return lower.call(
                    functional.interpolate, value, size=_size(value, changed), mode=_mode(value), align_corners=corners
                )  # fmt: skip
    for axis, each in changed.items():
        last = [place for place in range(value.rank) if place != axis] + [axis]
        moved = lower.permute(value, last)
        mixed = lower.call(torch.matmul, moved, lower.constant(each.T.to(value.example.dtype).contiguous()))
        value = lower.permute(mixed, sorted(range(value.rank), key=last.__getitem__))
    return value


def linear_matrix(places: torch.Tensor, length: int) -> torch.Tensor:
    """What mixes the two pixels on both sides of each place; beyond the edge, the edge itself counts."""
    inside = places.clamp(0, length - 1)
    below = inside.floor()
    return _rows([(below, 1 - (inside - below)), ((below + 1).clamp(max=length - 1), inside - below)], length)


def cubic_matrix(
    places: torch.Tensor, length: int, coefficient: float, *, excludes_outside: bool
) -> torch.Tensor:
    """Keys' cubic convolution (IEEE Trans. ASSP 29(6), 1981) over the four pixels around each place."""
    below = places.floor()
    pairs = []
    for step in (-1, 0, 1, 2):
        weight = _keys((places - below - step).abs(), coefficient)
        pixel = below + step
        if excludes_outside:
            weight = torch.where((pixel < 0) | (pixel >= length), torch.zeros_like(weight), weight)
        pairs.append((pixel.clamp(0, length - 1), weight))
    rows = _rows(pairs, length)
    return rows / rows.sum(1, keepdim=True) if excludes_outside else rows


def _keys(distance: torch.Tensor, a: float) -> torch.Tensor:
    near = ((a + 2) * distance - (a + 3)) * distance**2 + 1
    far = ((a * distance - 5 * a) * distance + 8 * a) * distance - 4 * a
    return torch.where(distance <= 1, near, torch.where(distance < 2, far, torch.zeros_like(far)))  # noqa: PLR2004


def output_places(mode: str, scale: float, length: int, outputs: int) -> torch.Tensor:
    """Where each output pixel lies among the input pixels.

    Raises:
        NotCoveredError: ``mode`` is none of `COORDINATES`.
    """
    if mode not in COORDINATES:
        raise NotCoveredError(
            f"coordinates '{mode}' are not covered (they are: {', '.join(sorted(COORDINATES))})"
        )
    # In float32, as the runtimes compute them: where a place is halfway, the same pixel must be nearest.
    return COORDINATES[mode](torch.arange(outputs, dtype=torch.float32), scale, length, outputs).double()


def _rows(pairs: Sequence[tuple[torch.Tensor, torch.Tensor]], length: int) -> torch.Tensor:
    made = torch.zeros(len(pairs[0][0]), length, dtype=torch.float64)
    for pixels, weights in pairs:
        made.scatter_add_(1, pixels.long().unsqueeze(1), weights.unsqueeze(1))
    return made


def _is_identity(places: torch.Tensor, length: int) -> bool:
    return len(places) == length and torch.equal(places.long(), torch.arange(length))


def _is_eye(matrix: torch.Tensor) -> bool:
    return matrix.shape[0] == matrix.shape[1] and torch.allclose(
        matrix, torch.eye(len(matrix), dtype=matrix.dtype)
    )


def _is_image(value: Value, changed: dict[int, Any]) -> bool:
    """Whether it is (N, C, ...) with one or two axes to resize, as interpolation takes it on every target."""
    return value.rank in {3, 4} and min(changed, default=0) > 1 and value.example.is_floating_point()


def _size(value: Value, changed: dict[int, torch.Tensor]) -> list[int]:
    return [len(changed[axis]) if axis in changed else value.shape[axis] for axis in range(2, value.rank)]


def _mode(value: Value) -> str:
    return "linear" if value.rank == 3 else "bilinear"  # noqa: PLR2004 - (N, C, L)


def _is_torchs(matrix: torch.Tensor, *, corners: bool) -> bool:
    outputs, length = matrix.shape
    mode = "align_corners" if corners else "half_pixel"
    torchs = linear_matrix(output_places(mode, outputs / length, length, outputs), length)
    return math.isclose(float((torchs - matrix).abs().max()), 0, abs_tol=_SAME)
