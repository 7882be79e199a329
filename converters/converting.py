"""Converts one source into many files, proves each against the source, and only then gives it its final name.

Everything is written to a scratch folder beside the final one. A file that misses the tolerance of its recipe, or
that no runner on this machine could check, is refused and never gets its final name; ``certificate.json`` comes last.
"""

import platform
import shutil
import signal
import sys
import tempfile
from collections.abc import Callable, Sequence
from contextlib import suppress
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any, Self

from converters.certificate import Certificate, FileRecord, Refusal
from converters.correcting import Corrections
from converters.golden import SEED, golden
from converters.inspection.inspecting import Inspector
from converters.making import Bench, RefusedError, Request, Series
from converters.recipes import Target
from converters.sources.base import Source
from converters.targets.base import TARGETS
from zoo.errors import ConversionError

_CERTIFICATE, _GOLDEN = "certificate.json", "golden.npz"

Progress = Callable[[str], None]


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

            step("running the source on golden inputs")
            found = golden(source, request.calibration)
            corrections = Corrections(source, found.calibration)
            return _make(Bench(source, request, found, scratch, inspector, corrections), step)
    finally:
        shutil.rmtree(scratch, ignore_errors=True)


class _Interrupts:
    """Makes a polite kill end like Ctrl-C, so that the scratch folder goes, too; and remembers either.

    Frameworks catch what they should not: an interrupt that one of them swallowed, or turned into an error of its own,
    is raised again at the next step or at the end. Where Python itself cannot pass it on, in a finalizer or a callback,
    it would print a traceback that helps nobody.
    """

    def __init__(self) -> None:
        self._before: dict[int, Any] = {}
        self._requested = False

    def __enter__(self) -> Self:
        for each in (signal.SIGINT, signal.SIGTERM):
            with suppress(ValueError):  # not the main thread: there is nothing to do
                self._before[each] = signal.signal(each, self._interrupt)
        self._hook, sys.unraisablehook = sys.unraisablehook, self._unraisable
        return self

    def __exit__(self, _: object, problem: BaseException | None, __: object) -> None:
        for each, before in self._before.items():
            signal.signal(each, before)
        sys.unraisablehook = self._hook
        if problem is not None and not isinstance(problem, KeyboardInterrupt):
            self.check()

    def _interrupt(self, *_: object) -> None:
        self._requested = True
        raise KeyboardInterrupt

    def _unraisable(self, found: Any) -> None:
        if not isinstance(found.exc_value, KeyboardInterrupt):
            self._hook(found)

    def check(self) -> None:
        """Raise what was swallowed."""
        if self._requested:
            raise KeyboardInterrupt


def _make(bench: Bench, progress: Progress) -> Certificate:
    """Make every file, then give those that passed their final names."""
    files: list[FileRecord] = []
    refused: list[Refusal] = []
    bench.golden.save(bench.scratch / _GOLDEN)
    for target in bench.request.targets:
        series = Series(bench, target)
        for recipe in bench.request.recipes:
            progress(f"{target}: {recipe}")
            try:
                files.append(series.file(recipe))
            except RefusedError as problem:
                refused.append(Refusal(str(target), str(recipe), problem.reason, problem.checks))
    certificate = Certificate(
        source=_description(bench.source),
        golden={
            "kind": bench.golden.kind,
            "samples": len(bench.golden.inputs),
            "calibration_samples": len(bench.golden.calibration),
            "seed": SEED if bench.golden.kind == "noise" else None,
            "sha256": bench.golden.sha256,
            "path": _GOLDEN,
        },
        files=tuple(files),
        refused=tuple(refused),
        tools=_tools(bench.request.targets),
    )
    progress("giving the files their names")
    (bench.scratch / _CERTIFICATE).write_text(certificate.to_json(), encoding="utf-8")
    for name in [*(each.path for each in files), _GOLDEN, _CERTIFICATE]:
        _move(bench.scratch / name, bench.request.out / name)
    return certificate


def _description(source: Source) -> dict[str, object]:
    ports = {
        kind: [{"name": each.name, "shape": list(each.shape), "dtype": each.dtype} for each in found]
        for kind, found in (("inputs", source.inputs), ("outputs", source.outputs))
    }
    return {
        "name": source.name,
        "kind": str(source.kind),
        "origin": source.origin,
        "sha256": source.sha256,
        **ports,
    }


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
        final.replace(old)
    made.replace(final)
