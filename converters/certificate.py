"""The certificate: what was converted, from what, how far each file is from its source, who ran it.

It lies as ``certificate.json`` beside the files, with ``golden.npz``; `docs/certificate.md` describes the JSON.
"""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

from converters.parity import Parity

SCHEMA = 1


@dataclass(frozen=True, slots=True)
class Check:
    """One run of a file on the golden inputs.

    Attributes:
        runtime: what ran it, with its version; the package's name where it could not run.
        kernels: which kernels computed.
        parity: the differences; ``None`` where it did not run.
        reason: why it did not run, or what was not reached.
    """

    runtime: str
    kernels: str
    parity: Parity | None
    reason: str = ""


@dataclass(frozen=True, slots=True)
class FilePort:
    """An input or output of a file.

    Attributes:
        name: of the source's port.
        shape: in the file.
        layout: ``NCHW``, ``NHWC`` or empty.
    """

    name: str
    shape: tuple[int, ...]
    layout: str


@dataclass(frozen=True, slots=True)
class FileRecord:
    """One file that was written, or would have been.

    Attributes:
        format: ``tflite``, ``mlpackage``, ``mlmodel``, ``onnx`` or ``c``.
        path: its name, in the folder of the certificate.
        recipe: as asked for.
        sha256: digest of its bytes; of a package, of its canonical archive.
        size_bytes: of the file, or of all files of a package.
        weight_bytes: what its weights take; ``None`` where its bytes were not inspected.
        precision: the registry's word for what its bytes hold.
        granularity: of its quantized weights, as its bytes say.
        min_os: the oldest system that runs it; empty where there is none such.
        inputs: in the file's layout.
        outputs: in the file's layout.
        checks: one a runtime; the first is the one that an app would use.
        flags: what a user should know: larger, slower, partly float ...
        latency_ms: median on this machine with one thread; ``None`` where it means nothing.
        float32_latency_ms: the same of the float32 file of this format.
        float32_size_bytes: size of that file.
        weights_sha256: digest of its integer weights and scales, the same in every format that carries the same;
            empty where it has none.
        options: what the conversion was told.
    """

    format: str
    path: str
    recipe: str
    sha256: str
    size_bytes: int
    weight_bytes: int | None
    precision: str
    granularity: str
    min_os: str
    inputs: tuple[FilePort, ...]
    outputs: tuple[FilePort, ...]
    checks: tuple[Check, ...]
    flags: tuple[str, ...] = ()
    latency_ms: float | None = None
    float32_latency_ms: float | None = None
    float32_size_bytes: int | None = None
    weights_sha256: str = ""
    options: Mapping[str, Any] = field(default_factory=dict)

    @property
    def main(self) -> Check:
        """The check that counts: of the runtime that an app would use."""
        return self.checks[0]

    @property
    def overhead_bytes(self) -> int | None:
        """What of the file is no weight: program, names, metadata, padding."""
        return None if self.weight_bytes is None else self.size_bytes - self.weight_bytes


@dataclass(frozen=True, slots=True)
class Refusal:
    """A file that was asked for and not written.

    Attributes:
        format: see `FileRecord`.
        recipe: as asked for.
        reason: why, in words.
        checks: what was measured before it was refused.
    """

    format: str
    recipe: str
    reason: str
    checks: tuple[Check, ...] = ()


@dataclass(frozen=True, slots=True)
class Certificate:
    """See the module's docstring.

    Attributes:
        source: name, kind, origin, digest, inputs and outputs.
        golden: kind, number, seed and digest of the golden inputs, number of calibration samples.
        files: what was written.
        refused: what was not.
        tools: versions of every package that took part, of Python and of the system.
    """

    source: Mapping[str, Any]
    golden: Mapping[str, Any]
    files: tuple[FileRecord, ...]
    refused: tuple[Refusal, ...]
    tools: Mapping[str, str]

    def document(self) -> dict[str, Any]:
        """The JSON document, see `docs/certificate.md`."""
        return {
            "schema": SCHEMA,
            "source": dict(self.source),
            "golden": dict(self.golden),
            "files": [_file(each) for each in self.files],
            "refused": [
                {"format": each.format, "recipe": each.recipe, "reason": each.reason,
                 "checks": [_check(one) for one in each.checks]}
                for each in self.refused
            ],
            "tools": dict(self.tools),
        }  # fmt: skip

    def to_json(self) -> str:
        """The text of ``certificate.json``."""
        return json.dumps(self.document(), indent=1, ensure_ascii=False, allow_nan=False) + "\n"


def _check(check: Check) -> dict[str, Any]:
    made: dict[str, Any] = {"runtime": check.runtime, "kernels": check.kernels}
    if check.parity is not None:
        made |= _numbers(check.parity)
    if check.reason:
        made["reason"] = check.reason
    return made


def _numbers(parity: Parity) -> dict[str, Any]:
    """Only what JSON can say: an infinite error becomes ``null``."""
    finite = parity.finite
    return {
        "max_abs_error": parity.max_abs_error if finite else None,
        "max_rel_error": parity.max_rel_error if finite and parity.max_rel_error != float("inf") else None,
        "snr_db": round(parity.snr_db, 2),
        "top1_agreement": parity.top1_agreement,
    }


def _file(record: FileRecord) -> dict[str, Any]:
    main = record.main
    return {
        "format": record.format,
        "path": record.path,
        "sha256": record.sha256,
        "size_bytes": record.size_bytes,
        "weight_bytes": record.weight_bytes,
        "overhead_bytes": record.overhead_bytes,
        "recipe": record.recipe,
        "precision": record.precision,
        "granularity": record.granularity or None,
        "min_os": record.min_os or None,
        "inputs": [asdict(each) for each in record.inputs],
        "outputs": [asdict(each) for each in record.outputs],
        **_check(main),
        "checks": [_check(each) for each in record.checks],
        "latency_ms": record.latency_ms,
        "float32_latency_ms": record.float32_latency_ms,
        "float32_size_bytes": record.float32_size_bytes,
        "weights_sha256": record.weights_sha256 or None,
        "flags": list(record.flags),
        "options": dict(record.options),
    }
