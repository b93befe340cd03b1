"""The auditor: reads a journal's file alone, offline or beside a running daemon, and finds whatever was changed.

With the public key it finds what somebody without the private key did; with one old checkpoint, kept elsewhere, also
what somebody with it did. Nothing after the last checkpoint that left the host can be proven against its owner.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import apsw
import msgspec
from msgspec import Struct

from appliance.store import database
from appliance.store.checkpoint import Checkpoint, InvalidCheckpoint, Verifier, parse_unverified
from appliance.store.database import JournalCorrupt
from appliance.store.entry import Row, decode_leaf, row_digest
from appliance.store.merkle import HASH_SIZE, TILE_WIDTH, Edge, Tile, leaf_hash

FINDINGS_MAX = 100
"""A file with more wrong than this is described well enough."""
_PROGRESS_EVERY = TILE_WIDTH * 64

Progress = Callable[[int, int], None]
"""Called with the entries checked and the entries there are."""


class Finding(Struct, frozen=True, kw_only=True):
    """One thing that is not as it was written."""

    text: str
    seq: int | None = None
    """The entry that it is about, where one can be named."""


class VerifyReport(Struct, frozen=True, kw_only=True):
    """What a verification saw. The journal is whole exactly where `findings` is empty."""

    size: int
    root: bytes
    checkpoint: str | None
    """The newest signed checkpoint; None where the file holds none."""
    signed: bool
    """Whether the checkpoint's signature was checked, and is right."""
    records: int
    clock_steps: int
    """Entries whose time is before that of their predecessor. A clock may be set back: this is no finding."""
    findings: tuple[Finding, ...]

    @property
    def whole(self) -> bool:
        """Whether nothing was found."""
        return not self.findings


def verify(
    path: Path, vkey: str | None = None, old_checkpoint: str | None = None, progress: Progress | None = None
) -> VerifyReport:
    """Check every entry, tile and record of the journal at `path` against its signed checkpoint.

    `vkey` is the public key as text; without it no signature is checked. `old_checkpoint` is a checkpoint that was kept
    elsewhere: the first entries must still be those that it covers. Raises JournalUnavailable where the file cannot be
    opened, InvalidCheckpoint where `vkey` or `old_checkpoint` is itself malformed or of another log.
    """
    verifier = Verifier.from_vkey(vkey) if vkey is not None else None
    old = _old_checkpoint(old_checkpoint, verifier)
    try:
        connection = database.open_reader(path)
    except JournalCorrupt as error:
        return _unreadable(str(error))
    try:
        connection.execute("BEGIN")
        return _Audit(connection, path, verifier, old, progress).run()
    except JournalCorrupt as error:
        return _unreadable(str(error))
    except apsw.Error as error:
        return _unreadable(f"{path}: cannot be read ({error})")
    finally:
        connection.close()


def _old_checkpoint(note: str | None, verifier: Verifier | None) -> Checkpoint | None:
    if note is None:
        return None
    return verifier.verify(note) if verifier is not None else parse_unverified(note)


def _unreadable(text: str) -> VerifyReport:
    return VerifyReport(
        size=0, root=b"", checkpoint=None, signed=False, records=0, clock_steps=0, findings=(Finding(text=text),)
    )


class _Audit:
    """One verification: a single snapshot of the file, read once from the first entry to the last."""

    def __init__(
        self,
        connection: apsw.Connection,
        path: Path,
        verifier: Verifier | None,
        old: Checkpoint | None,
        progress: Progress | None,
    ) -> None:
        self._connection = connection
        self._path = path
        self._verifier = verifier
        self._old = old
        self._progress = progress
        self._findings: list[Finding] = []
        self._edge = Edge()
        self._upper_tiles: dict[tuple[int, int], bytes] = {}
        self._touched: dict[tuple[str, str], tuple[int, str]] = {}
        """Per record, the entry that last touched it and the digest that it left there."""
        self._last_at = ""
        self._clock_steps = 0

    def run(self) -> VerifyReport:
        database.require_schema(self._connection, self._path)
        for (text,) in self._connection.execute(f"PRAGMA integrity_check({FINDINGS_MAX})"):
            if text != "ok":
                self._find(f"the file is damaged: {text}")
        note = database.read_checkpoint(self._connection, self._path)
        claimed, signed = self._read_claim(note)
        self._check_entries(claimed.size if claimed else 0)
        self._check_upper_tiles()
        if claimed is not None:
            self._check_root(claimed, "the signed checkpoint" if signed else "the checkpoint")
        if self._old is not None and self._edge.size < self._old.size:
            self._find(f"the old checkpoint covers {self._old.size} entries, the file has {self._edge.size}")
        records = self._check_records()
        return VerifyReport(
            size=self._edge.size,
            root=self._edge.root(),
            checkpoint=note,
            signed=signed,
            records=records,
            clock_steps=self._clock_steps,
            findings=tuple(self._findings),
        )

    def _find(self, text: str, seq: int | None = None) -> None:
        if len(self._findings) < FINDINGS_MAX:
            self._findings.append(Finding(text=text, seq=seq))

    def _read_claim(self, note: str) -> tuple[Checkpoint | None, bool]:
        """What the stored checkpoint claims, and whether its signature was checked and is right."""
        try:
            claimed = parse_unverified(note)
            if self._old is not None and claimed.origin != self._old.origin:
                self._find(f"this is the journal {claimed.origin}, the old checkpoint is of {self._old.origin}")
        except InvalidCheckpoint as error:
            self._find(str(error))
            return None, False
        if self._verifier is None:
            return claimed, False
        try:
            return self._verifier.verify(note), True
        except InvalidCheckpoint as error:
            self._find(str(error))
            return claimed, False

    def _check_entries(self, total: int) -> None:
        """Rebuild the tree from the leaves, tile by tile, up to the first entry that is missing."""
        for leaves in self._contiguous_chunks():
            first = self._edge.size
            for seq, leaf in enumerate(leaves, first):
                self._check_leaf(seq, leaf)
            hashes = [leaf_hash(leaf) for leaf in leaves]
            if self._old is not None and first < self._old.size <= first + len(leaves):
                self._check_old_root(hashes[: self._old.size - first])
            self._edge, tiles = self._edge.grow(hashes)
            for tile in tiles:
                if tile.level == 0:
                    self._check_leaf_tile(tile)
                else:
                    self._upper_tiles[tile.level, tile.number] = tile.hashes
            if self._progress is not None and (self._edge.size % _PROGRESS_EVERY == 0 or self._edge.size == total):
                self._progress(self._edge.size, total)

    def _contiguous_chunks(self) -> Iterator[list[bytes]]:
        """The leaves from number 0 on, a tile's worth at a time."""
        chunk: list[bytes] = []
        stored = self._connection.execute("SELECT seq, leaf FROM entry ORDER BY seq")
        for expected, (seq, leaf) in enumerate(stored):
            if seq != expected:
                self._find(f"entry {expected} is missing: entry {seq} is where it should be", expected)
                break
            chunk.append(leaf)
            if len(chunk) == TILE_WIDTH:
                yield chunk
                chunk = []
        if chunk:
            yield chunk

    def _check_leaf(self, seq: int, leaf: bytes) -> None:
        try:
            entry = decode_leaf(leaf)
        except msgspec.DecodeError as error:
            self._find(f"entry {seq} is not a journal entry: {error}", seq)
            return
        if entry.seq != seq:
            self._find(f"entry {seq} calls itself {entry.seq}", seq)
        if entry.at < self._last_at:
            self._clock_steps += 1
        self._last_at = entry.at
        for kind, record_id, digest in entry.records:
            self._touched[kind, record_id] = (seq, digest)

    def _check_leaf_tile(self, tile: Tile) -> None:
        stored = database.read_tile(self._connection, 0, tile.number)
        if stored == tile.hashes:
            return
        if not stored:
            self._find(f"tile (0, {tile.number}) is missing")
            return
        for offset in range(0, len(tile.hashes), HASH_SIZE):
            if stored[offset : offset + HASH_SIZE] != tile.hashes[offset : offset + HASH_SIZE]:
                seq = tile.number * TILE_WIDTH + offset // HASH_SIZE
                self._find(f"entry {seq} is not the one that tile (0, {tile.number}) was made from", seq)
                return
        self._find(f"tile (0, {tile.number}) has {len(stored)} bytes, expected {len(tile.hashes)}")

    def _check_upper_tiles(self) -> None:
        for (level, number), hashes in self._upper_tiles.items():
            if database.read_tile(self._connection, level, number) != hashes:
                self._find(f"tile ({level}, {number}) is not what the entries under it make")
        full = self._edge.size // TILE_WIDTH
        expected = {(0, number) for number in range(full)} | self._upper_tiles.keys()
        for level, number in self._connection.execute("SELECT level, number FROM tile"):
            if (level, number) not in expected:
                self._find(f"tile ({level}, {number}) is one too many")

    def _check_old_root(self, hashes: list[bytes]) -> None:
        old = self._old
        if old is not None and self._edge.grow(hashes)[0].root() != old.root:
            self._find(f"the first {old.size} entries are not those of the old checkpoint")

    def _check_root(self, claimed: Checkpoint, name: str) -> None:
        if self._edge.size != claimed.size:
            self._find(
                f"{name} covers {claimed.size} entries, the file has {self._edge.size}",
                min(self._edge.size, claimed.size),
            )
        elif self._edge.root() != claimed.root:
            self._find(f"the entries make root {self._edge.root().hex()}, {name} has {claimed.root.hex()}")

    def _check_records(self) -> int:
        """Every record is the one that an entry left there, and every one that an entry left is there."""
        count = 0
        for values in self._connection.execute("SELECT kind, id, live, at, seq, body FROM record"):
            count += 1
            row = Row(*values)
            seq, digest = self._touched.pop((row.kind, row.id), (-1, ""))
            if seq < 0:
                self._find(f"record {row.kind} {row.id!r} was written by no entry")
            elif seq != row.seq:
                self._find(f"record {row.kind} {row.id!r} says entry {row.seq}, but entry {seq} touched it last", seq)
            elif digest != row_digest(row):
                self._find(f"record {row.kind} {row.id!r} is not what entry {seq} wrote", seq)
        for (kind, record_id), (seq, _) in self._touched.items():
            self._find(f"record {kind} {record_id!r} of entry {seq} is missing", seq)
        return count
