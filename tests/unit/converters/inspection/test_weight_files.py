"""Weight files: what a header claims is what lies in the file, and no pickle is ever opened."""

import json
import struct
import zipfile

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from converters.inspection import weight_files
from converters.inspection.reading import UnreadableError

np = pytest.importorskip("numpy", reason="numpy comes with the extra 'inspect'")


def safetensors(header, body=b""):
    text = header if isinstance(header, bytes) else json.dumps(header).encode()
    return struct.pack("<Q", len(text)) + text + body


def entry(dtype="F32", shape=(2,), offsets=(0, 8), **more):
    return {"dtype": dtype, "shape": list(shape), "data_offsets": list(offsets), **more}


def read(tmp_path, data):
    path = tmp_path / "weights"
    path.write_bytes(data)
    return weight_files.read(path)


def refuse(tmp_path, data, said):
    with pytest.raises(UnreadableError, match=said):
        read(tmp_path, data)


def test_safetensors_are_listed_with_types_shapes_and_zeros(tmp_path):
    header = {
        "a": entry(),
        "b": entry("BF16", (2, 1), (8, 12)),
        "c": entry("F8_E4M3", (), (12, 13)),
        "__metadata__": {"format": "pt"},
    }
    body = np.array([0, 1], np.float32).tobytes() + b"\0\x80\x80\x3f" + b"\x01"
    reading = read(tmp_path, safetensors(header, body))
    assert reading.entries == ("a float32 (2)", "b bfloat16 (2, 1)", "c float8_e4m3fn ()")
    assert [each.zeros for each in reading.graph.tensors] == [0.5, 0.5, 0.0]
    assert [each.stored_bytes for each in reading.graph.tensors] == [8, 4, 1]
    assert reading.graph.operators == ()
    assert (reading.producer, reading.metadata_bytes) == ("pt", 8)


@pytest.mark.parametrize(
    ("story", "data", "said"),
    [
        ("empty", b"", "empty file"),
        ("cut length", b"\x01\0", "2 bytes"),
        ("length beyond the end", struct.pack("<Q", 99) + b"{}", "a header of 99 bytes"),
        ("no object", safetensors(b"[]"), "does not begin"),
        ("tensor twice", safetensors(b'{"a": 1, "a": 2}'), "comes twice"),
        ("deep header", safetensors(b'{"a": ' + b"[" * 50 + b"]" * 50 + b"}"), "deeper than 4"),
        ("unknown type", safetensors({"a": entry("Q4")}, bytes(8)), "dtype 'Q4' is unknown"),
        ("more keys", safetensors({"a": entry(more=1)}, bytes(8)), "an entry has"),
        ("negative length", safetensors({"a": entry(shape=(-2,))}, bytes(8)), "no list"),
        ("length that is no number", safetensors({"a": entry(shape=(True, 2))}, bytes(8)), "no list"),
        ("overflow", safetensors({"a": entry(shape=(2**40, 2**40))}, bytes(8)), "that a file can hold"),
        ("wrong span", safetensors({"a": entry(offsets=(0, 4))}, bytes(4)), "4 bytes for F32"),
        ("half a byte", safetensors({"a": entry("F4", (3,), (0, 2))}, bytes(2)), "no whole number"),
        ("gap", safetensors({"a": entry(offsets=(4, 12))}, bytes(12)), "begins at byte 4 where 0 is next"),
        ("overlap", safetensors({"a": entry(), "b": entry(offsets=(4, 12))}, bytes(12)), "begins at byte 4"),
        ("bytes left", safetensors({"a": entry()}, bytes(9)), "end at byte 8 of 9"),
        ("odd metadata", safetensors({"__metadata__": {"a": 1}}), "no map of text"),
    ],
)
def test_safetensors_that_contradict_themselves_are_refused(tmp_path, story, data, said):
    refuse(tmp_path, data, said)


def npy(tmp_path, array):
    path = tmp_path / "array.npy"
    np.save(path, array, allow_pickle=True)
    return path.read_bytes()


def header(text, version=b"\x01\0"):
    return b"\x93NUMPY" + version + struct.pack("<H", len(text)) + text.encode()


@pytest.mark.parametrize("dtype", ["<f4", ">f4", "<f2", "|i1", "<u8", "|b1", "<c8", "<U3", "|S5", ">i2"])
def test_npy_arrays_are_read_in_either_byte_order(tmp_path, dtype):
    array = np.array([[0, 1, 0], [2, 3, 0]]).astype(dtype)
    (tensor,) = read(tmp_path, npy(tmp_path, array)).graph.tensors
    assert tensor.shape == (2, 3)
    assert tensor.stored_bytes == array.nbytes
    assert tensor.zeros == (None if tensor.dtype == "string" else 0.5)


@pytest.mark.parametrize(
    ("story", "data", "said"),
    [
        ("objects", "{'descr': '|O', 'fortran_order': False, 'shape': (1,), }", "objects are refused"),
        ("records", "{'descr': [('a', '<f4')], 'fortran_order': False, 'shape': (1,), }", "no plain number"),
        ("code", "__import__('os').system('true')", "no Python literal"),
        ("brackets", "(" * 9_000, "no Python literal"),
        ("a key more", "{'descr': '<f4', 'fortran_order': False, 'shape': (), 'x': 1}", "exactly descr"),
        ("a negative length", "{'descr': '<f4', 'fortran_order': False, 'shape': (-1,)}", "no tuple"),
        ("no order", "{'descr': '<f4', 'fortran_order': 2, 'shape': ()}", "neither True nor False"),
        ("too few bytes", "{'descr': '<f4', 'fortran_order': False, 'shape': (2,)}", "wanted 8"),
        ("too long", " " * 10_001, "at most 10,000"),
    ],
)
def test_npy_headers_that_are_odd_are_refused(tmp_path, story, data, said):
    refuse(tmp_path, header(data) + bytes(4), said)


def test_npy_of_an_unknown_version_is_refused(tmp_path):
    refuse(tmp_path, header("{}", b"\x09\0"), "format version 9.0")


def test_npz_archives_are_read_array_by_array(tmp_path):
    np.savez_compressed(tmp_path / "weights", first=np.zeros((2, 2)), second=np.ones(3, np.int8))
    reading = weight_files.read(tmp_path / "weights.npz")
    assert reading.entries == ("first float64 (2, 2)", "second int8 (3)")
    assert [each.zeros for each in reading.graph.tensors] == [1.0, 0.0]


def test_npz_archives_with_anything_else_are_refused(tmp_path):
    path = tmp_path / "a.npz"
    with zipfile.ZipFile(path, "w") as file:
        file.writestr("data.pkl", b"\x80\x04.")
    with pytest.raises(UnreadableError, match=r"is no \.npy array"):
        weight_files.read(path)


def test_no_runtime_is_tried(tmp_path):
    assert weight_files.load(tmp_path).loaded is None


@settings(max_examples=300, deadline=None)
@given(st.sampled_from(["st", "npy"]), st.data())
def test_what_is_accepted_the_own_library_reads_too(tmp_path_factory, kind, data):
    """Nothing that passes here surprises safetensors or numpy later."""
    folder = tmp_path_factory.mktemp("fuzz")
    if kind == "st":
        library = pytest.importorskip("safetensors.numpy")
        raw = bytearray(library.save({"a": np.arange(6, dtype=np.float32), "b": np.zeros((1, 2), np.int8)}))
    else:
        raw = bytearray(npy(folder, np.arange(12, dtype=np.int16).reshape(3, 4)))
    for _ in range(data.draw(st.integers(1, 3))):
        raw[data.draw(st.integers(0, len(raw) - 1))] = data.draw(st.integers(0, 255))
    path = folder / "fuzzed"
    path.write_bytes(raw)
    try:
        reading = weight_files.read(path)
    except UnreadableError:
        return
    if kind == "st":
        assert {name: each.shape for name, each in library.load(bytes(raw)).items()} == {
            each.name: each.shape for each in reading.graph.tensors
        }
    else:
        assert np.load(path, allow_pickle=False).shape == reading.graph.tensors[0].shape
