"""How the texts of options become values."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from zoo.cli.options import Evidence, Processor, Tier, number, size_bytes, split, word, words
from zoo.errors import UnknownNameError, UsageError


@pytest.mark.parametrize(
    ("text", "size"),
    [
        ("1", 1),
        ("5MB", 5_000_000),
        ("5 MB", 5_000_000),
        (" 5mb ", 5_000_000),
        ("5M", 5_000_000),
        ("2.5kB", 2500),
        ("256KB", 256_000),
        ("256KiB", 262_144),
        ("64k", 64_000),
        ("1GiB", 1 << 30),
        ("1G", 10**9),
        ("1e3", 1000),
        ("1.5e-1MB", 150_000),
        ("+7B", 7),
        (".5kB", 500),
        ("0.1B", 1),
    ],
)
def test_a_size_is_read(text, size):
    assert size_bytes(text, "--max-size") == size


@pytest.mark.parametrize(
    "text",
    ["", " ", "MB", "-1", "-5MB", "0", "0MB", "nan", "NaNMB", "inf", "-inf", "infGB", "5XB", "5MBB", "5 M B", "5iB",
     "1.2.3MB", ".", ".MB", "1e999", "0x10", "five", "5,5MB", "5MB5", "5TB"],
)  # fmt: skip
def test_what_is_no_size_is_refused_with_the_option_and_an_example(text):
    with pytest.raises(UsageError) as caught:
        size_bytes(text, "--max-size")
    assert str(caught.value).startswith(f"--max-size is {text!r}, but a size is")
    assert "5MB" in str(caught.value)


@given(st.integers(1, 10**15), st.sampled_from(["", "B", "b"]))
def test_a_size_in_bytes_is_itself(size, unit):
    assert size_bytes(f"{size}{unit}", "--max-size") == size


@given(st.integers(1, 10**6))
def test_a_binary_unit_is_larger_than_its_decimal_one(size):
    for unit in "kmg":
        assert size_bytes(f"{size}{unit}iB", "x") > size_bytes(f"{size}{unit}B", "x")


@given(st.text(max_size=12))
def test_any_text_is_a_size_above_zero_or_refused(text):
    try:
        size = size_bytes(text, "--max-size")
    except UsageError:
        return
    assert size > 0


def test_no_text_is_no_limit():
    assert size_bytes(None, "--max-size") is None
    assert number(None, "--max-latency-ms") is None


@pytest.mark.parametrize(("text", "value"), [("15", 15.0), ("0.5", 0.5), ("1e2", 100.0), (" 3 ", 3.0)])
def test_a_number_is_read(text, value):
    assert number(text, "--max-latency-ms") == value


@pytest.mark.parametrize("text", ["", "abc", "15ms", "1,5", "0x10"])
def test_what_is_no_number_is_refused_with_the_option(text):
    with pytest.raises(UsageError, match=r"--max-latency-ms is .* such as 15"):
        number(text, "--max-latency-ms")


@pytest.mark.parametrize("text", ["cpu", "CPU", " cpu "])
def test_a_word_is_read_in_any_case(text):
    assert word(text, Processor, "processor") is Processor.CPU


@pytest.mark.parametrize("kind", [Processor, Evidence, Tier])
def test_every_word_of_a_set_is_read(kind):
    assert [word(str(each), kind, "word") for each in kind] == list(kind)


def test_a_word_that_nobody_knows_is_refused_with_the_whole_set():
    with pytest.raises(UnknownNameError, match=r"unknown tier 'qq'\. One of: entry, low, mid, high"):
        word("qq", Tier, "tier")


@pytest.mark.parametrize("text", ["", " ", "same_soc", "measured,field"])
def test_what_is_nearly_a_word_is_refused(text):
    with pytest.raises(UnknownNameError):
        word(text, Evidence, "evidence")


@pytest.mark.parametrize(
    ("texts", "parts"),
    [
        (None, []),
        ([], []),
        (["a"], ["a"]),
        (["a,b"], ["a", "b"]),
        (["a", "b,c"], ["a", "b", "c"]),
        ([" a , b "], ["a", "b"]),
        ([",", ""], []),
    ],
)
def test_texts_repeat_or_stand_with_commas(texts, parts):
    assert split(texts) == parts


def test_words_repeat_or_stand_with_commas():
    assert words(["cpu,gpu", "npu"], Processor, "processor") == (Processor.CPU, Processor.GPU, Processor.NPU)
    assert words(None, Processor, "processor") == ()
