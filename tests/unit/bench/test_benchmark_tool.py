"""What benchmark_model prints becomes a latency, in its versions since 2019, and its refusals are said."""

import pytest

from bench.benchmark_tool import BenchmarkToolError, parse
from bench.operators import BadProfileOutputError
from tests.unit.bench.test_operators import SINCE_2023

BEGIN = """\
INFO: STARTING!
INFO: Log parameter values verbosely: [0]
INFO: Num threads: [4]
INFO: Graph: [/data/local/tmp/m.tflite]
INFO: Loaded model /data/local/tmp/m.tflite
INFO: Initialized TensorFlow Lite runtime.
"""
RUNS = """\
INFO: The input model file size (MB): 4.2
INFO: Initialized session in 12.5ms.
INFO: Running benchmark for at least 1 iterations and at least 0.5 seconds but terminate if exceeding 150 seconds.
INFO: count=9 first=87000 curr=51000 min=51000 max=87000 avg=58000 std=11000 p5=51000 median=52000 p95=87000

INFO: Running benchmark for at least 50 iterations and at least 1 seconds but terminate if exceeding 150 seconds.
INFO: count=100 first=12000 curr=10100 min=9500 max=20000 avg=10500 std=1000 p5=9600 median=10000 p95=13000

INFO: Inference timings in us: Init: 12500, First inference: 87000, Warmup (avg): 58000, Inference (avg): 10500
INFO: Note: as the benchmark tool itself affects memory footprint, the following is only APPROXIMATE to the actual \
memory footprint of the model at runtime. Take the information at your discretion.
INFO: Memory footprint delta from the start of the tool (MB): init=10.5 overall=16
"""
OLD = """\
Initialized session in 0.896ms
Running benchmark for at least 1 iterations and at least 0.5 seconds but terminate if exceeding 150 seconds.
count=215 first=12231 curr=2106 min=2065 max=12231 avg=2331.42 std=746

Running benchmark for at least 100 iterations and at least 1 seconds but terminate if exceeding 150 seconds.
count=459 first=2143 curr=2101 min=2056 max=2656 avg=2177.1 std=124

Average inference timings in us: Warmup: 2331.42, Init: 896, no stats: 2177.1
"""
WHOLE = "INFO: Explicitly applied GPU delegate, and the model graph will be completely executed by the delegate.\n"
PART = (
    "INFO: Explicitly applied NNAPI delegate, and the model graph will be partially executed by the delegate w/ 3 "
    "delegate kernels.\n"
)
NONE = (
    "INFO: Though GPU delegate is explicitly applied, the model graph will not be executed by the delegate.\n"
)


def test_the_median_of_the_runs_counts_not_of_the_warm_up():
    found = parse(BEGIN + RUNS)
    assert (found.latency.median_ms, found.statistic) == (10, "median")
    assert (found.latency.runs, found.warm_up_runs) == (100, 9)
    assert (found.latency.least_ms, found.latency.most_ms) == (9.5, 20)
    assert found.notes == ("p5 9.6 ms, p95 13 ms, mean 10.5 ms",)


def test_the_interval_follows_from_the_deviation_and_the_number_of_runs():
    found = parse(BEGIN + RUNS).latency
    assert found.high_ms - found.median_ms == pytest.approx(1.2533 * 1.96 * 1.0 / 10, rel=1e-3)


def test_an_old_tool_gives_a_mean():
    found = parse(OLD)
    assert (found.latency.median_ms, found.statistic, found.warm_up_runs) == (2.1771, "mean", 215)
    assert found.peak_memory_bytes is None
    assert found.is_whole is None


def test_numbers_may_be_written_with_an_exponent():
    found = parse(OLD.replace("avg=2177.1", "avg=1.2e+07").replace("max=2656", "max=1.3e+07"))
    assert found.latency.median_ms == 12000


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("INFO: Memory footprint delta from the start of the tool (MB): init=10.5 overall=16\n", 16),
        ("INFO: Peak memory footprint (MB): init=10.5 overall=16\n", 16),
        ("INFO: Overall peak memory footprint (MB) via periodic monitoring: 93.25\n", 93.25),
    ],
)
def test_memory_has_been_said_in_three_ways(line, expected):
    text = "\n".join(each for each in RUNS.splitlines() if "(MB): init" not in each)
    assert parse(text + "\n" + line).peak_memory_bytes == expected * 2**20


def test_a_delegate_that_takes_all_is_whole():
    found = parse(BEGIN + WHOLE + RUNS)
    assert (found.is_whole, found.parts) == (True, 1)


def test_a_delegate_that_takes_a_part_says_so():
    replaced = "VERBOSE: Replacing 60 out of 64 node(s) with delegate (TfLiteNnapiDelegate) node\n"
    found = parse(BEGIN + replaced + PART + RUNS)
    assert (found.is_whole, found.parts, found.taken) == (False, 3, (60, 64))
    assert found.notes[-1] == "the NNAPI delegate runs a part of the graph, the CPU runs the rest"


def test_a_delegate_that_takes_nothing_is_no_measurement():
    with pytest.raises(BenchmarkToolError, match="the GPU delegate took no operator"):
        parse(BEGIN + NONE + RUNS)


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", "ended without a word"),
        ("/system/bin/sh: benchmark_model: not executable: 64-bit ELF file\n", "64-bit ELF"),
        (BEGIN + "ERROR: Failed to load model m.tflite\nERROR: Benchmarking failed.\n", "Failed to load"),
        (BEGIN + "ERROR: Failed to apply GPU delegate.\nERROR: Benchmarking failed.\n", "Failed to apply GPU delegate"),
        (BEGIN + "Aborted \n", "Aborted"),
        ("\n".join(RUNS.splitlines()[:4]), "count=9"),
    ],
    ids=["nothing", "another machine's", "no file", "no GPU", "abort", "cut off while warming up"],
)  # fmt: skip
def test_what_gave_no_latency_says_why(text, reason):
    with pytest.raises(BenchmarkToolError, match=reason):
        parse(text)


def test_operators_come_along_where_they_were_asked_for():
    assert parse(RUNS).operators == ()
    found = parse(RUNS + SINCE_2023, with_operators=True)
    assert [each.kind for each in found.operators] == ["QUANTIZE", "Convolution (NHWC, QC8) DWConv"]
    assert found.latency.median_ms == 10  # not the line of timings of the profile
    with pytest.raises(BadProfileOutputError):
        parse(RUNS, with_operators=True)
