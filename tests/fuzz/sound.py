"""Small, sound files that mutants are made of, written by this project's own converters."""

import sys
from pathlib import Path

import numpy as np
from safetensors.numpy import save_file

sys.path.insert(0, str(Path(__file__).parents[1] / "unit" / "converters"))
import nets

from converters.recipes import Recipe, Target
from converters.sources.base import SourceKind
from converters.sources.torch_modules import from_module
from converters.targets.base import Settings, converter

MADE = (
    (Target.TFLITE, Recipe.FLOAT32), (Target.TFLITE, Recipe.INT8), (Target.TFLITE, Recipe.INT4_WEIGHTS),
    (Target.ONNX, Recipe.FLOAT32), (Target.ONNX, Recipe.INT8), (Target.ONNX, Recipe.INT4_WEIGHTS),
    (Target.COREML, Recipe.FLOAT32), (Target.COREML, Recipe.PALETTE4), (Target.COREML, Recipe.INT8_WEIGHTS),
)  # fmt: skip


def files(folder: Path) -> dict[str, list[Path]]:
    """Write them and give them by format."""
    net, example = nets.classifier()
    source = from_module(net, [example], "net", SourceKind.PYTHON, "net")
    dice = np.random.default_rng(0)
    settings = Settings([[dice.standard_normal(example.shape).astype(np.float32)] for _ in range(2)])
    tiny = Settings(settings.calibration, tiny=True)
    made: dict[str, list[Path]] = {}
    converters = {target: converter(target, source, folder) for target, _ in MADE}
    for target, recipe in MADE:
        path = folder / f"{target}-{recipe}{converters[target].suffix_of(recipe, settings)}"
        converters[target].write(recipe, settings, path)
        made.setdefault(path.suffix[1:], []).append(path)
    for recipe in (Recipe.FLOAT32, Recipe.INT8_WEIGHTS):
        path = folder / f"tiny-{recipe}.mlmodel"
        converters[Target.COREML].write(recipe, tiny, path)
        made.setdefault("mlmodel", []).append(path)
    arrays = {"weight": dice.standard_normal((4, 3)).astype(np.float32), "bias": np.zeros(4, np.float16)}
    save_file(arrays, folder / "weights.safetensors")
    np.savez_compressed(folder / "weights.npz", **arrays)
    np.save(folder / "weight.npy", arrays["weight"])
    made["weights"] = [folder / "weights.safetensors", folder / "weights.npz", folder / "weight.npy"]
    return made
