"""TFLite models: what the bytes say, checked before anything trusts them.

In order: `checked` walks the FlatBuffer by ``schema.txt``; `semantics` checks indices, shapes, lengths,
quantization and order; `graph` builds the report's graph; `costs` counts MACs; `versions` knows which
runtime takes which version of an operator.
"""

from importlib.metadata import version
from pathlib import Path

from converters.inspection.reading import Reading
from converters.inspection.report import Load
from converters.inspection.tflite import checked, semantics
from converters.inspection.tflite.costs import macs
from converters.inspection.tflite.graph import build, metadata_bytes
from converters.inspection.tflite.versions import least_runtime

__all__ = ["load", "macs", "read"]


def read(path: Path) -> Reading:
    """Read a ``.tflite`` file; see `converters.inspection.reading.Reader`."""
    data = memoryview(path.read_bytes())
    model = checked.decode(data)
    semantics.check(model, data)
    graph = build(model, data)
    runtime, unknown = least_runtime((each.kind, each.version) for each in graph.operators if not each.custom)
    warnings = []
    if unknown:
        warnings.append(f"newer than the table of runtimes, or without an entry in it: {', '.join(unknown)}")
    if graph.subgraphs:
        warnings.append(f"{graph.subgraphs} further subgraphs are checked, but not counted")
    return Reading(
        flavour="TFL3",
        graph=graph,
        producer=_producer(model),
        minimum={"runtime": runtime} if runtime else {},
        metadata_bytes=metadata_bytes(model),
        warnings=tuple(warnings),
    )


def _producer(model: checked.Record) -> str:
    return (model["description"] or b"").decode(errors="replace")[:100]


def load(path: Path) -> Load:
    """Let LiteRT read the file and lay out its tensors, as an app would, on one thread."""
    try:
        from ai_edge_litert.interpreter import Interpreter
    except ModuleNotFoundError:
        return Load("ai-edge-litert", None, "ai-edge-litert is not installed")
    runtime = f"ai-edge-litert {version('ai-edge-litert')}"
    try:
        Interpreter(str(path), num_threads=1).allocate_tensors()
    except (ValueError, RuntimeError) as problem:
        return Load(runtime, loaded=False, reason=" ".join(str(problem).split())[:500])
    return Load(runtime, loaded=True)
