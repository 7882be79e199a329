"""Han's accounting: gaps with fillers, indices, codebooks."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from compress.container.stages import fillers, stages


def gaps(places, bits):
    """Entries of the relative index, as Han et al. write them (arXiv:1510.00149, figure 2)."""
    most, entries = 2**bits, []
    for gap in np.diff(np.r_[-1, places]) - 1:
        entries += [(most - 1, False)] * (gap // most)
        entries.append((gap % most, True))
    return entries


@given(st.sets(st.integers(0, 500), min_size=1), st.integers(1, 9))
def test_fillers_are_those_of_the_relative_index(places, bits):
    ordered = np.array(sorted(places))
    assert len(ordered) + fillers(ordered, bits) == len(gaps(ordered, bits))


def test_the_published_sizes_of_lenet_come_out():
    """LeNet-300-100, 8 / 9 / 26 % kept, 5 bits of index and of codebook: 12x pruned, 32x shared (tables 1 and 2)."""
    rng, net = np.random.default_rng(0), {}
    for place, (shape, share) in enumerate([((300, 784), 0.08), ((100, 300), 0.09), ((10, 100), 0.26)]):
        kept = rng.random(shape) < share
        net[f"{place}.weight"] = np.where(kept, rng.integers(1, 33, shape), 0).astype(np.float32)
        net[f"{place}.bias"] = np.ones(shape[0], np.float32)
    found = stages(net, 27_000)
    assert found.dense_bytes == 1_066_440
    assert found.kept / found.weights == pytest.approx(0.083, abs=0.003)
    assert 9 < found.dense_bytes / found.pruned_bytes < 12
    assert 30 < found.dense_bytes / found.shared_bytes < 35
    assert found.coded_bytes == 27_000


def test_what_neither_pruning_nor_sharing_makes_smaller_counts_as_it_is():
    dense = {"weight": np.random.default_rng(0).normal(size=(30, 40)).astype(np.float32)}
    found = stages(dense, 4900)
    assert found.pruned_bytes == found.shared_bytes == found.dense_bytes == 4800
    empty = stages({"weight": np.zeros((4, 4), np.float32)}, 100)
    assert empty.kept == empty.pruned_bytes == 0
