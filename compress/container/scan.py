"""Two streams of a tensor: where it is not zero, and which symbol stands there.

A tensor is a table of rows (output channels) and columns, and is read column by column, up to 1,024 rows a step. All
elements of a step are coded together, each with the frequencies that its context has had in the steps before: adaptive
coding, without tables (Langdon and Rissanen 1981; contexts as in JBIG, ITU-T T.82). The context of a position is how
many of its two neighbours are not zero (one column before, and ``stride`` columns before: the pixel to the left and the
pixel above), and how full its row is so far. The context of a symbol is the sign of its neighbours. Nets that were
trained on images have smooth filters, so both pay.

A mask coded with probabilities is the same as gaps coded with the frequencies that these probabilities give, without
fillers and without a table.

Writer and reader must compute the same probabilities: they are quotients of small exact numbers, which IEEE arithmetic
gives alike everywhere. The range coder is that of `constriction` (Bamler 2022, arXiv:2201.01741).
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import constriction
import numpy as np
from numpy.typing import NDArray

from compress.container.fields import bad

Mask = NDArray[np.bool_]
Symbols = NDArray[np.int32]
Signs = NDArray[np.int8]

STEP_ROWS = 1024
DENSITY_LEVELS = 256
NEIGHBOURS = 3  # contexts: how many of two neighbours; or their sign
_FULLNESS = 64  # levels of a row's density, told apart by their bit length
_FULL_LEVELS = 8
_BIT_LENGTHS = np.array([1, 2, 4, 8, 16, 32, 64])
_PRIOR_WEIGHT = 2.0  # elements that the announced density counts for
_LEAST = 1 / 1024  # probability of anything
_PRIOR_SYMBOLS = 0.5  # Krichevsky and Trofimov 1981
_REFRESH = 16  # a model of n symbols is made again after n/16 of them, so that this costs little


@dataclass(frozen=True, slots=True)
class Table:
    """How a tensor is walked through.

    Attributes:
        rows: of the table.
        columns: of the table.
        stride: columns between a place and the one above; 1 for none above, 0 for no neighbours at all.
    """

    rows: int
    columns: int
    stride: int

    @property
    def steps(self) -> int:
        """How many."""
        return steps_of(self.rows, self.columns)

    def walk(self) -> Iterator[tuple[int, slice]]:
        """A column and some of its rows, step by step."""
        for column in range(self.columns):
            for start in range(0, self.rows, STEP_ROWS):
                yield column, slice(start, min(self.rows, start + STEP_ROWS))

    def neighbours(self, grid: NDArray[Any], column: int, rows: slice) -> NDArray[np.int64]:
        """Sum of the two neighbours of every place of a step; ``grid`` is (columns, rows)."""
        total = np.zeros(rows.stop - rows.start, np.int64)
        if self.stride and column >= 1:
            total += grid[column - 1, rows]
        if self.stride > 1 and column >= self.stride:
            total += grid[column - self.stride, rows]
        return total


def steps_of(rows: int, columns: int) -> int:
    """Steps of a walk."""
    return columns * -(-rows // STEP_ROWS)


class _Positions:
    """Frequencies of the contexts of positions."""

    def __init__(self, table: Table, density: int) -> None:
        contexts = NEIGHBOURS * _FULL_LEVELS
        self.table = table
        self.seen = np.full(contexts, _PRIOR_WEIGHT)
        self.ones = self.seen * ((density + 0.5) / DENSITY_LEVELS)
        self.full = np.zeros(table.rows, np.int64)

    def contexts(self, mask: Mask, column: int, rows: slice) -> NDArray[np.int64]:
        fullness = self.full[rows] * _FULLNESS // max(1, column)
        level = np.searchsorted(_BIT_LENGTHS, fullness, side="right")
        return self.table.neighbours(mask, column, rows) * _FULL_LEVELS + level

    def probabilities(self, contexts: NDArray[np.int64]) -> NDArray[np.float64]:
        return np.clip(self.ones / self.seen, _LEAST, 1 - _LEAST)[contexts]

    def learn(self, contexts: NDArray[np.int64], bits: Mask, rows: slice) -> None:
        self.seen += np.bincount(contexts, minlength=self.seen.size)
        self.ones += np.bincount(contexts[bits], minlength=self.ones.size)
        self.full[rows] += bits


def write_positions(mask: Mask, table: Table, density: int) -> bytes:
    """Code a mask.

    Args:
        mask: (columns, rows).
        table: how it is walked through.
        density: share of ones to begin with, in 1/256.
    """
    encoder = constriction.stream.queue.RangeEncoder()
    family, learned = constriction.stream.model.Bernoulli(perfect=False), _Positions(table, density)
    for column, rows in table.walk():
        contexts, bits = learned.contexts(mask, column, rows), mask[column, rows]
        encoder.encode(bits.astype(np.int32), family, learned.probabilities(contexts))
        learned.learn(contexts, bits, rows)
    return _bytes(encoder)


def read_positions(data: bytes, table: Table, density: int) -> Mask:
    """The inverse of `write_positions`.

    Raises:
        BadFileError: no mask gives these bytes.
    """
    decoder = _decoder(data)
    family, learned = constriction.stream.model.Bernoulli(perfect=False), _Positions(table, density)
    mask = np.zeros((table.columns, table.rows), np.bool_)
    for column, rows in table.walk():
        contexts = learned.contexts(mask, column, rows)
        bits = _decoded(decoder, family, learned.probabilities(contexts)).astype(np.bool_)
        mask[column, rows] = bits
        learned.learn(contexts, bits, rows)
    return mask


class _Models:
    """Frequencies of symbols, one set a context."""

    def __init__(self, alphabet: int) -> None:
        self.alphabet = alphabet
        self.counts = np.full((NEIGHBOURS, alphabet), _PRIOR_SYMBOLS)
        self.new = np.full(NEIGHBOURS, alphabet)
        self.made: list[Any] = [None] * NEIGHBOURS

    def model(self, context: int) -> Any:
        if self.new[context] * _REFRESH >= self.alphabet:
            self.made[context] = constriction.stream.model.Categorical(self.counts[context], perfect=False)
            self.new[context] = 0
        return self.made[context]

    def learn(self, context: int, symbols: Symbols) -> None:
        self.counts[context] += np.bincount(symbols, minlength=self.alphabet)
        self.new[context] += symbols.size


def _groups(
    mask: Mask, signs: Signs, table: Table, column: int, rows: slice
) -> Iterator[tuple[int, NDArray[np.int64]]]:
    """The rows of a step that are not zero, by context."""
    places = np.flatnonzero(mask[column, rows]) + rows.start
    if places.size:
        contexts = np.sign(table.neighbours(signs, column, rows))[places - rows.start] + 1
        for context in range(NEIGHBOURS):
            chosen = places[contexts == context]
            if chosen.size:
                yield context, chosen


def write_symbols(symbols: Symbols, mask: Mask, table: Table, signs: Signs) -> bytes:
    """Code what stands where the mask is set.

    Args:
        symbols: (columns, rows); what the mask leaves out does not matter.
        mask: (columns, rows).
        table: how both are walked through.
        signs: of each symbol, (alphabet,).
    """
    if signs.size == 1:
        return b""
    encoder = constriction.stream.queue.RangeEncoder()
    models, known = _Models(signs.size), np.where(mask, signs[symbols], 0).astype(np.int8)
    for column, rows in table.walk():
        for context, places in _groups(mask, known, table, column, rows):
            found = symbols[column, places]
            encoder.encode(found, models.model(context))
            models.learn(context, found)
    return _bytes(encoder)


def read_symbols(data: bytes, mask: Mask, table: Table, signs: Signs) -> Symbols:
    """The inverse of `write_symbols`; zero where the mask is not set.

    Raises:
        BadFileError: no symbols give these bytes.
    """
    symbols = np.zeros((table.columns, table.rows), np.int32)
    if signs.size == 1:
        return symbols
    decoder, models, known = _decoder(data), _Models(signs.size), np.zeros(mask.shape, np.int8)
    for column, rows in table.walk():
        for context, places in _groups(mask, known, table, column, rows):
            found = _decoded(decoder, models.model(context), places.size)
            symbols[column, places] = found
            known[column, places] = signs[found]
            models.learn(context, found)
    return symbols


def _bytes(encoder: Any) -> bytes:
    return encoder.get_compressed().astype("<u4").tobytes()


def _decoder(data: bytes) -> Any:
    if len(data) % 4:
        raise bad(f"a stream has {len(data)} bytes, which are no whole words of 4")
    return constriction.stream.queue.RangeDecoder(np.frombuffer(data, "<u4").astype(np.uint32))


def _decoded(decoder: Any, *model: Any) -> Symbols:
    try:
        return decoder.decode(*model)
    except AssertionError as problem:  # what constriction raises for bytes that no encoder wrote
        raise bad("a stream is damaged") from problem
