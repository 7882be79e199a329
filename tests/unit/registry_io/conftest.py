"""A small catalogue, the shipped one, and registries made from them."""

import json
import os
import shutil
import tempfile
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import replace
from pathlib import Path

import pytest

from device_profiles.loading import load_profiles
from device_profiles.profile import CpuCluster, DeviceProfile, Kind, Processor, Soc, Support, Tier
from prediction import model
from registry import store
from registry.catalogue import Catalogue
from registry.catalogue.reading import Source
from registry.certificates import certificate_digest
from registry.reader import shipped_registry
from registry.texts import read_texts
from registry.values import Accuracy, Availability, Measurement, Model, Precision, Variant
from tests.builders import GPU, coverage, spec
from zoo.predictor import LATENCY

NOBODY = 65534


@pytest.fixture(scope="session")
def device() -> DeviceProfile:
    soc = Soc("chip", "Chip 1", ("C1",), 2020, (CpuCluster(4, "Cortex-A53", 1_400_000_000),))
    way = Support("tflite", "tflite", Processor.CPU, ("int8",))
    return DeviceProfile("phone", "Phone One", Kind.PHONE, Tier.MID, soc, 2020, ("P1",), supports=(way,))


@pytest.fixture(scope="session")
def small() -> Catalogue:
    source = Source("paper", "A paper, table 1", 2020, "")
    model = Model("digits", "Digits", "classification", "mnist", "test", "top1", "%", True, 33.0, "")
    accuracy = Accuracy(
        "top1", 97.5, "mnist", "test", 10_000, "measured", "tflite", Processor.CPU, "phone", "paper"
    )
    variant = Variant(
        "net-int8.tflite", "digits", "net", "net", 1.0, "28", Precision.INT8, "tflite", "own", 1000, 2000, 3000,
        operators=("CONV_2D", "SOFTMAX"), source="paper", accuracies=(accuracy,),
    )  # fmt: skip
    measurement = Measurement(
        variant="net-int8.tflite", device="phone", runtime="tflite", runtime_version="2.4", era=2020,
        processor=Processor.CPU, processor_word="CPU", threads=4, cores="", latency_ms=1.5, low_ms=1.25,
        high_ms=2.0, statistic="mean", runs=50, peak_memory_bytes=2**40, ram_bytes=None, flash_bytes=None,
        energy_mj=0.5, layers_npu=None, layers_gpu=None, layers_cpu=None, os="Android 9", source="paper",
        place="table 1", excluded="", note="",
    )  # fmt: skip
    return Catalogue({"paper": source}, {"digits": model}, {"net-int8.tflite": variant}, (measurement,))


@pytest.fixture(scope="session")
def held(small) -> Catalogue:
    """Two files of one conversion, with all that is known of a file, of a model and a source that may be new."""
    text = json.dumps(
        {"files": [{"sha256": "aa" * 32}, {"sha256": "bb" * 32}], "näme": "x"}, ensure_ascii=False
    )
    text = f"{text}\r\n"  # its line ends stay, too
    (plain,) = small.variants.values()
    one, other = (
        replace(
            plain, name=f"net-{letter}.tflite", availability=Availability.HELD, sha256=letter * 64,
            spec=spec(), certificate=certificate_digest(text),
            coverage=(coverage(), coverage(64, processor=GPU, delegate="another", reasons=())),
        )
        for letter in "ab"
    )  # fmt: skip
    return replace(
        small, variants={each.name: each for each in (one, other)}, measurements=(),
        certificates={certificate_digest(text): text},
    )  # fmt: skip


@pytest.fixture
def made(tmp_path, small, device) -> Path:
    """A small registry in a folder of its own."""
    folder = tmp_path / "made"
    folder.mkdir()
    store.rebuild(folder / "zoo.db", small, [device])
    return folder / "zoo.db"


@pytest.fixture(scope="session")
def shipped() -> Path:
    return shipped_registry()


@pytest.fixture(scope="session")
def whole() -> tuple[Catalogue, list[DeviceProfile]]:
    """Everything that the shipped registry is made from."""
    profiles = load_profiles()
    return read_texts({each.id for each in profiles}), profiles


@pytest.fixture(scope="session")
def rebuilt(tmp_path_factory, whole) -> Path:
    """The shipped registry, made again."""
    path = tmp_path_factory.mktemp("rebuilt") / "zoo.db"
    store.rebuild(path, *whole, {LATENCY: model.shipped()})
    return path


@contextmanager
def _without_rights() -> Iterator[None]:
    if os.geteuid() != 0:
        yield
        return
    groups = os.getgroups()
    os.setgroups([])
    os.setresgid(NOBODY, NOBODY, 0)
    os.setresuid(NOBODY, NOBODY, 0)
    try:
        yield
    finally:
        os.setresuid(0, 0, 0)
        os.setresgid(0, 0, 0)
        os.setgroups(groups)


@pytest.fixture
def without_rights() -> Callable[[], AbstractContextManager[None]]:
    """Makes the process a user who may only do what everybody may: root could read and write everything."""
    return _without_rights


@pytest.fixture
def open_folder(made) -> Iterator[Path]:
    """A folder that everybody may enter, with a registry: pytest's own folders are private."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        folder.chmod(0o755)
        shutil.copyfile(made, folder / "zoo.db")
        (folder / "zoo.db").chmod(0o644)
        yield folder
        folder.chmod(0o755)
