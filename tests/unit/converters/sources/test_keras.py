"""Keras files and SavedModels: read without running what they bring, frozen, rebuilt, and converted to every format."""

import sys
from pathlib import Path

import pytest

torch = pytest.importorskip("torch", reason="torch comes with the extra 'convert'")
tf = pytest.importorskip("tensorflow", reason="tensorflow comes with the extra 'keras'")
import numpy as np  # noqa: E402

from converters.converting import convert  # noqa: E402
from converters.making import Request  # noqa: E402
from converters.recipes import Recipe, Target  # noqa: E402
from converters.sources.base import SourceKind  # noqa: E402
from converters.sources.opening import open_source  # noqa: E402
from zoo.errors import BadFileError, BadSourceError  # noqa: E402

pytestmark = pytest.mark.convert

layers = tf.keras.layers
ALL = (Target.TFLITE, Target.COREML, Target.ONNX)


def classifier():
    """Strided, depthwise, batch norm, pooling, dense: as image nets are built."""
    tf.keras.utils.set_random_seed(0)
    return tf.keras.Sequential(
        [
            layers.Input((16, 16, 3)),
            layers.Conv2D(8, 3, strides=2, padding="same"), layers.BatchNormalization(), layers.ReLU(6.0),
            layers.DepthwiseConv2D(3, padding="same"), layers.GlobalAveragePooling2D(),
            layers.Dense(5, activation="softmax"),
        ]
    )  # fmt: skip


def two_of_each():
    tf.keras.utils.set_random_seed(1)
    left, right = layers.Input((8,), name="left"), layers.Input((4,), name="right")
    both = layers.Concatenate()([left, right])
    return tf.keras.Model([left, right], [layers.Dense(3)(left), layers.Dense(2)(both)])


def named():
    tf.keras.utils.set_random_seed(2)
    taken = {"b": layers.Input((4,), name="b"), "a": layers.Input((8,), name="a")}
    return tf.keras.Model(taken, {"z": layers.Dense(3)(taken["a"]), "y": layers.Dense(2)(taken["b"])})


def recurrent():
    tf.keras.utils.set_random_seed(3)
    steps = layers.Input((6, 4))
    return tf.keras.Model(steps, layers.Dense(3)(layers.LSTM(8)(steps)))


NETS = {"sequential": classifier, "two inputs": two_of_each, "dictionaries": named, "recurrent": recurrent}


@pytest.fixture(params=NETS, ids=list(NETS))
def kept(request, tmp_path):
    net = NETS[request.param]()
    net.save(tmp_path / "net.keras")
    net.export(tmp_path / "folder", verbose=False)
    return net, tmp_path


def arrays(source):
    dice = np.random.default_rng(0)
    return [dice.standard_normal(each.shape).astype(np.float32) for each in source.inputs]


@pytest.mark.parametrize(
    ("name", "kind"), [("net.keras", SourceKind.KERAS), ("folder", SourceKind.SAVED_MODEL)]
)
def test_a_file_gives_what_the_net_gave_and_a_torch_module_of_it(kept, name, kind):
    net, folder = kept
    source = open_source(str(folder / name))
    assert source.kind is kind
    given = arrays(source)
    if {each.name for each in net.inputs} == {"a", "b"}:  # by name in the net, sorted by name in a source
        wanted = net(dict(zip("ab", given, strict=True)))
        wanted = [wanted[each] for each in sorted(wanted)]
    else:
        wanted = net(given if len(given) > 1 else given[0])
    wanted = wanted if isinstance(wanted, list | tuple) else [wanted]
    found = source.run(given)
    rebuilt = source.module(*(torch.from_numpy(each) for each in given))
    assert len(found) == len(wanted) == len(rebuilt)
    for ours, theirs, again in zip(found, wanted, rebuilt, strict=True):
        assert np.allclose(ours, np.asarray(theirs), atol=1e-5)
        assert np.allclose(again.detach().numpy(), np.asarray(theirs), atol=1e-4)


@pytest.mark.parametrize("name", ["net.keras", "folder"])
def test_a_keras_net_becomes_three_formats_in_float_and_static_int8(name, tmp_path):
    net = classifier()
    net.save(tmp_path / "net.keras")
    net.export(tmp_path / "folder", verbose=False)
    out = tmp_path / "out"
    made = convert(open_source(str(tmp_path / name)), Request(ALL, (Recipe.FLOAT32, Recipe.INT8), out))
    assert made.refused == ()
    assert len(made.files) == 6
    assert all(each.main.parity.max_rel_error < 1e-3 for each in made.files if each.recipe == "float32")
    (first, *_) = [each for each in made.files if each.format == "tflite"]
    assert (first.inputs[0].layout, first.inputs[0].shape) == ("NHWC", (1, 16, 16, 3))


def test_outputs_are_named_after_their_place(tmp_path):
    two_of_each().save(tmp_path / "net.keras")
    source = open_source(str(tmp_path / "net.keras"))
    assert [each.name for each in source.inputs] == ["left", "right"]
    assert [each.name for each in source.outputs] == ["output_0", "output_1"]


def test_a_lambda_layer_is_refused_and_never_run(tmp_path):
    went_off = tmp_path / "went off"

    def touch(x):
        Path(went_off).touch()
        return x

    net = tf.keras.Sequential([layers.Input((4,)), layers.Dense(2)])
    kept = tf.keras.Sequential([layers.Input((4,)), layers.Lambda(touch)])
    went_off.unlink(missing_ok=True)  # building it ran it
    kept.save(tmp_path / "net.keras")
    with pytest.raises((BadSourceError, BadFileError), match="Lambda"):
        open_source(str(tmp_path / "net.keras"))
    assert not went_off.exists()
    net.save(tmp_path / "plain.keras")
    assert open_source(str(tmp_path / "plain.keras")).kind is SourceKind.KERAS


def test_an_older_file_says_how_to_save_it_anew(tmp_path):
    classifier().save(tmp_path / "net.h5")
    with pytest.raises(BadSourceError, match=r"net\.keras"):
        open_source(str(tmp_path / "net.h5"))


def test_without_tensorflow_it_says_what_to_install(tmp_path, monkeypatch):
    classifier().save(tmp_path / "net.keras")
    monkeypatch.setitem(sys.modules, "tensorflow", None)
    with pytest.raises(Exception, match=r"pip install 'device-zoo\[keras\]'"):
        open_source(str(tmp_path / "net.keras"))
