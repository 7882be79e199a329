"""Publishes variants and withdraws them: files first, then one durable transaction.

The order is what makes it safe to be killed at any point: the file is synced, named and its folder synced; only then
the row is committed, and only then "published" is said. A file without a row is an orphan, which `collect` removes in
time. A writer's transaction is the only one (``BEGIN IMMEDIATE``), and it looks once more whether the file is there: so
`collect`, which removes inside such a transaction, cannot take it away in between.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

import sqlalchemy as sa
from sqlmodel import select

from registry import tables
from registry.blobs import Blobs
from registry.catalogue import Catalogue
from registry.store import insert_catalogue, lacking, writing
from registry.values import Availability, Tombstone
from zoo.errors import ConflictError, RegistryError, UnknownNameError


class Outcome(StrEnum):
    """What publishing did.

    ``published``: the variant is new, or its file is. ``unchanged``: both were there.
    """

    PUBLISHED = "published"
    UNCHANGED = "unchanged"


@dataclass(frozen=True, slots=True)
class Collected:
    """What `collect` removed, or would.

    Attributes:
        removed: length in bytes of each file, by name.
    """

    removed: Mapping[str, int]

    @property
    def size_bytes(self) -> int:
        """Of all together."""
        return sum(self.removed.values())


def publish(path: Path, blobs: Blobs, data: bytes, found: Catalogue, at: str, by: str) -> tuple[Outcome, str]:
    """Publish one variant with its file: whole or not at all, and never twice.

    Args:
        path: a registry of this schema.
        blobs: where files lie.
        data: the file.
        found: the one variant, with its digest and what it names that may be new.
        at: when, in UTC, ISO 8601.
        by: who.

    Returns:
        What was done, and the variant's name; where the same bytes have another name in that model, that one.

    Raises:
        ConflictError: a variant of that name has other bytes, or was withdrawn.
        RegistryError: it is no such registry, the disk refuses, or something names what is not there.
    """
    (variant,) = found.variants.values()
    digest = blobs.put(data)
    if digest != variant.sha256:
        raise RegistryError(f"'{variant.name}' is said to have the digest {variant.sha256}, but has {digest}")
    with writing(path, "what is published names a source, model or device that it does not have") as session:
        blobs.put(data)  # an orphan of old may have been collected since
        same = select(tables.VariantRow).where(tables.VariantRow.model == variant.model)
        known = session.exec(same.where(tables.VariantRow.sha256 == digest)).first()
        if known is not None:
            grave = session.get(tables.TombstoneRow, known.name)
            if grave is not None:
                raise ConflictError(f"'{known.name}' has these bytes and was withdrawn: {_tombstone(grave)}")
            if known.availability == Availability.HELD:
                return Outcome.UNCHANGED, known.name
            known.availability = str(Availability.HELD)
            session.add(known)
            session.merge(tables.PublicationRow(variant=known.name, at=at, by=by))
            return Outcome.PUBLISHED, known.name
        taken = session.get(tables.VariantRow, variant.name)
        if taken is not None:
            have = f"the digest {taken.sha256[:12]}..." if taken.sha256 else "no known digest"
            raise ConflictError(
                f"'{variant.name}' is there with {have}, and the file has {digest[:12]}...: variants never change. "
                "Give another --name"
            )
        insert_catalogue(session, lacking(session, found))
        session.add(tables.PublicationRow(variant=variant.name, at=at, by=by))
    return Outcome.PUBLISHED, variant.name


def yank(path: Path, name: str, tombstone: Tombstone) -> Outcome:
    """Withdraw a variant: it stays in the registry, and is given to nobody any more.

    Args:
        path: a registry of this schema.
        name: of the variant.
        tombstone: what stands in its place.

    Returns:
        ``unchanged`` where the same was done before.

    Raises:
        UnknownNameError: no such variant, or no such successor.
        ConflictError: it was withdrawn with other words, or its successor is of another model or was withdrawn itself.
        RegistryError: it is no such registry, or the disk refuses.
    """
    with writing(path, "a variant is not withdrawn") as session:
        names = set(session.exec(select(tables.VariantRow.name)))
        for each in filter(None, (name, tombstone.successor)):
            if each not in names:
                raise UnknownNameError("variant", each, names, advice="List them with: zoo variants MODEL")
        before = session.get(tables.TombstoneRow, name)
        if before is not None:
            if (before.reason, before.successor) == (tombstone.reason, tombstone.successor):
                return Outcome.UNCHANGED
            raise ConflictError(f"'{name}' was withdrawn before: {_tombstone(before)}")
        if tombstone.successor is not None:
            _check_successor(session.get_one(tables.VariantRow, name), tombstone.successor, session)
        session.add(
            tables.TombstoneRow(
                variant=name,
                successor=tombstone.successor,
                reason=tombstone.reason,
                at=tombstone.at,
                by=tombstone.by,
            )
        )
    return Outcome.PUBLISHED


def _check_successor(variant: tables.VariantRow, successor: str, session: sa.orm.Session) -> None:
    if successor == variant.name:
        raise ConflictError(f"'{successor}' cannot take its own place")
    other = session.get_one(tables.VariantRow, successor)
    if other.model != variant.model:
        raise ConflictError(f"'{successor}' is of model {other.model}, not of {variant.model}")
    if session.get(tables.TombstoneRow, successor) is not None:
        raise ConflictError(f"'{successor}' was withdrawn itself")


def collect(path: Path, blobs: Blobs, before: float, *, dry_run: bool = False) -> Collected:
    """Remove files that no variant names, and what killed writers left half-written.

    Args:
        path: the registry that the files belong to.
        blobs: where they lie.
        before: seconds since 1970: what was written later may belong to somebody who is at it, and stays.
        dry_run: remove nothing.

    Raises:
        RegistryError: it is no such registry, or the disk refuses.
    """
    with writing(path, "files are not collected") as session:
        kept = {each for each in session.exec(select(tables.VariantRow.sha256)) if each is not None}
        return Collected(blobs.sweep(kept, before, dry_run=dry_run))


def _tombstone(row: tables.TombstoneRow) -> Tombstone:
    return Tombstone(row.reason, row.successor, row.at, row.by)
