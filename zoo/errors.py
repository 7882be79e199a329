"""Every error this project raises on purpose.

* ZooError                  exit 1
  - UsageError              exit 2  an option or a file given by the user makes no sense
    - UnknownNameError      exit 2  a device, model, variant or word that nobody registered
    - AmbiguousNameError    exit 2  a name that several devices bear
    - BadProfileError       exit 2  a device profile that does not make sense
    - BadFileError          exit 2  a model file that is damaged, hostile, or of no known format
    - BadSourceError        exit 2  what was to be converted cannot be read or run
    - BadRecipeError        exit 2  a recipe that does not make sense
    - BadTableError         exit 2  a CSV table that cannot be used
  - RegistryError           exit 1  the registry file cannot be read or written
  - ConflictError           exit 1  what is asked for contradicts what was published
  - CatalogueError          exit 1  the text tables contradict themselves
  - MissingExtraError       exit 1  an optional package is not installed
  - DatasetError            exit 1  a data set is not on this machine, cannot be fetched, or is not what it should be
  - ConversionError         exit 1  a conversion is refused, or its result is not what it must be
  - BenchError              exit 1  a file cannot be measured here: the device, the tool or the runtime says no
  - TrainingError           exit 1  a training cannot go on: its loss is no number, or its parts do not fit
  - SweepError              exit 1  a sweep cannot go on: its folder is in use or full, or its cluster is not there
  - ServeError              exit 1  the server cannot start: its address cannot be had

Only ``zoo.cli.main`` catches and prints them; everything else is a bug and keeps its traceback.
That nothing fits a device is an answer, not an error: its exit code is 3.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from difflib import get_close_matches
from typing import ClassVar


class ZooError(Exception):
    """Base of every expected error; the faces print it as one line, without a traceback."""

    exit_code: ClassVar[int] = 1
    http_status: ClassVar[int] = 500


class UsageError(ZooError):
    """What the user gave cannot be used; the message says what was found and what was wanted."""

    exit_code = 2
    http_status = 400


class UnknownNameError(UsageError):
    """A name that is not registered.

    Args:
        kind: what was looked for, as the user calls it (``"device"``).
        name: the name given.
        known: the names that would have worked; a mapping gives the name to suggest for each.
        advice: what to do when no known name is close.
    """

    http_status = 404

    def __init__(
        self, kind: str, name: str, known: Iterable[str] | Mapping[str, str], advice: str = ""
    ) -> None:
        """Build the message, with the closest known names when there are any."""
        self.kind, self.name = kind, name
        shown = known if isinstance(known, Mapping) else {each: each for each in known}
        folded = {each.casefold(): shown[each] for each in sorted(shown, reverse=True)}
        found = (folded[each] for each in get_close_matches(name.casefold(), folded, n=6))
        self.close = list(dict.fromkeys(found))[:3]
        meant = " or ".join(f"'{each}'" for each in self.close)
        hint = f"Did you mean {meant}?" if meant else advice
        super().__init__(f"unknown {kind} '{name}'. {hint}".rstrip())


class AmbiguousNameError(UsageError):
    """A name that several devices bear; the message lists them.

    Args:
        kind: what was looked for (``"device"``).
        name: the name given.
        matches: the ids that bear the name.
    """

    http_status = 409

    def __init__(self, kind: str, name: str, matches: Sequence[str]) -> None:
        """Build the message."""
        self.matches = tuple(sorted(matches))
        listed = " and ".join(f"'{each}'" for each in self.matches)
        super().__init__(f"'{name}' is the name of more than one {kind}: {listed}. Give one of these ids.")


class BadProfileError(UsageError):
    """A device profile that does not make sense; the message lists every problem.

    Args:
        source: the file the profile was read from.
        problems: one text a problem, each naming its key.
    """

    def __init__(self, source: str, problems: Sequence[str]) -> None:
        """Build the message."""
        self.problems = tuple(problems)
        super().__init__(f"bad device profile '{source}': {'; '.join(problems)}")


class BadFileError(UsageError):
    """A model file that cannot be what it should be.

    Args:
        source: the file, as the user named it.
        problems: one text a problem, each saying what was found and what was wanted.
    """

    http_status = 422

    def __init__(self, source: str, problems: Sequence[str]) -> None:
        """Build the message."""
        self.problems = tuple(problems)
        super().__init__(f"refused '{source}': {'; '.join(problems)}")


class BadSourceError(UsageError):
    """What was to be converted cannot be read or run."""


class BadRecipeError(UsageError):
    """A recipe that does not make sense; the message lists every problem.

    Args:
        source: the file the recipe was read from.
        problems: one text a problem, each naming its place.
    """

    http_status = 422

    def __init__(self, source: str, problems: Sequence[str]) -> None:
        """Build the message."""
        self.problems = tuple(problems)
        super().__init__(f"bad recipe '{source}': {'; '.join(problems)}")


class BadTableError(UsageError):
    """A CSV table that cannot be used.

    Args:
        source: the file, as the user named it.
        problem: what was found, and what was wanted.
    """

    http_status = 422

    def __init__(self, source: str, problem: str) -> None:
        """Build the message."""
        super().__init__(f"bad table '{source}': {problem}")


class RegistryError(ZooError):
    """The registry file cannot be read or written."""

    http_status = 503


class ConflictError(ZooError):
    """What is asked for contradicts what was published: variants never change."""

    http_status = 409


class CatalogueError(ZooError):
    """The text tables that the registry is built from contradict themselves."""


class MissingExtraError(ZooError):
    """An optional package is not installed; the message names the extra that brings it."""


@contextmanager
def needing(extra: str, what: str) -> Iterator[None]:
    """Say which extra brings a package that an import in the block does not find.

    Args:
        extra: that brings it.
        what: needs it, as a word that begins the message, such as ``converting``.

    Raises:
        MissingExtraError: see above.
    """
    try:
        yield
    except ModuleNotFoundError as problem:
        raise MissingExtraError(
            f"{what} needs '{problem.name}'. Install it with: pip install 'device-zoo[{extra}]'"
        ) from problem


class DatasetError(ZooError):
    """A data set is not on this machine, cannot be fetched, or is not what it should be."""


class ConversionError(ZooError):
    """A conversion is refused, or its result is not what it must be; nothing was written under its final name."""


class BenchError(ZooError):
    """A file cannot be measured here; the message says why and what to do."""


class TrainingError(ZooError):
    """A training cannot go on; what was finished before it stays."""


class SweepError(ZooError):
    """A sweep cannot go on; what was finished stays, and the same command goes on from there."""


class ServeError(ZooError):
    """The server cannot start."""
