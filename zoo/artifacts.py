"""What a user can do with files, one function a verb: inspect, convert.

Apart from `zoo.actions`, because these load frameworks: each is imported when it is called.
"""

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from zoo.errors import needing

if TYPE_CHECKING:
    from converters.certificate import Certificate
    from converters.inspection.report import FileReport
    from converters.making import Request


def inspect(path: Path) -> "FileReport":
    """Read what a model file is, in a sandboxed process.

    Raises:
        BadFileError: it is damaged, hostile, or of no known format.
        MissingExtraError: what reads it is not installed.
    """
    from converters.inspection.inspecting import inspect as read

    return read(path)


def convert(
    source: str,
    weights: Path | None,
    request: "Request",
    progress: Callable[[str], None],
) -> "Certificate":
    """Convert a source into files with a certificate.

    Args:
        source: see `converters.sources.opening.open_source`.
        weights: of an architecture.
        request: what is wanted.
        progress: told in words what is done next.

    Raises:
        ZooError: the source, the samples or the folder cannot be used, or a framework is missing.
    """
    with needing("convert", "converting"):
        from converters.converting import convert as run
        from converters.sources.opening import open_source
    progress("reading the source")
    return run(open_source(source, weights), request, progress)
