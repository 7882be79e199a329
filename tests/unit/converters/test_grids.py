"""Grids and codebooks: what lies on one is found, exactly; what does not is not."""

import pytest

np = pytest.importorskip("numpy", reason="numpy comes with the extra 'inspect'")
from hypothesis import given, settings  # noqa: E402
from hypothesis import strategies as st  # noqa: E402

from converters import grids  # noqa: E402

pytestmark = pytest.mark.convert

SEEDS = st.integers(0, 2**32 - 1)
BITS = st.sampled_from(grids.GRID_BITS)


def tensor(seed, shape=(6, 3, 3, 3)):
    random = np.random.default_rng(seed)
    return (random.standard_normal(shape) * 10.0 ** random.uniform(-4, 2)).astype(np.float32)


@settings(max_examples=60, deadline=None)
@given(SEEDS, BITS, st.booleans())
def test_what_was_put_on_a_grid_is_found_to_the_last_bit(seed, bits, per_channel):
    weight = grids.fake_quantize(tensor(seed), bits, per_channel=per_channel)
    found = grids.find_grid(weight, bits)
    assert found is not None
    assert found.exact
    assert np.array_equal(found.dequantized(), weight)
    assert abs(found.integers).max() <= 2 ** (bits - 1) - 1


@settings(max_examples=60, deadline=None)
@given(SEEDS, BITS)
def test_putting_a_tensor_on_its_grid_twice_changes_nothing(seed, bits):
    once = grids.fake_quantize(tensor(seed), bits)
    found = grids.find_grid(once, bits)
    assert np.array_equal(found.dequantized(), once)


@settings(max_examples=60, deadline=None)
@given(SEEDS, BITS)
def test_random_weights_lie_on_no_grid(seed, bits):
    assert grids.find_grid(tensor(seed), bits) is None


@settings(max_examples=60, deadline=None)
@given(SEEDS, BITS)
def test_quantizing_moves_no_weight_by_more_than_half_a_step(seed, bits):
    weight = tensor(seed)
    grid = grids.quantize(weight, bits)
    step = grid.scales.reshape(-1, 1, 1, 1)
    assert (np.abs(grid.dequantized() - weight) <= step * 0.5001).all()


def test_a_folded_batch_norm_leaves_the_grid_recognisable():
    weight = grids.fake_quantize(tensor(1), 8)
    factor = np.float32([1.3, 0.7, 2.1, 0.01, 5.0, 0.99]).reshape(-1, 1, 1, 1)
    found = grids.find_grid((weight * factor).astype(np.float32), 8)
    assert found is not None
    assert np.allclose(found.dequantized(), weight * factor, rtol=1e-6, atol=0)


def test_a_channel_of_zeros_has_scale_one():
    weight = tensor(3)
    weight[2] = 0
    assert grids.quantize(weight, 8).scales[2] == 1
    assert grids.find_grid(grids.fake_quantize(weight, 4), 4).exact


@pytest.mark.parametrize("broken", [np.nan, np.inf])
def test_weights_that_are_no_numbers_lie_on_no_grid(broken):
    weight = tensor(5)
    weight[0, 0, 0, 0] = broken
    assert grids.find_grid(weight, 8) is None


def test_shared_values_are_a_codebook():
    values = np.float32([-1, -0.25, 0, 3])
    weight = values[np.random.default_rng(0).integers(0, 4, (8, 20))]
    assert np.array_equal(grids.find_codebook(weight, 4), values)
    assert grids.find_codebook(weight, 3) is None


@settings(max_examples=60, deadline=None)
@given(SEEDS, BITS, st.booleans())
def test_a_grid_whose_scale_was_learned_is_found_too(seed, bits, per_channel):
    random = np.random.default_rng(seed)
    most = 2 ** (bits - 1) - 1
    integers = random.integers(-most, most + 1, (6, 3, 3, 3)).astype(np.float32)
    scales = random.uniform(1e-3, 1, (6, 1, 1, 1) if per_channel else ()).astype(np.float32)
    weight = (integers * scales).astype(np.float32)
    found = grids.find_grid(weight, bits)
    assert found is not None
    assert found.exact
    assert np.array_equal(found.dequantized(), weight)


@settings(max_examples=30, deadline=None)
@given(SEEDS, st.sampled_from([2, 3, 4]))
def test_few_bits_are_the_same_integers_in_wider_storage(seed, bits):
    weight = grids.fake_quantize(tensor(seed), bits)
    narrow, wide = grids.find_grid(weight, bits), grids.find_grid(weight, 8)
    assert np.array_equal(narrow.integers, wide.integers)
    assert np.array_equal(narrow.scales, wide.scales)


def test_a_grid_wider_than_a_byte_is_none():
    assert grids.find_grid(tensor(1), 32) is None


def test_shared_values_of_each_channel_are_codebooks():
    random = np.random.default_rng(0)
    values = random.standard_normal((5, 4)).astype(np.float32)
    weight = np.stack([random.choice(each, 20) for each in values])
    found = grids.find_codebooks(weight, 4)
    assert found.shape == (5, 4)
    assert all(set(np.unique(row)) <= set(book) for row, book in zip(weight, found, strict=True))
    assert grids.find_codebooks(weight, 3) is None
    assert grids.find_codebooks(weight[:, :4], 4) is None  # a codebook as long as what it codes
