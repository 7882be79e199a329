"""The options of the ``zoo`` command, declared once; `zoo.texts` makes values of what is typed."""

from pathlib import Path
from typing import Annotated

import typer

from device_profiles.profile import Kind, Processor, Tier
from registry.rules import Budgets
from registry.values import Evidence, Objective
from zoo.texts import evidence, number, size_bytes, split, word, words

Registry = Annotated[
    str | None,
    typer.Option(
        "--registry",
        envvar="ZOO_REGISTRY",
        help="Registry file [default: the shipped zoo.db].",
        show_default=False,
    ),
]
Json = Annotated[bool, typer.Option("--json", help="Print JSON for programs.")]
Device = Annotated[
    str | None,
    typer.Option(
        "--device",
        "-d",
        help="Device: id, name, model number or SoC, such as pixel3, 'Pixel 3', SM-S921B, sdm845.",
    ),
]
Profile = Annotated[
    Path | None,
    typer.Option(
        "--profile",
        help="Facts of a device as a JSON file, or - for standard input; the nearest known device stands in.",
    ),
]


__all__ = [
    "Budgets",
    "Device",
    "Evidence",
    "Json",
    "Kind",
    "Objective",
    "Processor",
    "Profile",
    "Registry",
    "Tier",
    "evidence",
    "number",
    "size_bytes",
    "split",
    "word",
    "words",
]
