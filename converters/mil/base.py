"""What an evaluator of a Core ML file is."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from numpy.typing import NDArray

Array = NDArray[Any]


@dataclass(frozen=True, slots=True)
class Port:
    """An input or output.

    Attributes:
        name: as the file has it.
        shape: lengths of its axes; empty where the file does not fix them.
    """

    name: str
    shape: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Weight:
    """A constant that a convolution, dense layer or the like takes.

    Attributes:
        values: decoded, float32, in the layout that the operation takes.
        integers: int8, output channels first; ``None`` where it is not stored as integers times scales.
        scales: float32, one an output channel, or one alone; ``None`` as above.
    """

    values: Array
    integers: Array | None = None
    scales: Array | None = None


class Evaluator(Protocol):
    """A file that can be run.

    Attributes:
        inputs: in the order of the file.
        outputs: in the order of the file.
    """

    inputs: tuple[Port, ...]
    outputs: tuple[Port, ...]

    def unknown_operators(self) -> tuple[str, ...]:
        """Kinds of operations that this evaluator does not know, sorted."""
        ...

    def weights(self) -> Mapping[str, Weight]:
        """Every weight by name."""
        ...

    def run(self, feeds: Mapping[str, Array]) -> dict[str, Array]:
        """Evaluate the file on one input.

        Args:
            feeds: an array an input, by name.

        Returns:
            An array an output, by name.

        Raises:
            ConversionError: an operation is not known.
        """
        ...
