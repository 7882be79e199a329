"""The Free Spoken Digit Dataset: clips named ``{digit}_{speaker}_{index}.wav``, read out of their archive."""

import lzma
import re
import tarfile
from collections.abc import Collection, Iterator
from pathlib import Path

import numpy as np

from datasets import digests
from datasets.catalogue import Known
from datasets.values import Part
from datasets.waves import read_wave
from zoo.errors import DatasetError

RATE_HZ = 8000
OFFICIAL_TEST_INDICES = range(5)  # "a test set that consists of the first 5 recordings", says its README
_NAME = re.compile(r"(\d)_([A-Za-z0-9-]+)_(\d+)\.wav")
_LARGEST_CLIP_BYTES = 1 << 20
_MOST_CLIPS = 100_000


def load(known: Known, folder: Path, splits: Collection[str]) -> dict[str, Part]:
    """See `datasets.loading.Loader`: clips are int16 at 8 kHz, groups are speakers.

    ``all`` has every clip; ``train`` and ``test`` are the official split, which shares its speakers. The digest
    ``recordings`` is `datasets.digests.table_digest` over names and SHA-256 of the clips, so an archive and a folder
    have the same.
    """
    archive = folder / "recordings.tar.xz"
    clips = dict(sorted(_packed(archive) if archive.exists() else _unpacked(folder / "recordings")))
    found = digests.table_digest((name, digests.sha256(content)) for name, content in clips.items())
    digests.check(f"the set of {len(clips)} clips in '{folder}'", found, known.digests.get("recordings"))
    matches = [_NAME.fullmatch(name) for name in clips]
    if not clips or not all(matches):
        strange = next((name for name in clips if not _NAME.fullmatch(name)), "none")
        raise DatasetError(f"'{folder}' has clips like '{strange}', DIGIT_SPEAKER_INDEX.wav is wanted")
    samples = []
    for name, content in clips.items():
        clip, rate_hz = read_wave(content, name)
        if rate_hz != RATE_HZ:
            raise DatasetError(f"'{name}' has {rate_hz} samples a second, {RATE_HZ} are wanted")
        samples.append(clip)
    everything = Part(
        samples=tuple(samples),
        labels=np.array([int(match[1]) for match in matches if match], np.int64),
        ids=tuple(clips),
        groups=tuple(match[2] for match in matches if match),
        rate_hz=RATE_HZ,
    )
    test = [bool(match and int(match[3]) in OFFICIAL_TEST_INDICES) for match in matches]
    rows = {
        "all": range(len(test)),
        "train": [row for row, each in enumerate(test) if not each],
        "test": [row for row, each in enumerate(test) if each],
    }
    return {split: everything.take(rows[split]) for split in splits}


def _packed(archive: Path) -> Iterator[tuple[str, bytes]]:
    """Names and bytes of the clips in an archive, which is never unpacked to disk."""
    try:
        with tarfile.open(archive) as opened:
            for count, member in enumerate(opened):
                if count >= _MOST_CLIPS or member.size > _LARGEST_CLIP_BYTES:
                    raise DatasetError(f"'{archive}' is larger than the recordings can be")
                content = opened.extractfile(member) if member.name.endswith(".wav") else None
                if content is not None:
                    yield member.name.rpartition("/")[2], content.read()
    except (OSError, EOFError, tarfile.TarError, lzma.LZMAError) as problem:
        raise DatasetError(f"'{archive}' cannot be read: {problem}") from problem


def _unpacked(folder: Path) -> Iterator[tuple[str, bytes]]:
    try:
        for path in folder.glob("*.wav"):
            if path.stat().st_size > _LARGEST_CLIP_BYTES:
                raise DatasetError(f"'{path}' is larger than a recording can be")
            yield path.name, path.read_bytes()
    except OSError as problem:
        raise DatasetError(f"'{folder}' cannot be read: {problem.strerror or problem}") from problem
