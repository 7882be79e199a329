"""TFLite on an attached Android phone, measured by TFLite's own ``benchmark_model``."""

import math
import os
import secrets
import shlex
from collections.abc import Sequence
from pathlib import Path
from types import MappingProxyType

from bench.adb import Phone, lacks_adb
from bench.benchmark_tool import ToolReport, parse
from bench.runners.base import Measured, Setup, chosen
from bench.timing import Progress
from zoo.errors import BenchError

TOOL_VARIABLE = "ZOO_BENCHMARK_MODEL"
_FOLDER = "/data/local/tmp"
_RUNS = 50
_SPARE_S = 120  # to load, to compile for a GPU, to warm up
_FLAGS = MappingProxyType(
    {
        "cpu": ("--use_xnnpack=true",),
        "builtin": ("--use_xnnpack=false",),
        "gpu": ("--use_gpu=true",),
        "nnapi": ("--use_nnapi=true",),
        "hexagon": ("--use_hexagon=true",),
    }
)
_PROCESSORS = {"gpu": "gpu", "nnapi": "nnapi", "hexagon": "dsp"}
_RUNTIMES = {"builtin": "tflite-builtin"}
_GET_TOOL = (
    "TFLite's benchmark_model for Android is not here. Build it from tensorflow/lite/tools/benchmark or fetch "
    f"Google's nightly android_aarch64_benchmark_model, and name it with --tool FILE or ${TOOL_VARIABLE}"
)


class AndroidRunner:
    """See `bench.runners.base.Runner`; its kernels are the CPU's, and the delegates."""

    kernels = tuple(_FLAGS)

    def lacks(self) -> str:
        """See `bench.runners.base.Runner`. Whether a phone is attached is seen when it is asked."""
        return lacks_adb() or ("" if _tool(None) else _GET_TOOL)

    def measure(self, path: Path, setup: Setup, progress: Progress) -> Measured:
        """See `bench.runners.base.Runner`."""
        kernels = chosen(setup.kernels, self.kernels)
        if setup.plan.sustained_s is not None:
            raise BenchError("benchmark_model gives no times by minute. Leave --sustained out for a phone")
        tool = _tool(setup.tool)
        if tool is None:
            raise BenchError(_GET_TOOL)
        phone = Phone(setup.serial)
        before = phone.conditions()
        text = _run(phone, tool, path, arguments(kernels, setup), setup.plan.longest_s + _SPARE_S)
        progress(1, 1)
        report = parse(text)
        operators = report.operators
        if setup.operators:  # in runs of their own: looking on takes time
            flags = (*arguments(kernels, setup), "--enable_op_profiling=true")
            operators = parse(
                _run(phone, tool, path, flags, setup.plan.longest_s + _SPARE_S), with_operators=True
            ).operators
        return Measured(
            runtime=_RUNTIMES.get(kernels, "tflite"),
            runtime_version="TFLite, as in the benchmark_model that ran",
            kernels=kernels,
            processor=_PROCESSORS.get(kernels, "cpu"),
            threads=setup.threads if kernels not in _PROCESSORS else None,
            latency=report.latency,
            statistic=report.statistic,
            warm_up_runs=report.warm_up_runs,
            operators=operators,
            peak_memory_bytes=report.peak_memory_bytes,
            notes=_notes(report, before, phone.conditions()),
        )


def arguments(kernels: str, setup: Setup) -> tuple[str, ...]:
    """The tool's arguments; the file's comes with it."""
    return (
        f"--num_threads={setup.threads}",
        f"--num_runs={_RUNS}",
        "--warmup_min_secs=0.5",
        "--min_secs=1",
        f"--max_secs={math.ceil(setup.plan.longest_s)}",
        "--report_peak_memory_footprint=true",
        *_FLAGS[kernels],
    )


def _run(phone: Phone, tool: Path, path: Path, flags: Sequence[str], longest_s: float) -> str:
    """Push the tool and the file into a folder of their own, run, and clear it away whatever happens."""
    folder = f"{_FOLDER}/device-zoo-{secrets.token_hex(4)}"
    phone.shell(f"mkdir -p {folder}")
    try:
        phone.push(tool, f"{folder}/benchmark_model")
        phone.push(path, f"{folder}/model.tflite")
        command = [f"{folder}/benchmark_model", f"--graph={folder}/model.tflite", *flags]
        return phone.shell(f"chmod 755 {folder}/benchmark_model && {shlex.join(command)}", longest_s)
    finally:
        phone.shell(f"rm -rf {folder}")


def _tool(named: Path | None) -> Path | None:
    given = named or (Path(os.environ[TOOL_VARIABLE]) if os.environ.get(TOOL_VARIABLE) else None)
    return given if given is not None and given.is_file() else None


def _notes(report: ToolReport, before: str, after: str) -> tuple[str, ...]:
    heat = f"before: {before}; after: {after}" if before or after else "the phone tells no temperature"
    return (*report.notes, heat)
