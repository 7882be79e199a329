"""What a reader of one format is, and the table of readers: all that is known of each before it is imported."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from importlib import import_module
from pathlib import Path
from types import MappingProxyType
from typing import Protocol, cast

from converters.inspection.report import Format, Graph, Load, Operator
from zoo.errors import MissingExtraError


class UnreadableError(Exception):
    """The bytes cannot be what they should be; raised inside the sandbox only.

    Args:
        problems: one text a problem: what was found, what was wanted.
    """

    def __init__(self, problems: Sequence[str]) -> None:
        """Keep the problems."""
        self.problems = tuple(problems)
        super().__init__("; ".join(problems))


@dataclass(frozen=True, slots=True)
class Reading:
    """What one reader finds in a file; the rest of a `FileReport` is worked out of it.

    Attributes:
        flavour: see `FileReport.flavour`.
        graph: the main graph; ``None`` for formats that only hold weights or are only named.
        producer: the tool that wrote it.
        minimum: see `FileReport.minimum`.
        metadata_bytes: see `FileReport.metadata_bytes`.
        entries: see `FileReport.entries`.
        warnings: see `FileReport.warnings`.
    """

    flavour: str
    graph: Graph | None
    producer: str = ""
    minimum: Mapping[str, str] = field(default_factory=dict)
    metadata_bytes: int = 0
    entries: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()


class Reader(Protocol):
    """A module that reads one format. Everything in it runs in a sandboxed process."""

    def read(self, path: Path) -> Reading:
        """Check every bound, size and index of the bytes, then read them.

        Args:
            path: a regular file or a folder; its length, links and number of files are checked already.

        Raises:
            UnreadableError: something does not hold; all that can be told apart is listed.
        """
        ...

    def macs(self, graph: Graph, operator: Operator) -> int | None:
        """Multiply-accumulates of one operator at batch 1; 0 for one that has none, ``None`` where a shape is open."""
        ...

    def load(self, path: Path) -> Load:
        """Try the runtime of this machine that takes the format, on a file that `read` accepted."""
        ...


@dataclass(frozen=True, slots=True)
class Entry:
    """Where a reader lives and what must be installed to use it.

    Attributes:
        module: dotted path.
        extra: the extra that brings what it needs; empty where the core has it all.
    """

    module: str
    extra: str = ""


READERS: Mapping[Format, Entry] = MappingProxyType(
    {
        Format.TFLITE: Entry("converters.inspection.tflite", "inspect"),
        Format.ONNX: Entry("converters.inspection.onnx", "inspect"),
        Format.MLPACKAGE: Entry("converters.inspection.coreml", "coreml"),
        Format.MLMODEL: Entry("converters.inspection.coreml", "coreml"),
        Format.SAFETENSORS: Entry("converters.inspection.weight_files"),
        Format.NPY: Entry("converters.inspection.weight_files"),
        Format.NPZ: Entry("converters.inspection.weight_files"),
        Format.SAVED_MODEL: Entry("converters.inspection.containers"),
        Format.KERAS: Entry("converters.inspection.containers"),
        Format.HDF5: Entry("converters.inspection.containers"),
        Format.PT2: Entry("converters.inspection.containers"),
    }
)


def reader(format_: Format) -> Reader:
    """Import the reader of a format.

    Raises:
        MissingExtraError: what it needs is not installed.
    """
    entry = READERS[format_]
    try:
        return cast("Reader", import_module(entry.module))
    except ModuleNotFoundError as problem:
        raise MissingExtraError(
            f"reading {format_} needs '{problem.name}'. Install it with: pip install 'device-zoo[{entry.extra}]'"
        ) from problem
