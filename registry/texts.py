"""All texts that a registry is made from, as one catalogue."""

from collections.abc import Collection
from dataclasses import replace

from registry.blobs import Blobs
from registry.catalogue import Catalogue, read_catalogue
from registry.catalogue.reading import read_tables
from registry.continua import merged, read_continua
from registry.reader import held_files


def read_texts(devices: Collection[str]) -> Catalogue:
    """Read the text tables and the continua of this package; files that it holds are hashed again.

    Args:
        devices: ids that figures may name.

    Raises:
        CatalogueError: the texts contradict themselves, or a held file is not what they say.
    """
    found = merged(read_catalogue(read_tables(), devices), read_continua())
    return replace(found, variants=Blobs(held_files()).checked(found.variants.values()))
