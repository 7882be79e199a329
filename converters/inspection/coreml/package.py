"""Opening a Core ML file: a ``.mlpackage`` folder, the same as a zip, or a single ``.mlmodel``.

The manifest of a package lists what lies under ``Data``; nothing else may lie there, no path may lead out, and no link
is followed.
"""

import mmap
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any

from converters.inspection import archives, strict_json
from converters.inspection.reading import UnreadableError

MANIFEST = "Manifest.json"
MANIFEST_BYTES = 1 << 20
MAX_ITEMS = 1_000
DATA = "Data"
ZIP_MAGIC = b"PK\x03\x04"
# What file managers of a Mac leave behind; no part of a package.
LITTER = ("__MACOSX/", ".DS_Store")

Bytes = bytes | memoryview


@dataclass(frozen=True, slots=True)
class Package:
    """What a file or folder holds.

    Attributes:
        model: bytes of the model file.
        files: the other files, by path relative to the model's folder.
        folder: whether it is a package; a single file otherwise.
    """

    model: bytes
    files: Mapping[str, Bytes]
    folder: bool


def open_package(path: Path) -> Package:
    """Open a package or a model file.

    Raises:
        UnreadableError: its layout is not what it must be; all that can be told apart is listed.
    """
    if path.is_dir():
        return _package(*_folder(path))
    with path.open("rb") as file:
        if file.read(len(ZIP_MAGIC)) == ZIP_MAGIC:
            return _package(*_zip(path))
    return Package(path.read_bytes(), {}, folder=False)


Reader = Callable[[str], Bytes]


def _folder(path: Path) -> tuple[list[str], Reader]:
    names = []
    for each in sorted(path.rglob("*")):
        name = each.relative_to(path).as_posix()
        if each.is_symlink() or not (each.is_file() or each.is_dir()):
            raise UnreadableError([f"'{name[:80]}' is a link, or no file"])
        if each.is_file():
            names.append(name)
    return names, lambda name: _mapped(path / name)


def _mapped(path: Path) -> Bytes:
    with path.open("rb") as file:
        return (
            memoryview(mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)) if path.stat().st_size else b""
        )


def _zip(path: Path) -> tuple[list[str], Reader]:
    archive = archives.open_archive(path)
    names = [each for each in archive.members if not _litter(each)]
    manifests = sorted((each for each in names if PurePosixPath(each).name == MANIFEST), key=len)
    if not manifests:
        raise UnreadableError([f"no {MANIFEST} in the archive"])
    prefix = manifests[0].removesuffix(MANIFEST)
    outside = [each for each in names if not each.startswith(prefix)]
    if outside or prefix.count("/") > 1:
        raise UnreadableError(
            [f"'{each[:80]}' lies beside the package" for each in outside[:10]] or ["too many folders"]
        )
    return [each.removeprefix(prefix) for each in names], lambda name: archive.read(prefix + name)


def _litter(name: str) -> bool:
    return name.startswith(LITTER[0]) or PurePosixPath(name).name == LITTER[1]


def _package(names: list[str], read: Reader) -> Package:
    """Hold the manifest against the files that are there."""
    files = {each for each in names if not _litter(each)}
    if MANIFEST not in files:
        raise UnreadableError([f"no {MANIFEST} in the package"])
    manifest = strict_json.parse(bytes(read(MANIFEST)), MANIFEST, MANIFEST_BYTES, 8)
    problems: list[str] = []
    items = _items(manifest, problems)
    if problems:
        raise UnreadableError(problems)
    root = items[manifest["rootModelIdentifier"]]
    listed = tuple(items.values())  # a folder among them may be empty, and then an archive does not have it
    problems += [
        f"'{name[:80]}' is not in the manifest"
        for name in sorted(files - {MANIFEST})
        if not any(name == each or name.startswith(f"{each}/") for each in listed)
    ]
    if root not in files:
        problems.append(f"the root model '{root[:80]}' is no file")
    if problems:
        raise UnreadableError(problems[:20])
    base = f"{PurePosixPath(root).parent}/"
    others = {
        name.removeprefix(base): read(name) for name in files - {MANIFEST, root} if name.startswith(base)
    }
    return Package(bytes(read(root)), others, folder=True)


def _items(manifest: Any, problems: list[str]) -> dict[str, str]:
    """Paths of a manifest's items by identifier, relative to the package."""
    entries = manifest.get("itemInfoEntries") if isinstance(manifest, dict) else None
    if not isinstance(entries, dict) or not 0 < len(entries) <= MAX_ITEMS:
        problems.append(f"{MANIFEST} has no itemInfoEntries, or over {MAX_ITEMS:,}")
        return {}
    version = manifest.get("fileFormatVersion")
    if not isinstance(version, str) or not version.startswith("1."):
        problems.append(f"{MANIFEST} has fileFormatVersion {str(version)[:40]!r}; 1.x is read")
    found: dict[str, str] = {}
    for name, entry in entries.items():
        path = entry.get("path") if isinstance(entry, dict) else None
        if not isinstance(path, str) or not path or archives.unsafe_name(path):
            why = archives.unsafe_name(path) if isinstance(path, str) and path else "is missing"
            problems.append(f"{MANIFEST}: the path of item '{name[:80]}' {why}")
            continue
        found[name] = f"{DATA}/{path}"
    if len(set(found.values())) < len(found):
        problems.append(f"{MANIFEST} names a path twice")
    if manifest.get("rootModelIdentifier") not in found and not problems:
        problems.append(f"{MANIFEST} has a rootModelIdentifier that is none of its items")
    return found
