"""Golden inputs: what a source and its files are both run on."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from converters.sources.base import Array, Port, Source
from zoo.errors import UsageError

GOLDEN_SAMPLES = 8
NOISE_SAMPLES = 16
MOST_SAMPLES = 512
SEED = 20


@dataclass(frozen=True, slots=True)
class Golden:
    """Inputs, the source's outputs, and samples to calibrate with.

    Attributes:
        kind: ``samples`` where the user gave some, ``noise`` where they are standard normal, seeded.
        inputs: one list of arrays (one an input) a sample, in the source's layout, batch 1.
        outputs: one list of arrays (one an output) a sample.
        calibration: samples that integer activations are calibrated with; the golden ones are among them only
            where fewer than twice as many were given.
    """

    kind: str
    inputs: tuple[tuple[Array, ...], ...]
    outputs: tuple[tuple[Array, ...], ...]
    calibration: tuple[tuple[Array, ...], ...]

    @property
    def sha256(self) -> str:
        """Digest over shapes, types and bytes of all inputs."""
        digest = hashlib.sha256()
        for sample in self.inputs:
            for each in sample:
                digest.update(f"{each.shape} {each.dtype}".encode())
                digest.update(np.ascontiguousarray(each).tobytes())
        return digest.hexdigest()

    def save(self, path: Path) -> None:
        """Write inputs and outputs as ``input_<place>`` and ``output_<place>``, samples along axis 0."""
        columns: dict[str, Any] = {
            f"{kind}_{place}": np.concatenate(column)
            for kind, runs in (("input", self.inputs), ("output", self.outputs))
            for place, column in enumerate(zip(*runs, strict=True))
        }
        np.savez_compressed(path, **columns)


def golden(source: Source, data: Path | None) -> Golden:
    """Choose golden inputs and run the source on them.

    Args:
        source: the net.
        data: real samples, see `read_samples`; ``None`` for seeded noise.

    Raises:
        UsageError: the samples cannot be read or do not fit the source's inputs.
    """
    if data is None:
        random = np.random.default_rng(SEED)
        made = [tuple(_noise(source, place, random) for place in range(len(source.inputs)))
                for _ in range(GOLDEN_SAMPLES + NOISE_SAMPLES)]  # fmt: skip
        chosen, calibration, kind = made[:GOLDEN_SAMPLES], made[GOLDEN_SAMPLES:], "noise"
    else:
        samples = read_samples(data, source.inputs)
        chosen, kind = samples[:GOLDEN_SAMPLES], "samples"
        calibration = samples[GOLDEN_SAMPLES:] if len(samples) >= 2 * GOLDEN_SAMPLES else samples
    outputs = tuple(tuple(source.run(each)) for each in chosen)
    return Golden(kind, tuple(chosen), outputs, tuple(calibration))


def _noise(source: Source, place: int, random: np.random.Generator) -> Array:
    port = source.inputs[place]
    if np.dtype(port.dtype).kind == "f":
        return random.standard_normal(port.shape).astype(port.dtype)
    highest = int(source.examples[place].max()) if source.examples else 1
    return random.integers(0, max(1, highest) + 1, port.shape).astype(port.dtype)


def read_samples(path: Path, ports: Sequence[Port]) -> list[tuple[Array, ...]]:
    """Read samples from ``.npy`` (one input) or ``.npz`` (one array an input, in order or by name).

    Axis 0 counts samples; the other axes are those of the source's inputs without their batch. At most 512 are used.

    Raises:
        UsageError: it is no such file, or a shape does not fit.
    """
    try:
        loaded: Any = np.load(path, allow_pickle=False)
    except (OSError, ValueError) as problem:
        raise UsageError(
            f"no samples can be read from '{path}': {problem}. Give a .npy or .npz file"
        ) from problem
    if isinstance(loaded, np.ndarray):
        columns = [loaded]
    else:
        with loaded:
            named = all(port.name in loaded.files for port in ports)
            columns = [loaded[each] for each in ([port.name for port in ports] if named else loaded.files)]
    if len(columns) != len(ports):
        raise UsageError(
            f"'{path}' has {len(columns)} arrays, the net has {len(ports)} inputs: one array each is wanted"
        )
    for column, port in zip(columns, ports, strict=True):
        if column.ndim != len(port.shape) or column.shape[1:] != port.shape[1:] or not len(column):
            raise UsageError(
                f"'{path}' has samples of shape {column.shape}, but {('N', *port.shape[1:])} is wanted for {port.name}"
            )
        if column.dtype.kind == "f" and not np.isfinite(column).all():
            raise UsageError(f"'{path}' has samples that are not numbers (nan or inf) for {port.name}")
    count = min(len(columns[0]), MOST_SAMPLES)
    return [
        tuple(
            np.asarray(column[row : row + 1], port.dtype) for column, port in zip(columns, ports, strict=True)
        )
        for row in range(count)
    ]
