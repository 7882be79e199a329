"""The sandbox's server: imports every reader once, then forks for each file. Started by `workers`, never imported.

Requests and answers are JSON behind four bytes of length. The forked child gives up memory, time, files to
write and core dumps before it looks at a byte; it answers through a pipe and ends without running anything else.
"""

import json
import os
import resource
import select
import signal
import struct
import sys
import time
from collections.abc import Mapping
from contextlib import suppress
from importlib import import_module
from pathlib import Path
from typing import IO, Any

LONGEST_ANSWER = 64 * 2**20  # bytes
_LENGTH = struct.Struct("<I")
_WARM = (
    "numpy", "ml_dtypes", "onnx", "onnx.checker", "onnx.shape_inference", "onnxruntime", "ai_edge_litert.interpreter",
    "converters.inspection.tflite", "converters.inspection.onnx", "converters.inspection.coreml",
    "converters.inspection.weight_files", "converters.inspection.containers",
    "onnxruntime.tools.mobile_helpers.usability_checker",
    "ethosu.vela.tflite_reader", "ethosu.vela.tflite_supported_operators",
    "ethosu.vela.tflite_model_semantic", "converters.inspection.coverage",
    "converters.inspection.assembling",
)  # fmt: skip


def main() -> None:
    """Answer requests until standard input ends."""
    out = os.fdopen(os.dup(1), "wb")
    silent = os.open(os.devnull, os.O_RDWR)
    os.dup2(silent, 1)
    os.dup2(silent, 2)
    for each in _WARM:
        with suppress(ModuleNotFoundError):  # said when a file needs it
            import_module(each)
    write(out, {"ready": True})
    while (request := read(sys.stdin.buffer)) is not None:
        write(out, _serve(request))


def read(source: IO[bytes]) -> Any:
    """Read one message; ``None`` at the end."""
    head = source.read(_LENGTH.size)
    if len(head) < _LENGTH.size:
        return None
    return json.loads(source.read(_LENGTH.unpack(head)[0]))


def write(sink: IO[bytes], message: Mapping[str, object]) -> None:
    """Write one message."""
    text = json.dumps(message).encode()
    sink.write(_LENGTH.pack(len(text)) + text)
    sink.flush()


def _serve(request: Mapping[str, Any]) -> Mapping[str, object]:
    entry, exit_ = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(entry)
        _work(request, exit_)
    os.close(exit_)
    try:
        answer, late = _collect(entry, time.monotonic() + request["seconds"])
    finally:
        os.close(entry)
    if late or answer is None:
        with suppress(ProcessLookupError):
            os.kill(child, signal.SIGKILL)
    _, status = os.waitpid(child, 0)
    if late:
        return {"problems": [f"reading it takes more than {request['seconds']:g} s"]}
    if os.WIFSIGNALED(status):
        return {"problems": [f"reading it crashed a library ({signal.Signals(os.WTERMSIG(status)).name})"]}
    if answer is None:
        return {"problems": ["what it says of itself is too long"]}
    try:
        found = json.loads(answer)
    except ValueError:
        return {"problems": [f"the reader ended without an answer (exit code {os.WEXITSTATUS(status)})"]}
    return found if isinstance(found, dict) else {"problems": ["the reader answered nonsense"]}


def _collect(entry: int, end: float) -> tuple[bytes | None, bool]:
    """What the child wrote, ``None`` if it is too long; and whether it was late."""
    parts: list[bytes] = []
    size = 0
    while True:
        left = end - time.monotonic()
        if left <= 0 or not select.select([entry], [], [], left)[0]:
            return b"".join(parts), True
        part = os.read(entry, 2**16)
        if not part:
            return b"".join(parts), False
        size += len(part)
        if size > LONGEST_ANSWER:
            return None, False
        parts.append(part)


def _work(request: Mapping[str, Any], exit_: int) -> None:
    """The child: never returns."""
    code = 1
    try:
        _confine(request["seconds"], request["memory_bytes"])
        from converters.inspection.assembling import assemble

        text = json.dumps(
            assemble(Path(request["path"]), coverage=request["coverage"], loads=request["loads"])
        )
        with os.fdopen(exit_, "w", encoding="ascii") as sink:
            sink.write(text)
        code = 0
    except MemoryError:
        os.write(
            exit_,
            json.dumps(
                {"problems": [f"reading it takes more than {request['memory_bytes'] >> 20} MiB"]}
            ).encode(),
        )
    except BaseException as bug:  # noqa: BLE001 - a bug of ours: its traceback goes to the caller, who raises it
        import traceback

        told = "".join(traceback.format_exception(bug))[-20_000:]
        os.write(exit_, json.dumps({"bug": told}).encode())
    finally:
        os._exit(code)


def _confine(seconds: float, memory_bytes: int) -> None:
    """Limits of the child. RLIMIT_DATA counts private memory on Linux; on macOS only time is limited reliably."""
    whole = int(seconds) + 2
    resource.setrlimit(resource.RLIMIT_CPU, (whole, whole))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))
    limit = _data_bytes() + memory_bytes
    resource.setrlimit(resource.RLIMIT_DATA, (limit, limit))


def _data_bytes() -> int:
    """Private memory that this process has already, through what the server imported."""
    try:
        status = Path("/proc/self/status").read_text(encoding="ascii")
    except OSError:
        return 0
    return next(
        (int(line.split()[1]) * 1024 for line in status.splitlines() if line.startswith("VmData:")), 0
    )


if __name__ == "__main__":
    main()
