"""A net is written only in precisions that hold what it was trained for."""

import numpy as np
import pytest

from compress.recipes import steps
from compress.recipes.files import unfit
from converters.grids import find_grid, quantize
from converters.recipes import Recipe

GRIDS = {"int8": 8, "int8_weights": 8, "int4_weights": 4, "int2_weights": 2}


@pytest.mark.parametrize("trained", [2, 3, 4, 8])
@pytest.mark.parametrize("precision", GRIDS)
def test_a_grid_fits_exactly_where_the_converters_find_it_again(trained, precision):
    random = np.random.default_rng(0)
    on_grid = quantize(random.standard_normal((8, 40)).astype(np.float32), trained).dequantized()
    found = find_grid(on_grid, GRIDS[precision]) is not None
    assert (unfit([steps.Qat(trained)], precision) == "") == found


@pytest.mark.parametrize("precision", Recipe)
def test_floats_take_every_precision_and_sparse_wants_zeros(precision):
    trained, pruned = [steps.Train()], [steps.Train(), steps.PruneWeights(0.5)]
    assert unfit(pruned, precision) == ""
    assert (unfit(trained, precision) == "") == (precision is not Recipe.SPARSE)


@pytest.mark.parametrize(
    ("bits", "layers", "least"), [(4, {}, 4), (5, {}, 6), (2, {"classifier": 8}, 8), (1, {}, 1)]
)
def test_a_palette_holds_codebooks_of_as_many_bits(bits, layers, least):
    shared = [steps.Train(), steps.Share(bits, layers)]
    fitting = [each for each in Recipe if each.is_palette and not unfit(shared, each)]
    assert min(each.weight_bits for each in fitting) == least
    assert unfit(shared, "int8")
    assert not unfit(shared, "float32")


def test_only_the_last_grid_counts():
    assert unfit([steps.Qat(8), steps.Qat(4)], "int4_weights") == ""
    assert unfit([steps.Qat(4), steps.Qat(8)], "int4_weights")


def test_mixed_bits_need_a_grid_that_holds_the_most_of_them():
    assert unfit([steps.Train(), steps.Mixed(1000, (2, 4, 8))], "int8") == ""
    assert "8 bits" in unfit([steps.Train(), steps.Mixed(1000, (2, 4, 8))], "int4_weights")
