"""Zip files that are not trusted.

`open_archive` judges the whole directory before anything is unpacked: names, kinds, sizes, ratios, overlaps.
`Archive.read` unpacks one member in memory, never more than it announces, and checks that it announced the truth.
Archives inside of archives are never followed.

Format: PKWARE APPNOTE.TXT 6.3, sections 4.3 and 4.4.
"""

import re
import stat
import struct
import zipfile
import zlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from converters.inspection.reading import UnreadableError

STORED, DEFLATED = 0, 8
ENCRYPTED_FLAGS = 0x1 | 0x40 | 0x2000  # traditional, strong, masked headers
UTF8_FLAG = 0x800
DESCRIPTOR_FLAG = 0x8  # the sizes follow the data, in 4 or 8 bytes each, with or without a signature
DESCRIPTORS = frozenset({12, 16, 20, 24})
NOTHING = frozenset({0})
KNOWN_FLAGS = 0x2 | 0x4 | DESCRIPTOR_FLAG | UTF8_FLAG | ENCRYPTED_FLAGS  # and deflate's options
LOCAL_HEADER = struct.Struct("<4s5H3L2H")
LOCAL_SIGNATURE = b"PK\x03\x04"
UNIX = 3  # "version made by", upper byte
ODD_NAME = re.compile(r"[\x00-\x1f\x7f\\:*?\"<>|]")
CHUNK_BYTES = 1 << 20


@dataclass(frozen=True, slots=True)
class Limits:
    """What an archive may hold.

    Attributes:
        members: files and folders altogether.
        name_bytes: longest name.
        total_bytes: of all members together once unpacked.
        ratio: how many times longer a member may become; zeros deflate by 1,030 at most.
        ratio_bytes: members up to this length may have any ratio.
    """

    members: int = 10_000
    name_bytes: int = 1_024
    total_bytes: int = 2 << 30
    ratio: int = 200
    ratio_bytes: int = 16 << 20


@dataclass(frozen=True, slots=True)
class Member:
    """One file inside.

    Attributes:
        name: relative path with forward slashes.
        size_bytes: once unpacked.
        packed_bytes: as it lies in the archive.
        start: where its packed bytes begin in the archive.
        method: `STORED` or `DEFLATED`.
        crc: CRC-32 of the unpacked bytes.
    """

    name: str
    size_bytes: int
    packed_bytes: int
    start: int
    method: int
    crc: int


@dataclass(frozen=True, slots=True)
class Archive:
    """A zip file whose directory was accepted.

    Attributes:
        path: where it lies.
        members: the files inside by name, in the order of the directory; folders are left out.
    """

    path: Path
    members: Mapping[str, Member]

    def chunks(self, name: str) -> Iterator[bytes]:
        """Unpack a member piece by piece.

        Raises:
            UnreadableError: it is not what the directory announces; pieces given before that are not to be trusted.
        """
        member = self.members[name]
        deflated = zlib.decompressobj(-zlib.MAX_WBITS) if member.method == DEFLATED else None
        left, size, crc = member.packed_bytes, 0, 0
        with self.path.open("rb") as file:
            file.seek(member.start)
            while left:
                packed = file.read(min(left, CHUNK_BYTES))
                if not packed:
                    raise UnreadableError([f"'{name}': the archive ends inside of it"])
                left -= len(packed)
                while packed:
                    try:
                        chunk = packed if deflated is None else deflated.decompress(packed, CHUNK_BYTES)
                    except zlib.error as problem:
                        raise UnreadableError([f"'{name}': damaged: {problem}"]) from problem
                    packed = b"" if deflated is None else deflated.unconsumed_tail
                    size, crc = size + len(chunk), zlib.crc32(chunk, crc)
                    if size > member.size_bytes:
                        raise UnreadableError(
                            [f"'{name}': unpacks to more than its {member.size_bytes:,} bytes"]
                        )
                    yield chunk
        if deflated is not None and (not deflated.eof or deflated.unused_data):
            raise UnreadableError([f"'{name}': its deflated data does not end where it should"])
        if size != member.size_bytes:
            raise UnreadableError(
                [f"'{name}': unpacks to {size:,} bytes, {member.size_bytes:,} are announced"]
            )
        if crc != member.crc:
            raise UnreadableError([f"'{name}': damaged: its checksum is not the announced one"])

    def read(self, name: str, max_bytes: int | None = None) -> bytes:
        """Unpack a member in memory.

        Args:
            name: one of `members`.
            max_bytes: longest member that is unpacked; any accepted length without it.

        Raises:
            UnreadableError: it is too long, or not what the directory announces.
        """
        member = self.members[name]
        if max_bytes is not None and member.size_bytes > max_bytes:
            raise UnreadableError([f"'{name}': {member.size_bytes:,} bytes, at most {max_bytes:,} are read"])
        return b"".join(self.chunks(name))

    def verify(self) -> None:
        """Unpack every member without keeping it.

        Raises:
            UnreadableError: members that are not what the directory announces, all of them.
        """
        problems: list[str] = []
        for name in self.members:
            try:
                for _ in self.chunks(name):
                    pass
            except UnreadableError as problem:
                problems += problem.problems
        if problems:
            raise UnreadableError(problems)

    def extract(self, folder: Path) -> None:
        """Unpack all members into an existing, empty folder.

        Raises:
            UnreadableError: a member is not what the directory announces.
        """
        for name in self.members:
            target = folder / name
            target.parent.mkdir(parents=True, exist_ok=True)
            with target.open("xb") as file:
                for chunk in self.chunks(name):
                    file.write(chunk)


def open_archive(path: Path, limits: Limits = Limits()) -> Archive:
    """Judge the directory of a zip file.

    Raises:
        UnreadableError: it is no zip file, or anything about its members is unsafe; all that is wrong is listed.
    """
    try:
        with zipfile.ZipFile(path) as file:
            infos = file.infolist()
            directory = file.start_dir
    except (zipfile.BadZipFile, NotImplementedError, OSError, ValueError, struct.error) as problem:
        raise UnreadableError([f"no zip archive: {problem}"]) from problem
    if not all(info.filename for info in infos):
        raise UnreadableError(["a member without a name"])
    if len(infos) > limits.members:
        raise UnreadableError([f"{len(infos):,} members, at most {limits.members:,} are read"])
    problems = [problem for info in infos for problem in _judge(info, limits)]
    problems += _judge_names(infos)
    total = sum(info.file_size for info in infos)
    if total > limits.total_bytes:
        problems.append(f"unpacks to {total:,} bytes, at most {limits.total_bytes:,} are unpacked")
    if problems:
        raise UnreadableError(problems)
    members, problems = _locate(path, infos, directory)
    if problems:
        raise UnreadableError(problems)
    return Archive(path, {each.name: each for each in members})


def _judge(info: zipfile.ZipInfo, limits: Limits) -> Iterator[str]:
    """What is wrong with one entry of the directory."""
    name = info.filename[:80]
    if info.flag_bits & ENCRYPTED_FLAGS:
        yield f"'{name}' is encrypted"
    if info.flag_bits & ~KNOWN_FLAGS:
        yield f"'{name}' has flags {info.flag_bits:#06x}, some of no meaning here"
    if info.compress_type not in {STORED, DEFLATED}:
        yield f"'{name}' is packed by method {info.compress_type}; stored and deflated are read"
    mode = info.external_attr >> 16
    if info.create_system == UNIX and stat.S_IFMT(mode) not in {0, stat.S_IFREG, stat.S_IFDIR}:
        yield f"'{name}' is a link or a device, no file"
    if info.is_dir() and info.file_size:
        yield f"the folder '{name}' has {info.file_size:,} bytes"
    if info.compress_type == STORED and info.file_size != info.compress_size:
        yield f"'{name}' is stored in {info.compress_size:,} bytes, its length is {info.file_size:,}"
    if info.file_size > max(limits.ratio_bytes, limits.ratio * info.compress_size):
        sizes = f"from {info.compress_size:,} to {info.file_size:,} bytes"
        yield f"'{name}' unpacks {sizes}, over {limits.ratio} times as many"
    if len(info.filename.encode(errors="replace")) > limits.name_bytes:
        yield f"a name of more than {limits.name_bytes:,} bytes"


def _judge_names(infos: list[zipfile.ZipInfo]) -> Iterator[str]:
    """What is wrong with the names, alone and together."""
    seen: set[str] = set()
    files = {info.filename for info in infos if not info.is_dir()}
    for info in infos:
        problem = unsafe_name(info.orig_filename.rstrip("/") if info.is_dir() else info.orig_filename)
        if problem:
            yield f"the name '{info.filename[:80]}' {problem}"
        folded = info.filename.rstrip("/").casefold()
        if folded in seen:
            yield f"the name '{info.filename[:80]}' comes twice"
        seen.add(folded)
        for parent in PurePosixPath(info.filename).parents:
            if str(parent) in files:
                yield f"'{parent}' is both a file and a folder"


def unsafe_name(name: str) -> str:
    """Why a relative path with forward slashes may not be used; empty for a harmless one."""
    parts = name.split("/")
    if name.startswith("/"):
        return "is absolute"
    if ".." in parts:
        return "leads out of its folder"
    if "" in parts or "." in parts:
        return "has an empty part"
    if ODD_NAME.search(name):
        return "has a character that not every system takes"
    return ""


def _locate(path: Path, infos: list[zipfile.ZipInfo], directory: int) -> tuple[list[Member], list[str]]:
    """Find where each member lies: local headers agree, and members fill the archive up to its directory.

    A member that the directory does not name would be a gap, and is refused as one.
    """
    members: list[Member] = []
    problems: list[str] = []
    end, behind = 0, NOTHING
    with path.open("rb") as file:
        for info in sorted(infos, key=lambda each: each.header_offset):
            file.seek(max(0, info.header_offset))
            raw = file.read(LOCAL_HEADER.size)
            if info.header_offset < 0 or len(raw) < LOCAL_HEADER.size or not raw.startswith(LOCAL_SIGNATURE):
                problems.append(f"'{info.filename}' has no local header")
                continue
            _, _, flags, method, _, _, _, _, _, name_bytes, extra_bytes = LOCAL_HEADER.unpack(raw)
            name = info.orig_filename.encode("utf-8" if info.flag_bits & UTF8_FLAG else "cp437", "replace")
            if file.read(name_bytes) != name:
                problems.append(f"'{info.filename}' has another name in its local header")
            if method != info.compress_type or (flags ^ info.flag_bits) & ENCRYPTED_FLAGS:
                problems.append(f"'{info.filename}' is packed in another way by its local header")
            problems += _gap(info.header_offset - end, behind, f"'{info.filename}'")
            start = info.header_offset + LOCAL_HEADER.size + name_bytes + extra_bytes
            end, behind = start + info.compress_size, DESCRIPTORS if flags & DESCRIPTOR_FLAG else NOTHING
            if not info.is_dir():
                members.append(
                    Member(info.filename, info.file_size, info.compress_size, start, method, info.CRC)
                )
    if not problems:
        problems += _gap(directory - end, behind, "its directory")
    order = {info.filename: place for place, info in enumerate(infos)}
    return sorted(members, key=lambda each: order[each.name]), problems


def _gap(size_bytes: int, allowed: frozenset[int], before: str) -> list[str]:
    """What is wrong with the bytes between two parts of an archive."""
    if size_bytes < 0:
        return [f"{before} overlaps what lies before it"]
    return [] if size_bytes in allowed else [f"{size_bytes:,} bytes before {before} belong to nothing"]
