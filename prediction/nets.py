"""Knows what a net does by its name: counted rows of ``data/workloads.csv``, scaled to the width and size asked for."""

import csv
import math
import re
from collections.abc import Iterable
from dataclasses import fields, replace
from functools import cache
from importlib import resources
from typing import Any

from prediction.query import Query
from prediction.workload import Workload

_NUMBERS = [each.name for each in fields(Workload) if each.name not in {"pixels", "parts"}]
_EXACT = 0.02


def workload(query: Query) -> Workload:
    """What ``query``'s net does: as its file says, as counted by its name, else as far as its row says."""
    if query.workload is not None:
        return query.workload
    area = pixels(query.resolution)
    found = _counted(query.net, query.alpha, area)
    said = Workload(
        None if query.params_m is None else query.params_m * 1e6,
        None if query.macs_m is None else query.macs_m * 1e6,
        area,
    )
    if found is None:
        return said
    if area is not None:
        found = found.scaled(area)
    return replace(found, params=found.params or said.params, macs=found.macs or said.macs)


def pixels(resolution: str) -> float | None:
    """Area of a picture whose size is written as ``224`` or ``480x640``; ``None`` where it is no such text."""
    sides = [int(each) for each in re.findall(r"\d+", resolution)]
    if not sides or len(sides) > 2:  # noqa: PLR2004 - height and width
        return None
    return float(sides[0] * sides[-1])


def _counted(net: str, alpha: float | None, area: float | None) -> Workload | None:
    by_alpha = _table().get(_stand_ins().get(net, net))
    if not by_alpha:
        return None
    if alpha is None and None not in by_alpha:
        return None
    if alpha is None or None in by_alpha:
        return _nearest(next(iter(by_alpha.values())), area)
    known = sorted(each for each in by_alpha if each is not None)
    below = max((each for each in known if each <= alpha * (1 + _EXACT)), default=known[0])
    above = min((each for each in known if each >= alpha * (1 - _EXACT)), default=known[-1])
    low, high = _nearest(by_alpha[below], area), _nearest(by_alpha[above], area)
    if below == above:
        return low if abs(below / alpha - 1) <= _EXACT else _widened(low, alpha / below)
    return _between(low, high.scaled(low.pixels or 0.0), math.log(alpha / below) / math.log(above / below))


def _nearest(rows: Iterable[Workload], area: float | None) -> Workload:
    rows = list(rows)
    if area is None:
        return rows[-1]
    return min(rows, key=lambda each: abs(math.log((each.pixels or 1.0) / area)))


def _widened(row: Workload, ratio: float) -> Workload:
    """Beyond the widths counted: dense work grows with the square of the width, depthwise work with the width."""
    powers = {"depthwise": 1, "elements": 1, "layers": 0}
    parts = {
        name: value * ratio ** powers.get(name, 2)
        for name in _NUMBERS
        if name != "macs" and (value := getattr(row, name)) is not None
    }
    return _summed(replace(row, **parts))


def _between(low: Workload, high: Workload, share: float) -> Workload:
    parts = {}
    for name in _NUMBERS:
        one, two = getattr(low, name), getattr(high, name)
        if one and two:
            parts[name] = one ** (1 - share) * two**share
    return _summed(replace(low, **parts))


def _summed(row: Workload) -> Workload:
    kinds = row.by_kind
    return row if kinds is None else replace(row, macs=sum(kinds))


def usual_width(net: str) -> float | None:
    """The width multiplier that is meant where none is said: 1 of a net that comes in several, else none."""
    return 1.0 if 1.0 in _table().get(net, ()) else None


def names() -> frozenset[str]:
    """Every net that is counted."""
    return frozenset(_table())


@cache
def _stand_ins() -> dict[str, str]:
    """The net whose counts stand for one that its source names badly."""
    return {cells["net"]: cells["counted_as"] for cells in _read("stand_ins.csv")}


@cache
def _table() -> dict[str, dict[float | None, list[Workload]]]:
    """Workloads by net and width."""
    table: dict[str, dict[float | None, list[Workload]]] = {}
    for name in ("workloads.csv", "ncnn_nets.csv"):
        for cells in _read(name):
            alpha = float(cells["alpha"]) if cells["alpha"] else None
            numbers: dict[str, Any] = {
                each: float(cells[each]) if cells.get(each) else None for each in _NUMBERS
            }
            row = Workload(pixels=float(cells["height"]) * float(cells["width"]), **numbers)
            if row.by_kind is not None:
                row = _summed(row)
            by_alpha = table.setdefault(cells["net"], {})
            if name == "workloads.csv" or alpha not in by_alpha:
                by_alpha.setdefault(alpha, []).append(row)
    return table


def _read(name: str) -> Iterable[dict[str, str]]:
    text = (resources.files("prediction") / "data" / name).read_text(encoding="utf-8")
    return csv.DictReader(text.splitlines())
