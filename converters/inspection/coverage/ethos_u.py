"""Arm's Ethos-U, through vela's own constraints: what it leaves to the CPU, in its own words."""

import io
from collections.abc import Iterator
from contextlib import redirect_stdout
from importlib.metadata import version
from pathlib import Path
from typing import Any

from converters.inspection.coverage.rules import Delegate
from converters.inspection.report import Break, Graph

_LONGEST_REASON = 300


def delegate() -> Delegate:
    """The delegate, with the installed vela as its source.

    Raises:
        ModuleNotFoundError: vela is not installed.
    """
    import ethosu.vela  # noqa: F401 - a missing package must be said

    return Delegate(
        name="ethos-u",
        runtime="tflm",
        processor="npu",
        source=f"ethos-u-vela {version('ethos-u-vela')}",
        kinds={},
        note="a file must be compiled by vela first; Ethos-U55, U65 and U85 differ in detail",
    )


def breaks(graph: Graph, path: Path) -> list[Break]:
    """Every operator that vela would leave to the CPU; all of them where it cannot read the file."""
    from ethosu.vela.tflite_reader import read_tflite

    try:
        with redirect_stdout(io.StringIO()):
            network = read_tflite(str(path), None, {}, [], [])
            found = dict(_refusals(network.subgraphs[0]))
    except Exception as problem:  # noqa: BLE001 - it raises what it likes on types and options that it does not know
        reason = f"vela cannot read the file: {type(problem).__name__} {problem}"[:_LONGEST_REASON]
        found = dict.fromkeys(range(len(graph.operators)), " ".join(reason.split()))
    source = delegate().source
    return [
        Break(place, operator.kind, operator.label[:120], found[place], source)
        for place, operator in enumerate(graph.operators)
        if place in found
    ]


def _refusals(subgraph: Any) -> Iterator[tuple[int, str]]:
    from ethosu.vela.tflite_model_semantic import TFLiteSemantic
    from ethosu.vela.tflite_supported_operators import TFLiteSupportedOperators

    semantic, supported = TFLiteSemantic(), TFLiteSupportedOperators()
    seen = set()
    for operator in subgraph.get_all_ops():
        if (
            operator.op_index in seen
            or not operator.outputs
            or operator.type.name in {"Const", "Placeholder", "SubgraphInput"}
        ):
            continue
        seen.add(operator.op_index)
        said = io.StringIO()
        with redirect_stdout(said):
            taken = semantic.is_operator_semantic_valid(operator) and supported.is_operator_supported(
                operator
            )
        if not taken:
            yield operator.op_index, _reason(said.getvalue())


def _reason(said: str) -> str:
    """What vela prints: a line of which operator, then the constraint and what broke it."""
    lines = [each.strip(" -") for each in said.splitlines()[1:] if each.strip()]
    return " ".join(lines)[:_LONGEST_REASON] or "it is not among the operators taken"
