"""The deep-compression file: what goes in comes out, in few bytes, and nothing hostile gets through."""

import json
import zlib

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

pytest.importorskip("constriction", reason="constriction comes with the extra 'compress'")

from compress.container import files
from compress.container.fields import ELEMENTS_PER_BYTE, Part, varint
from compress.container.files import account, decode, encode
from zoo.errors import BadFileError

pytestmark = pytest.mark.convert

KINDS = ["dense", "sparse", "shared", "sparse shared", "grid", "zeros", "one value"]
SHAPES = [(), (0,), (1,), (7,), (5, 9), (1, 300), (300, 1), (4, 3, 3, 3), (6, 1, 5, 2), (0, 4)]


def table(kind, shape, seed):
    rng = np.random.default_rng(seed)
    values = rng.laplace(size=shape).astype(np.float32)
    if "sparse" in kind:
        values = np.where(rng.random(shape) < 0.1, values, np.float32(0))
    if "shared" in kind:
        book = rng.normal(size=int(rng.integers(1, 40))).astype(np.float32)
        values = np.where(values != 0, book[rng.integers(0, book.size, shape)], values)
    if kind == "grid" and values.ndim > 1:
        bits = int(rng.choice([2, 3, 4, 8]))
        most = 2 ** (bits - 1) - 1
        integers = np.rint(rng.normal(size=shape) * most / 2).clip(-most, most)
        integers[:, :1] = most
        scales = rng.random(shape[0]).astype(np.float32)
        values = integers.astype(np.float32) * scales.reshape(-1, *[1] * (values.ndim - 1))
    if kind == "zeros":
        values = np.zeros(shape, np.float32)
    if kind == "one value":
        values = np.full(shape, np.float32(0.3))
    return np.asarray(values, np.float32)


def same(first, second):
    return (
        first.dtype == second.dtype
        and first.shape == second.shape
        and np.array_equal(first, second, equal_nan=True)
    )


tensors = st.builds(table, st.sampled_from(KINDS), st.sampled_from(SHAPES), st.integers(0, 2**32 - 1))
nets = st.dictionaries(st.text(max_size=8), tensors, max_size=4)


@settings(deadline=None, max_examples=60)
@given(nets, st.sampled_from([(), (3,), (28, 5)]))
def test_tensors_come_back_bit_for_bit(net, strides):
    data = encode(net, {"any": "words"}, strides)
    found = decode(data)
    assert found.about == {"any": "words"}
    assert list(found.tensors) == list(net)
    for name, values in net.items():
        assert found.tensors[name].dtype == np.float32
        assert found.tensors[name].shape == values.shape
        assert found.tensors[name].tobytes() == (values + np.float32(0)).tobytes()
    assert sum(found.parts.values()) == len(data)
    assert encode(net, {"any": "words"}, strides) == data


@pytest.mark.parametrize(
    "values",
    [
        np.array([np.nan, np.inf, -np.inf, 1.0], np.float32),
        np.array([1e-45, 65504.0, 65536.0, 0.1], np.float32),
        np.arange(5, dtype=np.int64),
        np.array(3, np.int64),
        np.linspace(0, 1, 7),
        np.array([[1, 2], [3, 4]], np.uint8),
        np.ones((3, 2), ">i4"),
        np.asfortranarray(np.arange(6, dtype=np.float32).reshape(2, 3)),
    ],
    ids=["no numbers", "extremes", "int64", "scalar", "float64", "uint8", "big-endian", "columns first"],
)
def test_whatever_a_net_may_hold_comes_back(values):
    (found,) = decode(encode({"it": values}, None)).tensors.values()
    assert same(found, values.astype(values.dtype.newbyteorder("=")))


def test_a_tensor_of_another_type_is_refused():
    with pytest.raises(BadFileError, match="its type is complex64"):
        encode({"it": np.ones(2, np.complex64)}, None)


def test_the_sign_of_zeros_is_not_kept():
    (found,) = decode(encode({"it": np.array([-0.0, 1.0], np.float32)}, None)).tensors.values()
    assert not np.signbit(found).any()


def lenet(seed=0, keep=(0.08, 0.09, 0.26), values=32):
    """LeNet-300-100 as Han et al. prune it (table 4), 5 bits a weight, with random Laplace weights."""
    rng = np.random.default_rng(seed)
    net = {}
    for place, (shape, share) in enumerate(zip([(300, 784), (100, 300), (10, 100)], keep, strict=True)):
        weight = rng.laplace(size=shape)
        weight[np.abs(weight) < np.quantile(np.abs(weight), 1 - share)] = 0
        book = np.linspace(weight.min(), weight.max(), values - 1)
        nearest = np.abs(weight[..., None] - book).argmin(-1)
        weight = np.where(weight != 0, book[nearest], 0).astype(np.float16).astype(np.float32)
        net[f"{place}.weight"] = weight
        net[f"{place}.bias"] = rng.normal(size=shape[0]).astype(np.float16).astype(np.float32)
    return net


def entropy_bytes(net):
    total = 0.0
    for weight in net.values():
        if weight.ndim > 1:
            _, counts = np.unique(weight, return_counts=True)
            total -= (counts * np.log2(counts / weight.size)).sum() / 8
    return total


def test_random_weights_take_no_more_than_their_entropy_and_a_few_percent():
    net = lenet()
    data = encode(net, None, (28,))
    parts = account(data)
    assert len(data) < 1_066_440 / 42  # 40x is published for weights that were trained
    assert parts[Part.POSITIONS] + parts[Part.INDICES] < 1.02 * entropy_bytes(net)
    assert parts[Part.REST] < 2 * 410 + 20
    assert parts[Part.CODEBOOKS] < 3 * (2 * 32 + 3)
    assert parts[Part.PADDING] == parts[Part.VALUES] == 0
    assert decode(data).tensors.keys() == net.keys()


def smooth(shape=(64, 784), seed=0):
    """Weights like those of nets that look at images: neighbours are alike."""
    images = np.random.default_rng(seed).normal(size=(shape[0], 28, 28))
    for axis in (1, 2, 1, 2):
        images = images + np.roll(images, 1, axis)
    weight = images.reshape(shape)
    weight = np.where(np.abs(weight) < np.quantile(np.abs(weight), 0.9), 0, np.sign(weight))
    return {"weight": (weight * 0.5).astype(np.float32)}


def test_knowing_the_width_of_images_makes_files_smaller():
    assert len(encode(smooth(), None, (28,))) < 0.9 * len(encode(smooth(), None))
    assert len(encode(smooth(), None)) < 0.95 * entropy_bytes(smooth())


def test_integers_of_a_grid_take_their_bits_and_not_floats():
    rng = np.random.default_rng(0)
    integers = rng.integers(-7, 8, (64, 300))
    integers[:, 0] = 7
    scales = rng.random((64, 1)).astype(np.float32)
    data = encode({"it": integers.astype(np.float32) * scales}, None)
    assert len(data) < 64 * 300 * np.log2(15) / 8 * 1.03 + 64 * 4 + 100


def test_a_large_tensor_of_zeros_is_padded_to_what_readers_accept():
    data = encode({"it": np.zeros((1000, 2000), np.float32)}, None)
    assert len(data) >= 2_000_000 / ELEMENTS_PER_BYTE
    assert account(data)[Part.PADDING] > 1000
    assert not decode(data).tensors["it"].any()


def sealed(body):
    """A file with a right checksum: what an attacker can make."""
    return files.MAGIC + bytes([files.VERSION]) + zlib.crc32(body).to_bytes(4, "little") + body


def hostile(told, rest=b"", about=None):
    header = zlib.compress(json.dumps([about, told]).encode())
    return sealed(bytes(16) + varint(len(header)) + header + rest)


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"", "begins with b''"),
        (b"PK\x03\x04" + bytes(50), "begins with b'PK"),
        (files.MAGIC + b"\x02", "its version is 2; 1 is wanted"),
        (files.MAGIC + b"\x01\0", "ends after 6 bytes"),
        (files.MAGIC + b"\x01" + bytes(40), "its checksum does not fit"),
        (sealed(bytes(16) + b"\x80" * 9), "a number has more than 6 bytes"),
        (sealed(bytes(16) + varint(10**9)), "more are announced"),
        (sealed(bytes(16) + varint(4) + b"abcd"), "header cannot be read"),
        (sealed(bytes(16) + varint(2000) + zlib.compress(bytes(10**8))[:2000]), "header cannot be read"),
        (hostile([["a", "float32", [1 << 40]]]), "at most 256 numbers a byte"),
        (hostile([["a", "float32", [0, 1 << 62, 1 << 62]]]), "at most 256 numbers a byte"),
        (hostile([["a", "float32", [1 << 20, 1 << 20, 1 << 20, 1 << 20]]]), "at most 256 numbers a byte"),
        (hostile([["a", "float32", [-1]]]), "without a name, a known type or a shape"),
        (hostile([["a", "float32", [True]]]), "without a name, a known type or a shape"),
        (hostile([["a", "object", [1]]]), "without a name, a known type or a shape"),
        (hostile([[["a"], "float32", [1]]]), "without a name, a known type or a shape"),
        (hostile([["a", ["x"], [1]]]), "without a name, a known type or a shape"),
        (hostile([["a", "float32", [0]], ["a", "float32", [0]]], b"\0\2\0\2"), "a name twice"),
        (hostile([["a", "float32", 3]]), "header cannot be read"),
        (hostile(3), "header cannot be read"),
        (hostile([["a", "float32", [4]]], b"\0\3"), "numbers of 3 bytes"),
        (hostile([["a", "float32", [4]]], b"\0\4"), "more are announced"),
        (hostile([["a", "float32", [4]]], b"\x08"), "in the way 8"),
        (hostile([["a", "int64", [4]]], b"\x05"), "in the way 5"),
        (hostile([["a", "float32", [0]]], b"\x05"), "in the way 5"),
        (hostile([["a", "float32", [4]]], b"\x31\0"), "ends after"),
        (hostile([["a", "float32", [4]]], b"\x35\0\0"), "no dictionary of kind 3"),
        (hostile([["a", "float32", [4]]], b"\x05\0\0"), "a codebook has 0 values"),
        (hostile([["a", "float32", [4]]], b"\x05\0\xff\x7f"), "a codebook has 16383 values"),
        (hostile([["a", "float32", [4]]], b"\x05\0\1\2\0\0\0"), "a codebook holds zero"),
        (hostile([["a", "float32", [4]]], b"\x05\0\1\2\0\x7e\0"), "what is no number"),
        (hostile([["a", "float32", [4]]], b"\x15\0\5"), "a grid has 5 bits"),
        (hostile([["a", "float32", [4]]], b"\x05\xff\x7f"), "a stride of 16383"),
        (hostile([["a", "float32", [1, 90_000]]], b"\x05\0" + bytes(400)), "in 90000 steps"),
        (hostile([["a", "float32", [4]]], b"\x01\0\x10\3abc"), "no whole words"),
        (hostile([["a", "float32", [1]]], b"\0\2\0\0"), "not those that were written"),
    ],
)  # fmt: skip
def test_what_is_no_such_file_is_refused_in_one_line(data, reason):
    with pytest.raises(BadFileError) as refused:
        decode(data)
    assert reason in str(refused.value)
    assert "\n" not in str(refused.value)


PARTS = {
    **{str(place): table(kind, (12, 40), 1) for place, kind in enumerate(KINDS)},
    "conv": table("sparse shared", (8, 4, 3, 3), 2),
    "bias": table("dense", (12,), 3),
}
VICTIM = encode(PARTS, {"a": 1}, (8,))
BODY = VICTIM[9:]
WANTED = decode(VICTIM)


@settings(deadline=None, max_examples=250, suppress_health_check=[HealthCheck.too_slow])
@given(st.data())
def test_damage_is_refused_even_with_a_right_checksum(data):
    body = bytearray(BODY)
    for _ in range(data.draw(st.integers(1, 4))):
        place = data.draw(st.integers(0, len(body) - 1))
        match data.draw(st.sampled_from(["change", "cut", "add", "copy"])):
            case "change":
                body[place] = data.draw(st.integers(0, 255))
            case "cut":
                del body[place : place + data.draw(st.integers(1, 50))]
            case "add":
                body[place:place] = data.draw(st.binary(min_size=1, max_size=8))
            case "copy":
                body[place:place] = body[place : place + 16]
        if not body:
            return
    found = read_or_refused(sealed(bytes(body)))
    if found is not None:
        assert all(same(found.tensors[name], values) for name, values in WANTED.tensors.items())


def read_or_refused(data):
    try:
        return decode(data)
    except BadFileError as refused:
        if "\n" in str(refused):
            raise
        return None


@settings(deadline=None, max_examples=100)
@given(st.integers(0, len(VICTIM) - 1), st.integers(1, 255))
def test_one_changed_byte_is_found(place, change):
    changed = bytearray(VICTIM)
    changed[place] ^= change
    with pytest.raises(BadFileError):
        decode(bytes(changed))


@settings(deadline=None, max_examples=100)
@given(st.binary(max_size=300))
def test_random_bytes_are_refused(body):
    for data in (body, sealed(body), hostile([["a", "float32", [30, 20]]], body)):
        with pytest.raises(BadFileError):
            decode(data)
