"""ONNX Runtime's mobile execution providers, through the checker and the tables that it ships with."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache
from importlib.metadata import version
from pathlib import Path
from typing import Any

from converters.inspection.coverage.rules import Delegate, summarise
from converters.inspection.report import Break, Coverage, Graph

_CELLS = 4  # of a row: two, and what is outside of the bars


@dataclass(frozen=True, slots=True)
class _Provider:
    """One execution provider, and the table of operators that ONNX Runtime ships for it."""

    name: str
    processor: str
    table: str
    most_axes: int
    note: str


_PROVIDERS = (
    _Provider("ort-nnapi", "nnapi", "nnapi_supported_ops.md", 999, "deprecated since Android 15"),
    _Provider("ort-coreml-nn", "npu", "coreml_supported_neuralnetwork_ops.md", 5, "the NeuralNetwork format"),
    _Provider("ort-coreml-mlprogram", "npu", "coreml_supported_mlprogram_ops.md", 5, "the ML Program format"),
)


@cache
def _table(name: str) -> Mapping[str, str]:
    """Operators with their caveats."""
    from onnxruntime.tools import mobile_helpers

    text = Path(mobile_helpers.__path__[0], name).read_text(encoding="utf-8")
    rows = (line.strip().split("|") for line in text.splitlines() if line.startswith(("|ai.onnx:", "|com.")))
    return {
        row[1].removeprefix("ai.onnx:"): row[2].replace("<br/>", " ").strip()
        for row in rows
        if len(row) == _CELLS
    }


def coverages(graph: Graph, macs: Sequence[int | None], path: Path) -> tuple[Coverage, ...]:
    """What each provider would take; the number of parts is the checker's own."""
    import onnx

    model = onnx.shape_inference.infer_shapes(onnx.load(path, load_external_data=False))
    try:
        return tuple(_coverage(each, model, graph, macs) for each in _PROVIDERS)
    except ValueError:  # its checker does not know sparse weights, for one
        return ()


def _coverage(provider: _Provider, model: Any, graph: Graph, macs: Sequence[int | None]) -> Coverage:
    from onnxruntime.tools import mobile_helpers
    from onnxruntime.tools.mobile_helpers import usability_checker

    source = f"onnxruntime {version('onnxruntime')}: {provider.table}"
    table = _table(provider.table)
    checker = usability_checker._SupportedOpsChecker(str(Path(mobile_helpers.__path__[0], provider.table)))  # noqa: SLF001
    found = usability_checker.check_partitioning(
        model.graph, checker, require_fixed_input_sizes=True, max_rank=provider.most_axes
    )
    broken = []
    for place, operator in enumerate(graph.operators):
        shapes = [graph.tensors[each].shape for each in operator.inputs if each >= 0]
        ranks = [len(shape) for shape in shapes if shape is not None]
        reason = None
        if operator.custom or operator.kind not in table:
            reason = "it is not among the operators taken"
        elif any(shape is not None and None in shape for shape in shapes):
            reason = "shapes are fixed, here one is open"
        elif ranks and max(ranks) > provider.most_axes:
            reason = f"tensors have at most {provider.most_axes} axes, here one has {max(ranks)}"
        if reason:
            broken.append(Break(place, operator.kind, operator.label[:120], reason, source))
    caveats = sorted({each.kind for each in graph.operators if table.get(each.kind)})
    note = "; ".join(
        [
            provider.note,
            *([f"it has conditions on {', '.join(caveats)} that are not checked here"] if caveats else []),
        ]
    )
    delegate = Delegate(provider.name, "onnxruntime", provider.processor, source, {}, note=note)
    return replace(summarise(delegate, graph, macs, broken), partitions=found.num_partitions)
