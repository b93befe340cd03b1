"""Each fill is booked once, however often, late and in whatever order it is told, and whatever lies between."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from decimal import Decimal
from pathlib import Path
from tempfile import TemporaryDirectory

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace
from readytrader_sdk.orders import ExecutionReport, Fill, OrderState, VenueOrderId

from appliance.domain import fills as fills_module
from appliance.domain.events import FillMissed, OrderReported, ReportRefused, decode_event
from appliance.domain.fills import FILLS_PER_REPORT_MAX
from appliance.domain.orders import PAPER_ACCOUNT
from appliance.domain.state import State
from appliance.store.audit import verify
from appliance.store.entry import BODY_BYTES_MAX, Entry, Record, time_from_text
from appliance.store.reader import JournalReader
from tests.domain.building import D, fill, fresh_state, order_permitted, report
from tests.pipeline.cases import BTC, NOW, buy
from tests.service.books import ORDER, Books, opened
from tests.service.live import Live, open_live
from tests.service.rig import buy as wanted
from tests.service.rig import order_id
from tests.store.journals import VKEY

S = OrderState
_encode = msgspec.json.Encoder(order="deterministic").encode


def many(count: int, quantity: str, first: int = 0) -> tuple[Fill, ...]:
    return tuple(fill(f"t{n}", quantity) for n in range(first, first + count))


def folded(folder: Path) -> State:
    """The state as the entries alone tell it."""
    reader, state = JournalReader.open_read_only(folder / "journal.db"), fresh_state()
    for leaf in reader.entries():
        state.apply(time_from_text(leaf.at), decode_event(leaf.kind, leaf.body))
    reader.close()
    return state


# one report


def test_twenty_thousand_fills_in_one_report_are_booked_in_one_transaction(tmp_path: Path) -> None:
    whole = report(S.FILLED, *many(20_000, "0.00005"))
    assert len(_encode(whole)) > BODY_BYTES_MAX, "or there is nothing to cut"

    async def life() -> None:
        async with opened(tmp_path) as books:
            await books.recorder.record(order_permitted(buy("1")))
            before = books.journal.counters.commits
            ends: list[OrderState] = []
            books.recorder.listen(lambda _event: ends.append(books.order.state))
            await books.hear(whole)
            assert books.journal.counters.commits == before + 1
            assert ends == [S.PARTLY_FILLED] * 99 + [S.FILLED]
            assert (books.order.filled_quantity, len(books.trades())) == (D(1), 20_000)
            leaves = [stored for _, stored in books.journal.stored(0, 1000)]
            assert max(map(len, leaves)) < BODY_BYTES_MAX
            await books.hear(whole)
            assert books.state.holding(PAPER_ACCOUNT, BTC) == D(1)
            assert books.journal.size == 102, "told again, it is one short entry"

    asyncio.run(life())
    assert verify(tmp_path / "journal.db", VKEY).whole
    assert folded(tmp_path).fills.of(ORDER) == {f"t{n}" for n in range(20_000)}


@pytest.mark.parametrize(
    "lie",
    [
        report(S.FILLED, *many(20_000, "0.0001")),
        report(S.REJECTED, *many(20_000, "0.00001")),
        report(S.PARTLY_FILLED, fill("i" * BODY_BYTES_MAX, "0.1")),
        report(S.PARTLY_FILLED, fill("i" * (BODY_BYTES_MAX - 400), "0.1")),
        report(S.PERMITTED, venue_order_id=VenueOrderId("v" * BODY_BYTES_MAX)),
        report(S.PARTLY_FILLED, *many(20_000, "0.00001"), fill("odd", "0")),
    ],
    ids=[
        "more than asked",
        "fills of none",
        "a name of a MiB",
        "one that an entry holds and no record",
        "a venue's name of a MiB",
        "the last one cannot be",
    ],
)
def test_a_report_that_cannot_be_is_refused_whole_however_long_it_is(tmp_path: Path, lie: ExecutionReport) -> None:
    async def life() -> None:
        async with opened(tmp_path) as books:
            await books.recorder.record(order_permitted(buy("1")))
            await books.hear(lie)
            assert (books.order.state, books.order.filled_quantity, books.trades()) == (S.PERMITTED, 0, [])
            *_, last = [decode_event(leaf.kind, leaf.body) for leaf in books.journal.entries() if "report" in leaf.kind]
            assert isinstance(last, ReportRefused)
            assert len(last.report.fills) == min(len(lie.fills), FILLS_PER_REPORT_MAX)
            await books.hear(report(S.FILLED, *many(1000, "0.001")))
            assert books.order.state is S.FILLED
            assert books.recorder.failure is None

    asyncio.run(life())


def test_what_is_told_again_is_not_written_again(tmp_path: Path) -> None:
    async def life() -> None:
        async with opened(tmp_path) as books:
            await books.recorder.record(order_permitted(buy("1")))
            for told in (2, 2, 3):
                await books.hear(report(S.PARTLY_FILLED, *many(told, "0.1")))
            events = [decode_event(leaf.kind, leaf.body) for leaf in books.journal.entries(1)]
            written = [event.report.fills for event in events if isinstance(event, OrderReported)]
            assert [[one.fill_id for one in fills] for fills in written] == [["t0", "t1"], [], ["t2"]]

    asyncio.run(life())


def test_a_reason_of_a_mebibyte_is_cut_and_stops_nothing(tmp_path: Path) -> None:
    async def life() -> None:
        async with opened(tmp_path) as books:
            await books.recorder.record(order_permitted(buy("1")))
            await books.hear(report(S.CANCELLED, reason="r" * (BODY_BYTES_MAX - 300)))
            assert books.order.state is S.CANCELLED
            assert len(books.order.reason or "") == 200
            assert books.recorder.failure is None

    asyncio.run(life())


# many reports, and restarts


def test_booking_stays_as_cheap_as_it_began_up_to_the_fifty_thousandth_fill(tmp_path: Path) -> None:
    """What is written for a fill, entry and records, is the same at the beginning and at the end, although each report
    tells all fills once more, as the answer to a question does."""
    fills = many(50_000, "0.00002", 10_000)

    async def life() -> list[float]:
        async with opened(tmp_path) as books:
            await books.recorder.record(order_permitted(buy("1")))
            weights = []
            for told in range(500, 50_001, 500):
                written = books.journal.size
                await books.hear(report(S.PARTLY_FILLED, *fills[:told]))
                stored = books.journal.stored(written, books.journal.size)
                record = books.journal.record("order", ORDER)
                trade = books.journal.record("trade", f"{ORDER}/{fills[told - 1].fill_id}")
                assert record is not None
                assert trade is not None
                parts = books.journal.size - written
                weights.append(sum(len(text) for _, text in stored) + parts * len(record.body) + 500 * len(trade.body))
            assert (books.order.filled_quantity, len(books.trades())) == (D(1), 50_000)
            assert len(record.body) < 2_000
            return [weight / 500 for weight in weights]

    per_fill = asyncio.run(life())
    assert max(per_fill) < 1.02 * min(per_fill), (min(per_fill), max(per_fill))
    assert max(per_fill) < 1_000

    async def next_life() -> None:
        async with opened(tmp_path) as books:
            await books.hear(report(S.FILLED, *fills))
            assert books.state.holding(PAPER_ACCOUNT, BTC) == D(1)
            assert (books.order.state, len(books.trades())) == (S.FILLED, 50_000)

    asyncio.run(next_life())


def test_fifty_thousand_fills_at_a_venue_stream_restart_and_reconciliation(tmp_path: Path) -> None:
    """The stream tells most, a restart and reconciliation the rest; each is booked once, and no balance differs."""
    step, told, untold = Decimal("0.00001"), 40_000, 10_000

    def execute(rig: Live, count: int) -> tuple[Fill, ...]:
        name = next(iter(rig.venue.book))
        book = rig.venue.book[name]
        first = len(book.fills)
        some = tuple(replace(one, price=D(49_000)) for one in many(count, str(step), first))
        book.fills, book.state = book.fills + some, S.PARTLY_FILLED
        rig.venue.money[BTC] += count * step
        rig.venue.money["USDT"] -= count * step * 49_000  # type: ignore[index]
        return some

    async def lives() -> None:
        async with open_live(tmp_path) as rig:
            name = order_id(await rig.sent(wanted("1", "49000")))
            for _ in range(told // 4_000):
                rig.venue.tell(replace(rig.venue.report(name), state=S.PARTLY_FILLED, fills=execute(rig, 4_000)))
            await rig.until(lambda: len(rig.booked(name)) == told)
            execute(rig, untold)
        async with open_live(tmp_path, venue=rig.venue, clock=rig.clock) as again:
            await again.turn()
            await again.until(lambda: len(again.booked(name)) == told + untold)
            again.venue.tell(again.venue.report(name))
            await again.turn(3)
            assert again.of(name).filled_quantity == (told + untold) * step
            assert again.core.state.holding("binance", BTC) == again.venue.money[BTC]
            missed = [event for event in again.events("fill.missed") if isinstance(event, FillMissed)]
            assert sum(len(event.fill_ids) for event in missed) == untold
            assert again.events("drift.found") == again.events("report.refused") == []
            assert again.core.recorder.failure is None

    asyncio.run(lives())


Step = Sequence[int] | None
"""Fills that a report tells, by number; None for a restart."""
QUANTITIES = [D("0.05") * n for n in range(1, 6)]
steps = st.lists(st.none() | st.lists(st.integers(0, 4), max_size=7), max_size=8)


@given(steps=steps, ended=st.integers(0, 8), old=st.booleans())
@settings(max_examples=30, deadline=None)
def test_no_fill_counts_twice_whatever_is_told_between_whichever_restarts(
    steps: list[Step], ended: int, *, old: bool
) -> None:
    """Two fills are many here, so that reports are cut; `old` begins with a record from before fills had their own."""
    counted = {0} if old else set[int]()

    def numbered(n: int) -> Fill:
        return fill(f"t{n}", str(QUANTITIES[n]))

    def check(books: Books) -> None:
        total = sum((QUANTITIES[n] for n in counted), D(0))
        names = {f"t{n}" for n in counted}
        assert books.order.filled_quantity == books.state.holding(PAPER_ACCOUNT, BTC) == total
        assert books.state.fills.of(ORDER) == names
        assert names - {"t0"} <= set(books.trades()) <= names
        assert books.order.fill_ids == (("t0",) if old else ())

    async def lives(folder: Path) -> None:
        async with opened(folder) as books:
            await books.recorder.record(order_permitted(buy("1")))
            if old:
                await as_it_was_written_before(books, numbered(0))
        life = opened(folder)
        books = await life.__aenter__()
        for position, step in enumerate(steps):
            if step is None:
                await life.__aexit__(None, None, None)
                life = opened(folder)
                books = await life.__aenter__()
            else:
                state = S.PARTLY_FILLED if position < ended else S.CANCELLED
                await books.hear(report(state, *map(numbered, step)))
                counted.update(step)
            check(books)
        await life.__aexit__(None, None, None)
        if not old:
            assert folded(folder).orders[ORDER] == books.order
            assert folded(folder).fills.of(ORDER) == books.state.fills.of(ORDER)
        assert verify(folder / "journal.db", VKEY).whole

    with pytest.MonkeyPatch.context() as patch, TemporaryDirectory() as folder:
        patch.setattr(fills_module, "FILLS_PER_REPORT_MAX", 2)
        asyncio.run(lives(Path(folder)))


async def as_it_was_written_before(books: Books, first: Fill) -> None:
    """An order's record with the ID of its fill inside, and no record of the fill."""
    event = OrderReported(report=report(S.PARTLY_FILLED, first), source="venue")  # type: ignore[arg-type]
    touched = books.state.apply(NOW, event)
    records = [
        Record(kind=it.kind, id=it.id, live=it.live, at=it.at, body=_encode(it.value))
        for it in touched
        if it.kind not in ("trade", "order")
    ]
    order = replace(books.order, fill_ids=(first.fill_id,))
    records.append(Record(kind="order", id=ORDER, live=True, at=NOW, body=_encode(order)))
    await books.journal.append([Entry(kind="order.reported", at=NOW, body=_encode(event))], records)
