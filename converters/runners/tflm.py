"""TensorFlow Lite Micro on this machine, in a process of its own: it aborts on what it does not take."""

import io
import subprocess
import sys
from collections.abc import Sequence
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np

from converters.runners.base import Array, CannotRunError, Runner

LARGEST_FILE_BYTES = 4 * 2**20  # more than any microcontroller's flash holds
ARENA_BYTES = 16 * 2**20
LONGEST_S = 120
_NO_REASON = "it ended without a word"


class TflmRunner:
    """See `converters.runners.base.Runner`."""

    kernels = "reference"

    def __init__(self) -> None:
        """Note the version."""
        self.runtime = f"tflite-micro {version('tflite-micro')}"

    def run(self, path: Path, samples: Sequence[Sequence[Array]]) -> list[list[Array]]:
        """See `converters.runners.base.Runner`."""
        if path.stat().st_size > LARGEST_FILE_BYTES:
            raise CannotRunError(
                f"not tried: larger than {LARGEST_FILE_BYTES // 2**20} MiB, no microcontroller holds it"
            )
        fed = io.BytesIO()
        given: dict[str, Any] = {
            f"{row}.{place}": each for row, sample in enumerate(samples) for place, each in enumerate(sample)
        }
        np.savez(fed, **given)
        done = subprocess.run(  # noqa: S603 - this interpreter, this module
            [sys.executable, "-m", "converters.runners.tflm", str(path)],
            input=fed.getvalue(), capture_output=True, check=False, timeout=LONGEST_S,
        )  # fmt: skip
        mark = done.stdout.find(_MARK)
        if done.returncode or mark < 0:
            said = [each for each in done.stderr.decode(errors="replace").splitlines() if each.strip()]
            reason = next(
                (each for each in said if "Didn't find op" in each or "not supported" in each), None
            )
            raise CannotRunError(f"TFLM does not take the file: {reason or (said or [_NO_REASON])[-1]}"[:300])
        with np.load(io.BytesIO(done.stdout[mark + len(_MARK) :])) as found:
            outputs = 1 + max(int(each.partition(".")[2]) for each in found.files)
            return [[found[f"{row}.{place}"] for place in range(outputs)] for row in range(len(samples))]

    def latency_ms(self, path: Path, sample: Sequence[Array]) -> float | None:  # noqa: ARG002 - the protocol's
        """Its time on this machine says nothing of a microcontroller's."""
        return None


_MARK = b"\n--outputs--\n"


def _serve(path: str) -> None:
    """The child's side: samples from standard input, outputs to standard output."""
    from tflite_micro import runtime

    with np.load(io.BytesIO(sys.stdin.buffer.read())) as fed:
        given = {each: fed[each] for each in fed.files}
    opened = runtime.Interpreter.from_file(path, arena_size=ARENA_BYTES)
    rows = 1 + max(int(each.partition(".")[0]) for each in given)
    inputs = 1 + max(int(each.partition(".")[2]) for each in given)
    outputs: dict[str, Any] = {}
    for row in range(rows):
        for place in range(inputs):
            details = opened.get_input_details(place)
            opened.set_input(_quantized(given[f"{row}.{place}"], details), place)
        opened.invoke()
        for place in range(_outputs(opened)):
            outputs[f"{row}.{place}"] = _dequantized(
                opened.get_output(place), opened.get_output_details(place)
            )
    made = io.BytesIO()
    np.savez(made, **outputs)
    sys.stdout.buffer.write(_MARK + made.getvalue())
    sys.stdout.buffer.flush()


def _outputs(opened: object) -> int:
    """How many outputs there are: the interpreter does not say, it only refuses the first too many."""
    count = 1
    while True:
        try:
            opened.get_output_details(count)  # type: ignore[attr-defined]
        except (IndexError, ValueError, RuntimeError):
            return count
        count += 1


def _scale(details: dict[str, object]) -> tuple[float, int]:
    found = details["quantization_parameters"]
    scales, zero_points = np.atleast_1d(found["scales"]), np.atleast_1d(found["zero_points"])  # type: ignore[index]
    return (float(scales[0]), int(zero_points[0])) if scales.size else (0.0, 0)


def _quantized(values: Array, details: dict[str, object]) -> Array:
    wanted = np.dtype(details["dtype"])  # type: ignore[call-overload]
    scale, zero_point = _scale(details)
    if wanted.kind in "iu" and values.dtype.kind == "f" and scale:
        limits = np.iinfo(wanted)
        return np.clip(np.rint(values / scale + zero_point), limits.min, limits.max).astype(wanted)
    return np.ascontiguousarray(values, wanted)


def _dequantized(values: Array, details: dict[str, object]) -> Array:
    scale, zero_point = _scale(details)
    return (
        (values.astype(np.float32) - zero_point) * np.float32(scale)
        if values.dtype.kind in "iu" and scale
        else values
    )


def tflm() -> Runner:
    """TFLM with its reference kernels."""
    import tflite_micro  # noqa: F401 - a missing package must be said

    return TflmRunner()


if __name__ == "__main__":
    _serve(sys.argv[1])
