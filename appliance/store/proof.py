"""Proofs that leave the host: that one entry is in the journal, and that a journal only grew.

Both are texts that can be checked with the public key alone. An entry's proof is a C2SP tlog-proof whose extra data is
the entry itself; a proof of growth is the request that a C2SP tlog-witness takes (add-checkpoint).
"""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TypeVar

import apsw
from msgspec import Struct

from appliance.store import database
from appliance.store.checkpoint import Checkpoint, Verifier, parse_unverified
from appliance.store.database import JournalCorrupt
from appliance.store.entry import Leaf, decode_leaf
from appliance.store.merkle import (
    EMPTY_ROOT,
    InvalidProof,
    NodeReader,
    consistency_proof,
    inclusion_proof,
    leaf_hash,
    node_reader,
    root_of,
    verify_consistency,
    verify_inclusion,
)

HEADER = "c2sp.org/tlog-proof@v1"
_NUMBER = re.compile(r"0|[1-9][0-9]{0,18}", re.ASCII)
_T = TypeVar("_T")


class Proven(Struct, frozen=True, kw_only=True):
    """An entry that is in the journal which this checkpoint describes."""

    entry: Leaf
    checkpoint: Checkpoint


def prove(path: Path, seq: int) -> str:
    """A text that proves entry `seq` to anybody who has the public key.

        c2sp.org/tlog-proof@v1
        extra <the entry's bytes in base64>
        index <seq>
        <one hash a line in base64, from the leaf's sibling up>
        <an empty line>
        <the signed checkpoint>

    Raises ValueError where there is no such entry, JournalUnavailable or JournalCorrupt where it cannot be read.
    """

    def build(connection: apsw.Connection, note: str, size: int, node: NodeReader) -> str:
        path_up = inclusion_proof(seq, size, node)
        leaf = connection.execute("SELECT leaf FROM entry WHERE seq = ?", (seq,)).get
        if not isinstance(leaf, bytes):
            raise JournalCorrupt(f"{path}: entry {seq} is missing")
        return "\n".join([HEADER, f"extra {_encode(leaf)}", f"index {seq}", *map(_encode, path_up), "", note])

    return _with_tree(path, build)


def verify_proof(text: str, vkey: str) -> Proven:
    """The entry that a text from `prove` proves. Raises InvalidProof, or InvalidCheckpoint for a wrong signature."""
    head, note = _split(text)
    if len(head) < 3 or head[0] != HEADER:
        raise InvalidProof(f"expected {HEADER!r} in the first line, got {head[0][:80]!r}")
    leaf = _decode(_after(head[1], "extra "))
    index = _after(head[2], "index ")
    if not _NUMBER.fullmatch(index):
        raise InvalidProof(f"expected an index, got {index[:80]!r}")
    checkpoint = Verifier.from_vkey(vkey).verify(note)
    verify_inclusion(int(index), checkpoint.size, leaf_hash(leaf), _decode_path(head[3:]), checkpoint.root)
    return Proven(entry=decode_leaf(leaf), checkpoint=checkpoint)


def prove_growth(path: Path, old_size: int) -> str:
    """A text that proves to whoever knows the root at `old_size` that nothing before it changed.

        old <old_size>
        <one hash a line in base64>
        <an empty line>
        <the signed checkpoint>

    Raises ValueError where the journal never had that size, JournalUnavailable or JournalCorrupt where it cannot be
    read.
    """

    def build(_: apsw.Connection, note: str, size: int, node: NodeReader) -> str:
        hashes = consistency_proof(old_size, size, node) if old_size else []
        return "\n".join([f"old {old_size}", *map(_encode, hashes), "", note])

    return _with_tree(path, build)


def verify_growth(text: str, vkey: str, old_checkpoint: str) -> Checkpoint:
    """The newer checkpoint, once the journal is proven to have only grown since `old_checkpoint`.

    Raises InvalidProof, or InvalidCheckpoint where either checkpoint is not signed by this key.
    """
    verifier = Verifier.from_vkey(vkey)
    old = verifier.verify(old_checkpoint)
    head, note = _split(text)
    if _after(head[0], "old ") != str(old.size):
        raise InvalidProof(f"expected a proof from {old.size} entries, got {head[0][:80]!r}")
    checkpoint = verifier.verify(note)
    if old.size == 0:
        if len(head) > 1 or old.root != EMPTY_ROOT:
            raise InvalidProof("nothing needs no proof")
        return checkpoint
    verify_consistency(old.size, checkpoint.size, old.root, checkpoint.root, _decode_path(head[1:]))
    return checkpoint


def root_at(path: Path, size: int) -> bytes | None:
    """The root of the journal's first `size` entries, from its tiles; None where it never had so many.

    Raises JournalUnavailable or JournalCorrupt where it cannot be read.
    """
    return _with_tree(path, lambda _, _note, newest, node: root_of(size, node) if size <= newest else None)


def _with_tree(path: Path, build: Callable[[apsw.Connection, str, int, NodeReader], _T]) -> _T:
    """Call `build` with one snapshot of the file: connection, signed checkpoint, size and nodes."""
    connection = database.open_reader(path)
    try:
        connection.execute("BEGIN")
        database.require_schema(connection, path)
        note = database.read_checkpoint(connection, path)
        size = parse_unverified(note).size
        return build(connection, note, size, node_reader(database.tile_reader(connection, size)))
    finally:
        connection.close()


def _split(text: str) -> tuple[list[str], str]:
    head, blank, note = text.partition("\n\n")
    if not blank:
        raise InvalidProof("expected an empty line before the checkpoint")
    return head.split("\n"), note


def _after(line: str, prefix: str) -> str:
    if not line.startswith(prefix):
        raise InvalidProof(f"expected a line that begins with {prefix!r}, got {line[:80]!r}")
    return line.removeprefix(prefix)


def _decode_path(lines: Sequence[str]) -> list[bytes]:
    return [_decode(line) for line in lines]


def _encode(blob: bytes) -> str:
    return base64.b64encode(blob).decode("ascii")


def _decode(text: str) -> bytes:
    """Decode base64 in its one canonical spelling."""
    try:
        blob = base64.b64decode(text.encode("ascii"), validate=True)
    except (binascii.Error, UnicodeEncodeError):
        blob = b""
    if _encode(blob) != text:
        raise InvalidProof(f"expected base64, got {text[:80]!r}")
    return blob
