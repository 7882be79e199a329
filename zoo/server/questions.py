"""What may be asked: the parameters of each route, in tables that queries are read by and OpenAPI is written from."""

import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from difflib import get_close_matches
from enum import StrEnum
from typing import Any
from urllib.parse import parse_qsl

from device_profiles.profile import Kind, Processor, Tier
from registry.values import Evidence, Objective
from zoo.errors import UsageError

LONGEST_QUERY_BYTES = 16_384
LONGEST_NAME = 100  # characters; the closest known names of a longer one would cost too much to find
_NUMBER = {"type": "number", "exclusiveMinimum": 0, "maximum": 1e15}
_COUNT = {"type": "integer", "minimum": 1, "maximum": 2**63 - 1}
_SIZE = {"type": "string", "pattern": r"^[1-9][0-9]{0,14}(\.[0-9]{1,6})?([kKMG]i?)?B?$", "example": "5MB"}
_CLUSTER = r"^[1-9][0-9]{0,2}x[A-Za-z0-9][A-Za-z0-9 -]{0,60}(@[1-9][0-9]{0,4}MHz)?$"
_NAME: dict[str, Any] = {"type": "string", "minLength": 1, "maxLength": LONGEST_NAME}
_FORMAT = {"type": "string", "pattern": "^[a-z0-9_-]{1,20}$", "example": "tflite"}
_MOST = 5  # values of one parameter
_FLAG = {"type": "boolean", "default": False}


class QuestionError(UsageError):
    """A query that cannot be understood; the message names every problem."""

    http_status = 422


@dataclass(frozen=True, slots=True)
class Parameter:
    """One parameter of a query.

    Attributes:
        name: as it is written.
        text: what it does, for the documentation.
        schema: of one value, as OpenAPI has it.
        repeats: whether it may be given more than once.
    """

    name: str
    text: str
    schema: Mapping[str, Any] = field(default_factory=lambda: _NAME)
    repeats: bool = False

    def openapi(self) -> dict[str, Any]:
        """As OpenAPI describes it."""
        schema = {"type": "array", "items": self.schema, "maxItems": _MOST} if self.repeats else self.schema
        return {"name": self.name, "in": "query", "description": self.text, "schema": schema}


def _words(kind: type[StrEnum], *but: StrEnum) -> dict[str, Any]:
    return {"type": "string", "enum": [str(each) for each in kind if each not in but]}


FACTS = (
    Parameter("name", "Name that the device reports, such as Build.MODEL."),
    Parameter("soc", "Name or part number of its chip."),
    Parameter("kind", "What it is.", _words(Kind)),
    Parameter("os", "Its operating system, such as 'Android 14'."),
    Parameter("gpu", "Name of its GPU."),
    Parameter("ram_bytes", "Its memory.", _COUNT),
    Parameter(
        "cpu",
        "Equal cores of its CPU, the fastest first, such as 4xCortex-A76@2800MHz.",
        {"type": "string", "pattern": _CLUSTER, "example": "4xCortex-A76@2800MHz"},
        repeats=True,
    ),
    Parameter("sram_bytes", "RAM of a microcontroller.", _COUNT),
    Parameter("flash_bytes", "Flash of a microcontroller.", _COUNT),
)
"""Facts of a device that nobody knows by name."""

PICK = (
    Parameter(
        "device", "Id, name, model number or chip of the device; where nobody knows it, facts of it count."
    ),
    *FACTS,
    Parameter("model", "Only this model; default: every model."),
    Parameter("task", "Only models of this task."),
    Parameter("max_latency_ms", "Latency budget; default: the model's own.", _NUMBER),
    Parameter("max_size", "Download budget, such as 5MB.", _SIZE),
    Parameter("max_memory", "Memory budget, such as 256KB.", _SIZE),
    Parameter("max_energy_mj", "Energy budget an inference.", _NUMBER),
    Parameter("min_accuracy", "Least accuracy, in the unit of the model's metric.", _NUMBER),
    Parameter("format", "Only this format.", _FORMAT, repeats=True),
    Parameter("processor", "Only this processor.", _words(Processor), repeats=True),
    Parameter("threads", "CPU threads, pinned.", _COUNT),
    Parameter("evidence", "Least evidence; default: predicted.", _words(Evidence, Evidence.NONE)),
    Parameter("objective", "Default: accuracy.", _words(Objective)),
    Parameter("available", "Only files that this registry holds; default: true.", {**_FLAG, "default": True}),
    Parameter("optimistic", "Compare latencies by their value, not by their high end.", _FLAG),
    Parameter("explain", "Say why each other candidate is not the answer.", _FLAG),
    Parameter("channel", "Only from what this channel offers the device, such as stable."),
    Parameter("key", "Of the device, which rollouts by percentage go by; with channel."),
)

DEVICES = (
    Parameter("kind", "Only this kind.", _words(Kind)),
    Parameter("tier", "Only this tier.", _words(Tier)),
    Parameter("soc", "Only with this chip."),
)


class Query:
    """The values of one query.

    Args:
        raw: as it came, percent-encoded; decoded once.
        known: the parameters that may be in it.

    Raises:
        QuestionError: a parameter is unknown, given twice, empty or too long, or a text is not UTF-8.
    """

    def __init__(self, raw: bytes, known: Sequence[Parameter]) -> None:
        """Read it."""
        try:
            pairs = parse_qsl(
                raw.decode("ascii"), keep_blank_values=True, errors="strict", max_num_fields=100
            )
        except ValueError as problem:
            raise QuestionError(
                "the query cannot be read: it is not UTF-8, percent-encoded, of at most 100 parameters"
            ) from problem
        self._values: dict[str, list[str]] = {}
        for name, value in pairs:
            self._values.setdefault(name, []).append(value)
        parameters = {each.name: each for each in known}
        problems = [
            problem
            for name, values in self._values.items()
            for problem in _problems(name, values, parameters)
        ]
        if problems:
            raise QuestionError("; ".join(problems))

    def text(self, name: str) -> str | None:
        """The value of a parameter; ``None`` where it is not given."""
        return self._values[name][0] if name in self._values else None

    def texts(self, name: str) -> list[str]:
        """All values of a parameter that may repeat."""
        return self._values.get(name, [])

    def flag(self, name: str, *, default: bool = False) -> bool:
        """The value of a parameter that is true or false."""
        found = self.text(name)
        return default if found is None else found.casefold() == "true"

    def count(self, name: str) -> int | None:
        """The value of a parameter that is a whole number above zero."""
        found = self.text(name)
        return None if found is None else int(found)


def _problems(name: str, values: Sequence[str], known: Mapping[str, Parameter]) -> list[str]:
    if name not in known:
        close = get_close_matches(name[:LONGEST_NAME], known, n=1)
        hint = f"Did you mean '{close[0]}'?" if close else f"Known: {', '.join(known) or 'none'}"
        return [f"unknown parameter {name[:LONGEST_NAME]!r}. {hint}"]
    parameter = known[name]
    if len(values) > 1 and not parameter.repeats:
        return [f"{name} is given {len(values)} times, but only one is wanted"]
    if len(values) > _MOST:
        return [f"{name} is given {len(values)} times, but at most {_MOST} are wanted"]
    return [problem for value in values if (problem := _problem(name, value, parameter.schema))]


def _problem(name: str, value: str, schema: Mapping[str, Any]) -> str:
    longest = schema.get("maxLength", LONGEST_NAME)
    if len(value) > longest:
        return f"{name} is {len(value)} characters long, but at most {longest} are wanted"
    if not value.strip():
        return f"{name} is empty"
    if _is_one(value, schema):
        return ""
    return f"{name} is {value!r}, but {_wanted(schema)} is wanted"


def _is_one(value: str, schema: Mapping[str, Any]) -> bool:
    """Whether a text is a value as the schema has it; the case of words does not matter."""
    kind = schema["type"]
    if "enum" in schema:
        return value.casefold() in schema["enum"]
    if "pattern" in schema:
        return re.fullmatch(schema["pattern"], value) is not None
    if kind == "boolean":
        return value.casefold() in {"true", "false"}
    if kind == "integer":
        return value.isascii() and value.isdigit() and schema["minimum"] <= int(value) <= schema["maximum"]
    return kind != "number" or 0 < _number(value) <= schema["maximum"]


def _wanted(schema: Mapping[str, Any]) -> str:
    if "enum" in schema:
        return f"one of {', '.join(schema['enum'])}"
    if "example" in schema:
        return f"something like {schema['example']}"
    words = {"boolean": "true or false", "integer": "a whole number above zero"}
    return words.get(schema["type"], "a number above zero")


def _number(text: str) -> float:
    try:
        return float(text)
    except ValueError:
        return math.nan
