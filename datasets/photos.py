"""Photos that are decoded when they are asked for: a set of them as pixels would fill the memory."""

import io
from collections.abc import Sequence
from typing import overload

import numpy as np
from PIL import Image, ImageOps

from datasets.values import Array
from zoo.errors import DatasetError

SUFFIXES = (".jpg", ".jpeg", ".png")
_MOST_PIXELS = 50_000_000


class Photos(Sequence[Array]):
    """JPEG or PNG files as uint8 arrays, (height, width, 3), upright.

    Args:
        contents: bytes of the files.
        names: of the files, for messages.
    """

    def __init__(self, contents: Sequence[bytes], names: Sequence[str]) -> None:
        """Keep the bytes."""
        self._contents, self._names = tuple(contents), tuple(names)

    @overload
    def __getitem__(self, place: int) -> Array: ...
    @overload
    def __getitem__(self, place: slice) -> "Photos": ...
    def __getitem__(self, place: int | slice) -> "Array | Photos":
        """Decode one photo, or give some of them.

        Raises:
            DatasetError: it cannot be decoded.
        """
        if isinstance(place, slice):
            return Photos(self._contents[place], self._names[place])
        return decode(self._contents[place], self._names[place])

    def __len__(self) -> int:
        """How many there are."""
        return len(self._contents)


def decode(content: bytes, name: str) -> Array:
    """Pixels of a photo, turned as its EXIF orientation says.

    Raises:
        DatasetError: it is no photo, damaged, or too large.
    """
    try:
        with Image.open(io.BytesIO(content), formats=("JPEG", "PNG")) as opened:
            if opened.width * opened.height > _MOST_PIXELS:
                raise DatasetError(f"'{name}' has {opened.width}x{opened.height} pixels: too many")
            return np.asarray(ImageOps.exif_transpose(opened).convert("RGB"))
    except (OSError, SyntaxError, ValueError, Image.DecompressionBombError) as problem:
        raise DatasetError(f"'{name}' cannot be decoded: {problem}") from problem
