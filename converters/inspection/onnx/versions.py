"""Which operator sets a model needs, and the first ONNX Runtime that has them."""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

STANDARD = frozenset(
    {"", "ai.onnx", "ai.onnx.ml", "ai.onnx.training", "ai.onnx.preview", "ai.onnx.preview.training"}
)
CONTRIB = frozenset(
    {"com.microsoft"}
)  # ONNX Runtime's own operators; in each of its builds, in no other runtime

# The first ONNX Runtime that takes a version of the domain ai.onnx. Source up to 20: docs/reference/compatibility.md of
# ONNX Runtime; then its pull requests "Integration with ONNX 1.16.0" (#19745), "1.17.0" (#21897), "1.18.0" (#24945),
# "1.21.0" (#27601). Opsets 27 and 28 were tried: 1.32 takes them, 1.28 refuses 27.
OPSETS: Mapping[int, str] = MappingProxyType(
    {
        8: "0.1",
        9: "0.3",
        10: "0.4",
        11: "1.0",
        12: "1.3",
        13: "1.6",
        14: "1.8",
        15: "1.10",
        16: "1.11",
        17: "1.12",
        18: "1.14",
        19: "1.15",
        20: "1.17",
        21: "1.18",
        22: "1.21",
        23: "1.23",
        24: "1.24",
        26: "1.25",
        28: "1.32",
    }
)
# The first ONNX Runtime that takes an IR version. Source: as above, and what releases say when they refuse one ("max
# supported IR version": 1.14.1 says 8, 1.17.1 says 9, 1.22 says 10, 1.23.2 says 11, 1.30 says 13).
IR_VERSIONS: Mapping[int, str] = MappingProxyType(
    {
        3: "0.1",
        4: "0.3",
        5: "0.4",
        6: "1.0",
        7: "1.4",
        8: "1.10",
        9: "1.15",
        10: "1.18",
        11: "1.23",
        12: "1.24",
        13: "1.25",
        14: "1.32",
    }
)


@dataclass(frozen=True, slots=True)
class Facts:
    """What a model needs.

    Attributes:
        opset: version of the domain ai.onnx; 0 where only others are used.
        minimum: see `converters.inspection.report.FileReport.minimum`.
        warnings: one line each.
    """

    opset: int
    minimum: Mapping[str, str]
    warnings: tuple[str, ...]


def facts(model: Any) -> Facts:
    """Work out the versions that a model needs."""
    imports = {each.domain: each.version for each in model.opset_import}
    opset = imports.get("", imports.get("ai.onnx", 0))
    minimum = {"opset": str(opset), "ir_version": str(model.ir_version)}
    if "ai.onnx.ml" in imports:
        minimum["opset ai.onnx.ml"] = str(imports["ai.onnx.ml"])
    needed = [_first(OPSETS, opset), _first(IR_VERSIONS, model.ir_version)]
    if all(needed):
        minimum["runtime"] = f"onnxruntime {max(needed, key=_release)}"
    contrib = sorted({node.op_type for node in model.graph.node if node.domain in CONTRIB})
    warnings = []
    if contrib:
        minimum["contrib"] = "com.microsoft"
        warnings.append(f"only ONNX Runtime has its contrib operators {', '.join(contrib)}")
    if model.training_info:
        warnings.append("it holds training graphs, which inference does not need")
    return Facts(opset, minimum, tuple(warnings))


def _first(table: Mapping[int, str], wanted: int) -> str:
    """The release of the first row that reaches a version; empty beyond the table."""
    return next((release for number, release in sorted(table.items()) if number >= wanted), "")


def _release(text: str) -> tuple[int, ...]:
    return tuple(map(int, text.split(".")))
