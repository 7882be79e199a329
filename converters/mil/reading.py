"""Opens a Core ML file with the evaluator that fits what is in it."""

from pathlib import Path

from converters.mil.base import Evaluator
from zoo.errors import ConversionError


def read(path: Path) -> Evaluator:
    """See `converters.mil.load`."""
    import coremltools as ct

    model = ct.models.MLModel(str(path), skip_model_load=True)
    spec = model.get_spec()
    kind = spec.WhichOneof("Type")
    if kind == "mlProgram":
        from converters.mil.program import ProgramEvaluator

        return ProgramEvaluator(spec, model.weights_dir)
    if kind == "neuralNetwork":
        from converters.mil.neural_network import NetworkEvaluator

        return NetworkEvaluator(spec)
    raise ConversionError(
        f"parity not checked: '{path.name}' holds a {kind}, no program and no neural network"
    )
