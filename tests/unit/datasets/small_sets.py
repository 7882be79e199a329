"""Files in the formats of the real data sets, made on the spot."""

import io
import tarfile
import wave
from pathlib import Path

import numpy as np
import pytest


def idx(array: np.ndarray) -> bytes:
    """An IDX file of bytes, unpacked."""
    lengths = b"".join(length.to_bytes(4, "big") for length in array.shape)
    return bytes((0, 0, 8, array.ndim)) + lengths + array.astype(np.uint8).tobytes()


def wav(samples: np.ndarray, rate_hz: int = 8000, channels: int = 1) -> bytes:
    """A WAV file of 16 bit."""
    made = io.BytesIO()
    with wave.open(made, "wb") as opened:
        opened.setnchannels(channels)
        opened.setsampwidth(2)
        opened.setframerate(rate_hz)
        opened.writeframes(samples.astype("<i2").tobytes())
    return made.getvalue()


def recordings() -> dict[str, bytes]:
    """Clips of two speakers: two digits, indices 4 (official test) and 5 (train)."""
    random = np.random.default_rng(2)
    return {
        f"{digit}_{speaker}_{index}.wav": wav(random.integers(-9000, 9000, 2000 + 100 * index))
        for digit in (0, 7)
        for speaker in ("ann", "bob")
        for index in (4, 5)
    }


def pack(path: Path, files: dict[str, bytes]) -> None:
    """Write files into an xz archive, in a folder of their own."""
    with tarfile.open(path, "w:xz") as archive:
        for name, content in files.items():
            member = tarfile.TarInfo(f"fsdd/recordings/{name}")
            member.size = len(content)
            archive.addfile(member, io.BytesIO(content))


def photo(seed: int, size: tuple[int, int] = (20, 30), kind: str = "JPEG", **options) -> bytes:
    """A photo of noise, width x height."""
    image = pytest.importorskip("PIL.Image")
    pixels = np.random.default_rng(seed).integers(0, 256, (size[1], size[0], 3)).astype(np.uint8)
    made = io.BytesIO()
    image.fromarray(pixels).save(made, kind, **options)
    return made.getvalue()
