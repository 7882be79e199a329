"""Fashion-MNIST is read from IDX files, and what is not it is refused."""

import gzip
from dataclasses import replace

import numpy as np
import pytest

from datasets.loading import load, read
from zoo.errors import DatasetError, UnknownNameError


def test_pictures_labels_and_ids_are_what_the_files_hold(small_fashion):
    known, folder = small_fashion
    dataset = read(known, folder)
    assert {split: len(part) for split, part in dataset.parts.items()} == {"train": 6, "test": 4}
    test = dataset.part("test")
    with gzip.open(folder / "t10k-images-idx3-ubyte.gz") as packed:
        assert test.samples.tobytes() == packed.read()[16:]
    assert (test.samples.shape, test.samples.dtype) == ((4, 28, 28, 1), np.uint8)
    assert (test.labels.tolist(), test.labels.dtype) == ([0, 1, 2, 3], np.int64)
    assert test.ids == ("test/0", "test/1", "test/2", "test/3")


def test_only_the_files_of_the_wanted_splits_are_read(small_fashion):
    known, folder = small_fashion
    (folder / "train-images-idx3-ubyte.gz").unlink()
    assert list(read(known, folder, ["test"]).parts) == ["test"]


def test_a_file_that_was_packed_again_is_the_same_set(small_fashion):
    known, folder = small_fashion
    path = folder / "t10k-labels-idx1-ubyte.gz"
    path.write_bytes(gzip.compress(gzip.decompress(path.read_bytes()), compresslevel=1, mtime=7))
    assert len(read(known, folder, ["test"]).part("test")) == 4


CONTENT = gzip.compress(bytes((0, 0, 8, 1)) + (4).to_bytes(4, "big") + bytes((0, 1, 2, 9)))
DAMAGES = {
    "no gzip at all": (b"hello", "cannot be unpacked"),
    "cut short": (CONTENT[:-9], "cannot be unpacked"),
    "empty": (b"", "is not what it should be"),
    "another label": (CONTENT, "is not what it should be"),
}


@pytest.mark.parametrize("story", DAMAGES)
def test_a_damaged_file_is_named(small_fashion, story):
    known, folder = small_fashion
    content, said = DAMAGES[story]
    (folder / "t10k-labels-idx1-ubyte.gz").write_bytes(content)
    with pytest.raises(DatasetError, match=rf"t10k-labels-idx1-ubyte\.gz'.* {said}"):
        read(known, folder, ["test"])


def test_files_without_a_known_digest_must_still_be_idx_files(small_fashion):
    known, folder = small_fashion
    unknown = replace(known, digests={})
    (folder / "t10k-labels-idx1-ubyte.gz").write_bytes(gzip.compress(b"no IDX file"))
    with pytest.raises(DatasetError, match="is no IDX file of bytes with 1 axes"):
        read(unknown, folder, ["test"])
    (folder / "t10k-labels-idx1-ubyte.gz").write_bytes(gzip.compress(bytes((0, 0, 8, 1, 0, 0, 0, 1, 3))))
    with pytest.raises(DatasetError, match="has 4 pictures, but 1 labels"):
        read(unknown, folder, ["test"])
    (folder / "t10k-labels-idx1-ubyte.gz").write_bytes(
        gzip.compress(bytes((0, 0, 8, 1, 0, 0, 0, 4, 0, 0, 0, 10)))
    )
    with pytest.raises(DatasetError, match="has a label 10, the highest is 9"):
        read(unknown, folder, ["test"])


def test_an_unknown_split_is_refused_with_the_known_ones(small_fashion):
    known, folder = small_fashion
    with pytest.raises(
        UnknownNameError, match=r"unknown split of fashion-mnist 'valid'\. Known: train, test"
    ):
        read(known, folder, ["valid"])


def test_the_real_set_is_what_its_paper_says(real):
    dataset = load("fashion-mnist", real("fashion-mnist"))
    assert {split: len(part) for split, part in dataset.parts.items()} == {"train": 60_000, "test": 10_000}
    assert set(np.bincount(dataset.part("test").labels)) == {1000}
    assert round(float(dataset.part("train").samples.mean()) / 255, 4) == 0.2860
