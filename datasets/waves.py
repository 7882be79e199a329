"""Clips of sound out of WAV files."""

import io
import wave

import numpy as np
from numpy.typing import NDArray

from zoo.errors import DatasetError

_SAMPLE_BYTES = 2


def read_wave(content: bytes, name: str) -> tuple[NDArray[np.int16], int]:
    """Samples and sampling rate (Hz) of a WAV file with one channel of 16 bit.

    Raises:
        DatasetError: it is something else.
    """
    try:
        with wave.open(io.BytesIO(content)) as opened:
            channels, width, rate_hz = opened.getnchannels(), opened.getsampwidth(), opened.getframerate()
            frames = opened.readframes(opened.getnframes())
    except (wave.Error, EOFError) as problem:
        raise DatasetError(f"'{name}' is no WAV file: {problem or 'it ends too early'}") from problem
    if channels != 1 or width != _SAMPLE_BYTES:
        raise DatasetError(
            f"'{name}' has {channels} channels of {8 * width} bit, but one of 16 bit is wanted"
        )
    return np.frombuffer(frames, "<i2").astype(np.int16), rate_hz
