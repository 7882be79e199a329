"""The registry made again from the texts of this package."""

from pathlib import Path

from device_profiles.loading import load_profiles
from zoo.predictor import LATENCY


def rebuild(path: Path) -> dict[str, int]:
    """Make the registry at ``path`` from the text tables, the continua and the profiles of this package.

    The files that it holds are hashed again; nothing is trained.

    Returns:
        How many rows of each kind it holds.

    Raises:
        CatalogueError: the tables contradict themselves.
        BadProfileError: a profile does not make sense.
        RegistryError: the file cannot be written.
    """
    from prediction.model import shipped  # noqa: PLC0415 - only who rebuilds pays for it
    from registry import store  # noqa: PLC0415 - SQLModel loads only when something is written
    from registry.texts import read_texts  # noqa: PLC0415

    profiles = load_profiles()
    found = read_texts({each.id for each in profiles})
    store.rebuild(path, found, profiles, {LATENCY: shipped()})
    return {
        "devices": len(profiles),
        "models": len(found.models),
        "variants": len(found.variants),
        "accuracies": sum(len(each.accuracies) for each in found.variants.values()),
        "measurements": len(found.measurements),
        "excluded": sum(bool(each.excluded) for each in found.measurements),
        "sources": len(found.sources),
    }
