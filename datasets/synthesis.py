"""Spoken digits of synthetic voices, to train on beside the few people who recorded some.

espeak-ng says every digit with each of its voices in an English accent that is drawn, at a speed and a pitch that are
drawn. Which voices there are depends on its version, so the set has no digest; the same version gives the same clips.

``python -m datasets.synthesis [FOLDER]`` writes it where `datasets.loading` finds it: into the cache of this user, or
into FOLDER/synthetic-digits.
"""

import io
import re
import shutil
import subprocess
import sys
import tempfile
import wave
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from datasets.augmenting import change_speed
from datasets.catalogue import SYNTHETIC_DIGITS
from datasets.finding import cache
from datasets.spoken_digits import RATE_HZ
from datasets.values import Array
from zoo.errors import DatasetError

_PROGRAM = "espeak-ng"
_ACCENTS = (
    *("en-us", "en-us-nyc", "en-gb", "en-gb-scotland", "en-gb-x-rp", "en-gb-x-gbclan", "en-gb-x-gbcwmd"),
    "en-029",
)
_NO_PERSON = re.compile(r"robosoft|whisper|.*robot|demonic|croak|mr$", re.IGNORECASE)
_VARIANT = re.compile(r"!v/(\w+)")
_TIMES = 2
_WORDS_PER_MINUTE, _PITCH = (110, 190), (20, 80)  # of its scale from 0 to 99
_FRAME_SAMPLES, _SILENCE_DB = 80, 35.0  # a frame so far below the loudest one is silence at the ends
_HEADER_BYTES = 44
_LOUDNESS = 1500.0  # root mean square of int16 samples, about that of the recordings


@dataclass(frozen=True, slots=True)
class _Saying:
    """One clip that is to be made."""

    digit: int
    variant: str
    time: int
    accent: str
    words_per_minute: int
    pitch: int

    @property
    def name(self) -> str:
        """Of its file."""
        return f"{self.digit}_espeak-{self.variant}_{self.time}.wav"


def synthesise(folder: Path, progress: Callable[[int, int], None] = lambda *_: None) -> int:
    """Make the whole set.

    Args:
        folder: to be made, with ``recordings/`` in it; must not be there yet.
        progress: told how many clips of how many are made.

    Returns:
        How many clips it has.

    Raises:
        DatasetError: the folder is there, or espeak-ng is missing or has no voices.
    """
    if folder.exists():
        raise DatasetError(f"'{folder}' is there already; delete it to make it again")
    wanted = list(_sayings(_variants()))
    folder.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=folder.parent, prefix=f".{folder.name}.") as made:
        recordings = Path(made) / "set" / "recordings"
        recordings.mkdir(parents=True)
        with ThreadPoolExecutor(2) as pool:
            for count, (saying, clip) in enumerate(zip(wanted, pool.map(_said, wanted), strict=True), 1):
                (recordings / saying.name).write_bytes(_wave(clip))
                progress(count, len(wanted))
        shutil.move(recordings.parent, folder)
    return len(wanted)


def _variants() -> list[str]:
    """Names of its voices, without those that are no person's."""
    listed = _run("--voices=variant").decode(errors="replace")
    found = sorted(set(_VARIANT.findall(listed)))
    kept = [each for each in found if not _NO_PERSON.match(each)]
    if not kept:
        raise DatasetError(f"{_PROGRAM} lists no voices; it said: {listed[:200]!r}")
    return kept


def _sayings(variants: list[str]) -> Iterator[_Saying]:
    random = np.random.default_rng(0)
    for variant in variants:
        for digit in range(len(SYNTHETIC_DIGITS.classes)):
            for time in range(_TIMES):
                accent = _ACCENTS[random.integers(len(_ACCENTS))]
                speed, pitch = (int(random.integers(*each)) for each in (_WORDS_PER_MINUTE, _PITCH))
                yield _Saying(digit, variant, time, accent, speed, pitch)


def _said(saying: _Saying) -> Array:
    """The clip at 8 kHz, without silence at its ends."""
    data = _run(
        *("-v", f"{saying.accent}+{saying.variant}", "-s", str(saying.words_per_minute)),
        *("-p", str(saying.pitch), "--stdout", SYNTHETIC_DIGITS.classes[saying.digit]),
    )
    # Into a pipe it writes the header before it knows the length, which says nothing therefore.
    with wave.open(io.BytesIO(data)) as opened:
        rate_hz = opened.getframerate()
    samples = np.frombuffer(data[_HEADER_BYTES : len(data) // 2 * 2], "<i2").astype(np.float64)
    clip = _trimmed(change_speed(samples, rate_hz / RATE_HZ))
    loudness = float(np.sqrt(np.mean(clip**2)))
    return np.clip(np.rint(clip * (_LOUDNESS / loudness)), -32768, 32767).astype("<i2")


def _trimmed(clip: Array) -> Array:
    frames = clip[: len(clip) // _FRAME_SAMPLES * _FRAME_SAMPLES].reshape(-1, _FRAME_SAMPLES)
    power = (frames**2).mean(axis=1)
    heard = np.flatnonzero(power > power.max() * 10 ** (-_SILENCE_DB / 10))
    return clip[heard[0] * _FRAME_SAMPLES : (heard[-1] + 1) * _FRAME_SAMPLES]


def _wave(clip: Array) -> bytes:
    file = io.BytesIO()
    with wave.open(file, "wb") as opened:
        opened.setnchannels(1)
        opened.setsampwidth(2)
        opened.setframerate(RATE_HZ)
        opened.writeframes(clip.tobytes())
    return file.getvalue()


def _run(*arguments: str) -> bytes:
    try:
        return subprocess.run((_PROGRAM, *arguments), capture_output=True, check=True).stdout  # noqa: S603
    except FileNotFoundError as problem:
        raise DatasetError(f"{_PROGRAM} is not installed. On Debian: apt-get install {_PROGRAM}") from problem
    except subprocess.CalledProcessError as problem:
        said = problem.stderr.decode(errors="replace").strip()[:200]
        raise DatasetError(f"{_PROGRAM} {' '.join(arguments)} failed: {said}") from problem


def main() -> None:
    """See the module."""
    root = Path(sys.argv[1]) if len(sys.argv) > 1 else cache()
    folder = root / SYNTHETIC_DIGITS.folder

    def show(done: int, total: int) -> None:
        if done % 100 == 0 or done == total:
            sys.stderr.write(f"\r{done} of {total} clips")

    try:
        synthesise(folder, show)
    except DatasetError as problem:
        raise SystemExit(f"error: {problem}") from problem
    sys.stderr.write(f"\nwrote {folder}\n")


if __name__ == "__main__":
    main()
