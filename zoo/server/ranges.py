"""Which part of a file a request wants (RFC 9110, section 14); what is not understood is ignored, as it says."""

import re
from dataclasses import dataclass

_ONE = re.compile(rb"\s*bytes\s*=\s*(\d*)\s*-\s*(\d*)\s*", re.IGNORECASE)
_DIGITS = 20  # no file is longer than a number of so many digits


@dataclass(frozen=True, slots=True)
class Part:
    """Bytes ``start`` to ``end`` of a file, the end not included; empty where the file has none of what is wanted."""

    start: int
    end: int


def wanted(given: bytes, size: int) -> Part | None:
    """Read a ``Range`` header.

    Args:
        given: its value.
        size: of the file in bytes.

    Returns:
        The part, an empty one where the range lies outside the file, or ``None`` where the whole file is the answer:
        another unit, several ranges, or no range at all.
    """
    match = _ONE.fullmatch(given)
    if match is None or not (match[1] or match[2]):
        return None
    first, last = (_number(each) for each in match.groups())
    if first is None:
        return Part(max(0, size - (last or 0)), size)
    if last is not None and last < first:
        return None
    return (
        Part(first, min(size, last + 1 if last is not None else size)) if first < size else Part(size, size)
    )


def _number(digits: bytes) -> int | None:
    if not digits:
        return None
    digits = digits.lstrip(b"0") or b"0"
    return int(digits) if len(digits) <= _DIGITS else 10**_DIGITS
