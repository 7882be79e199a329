"""Continua from and to their JSON documents, and into the catalogue."""

import json
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, fields, replace
from importlib import resources
from pathlib import Path
from typing import Any

from registry.catalogue import Catalogue, Source
from registry.values import Accuracy, Availability, DelegateCoverage, Precision, Processor, Spec, Variant
from zoo.errors import CatalogueError

SCHEMA = 1
FOLDER = resources.files("registry.continua")


@dataclass(frozen=True, slots=True)
class Continuum:
    """What one recipe gave.

    Attributes:
        model: name of the model that its variants are of; the tables know it.
        source: what its figures cite: the recipe, with its digest.
        variants: with their accuracies, specs, certificates' digests and coverage.
        certificates: texts of the certificates, by digest.
    """

    model: str
    source: Source
    variants: tuple[Variant, ...]
    certificates: Mapping[str, str]

    def to_json(self) -> str:
        """The document, for `read_continuum`."""
        made = {
            "schema": SCHEMA,
            "model": self.model,
            "source": asdict(self.source),
            "variants": [_without_defaults(each) for each in sorted(self.variants, key=lambda one: one.name)],
            "certificates": {key: json.loads(text) for key, text in sorted(self.certificates.items())},
        }
        return json.dumps(made, indent=1, ensure_ascii=False, allow_nan=False) + "\n"


def read_continua() -> list[Continuum]:
    """The shipped ones, by name of their file.

    Raises:
        CatalogueError: one makes no sense.
    """
    paths = sorted(FOLDER.iterdir(), key=lambda path: path.name)
    return [
        read_continuum(path.read_text(encoding="utf-8"), path.name)
        for path in paths
        if path.name.endswith(".json")
    ]


def read_continuum(text: str, name: str) -> Continuum:
    """Read one document.

    Args:
        text: what `Continuum.to_json` wrote.
        name: of the file, for messages.

    Raises:
        CatalogueError: it makes no sense.
    """
    try:
        found = json.loads(text)
        if found["schema"] != SCHEMA:
            raise CatalogueError(f"{name}: its schema is {found['schema']!r}, but {SCHEMA} is wanted")
        continuum = Continuum(
            model=found["model"],
            source=Source(**found["source"]),
            variants=tuple(_variant(each) for each in found["variants"]),
            certificates={key: certificate_text(document) for key, document in found["certificates"].items()},
        )
    except (ValueError, KeyError, TypeError, AttributeError) as problem:
        raise CatalogueError(f"{name}: {type(problem).__name__}: {problem}") from problem
    strangers = sorted({each.name for each in continuum.variants if each.model != continuum.model})
    if strangers:
        raise CatalogueError(f"{name}: {', '.join(strangers)} are of another model than {continuum.model}")
    return continuum


def certificate_text(document: Mapping[str, Any]) -> str:
    """The text of a certificate as the converter writes it: its digest is of these bytes."""
    return json.dumps(document, indent=1, ensure_ascii=False, allow_nan=False) + "\n"


def merged(catalogue: Catalogue, continua: Iterable[Continuum]) -> Catalogue:
    """The catalogue with what this project trained.

    Raises:
        CatalogueError: a model is unknown, or a name is used twice.
    """
    sources, variants = dict(catalogue.sources), dict(catalogue.variants)
    certificates = dict(catalogue.certificates)
    for each in continua:
        if each.model not in catalogue.models:
            raise CatalogueError(
                f"the continuum of '{each.model}' names a model that models.csv does not have"
            )
        taken = sorted({one.name for one in each.variants} & variants.keys())
        if taken or each.source.id in sources:
            raise CatalogueError(
                f"the continuum of '{each.model}' uses names again: {', '.join(taken) or each.source.id}"
            )
        sources[each.source.id] = each.source
        variants |= {one.name: one for one in each.variants}
        certificates |= each.certificates
    return replace(catalogue, sources=sources, variants=variants, certificates=certificates)


def write_continuum(folder: Path, continuum: Continuum) -> Path:
    """Write its document into ``folder``, whole or not at all."""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{continuum.model}.json"
    new = path.with_suffix(".json.new")
    new.write_text(continuum.to_json(), encoding="utf-8")
    new.replace(path)
    return path


def _without_defaults(variant: Variant) -> dict[str, Any]:
    """What of a variant is not as usual, as JSON has it."""
    usual = {each.name: each.default for each in fields(Variant)}
    made = {key: value for key, value in asdict(variant).items() if value != usual[key]}
    if variant.spec is not None:
        made["spec"] = json.loads(variant.spec.to_json())
    return made


def _variant(found: Mapping[str, Any]) -> Variant:
    spec = found.get("spec")
    return Variant(
        **{
            **{each.name: None for each in fields(Variant) if each.name in _MAY_BE_UNKNOWN},
            **found,
            "precision": Precision(found["precision"]),
            "operators": tuple(found.get("operators", ())),
            "availability": Availability(found.get("availability", "catalogued")),
            "accuracies": tuple(_accuracy(each) for each in found.get("accuracies", ())),
            "spec": None if spec is None else Spec.from_json(json.dumps(spec)),
            "coverage": tuple(_coverage(each) for each in found.get("coverage", ())),
        }
    )


_MAY_BE_UNKNOWN = {"alpha", "params", "macs", "size_bytes"}


def _accuracy(found: Mapping[str, Any]) -> Accuracy:
    processor = found["processor"]
    return Accuracy(**{**found, "processor": None if processor is None else Processor(processor)})


def _coverage(found: Mapping[str, Any]) -> DelegateCoverage:
    return DelegateCoverage(
        **{**found, "processor": Processor(found["processor"]), "reasons": tuple(found["reasons"])}
    )
