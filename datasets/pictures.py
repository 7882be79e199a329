"""Pictures of any size as a net wants them: colours, height and width."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from datasets.values import Array
from registry.spec import ChannelOrder, Resize

_GREY_SHARES = np.array([299, 587, 114], np.float32) / 1000  # ITU-R BT.601
CHANNELS = {ChannelOrder.RGB: 3, ChannelOrder.BGR: 3, ChannelOrder.GRAY: 1}


def recolour(picture: Array, order: ChannelOrder) -> Array:
    """Give a picture, or an array of pictures, the wanted colours in the wanted order.

    Args:
        picture: uint8, (..., height, width, 1 or 3); three channels are red, green, blue.
        order: what is wanted; grey is the luma of ITU-R BT.601, rounded.
    """
    if order is ChannelOrder.GRAY and picture.shape[-1] != 1:
        return np.rint(picture.astype(np.float32) @ _GREY_SHARES)[..., None].astype(np.uint8)
    if order is not ChannelOrder.GRAY and picture.shape[-1] == 1:
        return np.repeat(picture, 3, axis=-1)
    return picture[..., ::-1] if order is ChannelOrder.BGR else picture


def resize(picture: Array, size: tuple[int, int], how: Resize, crop: float = 1.0) -> Array:
    """Give one picture a height and width.

    Bilinear, with the filter as wide as a pixel of the result when it shrinks (as Pillow does), so nothing is aliased.

    Args:
        picture: uint8, (height, width, channels).
        size: wanted height and width.
        how: see `Resize`; a letterbox is smaller than ``size`` on one side, see `bars`.
        crop: share of the shorter side that ``center_crop`` keeps.
    """
    from PIL import Image

    height, width = picture.shape[:2]
    box = (0.0, 0.0, float(width), float(height))
    if how is Resize.CENTER_CROP:
        # The largest box of the wanted aspect inside the middle, of which the shorter side is kept to the crop.
        factor = crop * min(height / size[0], width / size[1])
        high, wide = factor * size[0], factor * size[1]
        box = ((width - wide) / 2, (height - high) / 2, (width + wide) / 2, (height + high) / 2)
    elif how is Resize.LETTERBOX:
        factor = min(size[0] / height, size[1] / width)
        size = max(1, round(factor * height)), max(1, round(factor * width))
    if (height, width) == size and box == (0.0, 0.0, float(width), float(height)):
        return picture
    image = Image.fromarray(picture[..., 0] if picture.shape[-1] == 1 else np.ascontiguousarray(picture))
    made = np.asarray(image.resize((size[1], size[0]), Image.Resampling.BILINEAR, box=box))
    return made.reshape(*size, picture.shape[-1])


def bars(values: Array, size: tuple[int, int]) -> Array:
    """Put the values of a picture in the middle of zeros: (height, width, channels) becomes (*size, channels)."""
    if values.shape[:2] == size:
        return values
    made = np.zeros((*size, values.shape[-1]), values.dtype)
    top, left = (size[0] - values.shape[0]) // 2, (size[1] - values.shape[1]) // 2
    made[top : top + values.shape[0], left : left + values.shape[1]] = values
    return made


def same_size(samples: Sequence[Array] | Array, size: tuple[int, int]) -> bool:
    """Whether all pictures are one array and have that height and width already."""
    return isinstance(samples, np.ndarray) and samples.shape[1:3] == size


def normalized(
    pixels: Array, scale: float, mean: Sequence[float], std: Sequence[float]
) -> NDArray[np.float32]:
    """``(pixel * scale - mean) / std`` in float32, the channels last."""
    values = pixels.astype(np.float32)
    values *= np.float32(scale)
    if len(mean):
        values -= np.asarray(mean, np.float32)
    if len(std):
        values /= np.asarray(std, np.float32)
    return values
