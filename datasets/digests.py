"""Digests that tell a data set from another one."""

import hashlib
from collections.abc import Iterable

from zoo.errors import DatasetError


def sha256(content: bytes) -> str:
    """The SHA-256 of some bytes, in hexadecimal."""
    return hashlib.sha256(content).hexdigest()


def table_digest(rows: Iterable[tuple[str, str]]) -> str:
    """The SHA-256 over named values, whatever their order: ``name NUL value LF`` each, sorted by name."""
    return sha256("".join(f"{name}\0{value}\n" for name, value in sorted(rows)).encode())


def check(what: str, found: str, wanted: str | None) -> None:
    """Refuse what is not the known data.

    Args:
        what: a phrase for the message, such as the path of the file.
        found: its digest.
        wanted: the known digest; ``None`` checks nothing.

    Raises:
        DatasetError: they differ.
    """
    if wanted is not None and found != wanted:
        raise DatasetError(
            f"{what} is not what it should be: its SHA-256 is {found[:16]}..., {wanted[:16]}... is wanted. "
            "Get it again"
        )
