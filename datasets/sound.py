"""Features of sound, as a spec's `features` name them.

A clip is centred in ``clip_ms``: a longer one keeps its middle, a shorter one gets zeros on both sides, the odd one on
the right. What comes out depends on ``kind``:

* ``waveform``: the samples times ``scale``: (samples, 1).
* ``log_mel``: frames of ``window_ms`` every ``hop_ms`` that lie wholly inside; a periodic Hann window
  (``0.5 - 0.5 cos(2 pi n / length)``); the power ``|X|^2`` of an FFT over ``fft_samples``, zeros behind the window;
  sums over ``mel_bins`` triangles of height 1 between ``low_hz`` and ``high_hz``, evenly spaced in HTK's mel
  (``2595 log10(1 + f / 700)``); with ``floor_db``, plus a constant that lies so far below the clip's loudest frame (the
  mean of its bins); the natural logarithm of at least ``log_floor``: (frames, mel_bins).
* ``mfcc``: the first ``coefficients`` of the orthonormal DCT-II of that (Davis and Mermelstein 1980): (frames,
  coefficients).

With ``clip_mean`` ``subtracted``, each feature loses its mean over the frames of the clip: what a voice or a microphone
adds to all of them (Atal 1974; Furui 1981, "Cepstral analysis technique for automatic speaker verification").
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from datasets.values import Array

_KINDS = ("mfcc", "log_mel", "waveform")
_CLIPS_AT_ONCE = 128
_Floats = NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Features:
    """What is taken out of a clip; see the module's docstring.

    Attributes:
        kind: ``mfcc``, ``log_mel`` or ``waveform``.
        sample_rate_hz: of the clip.
        clip_ms: how much of it counts.
        window_ms: length of a frame.
        hop_ms: from one frame to the next.
        fft_samples: length of the transform, at least that of a frame.
        mel_bins: number of triangles.
        low_hz: where the first triangle starts.
        high_hz: where the last one ends, at most half the sampling rate.
        coefficients: how many are kept, at most ``mel_bins``.
        log_floor: least energy before the logarithm.
        floor_db: how far below the loudest frame the energy lies that is added to all: what is quieter than that, such
            as a room's noise, hardly counts, however loud the clip is. 0 adds nothing.
        clip_mean: ``kept`` or ``subtracted``.
    """

    kind: str
    sample_rate_hz: int
    clip_ms: float
    window_ms: float = 0.0
    hop_ms: float = 0.0
    fft_samples: int = 0
    mel_bins: int = 0
    low_hz: float = 0.0
    high_hz: float = 0.0
    coefficients: int = 0
    log_floor: float = 1e-6
    floor_db: float = 0.0
    clip_mean: str = "kept"

    def samples(self, milliseconds: float) -> int:
        """How many samples a time has."""
        return round(self.sample_rate_hz * milliseconds / 1000)

    @property
    def frames(self) -> int:
        """How many frames lie wholly inside a clip."""
        return 1 + (self.samples(self.clip_ms) - self.samples(self.window_ms)) // self.samples(self.hop_ms)

    @property
    def shape(self) -> tuple[int, int]:
        """Of one clip's features: along time, at one time."""
        if self.kind == "waveform":
            return self.samples(self.clip_ms), 1
        return self.frames, self.coefficients if self.kind == "mfcc" else self.mel_bins


_MAY_BE_LEFT_OUT = {"log_floor", "floor_db", "clip_mean"}
_CLIP_MEANS = ("kept", "subtracted")
_OF_KIND: Mapping[str, frozenset[str]] = {
    "waveform": frozenset({"kind", "sample_rate_hz", "clip_ms"}),
    "log_mel": frozenset(each.name for each in fields(Features)) - {"coefficients"},
    "mfcc": frozenset(each.name for each in fields(Features)),
}


def read_features(given: Mapping[str, int | float | str]) -> tuple[Features | None, list[str]]:
    """Turn a spec's features into values.

    Returns:
        The features, and every problem; ``None`` where there is a problem.
    """
    kind = given.get("kind")
    if kind not in _KINDS:
        return None, [f"features.kind is {kind!r}, but {', '.join(_KINDS)} is wanted"]
    wanted = _OF_KIND[str(kind)]
    problems = [f"features.{name} is unknown to {kind}" for name in sorted(given.keys() - wanted)]
    problems += [f"features.{name} is missing" for name in sorted(wanted - given.keys() - _MAY_BE_LEFT_OUT)]
    mean = given.get("clip_mean", "kept")
    if mean not in _CLIP_MEANS:
        problems.append(f"features.clip_mean is {mean!r}, but {' or '.join(_CLIP_MEANS)} is wanted")
    for name in sorted((wanted & given.keys()) - {"kind", "clip_mean"}):
        value = given[name]
        if isinstance(value, (str, bool)) or value < 0 or (value == 0 and name != "low_hz"):
            problems.append(f"features.{name} is {value!r}, but a number above zero is wanted")
        elif _is_whole(name) and value != int(value):
            problems.append(f"features.{name} is {value!r}, but a whole number is wanted")
    if problems:
        return None, problems
    numbers: dict[str, Any] = {
        name: int(value) if _is_whole(name) else float(value)
        for name, value in given.items()
        if name not in {"kind", "clip_mean"}
    }
    made = Features(str(kind), **numbers, clip_mean=str(mean))
    problems = _contradictions(made)
    return (None if problems else made), problems


def _is_whole(name: str) -> bool:
    return name in {"sample_rate_hz", "fft_samples", "mel_bins", "coefficients"}


def _contradictions(made: Features) -> list[str]:
    if made.kind == "waveform":
        return []
    problems = []
    window = made.samples(made.window_ms)
    if not 1 <= window <= made.samples(made.clip_ms):
        problems.append(f"features.window_ms is {made.window_ms:g}, but a clip has {made.clip_ms:g} ms")
    if made.samples(made.hop_ms) < 1:
        problems.append(f"features.hop_ms is {made.hop_ms:g}, less than one sample")
    if made.fft_samples < window:
        problems.append(f"features.fft_samples is {made.fft_samples}, but a window has {window} samples")
    if not made.low_hz < made.high_hz <= made.sample_rate_hz / 2:
        problems.append(
            f"features go from {made.low_hz:g} to {made.high_hz:g} Hz, but a band of at most "
            f"{made.sample_rate_hz / 2:g} Hz is wanted"
        )
    if made.kind == "mfcc" and made.coefficients > made.mel_bins:
        problems.append(
            f"features.coefficients is {made.coefficients}, but there are {made.mel_bins} mel_bins"
        )
    return problems


def extract(clips: Sequence[Array], features: Features, scale: float) -> _Floats:
    """Compute the features of clips.

    Args:
        clips: int16, (length,) each, at the features' sampling rate.
        features: what to compute.
        scale: factor of the samples, such as 1/32768.

    Returns:
        float32, (clips, *features.shape).
    """
    made = np.empty((len(clips), *features.shape), np.float32)
    for start in range(0, len(clips), _CLIPS_AT_ONCE):
        stop = min(len(clips), start + _CLIPS_AT_ONCE)
        waves = centred([clips[row] for row in range(start, stop)], features.samples(features.clip_ms))
        scaled = waves.astype(np.float32) * np.float32(scale)
        made[start:stop] = scaled[..., None] if features.kind == "waveform" else _spectral(scaled, features)
    return made


def centred(clips: Sequence[Array], length: int) -> NDArray[np.int16]:
    """Clips in the middle of ``length`` samples: int16, (clips, length); see the module's docstring."""
    made = np.zeros((len(clips), length), np.int16)
    for row, clip in enumerate(clips):
        start = (len(clip) - length) // 2
        if start >= 0:
            made[row] = clip[start : start + length]
        else:
            before = (length - len(clip)) // 2
            made[row, before : before + len(clip)] = clip
    return made


def _spectral(waves: _Floats, features: Features) -> _Floats:
    """Logarithmic mel energies, or their first coefficients, of (clips, samples)."""
    window = features.samples(features.window_ms)
    frames = np.lib.stride_tricks.sliding_window_view(waves, window, axis=1)
    frames = frames[:, :: features.samples(features.hop_ms)] * _hann(window)
    spectrum = np.fft.rfft(frames, features.fft_samples)
    power = spectrum.real**2 + spectrum.imag**2
    energy = power @ _triangles(features)
    if features.floor_db:
        loudest = energy.mean(axis=2).max(axis=1)[:, None, None]
        energy += loudest * np.float32(10 ** (-features.floor_db / 10))
    made = np.log(np.maximum(energy, np.float32(features.log_floor)))
    if features.kind == "mfcc":
        made = made @ _cosines(features.mel_bins, features.coefficients)
    if features.clip_mean == "subtracted":
        made -= made.mean(axis=1, keepdims=True)
    return np.asarray(made, np.float32)


@lru_cache(maxsize=8)
def _hann(length: int) -> _Floats:
    return (0.5 - 0.5 * np.cos(2 * np.pi * np.arange(length) / length)).astype(np.float32)


@lru_cache(maxsize=8)
def _triangles(features: Features) -> _Floats:
    """Weights of the triangles: (frequencies of the transform, mel_bins)."""
    low, high = (2595 * math.log10(1 + each / 700) for each in (features.low_hz, features.high_hz))
    corners = 700 * (10 ** (np.linspace(low, high, features.mel_bins + 2) / 2595) - 1)
    at = np.arange(features.fft_samples // 2 + 1)[:, None] * features.sample_rate_hz / features.fft_samples
    left, middle, right = corners[:-2], corners[1:-1], corners[2:]
    weights = np.minimum((at - left) / (middle - left), (right - at) / (right - middle))
    return np.maximum(weights, 0).astype(np.float32)


@lru_cache(maxsize=8)
def _cosines(bins: int, coefficients: int) -> _Floats:
    """The orthonormal DCT-II as a matrix: (bins, coefficients)."""
    angles = np.pi / bins * (np.arange(bins)[:, None] + 0.5) * np.arange(coefficients)
    matrix = np.cos(angles) * math.sqrt(2 / bins)
    matrix[:, 0] /= math.sqrt(2)
    return np.asarray(matrix, np.float32)
