"""LiteRT on this machine, with XNNPACK or with its reference kernels."""

from collections.abc import Sequence
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
from ai_edge_litert.interpreter import Interpreter, OpResolverType

from converters.quiet import quiet
from converters.runners.base import Array, CannotRunError, Runner
from converters.runners.timing import median_ms


class LitertRunner:
    """See `converters.runners.base.Runner`.

    Args:
        kernels: ``xnnpack`` or ``reference``.
    """

    def __init__(self, kernels: str) -> None:
        """Choose the kernels."""
        self.runtime = f"ai-edge-litert {version('ai-edge-litert')}"
        self.kernels = kernels

    def run(self, path: Path, samples: Sequence[Sequence[Array]]) -> list[list[Array]]:
        """See `converters.runners.base.Runner`."""
        opened = open_file(path, self.kernels)
        inputs, outputs = ports(opened.get_input_details()), ports(opened.get_output_details())
        return [self._infer(opened, inputs, outputs, each) for each in samples]

    def latency_ms(self, path: Path, sample: Sequence[Array]) -> float | None:
        """See `converters.runners.base.Runner`."""
        if self.kernels != "xnnpack":
            return None
        opened = open_file(path, self.kernels)
        self._infer(opened, ports(opened.get_input_details()), [], sample)
        return median_ms(opened.invoke)

    def _infer(
        self, opened: Any, inputs: Sequence[Any], outputs: Sequence[Any], sample: Sequence[Array]
    ) -> list[Array]:
        for port, values in zip(inputs, sample, strict=True):
            opened.set_tensor(port["index"], quantized(values, port))
        try:
            opened.invoke()
        except RuntimeError as problem:
            raise CannotRunError(f"LiteRT cannot run the file: {problem}") from problem
        return [dequantized(opened.get_tensor(port["index"]), port) for port in outputs]


RESOLVERS = {
    "xnnpack": OpResolverType.AUTO,
    "builtin": OpResolverType.BUILTIN_WITHOUT_DEFAULT_DELEGATES,
    "reference": OpResolverType.BUILTIN_REF,
}
"""By name of the kernels; the first are those that an app gets."""


def open_file(path: Path, kernels: str, threads: int = 1) -> Any:
    """Open a file, ready for its inputs.

    Args:
        path: the file.
        kernels: see `RESOLVERS`.
        threads: that it may use.

    Raises:
        CannotRunError: LiteRT does not take the file.
    """
    with quiet():
        try:
            opened = Interpreter(
                str(path), experimental_op_resolver_type=RESOLVERS[kernels], num_threads=threads
            )
            opened.allocate_tensors()
        except (ValueError, RuntimeError) as problem:
            raise CannotRunError(f"LiteRT does not take the file: {problem}") from problem
    return opened


def ports(details: Sequence[Any]) -> list[Any]:
    """Inputs or outputs in the order of the net.

    litert-torch numbers them in their names (``serving_default_args_1``, ``serving_default_output_0``), which the
    file may list in another order; names that were stripped leave the file's order, which the converter kept.
    """
    numbered = [each["name"].removesuffix("_output").rsplit("_", 1)[-1].partition(":")[0] for each in details]
    if all(each.isdigit() for each in numbered) and len(set(numbered)) == len(numbered):
        return [
            port
            for _, port in sorted(zip(map(int, numbered), details, strict=True), key=lambda pair: pair[0])
        ]
    return list(details)


def quantized(values: Array, port: Any) -> Array:
    """Values as the file's input wants them."""
    wanted = np.dtype(port["dtype"])
    scale, zero_point = port["quantization"]
    if wanted.kind in "iu" and values.dtype.kind == "f" and scale:
        limits = np.iinfo(wanted)
        return np.clip(np.rint(values / scale + zero_point), limits.min, limits.max).astype(wanted)
    return np.ascontiguousarray(values, wanted)


def dequantized(values: Array, port: Any) -> Array:
    """Values of the file's output as floats."""
    scale, zero_point = port["quantization"]
    if np.dtype(port["dtype"]).kind in "iu" and scale:
        return (values.astype(np.float32) - zero_point) * np.float32(scale)
    return np.asarray(values)


def xnnpack() -> Runner:
    """LiteRT's default kernels."""
    return LitertRunner("xnnpack")


def reference() -> Runner:
    """LiteRT's reference kernels."""
    return LitertRunner("reference")


def quantizations(path: Path) -> tuple[list[tuple[float, int] | None], list[tuple[float, int] | None]]:
    """Scale and zero point of each input and output of a file; ``None`` for floats.

    Raises:
        CannotRunError: LiteRT does not take the file.
    """
    opened = open_file(path, "xnnpack")
    return _scales(opened.get_input_details()), _scales(opened.get_output_details())


def _scales(details: Sequence[Any]) -> list[tuple[float, int] | None]:
    found = [each["quantization"] for each in ports(details)]
    return [(float(scale), int(zero)) if scale else None for scale, zero in found]
