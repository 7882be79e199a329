"""Recipes and steps for tests, and a strategy that makes any of them."""

import json

from hypothesis import strategies as st

from compress.recipes import steps
from compress.recipes.reading import parse_recipe
from compress.recipes.recipe import Recipe
from zoo.recipes import surroundings

TOP = 'model = "m"\ndataset = "d"\n'
EMIT = '[[emit]]\nprecisions = ["float32"]\n'
SPOKEN_DIGITS = """
model = "spoken-digits"
dataset = "spoken-digits"
protocol = "leave-one-group-out"
seeds = [0]

[train]
epochs = 40
batch = 64
learning_rate = 3e-3

[nets.large]
architecture = "ds-cnn-64"
steps = [{ do = "train" }]

[nets.small]
architecture = "ds-cnn-16"
teacher = "large"
steps = [{ do = "distil", temperature = 4.0, soft = 0.9 }]

[nets.thin]
from = "large"
steps = [{ do = "prune-filters", share = 0.5, by = "l1" }, { do = "train", epochs = 10 }]
control = true

[[emit]]
nets = ["large", "small"]
formats = ["tflite", "coreml", "onnx"]
precisions = ["float32", "float16", "int8"]
"""


def read(text: str, **around) -> Recipe:
    """A recipe of its text."""
    return parse_recipe(text, "r.toml", surroundings(**around))


def of_steps(*found: str, net: str = 'architecture = "lenet-5"', emit: str = EMIT) -> str:
    """A recipe of one net with these steps, each the inside of an inline table."""
    listed = ", ".join(f"{{ {each} }}" for each in found)
    return f"{TOP}[nets.a]\n{net}\nsteps = [{listed}]\n{emit}"


SHARES = st.integers(1, 9999).map(lambda each: each / 10000)
TRAININGS = st.builds(
    steps.Training, epochs=st.integers(1, 500), batch=st.integers(1, 512),
    learning_rate=st.floats(1e-6, 1, allow_nan=False), optimizer=st.sampled_from(("adam", "adamw", "sgd")),
    augment=st.booleans(),
)  # fmt: skip
FINE = st.builds(steps.FineTuning, epochs=st.integers(0, 50))
TEACHINGS = st.builds(steps.Teaching, soft=st.sampled_from((0.0, 0.3, 1.0)), temperature=st.floats(0.5, 20))
LAYERS = st.dictionaries(st.sampled_from(("conv1", "features.0", "classifier")), SHARES, max_size=2)
STEPS = st.one_of(
    st.builds(steps.Train, TRAININGS),
    st.builds(steps.Distil, TRAININGS, st.just(steps.Teaching(soft=0.9)), hints=st.booleans()),
    st.builds(
        steps.PruneWeights, SHARES, LAYERS, st.sampled_from(("uniform", "global")), training=TRAININGS,
        teaching=TEACHINGS,
    ),
    st.builds(steps.Rewind, SHARES, reinit=st.booleans(), rounds=st.none() | st.integers(1, 30), training=TRAININGS),
    st.builds(steps.PruneFilters, SHARES, st.sampled_from(("l1", "bn")), st.booleans(), st.integers(1, 16), LAYERS),
    st.builds(steps.PruneFilters, macs_share=SHARES, by=st.sampled_from(("l1", "bn"))),
    st.builds(steps.PruneLayers, count=st.integers(1, 30)),
    st.builds(steps.PruneLayers, blocks=st.lists(st.text("abc.1", min_size=1), min_size=1, unique=True).map(tuple)),
    st.builds(
        steps.Qat, st.sampled_from((2, 3, 4, 8)), st.sampled_from((8, "none")), TRAININGS, TEACHINGS
    ),
    st.builds(steps.Share, st.integers(1, 8), training=FINE, teaching=TEACHINGS),
    st.builds(steps.Mixed, st.integers(1, 10**7), training=FINE, teaching=TEACHINGS),
    st.builds(steps.Scratch, TRAININGS),
)  # fmt: skip


def toml(found: dict) -> str:
    """The inside of an inline table."""
    return ", ".join(f"{key} = {_toml(value)}" for key, value in found.items())


def _toml(value: object) -> str:
    if isinstance(value, dict):
        return "{ " + ", ".join(f"{json.dumps(key)} = {_toml(each)}" for key, each in value.items()) + " }"
    if isinstance(value, list):
        return "[" + ", ".join(map(_toml, value)) + "]"
    return repr(value) if isinstance(value, float) else json.dumps(value)
