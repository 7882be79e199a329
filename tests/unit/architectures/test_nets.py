"""Every family runs, tells inputs apart, and is taken by every exporter."""

import warnings

import pytest

torch = pytest.importorskip("torch", reason="torch comes with the extra 'convert'")

from architectures.catalogue import FAMILIES, HEAD, build, example, parse  # noqa: E402
from architectures.folding import fold_batch_norms  # noqa: E402
from zoo.errors import UsageError  # noqa: E402

pytestmark = pytest.mark.convert

SMALL = (
    "lenet-300-100", "lenet-5", "vgg-small-0.5-16", "vgg-11-0.25-32", "vgg-16-32", "resnet-8", "resnet-18-64",
    "resnet-50-64", "squeezenet-1.0-64", "squeezenet-1.1-64", "mobilenet-v1-0.25-64", "mobilenet-v1-0.25-64-grey",
    "mobilenet-v2-0.35-64", "mobilenet-v3-small-0.5-64", "mobilenet-v3-large-0.35-64",
    "mobilenet-v3-small-minimalistic-0.5-64", "mnasnet-0.35-64", "efficientnet-lite0-64", "ds-cnn-16",
    "deeplab-v3-mobilenet-v2-0.25-64", "transformer-encoder-1-32",
)  # fmt: skip
# The same builders with other settings.
TWINS = {"vgg-19", "resnet-20", "resnet-32", "resnet-56", "resnet-34", "mobilenet-v3-large-minimalistic",
         *(f"efficientnet-lite{number}" for number in (1, 2, 3, 4))}  # fmt: skip


@pytest.fixture(scope="module", params=SMALL)
def net(request):
    torch.manual_seed(0)
    built = build(request.param)
    for each in built.modules():  # statistics as if it had been trained
        if isinstance(each, torch.nn.BatchNorm2d):
            torch.nn.init.uniform_(each.running_mean, -0.2, 0.2)
            torch.nn.init.uniform_(each.running_var, 0.5, 2)
            torch.nn.init.uniform_(each.weight, 0.5, 1.5)
    return built.eval(), example(request.param)


@torch.no_grad()
def near(one, other):
    return (one - other).abs().max() <= 1e-5 * other.abs().max()


def test_the_small_nets_are_of_every_family_but_twins():
    assert {parse(each).family for each in SMALL} == set(FAMILIES) - TWINS


@torch.no_grad()
def test_folding_batch_norms_changes_no_output(net):
    module, given = net
    folded = fold_batch_norms(module)
    assert not [each for each in folded.modules() if isinstance(each, torch.nn.BatchNorm2d)]
    assert near(folded(given), module(given))


@torch.no_grad()
def test_every_net_can_be_traced_and_exported(net):
    module, given = net
    folded = fold_batch_norms(module)
    with warnings.catch_warnings():
        warnings.filterwarnings(
            "ignore", category=DeprecationWarning
        )  # torch.jit is deprecated, and Core ML needs it
        assert near(torch.jit.trace(folded, given)(given), folded(given))
    assert near(torch.export.export(folded, (given,)).module()(given), folded(given))


@torch.no_grad()
def test_batches_are_examples_side_by_side(net):
    module, given = net
    batch = torch.cat([given, -given])
    assert near(module(batch), torch.cat([module(given), module(-given)]))


@pytest.mark.parametrize("name", SMALL)
@torch.no_grad()
def test_untrained_nets_tell_inputs_apart(name):
    """Constant logits would make every comparison of a file with its net pass."""
    torch.manual_seed(0)
    net, (_, *shape) = build(name).eval(), example(name).shape
    logits = net(torch.randn(8, *shape, generator=torch.Generator().manual_seed(1))).flatten(1)
    assert logits.isfinite().all()
    assert logits.std(0).mean() > 0.01 * logits.abs().mean()


@pytest.mark.parametrize("name", SMALL)
def test_the_classifier_is_the_last_layer_and_has_the_classes(name):
    with torch.device("meta"):
        state = build(name, classes=7).state_dict()
    assert state[HEAD].shape[0] == 7
    assert list(state)[-2:] == [HEAD, HEAD.replace("weight", "bias")]


@pytest.mark.parametrize(
    "family",
    [each for each, row in FAMILIES.items() if row.size and "vgg" not in each and len(row.shape) == 3],
)
def test_weights_fit_every_resolution(family):
    """Paddings change with the resolution, names and shapes of weights do not."""
    usual = parse(family)
    with torch.device("meta"):
        states = [
            usual.with_shape((3, size, size)).build().state_dict() for size in (64, 65, 72, usual.shape[1])
        ]
    shapes = [{name: tensor.shape for name, tensor in each.items()} for each in states]
    assert shapes[0] == shapes[1] == shapes[2] == shapes[3]


def test_nets_are_the_same_for_the_same_seed_and_examples_always():
    states = []
    for seed in (3, 3, 4):
        torch.manual_seed(seed)
        states.append(build("resnet-8").state_dict()["features.0.conv.weight"])
    assert torch.equal(states[0], states[1])
    assert not torch.equal(states[0], states[2])
    assert torch.equal(example("resnet-8"), example("resnet-8"))
    assert example("resnet-8").dtype == torch.float32


def test_other_channels_and_classes_may_be_asked_for():
    net = build("mobilenet-v1-0.25-32", classes=2, in_channels=1).eval()
    assert net(torch.zeros(1, 1, 32, 32)).shape == (1, 2)


def test_a_segmenter_gives_a_logit_a_class_and_pixel():
    assert build("deeplab-v3-mobilenet-v2-0.25-72").eval()(torch.zeros(1, 3, 72, 72)).shape == (1, 21, 72, 72)


@pytest.mark.parametrize("wanted", [{"classes": 0}, {"in_channels": 0}, {"classes": -3}])
def test_nets_without_classes_or_channels_are_refused(wanted):
    with pytest.raises(UsageError, match="1 or more are wanted"):
        build("resnet-8", **wanted)
