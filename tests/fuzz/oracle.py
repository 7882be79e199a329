"""Says whether a runtime takes files, each in a process of its own: apart from what the inspector does.

Reads paths from standard input, a line each; answers ``1``, ``0`` or ``-`` (no runtime for it here), a line each.
"""

import os
import sys
from contextlib import suppress


def load(path: str) -> None:
    """Raise where the runtime rejects the file."""
    if path.endswith(".tflite"):
        Interpreter(path, num_threads=1).allocate_tensors()
    else:
        options = onnxruntime.SessionOptions()
        options.log_severity_level = 4
        options.intra_op_num_threads = options.inter_op_num_threads = 1
        onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])


def main() -> None:
    """Answer until standard input ends."""
    out = os.fdopen(os.dup(1), "w")
    silent = os.open(os.devnull, os.O_WRONLY)
    os.dup2(silent, 1)
    os.dup2(silent, 2)
    for line in sys.stdin:
        path = line.strip()
        if not path.endswith((".tflite", ".onnx")):
            print("-", file=out, flush=True)
            continue
        child = os.fork()
        if child == 0:
            code = 1
            with suppress(BaseException):
                load(path)
                code = 0
            os._exit(code)
        print("1" if os.waitpid(child, 0)[1] == 0 else "0", file=out, flush=True)


if __name__ == "__main__":
    import onnxruntime
    from ai_edge_litert.interpreter import Interpreter

    main()
