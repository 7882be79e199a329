"""Scores a converted file on real samples, in the runtime that an app would use.

`evaluate` makes the file's input as its spec says, runs the file, and compares its answers with the labels. What it
gives has the answer to every sample, so that two files can be compared sample by sample: see `zoo.bootstrap`.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, overload

import numpy as np
from numpy.typing import NDArray

from converters.inspection.inspecting import inspect
from converters.inspection.report import FileReport, Format
from converters.quiet import quiet
from converters.runners.base import RUNNERS, Entry, Runner, runner
from datasets import preparing
from registry.spec import DecodingKind, Port, Spec
from registry.values import Accuracy, Processor
from zoo.errors import UnknownNameError, UsageError

if TYPE_CHECKING:
    from converters.inspection.report import Tensor
    from datasets.values import Part

METRIC = "top1"
NO_CLASS = -1  # predicted where the scores are no numbers, or name a class that the data set does not have
SAMPLES_AT_ONCE = 256
_SUFFIXES = {
    Format.TFLITE: ".tflite",
    Format.ONNX: ".onnx",
    Format.MLPACKAGE: ".mlpackage",
    Format.MLMODEL: ".mlmodel",
}


@dataclass(frozen=True, slots=True)
class Evaluation:
    """What a file answered.

    Attributes:
        sha256: digest of the file.
        format: of the file.
        runtime: what ran it, with its version.
        kernels: which of the runtime's kernels computed.
        labels: the right class of each sample.
        predicted: the class that the file gave each sample; `NO_CLASS` for none.
    """

    sha256: str
    format: str
    runtime: str
    kernels: str
    labels: tuple[int, ...]
    predicted: tuple[int, ...]

    @property
    def correct(self) -> tuple[bool, ...]:
        """Whether each answer is right."""
        return tuple(label == each for label, each in zip(self.labels, self.predicted, strict=True))

    def accuracy(self, dataset: str, split: str, *, rows: Sequence[int] | None = None) -> Accuracy:
        """The share of right answers, in percent, as the registry keeps it.

        Args:
            dataset: what was scored on.
            split: part of it.
            rows: only these samples; all by default.
        """
        correct = self.correct
        chosen = correct if rows is None else tuple(correct[row] for row in rows)
        return Accuracy(
            metric=METRIC,
            value=100 * sum(chosen) / len(chosen) if chosen else 0.0,
            dataset=dataset,
            split=split,
            samples=len(chosen),
            evidence="measured",
            runtime=f"{self.runtime} ({self.kernels})",
            processor=Processor.CPU,
            device="",
            source="zoo eval",
        )


def evaluate(
    path: Path,
    spec: Spec,
    part: "Part",
    kernels: str | Runner = "",
    *,
    classes: Sequence[str] = (),
    report: FileReport | None = None,
    progress: Callable[[int], None] = lambda _: None,
) -> Evaluation:
    """Run a classifier's file on every sample.

    Args:
        path: the file.
        spec: what goes in and what comes out; it must be the file's.
        part: raw samples with their labels.
        kernels: which of the format's runners, see `known_kernels`; by default the one that an app would use. Or what
            runs the file elsewhere, as on an emulated core.
        classes: names by label; where the spec names its outputs, these are found among them. Empty: the labels count
            outputs.
        report: what inspection found, where the caller knows it; otherwise the file is inspected first.
        progress: told how many samples are done.

    Raises:
        UsageError: the spec, the file and the samples contradict each other; all problems are listed.
        UnknownNameError: the format has no such kernels.
        BadFileError: the file is damaged, hostile, or of no known format.
        CannotRunError: the runtime does not take the file.
    """
    found = inspect(path, coverage=False) if report is None else report
    known = _entry(path, found.format, kernels) if isinstance(kernels, str) else kernels
    problems = disagreements(spec, found, classes)
    problems += preparing.problems(part, spec.preprocessing, spec.inputs[0]) if not problems else []
    if problems:
        raise UsageError(f"'{path}' cannot be scored with this spec: {'; '.join(problems)}")
    with quiet():  # what frameworks say when they are imported
        running = runner(known) if isinstance(known, Entry) else known
    outputs = running.run(path, _Feed(part, spec, progress))
    places = _places(spec, classes)
    predicted = tuple(_answer(each[0], places) for each in outputs)
    progress(len(part))
    return Evaluation(
        found.sha256,
        str(found.format),
        running.runtime,
        running.kernels,
        tuple(part.labels.tolist()),
        predicted,
    )


def known_kernels(format_: Format) -> tuple[str, ...]:
    """Names of the runners of a format; the first is the one that an app would use."""
    return tuple(_name(each) for each in RUNNERS.get(_SUFFIXES.get(format_, ""), ()))


def _name(entry: Entry) -> str:
    return entry.factory.partition(":")[2]


def _entry(path: Path, format_: Format, kernels: str) -> Entry:
    known = known_kernels(format_)
    if not known:
        raise UsageError(f"'{path}' is a {format_} file; {', '.join(_SUFFIXES)} files can be run")
    if kernels and kernels not in known:
        raise UnknownNameError(f"kernels for {format_}", kernels, known, advice=f"Known: {', '.join(known)}")
    return RUNNERS[_SUFFIXES[format_]][known.index(kernels) if kernels else 0]


def disagreements(spec: Spec, report: FileReport, classes: Sequence[str] = ()) -> list[str]:
    """In what a spec differs from what the file's bytes say, or cannot name the classes; empty where it fits."""
    problems = []
    if spec.decoding.kind is not DecodingKind.TOP1:
        problems.append(f"decoding.kind is {spec.decoding.kind}, but only {DecodingKind.TOP1} can be scored")
    if len(spec.inputs) != 1:
        problems.append(f"the spec has {len(spec.inputs)} inputs, but samples make one")
    if spec.inputs[0].shape and spec.inputs[0].shape[0] not in {1, None}:
        problems.append(f"the input takes {spec.inputs[0].shape[0]} samples at once, but one is fed")
    if report.graph is not None:
        graph = report.graph
        for side, ports, places in (
            ("input", spec.inputs, graph.inputs),
            ("output", spec.outputs, graph.outputs),
        ):
            tensors = [graph.tensors[place] for place in places]
            if len(ports) != len(tensors):
                problems.append(f"the spec has {len(ports)} {side}s, the file has {len(tensors)}")
                continue
            for port, tensor in zip(_matched(ports, tensors), tensors, strict=True):
                problems += _differences(side, port, tensor)
    problems += _unnamed(spec, classes)
    return problems


def _matched(ports: Sequence[Port], tensors: Sequence["Tensor"]) -> list[Port]:
    """Ports in the order of the file's tensors: by name where all names are there, else as they come."""
    by_name = {each.name: each for each in ports}
    names = [_bare(each.name) for each in tensors]
    return [by_name[name] for name in names] if set(names) == set(by_name) else list(ports)


def _bare(name: str) -> str:
    """A tensor's name as its signature has it: TensorFlow adds ``serving_default_`` and ``:0``."""
    return name.removeprefix("serving_default_").removesuffix(":0")


def _differences(side: str, port: Port, tensor: "Tensor") -> list[str]:
    called = f"{side} {port.name or tensor.name}".strip()
    problems = []
    if tensor.shape is not None and not _same_shape(port.shape, tensor.shape):
        problems.append(
            f"{called} has shape {_shown(port.shape)} in the spec and {_shown(tensor.shape)} in the file"
        )
    if port.dtype != tensor.dtype:
        problems.append(f"{called} is {port.dtype} in the spec and {tensor.dtype} in the file")
    return problems


def _same_shape(spec: Sequence[int | None], file: Sequence[int | None]) -> bool:
    """Whether lengths are equal; an open axis goes with every length."""
    return len(spec) == len(file) and all(
        one is None or other is None or one == other for one, other in zip(spec, file, strict=True)
    )


def _shown(shape: Sequence[int | None]) -> str:
    return "x".join("?" if each is None else str(each) for each in shape) or "of one number"


def _unnamed(spec: Spec, classes: Sequence[str]) -> list[str]:
    """Whether the outputs can be told from each other: how many there are, and whose they are."""
    labels, scores = spec.decoding.labels, spec.outputs[0].shape[1:]
    known = [each for each in scores if each not in {1, None}]
    problems = []
    if labels and len(known) == 1 and known[0] != len(labels):
        problems.append(f"the spec has {len(labels)} labels, its output has {known[0]} scores")
    if labels and classes:
        missing = [each for each in classes if each.casefold() not in {one.casefold() for one in labels}]
        if missing:
            problems.append(f"the data set's classes {', '.join(missing)} are none of the spec's labels")
    if not labels and classes and known != [len(classes)]:
        problems.append(
            f"the output has {_shown(scores)} scores without labels, the data set has {len(classes)} classes"
        )
    return problems


def _places(spec: Spec, classes: Sequence[str]) -> NDArray[np.int64] | None:
    """The data set's label of each output; ``None`` where both count alike."""
    if not spec.decoding.labels or not classes:
        return None
    order = {each.casefold(): place for place, each in enumerate(classes)}
    return np.array([order.get(each.casefold(), NO_CLASS) for each in spec.decoding.labels], np.int64)


def _answer(scores: NDArray[Any], places: NDArray[np.int64] | None) -> int:
    flat = np.asarray(scores).reshape(-1)
    if not flat.size or not np.isfinite(flat).all():
        return NO_CLASS
    best = int(flat.argmax())
    return best if places is None else int(places[best])


class _Feed(Sequence[Sequence[NDArray[Any]]]):
    """Samples as a runner takes them, made while it runs: all of them at once would fill the memory."""

    def __init__(self, part: "Part", spec: Spec, progress: Callable[[int], None]) -> None:
        self._part, self._spec, self._progress = part, spec, progress

    def __len__(self) -> int:
        return len(self._part)

    @overload
    def __getitem__(self, place: int) -> Sequence[NDArray[Any]]: ...
    @overload
    def __getitem__(self, place: slice) -> Sequence[Sequence[NDArray[Any]]]: ...
    def __getitem__(self, place: int | slice) -> Any:
        if isinstance(place, slice):
            return [self[row] for row in range(*place.indices(len(self)))]
        return [self._made([range(len(self))[place]])]

    def __iter__(self) -> Iterator[Sequence[NDArray[Any]]]:
        for start in range(0, len(self), SAMPLES_AT_ONCE):
            self._progress(start)
            made = self._made(range(start, min(len(self), start + SAMPLES_AT_ONCE)))
            for row in range(len(made)):
                yield [made[row : row + 1]]

    def _made(self, rows: Sequence[int]) -> NDArray[Any]:
        port = self._spec.inputs[0]
        return preparing.fed(preparing.prepare(self._part.take(rows), self._spec.preprocessing, port), port)
