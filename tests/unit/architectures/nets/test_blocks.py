"""Widths are rounded and maps are padded as the code does that the published nets come from."""

import math
import warnings

import pytest
from hypothesis import given
from hypothesis import strategies as st

torch = pytest.importorskip("torch", reason="torch comes with the extra 'convert'")

from architectures.nets.blocks import ConvUnit, Maps, divisible, same_padding  # noqa: E402

pytestmark = pytest.mark.convert


@given(st.floats(1, 10_000))
def test_widths_are_multiples_of_8_and_never_more_than_a_tenth_too_narrow(channels):
    rounded = divisible(channels)
    assert rounded % 8 == 0
    assert 0.9 * channels <= rounded <= max(8, channels + 8)


@pytest.mark.parametrize(
    ("channels", "rounded"), [(32 * 0.35, 16), (24 * 0.35, 8), (96 * 0.35, 32), (1280 * 1.4, 1792)]
)
def test_widths_are_those_of_mobilenet_v2(channels, rounded):
    assert divisible(channels) == rounded


@given(st.integers(1, 64), st.integers(1, 7), st.integers(1, 3), st.integers(1, 3))
def test_same_padding_leaves_the_size_over_the_stride(size, kernel, stride, dilation):
    before, after = same_padding(size, kernel, stride, dilation)
    padded = size + before + after
    assert 0 <= after - before <= 1
    if kernel >= stride:  # else TensorFlow, too, leaves places out
        assert (padded - dilation * (kernel - 1) - 1) // stride + 1 == math.ceil(size / stride)


@given(
    st.integers(5, 20), st.integers(5, 20), st.sampled_from([1, 3, 5]), st.sampled_from([1, 2]), st.booleans()
)
def test_units_leave_the_maps_that_they_say(height, width, kernel, stride, even):
    unit = ConvUnit(Maps(3, height, width), 4, kernel, stride=stride, even=even).eval()
    with torch.no_grad():
        assert unit(torch.zeros(1, 3, height, width)).shape == (
            1,
            unit.out.channels,
            unit.out.height,
            unit.out.width,
        )


def test_maps_of_nothing_are_refused():
    with pytest.raises(ValueError, match="leaves 8 maps of 0x3"):
        Maps(8, 0, 3)


def test_strided_convolutions_cost_no_operator_for_their_padding_in_tflite(tmp_path):
    litert_torch = pytest.importorskip("litert_torch", reason="needs the extra 'tflite'")
    schema = pytest.importorskip("ai_edge_litert.interpreter", reason="needs the extra 'tflite'")
    unit = litert_torch.to_channel_last_io(ConvUnit(Maps(3, 16, 16), 8, 3, stride=2).eval(), args=[0])
    path = tmp_path / "unit.tflite"
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # the converter's own
        litert_torch.convert(unit, (torch.zeros(1, 16, 16, 3),)).export(str(path))
        operators = {each["op_name"] for each in schema.Interpreter(str(path))._get_ops_details()}
    assert "CONV_2D" in operators
    assert not operators & {"PAD", "PADV2"}
