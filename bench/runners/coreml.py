"""Core ML on a Mac, through coremltools, on the processors that Core ML chooses."""

import platform
import sys
from pathlib import Path

from bench.runners.base import Measured, Setup, chosen, lacking
from bench.timing import Progress, repeat, sustain, warm_up
from zoo.errors import BenchError

_UNITS = {"all": "ALL", "cpu": "CPU_ONLY", "gpu": "CPU_AND_GPU", "npu": "CPU_AND_NE"}
_PROCESSORS = {"all": "npu", "cpu": "cpu", "gpu": "gpu", "npu": "npu"}


class CoremlRunner:
    """See `bench.runners.base.Runner`; its kernels are the compute units that Core ML may use."""

    kernels = tuple(_UNITS)

    def lacks(self) -> str:
        """See `bench.runners.base.Runner`."""
        if sys.platform != "darwin":
            return "Core ML runs on Apple's systems only. Run zoo bench on a Mac"
        return lacking("coremltools", "coremltools", "coreml")

    def measure(self, path: Path, setup: Setup, progress: Progress) -> Measured:
        """See `bench.runners.base.Runner`."""
        import coremltools

        from bench.feeding import made_input

        if setup.operators:
            raise BenchError("Core ML gives no time of operators. Leave --profile-ops out")
        units = chosen(setup.kernels, self.kernels)
        model = coremltools.models.MLModel(str(path), compute_units=coremltools.ComputeUnit[_UNITS[units]])
        feed = {}
        for port in model.get_spec().description.input:
            if port.type.WhichOneof("Type") != "multiArrayType":
                raise BenchError(f"input {port.name} is no array, and only arrays can be made here")
            feed[port.name] = made_input(tuple(port.type.multiArrayType.shape), "float32")
        sustained = None
        if setup.plan.sustained_s is not None:
            sustained = sustain(lambda: model.predict(feed), setup.plan.sustained_s, progress)
        warm = warm_up(lambda: model.predict(feed))
        latency = repeat(lambda: model.predict(feed), setup.plan, progress)
        return Measured(
            runtime="coreml",
            runtime_version=f"Core ML of macOS {platform.mac_ver()[0]}",
            kernels=units,
            processor=_PROCESSORS[units],
            latency=latency,
            warm_up_runs=warm,
            sustained=sustained,
        )
