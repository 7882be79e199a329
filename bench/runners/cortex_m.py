"""An emulated Cortex-M: instructions an inference, flash, RAM, and whether the outputs are right.

The model is compiled to C with CMSIS-NN and runs as firmware under QEMU. Instructions are counted, not timed: how long
they take depends on what QEMU does not have: the pipeline, caches, and how long flash memory is waited for.
"""

import tempfile
from collections.abc import Sequence
from importlib.util import find_spec
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bench.emulation import compared
from bench.runners.base import Comparison, Fit, Measured, Setup, chosen, lacking
from bench.timing import Progress
from zoo.errors import BenchError

KERNELS = ("cmsis-nn", "portable")
_RUNTIMES = {"cmsis-nn": "bakenn-cmsis-nn", "portable": "bakenn"}
_SEED, _RANDOM_INPUTS = 0, 13
_LOWEST, _HIGHEST = -128, 127
_SAMPLES_AT_ONCE = 512


class CortexMRunner:
    """See `bench.runners.base.Runner`."""

    kernels = KERNELS

    def lacks(self) -> str:
        """See `bench.runners.base.Runner`."""
        missing = lacking("bakenn", "bakenn", "tflite") or lacking(
            "ai-edge-litert", "ai_edge_litert", "tflite"
        )
        if missing:
            return missing
        from bench.cortex_m import lacks

        return lacks()

    def measure(self, path: Path, setup: Setup, progress: Progress) -> Measured:
        """See `bench.runners.base.Runner`."""
        from bench.cortex_m import CORES, Firmware, versions

        if setup.operators or setup.plan.sustained_s is not None:
            raise BenchError("an emulated core has no times. Leave --profile-ops and --sustained out")
        kernels = chosen(setup.kernels, self.kernels)
        core = CORES[setup.core]
        with tempfile.TemporaryDirectory(prefix="zoo-cortex-m-") as folder:
            firmware = Firmware(path, core, kernels, Path(folder))
            inputs = made_inputs(firmware.input_bytes)
            model, sizes = firmware.build()
            idle, idle_sizes = firmware.build(idle=True)
            progress(1, 3)
            ran, rested = firmware.run(model, inputs), firmware.run(idle, inputs)
            own = firmware.own(sizes, idle_sizes)
            progress(2, 3)
            compared_with = comparisons(path, firmware, inputs, ran.outputs)
            fit = None
            if setup.flash_bytes is not None or setup.ram_bytes is not None:
                fit = _fit(firmware, setup, ran.stack_bytes, inputs, ran.outputs)
            progress(3, 3)
        return Measured(
            runtime=_RUNTIMES[kernels],
            runtime_version=versions(),
            kernels=kernels,
            processor="cpu",
            arena_bytes=firmware.arena_bytes,
            instructions=round((ran.instructions - rested.instructions) / len(inputs)),
            flash_bytes=own.flash_bytes,
            ram_bytes=own.ram_bytes,
            stack_bytes=ran.stack_bytes,
            comparisons=compared_with,
            fit=fit,
            notes=(
                f"mean of {len(inputs)} made inputs on an emulated {core.title}: exact, but no time",
                f"with its start-up: {sizes.flash_bytes:,} bytes of flash, {sizes.ram_bytes:,} of RAM without stack",
                *firmware.left_out,
                *_unchecked(),
            ),
        )


def made_inputs(count: int) -> NDArray[np.int8]:
    """Inputs of so many bytes: evenly drawn ones, and the ends of the range, which saturate what can be."""
    drawn = np.random.default_rng(_SEED).integers(
        _LOWEST, _HIGHEST, (_RANDOM_INPUTS, count), np.int8, endpoint=True
    )
    ends = np.repeat(np.array([[_LOWEST], [0], [_HIGHEST]], np.int8), count, axis=1)
    return np.concatenate([drawn, ends])


def comparisons(
    path: Path, firmware: Any, inputs: NDArray[np.int8], outputs: NDArray[np.int8]
) -> tuple[Comparison, ...]:
    """Outputs beside TFLM's, where it is installed, and beside LiteRT's reference kernels.

    Both run the file that was given; where the firmware leaves something out of it, the file without that.
    """
    from bench.cortex_m import integers
    from converters.runners.litert import LitertRunner, open_file

    file = firmware.plain if firmware.left_out else path
    shape = open_file(file, "reference").get_input_details()[0]["shape"]
    samples = [[each.reshape(shape)] for each in inputs]
    runners: list[Any] = [LitertRunner("reference")]
    if find_spec("tflite_micro") is not None:
        from converters.runners.tflm import TflmRunner

        runners.insert(0, TflmRunner())
    found = []
    for each in runners:
        wanted = np.stack([row[0] for row in each.run(file, samples)])
        reference = f"{each.runtime} ({each.kernels} kernels)"
        found.append(compared(outputs, integers(wanted, firmware.output_scale), reference))
    return tuple(found)


def _unchecked() -> tuple[str, ...]:
    missing = lacking("tflite-micro", "tflite_micro", "tflm")
    return (f"outputs were not compared with TFLM's: {missing}",) if missing else ()


def _fit(
    firmware: Any, setup: Setup, stack_bytes: int, inputs: NDArray[np.int8], outputs: NDArray[np.int8]
) -> Fit:
    """Link for the device's memory, and where that succeeds, run there."""
    from bench.cortex_m import SPARE_STACK_BYTES, DoesNotFitError

    stack = stack_bytes + SPARE_STACK_BYTES
    try:
        program, _ = firmware.build(
            flash_bytes=setup.flash_bytes, ram_bytes=setup.ram_bytes, stack_bytes=stack
        )
    except DoesNotFitError as problem:
        return Fit(setup.flash_bytes, setup.ram_bytes, stack, problem.overflows)
    if not np.array_equal(firmware.run(program, inputs).outputs, outputs):
        raise BenchError("in the device's memory the firmware answers otherwise than with more memory")
    return Fit(setup.flash_bytes, setup.ram_bytes, stack, {})


class Scorer:
    """See `converters.runners.base.Runner`: samples answered by the firmware.

    Args:
        device: name of the core.
        kernels: see `CortexMRunner`.
    """

    def __init__(self, device: str, kernels: str) -> None:
        """Note the versions."""
        from bench.cortex_m import generator

        self.device = device
        self.runtime = generator()
        self.kernels = f"{chosen(kernels, KERNELS)} on an emulated {device}"
        self._kernels = chosen(kernels, KERNELS)

    def run(self, path: Path, samples: Sequence[Sequence[NDArray[Any]]]) -> list[list[NDArray[Any]]]:
        """See `converters.runners.base.Runner`."""
        from bench.cortex_m import CORES, Firmware, integers, values

        rest, answers = iter(samples), []
        with tempfile.TemporaryDirectory(prefix="zoo-cortex-m-") as folder:
            firmware = Firmware(path, CORES[self.device], self._kernels, Path(folder))
            program, _ = firmware.build()
            while chosen_ := list(islice(rest, _SAMPLES_AT_ONCE)):
                fed = np.stack([integers(each[0].reshape(-1), firmware.input_scale) for each in chosen_])
                found = firmware.run(program, fed).outputs
                answers += [[values(row, firmware.output_scale)[None]] for row in found]
        return answers

    def latency_ms(self, path: Path, sample: Sequence[NDArray[Any]]) -> float | None:  # noqa: ARG002 - the protocol's
        """An emulator has no times."""
        return None


def scorer(device: str, kernels: str) -> Scorer:
    """What answers samples on an emulated core; see `bench.runners.base.Entry`."""
    return Scorer(device, kernels)
