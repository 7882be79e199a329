"""What TFLite's ``benchmark_model`` prints, as a latency.

The lines are those of ``tensorflow/lite/tools/benchmark`` (``benchmark_model.cc``, ``benchmark_tflite_model.cc``,
``profile_summary_formatter.cc``) in its versions since 2019, with and without ``INFO:`` before them.
"""

import math
import re
from dataclasses import dataclass

from bench.latency import Latency
from bench.operators import OperatorTime, parse_tflite
from zoo.errors import BenchError

_COUNTS = re.compile(r"^(?:INFO: )?(?:Timings \(microseconds\): )?count=(?P<count>\d+)\b(?P<rest>.*)$")
_NUMBER = re.compile(r"(?P<key>\w+)=(?P<value>[\d.e+-]+)")
_SUMMARY = re.compile(r"Inference timings in us:.*Inference \(avg\): (?P<mean>[\d.e+-]+)")
_OLD_SUMMARY = re.compile(r"Average inference timings in us:.*?(?:Inference|no stats): (?P<mean>[\d.e+-]+)")
_MEMORY = (
    re.compile(r"Overall peak memory footprint \(MB\) via periodic monitoring: (?P<mb>[\d.]+)"),
    re.compile(
        r"(?:Peak memory footprint|Memory footprint delta from the start of the tool) \(MB\):.*overall=(?P<mb>[\d.]+)"
    ),
)
_APPLIED = re.compile(
    r"[Aa]pplied (?P<name>\w+) delegate, and the model graph will be (?P<how>completely|par\w+)"
)
_KERNELS = re.compile(r"executed (?:by|w/) the delegate w/ (?P<count>\d+) delegate kernels")
_NOT_APPLIED = re.compile(r"Though (?P<name>\w+) delegate is explicitly applied, the model graph will not be")
_REPLACED = re.compile(r"Replacing (?P<taken>\d+) out of (?P<all>\d+) node\(s\) with delegate")
_ERRORS = re.compile(
    r"^\s*(?:ERROR: |FATAL: )?(?P<text>.*(?:[Ff]ailed|ERROR|Disallowed|not supported|cannot|Unknown).*)$"
)
_MB = 2**20
_MEDIAN_FACTOR = math.sqrt(math.pi / 2)  # standard error of a median against a mean's, for normal times
_Z = 1.959964


class BenchmarkToolError(BenchError):
    """The tool did not measure; the message has what it said."""


@dataclass(frozen=True, slots=True)
class ToolReport:
    """What the tool said.

    Attributes:
        latency: of the runs after warming up.
        statistic: ``median`` where the tool gives one, else ``mean``.
        warm_up_runs: before them.
        peak_memory_bytes: that the process took; ``None`` where it does not say.
        taken: operators that the delegate took, and all; ``None`` where it does not say.
        is_whole: whether the delegate runs all; ``None`` where no delegate was asked for.
        parts: connected parts that it runs; ``None`` where it does not say.
        operators: each of them; empty where it was not asked.
        notes: what is worth knowing, a line each.
    """

    latency: Latency
    statistic: str
    warm_up_runs: int
    peak_memory_bytes: int | None
    taken: tuple[int, int] | None
    is_whole: bool | None
    parts: int | None
    operators: tuple[OperatorTime, ...]
    notes: tuple[str, ...]


def parse(text: str, *, with_operators: bool = False) -> ToolReport:
    """Read what the tool printed.

    Args:
        text: its output and errors.
        with_operators: whether it was asked to time operators.

    Raises:
        BenchmarkToolError: it printed no latency, or a delegate that was asked for took nothing.
        BadProfileOutputError: operators were asked for, and are not there.
    """
    lines = [each.strip() for each in text.splitlines()]
    refused = next((found for line in lines if (found := _NOT_APPLIED.search(line))), None)
    if refused:
        raise BenchmarkToolError(
            f"the {refused['name']} delegate took no operator of the file: its time would be the CPU's"
        )
    counted = [found for line in lines if (found := _COUNTS.match(line)) and "avg=" in line
               and not line.removeprefix("INFO: ").startswith("Timings")]  # fmt: skip
    mean = next(
        (found for line in lines for each in (_SUMMARY, _OLD_SUMMARY) if (found := each.search(line))), None
    )
    if not counted or mean is None:
        raise BenchmarkToolError(f"benchmark_model gave no latency: {_reason(lines)}")
    latency, statistic, notes = _latency(counted[-1])
    applied = next((found for line in lines if (found := _APPLIED.search(line))), None)
    kernels = next((found for line in lines if (found := _KERNELS.search(line))), None)
    replaced = next((found for line in lines if (found := _REPLACED.search(line))), None)
    memory = next((found for each in _MEMORY for line in lines if (found := each.search(line))), None)
    is_whole = None if applied is None else applied["how"] == "completely"
    if applied is not None and not is_whole:
        notes.append(f"the {applied['name']} delegate runs a part of the graph, the CPU runs the rest")
    return ToolReport(
        latency,
        statistic,
        int(counted[0]["count"]) if len(counted) > 1 else 0,
        None if memory is None else round(float(memory["mb"]) * _MB),
        None if replaced is None else (int(replaced["taken"]), int(replaced["all"])),
        is_whole,
        int(kernels["count"]) if kernels else 1 if is_whole else None,
        parse_tflite(text) if with_operators else (),
        tuple(notes),
    )


def _latency(counted: re.Match[str]) -> tuple[Latency, str, list[str]]:
    """The latency of a line such as ``count=50 first=.. min=.. max=.. avg=.. std=.. p5=.. median=.. p95=..``."""
    said = {found["key"]: float(found["value"]) / 1000 for found in _NUMBER.finditer(counted["rest"])}
    count, mean = int(counted["count"]), said["avg"]
    error = _Z * said.get("std", 0.0) / math.sqrt(count)
    statistic, value = "mean", mean
    notes = []
    if "median" in said:
        statistic, value, error = "median", said["median"], error * _MEDIAN_FACTOR
        notes.append(
            f"p5 {said.get('p5', value):.4g} ms, p95 {said.get('p95', value):.4g} ms, mean {mean:.4g} ms"
        )
    least, most = said.get("min", value), said.get("max", value)
    latency = Latency(
        value,
        max(least, value - error),
        min(most, value + error),
        None,
        None,
        least,
        most,
        count,
        float(count),
    )
    return latency, statistic, notes


def _reason(lines: list[str]) -> str:
    """The first line that sounds like a reason, else the last one."""
    for line in lines:
        if found := _ERRORS.match(line):
            return found["text"].strip()[:300]
    spoken = [each for each in lines if each]
    return spoken[-1][:300] if spoken else "it ended without a word"
