# ruff: noqa: E501 - tables are as wide as the tools print them
"""The operators that take the time are read out of what each runtime prints, in all of its versions."""

import json

import pytest

from bench.operators import BadProfileOutputError, by_kind, parse_onnxruntime, parse_tflite

SINCE_2023 = """\
INFO: Profiling Info for Benchmark Initialization:
============================== Run Order ==============================
\t     [node type]\t  [first]\t [avg ms]\t     [%]\t  [cdf%]\t  [mem KB]\t[times called]\t[Name]
\t ModifyGraphWithDelegate\t    4.000\t    4.000\t 80.000%\t 80.000%\t  3716.000\t        1\tModifyGraphWithDelegate/0
\t AllocateTensors\t    1.000\t    1.000\t 20.000%\t100.000%\t     0.000\t        2\tAllocateTensors/0

INFO: Operator-wise Profiling Info for Regular Benchmark Runs:
============================== Run Order ==============================
\t     [node type]\t  [first]\t [avg ms]\t     [%]\t  [cdf%]\t  [mem KB]\t[times called]\t[Name]
\t QUANTIZE\t    0.250\t    0.200\t  5.000%\t  5.000%\t     0.000\t        1\t[tfl.quantize]:0
\t Convolution (NHWC, QC8) DWConv\t    0.500\t    0.100\t 20.000%\t 25.000%\t     0.000\t       13\tDelegate/DWConv:1
\t TfLiteXNNPackDelegate\t    3.000\t    3.000\t 75.000%\t100.000%\t     0.000\t        1\t[StatefulPartitionedCall:0]:64

============================== Top by Computation Time ==============================
\t     [node type]\t  [first]\t [avg ms]\t     [%]\t  [cdf%]\t  [mem KB]\t[times called]\t[Name]
\t TfLiteXNNPackDelegate\t    3.000\t    3.000\t 75.000%\t100.000%\t     0.000\t        1\t[StatefulPartitionedCall:0]:64

Number of nodes executed: 15
============================== Summary by node type ==============================
\t [Node type]\t  [count]\t  [avg ms]\t    [avg %]\t    [cdf %]\t  [mem KB]\t[times called]
\t QUANTIZE\t        1\t     0.200\t     5.000%\t     5.000%\t     0.000\t        1

Timings (microseconds): count=50 first=4000 curr=4100 min=3900 max=4200 avg=4050 std=50
Memory (bytes): count=0
15 nodes observed
"""

# One column more, and a delegate (NNAPI) that does not say what it does inside.
BEFORE_2021 = """\
Operator-wise Profiling Info for Regular Benchmark Runs:
============================== Run Order ==============================
\t     [node type]\t          [start]\t  [first]\t [avg ms]\t     [%]\t  [cdf%]\t  [mem KB]\t[times called]\t[Name]
\t TfLiteNnapiDelegate\t            0.000\t   12.000\t   11.500\t 80.000%\t 80.000%\t     0.000\t        1\t[a, b/Relu]:71
\t AVERAGE_POOL_2D\t           11.500\t    0.075\t    0.500\t 20.000%\t100.000%\t     0.000\t        1\t[pool]:61

============================== Top by Computation Time ==============================
"""

# The sums of the library over 20 inferences.
LIBRARY = """\
===================================== Run Order ======================================
           [node type]    [start]    [first]   [avg ms]        [%]     [cdf%]   [mem KB] [times called]   [Name]
    Delegate/Convolution (NHWC, F32) IGEMM      0.000      0.292      0.320     80.000%     80.000%      0.000             20   [Delegate]:0
                         Delegate/Add (ND)      0.000      0.007      0.040     20.000%    100.000%      0.000             40   [Delegate]:9

================================== Top by Computation Time ==================================
"""

INTERNAL = """\
Operator-wise Profiling Info for Regular Benchmark Runs:
============================== Run Order ==============================
\t     [node type]\t  [first]\t [avg ms]\t     [%]\t  [cdf%]\t  [mem KB]\t[times called]\t[Name]
\t TfLiteGpuDelegateV2\t    3.000\t    3.000\t 75.000%\t 75.000%\t     0.000\t        1\t[out]:64
\t SOFTMAX\t    1.000\t    1.000\t 25.000%\t100.000%\t     0.000\t        1\t[soft]:65

Delegate internal:
============================== Run Order ==============================
\t     [node type]\t  [first]\t [avg ms]\t     [%]\t  [cdf%]\t  [mem KB]\t[times called]\t[Name]
\t conv_generic\t    2.900\t    2.900\t100.000%\t100.000%\t     0.000\t        1\tconv_generic:0
"""


@pytest.mark.parametrize(
    ("text", "runs", "expected"),
    [
        pytest.param(SINCE_2023, 1, [("QUANTIZE", 0.2), ("Convolution (NHWC, QC8) DWConv", 1.3)],
                     id="kernels of one name share a line, and stand in the place of their delegate"),
        pytest.param(BEFORE_2021, 1, [("TfLiteNnapiDelegate", 11.5), ("AVERAGE_POOL_2D", 0.5)],
                     id="a silent delegate is one operator"),
        pytest.param(LIBRARY, 20, [("Convolution (NHWC, F32) IGEMM", 0.32), ("Add (ND)", 0.08)],
                     id="the library sums up all inferences"),
        pytest.param(INTERNAL, 1, [("SOFTMAX", 1.0), ("conv_generic", 2.9)],
                     id="a delegate's own table"),
    ],
)  # fmt: skip
def test_tflites_tables_give_the_time_of_one_inference(text, runs, expected):
    found = parse_tflite(text, runs)
    assert [(each.kind, pytest.approx(each.milliseconds)) for each in found] == expected


@pytest.mark.parametrize(
    "text", ["", "Loaded model x\ncount=50 avg=3\n", SINCE_2023.partition("Operator-wise")[0]]
)
def test_output_without_operators_is_refused(text):
    with pytest.raises(BadProfileOutputError, match="Run Order"):
        parse_tflite(text)


def event(name, duration, kind="Conv", category="Node"):
    return {"cat": category, "name": name, "dur": duration, "args": {"op_name": kind}}


def test_onnx_runtimes_trace_gives_the_mean_of_each_operator():
    trace = [
        event("model_run", 900, category="Session"),
        event("first_fence_before", 1),
        event("first_kernel_time", 100),
        event("second_kernel_time", 10, "Relu"),
        event("first_kernel_time", 300),
        event("second_kernel_time", 30, "Relu"),
    ]
    found = parse_onnxruntime(json.dumps(trace))
    assert [(each.kind, each.name, each.milliseconds) for each in found] == [
        ("Conv", "first", 0.2), ("Relu", "second", 0.02),
    ]  # fmt: skip


@pytest.mark.parametrize("text", ["", "{", "[]", "[1]", '[{"cat": "Node", "name": "x_kernel_time"}]'])
def test_a_trace_that_is_none_is_refused(text):
    with pytest.raises(BadProfileOutputError):
        parse_onnxruntime(text)


def test_kinds_are_summed_up_the_most_expensive_first():
    found = by_kind(parse_tflite(INTERNAL + SINCE_2023))
    assert found[0].kind == "conv_generic"
    assert sum(each.share for each in found) == pytest.approx(1)
    assert sum(each.count for each in found) == len(parse_tflite(INTERNAL + SINCE_2023))


def test_kinds_that_take_no_time_have_no_share():
    (found,) = by_kind(parse_tflite(LIBRARY.replace("0.320", "0.000").replace("0.040", "0.000"), 20)[:1])
    assert found.share == 0
