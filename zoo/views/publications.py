"""What publishing, withdrawing, verifying and collecting did, as text and as documents."""

from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from registry.rules import format_bytes
from registry.values import Tombstone
from zoo.views.printer import Printer

if TYPE_CHECKING:
    from collections.abc import Sequence

    from registry.publications import Collected
    from zoo.publishing import Published, Verified

_STYLES = {"published": "green", "refused": "red"}


def published(printer: Printer, found: "Sequence[Published]") -> None:
    """Print what became of each file."""
    for each in found:
        digest = (
            f" · {format_bytes(each.size_bytes)} · sha256 {each.sha256[:12]}..." if each.size_bytes else ""
        )
        printer.line(
            f"{each.outcome:<10}{each.variant or each.file}{digest}", style=_STYLES.get(each.outcome, "")
        )
        if each.reason:
            printer.line(f"          {each.reason}")


def published_document(found: "Sequence[Published]") -> list[dict[str, Any]]:
    """The same for programs."""
    return [asdict(each) for each in found]


def yanked(printer: Printer, variant: str, tombstone: Tombstone, *, is_new: bool) -> None:
    """Print what stands where a variant was."""
    printer.line(f"{'withdrawn' if is_new else 'unchanged'} {variant}: {tombstone}")


def yanked_document(variant: str, tombstone: Tombstone) -> dict[str, Any]:
    """The same for programs."""
    return {"variant": variant, **asdict(tombstone)}


def verified(printer: Printer, found: "Verified") -> None:
    """Print what hashing everything again found."""
    for name, fault in found.faults:
        printer.line(f"wrong     {name}: {fault}", style="red")
    printer.line(
        f"{found.files:,} held files, {format_bytes(found.size_bytes)}: "
        f"{f'{len(found.faults):,} wrong' if found.faults else 'every byte is as published'}"
    )


def verified_document(found: "Verified") -> dict[str, Any]:
    """The same for programs."""
    faults = [{"what": name, "fault": fault} for name, fault in found.faults]
    return {"files": found.files, "size_bytes": found.size_bytes, "faults": faults}


def collected(printer: Printer, found: "Collected", *, dry_run: bool) -> None:
    """Print what was removed."""
    for name, size in found.removed.items():
        printer.line(f"{'would go' if dry_run else 'removed':<10}{name} ({format_bytes(size)})")
    printer.line(f"{len(found.removed):,} files, {format_bytes(found.size_bytes)}")


def collected_document(found: "Collected", *, dry_run: bool) -> dict[str, Any]:
    """The same for programs."""
    return {"dry_run": dry_run, "size_bytes": found.size_bytes, "removed": dict(found.removed)}
