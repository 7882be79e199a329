"""Names of nets decode without torch, and what makes no sense is refused in one line."""

import subprocess
import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st

from architectures.catalogue import FAMILIES, known, parse
from zoo.errors import UnknownNameError, UsageError


@pytest.mark.parametrize(
    ("name", "full", "width", "shape"),
    [
        ("mobilenet-v2-0.35-96", "mobilenet-v2-0.35-96", 0.35, (3, 96, 96)),
        ("mobilenet-v2", "mobilenet-v2-1.0-224", 1.0, (3, 224, 224)),
        ("mobilenet-v2-96", "mobilenet-v2-1.0-96", 1.0, (3, 96, 96)),
        ("mobilenet-v2-1-96", "mobilenet-v2-1.0-96", 1.0, (3, 96, 96)),
        ("mobilenet-v3-large-0.75", "mobilenet-v3-large-0.75-224", 0.75, (3, 224, 224)),
        (
            "mobilenet-v3-large-minimalistic-1.0-224",
            "mobilenet-v3-large-minimalistic-1.0-224",
            1.0,
            (3, 224, 224),
        ),
        ("mobilenet-v1-0.25-96-grey", "mobilenet-v1-0.25-96-grey", 0.25, (1, 96, 96)),
        ("resnet-8", "resnet-8-32", None, (3, 32, 32)),
        ("resnet-18-96", "resnet-18-96", None, (3, 96, 96)),
        ("lenet-300-100", "lenet-300-100", None, (1, 28, 28)),
        ("lenet-5", "lenet-5", None, (1, 28, 28)),
        ("squeezenet-1.1", "squeezenet-1.1-224", None, (3, 224, 224)),
        ("efficientnet-lite0-160", "efficientnet-lite0-160", None, (3, 160, 160)),
        ("deeplab-v3-mobilenet-v2-0.5-256", "deeplab-v3-mobilenet-v2-0.5-256", 0.5, (3, 256, 256)),
        ("ds-cnn-32", "ds-cnn-32", 32, (1, 49, 10)),
        ("ds-cnn-kws-49x10", "ds-cnn-64", 64, (1, 49, 10)),
        ("transformer-encoder-3", "transformer-encoder-3-64", 3, (32, 64)),
        ("transformer-encoder-2-128", "transformer-encoder-2-128", 2, (32, 128)),
    ],
)
def test_names_decode(name, full, width, shape):
    found = parse(name)
    assert (found.name, found.width, found.shape) == (full, width, shape)


def test_every_family_can_be_named_alone_and_its_full_name_means_the_same():
    for family, full in zip(FAMILIES, known(), strict=True):
        assert parse(family) == parse(full)
        assert parse(full).shape == FAMILIES[family].shape


@given(
    st.sampled_from(["mobilenet-v1", "mobilenet-v2", "mobilenet-v3-small", "mnasnet"]),
    st.integers(35, 400),
    st.integers(32, 1024),
)
def test_full_names_are_read_back_as_they_are(family, hundredths, size):
    found = parse(f"{family}-{hundredths / 100}-{size}")
    assert (found.width, found.shape) == (hundredths / 100, (3, size, size))
    assert parse(found.name) == found


@pytest.mark.parametrize(
    ("name", "says"),
    [
        ("mobilenet-v2-0-224", "width '0', but a number from 0.1 to 4 is wanted"),
        ("mobilenet-v2-0.0-224", "width '0.0'"),
        ("mobilenet-v2--1", "width ''"),
        ("mobilenet-v2-1.0-7", "size '7', but a whole number from 32 to 1024 is wanted"),
        ("mobilenet-v2-7", "size '7'"),
        ("mobilenet-v2-1.0-224-int8", "'int8' too many; 'mobilenet-v2-1.0-224' is a whole name"),
        ("mobilenet-v2-wide-224", "width 'wide'"),
        ("mobilenet-v2-nan-224", "width 'nan'"),
        ("mobilenet-v2-1e0-224", "width '1e0'"),
        ("lenet-5-28", "'28' too many"),
        ("lenet-5-grey", "'grey' too many"),
        ("ds-cnn-0.5", "width '0.5', but a whole number"),
        ("ds-cnn-0", "width '0'"),
        ("vgg-16-100", "a multiple of 32"),
        ("transformer-encoder-2-65", "a multiple of 32"),
        ("resnet-18-99999", "size '99999'"),
    ],
)
def test_what_makes_no_sense_is_refused_in_one_line(name, says):
    with pytest.raises(UsageError, match=says) as refused:
        parse(name)
    assert "\n" not in str(refused.value)


@pytest.mark.parametrize(
    ("name", "meant"),
    [
        ("mobilnet-v2", "mobilenet-v2"),
        ("resnet18", "resnet-18"),
        ("mobilenet_v1-1.0-224", "mobilenet-v1-1.0-224"),
        ("resnet-19", "resnet-18"),
    ],
)
def test_unknown_names_get_the_closest_ones(name, meant):
    with pytest.raises(UnknownNameError, match=meant):
        parse(name)


def test_a_name_like_nothing_gets_all_families():
    with pytest.raises(UnknownNameError, match="Known: lenet-300-100, lenet-5"):
        parse("zzz")


def test_every_family_says_what_it_is_and_where_it_is_described():
    for family in FAMILIES.values():
        assert family.about
        assert "arXiv" in family.paper
        assert family.width is None or family.width.holds(family.width.usual)
        assert family.size is None or family.size.holds(family.size.usual)


def test_names_are_decoded_without_torch():
    code = "import sys, architectures.catalogue as c; c.known(); sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
