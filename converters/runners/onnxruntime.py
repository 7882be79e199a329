"""ONNX Runtime on this machine's CPU."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime

from converters.runners.base import Array, CannotRunError, Runner
from converters.runners.timing import median_ms

_SILENT = 4


class OnnxRunner:
    """See `converters.runners.base.Runner`."""

    kernels = "cpu"

    def __init__(self) -> None:
        """Note the version."""
        self.runtime = f"onnxruntime {onnxruntime.__version__}"

    def run(self, path: Path, samples: Sequence[Sequence[Array]]) -> list[list[Array]]:
        """See `converters.runners.base.Runner`."""
        opened = open_file(path)
        return [[np.asarray(each) for each in opened.run(None, _feed(opened, sample))] for sample in samples]

    def latency_ms(self, path: Path, sample: Sequence[Array]) -> float | None:
        """See `converters.runners.base.Runner`."""
        opened = open_file(path)
        feed = _feed(opened, sample)
        return median_ms(lambda: opened.run(None, feed))


def open_file(path: Path, threads: int = 1, profile: Path | None = None) -> Any:
    """Open a file in a session of its own.

    Args:
        path: the file.
        threads: that one operator may use.
        profile: beginning of the path of a trace of operators; ``None`` for none.

    Raises:
        CannotRunError: ONNX Runtime does not take the file.
    """
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    options.log_severity_level = _SILENT
    if profile is not None:
        options.enable_profiling = True
        options.profile_file_prefix = str(profile)
    try:
        return onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
    except Exception as problem:  # its own exceptions have no common base
        raise CannotRunError(
            f"ONNX Runtime does not take the file: {' '.join(str(problem).split())}"
        ) from problem


def _feed(opened: Any, sample: Sequence[Array]) -> dict[str, Array]:
    return {port.name: values for port, values in zip(opened.get_inputs(), sample, strict=True)}


def cpu() -> Runner:
    """ONNX Runtime with its CPU kernels."""
    return OnnxRunner()
