"""Converts one source into many files, proves each against the source, and only then gives it its final name.

Everything is written to a scratch folder beside the final one. A file that misses the tolerance of its recipe, or
that no runner on this machine could check, is refused and never gets its final name; ``certificate.json`` comes last.
"""

import os
import platform
import shutil
import signal
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from importlib.metadata import PackageNotFoundError, version
from contextlib import suppress
from pathlib import Path
from typing import Any, Self

from converters import grids
from converters.certificate import Certificate, Check, FilePort, FileRecord, Refusal
from converters.golden import SEED, Golden, golden
from converters.inspection.inspecting import Inspector
from converters.inspection.report import FileReport
from converters.parity import TOLERANCES, compare
from converters.recipes import Recipe, Target, refusal, slowness
from converters.runners.base import RUNNERS, CannotRunError, runner
from converters.sources.base import Array, Port, Source
from converters.targets.base import TARGETS, Converter, Layout, Settings, converter
from converters.weights import weights_digest
from zoo.errors import BadFileError, ConversionError, ZooError

SLOWER = 1.2
"""A file this many times slower than its float32 twin in the same run is flagged; less is noise."""
MOST_FLOAT_SHARE = 0.02
"""More weights than this left in float are said."""
LEAST_ZEROS = 0.2
"""With fewer zeros among the weights, their places take more than is saved."""
TINY_PARAMS = 100_000
"""Below this, names and metadata are a good part of a file, and are stripped unless told otherwise."""
_CERTIFICATE, _GOLDEN = "certificate.json", "golden.npz"

Progress = Callable[[str], None]


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


def convert(source: Source, request: Request, progress: Progress = lambda _: None) -> Certificate:
    """Convert ``source`` and write the files, ``golden.npz`` and ``certificate.json`` into ``request.out``.

    Args:
        source: the net.
        request: what is wanted.
        progress: told in words what is done next.

    Raises:
        UsageError: the calibration samples do not fit.
        MissingExtraError: a framework is not installed.
        ConversionError: the folder cannot be written to.
    """
    try:
        request.out.mkdir(parents=True, exist_ok=True)
        scratch = Path(tempfile.mkdtemp(prefix=".zoo-convert-", dir=request.out))
    except OSError as problem:
        raise ConversionError(f"'{request.out}' cannot be written to: {problem.strerror}") from problem
    try:
        with _Interrupts() as interrupts, Inspector() as inspector:

            def step(text: str) -> None:
                interrupts.check()
                progress(text)

            return _Conversion(source, request, scratch, inspector, step).run()
    finally:
        shutil.rmtree(scratch, ignore_errors=True)


class _Interrupts:
    """Makes a polite kill end like Ctrl-C, so that the scratch folder goes, too; and remembers either.

    Frameworks catch what they should not: an interrupt that one of them swallowed is raised again at the next step.
    """

    def __init__(self) -> None:
        self._before: dict[int, Any] = {}
        self._requested = False

    def __enter__(self) -> Self:
        for each in (signal.SIGINT, signal.SIGTERM):
            with suppress(ValueError):  # not the main thread: there is nothing to do
                self._before[each] = signal.signal(each, self._interrupt)
        return self

    def __exit__(self, *_: object) -> None:
        for each, before in self._before.items():
            signal.signal(each, before)

    def _interrupt(self, *_: object) -> None:
        self._requested = True
        raise KeyboardInterrupt

    def check(self) -> None:
        """Raise what was swallowed."""
        if self._requested:
            raise KeyboardInterrupt


class _Conversion:
    def __init__(
        self, source: Source, request: Request, scratch: Path, inspector: Inspector, progress: Progress
    ) -> None:
        self._source, self._request, self._scratch = source, request, scratch
        self._inspector, self._progress = inspector, progress

    @cached_property
    def _golden(self) -> Golden:
        self._progress("running the source on golden inputs")
        return golden(self._source, self._request.calibration)

    def run(self) -> Certificate:
        """Make every file, then give those that passed their final names."""
        files: list[FileRecord] = []
        refused: list[Refusal] = []
        self._golden.save(self._scratch / _GOLDEN)
        for target in self._request.targets:
            made = converter(target, self._source, self._scratch_for(target))
            series = _Series(self, target, made)
            for recipe in self._request.recipes:
                self._progress(f"{target}: {recipe}")
                try:
                    files.append(series.file(recipe))
                except RefusedError as problem:
                    refused.append(Refusal(str(target), str(recipe), problem.reason, problem.checks))
        certificate = Certificate(
            source=self._description(),
            golden={
                "kind": self._golden.kind,
                "samples": len(self._golden.inputs),
                "calibration_samples": len(self._golden.calibration),
                "seed": SEED if self._golden.kind == "noise" else None,
                "sha256": self._golden.sha256,
                "path": _GOLDEN,
            },
            files=tuple(files),
            refused=tuple(refused),
            tools=_tools(self._request.targets),
        )
        self._progress("giving the files their names")
        (self._scratch / _CERTIFICATE).write_text(certificate.to_json(), encoding="utf-8")
        for name in [*(each.path for each in files), _GOLDEN, _CERTIFICATE]:
            _move(self._scratch / name, self._request.out / name)
        return certificate

    def _scratch_for(self, target: Target) -> Path:
        folder = self._scratch / f"work-{target}"
        folder.mkdir()
        return folder

    def twin_folder(self, target: Target) -> Path:
        """Where the float32 twin is written."""
        folder = self._scratch / f"twin-{target}"
        folder.mkdir()
        return folder

    def _description(self) -> dict[str, object]:
        ports = {
            kind: [{"name": each.name, "shape": list(each.shape), "dtype": each.dtype} for each in found]
            for kind, found in (("inputs", self._source.inputs), ("outputs", self._source.outputs))
        }
        return {
            "name": self._source.name,
            "kind": str(self._source.kind),
            "origin": self._source.origin,
            "sha256": self._source.sha256,
            **ports,
        }


class _Series:
    """All files of one target, and the float32 twin that they are compared with."""

    def __init__(self, conversion: _Conversion, target: Target, made: Converter) -> None:
        self._target, self._made = target, made
        self._conversion, self._request = conversion, conversion._request
        self._source, self._golden = conversion._source, conversion._golden

    def file(self, recipe: Recipe) -> FileRecord:
        """Write and check one file.

        Raises:
            RefusedError: it is not to be had, or not what it must be.
        """
        self._refuse_beforehand(recipe)
        settings = self._settings(recipe)
        name = f"{self._source.name}-{recipe}{self._made.suffix_of(recipe, settings)}"
        path = self._conversion._scratch / name
        try:
            self._made.write(recipe, settings, path)
        except ConversionError as problem:
            raise RefusedError(str(problem)) from problem
        report = self._inspected(path)
        checks = self._checks(recipe, path)
        twin = None if recipe is Recipe.FLOAT32 else self._twin
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
            options=self._options(recipe, settings),
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

    def _on_grid(self, recipe: Recipe) -> bool:
        """Whether all the source's weights lie on what the recipe stores."""
        weights = self._source.weights()
        if not weights or recipe.weight_bits > 8:  # noqa: PLR2004 - bits
            return False
        if recipe.is_palette:
            return all(grids.find_codebook(each, 2**recipe.weight_bits) is not None for each in weights)
        return all(grids.find_grid(each, recipe.weight_bits) is not None for each in weights)

    def _inspected(self, path: Path) -> FileReport:
        try:
            return self._conversion._inspector.inspect(path, coverage=False)
        except BadFileError as problem:
            raise RefusedError(f"the file made is not sound: {'; '.join(problem.problems)}") from problem

    def _checks(self, recipe: Recipe, path: Path) -> tuple[Check, ...]:
        """Run the file wherever this machine can, and hold the first runtime to the recipe's tolerance."""
        samples = [_laid_out(each, self._made.layout.inputs) for each in self._golden.inputs]
        checks = []
        for entry in RUNNERS[path.suffix]:
            try:
                found = runner(entry)
                runs = found.run(path, samples)
                outputs = [_restored(each, self._made.layout) for each in runs]
                checks.append(Check(found.runtime, found.kernels, compare(self._golden.outputs, outputs)))
            except CannotRunError as problem:
                checks.append(Check(entry.package, "", None, str(problem)))
            except ValueError as problem:
                raise RefusedError(f"its outputs are not the source's: {problem}", checks) from problem
        for place, each in enumerate(checks):
            missed = None if each.parity is None else TOLERANCES[recipe].missed_by(each.parity)
            if missed is not None:
                checks[place] = replace(each, reason=missed)
                raise RefusedError(f"{each.runtime} ({each.kernels}): {missed}", checks)
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
            self._conversion.twin_folder(self._target)
            / f"float32{self._made.suffix_of(Recipe.FLOAT32, settings)}"
        )
        self._made.write(Recipe.FLOAT32, settings, path)
        return _Twin(self._inspected(path).size_bytes, self._latency(path))

    def _flags(self, recipe: Recipe, record: FileRecord, report: FileReport) -> list[str]:
        flags = []
        if recipe is not Recipe.FLOAT32:
            if report.precision == Recipe.FLOAT32:
                raise RefusedError(
                    f"it is a silent no-op: all weights are still float32 ({record.size_bytes} bytes)",
                    record.checks,
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

    def _options(self, recipe: Recipe, settings: Settings) -> dict[str, object]:
        made: dict[str, object] = {"tiny": settings.tiny, "exact": settings.exact}
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


def _left_in_float(recipe: Recipe, report: FileReport) -> list[str]:
    if recipe.weight_bits >= 16:  # noqa: PLR2004 - bits
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
    import numpy as np

    return [
        np.ascontiguousarray(np.moveaxis(each, 1, -1)) if place in channels_last else each
        for place, each in enumerate(sample)
    ]


def _restored(outputs: Sequence[Array], layout: Layout) -> list[Array]:
    import numpy as np

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


def _tools(targets: Sequence[Target]) -> dict[str, str]:
    packages = sorted({each for target in targets for each in TARGETS[target].packages} | {"numpy"})
    found = {"python": platform.python_version(), "system": f"{platform.system()} {platform.machine()}"}
    for each in packages:
        try:
            found[each] = version(each)
        except PackageNotFoundError:
            continue  # an optional one that took no part
    return found


def _move(made: Path, final: Path) -> None:
    """Put a file or folder in its place; what was there before goes only when the new one is whole."""
    if final.is_dir() and not final.is_symlink():
        old = made.with_name(f"old-{final.name}")
        os.replace(final, old)
    os.replace(made, final)
