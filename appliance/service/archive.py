"""Looks back: trades, entries, proofs and the account's worth over time. Each call does a bounded amount of work.

Reading goes through connections of its own, in a thread where it may take long: it hinders no writer and no order.
"""

from __future__ import annotations

import asyncio
import base64
import time
from collections.abc import AsyncIterator, Callable, Generator, Iterator
from datetime import date, datetime
from pathlib import Path
from typing import TypeVar

import msgspec
from msgspec import Struct
from readytrader_sdk.instruments import Symbol

from appliance.domain.series import EquityPoint, Trade
from appliance.domain.told import JournalTakenOut
from appliance.service.daily import DaySummary
from appliance.service.equity import read_points
from appliance.service.journal_words import plain, summary_of
from appliance.service.recorder import Recorder
from appliance.service.report_files import (
    Source,
    daily_json,
    daily_text,
    journal_csv,
    summary_of_day,
    tax_csv,
    tax_json,
)
from appliance.service.tax_lots import Method
from appliance.store.entry import Leaf, text_from_time, time_from_text
from appliance.store.export import Export
from appliance.store.journal import Journal
from appliance.store.proof import prove, verify_proof
from appliance.store.reader import JournalReader
from appliance.store.seal import Sealer

T = TypeVar("T")

PAGE_MAX = 200
"""Trades or entries that one page holds at most."""
TRADES_LOOKED_AT_MAX = 2_000
"""Trades that one call looks at, where only those of one symbol are wanted."""
ENTRIES_LOOKED_AT_MAX = 5_000
"""Entries that one search looks at."""
PAUSE_S = 0.001
"""What a long reading leaves to the orders, after each few milliseconds of its own."""
_BLOCK = 500
_READERS_MAX = 2
_decode_trade = msgspec.json.Decoder(Trade).decode


class NoSuchPlace(ValueError):
    """A cursor or number that leads nowhere. The message says what was seen."""


class Told(Struct, frozen=True, kw_only=True):
    """A trade with the entry that proves it, and when that was written."""

    seq: int
    at: datetime
    trade: Trade


class Line(Struct, frozen=True, kw_only=True):
    """An entry in one line."""

    seq: int
    at: str
    kind: str
    summary: str


class Shown(Struct, frozen=True, kw_only=True):
    """An entry with its proof, which was checked with the public key alone."""

    leaf: Leaf
    stored: str
    """The bytes that were hashed, as text."""
    proof: str
    checkpoint: str
    verified: bool


def _leave_to_others() -> None:
    time.sleep(PAUSE_S)


class Archive:
    """What was written, read back. Made by `bootstrap`."""

    def __init__(
        self,
        journal: Journal,
        recorder: Recorder,
        path: Path,
        sealer: Sealer,
        portfolio: str,
        pause: Callable[[], None] = _leave_to_others,
    ) -> None:
        """`pause` is called again and again by whatever reads for long."""
        self._journal = journal
        self._recorder = recorder
        self.path = path
        """The journal's file."""
        self.sealer = sealer
        """Signs reports with the key that signs the journal's checkpoints."""
        self._portfolio = portfolio
        self._pause = pause
        self._readers = asyncio.Semaphore(_READERS_MAX)

    def trades(self, symbol: Symbol | None, limit: int, before: str | None) -> tuple[list[Told], str | None]:
        """Trades, the newest first, and where the next page begins; None at the end. Raises `NoSuchPlace`.

        A page may hold fewer than `limit` and still have a next one, where few of many trades are of the symbol.
        """
        found: list[Told] = []
        place = None if before is None else _place_from_text(before)
        for _ in range(max(1, TRADES_LOOKED_AT_MAX // PAGE_MAX)):
            wanted = min(limit - len(found), PAGE_MAX) if symbol is None else PAGE_MAX
            records = self._journal.page("trade", limit=wanted, before=place)
            for record in records:
                place = (record.at, record.id)
                trade = _decode_trade(record.body)
                if symbol in (None, trade.symbol):
                    found.append(Told(seq=record.seq or 0, at=record.at, trade=trade))
                if len(found) == limit:
                    return found, _text_from_place(place)
            if len(records) < wanted:
                return found, None
        return found, None if place is None else _text_from_place(place)

    async def search(
        self, kind: str | None, text: str, limit: int, before: int | None
    ) -> tuple[list[Line], int | None]:
        """Entries, the newest first, and the `before` of the next page; None once the first entry was looked at.

        `kind` is a whole kind or its beginning (`order`); `text` is looked for in the stored line, whatever its
        case. A page may be short, or empty, and still have a next one.
        """
        return await self._read(lambda reader: _search(reader, kind, text.casefold(), limit, before))

    async def entry(self, seq: int) -> Shown:
        """One entry with its proof. Raises `NoSuchPlace` where there is none."""
        async with self._readers:
            return await asyncio.to_thread(self._shown, seq)

    async def equity(self, since: datetime, points_max: int) -> list[EquityPoint]:
        """The account's worth since then, thinned out where there are more points than wanted."""
        return await self._read(lambda reader: read_points(reader, self._portfolio, since, points_max))

    async def taken_out(self, by: str, form: str, first: int, last: int | None) -> AsyncIterator[bytes]:
        """Entries as a file that proves itself (`jsonl` or `csv`), in pieces; that `by` took them is written first.

        Raises `NoSuchPlace` for a range that is not there, and JournalUnavailable.
        """
        try:
            async with self._readers:
                export = await asyncio.to_thread(Export, self.path, first, last)
        except ValueError as fault:
            raise NoSuchPlace(str(fault)) from fault
        until = export.header.last
        await self._recorder.record(JournalTakenOut(by=by, form=form, first=first, last=until))
        if form == "jsonl":
            return in_threads(export.chunks(), self._readers)
        export.close()
        return await self._file(lambda source: journal_csv(source, self.sealer, first, until))

    async def tax(self, method: Method, year: int | None, form: str) -> AsyncIterator[bytes]:
        """Gains and losses as a file in pieces: `csv`, `jsonl`, or `json` without a seal. Raises `CurrencyChanged`."""
        if form in ("csv", "text"):
            return await self._file(lambda source: tax_csv(source, self.sealer, method, year))
        sealer = self.sealer if form == "jsonl" else None
        return await self._file(lambda source: tax_json(source, sealer, method, year))

    async def daily(self, day: date, form: str) -> AsyncIterator[bytes]:
        """What a day was as a file in pieces: `text`, `jsonl`, or `json` without a seal. Raises `CurrencyChanged`."""
        if form in ("csv", "text"):
            return await self._file(lambda source: daily_text(source, self.sealer, day))
        sealer = self.sealer if form == "jsonl" else None
        return await self._file(lambda source: daily_json(source, sealer, day))

    async def day_summary(self, day: date) -> DaySummary:
        """What a day was."""
        return await self._read_source(lambda source: summary_of_day(source, day))

    async def _file(self, make: Callable[[Source], Iterator[bytes]]) -> AsyncIterator[bytes]:
        """The pieces of a report, each made in a thread when it is asked for; the first one is made at once."""
        source = await asyncio.to_thread(self._source)
        try:
            async with self._readers:  # some reports are computed whole before the first piece
                chunks = await asyncio.to_thread(make, source)
        except BaseException:
            source.close()
            raise
        return in_threads(_closing(source, chunks), self._readers)

    def _source(self) -> Source:
        return Source(self.path, pause=self._pause)

    async def _read_source(self, work: Callable[[Source], T]) -> T:
        def read() -> T:
            source = self._source()
            try:
                return work(source)
            finally:
                source.close()

        async with self._readers:
            return await asyncio.to_thread(read)

    def checkpoint(self) -> str:
        """The newest signed checkpoint that is on disk."""
        return self._journal.checkpoint

    async def _read(self, work: Callable[[JournalReader], T]) -> T:
        def read() -> T:
            reader = JournalReader.open_read_only(self.path)
            try:
                return work(reader)
            finally:
                reader.close()

        async with self._readers:
            return await asyncio.to_thread(read)

    def _shown(self, seq: int) -> Shown:
        try:
            proof = prove(self.path, seq)
        except ValueError as fault:
            raise NoSuchPlace(f"no entry {seq}") from fault
        proven = verify_proof(proof, self.sealer.verifier.vkey)
        stored = base64.b64decode(proof.split("\n", 2)[1].removeprefix("extra ")).decode("utf-8", "replace")
        checkpoint = proof.partition("\n\n")[2]
        return Shown(leaf=proven.entry, stored=stored, proof=proof, checkpoint=checkpoint, verified=True)


async def in_threads(chunks: Iterator[bytes], readers: asyncio.Semaphore) -> AsyncIterator[bytes]:
    """Each piece made in a thread: a slow reader, or a long report, holds up nothing else. Many reports take turns:
    the threads are those that check passwords, too."""
    try:
        while True:
            async with readers:
                chunk = await asyncio.to_thread(next, chunks, None)
            if chunk is None:
                return
            yield chunk
    finally:
        if isinstance(chunks, Generator):
            chunks.close()


def _closing(source: Source, chunks: Iterator[bytes]) -> Iterator[bytes]:
    try:
        yield from chunks
    finally:
        source.close()


def _search(
    reader: JournalReader, kind: str | None, text: str, limit: int, before: int | None
) -> tuple[list[Line], int | None]:
    found: list[Line] = []
    seq = reader.written() if before is None else min(before, reader.written())
    lowest = max(0, seq - ENTRIES_LOOKED_AT_MAX)
    for leaf, stored in _downwards(reader, lowest, seq):
        seq = leaf.seq
        if kind is not None and leaf.kind != kind and not leaf.kind.startswith(f"{kind}."):
            continue
        if text and text not in stored.casefold():
            continue
        found.append(Line(seq=leaf.seq, at=leaf.at, kind=leaf.kind, summary=summary_of(leaf)))
        if len(found) == limit:
            break
    return found, seq if seq > 0 else None


def _downwards(reader: JournalReader, lowest: int, stop: int) -> Iterator[tuple[Leaf, str]]:
    while stop > lowest:
        start = max(lowest, stop - _BLOCK)
        yield from reversed(list(reader.stored(start, stop - 1)))
        stop = start


def _place_from_text(text: str) -> tuple[datetime, str]:
    """Where a page of trades begins: time and ID of the last trade seen, in URL-safe base64."""
    try:
        at, _, record_id = base64.urlsafe_b64decode(text.encode()).decode().partition(" ")
        return time_from_text(at), record_id
    except ValueError as fault:
        raise NoSuchPlace(f"before: not a place in the trades: {plain(text, 80)!r}") from fault


def _text_from_place(place: tuple[datetime, str]) -> str:
    return base64.urlsafe_b64encode(f"{text_from_time(place[0])} {place[1]}".encode()).decode("ascii")
