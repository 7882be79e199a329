"""Reads ``torch.export`` programs without ever running a pickle.

``torch.export.load`` falls back to unpickling arbitrary objects in several places (custom objects, tensors saved with
``use_pickle``, example inputs that ``weights_only`` refuses). So the archive is looked through first, and torch is told
to load weights only, whatever its callers ask for.
"""

import json
import logging
import os
import pickle
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from zoo.errors import BadSourceError

_FORCE = "TORCH_FORCE_WEIGHTS_ONLY_LOAD"
_LONGEST_CONFIG = 64 * 2**20  # bytes


def load_program(path: Path) -> Any:
    """Read the program at ``path``.

    Raises:
        BadSourceError: it is no exported program, or holds pickled objects.
    """
    import torch

    _refuse_pickles(path)
    with _weights_only(), _quiet():
        try:
            return torch.export.load(path)
        except (
            pickle.UnpicklingError,
            RuntimeError,
            ValueError,
            KeyError,
            TypeError,
            AttributeError,
        ) as problem:
            found = " ".join(str(problem).split())[:200]
            raise BadSourceError(f"'{path}' cannot be read as a torch.export program: {found}") from problem


def _refuse_pickles(path: Path) -> None:
    try:
        with zipfile.ZipFile(path) as archive:
            for entry in archive.infolist():
                name = entry.filename.rpartition("/")[2]
                if name.startswith("custom_obj"):
                    raise BadSourceError(
                        f"'{path}' holds a pickled object ({name}): pickles run code when read"
                    )
                if entry.filename.endswith("_config.json") and entry.file_size <= _LONGEST_CONFIG:
                    for key, each in json.loads(archive.read(entry)).get("config", {}).items():
                        if each.get("use_pickle"):
                            raise BadSourceError(
                                f"'{path}' holds '{key}' as a pickle: pickles run code when read. "
                                "Export it again from plain, contiguous tensors"
                            )
    except (zipfile.BadZipFile, json.JSONDecodeError, AttributeError) as problem:
        raise BadSourceError(f"'{path}' cannot be read as a torch.export program: {problem}") from problem


@contextmanager
def _weights_only() -> Iterator[None]:
    before = os.environ.get(_FORCE)
    os.environ[_FORCE] = "1"
    try:
        yield
    finally:
        if before is None:
            del os.environ[_FORCE]
        else:
            os.environ[_FORCE] = before


@contextmanager
def _quiet() -> Iterator[None]:
    """Keep torch's own account of a failed load off the screen: it is said in one line."""
    loggers = [logging.getLogger(each) for each in ("torch.export", "torch._export")]
    levels = [each.level for each in loggers]
    for each in loggers:
        each.setLevel(logging.CRITICAL)
    try:
        yield
    finally:
        for each, level in zip(loggers, levels, strict=True):
            each.setLevel(level)
