"""What runs inside the emulated Arm64 system: LiteRT on samples from a file. It imports nothing of this project.

``python arm64_child.py MODEL KERNELS SAMPLES OUTPUTS MORE``: SAMPLES is an .npz file with an array a tensor, by its
index, samples along axis 0; OUTPUTS gets the same of the outputs. Then the last sample is run MORE times again, and
nothing else is done in these runs.
"""

import sys

import numpy as np
from ai_edge_litert.interpreter import Interpreter, OpResolverType

RESOLVERS = {
    "xnnpack": OpResolverType.AUTO,
    "builtin": OpResolverType.BUILTIN_WITHOUT_DEFAULT_DELEGATES,
    "reference": OpResolverType.BUILTIN_REF,
}


def main(model: str, kernels: str, samples: str, outputs: str, more: str) -> None:
    """Run it."""
    opened = Interpreter(model, experimental_op_resolver_type=RESOLVERS[kernels], num_threads=1)
    opened.allocate_tensors()
    with np.load(samples) as fed:
        columns = {int(index): fed[index] for index in fed.files}
    found: dict[int, list[object]] = {each["index"]: [] for each in opened.get_output_details()}
    for row in range(min(map(len, columns.values()))):
        for index, column in columns.items():
            opened.set_tensor(index, column[row])
        opened.invoke()
        for index, rows in found.items():
            rows.append(opened.get_tensor(index))
    for _ in range(int(more)):
        opened.invoke()
    np.savez(outputs, **{str(index): np.stack(rows) for index, rows in found.items()})  # type: ignore[arg-type]


if __name__ == "__main__":
    main(*sys.argv[1:6])
