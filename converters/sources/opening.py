"""Tells what a user means by SOURCE, by content where it is a file."""

from pathlib import Path

from architectures.catalogue import parse
from converters.inspection.inspecting import inspect
from converters.inspection.report import Format
from converters.inspection.sniffing import sniff
from converters.sources.base import Source
from zoo.errors import BadSourceError, MissingExtraError, UsageError

_WEIGHTS_ALONE = {Format.SAFETENSORS, Format.NPY, Format.NPZ}
_RESULTS = {Format.TFLITE, Format.MLPACKAGE, Format.MLMODEL}


def open_source(text: str, weights: Path | None = None) -> Source:
    """Read what ``text`` means.

    Args:
        text: an architecture's name, ``package.module:function``, or a path to a .pt2, .keras, SavedModel or ONNX.
        weights: weights of an architecture, as safetensors or as a state dict.

    Raises:
        UnknownNameError: no file, no reference, and no architecture of that name.
        BadSourceError: it cannot be read, or is no source.
        BadFileError: the file is damaged or hostile.
        UsageError: weights are given for something that has its own.
        MissingExtraError: what reads it is not installed.
    """
    path = Path(text)
    is_file, is_reference = path.exists(), ":" in text and not path.exists()
    if weights is not None and (is_file or is_reference):
        raise UsageError(f"--weights belong to an architecture of this project, and '{text}' has its own")
    try:
        if is_reference:
            return _reference(text)
        if is_file:
            return _file(path)
        parse(text)
        from converters.sources.torch_modules import from_architecture

        return from_architecture(text, weights)
    except ModuleNotFoundError as problem:
        if problem.name not in {"torch", "safetensors", "tensorflow", "onnx", "onnxruntime", "numpy"}:
            raise
        raise MissingExtraError(
            f"reading '{text}' needs '{problem.name}'. Install it with: pip install 'device-zoo[convert]'"
        ) from problem


def _reference(text: str) -> Source:
    from converters.sources.torch_modules import REFERENCE, from_reference

    if not REFERENCE.fullmatch(text):
        raise BadSourceError(f"'{text}' is no file and no reference of the form package.module:function")
    return from_reference(text)


def _file(path: Path) -> Source:
    found = sniff(path)
    if found in _WEIGHTS_ALONE:
        raise BadSourceError(
            f"'{path}' holds only weights ({found}). Name their net: zoo convert ARCHITECTURE --weights '{path}'"
        )
    if found in _RESULTS:
        raise BadSourceError(f"'{path}' is {found} already: convert the net that it was made from")
    inspect(path)  # in the sandbox, before any framework touches the bytes
    match found:
        case Format.PT2:
            from converters.sources.torch_modules import from_exported

            return from_exported(path)
        case Format.KERAS | Format.HDF5:
            from converters.sources.keras import from_keras

            return from_keras(path)
        case Format.SAVED_MODEL:
            from converters.sources.keras import from_saved_model

            return from_saved_model(path)
        case Format.ONNX:
            from converters.sources.onnx_graph import from_onnx

            return from_onnx(path)
        case _:
            raise BadSourceError(f"'{path}' is {found}, which cannot be converted")
