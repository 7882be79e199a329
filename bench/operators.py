"""Which operators of a file take the time, read from what runtimes print and write.

TFLite's profile is a table that its benchmark tool and the LiteRT library print alike, one line an operator in the
order they run; ONNX Runtime writes a trace of events as JSON.
"""

import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from zoo.errors import BenchError

_HEADING = re.compile(r"=+ (?P<title>.*?) =+\s*$")
_COLUMN = re.compile(r"\[([^\]]+)\]")
_SECTION = re.compile(r"^(?:INFO: )?\s*(?P<title>[A-Z][\w -]*):\s*$")
_SETTING_UP = "Initialization"  # of the section whose table times the making of the graph
_INTERNAL = "Delegate internal"  # of the section in which the benchmark tool lists a delegate's kernels
_DELEGATE = "Delegate/"  # before a delegate's kernels, where the library lists them
_STANDS_FOR_DELEGATE = re.compile(r"^TfLite\w*Delegate\w*$")


class BadProfileOutputError(BenchError):
    """What a runtime printed of its operators is not what it should be."""


@dataclass(frozen=True, slots=True)
class OperatorTime:
    """One operator of a file, or one kernel that a delegate made of several.

    Attributes:
        kind: as the runtime calls it: ``CONV_2D``, ``Convolution (NHWC, F32) IGEMM``, ``Conv`` ...
        name: of the operator, or its place.
        milliseconds: of one inference, the mean over all.
    """

    kind: str
    name: str
    milliseconds: float


@dataclass(frozen=True, slots=True)
class KindTime:
    """All operators of one kind.

    Attributes:
        kind: as the runtime calls it.
        count: how many there are.
        milliseconds: of one inference, all of them together.
        share: of all operators' time.
    """

    kind: str
    count: int
    milliseconds: float
    share: float


def by_kind(operators: Iterable[OperatorTime]) -> list[KindTime]:
    """Sum operators up by kind, the most expensive kind first."""
    groups: dict[str, list[float]] = {}
    for each in operators:
        groups.setdefault(each.kind, []).append(each.milliseconds)
    total = sum(map(sum, groups.values()))
    found = [KindTime(kind, len(times), sum(times), sum(times) / total if total else 0.0)
             for kind, times in groups.items()]  # fmt: skip
    return sorted(found, key=lambda each: (-each.milliseconds, each.kind))


def parse_tflite(text: str, runs: int = 1) -> tuple[OperatorTime, ...]:
    """Read the operators out of TFLite's profile.

    A delegate's kernels are listed one by one where the delegate says what they took (XNNPACK, GPU); the node that
    stands for the delegate's part as a whole is then left out, because it is their sum.

    Args:
        text: what was printed; each table "Run Order" in it counts, anything else is passed over.
        runs: how many inferences a table sums up: the benchmark tool prints means of one, the library of all it saw.

    Raises:
        BadProfileOutputError: there is no such table, or no operator in it.
    """
    found: list[tuple[bool, OperatorTime]] = []
    section, line_of = "", None
    in_run_order = False
    for line in text.splitlines():
        if heading := _HEADING.search(line):
            in_run_order, line_of = heading["title"] == "Run Order", None
        elif named := _SECTION.match(line):
            section = named["title"]
        elif in_run_order and "[node type]" in line:
            line_of = _line_pattern(_COLUMN.findall(line))
        elif in_run_order and line_of and _SETTING_UP not in section and (match := line_of.match(line)):
            found.append(_operator(match, runs, is_internal=_INTERNAL in section))
    if not found:
        raise BadProfileOutputError(
            "the runtime printed no table of operators ('Run Order' was looked for): it may be built without profiling"
        )
    has_kernels = any(own for own, _ in found)
    return tuple(
        each for own, each in found if own or not (has_kernels and _STANDS_FOR_DELEGATE.match(each.kind))
    )


def _line_pattern(columns: list[str]) -> re.Pattern[str]:
    """A line of a table: older runtimes have a column more, so the heading says which one is the average."""
    cells = [
        rf"(?P<{_NEEDED[each]}>[\d.]+)" if each in _NEEDED else r"[\d.]+%?"
        for each in columns
        if each not in {"node type", "Name"}
    ]
    return re.compile(r"^\s*(?P<kind>\S.*?)\s+" + r"\s+".join(cells) + r"\s*(?P<name>.*?)\s*$")


_NEEDED = {"avg ms": "average", "times called": "calls"}


def _operator(match: re.Match[str], runs: int, *, is_internal: bool) -> tuple[bool, OperatorTime]:
    """Whether it is a delegate's own kernel, and the operator."""
    found = match.groupdict()
    kind, name = found["kind"], found["name"]
    # the average is of one call, and kernels of one name share a line: 13 calls in one inference
    milliseconds = float(found.get("average", 0)) * max(1.0, float(found.get("calls", 1)) / runs)
    is_kernel = is_internal or kind.startswith(_DELEGATE) or name.startswith(_DELEGATE)
    return is_kernel, OperatorTime(kind.removeprefix(_DELEGATE), name, milliseconds)


def parse_onnxruntime(text: str) -> tuple[OperatorTime, ...]:
    """Read the operators out of ONNX Runtime's trace, in the order they first ran.

    Args:
        text: JSON that its profiler wrote: events, of which those of category ``Node`` whose name ends in
            ``_kernel_time`` are the runs of operators; durations in microseconds.

    Raises:
        BadProfileOutputError: it is no such JSON, or no operator ran.
    """
    try:
        events: list[Mapping[str, Any]] = json.loads(text)
        kernels = [
            (
                str(each["name"]).removesuffix("_kernel_time"),
                each["args"].get("op_name", ""),
                float(each["dur"]),
            )
            for each in events
            if each.get("cat") == "Node" and str(each["name"]).endswith("_kernel_time")
        ]
    except (ValueError, TypeError, KeyError, AttributeError) as problem:
        raise BadProfileOutputError(f"ONNX Runtime's profile cannot be read: {problem}") from problem
    if not kernels:
        raise BadProfileOutputError("ONNX Runtime's profile has no operator in it")
    times: dict[tuple[str, str], list[float]] = {}
    for name, kind, microseconds in kernels:
        times.setdefault((name, kind), []).append(microseconds)
    return tuple(
        OperatorTime(kind or name, name, sum(found) / len(found) / 1000)
        for (name, kind), found in times.items()
    )
