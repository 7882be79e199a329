"""LiteRT on this machine's CPU, with XNNPACK, its own optimised kernels or its reference kernels."""

from importlib.metadata import version
from pathlib import Path
from typing import Any

from bench.operators import OperatorTime, parse_tflite
from bench.runners.base import Measured, Setup, chosen, lacking
from bench.runners.litert_profile import RUNS, profiled
from bench.timing import Progress, repeat, sustain, warm_up

_RUNTIMES = {"xnnpack": "tflite", "builtin": "tflite-builtin", "reference": "tflite-reference"}


class LitertRunner:
    """See `bench.runners.base.Runner`."""

    kernels = tuple(_RUNTIMES)

    def lacks(self) -> str:
        """See `bench.runners.base.Runner`."""
        return lacking("ai-edge-litert", "ai_edge_litert", "inspect")

    def measure(self, path: Path, setup: Setup, progress: Progress) -> Measured:
        """See `bench.runners.base.Runner`."""
        kernels = chosen(setup.kernels, self.kernels)
        opened = _ready(path, kernels, setup.threads)
        sustained = None
        if setup.plan.sustained_s is not None:
            sustained = sustain(opened.invoke, setup.plan.sustained_s, progress)
        warm = warm_up(opened.invoke)
        latency = repeat(opened.invoke, setup.plan, progress)
        operators: tuple[OperatorTime, ...] = ()
        if setup.operators:
            operators = parse_tflite(profiled(path, kernels, setup.threads), RUNS)
        return Measured(
            runtime=_RUNTIMES[kernels],
            runtime_version=f"ai-edge-litert {version('ai-edge-litert')}",
            kernels=kernels,
            processor="cpu",
            threads=setup.threads,
            latency=latency,
            warm_up_runs=warm,
            sustained=sustained,
            operators=operators,
        )


def _ready(path: Path, kernels: str, threads: int) -> Any:
    from bench.feeding import made_input
    from converters.runners.litert import open_file

    opened = open_file(path, kernels, threads)
    for port in opened.get_input_details():
        opened.set_tensor(port["index"], made_input(port["shape"], port["dtype"]))
    return opened
