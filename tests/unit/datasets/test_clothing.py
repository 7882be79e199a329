"""Clothing photos: checked, split by the hash of their bytes, decoded when they are asked for."""

import hashlib
import os
from dataclasses import replace

import numpy as np
import pytest

pytest.importorskip("PIL", reason="Pillow comes with the extra 'data'")

from datasets.clothing import check_listing, is_test
from datasets.loading import load, read
from tests.unit.datasets.small_sets import photo
from zoo.errors import DatasetError

Image = pytest.importorskip("PIL.Image")
photos = pytest.importorskip("datasets.photos")


def test_photos_of_train_are_split_by_their_bytes(small_clothing):
    known, folder = small_clothing
    dataset = read(known, folder)
    train, test = dataset.part("train"), dataset.part("test")
    assert len(train) + len(test) == 40
    assert len(test) > 0
    for part, side in ((train, False), (test, True)):
        for name in part.ids:
            assert is_test(hashlib.sha256((folder / name).read_bytes()).hexdigest()) is side
    assert len(dataset.part("validation")) == 2


def test_a_copy_under_another_name_stays_on_its_side(small_clothing):
    known, folder = small_clothing
    sides = {name: split for split in ("train", "test") for name in read(known, folder).part(split).ids}
    for name in sides:
        (folder / name).with_stem("copy-of-" + (folder / name).stem).write_bytes((folder / name).read_bytes())
    unknown = replace(known, digests={})
    for split in ("train", "test"):
        for name in read(unknown, folder).part(split).ids:
            assert sides[name.replace("copy-of-", "")] == split


def test_labels_follow_the_folders_and_photos_their_files(small_clothing):
    known, folder = small_clothing
    part = read(known, folder, ["validation"]).part("validation")
    assert [known.classes[label] for label in part.labels] == ["hat", "shoes"]
    assert [sample.shape for sample in part.samples] == [(30, 20, 3), (30, 21, 3)]
    assert part.samples[0].dtype == np.uint8
    assert np.array_equal(part.take([1]).samples[0], part.samples[1])


def test_another_length_is_seen_before_any_photo_is_read(small_clothing):
    known, folder = small_clothing
    path = folder / "train" / "hat" / "0.jpg"
    path.write_bytes(path.read_bytes() + b"x")
    with pytest.raises(
        DatasetError, match=r"the set of 40 photos .*names and lengths.* is not what it should be"
    ):
        check_listing(known, folder, "train")


def test_other_bytes_of_the_same_length_are_seen_when_they_are_read(small_clothing):
    known, folder = small_clothing
    path = folder / "validation" / "hat" / "0.jpg"
    path.write_bytes(path.read_bytes()[:-1] + b"x")
    assert check_listing(known, folder, "validation")
    with pytest.raises(
        DatasetError, match=r"the set of 2 photos in '[^']*validation' is not what it should be"
    ):
        read(known, folder, ["validation"])


def test_a_folder_without_classes_is_refused(small_clothing, tmp_path):
    with pytest.raises(DatasetError, match="has no photos in folders named dress, hat"):
        read(small_clothing[0], tmp_path, ["train"])


def test_a_photo_is_turned_as_its_orientation_says(tmp_path):
    exif = Image.Exif()
    exif[0x0112] = 6  # turned by 90 degrees
    assert photos.decode(photo(1, (20, 30), exif=exif), "turned").shape == (20, 30, 3)
    assert photos.decode(photo(1, (20, 30), "PNG"), "png").shape == (30, 20, 3)


@pytest.mark.parametrize("content", [b"", b"hello", photo(1)[:200], photo(1, kind="GIF")])
def test_what_is_no_photo_is_named(content):
    with pytest.raises(DatasetError, match="'shirt' cannot be decoded"):
        photos.decode(content, "shirt")


@pytest.mark.skipif(os.geteuid() == 0, reason="everything may be read by root")
def test_a_photo_that_may_not_be_read_is_named(small_clothing):
    known, folder = small_clothing
    (folder / "validation" / "hat" / "0.jpg").chmod(0)
    with pytest.raises(DatasetError, match=r"0\.jpg' cannot be read"):
        read(known, folder, ["validation"])


def test_the_real_set_has_at_least_600_photos_to_test_on(real):
    dataset = load("clothing", real("clothing"))
    assert {name: len(part) for name, part in dataset.parts.items()} == {
        "train": 2432, "validation": 341, "test": 636,
    }  # fmt: skip
    assert not set(dataset.part("train").ids) & set(dataset.part("test").ids)
    assert all(max(dataset.part("test").samples[row].shape) == 224 for row in (0, 300, 635))
