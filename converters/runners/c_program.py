"""C source for microcontrollers, compiled and run on this machine; and the array in it, run by LiteRT."""

import re
import shutil
import subprocess
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from ai_edge_litert.interpreter import Interpreter, OpResolverType

from converters.quiet import quiet
from converters.runners.base import Array, CannotRunError, Runner
from converters.targets.c_source import GENERATED, read_array

LONGEST_S = 120
_HARNESS = """#include <stdint.h>
#include <stdio.h>
#include "bknn_model.h"
static uint8_t arena[BKNN_MODEL_ARENA_SIZE + 16] __attribute__((aligned(16)));
static int8_t in[BKNN_MODEL_INPUT_BYTES], out[BKNN_MODEL_OUTPUT_BYTES];
int main(void)
{
  while (fread(in, 1, sizeof in, stdin) == sizeof in) {
    bknn_model_infer(arena, in, out);
    fwrite(out, 1, sizeof out, stdout);
  }
  return 0;
}
"""


class ProgramRunner:
    """See `converters.runners.base.Runner`: the generated source, built by this machine's C compiler."""

    kernels = "BakeNN portable C"

    def __init__(self) -> None:
        """Find the compiler."""
        self._compiler = shutil.which("cc") or shutil.which("gcc")
        self.runtime = "C11"
        if self._compiler is None:
            raise CannotRunError("there is no C compiler (cc). On Debian: apt-get install gcc")
        said = subprocess.run(  # noqa: S603 - what this project wrote and built
            [self._compiler, "--version"], capture_output=True, text=True, check=False
        ).stdout
        self.runtime = said.splitlines()[0] if said else "cc"

    def run(self, path: Path, samples: Sequence[Sequence[Array]]) -> list[list[Array]]:
        """See `converters.runners.base.Runner`."""
        source = path / GENERATED
        if not source.exists():
            raise CannotRunError((path / "README.txt").read_text(encoding="utf-8").splitlines()[2])
        if (source / "third_party").exists():
            raise CannotRunError("it is made for a microcontroller's core, which this machine does not have")
        ports = _ports(path)
        with tempfile.TemporaryDirectory() as folder:
            program = self._build(source, Path(folder))
            fed = b"".join(_quantized(sample[0], ports[0]).tobytes() for sample in samples)
            done = subprocess.run(  # noqa: S603 - what this project wrote and built
                [program], input=fed, capture_output=True, timeout=LONGEST_S, check=False
            )
        made = np.frombuffer(done.stdout, np.int8)
        shape = tuple(ports[1]["shape"])
        if done.returncode or made.size != len(samples) * int(np.prod(shape)):
            raise CannotRunError(f"the program ended with code {done.returncode} after {made.size} values")
        scale, zero_point = ports[1]["quantization"]
        values = (made.astype(np.float32) - zero_point) * np.float32(scale)
        return [[each] for each in values.reshape(len(samples), *shape)]

    def _build(self, source: Path, folder: Path) -> str:
        (folder / "main.c").write_text(_HARNESS, encoding="ascii")
        files = [str(each) for each in sorted(source.rglob("*.c"))]
        program = str(folder / "model")
        command = [
            str(self._compiler),
            "-O2",
            "-std=c11",
            "-I",
            str(source),
            str(folder / "main.c"),
            *files,
            "-lm",
            "-o",
            program,
        ]
        done = subprocess.run(  # noqa: S603 - what this project wrote and built
            command, capture_output=True, text=True, timeout=LONGEST_S, check=False
        )
        if done.returncode:
            errors = re.findall(r"error: .*", done.stderr)
            raise CannotRunError(
                f"the generated source does not compile: {(errors or [done.stderr[:200]])[0]}"
            )
        return program

    def latency_ms(self, path: Path, sample: Sequence[Array]) -> float | None:  # noqa: ARG002 - the protocol's
        """Its time on this machine says nothing of a microcontroller's."""
        return None


class ArrayRunner:
    """See `converters.runners.base.Runner`: the bytes in the C text, run by LiteRT's reference kernels."""

    runtime = "ai-edge-litert on the array"
    kernels = "reference"

    def run(self, path: Path, samples: Sequence[Sequence[Array]]) -> list[list[Array]]:
        """See `converters.runners.base.Runner`."""
        from converters.runners.litert import dequantized, ports, quantized

        opened = _open(path)
        runs = []
        for sample in samples:
            for port, values in zip(ports(opened.get_input_details()), sample, strict=True):
                opened.set_tensor(port["index"], quantized(values, port))
            opened.invoke()
            runs.append(
                [
                    dequantized(opened.get_tensor(port["index"]), port)
                    for port in ports(opened.get_output_details())
                ]
            )
        return runs

    def latency_ms(self, path: Path, sample: Sequence[Array]) -> float | None:  # noqa: ARG002 - the protocol's
        """The array is for microcontrollers."""
        return None


def _open(path: Path) -> Any:
    with quiet():
        opened = Interpreter(
            model_content=read_array(path), experimental_op_resolver_type=OpResolverType.BUILTIN_REF
        )
        opened.allocate_tensors()
    return opened


def _ports(path: Path) -> tuple[Any, Any]:
    opened = _open(path)
    inputs, outputs = opened.get_input_details(), opened.get_output_details()
    if len(inputs) != 1 or len(outputs) != 1:
        raise CannotRunError(
            f"the harness takes one input and one output, the net has {len(inputs)} and {len(outputs)}"
        )
    return inputs[0], outputs[0]


def _quantized(values: Array, port: Any) -> Array:
    scale, zero_point = port["quantization"]
    return np.clip(np.rint(values / scale + zero_point), -128, 127).astype(np.int8)


def program() -> Runner:
    """The generated source."""
    return ProgramRunner()


def array() -> Runner:
    """The array."""
    return ArrayRunner()
