"""Reports as files that prove themselves: made from one journal at one checkpoint, and made again to be compared.

Each file names the checkpoint and the entries that it was computed from. Made twice from the same entries it is the
same to the byte, so whoever has the journal can do more than check the seal.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from datetime import date
from decimal import Decimal
from itertools import islice
from pathlib import Path
from typing import Any

import msgspec
from readytrader_sdk.money import text_from_decimal

from appliance.service.csv_text import csv_rows
from appliance.service.daily import DayRun, DaySummary, day_text
from appliance.service.journal_words import summary_of
from appliance.service.tax import Held, RowKind, TaxRow, TaxRun, TaxSummary
from appliance.service.tax_lots import Lot, Method
from appliance.store.checkpoint import parse_unverified
from appliance.store.entry import Leaf
from appliance.store.reader import JournalReader
from appliance.store.seal import FORMAT, Sealer, header_lines, note_in_base64, sealed

_BLOCK = 500
PACES = 32
"""Entries and rows between two pauses: some milliseconds of work."""
TAX_COLUMNS = (
    "row", "year", "at", "portfolio", "asset", "quantity", "value", "cost", "gain", "currency", "fee", "fee_asset",
    "symbol", "order", "fill", "entry", "acquired_entry", "acquired_at", "note",
)  # fmt: skip
JOURNAL_COLUMNS = ("entry", "at", "kind", "what_happened")


class NotMade(ValueError):
    """The report cannot be made. The message says why."""


class Source:
    """A journal at one checkpoint: what was written after it is left out."""

    def __init__(self, path: Path, note: str | None = None, *, pause: Callable[[], None] | None = None) -> None:
        """At the newest checkpoint, or at `note`, an older one of the same journal.

        `pause` is called after every `PACES` entries read and rows made: in a process that has orders to carry out, a
        thread that computes for seconds must leave the interpreter to the others again and again.
        """
        self._pause = pause
        self._paces = 0
        self._reader = JournalReader.open_read_only(path)
        self.note = note or self._reader.newest_checkpoint()
        self.checkpoint = parse_unverified(self.note)

    def leaves(self, first: int = 0, last: int | None = None) -> Iterator[Leaf]:
        """The entries that the checkpoint covers, or some of them."""
        newest = self.checkpoint.size - 1
        for leaf in self._reader.entries(first, newest if last is None else min(last, newest)):
            self.pace()
            yield leaf

    def pace(self) -> None:
        """A little more was done; pauses where that was enough. One entry may hold hundreds of fills."""
        self._paces += 1
        if self._pause is not None and self._paces % PACES == 0:
            self._pause()

    def fields(self, report: str, entries: str | None = None, **more: str) -> dict[str, str]:
        """The header of a report."""
        return {
            "report": report,
            **more,
            "journal": self.checkpoint.origin,
            "entries": entries or _range(0, self.checkpoint.size - 1),
            "checkpoint": note_in_base64(self.note),
        }

    def day(self, day: date) -> tuple[int, int]:
        """The first and the last entry of a day (UTC), by the journal's clock; the last is before the first if none."""
        size = self.checkpoint.size
        start = self._reader.first_at(f"{day.isoformat()}T", size)
        stop = self._reader.first_at(f"{day.isoformat()}U", size)  # after all its times; the last day has no next one
        return start, stop - 1

    def close(self) -> None:
        self._reader.close()


def journal_csv(source: Source, sealer: Sealer | None, first: int = 0, last: int | None = None) -> Iterator[bytes]:
    """Entries in one line each."""
    newest = source.checkpoint.size - 1
    last = newest if last is None else min(last, newest)

    def body() -> Iterator[bytes]:
        yield header_lines(source.fields("journal", _range(first, last)))
        yield csv_rows([JOURNAL_COLUMNS])
        leaves = source.leaves(first, last)
        while block := list(islice(leaves, _BLOCK)):
            yield csv_rows((leaf.seq, leaf.at, leaf.kind, summary_of(leaf)) for leaf in block)

    return sealed(body(), sealer)


def tax_csv(source: Source, sealer: Sealer | None, method: Method, year: int | None) -> Iterator[bytes]:
    """Every row of a year, or of all; each disposal is followed by the lots that it took, and sums come last."""
    run = TaxRun(method, source.pace)

    def body() -> Iterator[bytes]:
        yield header_lines(source.fields("tax", method=method, year=_year_text(year)))
        yield csv_rows([TAX_COLUMNS])
        rows = (row for row in run.rows(source.leaves()) if year in (None, row.origin.at.year))
        while block := list(islice(rows, _BLOCK)):
            yield csv_rows(cells for row in block for cells in _tax_cells(row, run.currency or ""))
        yield csv_rows(_summary_cells(it, run.currency or "") for it in run.summaries() if year in (None, it.year))
        yield csv_rows(_held_cells(it, run.currency or "") for it in run.held())

    return sealed(body(), sealer)


def tax_json(source: Source, sealer: Sealer | None, method: Method, year: int | None) -> Iterator[bytes]:
    """The same as one JSON object, with the seal in a second line: disposals with their lots, sums by asset and year,
    and what is left. Raises `CurrencyChanged` before the first piece."""
    encode = msgspec.json.encode
    run = TaxRun(method, source.pace)
    # Each is encoded when it is made: a year of them at once would keep the interpreter from all others meanwhile.
    disposals = [
        encode(_plain(row))
        for row in run.rows(source.leaves())
        if row.kind is not RowKind.ACQUISITION and year in (None, row.origin.at.year)
    ]
    head = {"format": FORMAT, **source.fields("tax", method=method, year=_year_text(year))}
    sums = {
        "summaries": [_plain(it) for it in run.summaries() if year in (None, it.year)],
        "held": [_plain(it) for it in run.held()],
    }

    def body() -> Iterator[bytes]:
        yield encode({**head, "currency": run.currency or ""})[:-1] + b',"disposals":['
        for start in range(0, len(disposals), _BLOCK):
            yield (b"," if start else b"") + b",".join(disposals[start : start + _BLOCK])
        yield b"]," + encode(sums)[1:] + b"\n"

    return sealed(body(), sealer, as_json=True)


def summary_of_day(source: Source, day: date) -> DaySummary:
    """What a day was. Raises `CurrencyChanged`."""
    first, last = source.day(day)
    return DayRun(day, first, last, source.pace).read(source.leaves(0, last))


def daily_json(source: Source, sealer: Sealer | None, day: date) -> Iterator[bytes]:
    """The summary of a day as one JSON object, with the seal in a second line."""
    summary = summary_of_day(source, day)
    report = {"format": FORMAT, **_day_fields(source, summary), **_plain(summary)}
    return sealed([msgspec.json.encode(report) + b"\n"], sealer, as_json=True)


def daily_text(source: Source, sealer: Sealer | None, day: date) -> Iterator[bytes]:
    """The summary of a day to be read."""
    summary = summary_of_day(source, day)
    return sealed([header_lines(_day_fields(source, summary)), day_text(summary).encode()], sealer)


def _day_fields(source: Source, it: DaySummary) -> dict[str, str]:
    return source.fields("daily", _range(it.first_entry, it.last_entry), day=it.day.isoformat())


def _range(first: int, last: int) -> str:
    return "none" if last < first else f"{first} to {last}"


def made_again(fields: Mapping[str, str], source: Source, *, as_json: bool) -> Iterator[bytes]:
    """The same report without its seal, from a journal at the checkpoint that the report names. Raises `NotMade`."""
    try:
        match fields.get("report"):
            case "journal":
                first, _, last = fields["entries"].replace("none", "0 to -1").partition(" to ")
                return journal_csv(source, None, int(first), int(last))
            case "tax":
                method, year = Method(fields["method"]), None if fields["year"] == "all" else int(fields["year"])
                return (tax_json if as_json else tax_csv)(source, None, method, year)
            case "daily":
                return (daily_json if as_json else daily_text)(source, None, date.fromisoformat(fields["day"]))
    except (KeyError, ValueError) as fault:
        raise NotMade(f"the header does not say how the report was made: {fault}") from fault
    raise NotMade(f"no report {fields.get('report', '')[:40]!r} is known")


def _year_text(year: int | None) -> str:
    return "all" if year is None else str(year)


def _tax_cells(row: TaxRow, currency: str) -> Iterator[tuple[object, ...]]:
    it = row.origin
    note = ""
    if row.short:
        note = f"{text_from_decimal(row.short)} of it was never acquired here"
    elif row.value is None:
        note = "a value is not known"
    elif row.cost is None and row.kind is not RowKind.ACQUISITION:
        note = "what its lots had cost is not known"
    yield (
        row.kind, it.at.year, it.at, it.portfolio, row.asset, row.quantity, row.value, row.cost, row.gain, currency,
        it.fee if it.fee_asset else None, it.fee_asset, it.symbol, it.order, it.fill, it.entry, None, None, note,
    )  # fmt: skip
    for lot in row.lots:
        yield _lot_cells(row, lot, currency)


def _lot_cells(row: TaxRow, lot: Lot, currency: str) -> tuple[object, ...]:
    it = row.origin
    return (
        "lot", it.at.year, it.at, it.portfolio, row.asset, lot.quantity, None, lot.cost, None, currency, None, None,
        None, None, None, it.entry, lot.entry, lot.acquired_at, None,
    )  # fmt: skip


def _summary_cells(it: TaxSummary, currency: str) -> tuple[object, ...]:
    note = f"acquired {text_from_decimal(it.acquired)} for {text_from_decimal(it.acquired_cost)}"
    if it.moved_out:
        note += f"; moved out {text_from_decimal(it.moved_out)}"
    if it.unknown:
        note += f"; {it.unknown} rows of unknown value or cost are not counted"
    return (
        "summary", it.year, None, it.portfolio, it.asset, it.disposed, it.proceeds, it.cost, it.gain, currency,
        it.fees, it.asset, None, None, None, None, None, None, note,
    )  # fmt: skip


def _held_cells(it: Held, currency: str) -> tuple[object, ...]:
    return (
        "held", None, None, it.portfolio, it.asset, it.quantity, None, it.cost, None, currency, None, None,
        None, None, None, None, None, None, "at the end of the journal",
    )  # fmt: skip


def _plain(value: object) -> Any:
    """As JSON would have it, with money as plain text."""
    match value:
        case Decimal():
            return text_from_decimal(value)
        case msgspec.Struct():
            return {name: _plain(getattr(value, name)) for name in value.__struct_fields__}
        case dict():
            return {str(key): _plain(one) for key, one in value.items()}
        case list() | tuple():
            return [_plain(one) for one in value]
        case date():
            return value.isoformat()
        case _:
            return value
