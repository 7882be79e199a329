"""Reads profiles: the TOML files of `device_profiles.profiles`, and a profile file that a user gives.

Pydantic checks the shape and is imported here at use, because ``zoo pick`` on a known device needs none of it.
"""

import json
import sys
import tomllib
from collections.abc import Mapping
from dataclasses import replace
from importlib import resources
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from device_profiles.profile import DeviceFacts, DeviceProfile, Soc, Support
from zoo.errors import BadProfileError

if TYPE_CHECKING:
    from pydantic import TypeAdapter

PROFILES = resources.files("device_profiles.profiles")
_TABLES = ("soc", "device", "stack")
_REPORTED = ("matched_by", "measured", "same_soc")
_Value = TypeVar("_Value")


def load_profiles() -> list[DeviceProfile]:
    """Read every profile of this package, sorted by id.

    Raises:
        BadProfileError: a file is not TOML, a key is missing, unknown or of a wrong type, a name is used twice,
            or a device names an unknown SoC or stack; all problems of all files are listed at once.
    """
    documents = {path.name: path.read_text(encoding="utf-8") for path in _toml_files()}
    return parse_profiles(documents)


def _toml_files() -> list[Any]:
    return sorted(
        (path for path in PROFILES.iterdir() if path.name.endswith(".toml")), key=lambda path: path.name
    )


def parse_profiles(documents: Mapping[str, str]) -> list[DeviceProfile]:
    """Build the profiles that ``documents`` describe, sorted by id.

    Args:
        documents: TOML text by file name; tables ``[soc.ID]``, ``[device.ID]`` and ``[[stack.NAME.supports]]``.

    Raises:
        BadProfileError: see `load_profiles`.
    """
    problems: list[str] = []
    tables: dict[str, dict[str, tuple[str, Any]]] = {table: {} for table in _TABLES}
    for file, text in documents.items():
        _collect(file, text, tables, problems)
    socs = {name: _build(Soc, file, f"soc.{name}", {"id": name, **body}, problems)
            for name, (file, body) in tables["soc"].items()}  # fmt: skip
    stacks = {name: _stack(file, name, body, problems) for name, (file, body) in tables["stack"].items()}
    profiles = [
        _device(file, name, dict(body), (socs, stacks), problems)
        for name, (file, body) in tables["device"].items()
    ]
    if problems:
        raise BadProfileError("device_profiles", problems)
    return sorted((each for each in profiles if each is not None), key=lambda each: each.id)


def _collect(
    file: str, text: str, tables: dict[str, dict[str, tuple[str, Any]]], problems: list[str]
) -> None:
    try:
        document = tomllib.loads(text)
    except tomllib.TOMLDecodeError as problem:
        problems.append(f"{file}: not TOML: {problem}")
        return
    for table, entries in document.items():
        if table not in tables or not isinstance(entries, dict):
            problems.append(f"{file}: unknown table '{table}' (wanted one of {', '.join(_TABLES)})")
            continue
        for name, body in entries.items():
            if name in tables[table]:
                problems.append(f"{file}: {table}.{name} is already in {tables[table][name][0]}")
            elif not isinstance(body, dict):
                problems.append(f"{file}: {table}.{name} is not a table")
            elif "id" in body:
                problems.append(f"{file}: {table}.{name}.id: unknown key (the id is the table's name)")
            else:
                tables[table][name] = (file, body)


def _stack(file: str, name: str, body: dict[str, Any], problems: list[str]) -> tuple[Support, ...]:
    unknown = sorted(set(body) - {"note", "supports"})
    problems.extend(f"{file}: stack.{name}.{key}: unknown key" for key in unknown)
    ways = body.get("supports", [])
    if not isinstance(ways, list):
        problems.append(f"{file}: stack.{name}.supports: {ways!r:.60} is not a list of tables")
        return ()
    built = [
        _build(Support, file, f"stack.{name}.supports[{index}]", entry, problems)
        for index, entry in enumerate(ways)
    ]
    return tuple(each for each in built if each is not None)


def _device(
    file: str,
    name: str,
    body: dict[str, Any],
    known: tuple[Mapping[str, Soc | None], Mapping[str, tuple[Support, ...]]],
    problems: list[str],
) -> DeviceProfile | None:
    socs, stacks = known
    where = f"device.{name}"
    soc = body.pop("soc", None)
    if not isinstance(soc, str) or soc not in socs:
        problems.append(f"{file}: {where}.soc: {soc!r} is not the id of a soc")
    named = body.pop("stacks", [])
    if not isinstance(named, list):
        problems.append(f"{file}: {where}.stacks: {named!r:.60} is not a list of names")
        named = []
    missing = [each for each in named if each not in stacks]
    problems.extend(f"{file}: {where}.stacks: no stack {each!r}" for each in missing)
    placeholder = Soc(id="placeholder", name="placeholder")
    built = _build(DeviceProfile, file, where, {"id": name, **body, "soc": placeholder}, problems)
    chip = socs.get(soc) if isinstance(soc, str) else None
    if built is None or chip is None or missing:
        return None
    supports = tuple(dict.fromkeys(way for stack in named for way in stacks[stack]))
    return replace(built, soc=chip, supports=supports)


def _build(kind: type[_Value], file: str, where: str, data: object, problems: list[str]) -> _Value | None:
    from pydantic import ValidationError  # noqa: PLC0415 - see the module's docstring

    try:
        return _adapter(kind).validate_python(data)
    except ValidationError as error:
        for each in error.errors(include_url=False):
            key = ".".join(str(part) for part in each["loc"])
            problems.append(f"{file}: {where}.{key}: {each['msg']}, found {each['input']!r:.60}")
        return None


def _adapter(kind: type[_Value]) -> "TypeAdapter[_Value]":
    from pydantic import TypeAdapter  # noqa: PLC0415 - see the module's docstring

    return TypeAdapter(kind)


def read_facts(path: Path | None) -> DeviceFacts:
    """Read what is known of a device from a JSON file, or from standard input where there is none.

    Raises:
        BadProfileError: the file cannot be read, or see `parse_facts`.
    """
    source = "standard input" if path is None else str(path)
    try:
        text = (sys.stdin.buffer.read() if path is None else path.read_bytes()).decode("utf-8")
    except (OSError, UnicodeDecodeError) as problem:
        reason = getattr(problem, "strerror", None) or "not UTF-8 text"
        raise BadProfileError(source, [f"cannot be read ({reason})"]) from problem
    return parse_facts(text, source)


def parse_facts(text: str, source: str) -> DeviceFacts:
    """Build the facts that a JSON text gives.

    Args:
        text: one JSON object, see `DeviceFacts`.
        source: name of the file, for messages.

    Raises:
        BadProfileError: it is not JSON, a key is unknown or of a wrong type, or no fact is given; all problems
            are listed at once.
    """
    try:
        data = json.loads(text)
    except (ValueError, RecursionError) as problem:
        raise BadProfileError(source, [f"not JSON: {problem}"]) from problem
    if not isinstance(data, dict):
        raise BadProfileError(
            source, [f"{data!r:.60} is no JSON object (wanted {{...}} with facts of a device)"]
        )
    # what `zoo devices show --json` adds is no fact of the device
    data = {key: value for key, value in data.items() if key not in _REPORTED}
    problems: list[str] = []
    facts = _build(DeviceFacts, "", "", data, problems)
    if facts is None:
        raise BadProfileError(source, [each.removeprefix(": .") for each in problems])
    if not facts.known:
        raise BadProfileError(
            source, ["no fact given (wanted at least one of name, soc, cpu, ram_bytes, memory)"]
        )
    return facts
