"""Core ML: itself on a Mac, elsewhere the reference evaluator of the saved file."""

import sys
from collections.abc import Sequence
from importlib.metadata import version
from pathlib import Path

import numpy as np

from converters.quiet import quiet
from converters.runners.base import Array, CannotRunError, Runner
from zoo.errors import ConversionError


class EvaluatorRunner:
    """See `converters.runners.base.Runner`: `converters.mil` in the place of Core ML."""

    kernels = "reference evaluator"

    def __init__(self) -> None:
        """Note the version whose files it reads."""
        self.runtime = f"mil evaluator (coremltools {version('coremltools')})"

    def run(self, path: Path, samples: Sequence[Sequence[Array]]) -> list[list[Array]]:
        """See `converters.runners.base.Runner`."""
        from converters.mil import load

        with quiet():
            try:
                program = load(path)
                unknown = program.unknown_operators()
                if unknown:
                    raise CannotRunError(
                        f"parity not checked: the evaluator does not know {', '.join(unknown)}"
                    )
                names = [each.name for each in program.inputs]
                runs = [program.run(dict(zip(names, sample, strict=True))) for sample in samples]
            except ConversionError as problem:
                raise CannotRunError(str(problem)) from problem
        return [[np.asarray(run[port.name]) for port in program.outputs] for run in runs]

    def latency_ms(self, path: Path, sample: Sequence[Array]) -> float | None:  # noqa: ARG002 - the protocol's
        """An evaluator's time says nothing of Core ML's."""
        return None


class CoremlRunner:
    """See `converters.runners.base.Runner`: Core ML on a Mac, on all its processors."""

    kernels = "all compute units"

    def __init__(self) -> None:
        """Note the version."""
        import platform

        self.runtime = f"Core ML of macOS {platform.mac_ver()[0]}"

    def run(self, path: Path, samples: Sequence[Sequence[Array]]) -> list[list[Array]]:
        """See `converters.runners.base.Runner`."""
        import coremltools

        model = coremltools.models.MLModel(str(path))
        spec = model.get_spec()
        inputs = [each.name for each in spec.description.input]
        outputs = [each.name for each in spec.description.output]
        runs = [model.predict(dict(zip(inputs, sample, strict=True))) for sample in samples]
        return [[np.asarray(run[name]) for name in outputs] for run in runs]

    def latency_ms(self, path: Path, sample: Sequence[Array]) -> float | None:
        """See `converters.runners.base.Runner`."""
        import coremltools

        from converters.runners.timing import median_ms

        model = coremltools.models.MLModel(str(path))
        feed = dict(zip([each.name for each in model.get_spec().description.input], sample, strict=True))
        return median_ms(lambda: model.predict(feed))


def coreml() -> Runner:
    """Core ML where it exists, the evaluator elsewhere."""
    import coremltools  # noqa: F401 - both need it

    return CoremlRunner() if sys.platform == "darwin" else EvaluatorRunner()
