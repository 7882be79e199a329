"""A net's input is made as its spec says."""

import numpy as np
import pytest

from datasets.preparing import fed, prepare, problems, standardised
from datasets.values import Part
from registry.spec import ChannelOrder, InputKind, Port, Preprocessing, Resize
from tests.unit.datasets.test_sound import GIVEN
from zoo.errors import UsageError


def of_pictures(*pictures):
    together = np.stack(pictures) if len({each.shape for each in pictures}) == 1 else tuple(pictures)
    return Part(together, np.zeros(len(pictures), np.int64), tuple(map(str, range(len(pictures)))))


def of_clips(*clips, rate_hz=8000):
    return Part(
        tuple(clips), np.zeros(len(clips), np.int64), tuple(map(str, range(len(clips)))), rate_hz=rate_hz
    )


def picture(**changed):
    given = {"kind": InputKind.IMAGE, "channel_order": ChannelOrder.RGB, "scale": 1 / 255}
    return Preprocessing(**{**given, **changed})


def port(*shape, layout="NHWC", **changed):
    return Port(**{"name": "x", "shape": shape, "dtype": "float32", "layout": layout, **changed})


def noise(*shape):
    return np.random.default_rng(sum(shape)).integers(0, 256, shape).astype(np.uint8)


def test_values_are_scaled_then_standardised_by_channel():
    pixels = noise(4, 5, 3)
    made = prepare(of_pictures(pixels), picture(mean=(0.1, 0.2, 0.3), std=(0.5, 1, 2)), port(1, 4, 5, 3))
    assert made.dtype == np.float32
    assert np.allclose(made[0], (pixels / 255 - [0.1, 0.2, 0.3]) / [0.5, 1, 2], atol=1e-6)


@pytest.mark.parametrize(
    ("layout", "shape", "order"), [("NHWC", (4, 5, 3), (0, 1, 2)), ("NCHW", (3, 4, 5), (2, 0, 1))]
)
def test_axes_come_in_the_port_s_order(layout, shape, order):
    pixels = noise(4, 5, 3)
    made = prepare(of_pictures(pixels, pixels), picture(scale=1), port(1, *shape, layout=layout))
    assert np.array_equal(made[1], pixels.transpose(order))


COLOURS = {
    "blue first": ((2, 2, 3), ChannelOrder.BGR, lambda pixels: pixels[..., ::-1]),
    "grey of colours": ((2, 2, 3), ChannelOrder.GRAY, lambda one: np.rint(one @ [0.299, 0.587, 0.114])[..., None]),
    "colours of grey": ((2, 2, 1), ChannelOrder.RGB, lambda pixels: np.repeat(pixels, 3, axis=2)),
}  # fmt: skip


@pytest.mark.parametrize("story", COLOURS)
def test_colours(story):
    shape, order, wanted = COLOURS[story]
    pixels = noise(*shape)
    channels = 1 if order is ChannelOrder.GRAY else 3
    made = prepare(of_pictures(pixels), picture(scale=1, channel_order=order), port(1, 2, 2, channels))
    assert np.array_equal(made[0], wanted(pixels))


def test_a_dense_net_takes_pictures_as_one_row():
    pixels = noise(4, 5, 1)
    given = picture(scale=1, channel_order=ChannelOrder.GRAY)
    assert np.array_equal(prepare(of_pictures(pixels), given, port(1, 20, layout=""))[0], pixels.reshape(-1))


def test_stretching_uses_both_factors():
    pytest.importorskip("PIL")
    pixels = np.zeros((4, 8, 3), np.uint8)
    pixels[:, 4:] = 200
    made = prepare(
        of_pictures(pixels, noise(3, 3, 3)), picture(scale=1, resize=Resize.STRETCH), port(1, 8, 4, 3)
    )
    assert made.shape == (2, 8, 4, 3)
    assert (made[0, :, 0] == 0).all()
    assert (made[0, :, 3] == 200).all()
    assert (np.diff(made[0, :, :, 0], axis=0) == 0).all()


def test_the_centre_of_the_port_s_aspect_is_kept():
    pytest.importorskip("PIL")
    pixels = np.full((10, 30, 3), 9, np.uint8)
    pixels[:, 10:20] = 77
    made = prepare(of_pictures(pixels), picture(scale=1, resize=Resize.CENTER_CROP), port(1, 10, 10, 3))
    assert set(made.ravel()) == {77}
    half = prepare(
        of_pictures(pixels[:, 10:20]),
        picture(scale=1, resize=Resize.CENTER_CROP, crop=0.5),
        port(1, 10, 10, 3),
    )
    assert set(half.ravel()) == {77}


def test_cropping_a_share_enlarges_the_middle():
    pytest.importorskip("PIL")
    pixels = np.full((8, 8, 3), 9, np.uint8)
    pixels[2:6, 2:6] = 77
    made = prepare(
        of_pictures(pixels), picture(scale=1, resize=Resize.CENTER_CROP, crop=0.5), port(1, 4, 4, 3)
    )
    assert set(made.ravel()) == {77}


def test_bars_of_a_letterbox_are_zeros_of_the_values():
    pytest.importorskip("PIL")
    pixels = np.full((4, 8, 3), 100, np.uint8)
    made = prepare(
        of_pictures(pixels), picture(scale=1, mean=(50,), resize=Resize.LETTERBOX), port(1, 8, 8, 3)
    )
    assert set(made[0, 2:6].ravel()) == {50}
    assert set(made[0, :2].ravel()) | set(made[0, 6:].ravel()) == {0}


def test_sound_becomes_standardised_features():
    random = np.random.default_rng(0)
    part = of_clips(*(random.integers(-9000, 9000, length).astype(np.int16) for length in (3000, 8000, 9000)))
    given = standardised(part, Preprocessing(InputKind.AUDIO, scale=1 / 32768, features=GIVEN))
    assert len(given.mean) == len(given.std) == 10
    made = prepare(part, given, port(1, 49, 10, 1))
    assert np.allclose(made.mean(axis=(0, 1, 3)), 0, atol=1e-3)
    assert np.allclose(made.std(axis=(0, 1, 3)), 1, atol=1e-3)
    for other in (
        port(1, 1, 49, 10, layout="NCHW"),
        port(1, 49, 10, layout="NTF"),
        port(1, 49, 10, layout=""),
    ):
        assert np.array_equal(prepare(part, given, other).reshape(made.shape), made)


def test_numbers_are_fed_as_they_are():
    assert np.array_equal(
        prepare(of_pictures(noise(2, 3, 1)), Preprocessing(), port(1, 6, layout=""))[0],
        noise(2, 3, 1).reshape(-1),
    )


ELEMENTS = {
    "floats": ({}, [0.5, -1.0]),
    "halves": ({"dtype": "float16"}, [0.5, -1.0]),
    "int8 by scale and zero point": ({"dtype": "int8", "scale": 0.01, "zero_point": -20}, [30, -120]),
    "cut to what the type holds": ({"dtype": "uint8", "scale": 0.001, "zero_point": 128}, [255, 0]),
    "integers without a scale": ({"dtype": "int16"}, [0, -1]),
}


@pytest.mark.parametrize("story", ELEMENTS)
def test_elements_are_what_the_port_takes(story):
    changed, wanted = ELEMENTS[story]
    made = fed(np.array([[0.5, -1.0]], np.float32), port(1, 2, layout="", **changed))
    assert made.tolist() == [wanted]
    assert made.dtype == changed.get("dtype", "float32")


SMALL, SOUND = noise(4, 5, 3), Preprocessing(InputKind.AUDIO, features=GIVEN)
CLIP = of_clips(np.zeros(9, np.int16))
MISFITS = {
    "another size": (of_pictures(SMALL), picture(), port(1, 4, 4, 3), ["has 4x5 pixels, 4x4 are wanted"]),
    "no colours": (of_pictures(SMALL), picture(channel_order=ChannelOrder.NONE), port(1, 4, 5, 3), ["channel_order"]),
    "channels": (of_pictures(SMALL), picture(), port(1, 4, 5, 1), ["has 1 channels, RGB has 3"]),
    "all at once": (of_pictures(SMALL), picture(mean=(1, 2), std=(1, 2)), port(1, 4, 4, 1),
                    ["mean has 2 numbers", "std has 2 numbers", "1 channels", "4x4 are wanted"]),
    "an open axis": (of_pictures(SMALL), picture(), port(1, None, 5, 3), ["shape 1x?x5x3 is open"]),
    "a strange layout": (of_pictures(SMALL), picture(), port(4, 5, 3, layout="HWC"), ["layout 'HWC'"]),
    "resizing to nothing": (of_pictures(SMALL), picture(resize=Resize.STRETCH), port(1, 60, layout=""),
                            ["without a layout"]),
    "another row": (of_pictures(SMALL), picture(), port(1, 59, layout=""), ["not as many elements as 4x5x3"]),
    "sound for pictures": (CLIP, picture(), port(1, 4, 5, 3), ["wants pictures, the samples are sound"]),
    "pictures for sound": (of_pictures(SMALL), SOUND, port(1, 49, 10, 1), ["wants sound, the samples are pictures"]),
    "another rate": (of_clips(np.zeros(9, np.int16), rate_hz=16000), SOUND, port(1, 49, 10, 1), ["have 16000 Hz"]),
    "another shape": (CLIP, SOUND, port(1, 10, 49, 1), ["does not hold 49 frames of 10 features"]),
    "raw": (of_pictures(SMALL), Preprocessing(), port(1, 61, layout=""), ["has 60 elements, shape 1x61 has 61"]),
}  # fmt: skip


@pytest.mark.parametrize("story", MISFITS)
def test_what_does_not_fit_is_refused_with_every_reason(story):
    part, given, wanted, said = MISFITS[story]
    found = problems(part, given, wanted)
    assert len(found) == len(said)
    for each, text in zip(found, said, strict=True):
        assert text in each
    with pytest.raises(UsageError, match="the input spec does not fit"):
        prepare(part, given, wanted)
