"""Which layers are made smaller, and with how many bits."""

import sys
from pathlib import Path

import pytest

torch = pytest.importorskip("torch", reason="torch comes with the extra 'compress'")

sys.path.insert(0, str(Path(__file__).parent))
import learnable  # noqa: E402

from compress.layers import bits_by_layer, round_to_half, weight_layers  # noqa: E402
from zoo.errors import UnknownNameError, UsageError  # noqa: E402

pytestmark = pytest.mark.convert


def test_convolutions_and_dense_layers_are_found_in_their_order():
    module = torch.nn.Sequential(
        torch.nn.Conv2d(1, 2, 3),
        torch.nn.BatchNorm2d(2),
        torch.nn.ReLU(),
        torch.nn.Flatten(),
        torch.nn.Linear(8, 2),
    )
    assert list(weight_layers(module)) == ["0", "4"]


def test_one_number_is_for_all_and_a_mapping_for_those_it_names():
    module = learnable.net("lenet-300-100", 28, 1).module
    assert bits_by_layer(module, 4, (2, 4)) == {"first": 4, "second": 4, "classifier": 4}
    assert bits_by_layer(module, {"second": 2}, (2, 4)) == {"second": 2}


def test_layers_that_are_not_there_and_bits_that_make_no_sense_are_refused():
    module = learnable.net("lenet-300-100", 28, 1).module
    with pytest.raises(UnknownNameError, match=r"unknown layer 'clasifier'\. Did you mean 'classifier'"):
        bits_by_layer(module, {"clasifier": 4}, (4,))
    with pytest.raises(UsageError, match="'first' cannot have weights of 5 bits; wanted is one of 2, 4"):
        bits_by_layer(module, 5, (4, 2))


def test_halves_are_exact_and_what_is_too_large_becomes_the_largest():
    layer = torch.nn.Linear(4, 1)
    with torch.no_grad():
        layer.weight.copy_(torch.tensor([[0.1, 1e9, -1e9, 0.0]]))
    round_to_half(layer)
    assert torch.equal(layer.weight, layer.weight.half().float())
    assert layer.weight.tolist()[0][1:] == [65504.0, -65504.0, 0.0]
    assert layer.weight[0, 0].item() == pytest.approx(0.1, rel=1e-3)
