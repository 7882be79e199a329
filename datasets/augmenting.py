"""Variations of raw samples for training, each drawn from the generator that it is given and from nothing else.

Sound: speed, pitch, noise, place in time and loudness of int16 clips. Pictures: mirror, place, brightness and contrast
of uint8 batches. They change raw samples, before `preparing` makes inputs of them.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from datasets.values import Array

_Floats = NDArray[np.float64]
_Places = NDArray[np.int64]
_FFT_SAMPLES = 256
_HOP_SAMPLES = _FFT_SAMPLES // 4
_SEMITONES = 12
_WINDOW: _Floats = np.hanning(_FFT_SAMPLES + 1)[:-1]
_OVERLAP = (
    float(np.sum(_WINDOW**2)) / _HOP_SAMPLES
)  # windows, squared, add up to this everywhere but at the ends
_TINY = 1e-12
_TONES = 5
_GOOD_LENGTH = (
    64  # clips are padded to a multiple of it: a transform of prime length takes many times as long
)


@dataclass(frozen=True, slots=True)
class SoundChanges:
    """What may happen to a clip; each is drawn evenly from its range, and a range without width changes nothing else.

    Attributes:
        speed: least and greatest factor of its speed; pitch changes with it, as on a tape.
        tempo: least and greatest factor of its tempo; pitch stays, as with another speaker of the same voice.
        pitch_semitones: greatest change of its pitch up or down; its length stays.
        noise_snr_db: least and greatest ratio of the clip's power to that of added noise.
        noise_share: share of the clips that get noise.
        noise_tilt: greatest exponent of the noise's spectrum ``1 / f ** tilt`` in power: 0 is white, 1 is pink.
        shift_ms: greatest move within a window that clips are centred in.
        window_ms: clips are centred in a window of this length before noise is added, which then fills it, as a room
            does; 0 leaves them as long as they are.
        tone_db: greatest boost or cut at five frequencies from 0 to half the rate, linear between them: other
            microphones and rooms.
        gain_db: greatest change of its loudness up or down.
    """

    speed: tuple[float, float] = (1.0, 1.0)
    tempo: tuple[float, float] = (1.0, 1.0)
    pitch_semitones: float = 0.0
    noise_snr_db: tuple[float, float] = (10.0, 40.0)
    noise_share: float = 0.0
    noise_tilt: float = 0.0
    shift_ms: float = 0.0
    window_ms: float = 0.0
    tone_db: float = 0.0
    gain_db: float = 0.0

    def __post_init__(self) -> None:
        """Refuse ranges that make no sense.

        Raises:
            ValueError: a speed is not above zero, a range is upside down, or an amount is negative.
        """
        amounts = (
            *(self.pitch_semitones, self.noise_tilt, self.shift_ms),
            *(self.window_ms, self.tone_db, self.gain_db),
        )
        ranges = self.speed, self.tempo, self.noise_snr_db
        if any(low > high for low, high in ranges) or min(self.speed[0], self.tempo[0]) <= 0:
            raise ValueError(
                "speed, tempo and noise_snr_db are ranges from low to high; speed and tempo are above zero"
            )
        if min(amounts) < 0 or not 0 <= self.noise_share <= 1:
            raise ValueError("amounts of change are 0 or more, and noise_share is at most 1")


def vary_clips(
    clips: Sequence[Array], rate_hz: int, changes: SoundChanges, random: np.random.Generator
) -> list[NDArray[np.int16]]:
    """Vary each clip in its own way.

    Args:
        clips: int16, (length,) each.
        rate_hz: their sampling rate.
        changes: what may happen to them.
        random: where all chances come from: the same state gives the same clips.

    Returns:
        int16 clips, of other lengths where speed or place changed.
    """
    return [_vary(np.asarray(clip, np.float64), rate_hz, changes, random) for clip in clips]


def _vary(
    clip: _Floats, rate_hz: int, changes: SoundChanges, random: np.random.Generator
) -> NDArray[np.int16]:
    speed, tempo = random.uniform(*changes.speed), random.uniform(*changes.tempo)
    semitones = random.uniform(-1, 1) * changes.pitch_semitones
    snr_db, noisy = random.uniform(*changes.noise_snr_db), random.random() < changes.noise_share
    tilt = random.uniform(0, changes.noise_tilt)
    shift = round(random.uniform(-1, 1) * changes.shift_ms * rate_hz / 1000)
    gain = 10 ** (random.uniform(-1, 1) * changes.gain_db / 20)
    factor = 2 ** (semitones / _SEMITONES)
    if semitones or tempo != 1:
        clip = stretch(clip, factor / tempo)
    if speed != 1 or semitones:  # once for both
        clip = change_speed(clip, speed * factor)
    if shift:  # twice as many zeros on one side move the middle of the clip by `shift`
        clip = np.pad(clip, (max(0, 2 * shift), max(0, -2 * shift)))
    if changes.window_ms:
        clip = _centred(clip, round(changes.window_ms * rate_hz / 1000))
    if changes.tone_db and len(clip):
        clip = _toned(clip, random.uniform(-1, 1, _TONES) * changes.tone_db)
    if noisy:
        clip = add_noise(clip, snr_db, random, tilt)
    return np.clip(np.rint(clip * gain), -32768, 32767).astype(np.int16)


def _toned(clip: _Floats, gains_db: _Floats) -> _Floats:
    """Boost or cut parts of the spectrum."""
    spectrum = np.fft.rfft(clip, len(clip) + -len(clip) % _GOOD_LENGTH)
    at = np.linspace(0, 1, len(spectrum))
    spectrum *= 10 ** (np.interp(at, np.linspace(0, 1, len(gains_db)), gains_db) / 20)
    return np.asarray(np.fft.irfft(spectrum)[: len(clip)], np.float64)


def _centred(clip: _Floats, length: int) -> _Floats:
    """The middle of a clip, with zeros on both sides where it is shorter."""
    start, lacking = max(0, len(clip) - length) // 2, max(0, length - len(clip))
    return np.pad(clip[start : start + length], (lacking // 2, lacking - lacking // 2))


def change_speed(clip: _Floats, factor: float) -> _Floats:
    """Play a clip faster by ``factor``: resampled in the frequency domain, so nothing is aliased.

    The factor is met to within one part in as many as there are samples.
    """
    length = max(1, round(len(clip) / factor))
    if not len(clip) or length == len(clip):
        return clip
    padded = len(clip) + -len(clip) % _GOOD_LENGTH
    other = max(1, round(padded / factor))
    other += -other % 2
    spectrum = np.fft.rfft(clip, padded)[: other // 2 + 1]
    made: _Floats = np.fft.irfft(spectrum, other)[:length] * (other / padded)
    return made


def change_pitch(clip: _Floats, semitones: float) -> _Floats:
    """Raise the pitch of a clip and keep its length: stretched in time, then played faster by as much.

    Formants move with the pitch, as they do between speakers.
    """
    factor = 2 ** (semitones / _SEMITONES)
    made = change_speed(stretch(clip, factor), factor)[: len(clip)]
    return np.pad(made, (0, len(clip) - len(made)))


def stretch(clip: _Floats, factor: float) -> _Floats:
    """Make a clip longer by ``factor`` and keep its pitch.

    A phase vocoder (Flanagan and Golden 1966; Laroche and Dolson 1999): 256 samples a frame, three quarters of it
    shared with the next.
    """
    if len(clip) < _FFT_SAMPLES:
        return change_speed(clip, 1 / factor)
    padded = np.pad(clip, (_FFT_SAMPLES // 2, _FFT_SAMPLES))
    views = np.lib.stride_tricks.sliding_window_view(padded, _FFT_SAMPLES)[::_HOP_SAMPLES]
    frames = np.fft.rfft(views * _WINDOW)
    sizes = np.abs(frames)
    turns = frames / np.maximum(sizes, _TINY)  # phases, as points on the unit circle
    at = np.arange(0, len(frames) - 1, 1 / factor)
    before = at.astype(int)
    share = (at - before)[:, None]
    # From one frame to the next the phase goes on as it did there; both lie one hop apart, so turns just multiply.
    steps = (turns[1:] * turns[:-1].conj())[before]
    phases = np.cumprod(np.concatenate([turns[:1], steps[:-1]]), axis=0)
    phases /= np.maximum(np.abs(phases), _TINY)
    pieces = np.fft.irfft(((1 - share) * sizes[before] + share * sizes[before + 1]) * phases, _FFT_SAMPLES)
    return _overlapped(pieces * _WINDOW)[_FFT_SAMPLES // 2 :][: round(len(clip) * factor)]


def _overlapped(pieces: _Floats) -> _Floats:
    """Add frames where they lie, and divide by what their windows add up to."""
    count, shares = len(pieces), _FFT_SAMPLES // _HOP_SAMPLES
    made = np.zeros((count + shares - 1, _HOP_SAMPLES))
    for share in range(shares):
        made[share : share + count] += pieces[:, share * _HOP_SAMPLES : (share + 1) * _HOP_SAMPLES]
    whole: _Floats = made.reshape(-1) / _OVERLAP
    return whole


def add_noise(clip: _Floats, snr_db: float, random: np.random.Generator, tilt: float = 0.0) -> _Floats:
    """Add noise at a ratio of the clip's power to the noise's; silence gets none.

    Args:
        clip: any length.
        snr_db: the ratio, in decibels.
        random: where the noise comes from.
        tilt: its spectrum falls as ``1 / f ** tilt`` in power.
    """
    noise = random.standard_normal(len(clip) + -len(clip) % _GOOD_LENGTH)
    power = float(np.mean(clip**2)) if len(clip) else 0.0
    if not power:
        return clip
    if tilt:
        spectrum = np.fft.rfft(noise)
        spectrum[1:] /= np.arange(1, len(spectrum)) ** (tilt / 2)
        noise = np.fft.irfft(spectrum, len(noise))
    noise = noise[: len(clip)]
    loudness = math.sqrt(power / 10 ** (snr_db / 10) / max(float(np.mean(noise**2)), _TINY))
    return np.asarray(clip + noise * loudness, np.float64)


@dataclass(frozen=True, slots=True)
class PictureChanges:
    """What may happen to a picture.

    Attributes:
        mirror: whether left and right are swapped in half of the pictures.
        shift: greatest move along each axis, as a share of its length; what comes in repeats the edge.
        zoom: greatest enlargement, as a share: with 0.5 a picture shows between two thirds of itself and all.
        brightness: greatest change, as a share of 255.
        contrast: greatest change of the distance from the picture's mean, as a share.
    """

    mirror: bool = False
    shift: float = 0.0
    zoom: float = 0.0
    brightness: float = 0.0
    contrast: float = 0.0

    def __post_init__(self) -> None:
        """Refuse shares that are none.

        Raises:
            ValueError: a share is below 0 or above 1.
        """
        if not all(0 <= each <= 1 for each in (self.shift, self.zoom, self.brightness, self.contrast)):
            raise ValueError("shift, zoom, brightness and contrast are shares from 0 to 1")


PICTURE_CHANCES = 6
"""Numbers from 0 to 1 that say how a picture is varied."""


def vary_pictures(batch: NDArray[np.uint8], changes: PictureChanges, chances: _Floats) -> NDArray[np.uint8]:
    """Vary each picture of a batch in its own way.

    Args:
        batch: uint8, (pictures, height, width, channels).
        changes: what may happen to them.
        chances: evenly drawn from 0 to 1, (pictures, PICTURE_CHANCES): the same chances give the same pictures.

    Returns:
        A new batch of the same shape.
    """
    count, height, width, _ = batch.shape
    mirrored = chances[:, :1] < (0.5 if changes.mirror else 0.0)
    down, right, brighter, harder = (2 * chances[:, 1:5].T - 1)[:, :, None, None, None]
    zoom = 1 + chances[:, 5] * changes.zoom
    added, factor = brighter * changes.brightness * 255, 1 + harder * changes.contrast
    rows = _moved(height, down.ravel() * changes.shift, zoom)
    columns = _moved(width, right.ravel() * changes.shift, zoom)
    columns = np.where(mirrored, width - 1 - columns, columns)
    moved = batch[np.arange(count)[:, None, None], rows[:, :, None], columns[:, None, :]]
    if not changes.brightness and not changes.contrast:
        return moved
    mean = moved.mean(axis=(1, 2, 3), keepdims=True, dtype=np.float32)
    values = (moved - mean) * factor.astype(np.float32) + mean + added.astype(np.float32)
    return np.asarray(np.clip(np.rint(values), 0, 255), np.uint8)


def _moved(length: int, shares: _Floats, zoom: _Floats) -> _Places:
    """Where each place of an axis comes from, one row a picture, enlarged and moved by these shares of its length."""
    middle = (length - 1) / 2
    at = middle + (np.arange(length) - middle) / zoom[:, None] - np.rint(shares * length)[:, None]
    return np.asarray(np.clip(np.rint(at), 0, length - 1), np.int64)
