"""Where a data set lies on this machine."""

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from datasets.catalogue import Known
from zoo.errors import DatasetError

VARIABLE = "ZOO_DATA"


@dataclass(frozen=True, slots=True)
class Place:
    """A folder that a set may lie in.

    Attributes:
        path: the folder with the set's own files.
        called: what a message calls it.
    """

    path: Path
    called: str


def cache(environment: Mapping[str, str] | None = None) -> Path:
    """The folder of this user that downloads go to: ``$XDG_CACHE_HOME/device-zoo/datasets``."""
    environment = os.environ if environment is None else environment
    base = environment.get("XDG_CACHE_HOME") or ""
    root = Path(base) if Path(base).is_absolute() else Path.home() / ".cache"
    return root / "device-zoo" / "datasets"


def places(
    known: Known, given: Path | None = None, environment: Mapping[str, str] | None = None
) -> list[Place]:
    """Where a set is looked for, in this order.

    Args:
        known: the set.
        given: a folder that the caller names: the set's own, or one with the set's folder in it. Only there it is
            looked for then.
        environment: the variables that count; this process's by default.
    """
    environment = os.environ if environment is None else environment
    if given is not None:
        return [Place(each, str(each)) for each in (given, given / known.folder)]
    found = []
    root = environment.get(VARIABLE)
    if root:
        path = Path(root).expanduser() / known.folder
        found.append(Place(path, f"{path} (${VARIABLE})"))
    if known.debian_path:
        found.append(Place(Path(known.debian_path), known.debian_path))
    path = cache(environment) / known.folder
    found.append(Place(path, str(path)))
    return found


def find(known: Known, given: Path | None = None, environment: Mapping[str, str] | None = None) -> Path:
    """The first folder that has the set; see `places`.

    Raises:
        DatasetError: none has; the message says where it was looked for and what to do.
    """
    looked = places(known, given, environment)
    for each in looked:
        if any(all((each.path / name).exists() for name in names) for names in known.needs):
            return each.path
    where = [each.called for each in looked]
    if given is None and not (os.environ if environment is None else environment).get(VARIABLE):
        where.insert(0, f"${VARIABLE} (not set)")
    ways = [f"set {VARIABLE}=FOLDER, a folder that has {known.folder}/ with {_wanted(known)}"]
    ways += [f"apt-get install {known.debian_package}"] if known.debian_package else []
    ways += ["let --download fetch it"] if known.downloads else []
    ways += [known.advice] if known.advice else []
    raise DatasetError(
        f"data set '{known.name}' is not on this machine. Looked in: {', '.join(where)}. Do one of: {'; '.join(ways)}"
    )


def _wanted(known: Known) -> str:
    return " or ".join(", ".join(names) for names in known.needs)
