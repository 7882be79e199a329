"""Certificates name the file, or are refused in one line."""

import hashlib
import json

import pytest

from registry.certificates import certificate_digest, certified_file
from zoo.errors import RegistryError

FILE = {"sha256": "ab" * 32, "max_abs_error": 0.5}


def test_the_record_of_the_file_is_found_among_others():
    text = json.dumps({"files": [{"sha256": "cd" * 32}, "x", FILE]})
    assert certified_file(text, "ab" * 32) == FILE


def test_a_certificate_is_named_by_its_utf_8_bytes():
    assert certificate_digest('{"name": "né"}') == hashlib.sha256('{"name": "né"}'.encode()).hexdigest()


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "is not JSON"),
        ("{", "is not JSON"),
        ("[" * 100_000, "is not JSON"),
        ("[]", 'no JSON object with a list "files"'),
        ('"files"', 'no JSON object with a list "files"'),
        ("{}", 'no JSON object with a list "files"'),
        ('{"files": {}}', 'no JSON object with a list "files"'),
        ('{"files": []}', "names 0 files, none with the sha256 abab"),
        ('{"files": [{"sha256": "cd"}, {}, 7]}', "names 3 files, none with the sha256 abab"),
    ],
)
def test_what_does_not_vouch_for_the_file_is_refused(text, words):
    with pytest.raises(RegistryError, match=words) as refused:
        certified_file(text, "ab" * 32)
    assert "\n" not in str(refused.value)


def test_a_variant_without_a_file_has_no_certificate():
    with pytest.raises(RegistryError, match="none with the sha256 None"):
        certified_file('{"files": [{"sha256": null}]}', None)
