"""Sources: what a user may give is told apart by content, and nothing is ever unpickled."""

import pickle
import sys
import zipfile
from pathlib import Path

import pytest

torch = pytest.importorskip("torch", reason="torch comes with the extra 'convert'")
import numpy as np  # noqa: E402
from safetensors.torch import save_file  # noqa: E402

from architectures.catalogue import parse  # noqa: E402
from converters.sources.base import SourceKind  # noqa: E402
from converters.sources.opening import open_source  # noqa: E402
from zoo.errors import BadFileError, BadSourceError, UnknownNameError, UsageError  # noqa: E402

sys.path.insert(0, str(Path(__file__).parents[1]))
import nets  # noqa: E402

pytestmark = pytest.mark.convert

NET = "lenet-5"


class Explosive:
    """Writes a file when it is unpickled."""

    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return Path.touch, (self.path,)


@pytest.fixture
def weights(tmp_path):
    torch.manual_seed(7)
    net = parse(NET).build()
    path = tmp_path / "weights.safetensors"
    save_file(net.state_dict(), path)
    return net.eval(), path


def test_an_architecture_runs_with_the_weights_it_is_given(weights):
    net, path = weights
    source = open_source(NET, path)
    assert source.kind is SourceKind.ARCHITECTURE
    image = parse(NET).example()
    assert np.allclose(source.run([image.numpy()])[0], net(image).detach().numpy(), atol=1e-5)


def test_an_architecture_without_weights_is_the_same_every_time():
    assert open_source(NET).sha256 == open_source(NET).sha256


def test_a_pickled_state_dict_is_read_when_it_holds_nothing_but_tensors(weights, tmp_path):
    net, path = weights
    pickled = tmp_path / "weights.pt"
    torch.save(net.state_dict(), pickled)
    assert open_source(NET, pickled).sha256 == open_source(NET, path).sha256


def test_a_pickle_that_holds_anything_else_is_refused_and_never_run(tmp_path):
    path, bomb = tmp_path / "weights.pt", tmp_path / "went off"
    torch.save({"weight": Explosive(bomb)}, path)
    with pytest.raises(BadSourceError, match="weights_only"):
        open_source(NET, path)
    with pytest.raises((BadSourceError, BadFileError), match=r"[Pp]ickle"):
        open_source(str(path))
    path.write_bytes(pickle.dumps(Explosive(bomb)))
    with pytest.raises((BadSourceError, BadFileError), match=r"[Pp]ickle"):
        open_source(str(path))
    assert not bomb.exists()


def test_weights_of_another_net_are_refused_with_what_differs(weights):
    with pytest.raises(BadSourceError, match="are not those of resnet-8"):
        open_source("resnet-8", weights[1])


def test_weights_alone_ask_for_their_net(weights):
    with pytest.raises(BadSourceError, match="Name their net"):
        open_source(str(weights[1]))


def test_a_name_nobody_knows_is_an_unknown_name():
    with pytest.raises(UnknownNameError, match="mobilenet"):
        open_source("mobilnet-v2-1.0-224")


def test_a_python_reference_is_called(monkeypatch, tmp_path):
    monkeypatch.chdir(Path(nets.__file__).parent)
    source = open_source("nets:segmenter")
    assert [each.shape for each in source.outputs] == [(1, 4, 16, 16), (1, 5)]
    assert source.kind is SourceKind.PYTHON


@pytest.mark.parametrize(
    ("reference", "says"),
    [("nets:nothing", "returned int"), ("nets:missing", "cannot be imported"), ("absent:f", "cannot be imported"),
     ("nets:", "no file and no reference")],
)  # fmt: skip
def test_a_reference_that_gives_no_net_is_refused(reference, says, monkeypatch):
    monkeypatch.chdir(Path(nets.__file__).parent)
    with pytest.raises(BadSourceError, match=says):
        open_source(reference)


@pytest.fixture
def program(tmp_path):
    net, example = nets.classifier()
    path = tmp_path / "net.pt2"
    torch.export.save(torch.export.export(net, (example,)), path)
    return net, example, path


def test_an_exported_program_runs_as_its_module_did(program):
    net, example, path = program
    source = open_source(str(path))
    assert source.kind is SourceKind.TORCH_EXPORT
    assert np.allclose(source.run([example.numpy()])[0], net(example).detach().numpy(), atol=1e-5)


def test_an_exported_program_with_a_pickle_in_it_is_refused_and_never_run(program, tmp_path):
    *_, path = program
    bomb, hostile = tmp_path / "went off", tmp_path / "hostile.pt2"
    with zipfile.ZipFile(path) as good, zipfile.ZipFile(hostile, "w") as bad:
        for entry in good.infolist():
            data = good.read(entry)
            if entry.filename.endswith(".pt"):
                data = pickle.dumps(Explosive(bomb))
            bad.writestr(entry, data)
        bad.writestr(
            good.namelist()[0].partition("/")[0] + "/data/constants/custom_obj_0",
            pickle.dumps(Explosive(bomb)),
        )
    with pytest.raises((BadSourceError, BadFileError)):
        open_source(str(hostile))
    assert not bomb.exists()


def test_weights_for_something_that_has_its_own_are_refused(program, weights):
    with pytest.raises(UsageError, match="has its own"):
        open_source(str(program[2]), weights[1])
