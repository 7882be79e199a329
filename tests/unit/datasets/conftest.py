"""Small data sets in the real formats, and the real ones where this machine has them."""

import gzip
import os
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from datasets import digests, finding
from datasets.catalogue import CLOTHING, FASHION_MNIST, KNOWN, SPOKEN_DIGITS, Known
from tests.unit.datasets.small_sets import idx, pack, photo, recordings


@pytest.fixture
def real():
    """Gives the folder of a real data set, or skips the test."""

    def folder(name: str) -> Path:
        if not os.environ.get(finding.VARIABLE):
            pytest.skip(f"{finding.VARIABLE} is not set: no folder with the real data sets")
        return finding.find(KNOWN[name])

    return folder


@pytest.fixture
def small_fashion(tmp_path) -> tuple[Known, Path]:
    """Six pictures to train on, four to test on, in the format of Fashion-MNIST, with their digests."""
    folder, known = tmp_path / "fashion-mnist", {}
    folder.mkdir()
    random = np.random.default_rng(1)
    for prefix, count in (("train", 6), ("t10k", 4)):
        files = {
            f"{prefix}-images-idx3-ubyte.gz": idx(random.integers(0, 256, (count, 28, 28))),
            f"{prefix}-labels-idx1-ubyte.gz": idx(np.arange(count)),
        }
        for name, content in files.items():
            (folder / name).write_bytes(gzip.compress(content))
            known[name] = digests.sha256(content)
    return replace(FASHION_MNIST, digests=known, debian_path=""), folder


@pytest.fixture
def small_digits(tmp_path) -> tuple[Known, Path]:
    """Eight clips in the format of FSDD, with their digest."""
    folder, files = tmp_path / "fsdd", recordings()
    folder.mkdir()
    pack(folder / "recordings.tar.xz", files)
    digest = digests.table_digest((name, digests.sha256(content)) for name, content in files.items())
    return replace(SPOKEN_DIGITS, digests={"recordings": digest}), folder


@pytest.fixture
def small_clothing(tmp_path) -> tuple[Known, Path]:
    """Forty photos to split and two to validate with, in the folders of the clothing set, with their digests."""
    folder, known = tmp_path / "clothing", {}
    for split, count in (("train", 40), ("validation", 2)):
        files = {f"{('hat', 'shoes')[seed % 2]}/{seed}.jpg": photo(1000 * count + seed, (20 + seed % 3, 30))
                 for seed in range(count)}  # fmt: skip
        for name, content in files.items():
            path = folder / split / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content)
        known[split] = digests.table_digest((name, digests.sha256(each)) for name, each in files.items())
        known[f"{split} listing"] = digests.table_digest(
            (name, str(len(each))) for name, each in files.items()
        )
    return replace(CLOTHING, digests=known), folder
