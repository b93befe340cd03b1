"""What goes into the journal, and the exact bytes that stand for it.

An entry is stored, hashed and exported as one line of JSON:

    {"seq":7,"at":"2026-01-02T03:04:05.000006Z","kind":"order.permitted","records":[["order","o-1","<sha256>"]],"body":{...}}

`records` names the projection rows that were written with the entry, each with its digest, so that the projection is
as tamper-evident as the log; it is left out where there are none. The body stands as it was given, to the byte.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from functools import lru_cache
from hashlib import sha256
from typing import NamedTuple

import msgspec
from msgspec import Struct

BODY_BYTES_MAX = 1 << 20
"""The largest body of an entry or record: a journal that one request can fill is no journal."""

_KIND = re.compile(r"[a-z][a-z0-9_.-]{0,63}", re.ASCII)
_encode_json = msgspec.json.Encoder().encode
_decode_json = msgspec.json.Decoder().decode


class Entry(Struct, frozen=True, kw_only=True):
    """Something that happened. `body` is one JSON object, in UTF-8 and on one line."""

    kind: str
    """Lower-case words joined by dots, underscores or dashes: `order.permitted`."""
    at: datetime
    body: msgspec.Raw | bytes


class Record(Struct, frozen=True, kw_only=True):
    """The present state of one thing, a projection of the journal. A later one of the same kind and id replaces it."""

    kind: str
    id: str
    live: bool
    """Whether it is still in play; what is not is loaded only when asked for."""
    at: datetime
    body: bytes
    seq: int | None = None
    """The entry that last touched it; the journal's to say, None on the way in."""


class Receipt(Struct, frozen=True, kw_only=True):
    """The entries are on disk, and this signed checkpoint covers them."""

    first_seq: int
    last_seq: int
    checkpoint: str


class Row(NamedTuple):
    """One row of the table `record`."""

    kind: str
    id: str
    live: int
    at: str
    seq: int
    body: bytes


class Leaf(Struct, frozen=True, forbid_unknown_fields=True):
    """A stored entry, read back from its bytes."""

    seq: int
    at: str
    kind: str
    body: msgspec.Raw
    records: tuple[tuple[str, str, str], ...] = ()


decode_leaf = msgspec.json.Decoder(Leaf).decode
"""The parts of a stored entry. Raises msgspec.DecodeError, of which ValidationError is one kind."""


def text_from_time(at: datetime) -> str:
    """UTC with six digits of a second, so that texts sort as the times do. Refuses a time without a zone."""
    if at.tzinfo is not UTC:
        if at.utcoffset() is None:
            raise ValueError(f"time: expected one with a zone, got {at.isoformat()}")
        at = at.astimezone(UTC)
    return at.isoformat("T", "microseconds")[:-6] + "Z"


def time_from_text(text: str) -> datetime:
    """The time that `text_from_time` wrote."""
    return datetime.fromisoformat(text)


def encode_entries(
    first_seq: int, entries: Sequence[Entry], records: Sequence[Record]
) -> tuple[list[bytes], dict[tuple[str, str], Row]]:
    """The leaves of these entries, and the rows that the last of them explains.

    Raises ValueError where an entry or record is not what the journal can hold; nothing is written then.
    """
    if not entries:
        raise ValueError("journal: expected at least one entry, got none; a record needs an entry that explains it")
    last_seq = first_seq + len(entries) - 1
    rows = {(record.kind, record.id): _row(record, last_seq) for record in records}
    leaves = [_leaf(seq, entry, b"") for seq, entry in enumerate(entries[:-1], first_seq)]
    leaves.append(_leaf(last_seq, entries[-1], _mentions(rows.values()) if rows else b""))
    return leaves, rows


def row_digest(row: Row) -> str:
    """SHA-256, in hex, of the JSON array [kind, id, live as 1 or 0, at], a newline and the body."""
    header = _encode_json([row.kind, row.id, row.live, row.at])
    return sha256(header + b"\n" + row.body).hexdigest()


def record_from_row(row: Row) -> Record:
    """The record of a stored row."""
    kind, record_id, live, at, seq, body = row
    return Record(kind=kind, id=record_id, live=bool(live), at=time_from_text(at), body=body, seq=seq)


def _row(record: Record, seq: int) -> Row:
    _require_kind(record.kind)
    if len(record.body) > BODY_BYTES_MAX:
        raise ValueError(f"record {record.kind} {record.id}: body of {len(record.body)} bytes, over {BODY_BYTES_MAX}")
    return Row(record.kind, record.id, int(record.live), text_from_time(record.at), seq, bytes(record.body))


def _mentions(rows: Iterable[Row]) -> bytes:
    return b'"records":' + _encode_json([(row.kind, row.id, row_digest(row)) for row in rows]) + b","


def _leaf(seq: int, entry: Entry, mentions: bytes) -> bytes:
    _require_kind(entry.kind)
    body = bytes(entry.body)
    if len(body) > BODY_BYTES_MAX:
        raise ValueError(f"entry {entry.kind}: body of {len(body)} bytes, over {BODY_BYTES_MAX}")
    if b"\n" in body or b"\r" in body or not isinstance(_decode_json(body), dict):
        raise ValueError(f"entry {entry.kind}: expected a JSON object on one line, got {body[:80]!r}")
    head = f'{{"seq":{seq},"at":"{text_from_time(entry.at)}","kind":"{entry.kind}",'
    return b"".join((head.encode("ascii"), mentions, b'"body":', body, b"}"))


@lru_cache(maxsize=256)
def _require_kind(kind: str) -> None:
    if not _KIND.fullmatch(kind):
        raise ValueError(f"kind: expected lower-case words such as order.permitted, got {kind[:80]!r}")
