"""Fashion-MNIST: IDX files, as MNIST has them (http://yann.lecun.com/exdb/mnist describes the format)."""

import gzip
import zlib
from collections.abc import Collection, Mapping
from pathlib import Path

import numpy as np

from datasets import digests
from datasets.catalogue import Known
from datasets.values import Array, Part
from zoo.errors import DatasetError

_PREFIXES: Mapping[str, str] = {"train": "train", "test": "t10k"}
_UNSIGNED_BYTE = 0x08
_LARGEST_BYTES = 1 << 26  # the largest file has 47 MB


def load(known: Known, folder: Path, splits: Collection[str]) -> dict[str, Part]:
    """See `datasets.loading.Loader`: pictures are one array, (n, 28, 28, 1).

    The digests are of the unpacked bytes, by the name of the file.
    """
    parts = {}
    for split in splits:
        images = _read(known, folder / f"{_PREFIXES[split]}-images-idx3-ubyte.gz", axes=3)
        labels = _read(known, folder / f"{_PREFIXES[split]}-labels-idx1-ubyte.gz", axes=1)
        if len(images) != len(labels):
            raise DatasetError(f"'{folder}' has {len(images)} pictures, but {len(labels)} labels")
        if labels.size and labels.max() >= len(known.classes):
            raise DatasetError(
                f"'{folder}' has a label {labels.max()}, the highest is {len(known.classes) - 1}"
            )
        ids = tuple(f"{split}/{row}" for row in range(len(labels)))
        parts[split] = Part(images[..., None], labels.astype(np.int64), ids)
    return parts


def _read(known: Known, path: Path, axes: int) -> Array:
    """Unpack one file, check it, and give it the shape that its head states."""
    try:
        with gzip.open(path) as packed:
            content = packed.read(_LARGEST_BYTES)
    except (OSError, EOFError, zlib.error) as problem:
        raise DatasetError(f"'{path}' cannot be unpacked: {problem}") from problem
    digests.check(f"'{path}' (unpacked)", digests.sha256(content), known.digests.get(path.name))
    head = 4 + 4 * axes
    shape = tuple(int.from_bytes(content[place : place + 4], "big") for place in range(4, head, 4))
    if content[:4] != bytes((0, 0, _UNSIGNED_BYTE, axes)) or len(content) != head + int(np.prod(shape)):
        raise DatasetError(f"'{path}' is no IDX file of bytes with {axes} axes")
    return np.frombuffer(content, np.uint8, offset=head).reshape(shape)
