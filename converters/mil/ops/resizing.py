"""Upsampling and resizing of images (N, C, H, W)."""

from collections.abc import Callable
from typing import Any

import numpy as np
import torch

from converters.mil.ops.elementwise import Arguments, number, tensor

Place = Callable[[np.ndarray, int, int], np.ndarray]

# From the position of an output element to that of the input, by ``sampling_mode`` of resize_bilinear
_PLACES: dict[str, Place] = {
    "STRICT_ALIGN_CORNERS": lambda at, size, wanted: at * (size - 1) / max(1, wanted - 1),
    "ALIGN_CORNERS": lambda at, size, wanted: (
        at * (size - 1) / (wanted - 1) if wanted > 1 else np.full_like(at, (size - 1) / 2)
    ),
    "DEFAULT": lambda at, size, wanted: at * size / wanted,
    "OFFSET_CORNERS": lambda at, size, wanted: (2 * at + 1) * (size - 1) / (2 * wanted),
    "UNALIGN_CORNERS": lambda at, size, wanted: (at + 0.5) * size / wanted - 0.5,
}


def _interpolated(
    x: torch.Tensor, axis: int, wanted: int, place: Place, factor: float | None = None
) -> torch.Tensor:
    """Linear interpolation along one axis."""
    size = x.shape[axis]
    at = np.arange(wanted, dtype=np.float64)
    found = place(at, size, wanted) if factor is None else (at + 0.5) / factor - 0.5
    found = np.clip(found, 0, size - 1)
    low = np.floor(found).astype(np.int64)
    share = torch.from_numpy((found - low).astype(np.float32))
    share = share.reshape([-1 if each == axis else 1 for each in range(x.ndim)])
    one = x.index_select(axis, torch.from_numpy(low))
    other = x.index_select(axis, torch.from_numpy(np.minimum(low + 1, size - 1)))
    return one * (1 - share) + other * share


def _resize_bilinear(arguments: Arguments) -> torch.Tensor:
    x, place = tensor(arguments["x"]), _PLACES[str(arguments.get("sampling_mode", "DEFAULT"))]
    for axis, name in ((x.ndim - 2, "target_size_height"), (x.ndim - 1, "target_size_width")):
        x = _interpolated(x, axis, int(arguments.get(name, 1)), place)
    return x


def _upsample_bilinear(arguments: Arguments) -> torch.Tensor:
    x = tensor(arguments["x"])
    aligned, half = bool(arguments.get("align_corners", True)), arguments.get("half_pixel_centers")
    half = not aligned if half is None else bool(half)
    place = _PLACES["ALIGN_CORNERS" if aligned else "UNALIGN_CORNERS" if half else "DEFAULT"]
    for axis, name in ((x.ndim - 2, "scale_factor_height"), (x.ndim - 1, "scale_factor_width")):
        factor = number(arguments.get(name, 1))
        wanted = int(np.floor(x.shape[axis] * factor + 1e-4))
        x = _interpolated(x, axis, wanted, place, factor if not aligned and half else None)
    return x


def _nearest(x: torch.Tensor, axis: int, wanted: int, factor: float) -> torch.Tensor:
    places = np.minimum(np.floor(np.arange(wanted) / factor + 1e-6), x.shape[axis] - 1).astype(np.int64)
    return x.index_select(axis, torch.from_numpy(places))


def _upsample_nearest(arguments: Arguments) -> torch.Tensor:
    x = tensor(arguments["x"])
    for axis, name in ((x.ndim - 2, "scale_factor_height"), (x.ndim - 1, "scale_factor_width")):
        factor = number(arguments.get(name, 1))
        x = _nearest(x, axis, int(np.floor(x.shape[axis] * factor + 1e-4)), factor)
    return x


def _resize_nearest(arguments: Arguments) -> torch.Tensor:
    x = tensor(arguments["x"])
    for axis, name in ((x.ndim - 2, "target_size_height"), (x.ndim - 1, "target_size_width")):
        wanted = int(arguments[name])
        x = _nearest(x, axis, wanted, wanted / x.shape[axis])
    return x


OPERATIONS: dict[str, Callable[[Arguments], Any]] = {
    "resize_bilinear": _resize_bilinear,
    "upsample_bilinear": _upsample_bilinear,
    "upsample_nearest_neighbor": _upsample_nearest,
    "resize_nearest_neighbor": _resize_nearest,
}
