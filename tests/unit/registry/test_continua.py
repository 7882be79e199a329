"""Continua: what was trained survives its text, joins the catalogue, and is held only with its file."""

import hashlib
import json
from dataclasses import replace

import pytest

from registry.blobs import Blobs
from registry.catalogue import Catalogue, Source
from registry.certificates import certificate_digest
from registry.continua import Continuum, merged, read_continua, read_continuum
from registry.continua.reading import certificate_text, write_continuum
from registry.spec import Decoding, DecodingKind, InputKind, Port, Preprocessing, Spec
from registry.values import Accuracy, Availability, DelegateCoverage, Model, Precision, Processor, Variant
from zoo.errors import CatalogueError, RegistryError

DATA = b"the bytes of a file"
SHA256 = hashlib.sha256(DATA).hexdigest()
CERTIFICATE = certificate_text({"schema": 1, "files": [{"sha256": SHA256, "snr_db": 31.25}]})
MODEL = Model("digits", "Digits", "classification", "toy", "test", "accuracy", "%", True, 200, "A toy.")


def variant(name="net-int8.tflite", **changes):
    made = Variant(
        name=name, model="digits", net="net", family="lenet", alpha=None, resolution="28",
        precision=Precision.INT8, format="tflite", weights="device-zoo", params=10, macs=20,
        size_bytes=len(DATA), operators=("CONV_2D",), availability=Availability.HELD, sha256=SHA256,
        source="continuum-digits", certificate=certificate_digest(CERTIFICATE),
        accuracies=(
            Accuracy("accuracy", 97.5, "toy", "test", 400, "measured", "litert", Processor.CPU, "", "continuum-digits"),
        ),
        spec=Spec(
            (Port("", (1, 28, 28, 1), "int8", "NHWC", 0.5, -3),), (Port("", (1, 10), "int8", "", 0.1, 0),),
            Preprocessing(InputKind.AUDIO, scale=1 / 255, features={"hop_ms": 20.0, "window": "hann"}),
            Decoding(DecodingKind.TOP1, ("zero", "one")),
        ),
        coverage=(DelegateCoverage("gpu", "tflite", Processor.GPU, 1, 2, 10, 20, 1, ("CONV_2D (why)",)),),
    )  # fmt: skip
    return replace(made, **changes)


def continuum(*variants):
    source = Source("continuum-digits", "recipes/digits.toml", 2026, "")
    return Continuum(
        "digits", source, variants or (variant(),), {certificate_digest(CERTIFICATE): CERTIFICATE}
    )


def test_a_continuum_comes_back_from_its_text():
    plain = variant("a.onnx", spec=None, certificate=None, coverage=(), accuracies=(), alpha=0.5, params=None)
    whole = continuum(plain, variant())
    assert read_continuum(whole.to_json(), "digits.json") == whole
    assert read_continuum(whole.to_json(), "digits.json").to_json() == whole.to_json()


def test_it_is_written_whole_under_the_name_of_its_model(tmp_path):
    path = write_continuum(tmp_path / "new", continuum())
    assert [each.name for each in path.parent.iterdir()] == ["digits.json"]
    assert read_continuum(path.read_text(encoding="utf-8"), path.name) == continuum()


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (lambda made: made.update(schema=9), "its schema is 9, but 1 is wanted"),
        (lambda made: made["variants"][0].pop("net"), "missing 1 required"),
        (lambda made: made["variants"][0].update(precision="int99"), "int99"),
        (lambda made: made["variants"][0].update(model="others"), "are of another model than digits"),
        (lambda made: made["variants"][0].update(colour="red"), "colour"),
        (lambda made: made.pop("source"), "source"),
    ],
    ids=["schema", "a key is missing", "unknown precision", "another model", "unknown key", "no source"],
)
def test_a_text_that_makes_no_sense_is_refused_by_name(change, says):
    made = json.loads(continuum().to_json())
    change(made)
    with pytest.raises(CatalogueError, match=r"digits\.json") as refused:
        read_continuum(json.dumps(made), "digits.json")
    assert says in str(refused.value)


def test_the_catalogue_gets_what_was_trained():
    found = merged(Catalogue({}, {"digits": MODEL}, {}, ()), [continuum()])
    assert found.variants == {"net-int8.tflite": variant()}
    assert list(found.sources) == ["continuum-digits"]
    assert found.certificates == continuum().certificates


@pytest.mark.parametrize(
    ("catalogue", "says"),
    [
        (Catalogue({}, {}, {}, ()), "models.csv does not have"),
        (
            Catalogue({}, {"digits": MODEL}, {"net-int8.tflite": variant()}, ()),
            "uses names again: net-int8.tflite",
        ),
    ],
    ids=["unknown model", "name taken"],
)
def test_what_does_not_fit_the_catalogue_is_refused(catalogue, says):
    with pytest.raises(CatalogueError, match=says):
        merged(catalogue, [continuum()])


def test_the_shipped_continua_name_each_variant_once():
    names = [each.name for one in read_continua() for each in one.variants]
    assert len(names) == len(set(names))


def test_a_file_is_kept_once_under_its_digest(tmp_path):
    blobs = Blobs(tmp_path / "blobs")
    assert blobs.put(DATA) == blobs.put(DATA) == SHA256
    assert [each.name for each in blobs.folder.iterdir()] == [SHA256]
    assert blobs.path(SHA256).read_bytes() == DATA
    assert blobs.fault(SHA256) is None


def test_held_variants_are_hashed_again(tmp_path):
    blobs = Blobs(tmp_path / "blobs")
    blobs.put(DATA)
    assert blobs.checked([variant()]) == {"net-int8.tflite": variant()}
    blobs.path(SHA256).write_bytes(b"other")
    with pytest.raises(RegistryError, match=r"net-int8\.tflite \(its bytes have the digest"):
        blobs.checked([variant()])
    blobs.path(SHA256).unlink()
    with pytest.raises(RegistryError, match=r"net-int8\.tflite \(it is not there\)"):
        blobs.checked([variant()])


def test_without_the_folder_held_files_are_only_rebuildable(tmp_path):
    found = Blobs(tmp_path / "none").checked(
        [variant(), variant("other", availability=Availability.CATALOGUED)]
    )
    assert found["net-int8.tflite"].availability is Availability.REBUILDABLE
    assert found["other"].availability is Availability.CATALOGUED
