"""The continua that this project trained itself: the results of sweeps as text, one JSON file a model.

``zoo compress`` writes such a file; ``zoo rebuild`` reads it and never trains. A document holds what a recipe gave: its
variants with specs, accuracies, coverage of delegates and digests, and the certificates of their conversions.
"""

from registry.continua.reading import Continuum, merged, read_continua, read_continuum

__all__ = ["Continuum", "merged", "read_continua", "read_continuum"]
