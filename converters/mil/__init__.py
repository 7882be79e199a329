"""A reference evaluator of Core ML files, on any system.

Core ML itself runs on Apple's systems only. `load` reads a saved file, with coremltools' own reader, and
evaluates what its bytes say in torch, so that a converted file can be compared with its source anywhere:

* `program`: ML Programs (.mlpackage); `neural_network`: the older NeuralNetwork files (.mlmodel).
* `constants`: compressed weights (``constexpr_*``) decoded in numpy, apart from coremltools' decoder.
* `ops`: one function an operation, in tables by kind.

Values of float16 programs are rounded to float16 after every operation and accumulated in float32 inside
one. An operation that is not known is named by `unknown_operators`; it is never skipped.
"""

from pathlib import Path

from converters.mil.base import Evaluator


def load(path: Path) -> Evaluator:
    """Read a .mlpackage folder or a .mlmodel file.

    Raises:
        ConversionError: it holds something else than a program or a neural network.
    """
    from converters.mil.reading import read

    return read(path)


__all__ = ["Evaluator", "load"]
