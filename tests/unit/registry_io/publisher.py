"""Publishes file after file and says so, until it is killed: ``python -m tests.unit.registry_io.publisher REGISTRY N``.

Each line is printed after the registry said that the file is published.
"""

import hashlib
import sys
from dataclasses import replace
from pathlib import Path

from registry.blobs import Blobs
from registry.catalogue import Catalogue
from registry.publications import publish
from registry.reader import Reader
from registry.values import Availability, Variant

AT = "2026-01-02T03:04:05+00:00"


def content(number: int) -> bytes:
    """The file of that number; large enough that writing it takes some time."""
    return hashlib.sha256(str(number).encode()).digest() * 20_000


def adding(plain: Variant, number: int, data: bytes | None = None) -> tuple[bytes, Catalogue]:
    """What is published under that number."""
    data = content(number) if data is None else data
    variant = replace(
        plain, name=f"file-{number}.tflite", sha256=hashlib.sha256(data).hexdigest(), size_bytes=len(data),
        availability=Availability.HELD, accuracies=(), source="paper",
    )  # fmt: skip
    return data, Catalogue({}, {}, {variant.name: variant}, ())


def _say(text: str) -> None:
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


def main() -> None:
    """See the module."""
    path, number = Path(sys.argv[1]), int(sys.argv[2])
    with Reader(path) as opened:
        plain = opened.variants()["net-int8.tflite"]
    _say("ready")
    while True:
        _, name = publish(path, Blobs(path.with_suffix(".blobs")), *adding(plain, number), AT, "killed")
        _say(name)
        number += 1


if __name__ == "__main__":
    main()
