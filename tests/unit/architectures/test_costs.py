"""Costs are the published ones. Nets are built on the device ``meta``: nothing is computed."""

import pytest

torch = pytest.importorskip("torch", reason="torch comes with the extra 'convert'")

from architectures.catalogue import parse  # noqa: E402
from architectures.costs import Costs, count  # noqa: E402
from architectures.nets.blocks import Maps, grow  # noqa: E402
from architectures.nets.mobilenet import trunk_v2  # noqa: E402

pytestmark = pytest.mark.convert

CAFFE = "Han et al. 2015, arXiv:1506.02626, tables 3 and 4: 267 k and 431 k"
VISION = "pytorch.org/vision, models, num_params and GFLOPS"
SLIM_V1 = "tensorflow/models, research/slim/nets/mobilenet_v1.md, million MACs"
SLIM_V2 = "tensorflow/models, research/slim/nets/mobilenet/README.md, MACs (M)"
KERAS = "keras 3 applications, trainable weights of the net without weights"
TINY = "mlcommons/tiny, training/*/keras_model.py, as Keras counts; NXP/eiq-model-zoo: 23,756"

# name, exact learned parameters, where
PARAMETERS = (
    ("lenet-300-100", 266_610, CAFFE),
    ("lenet-5", 431_080, CAFFE),
    ("vgg-11", 132_863_336, VISION),
    ("vgg-16", 138_357_544, VISION),
    ("vgg-19", 143_667_240, VISION),
    ("resnet-18", 11_689_512, VISION),
    ("resnet-34", 21_797_672, VISION),
    ("resnet-50", 25_557_032, VISION),
    ("squeezenet-1.0", 1_248_424, VISION),
    ("squeezenet-1.1", 1_235_496, VISION),
    ("mobilenet-v1-1.0", 4_231_976, KERAS),
    ("mobilenet-v1-0.75", 2_585_560, KERAS),
    ("mobilenet-v1-0.5", 1_331_592, KERAS),
    ("mobilenet-v1-0.25", 470_072, KERAS),
    ("mobilenet-v2-1.4", 6_108_776, KERAS),
    ("mobilenet-v2-1.3", 5_386_792, KERAS),
    ("mobilenet-v2-1.0", 3_504_872, KERAS),
    ("mobilenet-v2-0.75", 2_636_424, KERAS),
    ("mobilenet-v2-0.5", 1_968_680, KERAS),
    ("mobilenet-v2-0.35", 1_677_128, KERAS),
    ("mobilenet-v3-large-1.0", 5_483_032, KERAS),
    ("mobilenet-v3-large-0.75", 3_993_528, KERAS),
    ("mobilenet-v3-small-1.0", 2_542_856, KERAS),
    ("mobilenet-v3-small-0.75", 2_041_872, KERAS),
    ("mobilenet-v3-large-minimalistic-1.0", 3_924_288, KERAS),
    ("mobilenet-v3-small-minimalistic-1.0", 2_044_736, KERAS),
    ("mnasnet-1.3", 6_282_256, VISION),
    ("mnasnet-1.0", 4_383_312, VISION),
    ("mnasnet-0.75", 3_170_208, VISION),
    ("mnasnet-0.5", 2_218_512, VISION),
    ("efficientnet-lite0", 4_652_008, "FrancescoSaverioZuppichini/glasses, table.md"),
    ("efficientnet-lite1", 5_416_680, "the same"),
    ("efficientnet-lite2", 6_092_072, "the same"),
    ("efficientnet-lite3", 8_197_096, "the same"),
    ("efficientnet-lite4", 13_006_568, "the same"),
    ("ds-cnn-64", 23_756, TINY),
)

# name, MACs, relative tolerance (up to a unit of the last digit published, where that is more than 1 %), where
MACS = (
    ("vgg-16", 15.47e9, 0.001, VISION),
    ("vgg-19", 19.63e9, 0.001, VISION),
    ("resnet-18", 1.814e9, 0.001, VISION),
    ("resnet-34", 3.664e9, 0.001, VISION),
    ("resnet-50", 4.089e9, 0.001, VISION),
    ("squeezenet-1.0", 0.819e9, 0.001, VISION),
    ("squeezenet-1.1", 0.349e9, 0.001, VISION),
    ("mobilenet-v1-1.0-224", 569e6, 0.005, SLIM_V1),
    ("mobilenet-v1-1.0-192", 418e6, 0.005, SLIM_V1),
    ("mobilenet-v1-1.0-160", 291e6, 0.005, SLIM_V1),
    ("mobilenet-v1-1.0-128", 186e6, 0.005, SLIM_V1),
    ("mobilenet-v1-0.75-160", 162e6, 0.03, SLIM_V1),
    ("mobilenet-v1-0.5-224", 150e6, 0.005, SLIM_V1),
    ("mobilenet-v1-0.25-224", 41e6, 0.01, SLIM_V1),
    ("mobilenet-v2-1.4-224", 582e6, 0.005, SLIM_V2),
    ("mobilenet-v2-1.3-224", 509e6, 0.005, SLIM_V2),
    ("mobilenet-v2-1.0-224", 300e6, 0.005, SLIM_V2),
    ("mobilenet-v2-1.0-160", 154e6, 0.005, SLIM_V2),
    ("mobilenet-v2-0.75-224", 209e6, 0.005, SLIM_V2),
    ("mobilenet-v2-0.5-224", 97e6, 0.005, SLIM_V2),
    ("mobilenet-v2-0.35-224", 59e6, 0.01, SLIM_V2),
    ("mobilenet-v2-0.35-160", 30e6, 0.03, SLIM_V2),
    ("mobilenet-v3-large-1.0-224", 217e6, 0.005, "tensorflow/models, slim/nets/mobilenet/README.md: 217 M"),
    ("mobilenet-v3-large-0.75-224", 155e6, 0.005, "the same: 155 M"),
    ("mobilenet-v3-large-minimalistic-1.0-224", 209e6, 0.005, "the same: 209 M"),
    ("mobilenet-v3-small-1.0-224", 56e6, 0.01, "Howard et al. 2019, arXiv:1905.02244v5, table 3: 56 M"),
    ("mobilenet-v3-small-0.75-224", 44e6, 0.015, "the same: 44 M"),
    ("mnasnet-1.0-224", 0.314e9, 0.005, VISION),
    ("mnasnet-0.5-224", 0.104e9, 0.005, VISION),
    ("resnet-8", 12.5e6, 0.001, "Banbury et al. 2021, arXiv:2106.07597"),
    ("ds-cnn-64", 2.66e6, 0.005, "Banbury et al. 2021, arXiv:2106.07597"),
)


def on_meta(name):
    architecture = parse(name)
    with torch.device("meta"):
        return architecture.build().eval(), torch.empty(1, *architecture.shape)


@pytest.mark.parametrize(("name", "params", "where"), PARAMETERS, ids=[each[0] for each in PARAMETERS])
def test_nets_have_as_many_parameters_as_published(name, params, where):
    assert count(*on_meta(name)).params == params, where


@pytest.mark.parametrize(("name", "macs", "tolerance", "where"), MACS, ids=[each[0] for each in MACS])
def test_nets_have_as_many_macs_as_published(name, macs, tolerance, where):
    assert count(*on_meta(name)).macs == pytest.approx(macs, rel=tolerance), where


@pytest.mark.parametrize(
    ("name", "numbers"), [("resnet-8", 78_666), ("resnet-20", 274_442), ("ds-cnn-64", 24_908)]
)
def test_small_nets_have_as_many_numbers_as_keras_counts(name, numbers):
    costs = count(*on_meta(name))
    assert costs.params + costs.statistics == numbers


@pytest.mark.parametrize(("number", "millions"), [(0, 407), (1, 631), (2, 899), (3, 1440), (4, 2640)])
def test_efficientnet_lite_has_as_many_operations_as_published(number, millions):
    """tensorflow/tpu, models/official/efficientnet/lite: "MAdds" there are half of TensorFlow's operations.

    These have three for each element that a batch norm sees, beside two for each MAC (inferred: it fits all five nets).
    """
    net, example = on_meta(f"efficientnet-lite{number}")
    elements = []
    for each in net.modules():
        if isinstance(each, torch.nn.BatchNorm2d):
            each.register_forward_hook(lambda _module, _given, found: elements.append(found.numel()))
    net(example)
    assert count(net, example).macs + 1.5 * sum(elements) == pytest.approx(millions * 1e6, rel=0.005)


def test_a_narrow_vgg_has_as_many_parameters_as_the_student_of_the_distillation_recipe():
    assert count(*on_meta("vgg-small")).params == 72_666
    assert count(*on_meta("vgg-small-0.25")).params == 4_782


def test_encoder_layers_are_as_large_as_those_of_bert():
    """Devlin et al. 2018: 12 layers of 768; of BERT base's 109,482,240 numbers these are 85,054,464."""
    layers, features = 12, 768
    net, example = on_meta(f"transformer-encoder-{layers}-{features}")
    blocks = sum(each.numel() for each in net.blocks.parameters())
    assert blocks == layers * (12 * features**2 + 13 * features) == 85_054_464
    tokens = example.shape[1]
    dense, attention = 12 * features**2 * tokens, 2 * tokens**2 * features
    assert count(net, example).macs == layers * (dense + attention) + features * 10


def test_the_segmenter_is_its_trunk_and_a_pyramid():
    net, _ = on_meta("deeplab-v3-mobilenet-v2-1.0-513")
    with torch.device("meta"):
        trunk, maps = grow(Maps(3, 513, 513), trunk_v2(1.0, 16))
    assert maps == Maps(320, 33, 33)  # 513 / 16, rounded up
    pyramid = 320 * 256 * (1 + 3 * 9 + 1) + 5 * 256 * 256 + 6 * 2 * 256  # weights, and two numbers a norm
    inside = sum(each.numel() for each in trunk.parameters())
    assert sum(each.numel() for each in net.parameters()) == inside + pyramid + 257 * 21


def test_what_is_counted_is_what_the_arithmetic_says():
    net = torch.nn.Sequential(
        torch.nn.Conv2d(4, 8, 3, padding=1, groups=2),
        torch.nn.BatchNorm2d(8),
        torch.nn.Flatten(),
        torch.nn.Linear(200, 3),
    )
    assert count(net, torch.zeros(1, 4, 5, 5)) == Costs(
        params=8 * 2 * 9 + 8 + 16 + 603, statistics=16, macs=25 * 8 * 2 * 9 + 600
    )
    assert net.training
