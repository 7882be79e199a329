"""Synthetic voices say the digits, the same in every run."""

import shutil
from dataclasses import replace

import numpy as np
import pytest

from datasets import synthesis
from datasets.catalogue import SYNTHETIC_DIGITS
from datasets.loading import read
from zoo.errors import DatasetError

needs_voices = pytest.mark.skipif(not shutil.which("espeak-ng"), reason="espeak-ng is not on this machine")


def few(monkeypatch, count=2):
    all_of_them = synthesis._variants()
    monkeypatch.setattr(synthesis, "_variants", lambda: all_of_them[:count])


@needs_voices
def test_the_set_is_read_like_the_recordings_and_made_the_same_again(tmp_path, monkeypatch):
    few(monkeypatch)
    told = []
    assert synthesis.synthesise(tmp_path / "one", lambda *at: told.append(at)) == 40
    synthesis.synthesise(tmp_path / "two")
    assert told[-1] == (40, 40)
    part, again = (read(SYNTHETIC_DIGITS, tmp_path / each).part("all") for each in ("one", "two"))
    assert (part.rate_hz, len(set(part.groups)), np.bincount(part.labels).tolist()) == (8000, 2, [4] * 10)
    assert all(np.array_equal(*pair) for pair in zip(part.samples, again.samples, strict=True))
    assert all(800 < len(each) < 16000 for each in part.samples)
    loudness = [np.sqrt(np.mean(each.astype(float) ** 2)) for each in part.samples]
    assert np.allclose(loudness, 1500, rtol=0.1)


@needs_voices
def test_no_voice_is_a_robot():
    variants = synthesis._variants()
    assert len(variants) > 50
    assert not [each for each in variants if "obot" in each or "whisper" in each]


@needs_voices
def test_a_set_that_is_there_is_not_made_over(tmp_path):
    with pytest.raises(DatasetError, match="is there already"):
        synthesis.synthesise(tmp_path)


def test_without_the_program_it_says_what_to_install(tmp_path, monkeypatch):
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(DatasetError, match="apt-get install espeak-ng"):
        synthesis.synthesise(tmp_path / "set")
    assert not list(tmp_path.iterdir())


def test_parts_of_two_sets_are_joined(small_digits):
    part = read(*small_digits).part("all")
    other = replace(part.only("ann"), groups=("eve",) * 4)
    both = part.joined(other)
    assert both.groups == (*part.groups, *other.groups)
    assert both.labels.tolist() == [*part.labels, *other.labels]
    assert np.array_equal(both.samples[-1], other.samples[-1])
    assert len(both.without("eve")) == len(part)
    with pytest.raises(ValueError, match="8000 and 16000 Hz"):
        part.joined(replace(part, rate_hz=16000))
