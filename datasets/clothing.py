"""Clothing photos, one folder a class, with a test split of our own.

The published test split is not used. Instead photos of ``train`` are put aside by the SHA-256 of their bytes: one whose
first 32 bits, read as a fraction, are below `TEST_SHARE` belongs to the test. So a photo is always on one side, however
often it is there and whatever it is called.
"""

from collections.abc import Collection
from pathlib import Path

import numpy as np

from datasets import digests
from datasets.catalogue import Known
from datasets.photos import SUFFIXES, Photos
from datasets.values import Part
from zoo.errors import DatasetError

TEST_SHARE = 0.2
_LARGEST_BYTES = 1 << 25


def load(known: Known, folder: Path, splits: Collection[str]) -> dict[str, Part]:
    """See `datasets.loading.Loader`: photos differ in size.

    The digests ``train listing`` and ``validation listing`` are over names and lengths, see `check_listing`; ``train``
    and ``validation`` over names and SHA-256 of the files. Both are checked.
    """
    parts = {}
    if {"train", "test"} & set(splits):
        everything, hashes = _read(known, folder, "train")
        sides = np.array([is_test(each) for each in hashes], bool)
        parts = {
            "train": everything.take(np.flatnonzero(~sides)),
            "test": everything.take(np.flatnonzero(sides)),
        }
    if "validation" in splits:
        parts["validation"] = _read(known, folder, "validation")[0]
    return {split: parts[split] for split in splits}


def is_test(sha256: str) -> bool:
    """Whether a photo of ``train`` with this SHA-256 is put aside for the test."""
    return int(sha256[:8], 16) < TEST_SHARE * 2**32


def check_listing(known: Known, folder: Path, name: str) -> list[Path]:
    """Check names and lengths of all photos, without reading them.

    Args:
        known: the set.
        folder: where it is.
        name: ``train`` or ``validation``.

    Returns:
        The photos, sorted by their paths.

    Raises:
        DatasetError: there are others than in the known set.
    """
    root = folder / name
    try:
        paths = sorted(
            path
            for label in known.classes
            for path in (root / label).glob("*")
            if path.suffix.lower() in SUFFIXES
        )
        sizes = [path.stat().st_size for path in paths]
    except OSError as problem:
        raise DatasetError(f"'{root}' cannot be read: {problem.strerror or problem}") from problem
    if not paths:
        raise DatasetError(f"'{root}' has no photos in folders named {', '.join(known.classes)}")
    rows = zip((path.relative_to(root).as_posix() for path in paths), map(str, sizes), strict=True)
    what = f"the set of {len(paths)} photos in '{root}' (names and lengths)"
    digests.check(what, digests.table_digest(rows), known.digests.get(f"{name} listing"))
    return paths


def _read(known: Known, folder: Path, name: str) -> tuple[Part, list[str]]:
    """All photos of one folder, and the SHA-256 of each."""
    root, contents = folder / name, []
    paths = check_listing(known, folder, name)
    for path in paths:
        try:
            if path.stat().st_size > _LARGEST_BYTES:
                raise DatasetError(f"'{path}' is larger than {_LARGEST_BYTES:,} bytes")
            contents.append(path.read_bytes())
        except OSError as problem:
            raise DatasetError(f"'{path}' cannot be read: {problem.strerror or problem}") from problem
    names = [path.relative_to(root).as_posix() for path in paths]
    hashes = [digests.sha256(content) for content in contents]
    found = digests.table_digest(zip(names, hashes, strict=True))
    digests.check(f"the set of {len(paths)} photos in '{root}'", found, known.digests.get(name))
    labels = np.array([known.classes.index(path.parent.name) for path in paths], np.int64)
    ids = tuple(f"{name}/{each}" for each in names)
    return Part(Photos(contents, [str(path) for path in paths]), labels, ids), hashes
