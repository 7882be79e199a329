"""The published figures as text tables, one row a fact, each with its source; read and checked here.

``sources.csv``, ``models.csv``, ``variants_*.csv``, ``accuracies.csv``, ``measurements_*.csv``, and
``left_out.csv``, which counts what of the published tables did not become rows, and why. They are the source of
truth: ``zoo rebuild`` makes ``zoo.db`` from them and from the device profiles.
"""

from registry.catalogue.reading import Catalogue, Source, read_catalogue

__all__ = ["Catalogue", "Source", "read_catalogue"]
