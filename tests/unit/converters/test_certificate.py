"""The certificate: valid JSON whatever was measured, and the page that describes it is true."""

import json
import re
from pathlib import Path

import pytest

pytest.importorskip("numpy", reason="numpy comes with the extra 'inspect'")

from converters.certificate import Certificate, Check, FilePort, FileRecord, Refusal
from converters.parity import TOLERANCES, Parity
from converters.recipes import Recipe

pytestmark = pytest.mark.convert

PAGE = (Path(__file__).parents[3] / "docs" / "certificate.md").read_text(encoding="utf-8")
GOOD = Parity(1e-5, 1e-6, 120.0, 1.0, finite=True, constant=False)
BROKEN = Parity(float("inf"), float("inf"), -200.0, None, finite=False, constant=False)


def record(**changes):
    port = FilePort("input", (1, 32, 32, 3), "NHWC")
    facts = {
        "format": "tflite", "path": "a.tflite", "recipe": "int8", "sha256": "0" * 64, "size_bytes": 1000,
        "weight_bytes": 600, "precision": "int8", "granularity": "per_channel", "min_os": "", "inputs": (port,),
        "outputs": (port,), "checks": (Check("litert", "xnnpack", GOOD), Check("tflm", "", None, "not installed")),
    }  # fmt: skip
    return FileRecord(**{**facts, **changes})


def certificate(*files, refused=()):
    return Certificate({"name": "a"}, {"kind": "noise"}, files, refused, {"python": "3.11"})


def test_the_first_check_is_the_one_that_counts():
    (written,) = json.loads(certificate(record()).to_json())["files"]
    assert written["runtime"] == "litert"
    assert written["max_rel_error"] == 1e-6
    assert written["checks"][1] == {"runtime": "tflm", "kernels": "", "reason": "not installed"}


def test_overhead_is_what_is_no_weight():
    assert record().overhead_bytes == 400
    assert record(weight_bytes=None).overhead_bytes is None


def test_infinite_errors_are_still_json():
    refused = Refusal("tflite", "int8", "its outputs are not numbers", (Check("litert", "xnnpack", BROKEN),))
    (written,) = json.loads(certificate(refused=(refused,)).to_json())["refused"]
    assert written["checks"][0]["max_abs_error"] is None
    assert written["checks"][0]["snr_db"] == -200


def test_the_page_names_every_key_of_a_file():
    (written,) = certificate(record()).document()["files"]
    assert [key for key in written if key not in PAGE] == []


def test_the_page_has_the_tolerances_that_the_code_has():
    rows = re.findall(r"^\|([\w, ]+)\|\s*([\d.e-]*)\s*\| (\d+) dB \|$", PAGE, re.MULTILINE)
    told = {
        Recipe(name.strip()): (float(error) if error else None, float(ratio))
        for names, error, ratio in rows
        for name in names.split(",")
    }
    assert told == {each: (limit.max_rel_error, limit.min_snr_db) for each, limit in TOLERANCES.items()}
