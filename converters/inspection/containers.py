"""Formats that are named and listed, not read as graphs: SavedModel, .keras, HDF5 and .pt2.

None of their frameworks is imported. What would run code when a framework loads the file is said as a warning; the
caller decides. Where the bytes contradict themselves, they are refused.

Formats: tensorflow/core/protobuf/saved_model.proto and meta_graph.proto; Keras 3's saving_lib; the HDF5 file format
specification, section II.A; PyTorch's torch/export/pt2_archive.
"""

import mmap
import re
import struct
from collections import Counter, deque
from collections.abc import Iterator, Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any

from converters.inspection import archives, protobuf, strict_json
from converters.inspection.protobuf import Field, Kind, Schema
from converters.inspection.reading import Reading, UnreadableError
from converters.inspection.report import Graph, Load, Operator

MAX_ENTRIES = 1_000
MAX_JSON_BYTES = 64 << 20
JSON_DEPTH = 200

ZIP_MAGIC = b"PK\x03\x04"
HDF5_MAGIC = b"\x89HDF\r\n\x1a\n"
PICKLED_ZIP = re.compile(r".*\.(pt|pth|pkl|pickle|bin)")


def read(path: Path) -> Reading:
    """Tell which container it is by its content, and list it; see `converters.inspection.reading.Reader`."""
    if path.is_dir():
        return _saved_model(path)
    with path.open("rb") as file:
        start = file.read(len(HDF5_MAGIC))
    if start == HDF5_MAGIC:
        with path.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as data:
            return Reading("HDF5", None, warnings=tuple(_check_hdf5(data)))
    if not start.startswith(ZIP_MAGIC):
        raise UnreadableError(["neither a folder, nor a zip archive, nor an HDF5 file"])
    archive = archives.open_archive(path)
    archive.verify()
    return _keras(archive) if "config.json" in archive.members else _pt2(archive)


def macs(graph: Graph, operator: Operator) -> int | None:
    """No graph, no MACs."""
    del graph, operator
    return None


def load(path: Path) -> Load:
    """Not tried: these formats are sources of a conversion, and loading some of them runs their code."""
    del path
    return Load("", None, "a source for conversion, not loaded")


# SavedModel

TEXT, NUMBER, BYTES = Field(Kind.TEXT), Field(Kind.VARINT), Field(Kind.BYTES)
TEXTS = Field(Kind.TEXT, repeated=True)


def _inner(message: str) -> Field:
    return Field(Kind.MESSAGE, message, repeated=True)


# The messages that are entered; of the others, only bounds are checked.
SAVED_MODEL: Schema = MappingProxyType(
    {
        "SavedModel": {1: NUMBER, 2: _inner("MetaGraphDef")},
        "MetaGraphDef": {
            1: _inner("MetaInfoDef"),
            2: _inner("GraphDef"),
            5: _inner("SignatureEntry"),
            6: _inner("AssetFileDef"),
        },
        "MetaInfoDef": {1: TEXT, 4: TEXTS, 5: TEXT, 6: TEXT},
        "AssetFileDef": {2: TEXT},
        "GraphDef": {1: _inner("NodeDef"), 2: _inner("FunctionDefLibrary")},
        "FunctionDefLibrary": {1: _inner("FunctionDef")},
        "FunctionDef": {3: _inner("NodeDef")},
        "NodeDef": {1: TEXT, 2: TEXT, 3: TEXTS, 4: TEXT},
        "SignatureEntry": {1: TEXT, 2: _inner("SignatureDef")},
        "SignatureDef": {1: _inner("TensorEntry"), 2: _inner("TensorEntry"), 3: TEXT},
        "TensorEntry": {1: TEXT, 2: _inner("TensorInfo")},
        "TensorInfo": {1: TEXT, 2: NUMBER, 3: _inner("TensorShape")},
        "TensorShape": {2: _inner("Dim"), 3: NUMBER},
        "Dim": {1: NUMBER, 2: TEXT},
    }
)
# tensorflow/core/framework/types.proto
TENSORFLOW_TYPES: Mapping[int, str] = MappingProxyType(
    {1: "float32", 2: "float64", 3: "int32", 4: "uint8", 5: "int16", 6: "int8", 7: "string", 8: "complex64", 9: "int64",
     10: "bool", 14: "bfloat16", 17: "uint16", 19: "float16", 20: "resource", 22: "uint32", 23: "uint64"}
)  # fmt: skip
# Operators that run Python, or touch files besides the variables.
RISKY = frozenset(
    {"PyFunc", "PyFuncStateless", "EagerPyFunc", "ReadFile", "WriteFile", "MatchingFiles", "LoadDataset"}
)
_PER_LINE = 8
SHARD = re.compile(r"variables\.data-(\d{5})-of-(\d{5})")
UNKNOWN_LENGTH = 2**64 - 1  # -1 as it lies on the wire


def _messages(data: bytes, number: int) -> Iterator[bytes]:
    for field, value in protobuf.values(data):
        if field == number and isinstance(value, bytes):
            yield value


def _text(data: bytes, number: int) -> str:
    return next((each.decode() for each in _messages(data, number)), "")


def _number(data: bytes, number: int) -> int:
    return next(
        (value for field, value in protobuf.values(data) if field == number and isinstance(value, int)), 0
    )


def _saved_model(path: Path) -> Reading:
    """List the signatures and variables of a SavedModel folder."""
    file = path / "saved_model.pb"
    if not file.is_file():
        raise UnreadableError(["no saved_model.pb in the folder"])
    data = file.read_bytes()
    protobuf.check(data, SAVED_MODEL, "SavedModel")
    version, graphs = _number(data, 1), list(_messages(data, 2))
    problems = _shards(path / "variables")
    if version != 1 or not graphs:
        problems.append(
            f"SavedModel version {version} with {len(graphs)} graphs; version 1 with one or more is read"
        )
    if problems:
        raise UnreadableError(problems)
    entries: list[str] = []
    risky: set[str] = set()
    tool = ""
    for graph in graphs:
        kinds = Counter(_operators(graph))
        for info in _messages(graph, 1):
            tool = _text(info, 5) or tool
            entries.append(
                f"graph for {', '.join(each.decode() for each in _messages(info, 4)) or 'nothing'}"
            )
        for entry in _messages(graph, 5):
            entries += [_signature(entry, definition) for definition in _messages(entry, 2)]
        entries += _counted(kinds)
        risky |= RISKY.intersection(kinds)
    for each in sorted(path.rglob("*")):
        if each.is_file():
            entries.append(f"{each.relative_to(path).as_posix()} {each.stat().st_size:,} bytes")
    warnings = [f"its graph runs code or touches files: {', '.join(sorted(risky))}"] if risky else []
    producer = f"tensorflow {tool}".strip() if tool else ""
    return Reading(
        "SavedModel", None, producer, entries=tuple(entries[:MAX_ENTRIES]), warnings=tuple(warnings)
    )


def _counted(kinds: Counter[str]) -> Iterator[str]:
    """How many operators of which kinds, the most frequent first, a handful a line; functions are counted once."""
    named = [
        f"{kind} x{number}" for kind, number in sorted(kinds.items(), key=lambda each: (-each[1], each[0]))
    ]
    yield f"{kinds.total()} nodes of {len(kinds)} kinds, those of all functions included"
    for start in range(0, len(named), _PER_LINE):
        yield f"  {', '.join(named[start : start + _PER_LINE])}"


def _operators(graph: bytes) -> Iterator[str]:
    """Kinds of all nodes, those in functions included."""
    for definition in _messages(graph, 2):
        for node in _messages(definition, 1):
            yield _text(node, 2)
        for library in _messages(definition, 2):
            for function in _messages(library, 1):
                for node in _messages(function, 3):
                    yield _text(node, 2)


def _signature(entry: bytes, definition: bytes) -> str:
    sides = []
    for number in (1, 2):
        tensors = [(_text(each, 1), next(_messages(each, 2), b"")) for each in _messages(definition, number)]
        sides.append(", ".join(f"{name} {_tensor(info)}" for name, info in sorted(tensors)))
    return f"signature {_text(entry, 1)}: {sides[0]} -> {sides[1]}"


def _tensor(info: bytes) -> str:
    dtype = TENSORFLOW_TYPES.get(_number(info, 2), f"type {_number(info, 2)}")
    shape = next(_messages(info, 3), None)
    if shape is None or _number(shape, 3):
        return dtype
    lengths = [_number(each, 1) for each in _messages(shape, 2)]
    return f"{dtype} ({', '.join('?' if each == UNKNOWN_LENGTH else str(each) for each in lengths)})"


def _shards(folder: Path) -> list[str]:
    """What is wrong with the files of variables."""
    if not folder.is_dir():
        return []
    names = {each.name for each in folder.iterdir()}
    shards = {match[0]: (int(match[1]), int(match[2])) for name in names if (match := SHARD.fullmatch(name))}
    problems = [
        f"variables/{name} is no file of variables" for name in sorted(names - {*shards, "variables.index"})
    ]
    totals = {total for _, total in shards.values()}
    whole = len(totals) == 1 and {place for place, _ in shards.values()} == set(range(min(totals)))
    if bool(shards) != ("variables.index" in names) or (shards and not whole):
        problems.append(f"variables lie in {sorted(names)}, some are missing"[:300])
    return problems


# Keras


def _keras(archive: archives.Archive) -> Reading:
    """List the layers of a .keras file; layers that carry code, or name foreign code, are said."""
    config = strict_json.parse(
        archive.read("config.json", MAX_JSON_BYTES), "config.json", MAX_JSON_BYTES, JSON_DEPTH
    )
    metadata = {}
    if "metadata.json" in archive.members:
        metadata = strict_json.parse(archive.read("metadata.json", 1 << 20), "metadata.json", 1 << 20, 8)
    weights = [name for name in archive.members if name.endswith(".h5")]
    if not isinstance(config, dict) or not isinstance(metadata, dict):
        raise UnreadableError(["config.json or metadata.json is no JSON object"])
    problems = [
        f"'{name}' is no HDF5 file"
        for name in weights
        if not next(archive.chunks(name), b"").startswith(HDF5_MAGIC)
    ]
    if not weights and "model.weights.npz" not in archive.members:
        problems.append("no weights in the archive")
    if problems:
        raise UnreadableError(problems)
    entries, code = [], []
    for each in _objects(config):
        kind, module, inner = (each.get(key) for key in ("class_name", "module", "config"))
        if not isinstance(kind, str):
            continue
        words = module.split(".") if isinstance(module, str) else ["keras"]
        if (
            kind in {"Lambda", "__lambda__"}
            or words[0] not in {"keras", "builtins"}
            or each.get("registered_name")
        ):
            code.append(f"{kind} of {'.'.join(words)}")
        if isinstance(inner, dict) and isinstance(inner.get("name"), str) and kind != "DTypePolicy":
            entries.append(f"{kind} {inner['name']}")
    warnings = tuple(f"it runs code of its own when loaded: {each}" for each in sorted(set(code))[:20])
    producer = f"keras {metadata['keras_version']}"[:100] if "keras_version" in metadata else ""
    return Reading("Keras", None, producer, entries=tuple(entries[:MAX_ENTRIES]), warnings=warnings)


def _objects(value: Any) -> Iterator[dict[str, Any]]:
    """Every JSON object inside of a value, from the outside in."""
    waiting = deque([value])
    while waiting:
        each = waiting.popleft()
        if isinstance(each, dict):
            yield each
            waiting += each.values()
        elif isinstance(each, list):
            waiting += each


# HDF5

LAMBDA = re.compile(rb'"class_name"\s*:\s*"Lambda"')
# Where the end-of-file address lies behind the first 8 bytes, and its width, by version of the superblock.
SUPERBLOCKS: Mapping[int, tuple[int, int, int]] = MappingProxyType(
    {0: (13, 14, 40), 1: (13, 14, 44), 2: (9, 10, 28), 3: (9, 10, 28)}
)
WIDTHS = frozenset({2, 4, 8})


def _check_hdf5(data: mmap.mmap) -> Iterator[str]:
    """Check the superblock; give warnings."""
    if len(data) < 48:  # noqa: PLR2004 - the shortest superblock
        raise UnreadableError([f"{len(data)} bytes, too few for an HDF5 file"])
    version = data[8]
    if version not in SUPERBLOCKS:
        raise UnreadableError([f"HDF5 superblock version {version}; 0 to 3 are read"])
    offsets, lengths, end = SUPERBLOCKS[version]
    widths = data[offsets], data[lengths]
    if not WIDTHS.issuperset(widths):
        raise UnreadableError([f"HDF5 addresses of {widths[0]} bytes and lengths of {widths[1]}"])
    if widths[0] == 8:  # noqa: PLR2004 - what every writer of today uses
        (claimed,) = struct.unpack_from("<Q", data, end)
        if claimed > len(data):
            raise UnreadableError([f"{len(data):,} bytes, its superblock says {claimed:,}"])
    if LAMBDA.search(data):
        yield "it runs code of its own when Keras loads it: a Lambda layer"


# PyTorch

# torch/_export/serde/schema.py, ScalarType
TORCH_TYPES: Mapping[int, str] = MappingProxyType(
    {1: "uint8", 2: "int8", 3: "int16", 4: "int32", 5: "int64", 6: "float16", 7: "float32", 8: "float64",
     9: "complex32", 10: "complex64", 11: "complex128", 12: "bool", 13: "bfloat16", 28: "uint16", 29: "float8_e4m3fn",
     30: "float8_e5m2", 31: "float8_e4m3fnuz", 32: "float8_e5m2fnuz"}
)  # fmt: skip


def _pt2(archive: archives.Archive) -> Reading:
    """List the weights of a torch.export archive; what is pickled inside is said."""
    formats = [name for name in archive.members if name.rpartition("/")[2] == "archive_format"]
    if len(formats) != 1 or archive.read(formats[0], 100).strip() != b"pt2":
        raise UnreadableError(["a zip archive that is neither a .keras file nor a .pt2 archive"])
    prefix = formats[0].removesuffix("archive_format")
    version = (
        archive.read(f"{prefix}archive_version", 100)
        if f"{prefix}archive_version" in archive.members
        else b""
    )
    outside = [name for name in archive.members if not name.startswith(prefix)]
    models = [
        name for name in archive.members if name.startswith(f"{prefix}models/") and name.endswith(".json")
    ]
    if outside or not models or not version.strip().isdigit():
        found = f"version {version[:20]!r}, {len(models)} models, {len(outside)} files outside of '{prefix}'"
        raise UnreadableError([f"a .pt2 archive with {found}"])
    entries = [f"model {name.removeprefix(prefix)}" for name in models]
    for name in models:
        strict_json.parse(archive.read(name, MAX_JSON_BYTES), name, MAX_JSON_BYTES, JSON_DEPTH)
    pickles = [name for name in archive.members if PICKLED_ZIP.fullmatch(name)]
    for name in archive.members:
        if name.endswith("_config.json") and name.startswith(f"{prefix}data/"):
            facts = strict_json.parse(archive.read(name, MAX_JSON_BYTES), name, MAX_JSON_BYTES, JSON_DEPTH)
            entries += _weights(facts, archive, name.rpartition("/")[0], pickles)
    warnings = []
    if pickles:
        shown = ", ".join(each.removeprefix(prefix) for each in sorted(set(pickles))[:10])
        warnings.append(f"pickles, which run code when they are loaded: {shown}")
    return Reading("PT2", None, entries=tuple(entries[:MAX_ENTRIES]), warnings=tuple(warnings))


def _weights(facts: Any, archive: archives.Archive, folder: str, pickles: list[str]) -> list[str]:
    """Names, types and shapes of the tensors that one listing has; pickled ones are added to ``pickles``."""
    listed = facts.get("config") if isinstance(facts, dict) else None
    if not isinstance(listed, dict):
        raise UnreadableError([f"'{folder}' has a listing without a config"])
    entries, problems = [], []
    for name, each in listed.items():
        try:
            file = f"{folder}/{each['path_name']}"
            meta = each["tensor_meta"]
            shape = [length["as_int"] for length in meta["sizes"]]
            dtype = TORCH_TYPES.get(meta["dtype"], str(meta["dtype"])[:20])
        except (KeyError, TypeError):
            problems.append(f"the listing of '{folder}' has an odd entry for '{name[:80]}'")
            continue
        if file not in archive.members:
            problems.append(f"the weight '{name[:80]}' lies in '{file[:80]}', which is not there")
        if each.get("use_pickle"):
            pickles.append(file)
        entries.append(f"{name} {dtype} ({', '.join(map(str, shape))})")
    if problems:
        raise UnreadableError(problems[:20])
    return entries
