"""A zip archive is read in one way or not at all."""

from __future__ import annotations

import io
import struct
import zipfile
from collections.abc import Callable

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from appliance.plugin_host.wheels import archive
from appliance.plugin_host.wheels.archive import read_archive, write_archive
from appliance.plugin_host.wheels.refusal import WheelRefused

NAMES = st.from_regex(r"[a-z0-9_.-]{1,8}(/[a-z0-9_-]{1,8}\.py)?", fullmatch=True).filter(
    lambda name: not set(name.split("/")) & {".", ".."}
)


def zipped(*entries: tuple[str, bytes], method: int = zipfile.ZIP_DEFLATED) -> bytes:
    """A zip as Python's own library writes it."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", method) as written:
        for name, content in entries:
            written.writestr(name, content)
    return buffer.getvalue()


def with_info(change: Callable[[zipfile.ZipInfo], None], name: str = "a.py") -> bytes:
    """A zip of one entry whose description was changed before it was written."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as written:
        info = zipfile.ZipInfo(name)
        change(info)
        written.writestr(info, b"X = 1\n")
    return buffer.getvalue()


class Unseekable(io.BytesIO):
    """Makes the library write what comes behind the content: checksum and sizes."""

    def seekable(self) -> bool:
        return False

    def seek(self, *where: int) -> int:
        raise io.UnsupportedOperation

    def tell(self) -> int:
        raise io.UnsupportedOperation


def refused(data: bytes) -> str:
    with pytest.raises(WheelRefused) as caught:
        read_archive("x.whl", data)
    assert caught.value.name == "x.whl"
    return caught.value.what


def patched(data: bytes, *changes: tuple[int, bytes]) -> bytes:
    """The data with other bytes at some places."""
    made = bytearray(data)
    for position, new in changes:
        made[position : position + len(new)] = new
    return bytes(made)


def central(data: bytes) -> int:
    return data.index(b"PK\1\2")


def end(data: bytes) -> int:
    return data.rindex(b"PK\5\6")


@given(st.dictionaries(NAMES, st.binary(max_size=64), max_size=6))
def test_what_is_written_is_read_again_here_and_by_pythons_own_library(files: dict[str, bytes]) -> None:
    data = write_archive(files)
    with zipfile.ZipFile(io.BytesIO(data)) as judge:
        assert judge.testzip() is None
        assert {name: judge.read(name) for name in judge.namelist()} == files
    prefixes = {"/".join(name.split("/")[:-1]) for name in files}
    if not prefixes & files.keys():
        assert read_archive("x.whl", data) == files
        assert list(read_archive("x.whl", data)) == list(files)


@pytest.mark.parametrize("method", [zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED])
def test_an_archive_of_another_writer_is_read(method: int) -> None:
    entries = (("a/__init__.py", b"X = 1\n" * 100), ("a/b.py", b""), ("a/c.bin", bytes(range(256))))
    assert read_archive("x.whl", zipped(*entries, method=method)) == dict(entries)


def test_an_archive_with_folders_and_figures_behind_the_content_is_read() -> None:
    stream = Unseekable()
    with zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED) as written:
        written.writestr("a/", b"")
        written.writestr("a/b.py", b"X = 1\n" * 100)
    data = stream.getvalue()
    assert read_archive("x.whl", data) == {"a/b.py": b"X = 1\n" * 100}
    figures = data.rindex(b"PK\7\b")
    assert "behind an entry" in refused(patched(data, (figures + 4, b"\0\0\0\0")))


@pytest.mark.parametrize(
    ("name", "told"),
    [
        ("/etc/passwd", "leads elsewhere"),
        ("../a.py", "leads elsewhere"),
        ("a/../../b.py", "leads elsewhere"),
        ("a/./b.py", "leads elsewhere"),
        ("a//b.py", "leads elsewhere"),
        ("a\\b.py", "plain ASCII"),
        ("ä.py", "plain ASCII"),
        ("a\n.py", "plain ASCII"),
        ("a" * 600, "plain ASCII"),
    ],
)
def test_a_name_that_could_mean_something_else_is_refused(name: str, told: str) -> None:
    assert told in refused(zipped((name, b"")))


def test_a_name_that_ends_early_for_some_readers_is_refused() -> None:
    assert "plain ASCII" in refused(zipped(("a.py_x", b"")).replace(b"a.py_x", b"a.py\0x"))


@pytest.mark.parametrize("names", [("a.py", "A.py"), ("a/b.py", "A/B.py")])
def test_names_that_differ_in_case_alone_are_refused(names: tuple[str, ...]) -> None:
    assert "two entries of one name" in refused(zipped(*((name, b"") for name in names)))


def test_an_entry_that_is_there_twice_is_refused() -> None:
    once = zipped(("a.py", b"X = 1"), ("b.py", b"X = 2"))
    assert "two entries of one name" in refused(once.replace(b"b.py", b"a.py"))


def test_a_file_with_a_file_inside_is_refused() -> None:
    assert "inside of another" in refused(zipped(("a", b""), ("a/b.py", b"")))


@pytest.mark.parametrize("kind", [0o120777, 0o010644, 0o020644, 0o060644, 0o140644, 0o040755])
def test_a_link_a_device_and_a_pipe_are_refused(kind: int) -> None:
    def change(info: zipfile.ZipInfo) -> None:
        info.external_attr = kind << 16

    assert "link" in refused(with_info(change))


def test_an_encrypted_entry_is_refused() -> None:
    data = zipped(("a.py", b"X = 1\n"))
    assert "encrypted" in refused(patched(data, (6, b"\1\0"), (central(data) + 8, b"\1\0")))


def test_an_entry_of_a_later_format_is_refused() -> None:
    data = zipped(("a.py", b"X = 1\n"))
    assert "later format" in refused(patched(data, (central(data) + 6, b"\x40")))
    assert "header" in refused(patched(data, (4, b"\x40")))


@pytest.mark.parametrize("method", [zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA])
def test_an_unusual_way_of_packing_is_refused(method: int) -> None:
    assert "packed in a way" in refused(zipped(("a.py", b"X = 1\n"), method=method))


def test_bytes_before_behind_and_between_are_refused() -> None:
    data = zipped(("a.py", b"X = 1\n"), ("b.py", b"X = 2\n"))
    middle = data.index(b"PK\3\4", 4)
    assert "belong to no entry" in refused(b"#!/bin/sh\n" + data)
    assert "no end record" in refused(data + b"\n")
    assert refused(data[:middle] + b"hidden" + data[middle:])
    last = central(data)
    hidden = data[:last] + b"hidden" + data[last:]
    hidden = patched(hidden, (end(hidden) + 16, struct.pack("<L", last + 6)))
    assert "between its entries and its directory" in refused(hidden)
    assert "comment" in refused(patched(data, (end(data) + 20, b"\1\0")))


def test_a_second_archive_hidden_before_the_first_is_refused() -> None:
    """What a reader takes that looks for the first entry, and what one takes that looks for the last directory."""
    assert "belong to no entry" in refused(zipped(("a.py", b"evil")) + zipped(("a.py", b"good")))


def test_an_entry_that_the_directory_does_not_name_is_refused() -> None:
    data = zipped(("a.py", b"X = 1\n"), ("b.py", b"X = 2\n"))
    second = data.index(b"PK\1\2", central(data) + 4)
    without = data[: central(data)] + data[second : end(data)]
    size = end(data) - second
    record = struct.pack("<4s4H2LH", b"PK\5\6", 0, 0, 1, 1, size, central(data), 0)
    assert "overlap" in refused(without + record)


def test_overlapping_entries_are_refused() -> None:
    data = zipped(("a.py", b"X = 1\n"), ("b.py", b"X = 1\n"))
    second = data.index(b"PK\1\2", central(data) + 4)
    assert "overlap" in refused(patched(data, (second + 42, struct.pack("<L", 0))))


@pytest.mark.parametrize("where", [30, 6, 14, 22], ids=["name", "flags", "checksum", "size"])
def test_a_header_that_contradicts_the_directory_is_refused(where: int) -> None:
    data = zipped(("a.py", b"X = 1\n"))
    assert "header" in refused(patched(data, (where, bytes([data[where] ^ 2]))))


def test_content_that_is_not_what_the_directory_says_is_refused() -> None:
    data = zipped(("a.py", b"X = 1\n"), method=zipfile.ZIP_STORED)
    assert "not what its directory says" in refused(data.replace(b"X = 1", b"X = 2"))


def test_packed_content_with_something_behind_it_is_refused() -> None:
    data = zipped(("a.py", b"X = 1\n" * 50))
    start, size = 30 + len("a.py"), struct.unpack_from("<L", data, 18)[0]
    longer = struct.pack("<L", size + 1)
    made = patched(data, (18, longer), (central(data) + 20, longer))
    made = made[: start + size] + b"!" + made[start + size :]
    made = patched(made, (end(made) + 16, struct.pack("<L", central(data) + 1)))
    assert "longer or shorter" in refused(made)


@pytest.mark.parametrize("kind", [0x0001, 0x7075], ids=["zip64", "unicode path"])
def test_an_extra_field_that_says_a_size_or_name_once_more_is_refused(kind: int) -> None:
    def change(info: zipfile.ZipInfo) -> None:
        info.extra = struct.pack("<2H", kind, 4) + b"1234"

    assert "extra field" in refused(with_info(change))


def test_a_broken_extra_field_is_refused_and_a_plain_one_is_not() -> None:
    def time_stamp(info: zipfile.ZipInfo) -> None:
        info.extra = struct.pack("<2H", 0x5455, 5) + b"\1abcd"

    def broken(info: zipfile.ZipInfo) -> None:
        info.extra = struct.pack("<2H", 0x5455, 50) + b"\1abcd"

    assert read_archive("x.whl", with_info(time_stamp)) == {"a.py": b"X = 1\n"}
    assert "extra field" in refused(with_info(broken))


def test_a_bomb_is_refused_before_it_goes_off(monkeypatch: pytest.MonkeyPatch) -> None:
    assert "times its size" in refused(zipped(("a.bin", bytes(8 * 1024 * 1024))))
    monkeypatch.setattr(archive, "ENTRY_BYTES_MAX", 1000)
    assert "more than 1000 bytes" in refused(zipped(("a.bin", bytes(1001))))
    monkeypatch.setattr(archive, "TOTAL_BYTES_MAX", 1500)
    assert "more than 1500 bytes" in refused(zipped(("a.bin", bytes(1000)), ("b.bin", bytes(501))))
    monkeypatch.setattr(archive, "ENTRIES_MAX", 2)
    assert "more than 2 entries" in refused(zipped(*((name, b"") for name in "abc")))


def test_an_entry_that_unpacks_to_more_than_it_says_is_refused() -> None:
    data = zipped(("a.py", b"X" * 1000))
    small = struct.pack("<L", 10)
    assert "longer or shorter" in refused(patched(data, (22, small), (central(data) + 24, small)))


@pytest.mark.parametrize("data", [b"", b"PK", b"not a zip at all, but longer than its end record"])
def test_what_is_no_archive_is_refused(data: bytes) -> None:
    assert "end record" in refused(data)


@settings(max_examples=300)
@given(st.data())
def test_no_change_of_a_byte_makes_another_reading(data: st.DataObject) -> None:
    """Whatever is changed: it is refused, or it reads as Python's own library reads it."""
    original = zipped(("a/__init__.py", b"X = 1\n" * 20), ("a/b.py", b"Y = 2\n"))
    position = data.draw(st.integers(0, len(original) - 1))
    changed = patched(original, (position, bytes([data.draw(st.integers(0, 255))])))
    try:
        files = read_archive("x.whl", changed)
    except WheelRefused:
        return
    with zipfile.ZipFile(io.BytesIO(changed)) as judge:
        assert {name: judge.read(name) for name in judge.namelist()} == files
