"""Recipes become values, or all that is wrong with them is said at once, each with its place."""

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from compress.recipes import steps
from compress.recipes.reading import _Reader, parse_recipe, read_recipe
from compress.recipes.recipe import Protocol
from compress.recipes.steps import Teaching, Training
from tests.unit.compress.recipes.plans import EMIT, SPOKEN_DIGITS, TOP, of_steps, read
from zoo.errors import BadRecipeError
from zoo.recipes import surroundings


def problems(text: str, **around) -> tuple[str, ...]:
    with pytest.raises(BadRecipeError) as found:
        read(text, **around)
    return found.value.problems


def test_a_recipe_becomes_values():
    recipe = read(SPOKEN_DIGITS)
    assert (recipe.model, recipe.dataset, recipe.seeds) == ("spoken-digits", "spoken-digits", (0,))
    assert recipe.protocol is Protocol.LEAVE_ONE_GROUP_OUT
    large, small, thin = recipe.nets
    assert large.steps == (steps.Train(Training(epochs=40, batch=64, learning_rate=3e-3)),)
    assert small.steps == (
        steps.Distil(Training(epochs=40, batch=64, learning_rate=3e-3), Teaching(soft=0.9, temperature=4.0)),
    )
    assert thin.architecture == "ds-cnn-64"
    assert thin.steps[1].training == Training(epochs=10, batch=64, learning_rate=3e-3)
    assert recipe.name(thin) == "ds-cnn-64_t40_f50_t10"
    assert recipe.control_name(thin) == "ds-cnn-64_t40_f50_t10_sc50"
    assert recipe.control(thin).training == Training(epochs=50, batch=64, learning_rate=3e-3)
    assert len(recipe.files(small)) == 9
    assert recipe.files(thin) == ()


def test_what_a_step_says_comes_before_what_train_says_and_that_before_the_usual():
    text = of_steps('do = "train", epochs = 3', 'do = "share", epochs = 0')
    recipe = read(text.replace("[nets.a]", "[train]\nepochs = 7\nbatch = 32\n[nets.a]"))
    train, share = recipe.nets[0].steps
    assert (train.training.epochs, train.training.batch, train.training.optimizer) == (3, 32, "adam")
    assert (share.training.epochs, share.training.batch) == (0, 32)


def test_bases_and_teachers_come_first_whatever_the_order_in_the_file():
    text = f"""{TOP}
[nets.c]
from = "b"
teacher = "a"
steps = [{{ do = "distil" }}]
[nets.b]
architecture = "lenet-5"
steps = [{{ do = "train" }}]
[nets.a]
architecture = "resnet-8"
steps = [{{ do = "train" }}]
{EMIT}"""
    assert [each.handle for each in read(text).nets] == ["b", "a", "c"]


def test_architectures_get_their_full_names():
    assert read(of_steps('do = "train"', net='architecture = "mobilenet-v2-96"')).nets[0].architecture == (
        "mobilenet-v2-1.0-96"
    )


CASES = {
    "not TOML": ("model = ", ["not TOML:"]),
    "an unknown key at the top": (f"modle = 1\n{SPOKEN_DIGITS}", ["modle: unknown key. Did you mean 'model'?"]),
    "no model": (of_steps('do = "train"').replace('model = "m"\n', ""), ["model: missing"]),
    "an impossible number": (
        of_steps('do = "train"', 'do = "train", epochs = 0'),
        ["nets.a.steps[1].epochs: 0, but 1 or more are wanted"],
    ),
    "a word for a number": (
        of_steps('do = "train", batch = "all"'), ["nets.a.steps[0].batch: 'all', but a whole number is wanted"]
    ),
    "true for a number": (of_steps('do = "train", epochs = true'), ["epochs: True, but a whole number is wanted"]),
    "a fraction for a whole number": (of_steps('do = "train", epochs = 1.5'), ["1.5, but a whole number is wanted"]),
    "not a number": (of_steps('do = "train", learning_rate = nan'), ["learning_rate: nan, but a number is wanted"]),
    "a share of everything": (
        of_steps('do = "prune-weights", share = 1'), ["share: 1, but a number above 0 and below 1 is wanted"]
    ),
    "a share of a layer": (
        of_steps('do = "prune-weights", share = 0.9, layers = { classifier = 2 }'),
        ["nets.a.steps[0].layers.classifier: 2, but"],
    ),
    "a share that is missing": (of_steps('do = "prune-weights"'), ["nets.a.steps[0].share: missing"]),
    "five bits": (of_steps('do = "qat", weight_bits = 5'), ["weight_bits: 5, but 2 or 3 or 4 or 8 is wanted"]),
    "an unknown option": (
        of_steps('do = "train", epoch = 3'), ["nets.a.steps[0].epoch: unknown key. Did you mean 'epochs'?"]
    ),
    "an unknown step": (of_steps('do = "distill"'), ["nets.a.steps[0].do: 'distill'", "Did you mean 'distil'?"]),
    "a control as a step": (of_steps('do = "scratch"'), ["nets.a.steps[0].do: 'scratch', but there is no such step"]),
    "a step that is no table": (f'{TOP}[nets.a]\narchitecture = "lenet-5"\nsteps = ["train"]\n{EMIT}',
                                ["nets.a.steps[0]: 'train', but a table"]),
    "steps that are no list": (f'{TOP}[nets.a]\narchitecture = "lenet-5"\nsteps = 3\n{EMIT}', ["nets.a.steps: 3"]),
    "a word that is no text": (of_steps("do = [1]"), ["nets.a.steps[0].do: [1]"]),
    "an unknown key of a net": (
        of_steps('do = "train"', net='architecture = "lenet-5"\nstart = "b"'), ["nets.a.start: unknown key."]
    ),
    "an unknown architecture": (
        of_steps('do = "train"', net='architecture = "lenet-6"'), ["nets.a.architecture: unknown architecture"]
    ),
    "a width that makes no sense": (
        of_steps('do = "train"', net='architecture = "ds-cnn-0"'), ["nets.a.architecture:", "width '0'"]
    ),
    "no architecture": (of_steps('do = "train"', net="control = false"), ["nets.a.architecture: missing"]),
    "no steps": (of_steps(), ["nets.a.steps: it is empty"]),
    "weights that no package has": (
        of_steps('do = "train"', net='architecture = "lenet-5"\npretrained = true'),
        ["nets.a.pretrained: true, but no package has weights of lenet-5"],
    ),
    "an unknown base": (of_steps('do = "train"', net='from = "b"'), ["nets.a.from: there is no net 'b'"]),
    "filters of no share": (of_steps('do = "train"', 'do = "prune-filters"'), ["nets.a.steps[1].share: missing"]),
    "filters of two shares": (
        of_steps('do = "train"', 'do = "prune-filters", share = 0.3, macs_share = 0.5'),
        ["nets.a.steps[1].share: 0.3, but `macs_share` is there, too"],
    ),
    "an unknown teacher": (
        of_steps('do = "distil"', net='architecture = "lenet-5"\nteacher = "aa"'),
        ["nets.a.teacher: there is no net 'aa'. Did you mean 'a'?"],
    ),
    "its own teacher": (
        of_steps('do = "distil"', net='architecture = "lenet-5"\nteacher = "a"'), ["'a' -> 'a' is a circle"]
    ),
    "no teacher": (of_steps('do = "distil"'), ["nets.a.steps[0]: distil listens to a teacher, and the net has none"]),
    "softly quantised without a teacher": (
        of_steps('do = "qat", soft = 0.5'), ["nets.a.steps[0].soft: qat listens to a teacher"]
    ),
    "a teacher that nobody hears": (
        SPOKEN_DIGITS.replace('do = "distil", temperature = 4.0, soft = 0.9', 'do = "train"'),
        ["nets.small.teacher: no step listens to 'large'"],
    ),
    "a distillation that learns nothing": (
        SPOKEN_DIGITS.replace("soft = 0.9", "soft = 0.0"), ["nets.small.steps[0].soft: 0.0, so nothing is learned"]
    ),
    "layers of convolutions": (
        SPOKEN_DIGITS.replace("soft = 0.9", "layers = true"), ["nets.small.steps[0].layers: true, but ds-cnn-16 is no"]
    ),
    "hints and layers": (
        SPOKEN_DIGITS.replace("soft = 0.9", "layers = true, hints = true"), ["nets.small.steps[0].hints: true, but"]
    ),
    "rounds said twice": (
        of_steps('do = "rewind", share = 0.9, rounds = 3, share_per_round = 0.2'), ["nets.a.steps[0].rounds: 3, but"]
    ),
    "no blocks": (of_steps('do = "train"', 'do = "prune-layers"'), ["nets.a.steps[1].count: missing"]),
    "blocks said twice": (
        of_steps('do = "train"', 'do = "prune-layers", count = 1, blocks = ["a"]'), ["nets.a.steps[1].count: 1, but"]
    ),
    "a control of a net that is not pruned": (
        of_steps('do = "train"', net='architecture = "lenet-5"\ncontrol = true'), ["nets.a.control: true, but nothing"]
    ),
    "a control after quantising": (
        of_steps('do = "prune-weights", share = 0.5', 'do = "qat"', net='architecture = "lenet-5"\ncontrol = true'),
        ["nets.a.control: true, but qat comes after"],
    ),
    "a key that no file can bear": (of_steps('do = "train"').replace("nets.a", 'nets."A b"'), ["nets.A b: a key of"]),
    "a label that no name can bear": (
        of_steps('do = "train"', net='architecture = "lenet-5"\nlabel = "a_b"'), ["nets.a.label: 'a_b', but"]
    ),
    "no nets": (f"{TOP}{EMIT}", ["nets: missing"]),
    "nets that are no table": (f"nets = 3\n{TOP}{EMIT}", ["nets: 3, but a table is wanted"]),
    "no files": (of_steps('do = "train"', emit=""), ["emit: missing"]),
    "files of an unknown net": (
        of_steps('do = "train"', emit='[[emit]]\nnets = ["b"]'), ["emit[0].nets[0]: there is no net 'b'"]
    ),
    "an unknown format": (
        of_steps('do = "train"', emit='[[emit]]\nformats = ["tflight"]'),
        ["emit[0].formats[0]: there is no format 'tflight'. Did you mean 'tflite'?"],
    ),
    "an unknown precision": (
        of_steps('do = "train"', emit='[[emit]]\nprecisions = ["int7"]'),
        ["emit[0].precisions[0]: there is no precision 'int7'. Did you mean 'int8'?"],
    ),
    "palettes in TFLite": (
        of_steps('do = "train"', emit='[[emit]]\nprecisions = ["palette4"]'),
        ["emit[0]: no palette4 in tflite: TFLite has no codebooks", "emit[0]: no palette4 in onnx"],
    ),
    "integers of a palette": (
        of_steps('do = "train"', 'do = "share"', emit='[[emit]]\nprecisions = ["int8"]'),
        ["emit[0]: no int8 of 'a': its weights share the values of a codebook"],
    ),
    "four bits of eight": (
        of_steps('do = "qat", weight_bits = 8', emit='[[emit]]\nprecisions = ["int4_weights"]'),
        ["emit[0]: no int4_weights of 'a': its weights lie on a grid of 8 bits, which the 4-bit grid of int4_weights"],
    ),
    "no zeros to leave out": (
        of_steps('do = "train"', emit='[[emit]]\nformats = ["tflite"]\nprecisions = ["sparse"]'),
        ["emit[0]: no sparse of 'a': none of its weights were pruned"],
    ),
    "a protocol": (f'protocol = "k-fold"\n{of_steps("do = 1")}', ["protocol: 'k-fold', but holdout or"]),
    "a seed twice": (f"seeds = [1, 1]\n{of_steps('do = 1')}", ["seeds: 1 is there twice"]),
    "no seeds": (f"seeds = []\n{of_steps('do = 1')}", ["seeds: it is empty"]),
    "a wrong usual value": (f"[train]\nepochs = 0\n{of_steps('do = 1').replace(TOP, '')}", ["train.epochs: 0"]),
    "wrong features": (f'{of_steps("do = 1")}[input]\nchanges = {{ a = [nan] }}', ["input.changes.a: [nan]"]),
}  # fmt: skip


@pytest.mark.parametrize(("text", "said"), CASES.values(), ids=CASES)
def test_what_makes_no_sense_is_refused_with_its_place(text, said):
    found = problems(text)
    assert all(any(each in one for one in found) for each in said), found


def test_all_problems_are_said_at_once():
    text = """
modle = "m"
dataset = 3
seeds = [0, -1]
[train]
epochs = 0
[nets.a]
architecture = "lenet-6"
steps = [{ do = "share" }, { do = "train", batch = 0 }, { do = "tran" }]
[nets.b]
from = "c"
steps = [{ do = "train" }]
[nets.c]
from = "b"
steps = [{ do = "train" }]
[nets.d]
architecture = "lenet-5"
teacher = "e"
steps = [{ do = "qat" }, { do = "train" }]
[[emit]]
nets = ["d", "z"]
precisions = ["int8", "palette4"]
"""
    places = [each.partition(": ")[0] for each in problems(text)]
    wanted = [
        "modle", "model", "dataset", "seeds[1]", "train.epochs", "nets.a.architecture", "nets.a.steps[0]",
        "nets.a.steps[1].batch", "nets.a.steps[2].do", "nets", "nets.d.teacher", "nets.d.steps[1]",
        "emit[0].nets[1]", "emit[0]",
    ]  # fmt: skip
    assert [each for each in wanted if each not in places] == []


def test_one_message_names_the_file_and_every_problem():
    with pytest.raises(BadRecipeError, match=r"^bad recipe 'r.toml': model: missing.*; .*nets: missing"):
        read("")


def test_two_nets_of_one_name_need_a_label():
    net = '[nets.{}]\narchitecture = "lenet-5"\n{}\nsteps = [{{ do = "train", batch = {} }}]\n'
    both = f"{TOP}{net.format('a', '', 1)}{net.format('b', '', 2)}{EMIT}"
    assert problems(both) == (
        "nets.b: its name 'lenet-5_t10' is that of nets.a, too; give one of them a label",
    )
    labelled = TOP + net.format("a", "", 1) + net.format("b", 'label = "slow"', 2) + EMIT
    recipe = read(labelled)
    assert [recipe.name(each) for each in recipe.nets] == ["lenet-5_t10", "lenet-5_t10_n-slow"]


def test_what_the_surroundings_say_is_among_the_problems():
    found = problems(
        of_steps('do = "tran"'),
        dataset_problem=lambda name: f"'{name}' was looked for in /a and /b",
        model_problem=lambda name: f"no model {name}",
        input_problem=lambda plan: f"no {plan.kind}",
    )
    assert found[:3] == ("model: no model m", "dataset: 'd' was looked for in /a and /b", "input: no image")
    assert len(found) == 4


def test_a_file_that_cannot_be_read_is_one_problem(tmp_path):
    for path in (tmp_path / "none.toml", tmp_path):
        with pytest.raises(BadRecipeError, match="cannot be read"):
            read_recipe(path, surroundings())
    (tmp_path / "latin.toml").write_bytes(b"model = '\xff'")
    with pytest.raises(BadRecipeError, match="not UTF-8"):
        read_recipe(tmp_path / "latin.toml", surroundings())


LEAVES = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(max_size=5)
    | st.sampled_from(("a", "train"))
)
TREES = st.recursive(
    LEAVES,
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(("do", "steps", "from", "teacher", "a", "epochs", "layers", "architecture")),
            inner,
            max_size=4,
        )
    ),
    max_leaves=12,
)


@settings(suppress_health_check=[HealthCheck.too_slow], deadline=None)
@given(
    st.dictionaries(
        st.sampled_from(("model", "dataset", "protocol", "seeds", "train", "input", "nets", "emit")),
        TREES,
        max_size=8,
    )
)
def test_whatever_a_file_says_is_a_recipe_or_a_list_of_problems(document):
    reader = _Reader(document, surroundings())
    reader.recipe()
    assert all(isinstance(each, str) and ": " in each for each in reader.problems)


def test_a_deep_file_is_refused_and_not_a_crash():
    with pytest.raises(BadRecipeError):
        parse_recipe(f"a = {'[' * 100_000}", "deep.toml", surroundings())
