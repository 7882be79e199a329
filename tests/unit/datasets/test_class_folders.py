"""Anybody's photos or clips, one folder a class."""

import numpy as np
import pytest

from datasets import class_folders
from tests.unit.datasets.small_sets import photo, wav
from zoo.errors import DatasetError


def fill(folder, files):
    for name, content in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(content)


def test_classes_are_the_names_of_the_folders(tmp_path):
    pytest.importorskip("PIL")
    fill(
        tmp_path / "mine",
        {"hat/b.PNG": photo(1, kind="PNG"), "hat/a.jpg": photo(2), "bag/c.jpeg": photo(3), "notes.txt": b""},
    )
    dataset = class_folders.load(tmp_path / "mine")
    part = dataset.part("all")
    assert (dataset.name, dataset.classes) == ("mine", ("bag", "hat"))
    assert part.ids == ("bag/c.jpeg", "hat/a.jpg", "hat/b.PNG")
    assert part.labels.tolist() == [0, 1, 1]
    assert part.samples[2].shape == (30, 20, 3)


def test_clips_keep_their_rate(tmp_path):
    pytest.importorskip("PIL")
    fill(tmp_path, {"yes/a.wav": wav(np.arange(10), 16000), "no/b.wav": wav(np.arange(20), 16000)})
    part = class_folders.load(tmp_path).part("all")
    assert part.rate_hz == 16000
    assert [len(clip) for clip in part.samples] == [20, 10]


@pytest.mark.parametrize(
    ("files", "said"),
    [
        ({"readme.md": b""}, r"has no CLASS/\*\.jpg"),
        ({"a/x.wav": wav(np.arange(9)), "a/y.wav": wav(np.arange(9), 16000)}, "clips of 8000 and 16000 Hz"),
        ({"a/x.wav": wav(np.arange(9)), "a/y.png": b""}, "has photos and clips"),
    ],
)
def test_what_is_no_data_set_is_refused(tmp_path, files, said):
    pytest.importorskip("PIL")
    fill(tmp_path, files)
    with pytest.raises(DatasetError, match=said):
        class_folders.load(tmp_path)
