"""Loads a data set by name."""

from collections.abc import Callable, Collection, Mapping
from importlib import import_module
from pathlib import Path
from typing import Protocol, cast

from datasets import finding
from datasets.catalogue import Known, known
from datasets.values import Dataset, Part
from zoo.errors import MissingExtraError, UnknownNameError


class Loader(Protocol):
    """Reads one data set."""

    def __call__(self, known: Known, folder: Path, splits: Collection[str]) -> Mapping[str, Part]:
        """Read and check these splits.

        Args:
            known: the set, with the digests that its files must have.
            folder: where its files are.
            splits: the ones that are wanted, all of them in ``known.splits``.

        Raises:
            DatasetError: a file is damaged, or not the known one.
        """
        ...


def load(
    name: str,
    folder: Path | None = None,
    *,
    splits: Collection[str] | None = None,
    download: bool = False,
    progress: Callable[[int, int], None] = lambda *_: None,
) -> Dataset:
    """Find a known set on this machine, check it, and read it.

    Args:
        name: see `datasets.catalogue.KNOWN`.
        folder: where to look; see `datasets.finding.places` for where it is looked for otherwise.
        splits: only these; all by default.
        download: fetch it where it is not found and has an official address.
        progress: of the download; told how many bytes of how many are there.

    Raises:
        UnknownNameError: there is no such set, split or group.
        DatasetError: it is not found, cannot be fetched, or is not what it should be.
        MissingExtraError: what reads it is not installed.
    """
    return read(known(name), _folder(known(name), folder, download=download, progress=progress), splits)


def read(entry: Known, folder: Path, splits: Collection[str] | None = None) -> Dataset:
    """Check a set in a folder and read it; see `load`.

    Raises:
        UnknownNameError: there is no such split.
        DatasetError: it is not what it should be.
        MissingExtraError: what reads it is not installed.
    """
    wanted = entry.splits if splits is None else tuple(dict.fromkeys(splits))
    for each in wanted:
        if each not in entry.splits:
            advice = f"Known: {', '.join(entry.splits)}"
            raise UnknownNameError(f"split of {entry.name}", each, entry.splits, advice=advice)
    return Dataset(entry.name, entry.classes, dict(_loader(entry)(entry, folder, wanted)))


def _folder(
    entry: Known, given: Path | None, *, download: bool, progress: Callable[[int, int], None]
) -> Path:
    if not download or not entry.downloads:
        return finding.find(entry, given)
    for place in finding.places(entry, given):
        if all((place.path / each.name).exists() for each in entry.downloads):
            return place.path
    from datasets.fetching import fetch

    return fetch(entry, (given or finding.cache()) / entry.folder, progress)


def _loader(entry: Known) -> Loader:
    module, _, function = entry.loader.partition(":")
    try:
        return cast("Loader", getattr(import_module(module), function))
    except ModuleNotFoundError as problem:
        raise MissingExtraError(
            f"reading {entry.name} needs '{problem.name}'. Install it with: pip install 'device-zoo[data]'"
        ) from problem
