"""Files that hold weights and nothing else: safetensors, NumPy's .npy and .npz.

Each header is parsed here, under limits, and never handed to a library: no pickle, no object arrays, no gap and no
overlap between what tensors claim. The graph of such a file has constants and no operators; without numpy, their zeros
are not counted.

Formats: https://huggingface.co/docs/safetensors (Format), https://numpy.org/doc/stable/reference/generated/numpy.lib.format.html
"""

import ast
import mmap
import re
import struct
import warnings
from collections.abc import Mapping
from importlib.util import find_spec
from pathlib import Path
from types import MappingProxyType
from typing import Any, cast

from converters.inspection import archives, elements, strict_json
from converters.inspection.reading import Reading, UnreadableError
from converters.inspection.report import Graph, Load, Operator, Tensor

MAX_TENSORS = 100_000
MAX_AXES = 32
MAX_NAME = 1_000
MAX_ENTRIES = 1_000  # names in a report

NPY_MAGIC = b"\x93NUMPY"
ZIP_MAGIC = b"PK\x03\x04"
SAFETENSORS_HEADER_BYTES = 25_000_000  # the format allows 100 MB; 100,000 tensors need a quarter
NPY_HEADER_BYTES = 10_000  # numpy's own limit for files that are not trusted
# Width of the header's length, by format version.
NPY_LENGTHS: Mapping[tuple[int, int], struct.Struct] = MappingProxyType(
    {(1, 0): struct.Struct("<H"), (2, 0): struct.Struct("<L"), (3, 0): struct.Struct("<L")}
)
NPY_DTYPE = re.compile(r"[<>|=]?([?bBiufcSU])(\d{0,9})")
TEXT_BYTES: Mapping[str, int] = MappingProxyType({"S": 1, "U": 4})  # of one character
NPY_KEYS = {"descr", "fortran_order", "shape"}
# numpy's kind letters with the number of bytes behind them, as one word.
NPY_NUMBERS: Mapping[str, str] = MappingProxyType(
    {
        **{f"i{size}": f"int{size * 8}" for size in (1, 2, 4, 8)},
        **{f"u{size}": f"uint{size * 8}" for size in (1, 2, 4, 8)},
        **{f"f{size}": f"float{size * 8}" for size in (2, 4, 8)},
        **{f"c{size}": f"complex{size * 8}" for size in (8, 16)},
        **dict.fromkeys(("b1", "?", "?1"), "bool"),
        "b": "int8",
        "B": "uint8",
    }
)

SAFETENSORS_DTYPES: Mapping[str, str] = MappingProxyType(
    {
        "BOOL": "bool",
        **{f"I{bits}": f"int{bits}" for bits in (8, 16, 32, 64)},
        **{f"U{bits}": f"uint{bits}" for bits in (8, 16, 32, 64)},
        **{f"F{bits}": f"float{bits}" for bits in (16, 32, 64)},
        "BF16": "bfloat16",
        "C64": "complex64",
        "F4": "float4_e2m1fn",
        "F6_E2M3": "float6_e2m3fn",
        "F6_E3M2": "float6_e3m2fn",
        "F8_E4M3": "float8_e4m3fn",
        "F8_E4M3FNUZ": "float8_e4m3fnuz",
        "F8_E5M2": "float8_e5m2",
        "F8_E5M2FNUZ": "float8_e5m2fnuz",
        "F8_E8M0": "float8_e8m0fnu",
    }
)


def read(path: Path) -> Reading:
    """Read one weight file, told apart by its first bytes; see `converters.inspection.reading.Reader`."""
    with path.open("rb") as file:
        start = file.read(len(NPY_MAGIC))
        if start.startswith(ZIP_MAGIC):
            return _reading("NPZ", _npz(path))
        if not start:
            raise UnreadableError(["an empty file"])
        # Mapped, so that many weights are not held twice; arrays keep the mapping open as long as they need it.
        data = memoryview(mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ))
    return _reading("NPY", [_npy(data, "")]) if start == NPY_MAGIC else _safetensors(data)


def macs(graph: Graph, operator: Operator) -> int | None:
    """No operators, no MACs."""
    del graph, operator
    return 0


def load(path: Path) -> Load:
    """No runtime takes weights alone."""
    del path
    return Load("", None, "weights only")


def _reading(flavour: str, tensors: list[Tensor], **more: Any) -> Reading:
    entries = tuple(
        f"{each.name or 'array'} {each.dtype} ({', '.join(map(str, each.shape or ()))})"
        for each in tensors[:MAX_ENTRIES]
    )
    return Reading(flavour, Graph(tuple(tensors), (), (), ()), entries=entries, **more)


def _tensor(name: str, dtype: str, shape: tuple[int, ...], data: bytes | memoryview) -> Tensor:
    count = elements.count(shape) or 0
    known = dtype in elements.BITS and count and find_spec("numpy")
    zeros = elements.zeros(data, dtype, count) / count if known else None
    return Tensor(name, shape, dtype, constant=True, stored_bytes=len(data), zeros=zeros)


def _safetensors(data: memoryview) -> Reading:
    problems: list[str] = []
    if len(data) < 8:  # noqa: PLR2004 - the length of the length
        raise UnreadableError([f"{len(data)} bytes, a safetensors file has 8 and a header"])
    length = int.from_bytes(data[:8], "little")
    if length > min(SAFETENSORS_HEADER_BYTES, len(data) - 8):
        raise UnreadableError(
            [
                f"a header of {length:,} bytes; {len(data) - 8:,} follow, at most {SAFETENSORS_HEADER_BYTES:,} are read"
            ]
        )
    raw = bytes(data[8 : 8 + length])
    if not raw.startswith(b"{"):
        raise UnreadableError(["the header does not begin with '{'"])
    header = strict_json.parse(raw, "header", SAFETENSORS_HEADER_BYTES, 4)
    metadata = header.pop("__metadata__", None)
    if metadata is not None and not _is_text_map(metadata):
        problems.append("__metadata__ is no map of text to text")
    if len(header) > MAX_TENSORS:
        raise UnreadableError([f"{len(header):,} tensors, at most {MAX_TENSORS:,} are read"])
    body = data[8 + length :]
    spans: list[tuple[int, int, str]] = []
    for name, each in header.items():
        try:
            spans.append((*_span(name, each), name))
        except UnreadableError as problem:
            problems += problem.problems
    problems += _cover(spans, len(body))
    if problems:
        raise UnreadableError(problems)
    tensors = [
        _tensor(
            name, SAFETENSORS_DTYPES[each["dtype"]], tuple(each["shape"]), body[slice(*each["data_offsets"])]
        )
        for name, each in header.items()
    ]
    size = (
        0
        if metadata is None
        else sum(len(key.encode()) + len(text.encode()) for key, text in metadata.items())
    )
    return _reading(
        "safetensors", tensors, producer=str((metadata or {}).get("format", "")), metadata_bytes=size
    )


def _is_text_map(value: object) -> bool:
    return isinstance(value, dict) and all(isinstance(each, str) for each in value.values())


def _is_counts(value: object) -> bool:
    return (
        isinstance(value, (list, tuple))
        and len(value) <= MAX_AXES
        and all(type(each) is int and 0 <= each <= elements.MAX_ELEMENTS for each in value)
    )


def _span(name: str, entry: object) -> tuple[int, int]:
    """Where one tensor's bytes lie; raises what is wrong with its entry."""

    def require(holds: bool, problem: str) -> None:  # noqa: FBT001 - the condition
        if not holds:
            raise UnreadableError([f"tensor '{name[:80]}': {problem}"])

    require(len(name) <= MAX_NAME, f"a name of {len(name):,} characters, at most {MAX_NAME:,}")
    keys = {"dtype", "shape", "data_offsets"}
    require(isinstance(entry, dict) and set(entry) == keys, f"an entry has {', '.join(sorted(keys))} only")
    dtype, shape, offsets = (cast("dict[str, Any]", entry)[key] for key in ("dtype", "shape", "data_offsets"))
    require(isinstance(dtype, str) and dtype in SAFETENSORS_DTYPES, f"dtype {str(dtype)[:40]!r} is unknown")
    require(_is_counts(shape), f"its shape is no list of at most {MAX_AXES} lengths")
    require(_is_counts(offsets) and len(offsets) == 2, "its data_offsets are no two numbers")  # noqa: PLR2004 - a pair
    count = elements.count(tuple(shape))
    bits = elements.BITS[SAFETENSORS_DTYPES[dtype]] * (count or 0)
    whole = count is not None and bits % elements.BYTE == 0
    require(whole, f"{dtype} of shape {shape} is no whole number of bytes that a file can hold")
    size, wanted = offsets[1] - offsets[0], bits // elements.BYTE
    require(size == wanted, f"{size:,} bytes for {dtype} of shape {shape}, which takes {wanted:,}")
    return offsets[0], offsets[1]


def _cover(spans: list[tuple[int, int, str]], size: int) -> list[str]:
    """Whether the spans fill the body one after the other."""
    problems, end = [], 0
    for start, stop, name in sorted(spans):
        if start != end:
            problems.append(f"tensor '{name[:80]}' begins at byte {start:,} where {end:,} is next")
        end = stop
    if not problems and end != size:
        problems.append(f"the tensors end at byte {end:,} of {size:,}")
    return problems


def _npy(data: bytes | memoryview, name: str) -> Tensor:
    """Read one array; ``name`` is where it comes from inside an archive."""
    try:
        header, start = _npy_header(data)
        return _npy_body(header, data[start:], name)
    except UnreadableError as problem:
        raise UnreadableError(
            [f"'{name}': {each}" if name else each for each in problem.problems]
        ) from problem


def _npy_header(data: bytes | memoryview) -> tuple[dict[str, Any], int]:
    """The three values of the header, and where the elements begin."""
    if bytes(data[:6]) != NPY_MAGIC or len(data) < 12:  # noqa: PLR2004 - magic, version and length
        raise UnreadableError(["no .npy array"])
    form = NPY_LENGTHS.get((data[6], data[7]))
    if form is None:
        raise UnreadableError([f".npy format version {data[6]}.{data[7]}, known are 1.0, 2.0 and 3.0"])
    start = 8 + form.size
    (length,) = form.unpack(data[8:start])
    if length > min(NPY_HEADER_BYTES, len(data) - start):
        raise UnreadableError([f"a header of {length:,} bytes; at most {NPY_HEADER_BYTES:,} are read"])
    try:
        text = bytes(data[start : start + length]).decode("latin1" if data[6] < 3 else "utf-8")  # noqa: PLR2004 - 3.0
        with warnings.catch_warnings(action="ignore"):  # the parser warns of odd escapes
            header = ast.literal_eval(text)
    except (ValueError, SyntaxError, MemoryError, RecursionError, TypeError) as problem:
        raise UnreadableError(["its header is no Python literal"]) from problem
    if not isinstance(header, dict) or set(header) != NPY_KEYS:
        raise UnreadableError(["its header has not exactly descr, fortran_order and shape"])
    return header, start + length


def _npy_body(header: Mapping[str, Any], body: bytes | memoryview, name: str) -> Tensor:
    descr, shape = header["descr"], header["shape"]
    if not isinstance(shape, tuple) or not _is_counts(shape):
        raise UnreadableError([f"its shape is no tuple of at most {MAX_AXES} lengths"])
    if not isinstance(header["fortran_order"], bool):
        raise UnreadableError(["its fortran_order is neither True nor False"])
    dtype, width = _npy_dtype(descr)
    count = elements.count(shape)
    if count is None or count * width != len(body):
        wanted = "more than any file holds" if count is None else f"{count * width:,}"
        raise UnreadableError([f"{len(body):,} bytes for {dtype} of shape {shape}, wanted {wanted}"])
    if descr.startswith(">") and dtype in elements.BITS and find_spec("numpy"):
        import numpy as np

        body = np.frombuffer(body, descr).astype(np.dtype(dtype).newbyteorder("<")).tobytes()
    return _tensor(name.removesuffix(".npy"), dtype, shape, body)


def _npy_dtype(descr: object) -> tuple[str, int]:
    """Our word for the type of the elements, and the bytes of one."""
    match = NPY_DTYPE.fullmatch(descr) if isinstance(descr, str) else None
    if match is not None:
        kind, digits = match.groups()
        dtype = NPY_NUMBERS.get(kind + digits)
        if dtype is not None:
            return dtype, elements.BITS[dtype] // elements.BYTE
        if kind in TEXT_BYTES and int(digits or 0):
            return "string", int(digits) * TEXT_BYTES[kind]
    raise UnreadableError(
        [f"element type {str(descr)[:80]!r} is no plain number or text; objects are refused"]
    )


def _npz(path: Path) -> list[Tensor]:
    archive = archives.open_archive(path)
    foreign = [name for name in archive.members if not name.endswith(".npy")]
    if foreign:
        raise UnreadableError([f"'{name}' is no .npy array" for name in foreign[:10]])
    if not archive.members:
        raise UnreadableError(["an archive without arrays"])
    tensors: list[Tensor] = []
    problems: list[str] = []
    for name in archive.members:
        try:
            tensors.append(_npy(archive.read(name), name))
        except UnreadableError as problem:
            problems += problem.problems
    if problems:
        raise UnreadableError(problems)
    return tensors
