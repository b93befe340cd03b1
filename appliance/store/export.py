"""Entries taken out of the journal as a file that proves itself, and the check of one with the public key alone.

The first line is a header, then come the entries, one a line, byte for byte as they are stored and hashed:

    {"format":"readytrader-journal/v1","origin":"…","first":0,"last":41,"checkpoint":"…",
     "before":[],"pins":["…"],"after":[]}

(one line in the file). `checkpoint` is the signed C2SP note. `before`, `pins` and `after` are the hashes, in base64, of
the perfect subtrees that make up the leaves before `first`, from `first` to `last`, and after `last`, from the left, as
RFC 6962 cuts a tree. Together they make the checkpoint's root, so that the header alone can be checked against the
signature, and each stretch of entries against its pin. There are about 512 pins or fewer: in an export of up to 512
entries each pin is one leaf's hash, and a changed line is named exactly.
"""

from __future__ import annotations

import base64
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import BinaryIO

import msgspec
from msgspec import Struct

from appliance.store import database
from appliance.store.checkpoint import Checkpoint, InvalidCheckpoint, Verifier, parse_unverified
from appliance.store.entry import BODY_BYTES_MAX, decode_leaf
from appliance.store.merkle import EMPTY_ROOT, HASH_SIZE, leaf_hash, node_hash, node_reader

FORMAT = "readytrader-journal/v1"
PINS_MAX = 512
"""A stretch of entries has one pin; there are this many, and a few more where the range begins or ends unevenly."""
LINE_MAX = 4 * BODY_BYTES_MAX
"""Bytes of one line: an entry with the names of its records, or the header."""
_CHUNK = 512

Node = tuple[int, int]
"""Height and index of a perfect subtree: leaves index·2^height and on."""


class InvalidFile(ValueError):
    """The file is not as it was written. The message says what is wrong first, and in which line."""


class Header(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The first line of an export."""

    format: str
    origin: str
    first: int
    last: int
    """The last entry in the file; `first` - 1 where there is none."""
    checkpoint: str
    before: tuple[str, ...]
    pins: tuple[str, ...]
    after: tuple[str, ...]


class Export:
    """A range of entries, ready to be written out. Holds a read-only connection until the last line was taken."""

    def __init__(self, path: Path, first: int = 0, last: int | None = None) -> None:
        """`last` is included; None is the newest. Raises ValueError, JournalUnavailable and JournalCorrupt."""
        self._connection = database.open_reader(path)
        try:
            self._connection.execute("BEGIN")
            database.require_schema(self._connection, path)
            note = database.read_checkpoint(self._connection, path)
            checkpoint = parse_unverified(note)
            newest = checkpoint.size - 1
            last = newest if last is None else last
            if not 0 <= first <= last + 1 <= checkpoint.size:
                raise ValueError(f"entries {first} to {last}: the journal has {checkpoint.size}, up to number {newest}")
            node = node_reader(database.tile_reader(self._connection, checkpoint.size))
            before, pins, after = (tuple(_encode(node(*it)) for it in part) for part in _parts(first, last, newest))
            self._connection.execute("COMMIT")
        except BaseException:
            self._connection.close()
            raise
        self.header = Header(
            format=FORMAT,
            origin=checkpoint.origin,
            first=first,
            last=last,
            checkpoint=note,
            before=before,
            pins=pins,
            after=after,
        )

    @property
    def count(self) -> int:
        """How many entries follow the header."""
        return self.header.last + 1 - self.header.first

    def close(self) -> None:
        """Give the file back without taking anything."""
        self._connection.close()

    def chunks(self) -> Iterator[bytes]:
        """The file in pieces of whole lines. No statement stays open in between: a slow reader hinders no writer."""
        try:
            yield msgspec.json.encode(self.header) + b"\n"
            for start in range(self.header.first, self.header.last + 1, _CHUNK):
                span = (start, min(start + _CHUNK, self.header.last + 1))
                found = list(
                    self._connection.execute("SELECT leaf FROM entry WHERE seq >= ? AND seq < ? ORDER BY seq", span)
                )
                yield b"".join(leaf + b"\n" for (leaf,) in found)
        finally:
            self._connection.close()


class Verified(Struct, frozen=True, kw_only=True):
    """What a file was proven to be."""

    what: str
    """In words, such as `entries 0 to 41`."""
    checkpoint: Checkpoint


def verify_export(file: BinaryIO, vkey: str) -> Verified:
    """Check an export, line by line, with the public key alone.

    Raises `InvalidFile` for the first thing that is wrong, and InvalidCheckpoint where `vkey` itself is malformed.
    """
    verifier = Verifier.from_vkey(vkey)
    header = read_header(file.readline(LINE_MAX))
    try:
        checkpoint = verifier.verify(header.checkpoint)
    except InvalidCheckpoint as fault:
        raise InvalidFile(f"line 1: {fault}") from fault
    stretches = _checked_pins(header, checkpoint)
    for (height, index), pin in stretches:
        start = index << height
        seen = _stretch_root(file, start, 1 << height, header.first)
        if seen != pin:
            first_line = start - header.first + 2
            where = f"line {first_line}" if height == 0 else f"lines {first_line} to {first_line + (1 << height) - 1}"
            what = f"entry {start}" if height == 0 else f"entries {start} to {start + (1 << height) - 1}"
            raise InvalidFile(f"{where}: not {what} as the journal has it")
    if file.read(1):
        raise InvalidFile(f"line {header.last - header.first + 3}: nothing may follow entry {header.last}")
    what = f"entries {header.first} to {header.last}" if header.last >= header.first else "no entries"
    return Verified(what=what, checkpoint=checkpoint)


def read_header(line: bytes) -> Header:
    """The header in a file's first line. Raises `InvalidFile`."""
    try:
        header = msgspec.json.decode(line, type=Header)
    except (msgspec.DecodeError, RecursionError) as fault:
        raise InvalidFile(f"line 1: not the header of an export: {fault}") from fault
    if header.format != FORMAT or msgspec.json.encode(header) + b"\n" != line:
        raise InvalidFile(f"line 1: not a header of the format {FORMAT} as it is written")
    return header


def _checked_pins(header: Header, checkpoint: Checkpoint) -> list[tuple[Node, bytes]]:
    """Each stretch of entries with its hash, once all hashes of the header make the signed root."""
    if header.origin != checkpoint.origin or not 0 <= header.first <= header.last + 1 <= checkpoint.size:
        raise InvalidFile("line 1: the header does not fit its checkpoint")
    parts = _parts(header.first, header.last, checkpoint.size - 1)
    nodes = [node for part in parts for node in part]
    given = (header.before, header.pins, header.after)
    if [len(part) for part in parts] != [len(texts) for texts in given]:
        raise InvalidFile("line 1: the header has not the hashes that its range asks for")
    hashes = [_decode(text) for texts in given for text in texts]
    if root_over(zip(nodes, hashes, strict=True)) != checkpoint.root:
        raise InvalidFile("line 1: the header's hashes do not make the root that was signed")
    skipped = len(header.before)
    pinned = hashes[skipped : skipped + len(header.pins)]
    return list(zip(parts[1], pinned, strict=True))


def _stretch_root(file: BinaryIO, start: int, count: int, first: int) -> bytes:
    """The root over the next lines, each of which must be an entry with the number that is due."""
    stack: list[tuple[int, bytes]] = []
    for seq in range(start, start + count):
        line, number = file.readline(LINE_MAX), seq - first + 2
        if not line:
            raise InvalidFile(f"line {number}: the file ends before entry {seq}")
        if not line.endswith(b"\n"):
            raise InvalidFile(f"line {number}: the line is cut off or too long")
        try:
            found = decode_leaf(line).seq
        except (msgspec.DecodeError, RecursionError) as fault:
            raise InvalidFile(f"line {number}: not an entry of the journal: {fault}") from fault
        if found != seq:
            raise InvalidFile(f"line {number}: expected entry {seq}, got entry {found}")
        height, node = 0, leaf_hash(line[:-1])
        while stack and stack[-1][0] == height:
            height, node = height + 1, node_hash(stack.pop()[1], node)
        stack.append((height, node))
    return stack[0][1]


def root_over(nodes: Iterable[tuple[Node, bytes]]) -> bytes:
    """The root of a tree from the hashes of adjacent perfect subtrees that cover it, from the left."""
    stack: list[tuple[int, int, bytes]] = []
    for (height, index), node in nodes:
        while stack and index & 1 and stack[-1][:2] == (height, index - 1):
            node = node_hash(stack.pop()[2], node)
            height, index = height + 1, index >> 1
        stack.append((height, index, node))
    if not stack:
        return EMPTY_ROOT
    root = stack.pop()[2]
    while stack:
        root = node_hash(stack.pop()[2], root)
    return root


def _parts(first: int, last: int, newest: int) -> tuple[list[Node], list[Node], list[Node]]:
    """The subtrees before, within and after a range; those within are at most as high as keeps the pins few."""
    height_max = max(0, (last - first).bit_length() - (PINS_MAX.bit_length() - 1))
    return (
        list(_cover(0, first, 63)),
        list(_cover(first, last + 1, height_max)),
        list(_cover(last + 1, newest + 1, 63)),
    )


def _cover(start: int, stop: int, height_max: int) -> Iterator[Node]:
    """The fewest perfect subtrees, none higher than allowed, that cover these leaves, from the left."""
    while start < stop:
        aligned = (start & -start).bit_length() - 1 if start else 63
        height = min(height_max, aligned, (stop - start).bit_length() - 1)
        yield height, start >> height
        start += 1 << height


def _encode(blob: bytes) -> str:
    return base64.b64encode(blob).decode("ascii")


def _decode(text: str) -> bytes:
    """A hash in the one canonical spelling of base64."""
    try:
        blob = base64.b64decode(text.encode("ascii"), validate=True)
    except (ValueError, UnicodeEncodeError):
        blob = b""
    if len(blob) != HASH_SIZE or _encode(blob) != text:
        raise InvalidFile(f"line 1: expected a hash in base64, got {text[:80]!r}")
    return blob
