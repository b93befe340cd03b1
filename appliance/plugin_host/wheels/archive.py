"""Reads a zip archive in the only way that it can be read, or not at all; writes one in one form only.

A zip can mean different things to different readers: bytes before the archive or after it, names that differ between
the local header and the central directory, entries that overlap. Here every byte of the file must be accounted for:
entries follow one another from the first byte to the central directory, and that reaches to the end record, which ends
the file. What is left out of the format is what no wheel needs: encryption, ZIP64, comments, several disks.
(Source of the format: PKWARE's APPNOTE.TXT, sections 4.3 and 4.4.)
"""

from __future__ import annotations

import re
import stat
import struct
import zlib
from collections.abc import Mapping
from typing import NoReturn

from msgspec import Struct

from appliance.plugin_host.wheels.refusal import WheelRefused

ENTRIES_MAX = 20_000
ENTRY_BYTES_MAX = 64 * 1024 * 1024
TOTAL_BYTES_MAX = 256 * 1024 * 1024
RATIO_MAX = 200
"""How much larger than its compressed form an entry may be, once it is larger than `RATIO_FREE_BYTES`."""
RATIO_FREE_BYTES = 1024 * 1024
NAME_CHARACTERS_MAX = 512

_LOCAL = struct.Struct("<4s5H3L2H")
_CENTRAL = struct.Struct("<4s6H3L5H2L")
_END = struct.Struct("<4s4H2LH")
_LOCAL_MARK, _CENTRAL_MARK, _END_MARK, _DESCRIPTOR_MARK = b"PK\3\4", b"PK\1\2", b"PK\5\6", b"PK\7\b"
_ENCRYPTED, _DESCRIPTOR = 0x0001, 0x0008
_FLAGS_KNOWN = _DESCRIPTOR | 0x0006 | 0x0800
"""A data descriptor follows; how hard the compressor tried; the name is UTF-8 (ASCII is)."""
_STORED, _DEFLATED = 0, 8
_VERSION_MAX = 45
"""What a reader must know, in tenths of a version of the format: some writers say this of any entry."""
_ZIP64, _UNICODE_PATH = 0x0001, 0x7075
_NAME = re.compile(r"[ !-\[\]-~]+")
_MADE_BY_UNIX, _VERSION, _EPOCH_DATE = 3, 20, (1 << 5) | 1
"""1980-01-01, the earliest date that the format has."""


class _Entry(Struct, frozen=True, kw_only=True):
    """One line of the central directory."""

    name: str
    flags: int
    method: int
    crc: int
    packed: int
    size: int
    mode: int
    offset: int


def read_archive(name: str, data: bytes) -> dict[str, bytes]:
    """Every file of the archive, by its name, in the archive's order; folders are left out.

    Raises `WheelRefused` naming `name` and the entry.
    """
    return _Archive(name, data).files()


def write_archive(files: Mapping[str, bytes]) -> bytes:
    """The archive of these files, in their order: the same files give the same bytes, everywhere and always.

    Nothing is compressed, since compressors differ between versions; no time, user or mode is kept.
    """
    entries, directory = bytearray(), bytearray()
    for name, content in files.items():
        raw, crc, size = name.encode("ascii"), zlib.crc32(content), len(content)
        about = (0, _STORED, 0, _EPOCH_DATE, crc, size, size, len(raw), 0)
        mode = (stat.S_IFREG | 0o644) << 16
        made_by = _MADE_BY_UNIX << 8 | _VERSION
        directory += _CENTRAL.pack(_CENTRAL_MARK, made_by, _VERSION, *about, 0, 0, 0, mode, len(entries)) + raw
        entries += _LOCAL.pack(_LOCAL_MARK, _VERSION, *about) + raw + content
    count = len(files)
    return bytes(entries + directory + _END.pack(_END_MARK, 0, 0, count, count, len(directory), len(entries), 0))


class _Archive:
    def __init__(self, name: str, data: bytes) -> None:
        self._name = name
        self._data = data

    def files(self) -> dict[str, bytes]:
        directory, count = self._directory()
        entries = self._entries(directory, count)
        self._demand_distinct(entries)
        if sum(entry.size for entry in entries) > TOTAL_BYTES_MAX:
            self._refuse(f"unpacks to more than {TOTAL_BYTES_MAX} bytes")
        contents: dict[str, bytes] = {}
        position = 0
        for entry in sorted(entries, key=lambda entry: entry.offset):
            content, position = self._content(entry, position)
            contents[entry.name] = content
        if position != directory:
            self._refuse("has bytes between its entries and its directory", f"{directory - position} bytes")
        return {entry.name: contents[entry.name] for entry in entries if not entry.name.endswith("/")}

    def _refuse(self, what: str, seen: object = "") -> NoReturn:
        raise WheelRefused(self._name, what, seen)

    def _unpack(self, form: struct.Struct, mark: bytes, position: int, what: str) -> tuple[int, ...]:
        """One record, without its mark."""
        if position < 0 or position + form.size > len(self._data):
            self._refuse(f"ends where {what} should be")
        found, *fields = form.unpack_from(self._data, position)
        if found != mark:
            self._refuse(f"has no {what} where one should be", f"{found.hex()} at byte {position}")
        return tuple(fields)

    def _directory(self) -> tuple[int, int]:
        """Where the central directory begins, and how many entries it has."""
        end = len(self._data) - _END.size
        fields = self._unpack(_END, _END_MARK, end, "end record of a zip archive")
        disk, directory_disk, here, count, size, offset, comment = fields
        if disk or directory_disk or comment or here != count:
            self._refuse("is a zip archive with a comment or of several parts")
        if count > ENTRIES_MAX:
            self._refuse(f"has more than {ENTRIES_MAX} entries", count)
        if offset + size != end:
            self._refuse("has bytes that belong to no entry, before or after its directory", f"{end - offset - size}")
        return offset, count

    def _entries(self, position: int, count: int) -> list[_Entry]:
        entries = []
        for _ in range(count):
            fields = self._unpack(_CENTRAL, _CENTRAL_MARK, position, "directory entry")
            _, version, flags, method, _, _, crc, packed, size, name_bytes, extra_bytes, *rest = fields
            comment, disk, _, mode, offset = rest
            position += _CENTRAL.size
            raw = self._data[position : position + name_bytes]
            extra = self._data[position + name_bytes : position + name_bytes + extra_bytes]
            position += name_bytes + extra_bytes
            name = raw.decode("ascii", "replace")
            entry = _Entry(
                name=name, flags=flags, method=method, crc=crc, packed=packed, size=size, mode=mode >> 16, offset=offset
            )
            self._demand_plain(entry)
            self._demand_plain_extra(name, extra)
            if comment or disk or version > _VERSION_MAX:
                self._refuse("has an entry with a comment, on another disk, or of a later format", name)
            entries.append(entry)
        if position != len(self._data) - _END.size:
            self._refuse("has a directory that is longer than its entries")
        return entries

    def _demand_plain(self, entry: _Entry) -> None:
        name = entry.name
        if not _NAME.fullmatch(name) or len(name) > NAME_CHARACTERS_MAX:
            self._refuse("has an entry whose name is not plain ASCII without backslashes", name)
        if set(name.removesuffix("/").split("/")) & {"", ".", ".."}:
            self._refuse("has an entry whose name leads elsewhere", name)
        kind = stat.S_IFMT(entry.mode)
        if kind not in ((0, stat.S_IFDIR) if name.endswith("/") else (0, stat.S_IFREG)):
            self._refuse("has an entry that is a link or no regular file", name)
        if entry.flags & _ENCRYPTED:
            self._refuse("has an encrypted entry", name)
        if entry.flags & ~_FLAGS_KNOWN or entry.method not in (_STORED, _DEFLATED):
            self._refuse("has an entry packed in a way that no wheel needs", name)
        if entry.size > ENTRY_BYTES_MAX:
            self._refuse(f"has an entry of more than {ENTRY_BYTES_MAX} bytes", name)
        if entry.size > RATIO_FREE_BYTES and entry.size > RATIO_MAX * entry.packed:
            self._refuse(f"has an entry that unpacks to more than {RATIO_MAX} times its size", name)
        if (entry.method == _STORED and entry.packed != entry.size) or (name.endswith("/") and entry.size):
            self._refuse("has an entry whose sizes contradict each other", name)

    def _demand_plain_extra(self, name: str, extra: bytes) -> None:
        """No extra field may give a size or a name once more, as ZIP64 and the Unicode path do."""
        while extra:
            if len(extra) < 4:
                self._refuse("has an entry with a broken extra field", name)
            kind, size = struct.unpack_from("<2H", extra)
            if kind in (_ZIP64, _UNICODE_PATH) or len(extra) < 4 + size:
                self._refuse("has an entry with an extra field that no wheel needs", name)
            extra = extra[4 + size :]

    def _demand_distinct(self, entries: list[_Entry]) -> None:
        seen: set[str] = set()
        for entry in entries:
            name = entry.name.removesuffix("/").casefold()
            if name in seen:
                self._refuse("has two entries of one name, or of names that differ in case alone", entry.name)
            seen.add(name)
        files = {entry.name.casefold() for entry in entries if not entry.name.endswith("/")}
        for entry in entries:
            parents = entry.name.casefold().split("/")[:-1]
            if any("/".join(parents[:depth]) in files for depth in range(1, len(parents) + 1)):
                self._refuse("has an entry inside of another that is a file", entry.name)

    def _content(self, entry: _Entry, expected: int) -> tuple[bytes, int]:
        """What the entry holds, and where it ends."""
        if entry.offset != expected:
            self._refuse("has entries that overlap, or bytes between them", entry.name)
        fields = self._unpack(_LOCAL, _LOCAL_MARK, entry.offset, "entry")
        version, flags, method, _, _, crc, packed, size, name_bytes, extra_bytes = fields
        start = entry.offset + _LOCAL.size
        name = self._data[start : start + name_bytes].decode("ascii", "replace")
        start += name_bytes
        self._demand_plain_extra(entry.name, self._data[start : start + extra_bytes])
        start += extra_bytes
        stated, deferred = (crc, packed, size), entry.flags & _DESCRIPTOR
        known = (entry.crc, entry.packed, entry.size)
        same = version <= _VERSION_MAX and (name, flags, method) == (entry.name, entry.flags, entry.method)
        if not same or (stated != known and not (deferred and stated == (0, 0, 0))):
            self._refuse("says one thing in an entry's header and another in its directory", entry.name)
        end = start + entry.packed
        content = self._inflated(entry, self._data[start:end])
        return content, self._after_descriptor(entry, end) if deferred else end

    def _inflated(self, entry: _Entry, packed: bytes) -> bytes:
        content = packed
        if entry.method == _DEFLATED:
            inflate = zlib.decompressobj(-zlib.MAX_WBITS)
            try:
                content = inflate.decompress(packed, entry.size + 1)
            except zlib.error:
                self._refuse("has an entry that cannot be unpacked", entry.name)
            if not inflate.eof or inflate.unused_data or inflate.unconsumed_tail:
                self._refuse("has an entry that is longer or shorter than it says", entry.name)
        if len(content) != entry.size or zlib.crc32(content) != entry.crc:
            self._refuse("has an entry that is not what its directory says", entry.name)
        return content

    def _after_descriptor(self, entry: _Entry, position: int) -> int:
        """Where the three figures end that stand once more behind the content; their mark is optional."""
        figures = struct.pack("<3L", entry.crc, entry.packed, entry.size)
        form = next(
            (form for form in (_DESCRIPTOR_MARK + figures, figures) if self._data.startswith(form, position)), b""
        )
        if not form:
            self._refuse("says one thing behind an entry and another in its directory", entry.name)
        return position + len(form)
