"""Folding keeps outputs, whatever the net does with its layers."""

import copy

import pytest

torch = pytest.importorskip("torch", reason="torch comes with the extra 'convert'")

from torch import nn  # noqa: E402
from torch.nn.utils import parametrize  # noqa: E402

from architectures.folding import fold_batch_norms  # noqa: E402
from zoo.errors import UsageError  # noqa: E402

pytestmark = pytest.mark.convert


def norms(net):
    return sum(isinstance(each, nn.modules.batchnorm._BatchNorm) for each in net.modules())


def trained(net):
    """Give every norm statistics as if the net had been trained."""
    torch.manual_seed(0)
    for each in net.modules():
        if isinstance(each, nn.modules.batchnorm._BatchNorm) and each.running_mean is not None:
            nn.init.uniform_(each.running_mean, -1, 1)
            nn.init.uniform_(each.running_var, 0.5, 2)
            if each.affine:
                nn.init.uniform_(each.weight, 0.5, 2)
                nn.init.uniform_(each.bias, -1, 1)
    return net


class Net(nn.Module):
    """A convolution and a norm, used as a test says."""

    def __init__(self, run):
        super().__init__()
        self.conv, self.norm, self.run = nn.Conv2d(3, 3, 1), nn.BatchNorm2d(3), run

    def forward(self, image):
        return self.run(self, image)


def folded_and_same(net, given):
    before = copy.deepcopy(trained(net).state_dict())
    folded = fold_batch_norms(net)
    with torch.no_grad():
        found, wanted = folded(given), net.eval()(given)
    assert (found - wanted).abs().max() <= 1e-5 * wanted.abs().max()
    assert all(torch.equal(before[each], after) for each, after in net.state_dict().items())
    assert not folded.training
    return folded


@pytest.mark.parametrize(
    ("layer", "norm", "shape"),
    [
        (nn.Conv1d(4, 6, 3), nn.BatchNorm1d(6), (2, 4, 9)),
        (nn.Conv2d(4, 6, 3, groups=2), nn.BatchNorm2d(6), (2, 4, 9, 9)),
        (nn.Conv2d(4, 6, 3, bias=False), nn.BatchNorm2d(6, affine=False), (2, 4, 9, 9)),
        (nn.Conv3d(4, 6, 2), nn.BatchNorm3d(6), (2, 4, 5, 5, 5)),
        (nn.ConvTranspose1d(4, 6, 3), nn.BatchNorm1d(6), (2, 4, 9)),
        (nn.ConvTranspose2d(4, 6, 3, stride=2), nn.BatchNorm2d(6), (2, 4, 9, 9)),
        (nn.ConvTranspose3d(4, 6, 2), nn.BatchNorm3d(6), (2, 4, 5, 5, 5)),
        (nn.Linear(4, 6), nn.BatchNorm1d(6), (5, 4)),
    ],
    ids=lambda each: type(each).__name__,
)
def test_a_norm_after_each_kind_of_layer_is_folded(layer, norm, shape):
    assert norms(folded_and_same(nn.Sequential(layer, norm, nn.ReLU()), torch.randn(shape))) == 0


@pytest.mark.parametrize(
    "run",
    [
        pytest.param(
            lambda net, image: net.norm(net.conv(image)) + net.conv(image), id="the layer runs twice"
        ),
        pytest.param(lambda net, image: net.norm(net.norm(net.conv(image))), id="the norm runs twice"),
        pytest.param(
            lambda net, image: (y := net.conv(image)) + net.norm(y), id="the layer's output is read twice"
        ),
        pytest.param(
            lambda net, image: net.norm(net.conv(image)) + nn.functional.conv2d(image, net.conv.weight),
            id="the layer's weight is read",
        ),
        pytest.param(
            lambda net, image: net.norm(net.conv(image)) * net.norm.weight.sum(),
            id="the norm's weight is read",
        ),
        pytest.param(lambda net, image: net.norm(torch.relu(net.conv(image))), id="something stands between"),
        pytest.param(lambda net, image: net.conv(net.norm(image)), id="the norm stands before"),
        pytest.param(
            lambda net, image: net.norm(net.conv(image)) if image.sum() > 1e9 else net.conv(image),
            id="the data decides",
        ),
    ],
)
def test_a_norm_stays_where(run):
    assert norms(folded_and_same(Net(run), torch.randn(2, 3, 4, 4))) == 1


def test_a_norm_of_the_batch_itself_stays():
    net = nn.Sequential(nn.Conv2d(3, 4, 1), nn.BatchNorm2d(4, track_running_stats=False))
    assert norms(folded_and_same(net, torch.randn(2, 3, 4, 4))) == 1


def test_a_norm_after_a_grouped_transposed_convolution_stays():
    net = nn.Sequential(nn.ConvTranspose2d(4, 6, 2, groups=2), nn.BatchNorm2d(6))
    assert norms(folded_and_same(net, torch.randn(2, 4, 4, 4))) == 1


def test_a_norm_after_a_parametrized_layer_stays():
    net = nn.Sequential(nn.Conv2d(3, 4, 1), nn.BatchNorm2d(4))
    parametrize.register_parametrization(net[0], "weight", nn.Tanh(), unsafe=True)
    assert norms(folded_and_same(net, torch.randn(2, 3, 4, 4))) == 1


def test_a_norm_under_two_names_stays():
    norm = nn.BatchNorm2d(3)
    net = nn.Sequential(nn.Conv2d(3, 3, 1), norm, nn.Conv2d(3, 3, 1), norm)
    assert norms(folded_and_same(net, torch.randn(2, 3, 4, 4))) == 1


@pytest.mark.parametrize("skips", [False, True])
def test_optional_arguments_are_taken_as_left_out(skips):
    class Optional(Net):
        def forward(self, image, added=None):
            found = self.conv(image)
            if added is None and skips:
                return found
            return self.norm(found) if added is None else self.norm(found) + added

    assert norms(folded_and_same(Optional(None), torch.randn(2, 3, 4, 4))) == (1 if skips else 0)


def test_the_copy_runs_the_code_of_the_net():
    assert type(fold_batch_norms(Net(lambda net, image: net.norm(net.conv(image))))) is Net


def test_a_norm_over_sequences_after_a_dense_layer_is_refused_when_it_runs():
    folded = fold_batch_norms(nn.Sequential(nn.Linear(5, 4), nn.BatchNorm1d(4)))
    with pytest.raises(UsageError, match="over 3 axes"):
        folded(torch.randn(2, 4, 5))


def test_a_net_without_norms_is_copied():
    net = nn.Sequential(nn.Linear(2, 2))
    folded = fold_batch_norms(net)
    assert folded is not net
    assert torch.equal(folded[0].weight, net[0].weight)
