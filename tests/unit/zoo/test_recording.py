"""What was measured is written into a registry of the user's own, with all that it depends on."""

import json
from dataclasses import replace
from pathlib import Path

import pytest

from bench.environment import Conditions, Environment
from bench.latency import summarize
from bench.probing import Readings, facts_of
from bench.runners.base import Comparison, Fit, Measured, Setup
from device_profiles.profile import Kind
from registry import store
from registry.catalogue import Catalogue
from registry.catalogue.reading import Source
from registry.reader import Reader, shipped_registry
from registry.values import Processor
from tests.builders import accuracy, device, model, variant
from zoo.benching import Asked, Bench, Place, limits_of, place_of
from zoo.errors import RegistryError, UnknownNameError, UsageError
from zoo.recording import as_device, find_held, keep, keep_accuracy, own_registry, row, source_of

ENVIRONMENT = Environment(
    "Some CPU", "x86_64", 2, 2**33, "Debian", "6.1", "performance", False, "3.11.2", {"onnxruntime": "1.32.0"}
)
READINGS = Readings(
    "processor: 0\nmodel name: Some CPU\n\nprocessor: 1\nmodel name: Some CPU\n", "MemTotal: 8000000 kB\n"
)


def bench(**other) -> Bench:
    """A file that took 2 ms in the middle of ten runs or so."""
    latency = summarize([1.0 + place / 10 for place in range(21)])
    measured = Measured("onnxruntime", "onnxruntime 1.32.0", "cpu", "cpu", 1, latency, warm_up_runs=3)
    quiet = Conditions(0.5, None, None, None)
    plain = Bench(
        Asked(Path("net.onnx"), setup=Setup()), "onnxruntime", "aa" * 32, "onnx", 1000, measured, ENVIRONMENT,
        quiet, quiet, "2026-11-24T10:00:00+00:00", ("all was quiet",),
    )  # fmt: skip
    return replace(plain, **other)


@pytest.fixture
def registry(tmp_path):
    found = replace(variant("net", None, format="onnx", source="paper"), sha256="aa" * 32)
    catalogue = Catalogue(
        {"paper": Source("paper", "A paper", 2020, "")},
        {"classifier": model("classifier")},
        {"net": found},
        (),
    )
    store.rebuild(tmp_path / "own.db", catalogue, [])
    return tmp_path / "own.db"


def test_a_row_has_the_interval_the_command_and_the_environment(registry):
    keep(registry, [bench()], ["net"])
    with Reader(registry) as opened:
        (found,) = opened.measurements()
        (device,) = opened.devices()
    assert (found.variant, found.device, found.runtime, found.era) == ("net", device.id, "onnxruntime", 2026)
    assert (found.latency_ms, found.low_ms, found.high_ms, found.runs) == (2.0, 1.2, 2.8, 21)
    assert found.place.startswith("zoo bench --variant net --runtime onnxruntime --kernels cpu --threads 1")
    assert "95 % interval" in found.note
    assert found.note.endswith("load 0.5; all was quiet")
    assert found.source == source_of(ENVIRONMENT, 2026).citation


def test_a_second_row_is_added_and_the_device_stays_one(registry):
    keep(registry, [bench()], ["net"])
    keep(registry, [bench(date="2026-11-25T10:00:00+00:00")], ["net"])
    with Reader(registry) as opened:
        assert len(opened.measurements()) == 2
        assert len(opened.devices()) == 1


def test_a_row_of_a_variant_that_is_not_there_leaves_nothing(registry):
    with pytest.raises(RegistryError, match="does not have"):
        keep(registry, [bench()], ["stranger"])
    with Reader(registry) as opened:
        assert opened.measurements() == []
        assert opened.devices() == []


def test_an_accuracy_is_kept_once_as_this_machines(registry):
    for _ in range(2):
        keep_accuracy(registry, ["net"], accuracy(71.5, processor=Processor.CPU, samples=100), Asked(Path()))
    with Reader(registry) as opened:
        (found,) = opened.variants()["net"].accuracies
        (device,) = opened.devices()
    assert (found.value, found.processor, found.device) == (71.5, Processor.CPU, device.id)


def test_memory_without_a_latency_is_a_row_too():
    measured = Measured("tflm", "tflite-micro 1", "reference", "cpu", arena_bytes=20_000)
    found = row(bench(measured=measured), "net", "host-1")
    assert (found.latency_ms, found.low_ms, found.runs, found.statistic) == (None, None, None, "")
    assert found.ram_bytes == 20_000


def test_the_source_has_the_whole_environment_and_changes_with_it():
    source = source_of(ENVIRONMENT, 2026)
    assert json.loads(source.note)["packages"] == {"onnxruntime": "1.32.0"}
    newer = replace(ENVIRONMENT, packages={"onnxruntime": "1.33.0"})
    assert source_of(newer, 2026).citation != source.citation
    assert source_of(ENVIRONMENT, 2026) == source


def test_a_machine_is_a_device_of_its_own_under_the_alias_host(registry):
    with Reader(registry) as opened:
        target = as_device(facts_of(READINGS), opened)
    assert target.added.aliases == ("host",)
    assert target.id == target.added.id
    assert target.id.startswith("host-")
    assert target.added.soc.name == "Some CPU"


def test_a_clock_of_the_moment_makes_no_other_device(registry):
    slow = replace(READINGS, cpuinfo=READINGS.cpuinfo.replace("CPU\n", "CPU\ncpu MHz: 1000.5\n"))
    with Reader(registry) as opened:
        assert as_device(facts_of(slow), opened).id == as_device(facts_of(READINGS), opened).id


def test_a_phone_that_nobody_knows_is_no_host(registry):
    with Reader(registry) as opened:
        target = as_device(facts_of(replace(READINGS, model="Phone X", kind=Kind.PHONE)), opened)
    assert target.id.startswith("phone-")
    assert target.added.aliases == ("Phone X",)


@pytest.mark.parametrize(
    ("location", "error", "said"),
    [
        (None, UsageError, "the shipped one is not written"),
        ("https://zoo.example", UsageError, "is no file"),
        ("missing.db", RegistryError, "no registry at"),
    ],
)
def test_only_a_registry_of_the_users_own_is_written(location, error, said):
    with pytest.raises(error, match=said):
        own_registry(location)


def test_the_file_of_a_variant_nobody_knows_is_not_found(registry):
    with pytest.raises(UnknownNameError, match=r"unknown variant 'nett'\. Did you mean 'net'"):
        find_held(registry, "nett")


EMULATED = Measured(
    "bakenn-cmsis-nn", "BakeNN 1.0.0, gcc 12.2.1, QEMU 7.2.22", "cmsis-nn", "cpu", arena_bytes=17_000,
    instructions=15_800_331, flash_bytes=43_000, ram_bytes=17_600, stack_bytes=620,
    comparisons=(Comparison("tflite-micro 1", 160, 0, 0.0, True),),
)  # fmt: skip
DOES_NOT_FIT = replace(EMULATED, fit=Fit(2**20, 16_384, 876, {"RAM": 2164}))


def emulated_bench(measured=EMULATED, board=""):
    return bench(
        measured=measured, runtime="cortex-m", asked=Asked(Path("net.tflite"), "cortex-m4", board=board)
    )


def test_instructions_are_kept_and_are_no_time(registry):
    keep(registry, [emulated_bench()], ["net"])
    with Reader(registry) as opened:
        (found,) = opened.measurements()
        (device,) = opened.devices()
        assert opened.needs().ram_bytes == {"net": 17_600}
    assert (found.instructions, found.latency_ms, found.statistic) == (15_800_331, None, "")
    assert (found.flash_bytes, found.ram_bytes, found.device) == (43_000, 17_600, "emulated-cortex-m4")
    assert "the same as tflite-micro 1 in all 160 numbers" in found.note
    assert found.place.endswith("--device cortex-m4")
    assert (device.kind, device.clusters[0].core) == (Kind.MCU, "Cortex-M4")


def test_what_fits_a_board_is_a_row_of_it_and_what_does_not_is_its_cores(registry):
    board = "nucleo-l4r5zi"
    store.record(registry, Source("paper", "A paper", 2020, ""), [device(board)])
    keep(registry, [emulated_bench(replace(EMULATED, fit=Fit(2**20, 2**17, 876, {})), board)], ["net"])
    keep(registry, [emulated_bench(DOES_NOT_FIT, board)], ["net"])
    with Reader(registry) as opened:
        assert [each.device for each in opened.measurements()] == [board, "emulated-cortex-m4"]


def test_an_accuracy_of_an_emulated_core_is_that_cores(registry):
    keep_accuracy(registry, ["net"], accuracy(71.5, processor=Processor.CPU), Asked(Path(), "arm64-a76"))
    with Reader(registry) as opened:
        (found,) = opened.variants()["net"].accuracies
        (device,) = opened.devices()
    assert found.device == device.id == "emulated-arm64-a76"
    assert device.clusters[0].core == "Cortex-A76"


def test_a_board_is_found_by_its_name_with_its_core_and_memory(registry):
    found = place_of("NUCLEO-L4R5ZI", lambda: Reader(shipped_registry()))
    assert (found.device, found.board) == ("cortex-m4", "nucleo-l4r5zi")
    assert (found.flash_bytes, found.ram_bytes) == (2_097_152, 655_360)
    assert limits_of(found, None, 65_536) == (2_097_152, 65_536)


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("pixel3", "cannot be emulated here"),
        ("esp32", "cannot be emulated here"),
        ("nucleo-l4r5", "Did you mean"),
    ],
)
def test_what_cannot_be_emulated_is_said(name, said):
    with pytest.raises(UsageError, match=said) as caught:
        place_of(name, lambda: Reader(shipped_registry()))
    assert "cortex-m4" in str(caught.value)


def test_memory_is_asked_of_microcontrollers_only():
    with pytest.raises(UsageError, match="are a microcontroller's"):
        limits_of(Place("host"), 1000, None)
