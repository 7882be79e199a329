"""Certificates of conversions: kept as the text that the converter wrote, and given back unchanged.

One certificate vouches for every file of its conversion, so it is stored once, under its own digest.
"""

import hashlib
import json
from collections.abc import Mapping
from typing import Any

from zoo.errors import RegistryError


def certificate_digest(document: str) -> str:
    """What a certificate is stored under: the SHA-256 of its text, in hexadecimal."""
    return hashlib.sha256(document.encode()).hexdigest()


def certified_file(document: str, sha256: str | None) -> Mapping[str, Any]:
    """The record of one file in a certificate: precision, errors against the source, who ran it.

    Args:
        document: the text of ``certificate.json``.
        sha256: digest of the file.

    Raises:
        RegistryError: the text is no certificate, or it does not name that file.
    """
    try:
        found = json.loads(document)
    except (ValueError, RecursionError) as problem:
        raise RegistryError(f"the certificate is not JSON: {problem}") from problem
    files = found.get("files") if isinstance(found, dict) else None
    if not isinstance(files, list):
        raise RegistryError('the certificate is no JSON object with a list "files"')
    for each in files:
        if isinstance(each, dict) and sha256 is not None and each.get("sha256") == sha256:
            return each
    raise RegistryError(
        f"the certificate names {len(files)} files, none with the sha256 {sha256}: "
        "give the one of the conversion that made the file"
    )
