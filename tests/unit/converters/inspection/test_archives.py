"""Zip files: what is unsafe about one is found before anything is unpacked."""

import io
import stat
import struct
import zipfile
import zlib

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from converters.inspection.archives import Limits, open_archive, unsafe_name
from converters.inspection.reading import UnreadableError


def write(path, members, method=zipfile.ZIP_DEFLATED):
    with zipfile.ZipFile(path, "w", method) as file:
        for name, data in members:
            file.writestr(name, data)
    return path


def patched(path, old, new):
    data = path.read_bytes()
    assert old in data
    path.write_bytes(data.replace(old, new))
    return path


def refuse(path, said, limits=None):
    with pytest.raises(UnreadableError, match=said):
        open_archive(path, limits or Limits())


@pytest.mark.parametrize("method", [zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED])
def test_members_are_read_back(tmp_path, method):
    path = write(tmp_path / "a.zip", [("b/", ""), ("b/c.txt", b"words" * 99), ("d", b"")], method)
    archive = open_archive(path)
    assert {name: archive.read(name) for name in archive.members} == {"b/c.txt": b"words" * 99, "d": b""}
    (tmp_path / "out").mkdir()
    archive.extract(tmp_path / "out")
    assert (tmp_path / "out/b/c.txt").read_bytes() == b"words" * 99
    archive.verify()


def test_an_archive_written_to_a_stream_is_read(tmp_path):
    class Pipe(io.RawIOBase):
        def __init__(self):
            self.data = bytearray()

        def writable(self):
            return True

        def write(self, data):
            self.data += data
            return len(data)

    pipe = Pipe()
    with zipfile.ZipFile(pipe, "w") as file, file.open("a", "w") as member:
        member.write(b"streamed")
    (tmp_path / "a.zip").write_bytes(bytes(pipe.data))
    assert open_archive(tmp_path / "a.zip").read("a") == b"streamed"


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("../x", "leads out"),
        ("/x", "is absolute"),
        ("a/../../x", "leads out"),
        ("a//x", "empty part"),
        ("./x", "empty part"),
        ("c:x", "character"),
        ("a\\..\\x", "character"),
        ("a\nb", "character"),
    ],
)
def test_names_that_lead_elsewhere_are_refused(tmp_path, name, said):
    assert said in unsafe_name(name)
    path = tmp_path / "a.zip"
    with zipfile.ZipFile(path, "w") as file:
        info = zipfile.ZipInfo("placeholder")
        info.filename = name
        file.writestr(info, b"x")
    refuse(path, said)


def test_a_name_that_ends_early_for_c_is_refused(tmp_path):
    path = write(tmp_path / "a.zip", [("abcdef", b"1")])
    refuse(patched(path, b"abcdef", b"abc\0ef"), "character")


@pytest.mark.filterwarnings("ignore:Duplicate name")
def test_names_that_come_twice_are_refused_in_any_case(tmp_path):
    refuse(write(tmp_path / "a.zip", [("a", b"1"), ("a", b"2")]), "comes twice")
    refuse(write(tmp_path / "b.zip", [("Manifest", b"1"), ("manifest", b"2")]), "comes twice")
    refuse(write(tmp_path / "c.zip", [("a", b"1"), ("a/b", b"2")]), "both a file and a folder")


def test_links_are_refused(tmp_path):
    info = zipfile.ZipInfo("link")
    info.create_system, info.external_attr = 3, (stat.S_IFLNK | 0o777) << 16
    refuse(write(tmp_path / "a.zip", [(info, b"/etc/passwd")]), "a link or a device")


def test_encrypted_members_are_refused(tmp_path):
    path = write(tmp_path / "a.zip", [("a", b"1")])
    data = bytearray(path.read_bytes())
    data[data.index(b"PK\x01\x02") + 8] |= 1
    path.write_bytes(data)
    refuse(path, "encrypted")


def test_other_methods_are_refused(tmp_path):
    refuse(write(tmp_path / "a.zip", [("a", b"1")], zipfile.ZIP_BZIP2), "method 12")


def test_bombs_are_refused_by_ratio_and_by_total(tmp_path):
    path = write(tmp_path / "a.zip", [("a", bytes(30 << 20))])
    refuse(path, "over 200 times as many")
    refuse(path, "at most 1,048,576 are unpacked", Limits(total_bytes=1 << 20))
    refuse(
        write(tmp_path / "b.zip", [(str(each), b"") for each in range(20)]), "20 members", Limits(members=10)
    )


def test_a_member_that_unpacks_to_more_than_it_announces_is_refused(tmp_path):
    path = write(tmp_path / "a.zip", [("a", b"12345678")])
    patched(
        path, struct.pack("<L", 8) + struct.pack("<HH", 1, 0), struct.pack("<L", 7) + struct.pack("<HH", 1, 0)
    )
    data = bytearray(path.read_bytes())
    struct.pack_into("<L", data, data.index(b"PK\x01\x02") + 24, 7)
    path.write_bytes(data)
    with pytest.raises(UnreadableError, match="more than its 7 bytes"):
        open_archive(path).read("a")


def test_a_damaged_member_is_refused(tmp_path):
    path = write(tmp_path / "a.zip", [("a", b"12345678")], zipfile.ZIP_STORED)
    archive = open_archive(patched(path, b"12345678", b"12345679"))
    with pytest.raises(UnreadableError, match="checksum"):
        archive.verify()


def test_overlapping_members_are_refused(tmp_path):
    path = write(tmp_path / "a.zip", [("a", b"1" * 99), ("b", b"2" * 99)], zipfile.ZIP_STORED)
    data = bytearray(path.read_bytes())
    first = data.index(b"PK\x01\x02")
    second = data.index(b"PK\x01\x02", first + 1)
    struct.pack_into("<L", data, second + 42, 0)  # both begin at the first
    data[second + 46 : second + 47] = b"c"
    path.write_bytes(data)
    refuse(path, "overlaps|another name")


def test_bytes_before_the_first_member_are_refused(tmp_path):
    path = write(tmp_path / "a.zip", [("a", b"1")])
    path.write_bytes(b"#!/bin/sh\n" + path.read_bytes())
    refuse(path, "10 bytes before 'a' belong to nothing")


def test_members_that_the_directory_hides_are_refused(tmp_path):
    """A comment that grew swallows the entry behind it; readers of local headers would still find it."""
    path = write(tmp_path / "a.zip", [("a", b"1"), ("b", b"2"), ("c", b"3")])
    data = bytearray(path.read_bytes())
    second = data.index(b"PK\x01\x02", data.index(b"PK\x01\x02") + 1)
    struct.pack_into("<H", data, second + 32, 46 + 1)  # the comment of "b" now covers the entry of "c"
    path.write_bytes(data)
    refuse(path, "before its directory belong to nothing")


def test_archives_inside_are_not_followed(tmp_path):
    inner = write(tmp_path / "inner.zip", [("../x", b"1")]).read_bytes()
    archive = open_archive(write(tmp_path / "a.zip", [("inner.zip", inner)]))
    assert archive.read("inner.zip") == inner


def test_a_longer_member_than_wanted_is_not_unpacked(tmp_path):
    archive = open_archive(write(tmp_path / "a.zip", [("a", b"12345678")]))
    with pytest.raises(UnreadableError, match="at most 4 are read"):
        archive.read("a", 4)


@settings(max_examples=200, deadline=None)
@given(st.data())
def test_a_changed_archive_is_refused_or_gives_what_was_put_in(tmp_path_factory, data):
    path = tmp_path_factory.mktemp("zip") / "a.zip"
    write(path, [("a", b"words " * 40), ("b/c", zlib.compress(b"more"))])
    raw = bytearray(path.read_bytes())
    for _ in range(data.draw(st.integers(1, 3))):
        raw[data.draw(st.integers(0, len(raw) - 1))] = data.draw(st.integers(0, 255))
    path.write_bytes(raw)
    try:
        archive = open_archive(path)
        found = {name: archive.read(name) for name in archive.members}
    except UnreadableError:
        return
    assert sorted(found.values()) == sorted([b"words " * 40, zlib.compress(b"more")])
