"""Anybody's own samples: a folder with one folder a class, of photos or of clips."""

from pathlib import Path

import numpy as np

from datasets.values import Array, Dataset, Part
from datasets.waves import read_wave
from zoo.errors import DatasetError

SPLIT = "all"
_WAVE = ".wav"


def load(folder: Path) -> Dataset:
    """Read every photo (JPEG, PNG) or every clip (WAV, one channel of 16 bit) of a folder; nothing is known of it.

    Returns:
        One split, ``all``; classes are the names of the folders, sorted.

    Raises:
        DatasetError: there are no such files, photos and clips are mixed, or one cannot be read.
    """
    from datasets.photos import SUFFIXES, Photos

    try:
        paths = sorted(
            path
            for path in folder.glob("*/*")
            if path.suffix.lower() in (*SUFFIXES, _WAVE) and path.is_file()
        )
        contents = [path.read_bytes() for path in paths]
    except OSError as problem:
        raise DatasetError(f"'{folder}' cannot be read: {problem.strerror or problem}") from problem
    if not paths:
        raise DatasetError(f"'{folder}' has no CLASS/*.jpg, *.png or *.wav")
    names = [path.relative_to(folder).as_posix() for path in paths]
    classes = tuple(sorted({path.parent.name for path in paths}))
    labels = np.array([classes.index(path.parent.name) for path in paths], np.int64)
    sounds = [path.suffix.lower() == _WAVE for path in paths]
    if any(sounds) and not all(sounds):
        raise DatasetError(f"'{folder}' has photos and clips; give a folder with one kind")
    if not any(sounds):
        part = Part(Photos(contents, [str(path) for path in paths]), labels, tuple(names))
    else:
        clips = [read_wave(content, str(path)) for content, path in zip(contents, paths, strict=True)]
        rates = sorted({rate_hz for _, rate_hz in clips})
        if len(rates) > 1:
            raise DatasetError(
                f"'{folder}' has clips of {' and '.join(map(str, rates))} Hz; one rate is wanted"
            )
        samples: tuple[Array, ...] = tuple(clip for clip, _ in clips)
        part = Part(samples, labels, tuple(names), rate_hz=rates[0])
    return Dataset(folder.name, classes, {SPLIT: part})
