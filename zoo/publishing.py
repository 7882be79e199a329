"""Publishing: a file and what is said of it become an immutable variant; what the bytes contradict is refused.

`registry.publications` writes; here files are inspected and labels checked, one by one or from a plan that somebody has
read before it is applied.
"""

import getpass
import json
import time
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from registry.blobs import ABSENT, Blobs
from registry.reader import Reader, held_files
from registry.values import (
    Availability,
    Tombstone,
    Variant,
)
from zoo.errors import (
    ConflictError,
    RegistryError,
    UsageError,
    ZooError,
    needing,
)
from zoo.labels import Labels, prepare, read_text
from zoo.predicting_tables import Watch
from zoo.writing import write_whole

if TYPE_CHECKING:
    from registry.publications import Collected


@dataclass(frozen=True, slots=True)
class Published:
    """What became of one file.

    Attributes:
        file: its path.
        variant: name of the variant.
        sha256: digest of the file; empty where it could not be read.
        size_bytes: of the file.
        outcome: ``published``, ``unchanged``, ``planned`` where nothing was to be written, or ``refused``.
        reason: why it was refused, or what it is called where the registry had it under another name.
    """

    file: str
    variant: str
    sha256: str
    size_bytes: int
    outcome: str
    reason: str = ""


def blobs_of(registry: Path) -> Blobs:
    """The folder of files beside a registry."""
    return Blobs(registry.with_suffix(".blobs"))


def publish(registry: Path, file: Path, labels: Labels, *, dry_run: bool = False) -> Published:
    """Publish one file as a variant.

    Args:
        registry: of the user's own.
        file: a model file, or an ``.mlpackage`` folder.
        labels: what is said of it.
        dry_run: check everything, and write nothing.

    Raises:
        ZooError: the file is refused, a label contradicts it, or it contradicts what was published.
    """
    from registry import publications

    data, found = prepare(registry, file, labels)
    (variant,) = found.variants.values()
    known = _known(
        registry, variant
    )  # looked at before anything is written, so that no refused file is left behind
    if dry_run:
        outcome = "unchanged" if known and known.availability is Availability.HELD else "planned"
        name = known.name if known else variant.name
    else:
        done, name = publications.publish(registry, blobs_of(registry), data, found, _now(), labels.publisher)
        outcome = str(done)
    reason = "" if name == variant.name else f"the registry has these bytes as '{name}'"
    return Published(str(file), name, variant.sha256 or "", len(data), outcome, reason)


def _known(registry: Path, variant: Variant) -> Variant | None:
    """The variant that has these bytes already.

    Raises:
        ConflictError: the name has other bytes, or the variant was withdrawn.
    """
    with Reader(registry) as opened:
        variants = opened.variants(variant.model)
    same = next((each for each in variants.values() if each.sha256 == variant.sha256), None)
    if same is not None and same.yanked is not None:
        raise ConflictError(f"'{same.name}' has these bytes and was withdrawn: {same.yanked}")
    if same is None and variant.name in variants:
        raise ConflictError(
            f"'{variant.name}' is there with other bytes: variants never change. Give another --name"
        )
    return same


def plan(registry: Path, files: Sequence[Path], labels: Labels, out: Path) -> list[Published]:
    """Check files and write down what publishing them would do, a line of JSON each; nothing is published.

    Args:
        registry: of the user's own.
        files: to be published.
        labels: of all of them.
        out: where the plan goes, whole or not at all.
    """
    found = [attempt(registry, each, labels, dry_run=True) for each in files]
    lines = [json.dumps({**asdict(each), "labels": asdict(labels)}, sort_keys=True) for each in found]
    write_whole(out, ("\n".join(lines) + "\n").encode())
    return found


def apply(registry: Path, path: Path) -> Iterator[Published]:
    """Publish what a plan says, file by file; what is done stays done, and applying again goes on.

    Args:
        registry: of the user's own.
        path: of the plan.

    Raises:
        UsageError: it is no plan; then nothing is published.
    """
    for file, sha256, labels in list(_planned(path)):
        try:
            now = digest_of(file)
        except OSError as problem:
            yield Published(str(file), "", sha256, 0, "refused", f"it cannot be read: {problem.strerror}")
            continue
        if now != sha256:
            reason = f"its bytes are {now[:12]}..., but {sha256[:12]}... were planned"
            yield Published(str(file), "", sha256, 0, "refused", reason)
            continue
        yield attempt(registry, file, labels)


def digest_of(file: Path) -> str:
    """SHA-256 of a file, or of the canonical archive of a folder."""
    with needing("inspect", "publishing"):
        from converters.inspection import packages
    return packages.digest(file)[0]


def _planned(path: Path) -> Iterator[tuple[Path, str, Labels]]:
    for number, line in enumerate(read_text(path, "plan").splitlines(), 1):
        if not line.strip():
            continue
        try:
            data = json.loads(line)
            labels = _labels(data["labels"])
            if data["outcome"] != "refused":
                yield Path(str(data["file"])), str(data["sha256"]), labels
        except (ValueError, KeyError, TypeError, AttributeError) as problem:
            raise UsageError(
                f"line {number} of the plan '{path}' cannot be used: {problem}. Make one with: zoo publish --plan"
            ) from problem


def _labels(data: dict[str, Any]) -> Labels:
    """Labels of a plan.

    Raises:
        TypeError: one is unknown, or no text; the width is no number.
    """
    for name, value in data.items():
        if not isinstance(value, float | int | None if name == "alpha" else str):
            raise TypeError(f"the label {name} is {value!r}")
    return Labels(**data)


def attempt(registry: Path, file: Path, labels: Labels, *, dry_run: bool = False) -> Published:
    """Publish one of many files: what is refused is told, and the others go on."""
    try:
        return publish(registry, file, labels, dry_run=dry_run)
    except RegistryError:  # it is not the file's fault, and the next would meet it, too
        raise
    except ZooError as problem:
        return Published(str(file), labels.name or file.name, "", 0, "refused", str(problem))


def yank(registry: Path, name: str, reason: str, successor: str | None, by: str) -> tuple[Tombstone, bool]:
    """Withdraw a variant.

    Returns:
        What stands in its place, and whether that is new.

    Raises:
        UsageError: no reason is given.
        ZooError: see `registry.publications.yank`.
    """
    from registry import publications

    if not reason.strip():
        raise UsageError("a reason is wanted: whoever has the variant reads it. Give --reason")
    tombstone = Tombstone(reason.strip(), successor, _now(), by or getpass.getuser())
    done = publications.yank(registry, name, tombstone)
    return tombstone, done is publications.Outcome.PUBLISHED


def collect(registry: Path, grace_s: float, *, dry_run: bool = False) -> "Collected":
    """Remove files beside a registry that no variant names and that are older than ``grace_s`` seconds."""
    from registry import publications

    return publications.collect(registry, blobs_of(registry), time.time() - grace_s, dry_run=dry_run)


@dataclass(frozen=True, slots=True)
class Verified:
    """What hashing everything again found.

    Attributes:
        files: how many held files were looked at.
        size_bytes: of them together.
        faults: what is wrong, by the variant or by ``registry``; empty where all is well.
    """

    files: int
    size_bytes: int
    faults: tuple[tuple[str, str], ...]


def verify(registry: Path, watch: Watch) -> Verified:
    """Hash every held file again, and let SQLite look through the registry.

    Args:
        registry: any, also the shipped one.
        watch: told how many files of how many are done.
    """
    folders = [blobs_of(registry), Blobs(held_files())]
    with Reader(registry) as opened:
        faults = [("registry", each) for each in opened.faults()]
        held = [
            each for each in opened.variants(specs=False).values() if each.availability is Availability.HELD
        ]
    size = 0
    for place, each in enumerate(sorted(held, key=lambda one: one.name)):
        found = [folder.fault(each.sha256 or "") for folder in folders]
        if None in found:
            size += each.size_bytes or 0
        if found[0] not in {None, ABSENT} or None not in found:
            faults.append((each.name, f"in '{folders[0].folder}' {found[0]}"))
        watch(place + 1, len(held))
    return Verified(len(held), size, tuple(faults))


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds")
