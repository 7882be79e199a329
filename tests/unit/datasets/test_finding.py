"""A data set is looked for where users and packages put it; a missing one says where that was."""

from dataclasses import replace
from pathlib import Path

import pytest

from datasets import finding
from datasets.catalogue import CLOTHING, FASHION_MNIST, KNOWN, SPOKEN_DIGITS, known
from datasets.loading import load
from zoo.errors import DatasetError, UnknownNameError


def put(folder: Path) -> Path:
    folder.mkdir(parents=True)
    (folder / "recordings.tar.xz").write_bytes(b"")
    return folder


def test_the_variable_goes_before_the_cache(tmp_path):
    environment = {"ZOO_DATA": str(tmp_path / "mine"), "XDG_CACHE_HOME": str(tmp_path / "cache")}
    cached = put(tmp_path / "cache" / "device-zoo" / "datasets" / "fsdd")
    assert finding.find(SPOKEN_DIGITS, None, environment) == cached
    mine = put(tmp_path / "mine" / "fsdd")
    assert finding.find(SPOKEN_DIGITS, None, environment) == mine


def test_a_given_folder_is_the_set_or_has_it_and_nothing_else_is_tried(tmp_path):
    inner = put(tmp_path / "data" / "fsdd")
    assert finding.find(SPOKEN_DIGITS, tmp_path / "data", {}) == inner
    assert finding.find(SPOKEN_DIGITS, inner, {}) == inner
    with pytest.raises(DatasetError, match=r"Looked in: \S+other, \S+other/fsdd\. Do one of"):
        finding.find(SPOKEN_DIGITS, tmp_path / "other", {"ZOO_DATA": str(tmp_path / "data")})


def test_debian_s_path_is_tried_after_the_variable():
    called = [
        each.called for each in finding.places(FASHION_MNIST, None, {"ZOO_DATA": "/data", "HOME": "/h"})
    ]
    assert called[:2] == ["/data/fashion-mnist ($ZOO_DATA)", "/usr/share/datasets/fashion-mnist"]


def test_half_a_set_is_not_found(tmp_path):
    (tmp_path / "clothing" / "train").mkdir(parents=True)
    with pytest.raises(DatasetError, match="has clothing/ with train, validation"):
        finding.find(CLOTHING, tmp_path, {})


def test_a_missing_set_is_one_line_with_every_way_out(tmp_path):
    entry = replace(FASHION_MNIST, debian_path="/usr/nowhere")  # Debian's package may be installed here
    with pytest.raises(DatasetError) as raised:
        finding.find(entry, None, {"XDG_CACHE_HOME": str(tmp_path)})
    text = str(raised.value)
    assert text.startswith(
        "data set 'fashion-mnist' is not on this machine. Looked in: $ZOO_DATA (not set), /usr"
    )
    assert "apt-get install dataset-fashion-mnist" in text
    assert "--download" in text
    assert "\n" not in text


def test_a_relative_cache_variable_is_ignored_as_its_standard_says():
    assert (
        finding.cache({"XDG_CACHE_HOME": "somewhere"}) == Path.home() / ".cache" / "device-zoo" / "datasets"
    )


def test_a_misspelt_set_gets_the_right_name():
    with pytest.raises(
        UnknownNameError, match=r"unknown data set 'fashion_mnist'\. Did you mean 'fashion-mnist'"
    ):
        load("fashion_mnist")
    with pytest.raises(
        UnknownNameError, match="Known: fashion-mnist, spoken-digits, synthetic-digits, clothing"
    ):
        known("cifar")


@pytest.mark.parametrize("name", KNOWN)
def test_every_known_set_says_whose_it_is(name):
    entry = KNOWN[name]
    assert entry.licence in {"MIT", "CC-BY-SA-4.0", "CC0-1.0"}
    assert "https://" in entry.origin
    assert len(set(entry.classes)) == len(entry.classes) == 10
    assert all(len(each) == 64 for each in entry.digests.values())
