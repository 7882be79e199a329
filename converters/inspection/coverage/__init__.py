"""Would a file run wholly on a delegate? Which operators does it leave to the CPU, why, and in how many parts?

* `rules`: what a rule and a delegate are, and how parts are counted.
* one module a family of delegates, each a table: `tflite_gpu`, `tflite_accelerators` (NNAPI, Hexagon, Edge
  TPU), `tflite_cpu`
  (XNNPACK, TFLM, CMSIS-NN), `coreml`; `ethos_u` and `onnx_mobile` use the vendors' own checkers.

The text of a rule is the message, a line of the manual (docs/delegates.md, made by `manual`) and the name of its test.
"""

from collections.abc import Iterator, Sequence
from pathlib import Path

from converters.inspection.coverage import (
    coreml,
    ethos_u,
    onnx_mobile,
    tflite_accelerators,
    tflite_cpu,
    tflite_gpu,
)
from converters.inspection.coverage.rules import Delegate, cover, summarise
from converters.inspection.report import Coverage, Format, Graph

TFLITE = (
    tflite_cpu.XNNPACK, tflite_gpu.DELEGATE, tflite_accelerators.NNAPI, tflite_accelerators.HEXAGON,
        tflite_accelerators.EDGETPU,
    tflite_cpu.TFLM, tflite_cpu.CMSIS_NN,
)  # fmt: skip
COREML = (coreml.ANE,)


def coverage(format_: Format, graph: Graph, macs: Sequence[int | None], path: Path) -> tuple[Coverage, ...]:
    """What each delegate of a format would take.

    Args:
        format_: of the file.
        graph: read from it.
        macs: parallel to its operators.
        path: the file itself, for the vendors' checkers; it was accepted before.
    """
    if format_ is Format.TFLITE:
        return (*(cover(each, graph, macs) for each in TFLITE), *_ethos_u(graph, macs, path))
    if format_ is Format.ONNX:
        return _onnx(graph, macs, path)
    if format_ in {Format.MLPACKAGE, Format.MLMODEL}:
        return tuple(cover(each, graph, macs) for each in COREML)
    return ()


def _ethos_u(graph: Graph, macs: Sequence[int | None], path: Path) -> tuple[Coverage, ...]:
    try:
        delegate = ethos_u.delegate()
    except ModuleNotFoundError:
        return ()
    return (summarise(delegate, graph, macs, ethos_u.breaks(graph, path)),)


def _onnx(graph: Graph, macs: Sequence[int | None], path: Path) -> tuple[Coverage, ...]:
    try:
        return onnx_mobile.coverages(graph, macs, path)
    except ModuleNotFoundError:
        return ()


def manual() -> str:
    """docs/delegates.md, made from the rules."""
    return "\n".join(_manual()) + "\n"


def _manual() -> Iterator[str]:
    yield "# What delegates take"
    yield ""
    yield "`zoo inspect` applies these rules to every operator. This page is made from the rules: `make delegates`."
    yield "Ethos-U is checked by vela, ONNX Runtime's providers by the checker that it ships with."
    yield "Parts are counted as TFLite groups nodes: what is ready runs as long as it stays on the same side."
    for delegate in (*TFLITE, *COREML):
        yield ""
        yield from _section(delegate)


def _section(delegate: Delegate) -> Iterator[str]:
    yield f"## {delegate.name}"
    yield ""
    note = delegate.note[:1].upper() + delegate.note[1:]
    yield f"Runs on the {delegate.processor}. Source: {delegate.source}. {note}."
    yield ""
    for rule in delegate.general:
        yield f"* every operator: {rule.text}"
    by_rules: dict[tuple[str, ...], list[str]] = {}
    for kind, rules in sorted(delegate.kinds.items()):
        by_rules.setdefault(tuple(rule.text for rule in rules), []).append(kind)
    for texts, kinds in by_rules.items():
        yield f"* {', '.join(kinds)}{': ' if texts else ''}{'; '.join(texts)}"
    if delegate.name == coreml.ANE.name:
        yield f"* not taken: {', '.join(coreml.REFUSED)}; everything else is"
