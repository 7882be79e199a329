"""TensorFlow Lite Micro on this machine: how much working memory a file takes. Its time here says nothing."""

from importlib.metadata import version
from pathlib import Path

from bench.runners.base import Measured, Setup, chosen, lacking
from bench.timing import Progress


class TflmRunner:
    """See `bench.runners.base.Runner`."""

    kernels = ("reference",)

    def lacks(self) -> str:
        """See `bench.runners.base.Runner`."""
        return lacking("tflite-micro", "tflite_micro", "tflm")

    def measure(self, path: Path, setup: Setup, progress: Progress) -> Measured:
        """See `bench.runners.base.Runner`."""
        from converters.runners.tflm import arena_bytes

        kernels = chosen(setup.kernels, self.kernels)
        found = arena_bytes(path)
        progress(1, 1)
        return Measured(
            runtime="tflm",
            runtime_version=f"tflite-micro {version('tflite-micro')}",
            kernels=kernels,
            processor="cpu",
            arena_bytes=found,
            notes=(
                "arena of the 64-bit build: 32-bit pointers take a little less, a vendor's kernels may take more",
            ),
        )
