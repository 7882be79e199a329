"""FSDD is read out of its archive, with its speakers as groups."""

import lzma
from dataclasses import replace

import numpy as np
import pytest

from datasets.loading import load, read
from tests.unit.datasets.small_sets import pack, recordings, wav
from zoo.errors import DatasetError, UnknownNameError


def test_clips_have_digits_speakers_and_names(small_digits):
    part = read(*small_digits).part("all")
    assert part.ids == tuple(sorted(recordings()))
    assert part.groups == ("ann", "ann", "bob", "bob") * 2
    assert part.labels.tolist() == [0] * 4 + [7] * 4
    assert part.rate_hz == 8000
    for name, clip in zip(part.ids, part.samples, strict=True):
        assert wav(clip) == recordings()[name]


def test_the_official_split_is_by_index(small_digits):
    dataset = read(*small_digits)
    assert all(name.endswith("_4.wav") for name in dataset.part("test").ids)
    assert all(name.endswith("_5.wav") for name in dataset.part("train").ids)
    assert sorted(dataset.part("test").ids + dataset.part("train").ids) == list(dataset.part("all").ids)


def test_a_speaker_is_left_out_whole(small_digits):
    part = read(*small_digits).part("all")
    assert set(part.without("ann").groups) == {"bob"}
    assert set(part.only("ann").groups) == {"ann"}
    assert len(part.only("ann")) + len(part.without("ann")) == len(part)
    assert read(*small_digits).part("all/bob").ids == part.only("bob").ids
    with pytest.raises(UnknownNameError, match=r"unknown group 'carl'\. Known: ann, bob"):
        part.without("carl")


def test_an_unpacked_folder_is_the_same_set(small_digits):
    known, folder = small_digits
    packed = read(known, folder).part("all")
    (folder / "recordings.tar.xz").unlink()
    (folder / "recordings").mkdir()
    for name, content in recordings().items():
        (folder / "recordings" / name).write_bytes(content)
    unpacked = read(known, folder).part("all")
    assert unpacked.ids == packed.ids
    assert all(map(np.array_equal, unpacked.samples, packed.samples))


def test_a_damaged_archive_is_named(small_digits):
    known, folder = small_digits
    path = folder / "recordings.tar.xz"
    path.write_bytes(path.read_bytes()[:-400])
    with pytest.raises(DatasetError, match=r"recordings\.tar\.xz' cannot be read"):
        read(known, folder)
    path.write_bytes(lzma.compress(b"no archive" * 100))
    with pytest.raises(DatasetError, match=r"recordings\.tar\.xz' cannot be read"):
        read(known, folder)


CLIP = np.arange(100)
OTHERS = {
    "a clip more": (
        {**recordings(), "1_ann_0.wav": wav(CLIP)},
        True,
        "the set of 9 clips .* is not what it should be",
    ),
    "another name": (
        {"seven.wav": wav(CLIP)},
        False,
        "clips like 'seven.wav', DIGIT_SPEAKER_INDEX.wav is wanted",
    ),
    "no clip": ({"README.md": b"hello"}, False, "clips like 'none'"),
    "another rate": ({"1_ann_0.wav": wav(CLIP, 16000)}, False, "has 16000 samples a second, 8000 are wanted"),
    "two channels": ({"1_ann_0.wav": wav(CLIP, channels=2)}, False, "has 2 channels of 16 bit"),
    "no sound": ({"1_ann_0.wav": b"RIFF"}, False, "is no WAV file"),
    "a huge clip": ({"1_ann_0.wav": bytes(1 << 21)}, False, "larger than the recordings can be"),
}


@pytest.mark.parametrize("story", OTHERS)
def test_other_clips_are_refused(small_digits, story):
    known, folder = small_digits
    files, checked, said = OTHERS[story]
    pack(folder / "recordings.tar.xz", files)
    with pytest.raises(DatasetError, match=said):
        read(known if checked else replace(known, digests={}), folder)


def test_the_real_set_has_six_speakers_of_500_clips(real):
    dataset = load("spoken-digits", real("spoken-digits"))
    part = dataset.part("all")
    assert {name: part.groups.count(name) for name in sorted(set(part.groups))} == dict.fromkeys(
        ("george", "jackson", "lucas", "nicolas", "theo", "yweweler"), 500
    )
    assert set(np.bincount(part.labels)) == {300}
    assert (len(dataset.part("train")), len(dataset.part("test"))) == (2700, 300)
