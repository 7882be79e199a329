"""What a symbol stands for: a value of a codebook, an integer of a grid, or nothing but itself.

Only numbers that are not zero have symbols. The grid of a row is ``integer x scale``, with integers up to
``q = 2^(bits-1) - 1``, the largest of a row being q: that of `compress.quantization`.
"""

from dataclasses import dataclass
from enum import IntEnum
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from compress.container.fields import Part, Reader, bad, varint

Floats = NDArray[np.float32]
Symbols = NDArray[np.int32]

MOST_VALUES = 1024
GRID_BITS = (2, 3, 4, 8)


class Kind(IntEnum):
    """Kinds of dictionaries, as the file numbers them."""

    CODEBOOK = 0
    GRID = 1
    PLAIN = 2


class Dictionary(Protocol):
    """Turns symbols into numbers."""

    @property
    def kind(self) -> Kind:
        """As the file numbers it."""
        ...

    @property
    def signs(self) -> NDArray[np.int8]:
        """-1 or 1 a symbol, (alphabet,)."""
        ...

    def to_bytes(self) -> bytes:
        """What the file holds of it."""
        ...

    def values(self, symbols: Symbols) -> Floats:
        """Numbers of symbols, (channels, N)."""
        ...


@dataclass(frozen=True, slots=True)
class Codebook:
    """Values that several weights share.

    Attributes:
        numbers: ascending, none of them zero.
    """

    numbers: Floats
    kind: Kind = Kind.CODEBOOK

    @property
    def signs(self) -> NDArray[np.int8]:
        """See `Dictionary.signs`."""
        return np.sign(self.numbers).astype(np.int8)

    def to_bytes(self) -> bytes:
        """See `Dictionary.to_bytes`."""
        return varint(self.numbers.size) + floats_to_bytes(self.numbers)

    def values(self, symbols: Symbols) -> Floats:
        """See `Dictionary.values`."""
        return self.numbers[symbols]


@dataclass(frozen=True, slots=True)
class Grid:
    """Integers and scales.

    Attributes:
        bits: of an integer.
        scales: one a channel, (channels,).
    """

    bits: int
    scales: Floats
    kind: Kind = Kind.GRID

    @property
    def _integers(self) -> NDArray[np.int8]:
        most = 2 ** (self.bits - 1) - 1
        return np.concatenate([np.arange(-most, 0), np.arange(1, most + 1)]).astype(np.int8)

    @property
    def signs(self) -> NDArray[np.int8]:
        """See `Dictionary.signs`."""
        return np.sign(self._integers).astype(np.int8)

    def to_bytes(self) -> bytes:
        """See `Dictionary.to_bytes`."""
        return bytes([self.bits]) + floats_to_bytes(self.scales)

    def values(self, symbols: Symbols) -> Floats:
        """See `Dictionary.values`."""
        with np.errstate(over="ignore", invalid="ignore"):  # no writer's scales do that; the digest tells
            return self._integers[symbols].astype(np.float32) * self.scales[:, None]


@dataclass(frozen=True, slots=True)
class Plain:
    """No dictionary: the numbers follow one by one."""

    kind: Kind = Kind.PLAIN

    @property
    def signs(self) -> NDArray[np.int8]:
        """See `Dictionary.signs`."""
        return np.ones(1, np.int8)

    def to_bytes(self) -> bytes:
        """See `Dictionary.to_bytes`."""
        return b""

    def values(self, symbols: Symbols) -> Floats:
        """See `Dictionary.values`; places are kept with ones."""
        return np.ones(symbols.shape, np.float32)


def read(kind: int, channels: int, reader: Reader) -> Dictionary:
    """Read the dictionary of a tensor.

    Raises:
        BadFileError: there is no such kind, or its numbers make no sense.
    """
    if kind == Kind.PLAIN:
        return Plain()
    if kind == Kind.CODEBOOK:
        size = reader.number(Part.CODEBOOKS)
        if not 1 <= size <= MOST_VALUES:
            raise bad(f"a codebook has {size} values; 1 to {MOST_VALUES} are wanted")
        numbers = read_floats(size, reader, Part.CODEBOOKS)
        if not (np.isfinite(numbers) & (numbers != 0)).all():
            raise bad("a codebook holds zero, or what is no number")
        return Codebook(numbers)
    if kind == Kind.GRID:
        (bits,) = reader.take(1, Part.CODEBOOKS)
        if bits not in GRID_BITS:
            raise bad(f"a grid has {bits} bits; one of {GRID_BITS} is wanted")
        return Grid(bits, read_floats(channels, reader, Part.CODEBOOKS))
    raise bad(f"there is no dictionary of kind {kind}")


def codebook_of(weight: Floats) -> tuple[Codebook, Symbols] | None:
    """The values of a table and which of them each element is; ``None`` if there are too many."""
    numbers = np.unique(weight[weight != 0])
    if not 1 <= numbers.size <= MOST_VALUES:
        return None
    symbols = np.minimum(np.searchsorted(numbers, weight), numbers.size - 1)
    return Codebook(numbers), symbols.astype(np.int32)


def grid_of(weight: Floats) -> tuple[Grid, Symbols] | None:
    """The grid on which every row of a table lies exactly, with the fewest bits; ``None`` if there is none."""
    largest = np.abs(weight).max(axis=1)
    if not weight.any():
        return None
    for bits in GRID_BITS:
        most = np.float32(2 ** (bits - 1) - 1)
        near = np.where(largest > 0, largest / most, np.float32(1)).astype(np.float32)
        integers = np.rint(weight / near[:, None])
        # The division need not give back the scale that was multiplied with: look at its neighbours.
        tried = np.stack([near, np.nextafter(near, np.float32(0)), np.nextafter(near, np.float32(np.inf))])
        exact = np.stack([(integers * each[:, None] == weight).all(axis=1) for each in tried])
        if exact.any(axis=0).all():
            scales = tried[exact.argmax(axis=0), np.arange(near.size)]
            symbols = integers + most - (integers > 0)
            return Grid(bits, scales), symbols.astype(np.int32)
    return None


def floats_to_bytes(numbers: Floats) -> bytes:
    """A byte that tells the width, and the numbers as float16 if that is exact, as float32 if not."""
    with np.errstate(over="ignore"):
        half = numbers.astype("<f2")
    if np.array_equal(half.astype(np.float32), numbers):
        return b"\x02" + half.tobytes()
    return b"\x04" + numbers.astype("<f4").tobytes()


def read_floats(count: int, reader: Reader, part: Part) -> Floats:
    """The inverse of `floats_to_bytes`.

    Raises:
        BadFileError: there is no such width, or the file ends.
    """
    (width,) = reader.take(1, part)
    if width not in (2, 4):
        raise bad(f"numbers of {width} bytes; 2 or 4 are wanted")
    return np.frombuffer(reader.take(count * width, part), f"<f{width}").astype(np.float32)
