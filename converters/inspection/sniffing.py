"""Tells what kind of file something is by its content, never by its name; reads only starts and directories."""

import re
import zipfile
from collections.abc import Callable, Sequence
from pathlib import Path

from converters.inspection.protobuf import values
from converters.inspection.reading import UnreadableError
from converters.inspection.report import Format
from zoo.errors import BadFileError

START_BYTES = 4096
_TFLITE, _HDF5, _NPY, _ZIP = b"TFL3", b"\x89HDF\r\n\x1a\n", b"\x93NUMPY", b"PK\x03\x04"
_LONGEST_HEADER = 100 * 2**20  # what safetensors itself accepts
_ONNX_GRAPH, _ONNX_IR, _COREML_VERSION, _COREML_DESCRIPTION = 7, 1, 1, 2
_COREML_LEAST_TYPE = 200  # fields of the oneof of model types begin here
# Pickles of protocol 0 and 1 begin with an opcode and a line: a global, a persistent id, marks, numbers
_OLD_PICKLE = re.compile(rb"(\(?[cil(dp][\w.]*\n)|(\(lp\d)|(\(dp\d)|(]q)|(}q)|(\(c[\w.]+\n)")
_COMPRESSED = {b"\x1f\x8b": "gzip", b"BZh": "bzip2", b"\xfd7zXZ\x00": "xz", b"\x28\xb5\x2f\xfd": "zstandard"}


def sniff(path: Path) -> Format:
    """The format of a file or folder.

    Raises:
        BadFileError: it is of no known format; the message says which are known.
    """
    if path.is_dir():
        found = _folder(path)
    else:
        with path.open("rb") as file:
            start = file.read(START_BYTES)
        found = next((each for test in _TESTS if (each := test(path, start)) is not None), None)
    if found is None:
        raise BadFileError(str(path), [_unknown(path)])
    return found


def _unknown(path: Path) -> str:
    known = "TFLite, ONNX, Core ML (.mlpackage, .mlmodel), SavedModel, Keras, HDF5, torch.export, safetensors, npy, npz"
    if path.is_dir():
        return f"the folder is neither a Core ML package nor a SavedModel; known are {known}"
    size = path.stat().st_size
    if not size:
        return "it is empty"
    with path.open("rb") as file:
        start = file.read(8)
    packed = next((name for magic, name in _COMPRESSED.items() if start.startswith(magic)), None)
    if packed:
        return f"it is compressed with {packed}: unpack it first"
    return f"its content ({start.hex(' ')} ...) is of no known format; known are {known}"


def _folder(path: Path) -> Format | None:
    if (path / "Manifest.json").is_file():
        return Format.MLPACKAGE
    return Format.SAVED_MODEL if (path / "saved_model.pb").is_file() else None


def _flat(_: Path, start: bytes) -> Format | None:
    if start[4:8] == _TFLITE:
        return Format.TFLITE
    if start.startswith(_HDF5):
        return Format.HDF5
    return Format.NPY if start.startswith(_NPY) else None


def _pickle(_: Path, start: bytes) -> Format | None:
    binary = len(start) > 2 and start[0] == 0x80 and 2 <= start[1] <= 5  # noqa: PLR2004 - PROTO and its argument
    return Format.PICKLE if binary or _OLD_PICKLE.match(start) else None


def _safetensors(path: Path, start: bytes) -> Format | None:
    length = int.from_bytes(start[:8], "little")
    fits = 2 <= length <= min(_LONGEST_HEADER, path.stat().st_size - 8)  # noqa: PLR2004 - an empty object
    return Format.SAFETENSORS if fits and start[8:9] == b"{" else None


def _zip(path: Path, start: bytes) -> Format | None:
    if not start.startswith(_ZIP):
        return None
    try:
        with zipfile.ZipFile(path) as archive:
            names = archive.namelist()
    except (zipfile.BadZipFile, ValueError, NotImplementedError) as problem:
        raise BadFileError(str(path), [f"its zip directory cannot be read: {problem}"]) from problem
    return _by_names(names)


def _by_names(names: Sequence[str]) -> Format | None:
    tops = [each.partition("/")[2] if "/" in each else each for each in names]
    if any(each.endswith("Manifest.json") for each in names):
        return Format.MLPACKAGE
    if {"config.json", "metadata.json"} <= set(names):
        return Format.KERAS
    if "archive_format" in tops or any(each.startswith("models/") for each in tops):
        return Format.PT2
    if "data.pkl" in tops or any(each.endswith(".pkl") for each in names):
        return Format.PICKLE
    return Format.NPZ if names and all(each.endswith(".npy") for each in names) else None


def _protobuf(path: Path, start: bytes) -> Format | None:
    """ONNX and Core ML are protobufs without a magic number: told apart by their first fields."""
    if not start or start[0] not in {0x08, 0x0A, 0x12, 0x3A}:
        return None
    fields: dict[int, object] = {}
    try:
        for number, value in values(path.read_bytes()):
            fields.setdefault(number, value)
    except (UnreadableError, ValueError):
        pass  # cut off or damaged: what came before still tells
    if isinstance(fields.get(_COREML_VERSION), int) and any(each >= _COREML_LEAST_TYPE for each in fields):
        return Format.MLMODEL
    if isinstance(fields.get(_ONNX_IR), int) and isinstance(fields.get(_ONNX_GRAPH), bytes):
        return Format.ONNX
    if isinstance(fields.get(_COREML_VERSION), int) and isinstance(fields.get(_COREML_DESCRIPTION), bytes):
        return Format.ONNX if _ONNX_GRAPH in fields else None
    return None


_TESTS: tuple[Callable[[Path, bytes], Format | None], ...] = (_flat, _zip, _safetensors, _pickle, _protobuf)
