"""Makes the files of one target, checks each against its source, and refuses what is not what it must be."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path

import numpy as np

from converters import grids
from converters.certificate import Check, FilePort, FileRecord
from converters.correcting import GRIDS, Corrections
from converters.golden import Golden
from converters.inspection import packages
from converters.inspection.inspecting import Inspector
from converters.inspection.report import FileReport
from converters.parity import TOLERANCES, compare
from converters.recipes import Recipe, Target, refusal, slowness
from converters.runners.base import RUNNERS, CannotRunError, runner
from converters.sources.base import Array, Port, Source
from converters.targets.base import Converter, Layout, Settings, converter
from converters.weights import weights_digest
from zoo.errors import BadFileError, ConversionError, ZooError

SLOWER = 1.2
"""A file this many times slower than its float32 twin in the same run is flagged; less is noise."""

MOST_FLOAT_SHARE = 0.02
"""More weights than this left in float are said."""

_MOST_INTEGER_BITS = 8

LEAST_ZEROS = 0.2
"""With fewer zeros among the weights, their places take more than is saved."""

TINY_PARAMS = 100_000
"""Below this, names and metadata are a good part of a file, and are stripped unless told otherwise."""


@dataclass(frozen=True, slots=True)
class Request:
    """What a user asks for.

    Attributes:
        targets: formats.
        recipes: each is made in each format.
        out: folder for the files.
        calibration: real samples; ``None`` for seeded noise.
        tiny: strip names and metadata; ``None`` decides by the number of weights.
        keep_slow: write also what is known to be slower than float32 on a CPU.
        allow_unchecked: write also what no runner on this machine can check.
        onnx_activations: ``uint8`` or ``int8``.
        core: core that C source is made for.
    """

    targets: tuple[Target, ...]
    recipes: tuple[Recipe, ...]
    out: Path
    calibration: Path | None = None
    tiny: bool | None = None
    keep_slow: bool = False
    allow_unchecked: bool = False
    onnx_activations: str = "uint8"
    core: str = "portable"


class RefusedError(ConversionError):
    """One file is refused; the others go on.

    Args:
        reason: why.
        checks: what was measured.
    """

    def __init__(self, reason: str, checks: Sequence[Check] = ()) -> None:
        """Keep both."""
        self.reason, self.checks = reason, tuple(checks)
        super().__init__(reason)


@dataclass(frozen=True, slots=True)
class Bench:
    """What every file of a conversion is made with.

    Attributes:
        source: the net.
        request: what is wanted.
        golden: inputs and the source's outputs.
        scratch: folder in which files lie until they get their final names.
        inspector: reads what was written.
        corrections: the source with other biases, for all targets.
    """

    source: Source
    request: Request
    golden: Golden
    scratch: Path
    inspector: Inspector
    corrections: Corrections

    def folder(self, name: str) -> Path:
        """A new folder in the scratch folder."""
        made = self.scratch / name
        made.mkdir()
        return made


class Series:
    """All files of one target, and the float32 twin that they are compared with."""

    def __init__(self, bench: Bench, target: Target) -> None:
        """Make the converter; nothing is converted yet."""
        self._bench, self._target = bench, target
        self._request, self._source, self._golden = bench.request, bench.source, bench.golden
        self._made = converter(target, bench.source, bench.folder(f"work-{target}"))
        self._corrected: dict[tuple[int, bool], Converter] = {}

    def file(self, recipe: Recipe) -> FileRecord:
        """Write and check one file.

        Raises:
            RefusedError: it is not to be had, or not what it must be.
        """
        self._refuse_beforehand(recipe)
        settings = self._settings(recipe)
        name = f"{self._source.name}-{recipe}{self._made.suffix_of(recipe, settings)}"
        path = self._bench.scratch / name
        made = self._converter(recipe, settings)
        try:
            made.write(recipe, settings, path)
        except ConversionError as problem:
            raise RefusedError(str(problem)) from problem
        report = self._inspected(path)
        checks = self._checks(recipe, path)
        twin = None if recipe is Recipe.FLOAT32 or self._target is Target.C else self._twin
        latency = self._latency(path)
        record = FileRecord(
            format=path.suffix.removeprefix(".") or str(self._target),
            path=name,
            recipe=str(recipe),
            sha256=report.sha256,
            size_bytes=report.size_bytes,
            weight_bytes=report.size_bytes - report.overhead_bytes,
            precision=report.precision,
            granularity=str(report.granularity),
            min_os=report.minimum.get("os", ""),
            inputs=_ports(self._source.inputs, self._made.layout.inputs, self._source),
            outputs=_ports(self._source.outputs, self._made.layout.outputs, self._source),
            checks=checks,
            latency_ms=latency,
            float32_latency_ms=None if twin is None else twin.latency_ms,
            float32_size_bytes=None if twin is None else twin.size_bytes,
            weights_sha256=weights_digest(self._made.weights(path)),
            options=self._options(recipe, settings, corrected=made is not self._made),
        )
        return replace(record, flags=tuple(self._flags(recipe, record, report)))

    def _refuse_beforehand(self, recipe: Recipe) -> None:
        reason = refusal(self._target, recipe)
        if reason is not None:
            raise RefusedError(reason)
        dense = _too_dense(self._source) if recipe is Recipe.SPARSE else None
        if dense is not None:
            raise RefusedError(dense)
        try:
            slow = slowness(self._target, recipe, self._made.operators())
        except ConversionError as problem:
            raise RefusedError(str(problem)) from problem
        if slow is None and self._target is Target.ONNX and recipe.is_static:
            slow = _s8s8(self._request.onnx_activations)
        if slow is not None and not self._request.keep_slow:
            raise RefusedError(f"{slow}. --keep-slow writes it all the same, for another processor")

    def _settings(self, recipe: Recipe) -> Settings:
        tiny = self._request.tiny
        return Settings(
            calibration=self._golden.calibration,
            tiny=self._source.parameters < TINY_PARAMS if tiny is None else tiny,
            exact=self._on_grid(recipe),
            onnx_activations=self._request.onnx_activations,
            core=self._request.core,
        )

    def _converter(self, recipe: Recipe, settings: Settings) -> Converter:
        """Of the source, or of the source with biases corrected for what the recipe does to its weights.

        Only real samples say what to correct. Weights on a grid already lose nothing, and the older format of Core ML
        has a grid of its own.
        """
        older = self._made.suffix_of(recipe, settings) == ".mlmodel"
        if recipe not in GRIDS or settings.exact or older or self._golden.kind != "samples":
            return self._made
        grid = GRIDS[recipe]
        if grid not in self._corrected:
            source = self._bench.corrections.of(grid)
            folder = f"work-{self._target}-{recipe}"
            self._corrected[grid] = (
                self._made if source is None else converter(self._target, source, self._bench.folder(folder))
            )
        return self._corrected[grid]

    def _on_grid(self, recipe: Recipe) -> bool:
        """Whether all the source's weights lie on what the recipe stores."""
        weights = self._source.weights()
        if not weights or recipe.weight_bits > 8:  # noqa: PLR2004 - bits
            return False
        if recipe.is_palette:
            most = 2**recipe.weight_bits
            return all(
                grids.find_codebook(each, most) is not None or grids.find_codebooks(each, most) is not None
                for each in weights
            )
        return all(grids.find_grid(each, recipe.weight_bits) is not None for each in weights)

    def _inspected(self, path: Path) -> FileReport:
        try:
            report = self._bench.inspector.inspect(self._made.model_file(path), coverage=False)
        except BadFileError as problem:
            raise RefusedError(f"the file made is not sound: {'; '.join(problem.problems)}") from problem
        digest, size = packages.digest(path)
        overhead = report.overhead_bytes + size - report.size_bytes
        return replace(report, sha256=digest, size_bytes=size, overhead_bytes=overhead)

    def _checks(self, recipe: Recipe, path: Path) -> tuple[Check, ...]:
        """Run the file wherever this machine can, and hold the first runtime to the recipe's tolerance."""
        samples = [_laid_out(each, self._made.layout.inputs) for each in self._golden.inputs]
        checks: list[Check] = []
        for entry in RUNNERS[path.suffix]:
            try:
                found = runner(entry)
                runs = found.run(path, samples)
                parity = compare(self._golden.outputs, [_restored(each, self._made.layout) for each in runs])
            except CannotRunError as problem:
                checks.append(Check(entry.package, "", None, str(problem)))
                continue
            except ValueError as problem:
                raise RefusedError(f"its outputs are not the source's: {problem}", checks) from problem
            missed = TOLERANCES[recipe].missed_by(parity)
            checks.append(Check(found.runtime, found.kernels, parity, missed or ""))
            if missed is not None and len(checks) == 1:  # the slow ones need not run any more
                raise RefusedError(f"{found.runtime} ({found.kernels}): {missed}", checks)
        if checks[0].parity is None and not self._request.allow_unchecked:
            raise RefusedError(
                f"nothing here can check it: {checks[0].reason}. --allow-unchecked writes it all the same",
                checks,
            )
        return tuple(checks)

    def _latency(self, path: Path) -> float | None:
        sample = _laid_out(self._golden.inputs[0], self._made.layout.inputs)
        try:
            return runner(RUNNERS[path.suffix][0]).latency_ms(path, sample)
        except ZooError:
            return None  # it could not run: its check says so

    @cached_property
    def _twin(self) -> "_Twin":
        """Size and speed of the float32 file of this format."""
        settings = replace(self._settings(Recipe.FLOAT32), exact=False)
        path = (
            self._bench.folder(f"twin-{self._target}")
            / f"float32{self._made.suffix_of(Recipe.FLOAT32, settings)}"
        )
        self._made.write(Recipe.FLOAT32, settings, path)
        return _Twin(self._inspected(path).size_bytes, self._latency(path))

    def _flags(self, recipe: Recipe, record: FileRecord, report: FileReport) -> list[str]:
        flags = [
            f"wrong in {each.runtime} ({each.kernels}): {each.reason}"
            for each in record.checks[1:]
            if each.parity is not None and each.reason
        ]
        if recipe is not Recipe.FLOAT32:
            nothing = _no_op(recipe, report)
            if nothing is not None:
                raise RefusedError(
                    f"it is a silent no-op: {nothing} ({record.size_bytes} bytes)", record.checks
                )
            if record.float32_size_bytes is not None and record.size_bytes >= record.float32_size_bytes:
                flags.append(f"larger: {record.size_bytes} bytes, float32 has {record.float32_size_bytes}")
            if record.latency_ms and record.float32_latency_ms:
                ratio = record.latency_ms / record.float32_latency_ms
                if ratio > SLOWER:
                    flags.append(f"slower: {ratio:.1f}x the time of float32 on this machine")
            flags += _left_in_float(recipe, report)
        if recipe.is_static and self._golden.kind == "noise":
            flags.append("calibrated on seeded noise: give real samples with --calibration")
        return flags

    def _options(self, recipe: Recipe, settings: Settings, *, corrected: bool) -> dict[str, object]:
        made: dict[str, object] = {
            "tiny": settings.tiny,
            "exact": settings.exact,
            "corrected_biases": corrected,
        }
        if recipe.is_static and self._target is Target.ONNX:
            made["activations"] = settings.onnx_activations
        if self._target is Target.C:
            made["core"] = settings.core
        return made


@dataclass(frozen=True, slots=True)
class _Twin:
    size_bytes: int
    latency_ms: float | None


def _too_dense(source: Source) -> str | None:
    """Why leaving out zeros would save nothing, or ``None``."""
    weights = source.weights()
    total = sum(each.size for each in weights)
    zeros = sum(int((each == 0).sum()) for each in weights) / total if total else 1.0
    if zeros < LEAST_ZEROS:
        return f"a sparse file would be a no-op: only {100 * zeros:.1f} % of the weights are zero. Prune the net first"
    return None


def _s8s8(activations: str) -> str | None:
    from converters.targets.onnx import is_x86

    if activations == "int8" and is_x86():
        return "int8 activations with int8 weights (S8S8) are 2-6x slower on x86 than uint8 ones, and may saturate"
    return None


def _no_op(recipe: Recipe, report: FileReport) -> str | None:
    """What is still as it was, where a file does not have what its recipe is about; else ``None``."""
    is_quantized = any(each.granularity for each in report.weights)
    if report.precision == Recipe.FLOAT32 and not is_quantized:
        return "all weights are still float32"
    if recipe is Recipe.FLOAT16 and not any(each.dtype == "float16" for each in report.weights):
        return "no weight is float16"
    return "no weight is quantized" if recipe.weight_bits <= _MOST_INTEGER_BITS and not is_quantized else None


def _left_in_float(recipe: Recipe, report: FileReport) -> list[str]:
    if recipe.weight_bits > _MOST_INTEGER_BITS:
        return []
    total = sum(each.elements for each in report.weights)
    floats = sum(each.elements for each in report.weights if each.dtype in {"float32", "float16"})
    biases = sum(
        each.elements or 0
        for each in (report.graph.tensors if report.graph else ())
        if each.constant and each.dtype in {"float32", "float16"} and len(each.shape or ()) <= 1
    )
    share = (floats - biases) / total if total else 0.0
    return (
        [f"partly float: {100 * share:.0f} % of the weights are not quantized"]
        if share > MOST_FLOAT_SHARE
        else []
    )


def _laid_out(sample: Sequence[Array], channels_last: tuple[int, ...]) -> list[Array]:
    return [
        np.ascontiguousarray(np.moveaxis(each, 1, -1)) if place in channels_last else each
        for place, each in enumerate(sample)
    ]


def _restored(outputs: Sequence[Array], layout: Layout) -> list[Array]:
    return [
        np.moveaxis(each, -1, 1) if place in layout.outputs else each for place, each in enumerate(outputs)
    ]


def _ports(ports: Sequence[Port], channels_last: tuple[int, ...], source: Source) -> tuple[FilePort, ...]:
    made = []
    images = source.images(ports)
    for place, each in enumerate(ports):
        shape, layout = each.shape, "NCHW" if place in images else ""
        if place in channels_last:
            batch, channels, *rest = each.shape
            shape, layout = (batch, *rest, channels), "NHWC"
        elif source.channels_last and len(each.shape) == 4:  # noqa: PLR2004 - images
            layout = "NHWC"
        made.append(FilePort(each.name, shape, layout))
    return tuple(made)
