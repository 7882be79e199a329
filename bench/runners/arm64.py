"""An emulated Arm64 phone core: whether LiteRT answers there as it does here, and how many instructions it takes.

LiteRT's own Arm64 build runs under QEMU's user emulation, so its Arm kernels compute, dot products included where the
core has them. Instructions are counted, not timed: QEMU has no pipeline and no caches.
"""

import tempfile
from collections.abc import Sequence
from importlib.metadata import version
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bench.runners.base import Measured, Setup, chosen, lacking
from bench.timing import Progress
from zoo.errors import BenchError

QEMU, _PACKAGE = "qemu-aarch64", "qemu-user"
_KERNELS = ("xnnpack", "builtin", "reference")
_RUNTIMES = {"xnnpack": "tflite", "builtin": "tflite-builtin", "reference": "tflite-reference"}
_INPUTS, _COUNTED = 4, 20
_SAMPLES_AT_ONCE = 512
_LONGEST_S = 900


class Arm64Runner:
    """See `bench.runners.base.Runner`."""

    kernels = _KERNELS

    def lacks(self) -> str:
        """See `bench.runners.base.Runner`."""
        missing = lacking("ai-edge-litert", "ai_edge_litert", "inspect")
        if missing:
            return missing
        from bench import arm64_root
        from bench.emulation import lacks_counter

        return lacks_counter(QEMU, _PACKAGE) or arm64_root.lacks()

    def measure(self, path: Path, setup: Setup, progress: Progress) -> Measured:
        """See `bench.runners.base.Runner`."""
        from bench.arm64_root import CORES
        from bench.emulation import compared, qemu_version
        from converters.runners.litert import open_file

        if setup.operators or setup.plan.sustained_s is not None:
            raise BenchError("an emulated core has no times. Leave --profile-ops and --sustained out")
        kernels = chosen(setup.kernels, self.kernels)
        opened = open_file(path, kernels)
        columns = {each["index"]: _inputs(each) for each in opened.get_input_details()}
        host = _on_host(opened, columns)
        emulated = Emulated(setup.core, kernels)
        once, found = emulated.run(path, columns)
        progress(1, 2)
        again, _ = emulated.run(path, columns, more=_COUNTED)
        progress(2, 2)
        litert = f"ai-edge-litert {version('ai-edge-litert')}"
        return Measured(
            runtime=_RUNTIMES[kernels],
            runtime_version=f"{litert}, {qemu_version(QEMU)}",
            kernels=kernels,
            processor="cpu",
            threads=1,
            instructions=round((again - once) / _COUNTED),
            comparisons=tuple(
                compared(found[index], host[index], f"{litert} ({kernels} kernels) on this machine")
                for index in host
            ),
            notes=(
                f"mean of {_COUNTED} runs on an emulated {CORES[setup.core].title}, Python's call included: no time",
            ),
        )


def _inputs(port: Any) -> NDArray[Any]:
    """A few inputs of a tensor: one as `bench.feeding` makes it, and shuffled ones."""
    from bench.feeding import made_input

    first = made_input(port["shape"], port["dtype"])
    random = np.random.default_rng(1)
    return np.stack(
        [first, *(random.permutation(first.reshape(-1)).reshape(first.shape) for _ in range(_INPUTS - 1))]
    )


def _on_host(opened: Any, columns: dict[int, NDArray[Any]]) -> dict[int, NDArray[Any]]:
    found: dict[int, list[NDArray[Any]]] = {each["index"]: [] for each in opened.get_output_details()}
    for row in range(_INPUTS):
        for index, column in columns.items():
            opened.set_tensor(index, column[row])
        opened.invoke()
        for index, rows in found.items():
            rows.append(opened.get_tensor(index))
    return {index: np.stack(rows) for index, rows in found.items()}


class Emulated:
    """LiteRT on an emulated core.

    Args:
        core: one of `bench.arm64_root.CORES`.
        kernels: which of LiteRT's.
    """

    def __init__(self, core: str, kernels: str) -> None:
        """Note them."""
        self._core, self._kernels = core, kernels

    def run(
        self, path: Path, columns: dict[int, NDArray[Any]], more: int = 0
    ) -> tuple[int, dict[int, NDArray[Any]]]:
        """Run samples.

        Args:
            path: the file.
            columns: an array an input, by the tensor's index, samples along axis 0.
            more: run the last one so many times again.

        Returns:
            How many instructions the whole process took, and an array an output.

        Raises:
            BenchError: it fails, or takes too long.
        """
        from bench import arm64_root
        from bench.emulation import counted, counter

        child = Path(arm64_root.__file__).with_name("arm64_child.py")
        with tempfile.TemporaryDirectory(prefix="zoo-arm64-") as scratch:
            folder = Path(scratch)
            np.savez(folder / "samples.npz", **{str(index): column for index, column in columns.items()})  # type: ignore[arg-type]
            instructions = counted(
                [
                    QEMU, "-cpu", arm64_root.CORES[self._core].qemu, "-plugin", str(counter(folder)),
                    "-L", str(arm64_root.prefix(self._core)), str(arm64_root.python()), "-S", str(child),
                    str(path.resolve()), self._kernels, "samples.npz", "outputs.npz", str(more),
                ],
                folder, _LONGEST_S, arm64_root.environment(),
            )  # fmt: skip
            with np.load(folder / "outputs.npz") as found:
                return instructions, {int(index): found[index] for index in found.files}


class Scorer:
    """See `converters.runners.base.Runner`: samples answered by LiteRT on the emulated core.

    Args:
        device: name of the core.
        kernels: see `Arm64Runner`.
    """

    def __init__(self, device: str, kernels: str) -> None:
        """Note the versions."""
        self._device, self._kernels = device, chosen(kernels, _KERNELS)
        self.runtime = f"ai-edge-litert {version('ai-edge-litert')}"
        self.kernels = f"{self._kernels} on an emulated {device}"

    def run(self, path: Path, samples: Sequence[Sequence[NDArray[Any]]]) -> list[list[NDArray[Any]]]:
        """See `converters.runners.base.Runner`."""
        from converters.runners.litert import dequantized, open_file, ports, quantized

        opened = open_file(path, self._kernels)
        inputs, outputs = ports(opened.get_input_details()), ports(opened.get_output_details())
        emulated, rest, answers = Emulated(self._device, self._kernels), iter(samples), []
        while some := list(islice(rest, _SAMPLES_AT_ONCE)):
            columns = {
                port["index"]: np.stack([quantized(each[place], port) for each in some])
                for place, port in enumerate(inputs)
            }
            _, found = emulated.run(path, columns)
            answers += [
                [dequantized(found[port["index"]][row], port) for port in outputs] for row in range(len(some))
            ]
        return answers

    def latency_ms(self, path: Path, sample: Sequence[NDArray[Any]]) -> float | None:  # noqa: ARG002 - the protocol's
        """An emulator has no times."""
        return None


def scorer(device: str, kernels: str) -> Scorer:
    """What answers samples on an emulated core; see `bench.runners.base.Entry`."""
    return Scorer(device, kernels)
