"""The time of each operator in LiteRT, in a process of its own.

The Python package has no way to a profile, but the library in it has: its C functions (``litert/c/*.h`` of
google-ai-edge/LiteRT) are called here one by one. They check nothing, so a crash must not take this process along.
"""

import ctypes
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

from zoo.errors import BenchError

_LIBRARY = "libLiteRt.so"
_LONGEST_S = 300
_WARM_UP_RUNS = 5
RUNS = 50
_MARK = "--operators--"
_CPU = 1  # kLiteRtHwAcceleratorCpu
_WRITE = 1  # kLiteRtTensorBufferLockModeWrite
_TENSOR_TYPE_BYTES = 512  # room for a LiteRtRankedTensorType, which is passed on unread
_MODES = {"xnnpack": "delegate", "builtin": "builtin", "reference": "reference"}
_Handle = ctypes.c_void_p


def profiled(path: Path, kernels: str, threads: int) -> str:
    """The table of operators that the library prints, for `bench.operators.parse_tflite`.

    Args:
        path: the file.
        kernels: see `bench.runners.litert`.
        threads: that it may use.

    Raises:
        BenchError: this build has no profiler, or it fails.
    """
    try:
        done = subprocess.run(  # noqa: S603 - this interpreter, this module
            [sys.executable, "-m", "bench.runners.litert_profile", str(path), kernels, str(threads)],
            capture_output=True,
            text=True,
            errors="replace",
            timeout=_LONGEST_S,
            check=False,
        )
    except subprocess.TimeoutExpired as problem:
        raise BenchError(f"profiling the operators took over {_LONGEST_S} s") from problem
    _, mark, table = done.stdout.partition(_MARK)
    if done.returncode or not mark:
        lines = [each for each in done.stderr.splitlines() if each.strip()]
        reason = lines[-1] if lines else f"it ended with code {done.returncode}"
        raise BenchError(f"LiteRT's profiler does not work here: {reason}")
    return table


class _Library:
    """The library's functions; each gives a status, 0 for success."""

    def __init__(self) -> None:
        found = find_spec("ai_edge_litert")
        folders = [] if found is None else list(found.submodule_search_locations or ())
        self._loaded = ctypes.CDLL(str(Path(folders[0]) / _LIBRARY))
        self._kept: list[object] = []
        self._release = ctypes.CFUNCTYPE(None, _Handle)(lambda _: None)  # what Python made, Python frees

    def __call__(self, name: str, *arguments: object) -> None:
        status = getattr(self._loaded, name)(*arguments)
        if status:
            raise OSError(f"{name} gave status {status}")

    def made(self, name: str, *arguments: object) -> ctypes.c_void_p:
        """What a function makes and gives through its last argument."""
        handle = _Handle()
        self(name, *arguments, ctypes.byref(handle))
        return handle

    def option(self, options: ctypes.c_void_p, name: str, text: str) -> None:
        """Add options of one part of the library, as TOML."""
        payload = ctypes.create_string_buffer(text.encode())
        self._kept.append(payload)
        opaque = self.made(
            "LiteRtCreateOpaqueOptions", name.encode(), ctypes.cast(payload, _Handle), self._release
        )
        self("LiteRtAddOpaqueOptions", options, opaque)


def _print_profile(path: str, kernels: str, threads: int) -> None:
    """The child's side."""
    call = _Library()
    environment = call.made("LiteRtCreateEnvironment", 0, None)
    model = call.made("LiteRtCreateModelFromFile", environment, path.encode())
    options = call.made("LiteRtCreateOptions")
    call("LiteRtSetOptionsHardwareAccelerators", options, _CPU)
    call.option(options, "runtime_options_string", "enable_profiling = true\n")
    call.option(options, "xnnpack", f'num_threads = {threads}\nkernel_mode = "{_MODES[kernels]}"\n')
    compiled = call.made("LiteRtCreateCompiledModel", environment, model, options)
    profiler = call.made("LiteRtCompiledModelGetProfiler", compiled)
    signature = call.made("LiteRtGetModelSignature", model, ctypes.c_size_t(0))
    inputs = _buffers(call, environment, compiled, signature, "Input")
    outputs = _buffers(call, environment, compiled, signature, "Output")
    for each in inputs:
        _fill(call, each)

    def infer() -> None:
        call(
            "LiteRtRunCompiledModel", compiled, ctypes.c_size_t(0),
            ctypes.c_size_t(len(inputs)), inputs, ctypes.c_size_t(len(outputs)), outputs,
        )  # fmt: skip

    for _ in range(_WARM_UP_RUNS):
        infer()
    call("LiteRtStartProfiler", profiler)
    for _ in range(RUNS):
        infer()
    call("LiteRtStopProfiler", profiler)
    summary = ctypes.c_char_p()
    call("LiteRtGetProfileSummary", profiler, compiled, ctypes.byref(summary))
    sys.stdout.write(_MARK + (summary.value or b"").decode(errors="replace"))


def _buffers(
    call: _Library, environment: _Handle, compiled: _Handle, signature: _Handle, side: str
) -> "ctypes.Array[ctypes.c_void_p]":
    count = ctypes.c_size_t()
    call(f"LiteRtGetNumSignature{side}s", signature, ctypes.byref(count))
    found = []
    for place in map(ctypes.c_size_t, range(count.value)):
        tensor = call.made(f"LiteRtGetSignature{side}TensorByIndex", signature, place)
        kind = ctypes.create_string_buffer(_TENSOR_TYPE_BYTES)
        call("LiteRtGetRankedTensorType", tensor, kind)
        needs = call.made(
            f"LiteRtGetCompiledModel{side}BufferRequirements", compiled, ctypes.c_size_t(0), place
        )
        found.append(call.made("LiteRtCreateManagedTensorBufferFromRequirements", environment, kind, needs))
    return (_Handle * len(found))(*(each.value for each in found))


def _fill(call: _Library, buffer: int | None) -> None:
    """Zeros: what was in memory before may be numbers that are slow to compute with."""
    handle, size = _Handle(buffer), ctypes.c_size_t()
    call("LiteRtGetTensorBufferPackedSize", handle, ctypes.byref(size))
    address = _Handle()
    call("LiteRtLockTensorBuffer", handle, ctypes.byref(address), _WRITE)
    ctypes.memset(address, 0, size.value)
    call("LiteRtUnlockTensorBuffer", handle)


if __name__ == "__main__":
    _print_profile(sys.argv[1], sys.argv[2], int(sys.argv[3]))
