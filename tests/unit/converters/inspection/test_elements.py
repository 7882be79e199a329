"""How elements lie in files."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from converters.inspection import elements

np = pytest.importorskip("numpy", reason="numpy comes with the extra 'inspect'")


def pack(numbers, bits):
    flat = np.unpackbits(np.asarray(numbers, np.uint8).reshape(-1, 1), axis=1, bitorder="little")[:, :bits]
    return np.packbits(flat.reshape(-1), bitorder="little").tobytes()


@given(st.sampled_from([1, 2, 3, 4, 6, 8]), st.data())
def test_packed_elements_are_unpacked_lowest_bits_first(bits, data):
    numbers = data.draw(st.lists(st.integers(0, 2**bits - 1), min_size=1, max_size=40))
    packed = pack(numbers, bits)
    assert len(packed) == (len(numbers) * bits + 7) // 8
    assert elements.unpack(packed, bits, len(numbers)).tolist() == numbers


@given(st.sampled_from([2, 4]), st.data())
def test_small_signed_integers_keep_their_sign(bits, data):
    low, high = -(2 ** (bits - 1)), 2 ** (bits - 1) - 1
    numbers = data.draw(st.lists(st.integers(low, high), min_size=1, max_size=20))
    packed = pack([each % 2**bits for each in numbers], bits)
    assert elements.numbers(packed, f"int{bits}", (len(numbers),)).tolist() == numbers
    assert elements.zeros(packed, f"int{bits}", len(numbers)) == numbers.count(0)


@pytest.mark.parametrize("dtype", ["float16", "float32", "float64", "int8", "int32", "uint64", "bool"])
def test_zeros_are_counted_negative_ones_too(dtype):
    values = np.array([0, 1, -0.0, 1] if dtype.startswith("float") else [0, 1, 0, 1]).astype(dtype)
    assert elements.zeros(values.tobytes(), dtype, 4) == 2


@pytest.mark.parametrize(
    ("dtype", "patterns", "zeros"),
    [
        ("bfloat16", np.array([0, 0x8000, 1], np.uint16), 2),
        ("float8_e4m3fn", np.array([0, 0x80, 1], np.uint8), 2),
        ("float8_e4m3fnuz", np.array([0, 0x80, 1], np.uint8), 1),
        ("float8_e8m0fnu", np.array([0, 1, 2], np.uint8), 0),
        ("float4_e2m1fn", np.array([0x80, 0x01], np.uint8), 2),
    ],
)
def test_zeros_of_types_that_numpy_does_not_know(dtype, patterns, zeros):
    count = patterns.size if dtype != "float4_e2m1fn" else 4 - 1
    assert elements.zeros(patterns.tobytes(), dtype, count) == zeros


@pytest.mark.parametrize(
    ("shape", "count"), [((), 1), ((2, 3), 6), ((0, 2**60), 0), ((-1,), None), ((2**31, 2**31), None)]
)
def test_shapes_that_no_file_can_hold_have_no_count(shape, count):
    assert elements.count(shape) == count
