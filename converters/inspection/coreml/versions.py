"""What a specification version means: which system runs it, and which operator sets it may use.

Sources: the comment on ``message Model`` in Model.proto (versions 1 to 9), and coremltools' table of operator sets by
version (``coremltools._OPSET``; version 10 is iOS 26).
"""

from collections.abc import Mapping
from types import MappingProxyType

SYSTEMS: Mapping[int, str] = MappingProxyType(
    {
        1: "iOS 11",
        2: "iOS 11.2",
        3: "iOS 12",
        4: "iOS 13",
        5: "iOS 14",
        6: "iOS 15",
        7: "iOS 16",
        8: "iOS 17",
        9: "iOS 18",
        10: "iOS 26",
    }
)
MACS: Mapping[int, str] = MappingProxyType(
    {
        1: "macOS 10.13",
        2: "macOS 10.13.2",
        3: "macOS 10.14",
        4: "macOS 10.15",
        5: "macOS 11",
        6: "macOS 12",
        7: "macOS 13",
        8: "macOS 14",
        9: "macOS 15",
        10: "macOS 26",
    }
)
OPSETS: Mapping[str, int] = MappingProxyType({f"CoreML{version - 1}": version for version in range(6, 11)})


def minimum(version: int, opset: str = "") -> dict[str, str]:
    """What a model needs at least; see `converters.inspection.report.FileReport.minimum`."""
    needed = {"spec_version": str(version), "os": SYSTEMS[version], "macos": MACS[version]}
    return {**needed, "opset": opset} if opset else needed
