"""TensorFlow Lite Micro on this machine, in a process of its own: it aborts on what it does not take."""

import io
import re
import subprocess
import sys
from collections.abc import Sequence
from importlib.metadata import version
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np

from converters.runners.base import Array, CannotRunError, Runner

LARGEST_FILE_BYTES = 4 * 2**20  # more than any microcontroller's flash holds
ARENA_BYTES = 16 * 2**20
LONGEST_S = 120
SAMPLES_AT_ONCE = 1000
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
        rest, runs = iter(samples), []
        while chosen := list(islice(rest, SAMPLES_AT_ONCE)):
            runs += _asked(path, chosen)
        return runs

    def latency_ms(self, path: Path, sample: Sequence[Array]) -> float | None:  # noqa: ARG002 - the protocol's
        """Its time on this machine says nothing of a microcontroller's."""
        return None


_MARK = b"\n--outputs--\n"
_ARENA = re.compile(rb"Arena allocation total (\d+) bytes")
_ALLOCATIONS = "--allocations"


def arena_bytes(path: Path) -> int:
    """Working memory that TFLM takes for a file: tensors, scratch and its own bookkeeping.

    Pointers have 8 bytes here and 4 on a microcontroller, which takes a little less; kernels that a vendor tuned may
    want more scratch.

    Raises:
        CannotRunError: TFLM does not take the file, or is not installed.
    """
    try:
        done = _child([str(path), _ALLOCATIONS], b"")
    except subprocess.TimeoutExpired as problem:
        raise CannotRunError(f"TFLM is too slow: over {LONGEST_S} s") from problem
    found = _ARENA.search(done.stdout + done.stderr)
    if done.returncode or found is None:
        raise CannotRunError(f"TFLM does not take the file: {_reason(done)}")
    return int(found[1])


def _child(arguments: Sequence[str], data: bytes) -> subprocess.CompletedProcess[bytes]:
    return subprocess.run(  # noqa: S603 - this interpreter, this module
        [sys.executable, "-m", "converters.runners.tflm", *arguments],
        input=data, capture_output=True, check=False, timeout=LONGEST_S,
    )  # fmt: skip


def _reason(done: subprocess.CompletedProcess[bytes]) -> str:
    said = [each for each in done.stderr.decode(errors="replace").splitlines() if each.strip()]
    reason = next((each for each in said if "Didn't find op" in each or "not supported" in each), None)
    return (reason or (said or [_NO_REASON])[-1])[:300]


def _asked(path: Path, samples: Sequence[Sequence[Array]]) -> list[list[Array]]:
    """Have a process of its own run these samples: one array an input, one an output, samples along axis 0."""
    fed = io.BytesIO()
    given: dict[str, Any] = {
        str(place): np.stack(column) for place, column in enumerate(zip(*samples, strict=True))
    }
    np.savez(fed, **given)
    try:
        done = _child([str(path)], fed.getvalue())
    except subprocess.TimeoutExpired as problem:
        raise CannotRunError(f"TFLM is too slow: {len(samples)} samples take over {LONGEST_S} s") from problem
    mark = done.stdout.find(_MARK)
    if done.returncode or mark < 0:
        raise CannotRunError(f"TFLM does not take the file: {_reason(done)}")
    with np.load(io.BytesIO(done.stdout[mark + len(_MARK) :])) as found:
        columns = [found[str(place)] for place in range(len(found.files))]
    return [list(row) for row in zip(*columns, strict=True)]


def _open(path: str) -> Any:
    from tflite_micro import runtime

    return runtime.Interpreter.from_file(path, arena_size=ARENA_BYTES)


def _serve(path: str) -> None:
    """The child's side: samples from standard input, outputs to standard output."""
    with np.load(io.BytesIO(sys.stdin.buffer.read())) as fed:
        given = [fed[str(place)] for place in range(len(fed.files))]
    opened = _open(path)
    count = _outputs(opened)
    outputs: list[list[Array]] = [[] for _ in range(count)]
    for sample in zip(*given, strict=True):
        for place, values in enumerate(sample):
            opened.set_input(_quantized(values, opened.get_input_details(place)), place)
        opened.invoke()
        for place in range(count):
            found = _dequantized(opened.get_output(place), opened.get_output_details(place))
            outputs[place].append(np.array(found))
    made = io.BytesIO()
    stacked: dict[str, Any] = {str(place): np.stack(column) for place, column in enumerate(outputs)}
    np.savez(made, **stacked)
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
    if _ALLOCATIONS in sys.argv:
        _open(sys.argv[1]).print_allocations()
    else:
        _serve(sys.argv[1])
