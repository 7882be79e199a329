"""ONNX models: what the bytes say, checked before anything trusts them.

In order: `wire` walks the protobuf bytes; `payloads` measures every tensor against its shape; `structure` checks names,
types, attributes, branches and functions, `contrib` the operators that only ONNX Runtime has; `judges` asks the checker
and the shape inference of the onnx package; `graph` builds the report's graph, with quantized weights told apart by
`quantization`; `costs` counts MACs; `versions` knows which ONNX Runtime takes which opset.
"""

import os
from importlib.metadata import version
from pathlib import Path

from converters.inspection.onnx import graph as graphs
from converters.inspection.onnx import judges, structure, versions, wire
from converters.inspection.onnx.costs import macs
from converters.inspection.onnx.payloads import Payloads
from converters.inspection.reading import Reading
from converters.inspection.report import Load

__all__ = ["load", "macs", "read"]


def read(path: Path) -> Reading:
    """Read a ``.onnx`` file; see `converters.inspection.reading.Reader`."""
    model, unknown = wire.parse(path.read_bytes())
    payloads = Payloads(path.parent)
    structure.check(model, payloads)
    judged = judges.judge(model)
    facts = versions.facts(model)
    warnings = [*judged.warnings, *facts.warnings]
    if unknown:
        warnings.append(
            f"{unknown:,} protobuf fields of unknown numbers: written by a newer onnx, or not by onnx"
        )
    return Reading(
        flavour=f"opset {facts.opset}",
        graph=graphs.build(judged, model, payloads),
        producer=" ".join(each for each in (model.producer_name, model.producer_version) if each),
        minimum=facts.minimum,
        metadata_bytes=graphs.metadata_bytes(model),
        warnings=tuple(warnings),
    )


def load(path: Path) -> Load:
    """Make an ONNX Runtime session of the file on one CPU thread, without optimizing it."""
    try:
        import onnxruntime
    except ModuleNotFoundError:
        return Load("onnxruntime", None, "onnxruntime is not installed")
    runtime = f"onnxruntime {version('onnxruntime')}"
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    options.log_severity_level = 4  # fatal: what goes wrong is raised anyway
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
    try:
        onnxruntime.InferenceSession(os.fspath(path), options, providers=["CPUExecutionProvider"])
    except Exception as problem:  # noqa: BLE001 - the runtime raises bare RuntimeError, ValueError and its own
        return Load(runtime, loaded=False, reason=" ".join(str(problem).split())[:500])
    return Load(runtime, loaded=True)
