"""Bytes in order, each counted to a part of the file, and never past the end."""

import math
from collections import Counter
from enum import StrEnum

from zoo.errors import BadFileError

ELEMENTS_PER_BYTE = 256
"""A file of n bytes holds at most this many times n numbers: the writer pads, the reader refuses.

That is a thousandfold compression, and reading takes some 20 bytes of memory a number.
"""

FREE_STEPS = 4096
"""Steps of the scan that any file may take; beyond them one a byte."""

SOURCE = "a deep-compression file"

_MORE = 0x80
_LONGEST_VARINT = 6


class Part(StrEnum):
    """What the bytes of a file are for."""

    HEADER = "header"
    POSITIONS = "positions"
    INDICES = "indices"
    CODEBOOKS = "codebooks"
    VALUES = "values"
    REST = "rest"
    PADDING = "padding"


def bad(problem: str) -> BadFileError:
    """The error of a file that is none."""
    return BadFileError(SOURCE, [problem])


def varint(number: int) -> bytes:
    """7 bits a byte, the lowest first."""
    out = bytearray()
    while number >= _MORE:
        out.append(number & (_MORE - 1) | _MORE)
        number >>= 7
    out.append(number)
    return bytes(out)


class Reader:
    """Reads in order and counts.

    Attributes:
        parts: bytes read so far, by part.
        elements: numbers that were announced so far.
        steps: of scans that were announced so far.

    Args:
        data: the whole file.
    """

    def __init__(self, data: bytes) -> None:
        """Stand at the first byte."""
        self._data, self._at = data, 0
        self.parts: Counter[Part] = Counter()
        self.elements = self.steps = 0

    @property
    def left(self) -> int:
        """Bytes that were not read."""
        return len(self._data) - self._at

    def take(self, count: int, part: Part) -> bytes:
        """The next ``count`` bytes.

        Raises:
            BadFileError: there are not as many.
        """
        if count > self.left:
            raise bad(f"it ends after {len(self._data)} bytes, where {count - self.left} more are announced")
        self._at += count
        self.parts[part] += count
        return self._data[self._at - count : self._at]

    def number(self, part: Part) -> int:
        """The next `varint`.

        Raises:
            BadFileError: it is longer than any that is written, or there is none.
        """
        total = 0
        for place in range(_LONGEST_VARINT):
            (byte,) = self.take(1, part)
            total |= (byte & (_MORE - 1)) << 7 * place
            if byte < _MORE:
                return total
        raise bad(f"a number has more than {_LONGEST_VARINT} bytes")

    def announce(self, elements: int, steps: int = 0) -> None:
        """Count numbers and steps before anything is allocated for them.

        Raises:
            BadFileError: they are too many for a file as long.
        """
        self.elements += elements
        self.steps += steps
        if least_length(self.elements, self.steps) > len(self._data):
            raise bad(
                f"{len(self._data)} bytes announce {self.elements} numbers in {self.steps} steps; at most "
                f"{ELEMENTS_PER_BYTE} numbers a byte are read"
            )


def elements_of(shape: tuple[int, ...]) -> int:
    """Numbers of a tensor, for the limits: an axis of none counts as one, so that the others are limited, too."""
    return math.prod(max(1, each) for each in shape)


def least_length(elements: int, steps: int) -> int:
    """How long a file must be to hold so many numbers."""
    return max(-(-elements // ELEMENTS_PER_BYTE), steps - FREE_STEPS)
