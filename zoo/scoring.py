"""What ``zoo eval`` does: find the spec and the samples, score the file, say what it was scored with.

What needs more than the core is imported when it is used, so the command line can name the values here.
"""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from registry.spec import Spec, parse_spec
from registry.values import Accuracy
from zoo.errors import MissingExtraError, UnknownNameError, UsageError

if TYPE_CHECKING:
    from converters.inspection.report import FileReport
    from converters.runners.base import Runner
    from datasets.values import Dataset, Part
    from registry.reader import Reader
    from zoo.evaluation import Evaluation

LIMIT_SEED = 0
_SPEC_SUFFIX = ".spec.json"
_USUAL_SPLIT = "test"


@dataclass(frozen=True, slots=True)
class Scoring:
    """What is to be scored.

    Attributes:
        file: the model's file.
        dataset: name of a known set, or a folder with one folder a class.
        split: such as ``test``, or ``all/jackson`` for one group; empty for the test split, or all of a folder.
        spec: file of the spec; ``None`` to look for one.
        variant: name of a registered variant whose spec counts; empty for none.
        kernels: see `zoo.evaluation.known_kernels`; empty for those that an app would use.
        limit: score only so many samples, drawn with a fixed seed; ``None`` for all.
        data: folder to look for the set in; ``None`` for the usual places.
        download: fetch the set where it is not found and has an official address.
        device: emulated core that runs the file, see `bench.runners.base.scorer`; empty for this machine.
    """

    file: Path
    dataset: str
    split: str = ""
    spec: Path | None = None
    variant: str = ""
    kernels: str = ""
    limit: int | None = None
    data: Path | None = None
    download: bool = False
    device: str = ""


@dataclass(frozen=True, slots=True)
class Score:
    """A scored file.

    Attributes:
        asked: what was asked.
        evaluation: what the file answered.
        dataset: name of the set.
        split: part of it.
        classes: names by label.
        groups: of each sample; empty where there are none.
        of_samples: how many samples the split has.
        spec_from: where the spec was found, in words.
        verified: whether the samples are those of a known set.
    """

    asked: Scoring
    evaluation: "Evaluation"
    dataset: str
    split: str
    classes: tuple[str, ...]
    groups: tuple[str, ...]
    of_samples: int
    spec_from: str
    verified: bool

    @property
    def accuracy(self) -> Accuracy:
        """Over all samples."""
        return self.evaluation.accuracy(self.dataset, self.split)

    def by_class(self) -> list[tuple[str, Accuracy]]:
        """One accuracy a class that occurs."""
        labels = self.evaluation.labels
        return [
            (name, self._over([row for row, label in enumerate(labels) if label == place]))
            for place, name in enumerate(self.classes)
            if place in set(labels)
        ]

    def by_group(self) -> list[tuple[str, Accuracy]]:
        """One accuracy a group, such as a speaker; empty where there are none."""
        return [
            (name, self._over([row for row, each in enumerate(self.groups) if each == name]))
            for name in sorted(set(self.groups))
        ]

    def _over(self, rows: list[int]) -> Accuracy:
        return self.evaluation.accuracy(self.dataset, self.split, rows=rows)


def score(asked: Scoring, registry: Callable[[], "Reader"], progress: Callable[[int, int], None]) -> Score:
    """Score a file.

    Args:
        asked: what is wanted.
        registry: opens the registry; called only where a spec is looked for in it.
        progress: told how many samples of how many are done.

    Raises:
        ZooError: the file, the spec or the samples cannot be used, contradict each other, or a package is missing.
    """
    if asked.spec is not None and asked.variant:
        raise UsageError("give --spec FILE or --variant NAME, not both")
    try:
        from converters.inspection.inspecting import inspect
        from datasets.catalogue import KNOWN
        from zoo.evaluation import evaluate
    except ModuleNotFoundError as problem:
        raise MissingExtraError(
            f"scoring needs '{problem.name}'. Install it with: pip install 'device-zoo[data]'"
        ) from problem
    if asked.dataset not in KNOWN and not Path(asked.dataset).is_dir():
        advice = f"Known: {', '.join(KNOWN)}; a folder with one folder a class works, too"
        raise UnknownNameError("data set or folder", asked.dataset, tuple(KNOWN), advice=advice)
    named = _named_spec(asked, registry)
    dataset, split, part = _samples(asked)
    report = inspect(asked.file, coverage=False)
    spec, origin = named or _registered_spec(asked, report.sha256, registry)
    chosen = part if asked.limit is None else _drawn(part, asked.limit)
    if not len(chosen):
        raise UsageError(f"split {split} of {dataset.name} has no samples")
    evaluation = evaluate(
        asked.file, spec, chosen, _kernels(asked, report), classes=dataset.classes, report=report,
        progress=lambda done: progress(done, len(chosen)),
    )  # fmt: skip
    return Score(
        asked=asked,
        evaluation=evaluation,
        dataset=dataset.name,
        split=split,
        classes=dataset.classes,
        groups=chosen.groups,
        of_samples=len(part),
        spec_from=origin,
        verified=asked.dataset in KNOWN,
    )


def _kernels(asked: Scoring, report: "FileReport") -> "str | Runner":
    """The kernels that were asked for; where an emulated core was, what runs the file there."""
    if not asked.device:
        return asked.kernels
    from bench.runners.base import RUNNERS, scorer

    formats = next(each.formats for each in RUNNERS.values() if asked.device in each.devices)
    if str(report.format) not in formats:
        raise UsageError(
            f"'{asked.file}' is {report.format}; on {asked.device}, files that are {', '.join(formats)} run"
        )
    return scorer(asked.device, asked.kernels)


def _drawn(part: "Part", limit: int) -> "Part":
    """So many samples out of all: the first ones would often be of one class."""
    import numpy as np

    rows = np.random.default_rng(LIMIT_SEED).permutation(len(part))[:limit]
    return part.take(np.sort(rows))


def _samples(asked: Scoring) -> tuple["Dataset", str, "Part"]:
    """The data set, the name of the split, and its samples."""
    from datasets import class_folders
    from datasets.catalogue import KNOWN
    from datasets.loading import load

    if asked.dataset not in KNOWN:
        split, dataset = asked.split or class_folders.SPLIT, class_folders.load(Path(asked.dataset))
    else:
        split = asked.split or _USUAL_SPLIT
        dataset = load(asked.dataset, asked.data, splits=[split.partition("/")[0]], download=asked.download)
    return dataset, split, dataset.part(split)


def _named_spec(asked: Scoring, registry: Callable[[], "Reader"]) -> tuple[Spec, str] | None:
    """The spec that was named or lies beside the file, and where it was found; ``None`` where there is none."""
    if asked.variant:
        with registry() as opened:
            variants = opened.variants()
        if asked.variant not in variants:
            raise UnknownNameError("variant", asked.variant, tuple(variants))
        spec = variants[asked.variant].spec
        if spec is None:
            raise UsageError(f"variant '{asked.variant}' has no input/output spec; give one with --spec FILE")
        return spec, f"variant {asked.variant}"
    path = asked.spec or _beside(asked.file)
    if asked.spec is None and not path.is_file():
        return None
    try:
        return parse_spec(path.read_text(encoding="utf-8"), str(path)), str(path)
    except (OSError, UnicodeDecodeError) as problem:
        reason = getattr(problem, "strerror", None) or problem
        raise UsageError(f"the spec '{path}' cannot be read: {reason}") from problem


def _beside(file: Path) -> Path:
    return file.with_name(f"{file.name}{_SPEC_SUFFIX}")


def _registered_spec(asked: Scoring, sha256: str, registry: Callable[[], "Reader"]) -> tuple[Spec, str]:
    """The spec of the registered variant that is this very file, and its name."""
    with registry() as opened:
        for each in opened.variants().values():
            if each.sha256 == sha256 and each.spec is not None:
                return each.spec, f"variant {each.name}, found by its digest"
    raise UsageError(
        f"nobody says what goes into '{asked.file}': give --spec FILE or --variant NAME, or put the spec "
        f"beside it as '{_beside(asked.file).name}'"
    )
