"""ONNX Runtime on this machine's CPU."""

import tempfile
from importlib.metadata import version
from pathlib import Path
from typing import Any

from bench.operators import OperatorTime, parse_onnxruntime
from bench.runners.base import Measured, Setup, chosen, lacking
from bench.timing import Progress, repeat, sustain, warm_up
from zoo.errors import BenchError

_PROFILED_RUNS = 50
_TYPES = {
    "tensor(float)": "float32", "tensor(float16)": "float16", "tensor(double)": "float64", "tensor(int8)": "int8",
    "tensor(uint8)": "uint8", "tensor(int16)": "int16", "tensor(uint16)": "uint16", "tensor(int32)": "int32",
    "tensor(uint32)": "uint32", "tensor(int64)": "int64", "tensor(uint64)": "uint64", "tensor(bool)": "bool",
}  # fmt: skip


class OnnxRunner:
    """See `bench.runners.base.Runner`."""

    kernels = ("cpu",)

    def lacks(self) -> str:
        """See `bench.runners.base.Runner`."""
        return lacking("onnxruntime", "onnxruntime", "inspect")

    def measure(self, path: Path, setup: Setup, progress: Progress) -> Measured:
        """See `bench.runners.base.Runner`."""
        from converters.runners.onnxruntime import open_file

        kernels = chosen(setup.kernels, self.kernels)
        opened = open_file(path, setup.threads)
        feed = _feed(opened)
        sustained = None
        if setup.plan.sustained_s is not None:
            sustained = sustain(lambda: opened.run(None, feed), setup.plan.sustained_s, progress)
        warm = warm_up(lambda: opened.run(None, feed))
        latency = repeat(lambda: opened.run(None, feed), setup.plan, progress)
        return Measured(
            runtime="onnxruntime",
            runtime_version=f"onnxruntime {version('onnxruntime')}",
            kernels=kernels,
            processor="cpu",
            threads=setup.threads,
            latency=latency,
            warm_up_runs=warm,
            sustained=sustained,
            operators=_profiled(path, setup.threads) if setup.operators else (),
        )


def _profiled(path: Path, threads: int) -> tuple[OperatorTime, ...]:
    from converters.runners.onnxruntime import open_file

    with tempfile.TemporaryDirectory() as folder:
        opened = open_file(path, threads, Path(folder) / "trace")
        feed = _feed(opened)
        for _ in range(_PROFILED_RUNS):
            opened.run(None, feed)
        return parse_onnxruntime(Path(opened.end_profiling()).read_text(encoding="utf-8"))


def _feed(opened: Any) -> dict[str, Any]:
    """Inputs by name; an open first axis is the batch, of which there is one.

    Raises:
        BenchError: another axis is open, or an input holds no numbers.
    """
    from bench.feeding import made_input

    problems, feed = [], {}
    for port in opened.get_inputs():
        shape = [
            1 if place == 0 and not isinstance(each, int) else each for place, each in enumerate(port.shape)
        ]
        if port.type not in _TYPES:
            problems.append(f"input {port.name} is {port.type}, but numbers are wanted")
        elif not all(isinstance(each, int) and each > 0 for each in shape):
            problems.append(
                f"input {port.name} has the open shape {port.shape}: fix it when the file is made"
            )
        else:
            feed[port.name] = made_input(shape, _TYPES[port.type])
    if problems:
        raise BenchError("; ".join(problems))
    return feed
