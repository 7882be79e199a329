"""Files that appear whole or not at all."""

import os
from pathlib import Path

from zoo.errors import UsageError


def write_whole(path: Path, content: bytes) -> None:
    """Write ``content`` beside ``path``, then give it that name.

    Raises:
        UsageError: it cannot be written; what was there is as it was.
    """
    beside = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        try:
            beside.write_bytes(content)
            beside.replace(path)
        finally:
            beside.unlink(missing_ok=True)
    except OSError as problem:
        raise UsageError(f"cannot write '{path}': {problem.strerror}. Give a writable place") from problem
