"""Looking back: pages that are stable, work that is bounded, values that were there, proofs that hold."""

from __future__ import annotations

import asyncio
import json
from datetime import timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import msgspec
import pytest
from readytrader_sdk.instruments import Symbol

from appliance.domain.events import KIND_OF, KINDS
from appliance.domain.operators import Person, Role
from appliance.domain.series import EquityMarked, EquityPoint
from appliance.service import archive as archive_module
from appliance.service.equity import read_points
from appliance.store.checkpoint import parse_unverified
from appliance.store.entry import Entry, Record
from appliance.store.journal import Journal
from appliance.store.proof import verify_proof
from appliance.store.reader import JournalReader
from appliance.transport import operator_wire as wire
from appliance.transport.operator_acts import OperatorActs, VerbRefused
from tests.service.rig import BTC, NOON, ROOMY, Rig, buy, open_rig, play, sell
from tests.store.journals import open_journal

VIEWER = Person(name="operator:vera", role=Role.VIEWER)


async def ask(rig: Rig, verb: wire.AnyVerb) -> Any:
    return await OperatorActs(rig.core).carry_out(verb, VIEWER)


def test_trades_are_paged_from_the_newest_to_the_oldest_while_new_ones_come(tmp_path: Path) -> None:
    async def scenario(rig: Rig) -> None:
        for _ in range(5):
            await rig.place(buy("0.01"))
            rig.clock.advance(11)
            rig.quote()
        first = await ask(rig, wire.ListTrades(limit=2))
        await rig.place(sell("0.02"))
        rest = await ask(rig, wire.ListTrades(limit=4, before=first.next))
        assert (len(first.trades), len(rest.trades), rest.next) == (2, 3, None)
        entries = [trade.entry for trade in (*first.trades, *rest.trades)]
        assert entries == sorted(entries, reverse=True)
        newest = (await ask(rig, wire.ListTrades(symbol=BTC, limit=1))).trades[0]
        assert (newest.side, newest.quantity, newest.price, newest.notional) == (
            "sell", "0.02 BTC", "50000 USDT", "1000 USDT",
        )  # fmt: skip
        assert (newest.fee, newest.agent, newest.account) == ("1 USDT", "local", "paper")
        shown = await ask(rig, wire.ShowEntry(seq=newest.entry))
        assert newest.fill_id in shown.stored
        assert (await ask(rig, wire.ListTrades(symbol="ETH/USDT"))).trades == ()

    play(tmp_path, scenario)


@pytest.mark.parametrize("before", ["x", "AAAA", "w6Q=", "MjAyNg=="])
def test_a_cursor_that_leads_nowhere_is_refused(tmp_path: Path, before: str) -> None:
    async def scenario(rig: Rig) -> None:
        with pytest.raises(VerbRefused, match="before"):
            await ask(rig, wire.ListTrades(before=before))

    play(tmp_path, scenario)


def test_the_journal_is_searched_by_kind_and_text_from_the_newest_entry_down(tmp_path: Path) -> None:
    async def scenario(rig: Rig) -> None:
        await rig.place(buy("0.01"))
        await rig.submit(buy("0.000001"))
        await rig.core.stop_trading("operator:zoe", "looks <b>odd</b>\x1b[2J")
        await rig.core.recorder.written()
        halts = await ask(rig, wire.SearchJournal(text="OPERATOR:Zoe"))
        assert [(line.kind, line.summary) for line in halts.entries if line.kind == "trading_state.set"] == [
            ("trading_state.set", "all trading is halted, by operator:zoe: looks <b>odd</b> [2J")
        ]
        orders = await ask(rig, wire.SearchJournal(kind="order"))
        assert {line.kind for line in orders.entries} == {"order.permitted", "order.reported"}
        assert "agent local permitted: buy 0.01 BTC/USDT at market, at binance as rt" in orders.entries[-1].summary
        (denied,) = (await ask(rig, wire.SearchJournal(kind="request.denied"))).entries
        assert denied.summary.startswith("agent local denied: buy 0.000001 BTC/USDT at market: ")
        assert (await ask(rig, wire.SearchJournal(kind="ord"))).entries == ()
        page = await ask(rig, wire.SearchJournal(limit=2))
        below = await ask(rig, wire.SearchJournal(limit=200, before=page.next))
        numbers = [line.seq for line in (*page.entries, *below.entries)]
        assert numbers == list(range(rig.core.journal.size - 1, -1, -1))
        assert below.next is None

    play(tmp_path, scenario)


def test_a_search_looks_at_so_many_entries_and_says_where_to_go_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(archive_module, "ENTRIES_LOOKED_AT_MAX", 3)

    async def scenario(rig: Rig) -> None:
        for _ in range(4):
            await rig.agent(f"a{rig.core.journal.size}")
        page = await ask(rig, wire.SearchJournal(kind="core.started"))
        assert (page.entries, page.next) == ((), rig.core.journal.size - 3)

    play(tmp_path, scenario)


def test_any_entry_is_shown_with_a_proof_that_the_public_key_alone_confirms(tmp_path: Path) -> None:
    async def scenario(rig: Rig) -> None:
        await rig.place(buy("0.01"))
        await rig.core.recorder.written()
        checkpoint = await ask(rig, wire.ShowCheckpoint())
        for seq in range(parse_unverified(checkpoint.checkpoint).size):
            shown = await ask(rig, wire.ShowEntry(seq=seq))
            proven = verify_proof(shown.proof, checkpoint.vkey)
            assert (proven.entry.seq, shown.verified) == (seq, True)
            assert json.loads(shown.stored) == shown.entry
        with pytest.raises(VerbRefused, match="no entry 10000"):
            await ask(rig, wire.ShowEntry(seq=10_000))

    play(tmp_path, scenario)


def test_the_worth_is_written_down_every_few_minutes_and_survives_a_restart(tmp_path: Path) -> None:
    async def life() -> None:
        async with open_rig(tmp_path) as rig:
            rig.quote()
            await rig.fund("1000")
            await rig.place(buy("0.01"))
            for _ in range(4):
                await rig.core.beat()
                rig.clock.advance(150)
                rig.quote("49000", "49010")
        async with open_rig(tmp_path, clock=rig.clock) as again:
            again.quote("50000", "50010")
            await again.core.beat()
            points = (await ask(again, wire.ShowEquity(since=NOON))).points
            assert [point.at - NOON for point in points] == [timedelta(seconds=n) for n in (0, 300, 600)]
            low = points[1]
            assert low.equity == "989.4499 USDT"
            peak = again.core.state.portfolio("paper").nav_peak
            assert peak is not None
            fallen = 100 * (peak - Decimal(low.nav)) / peak
            assert Decimal(low.drawdown_pct) == fallen.quantize(Decimal("0.0001"))

    asyncio.run(life())


def test_no_point_is_written_while_something_held_has_no_price(tmp_path: Path) -> None:
    async def scenario(rig: Rig) -> None:
        await rig.place(buy("0.01"))
        rig.clock.advance(3600)
        await rig.core.beat()
        assert not [event for _, event in rig.entries() if isinstance(event, EquityMarked)]
        rig.quote()
        await rig.core.beat()
        assert len([event for _, event in rig.entries() if isinstance(event, EquityMarked)]) == 1

    play(tmp_path, scenario)


def equity_journal(folder: Path, navs: list[str]) -> JournalReader:
    journal: Journal = open_journal(folder)

    async def fill() -> None:
        for number, nav in enumerate(navs):
            at = NOON + timedelta(minutes=number)
            point = EquityPoint(portfolio="paper", at=at, equity=Decimal(nav), nav=Decimal(nav), nav_peak=Decimal(9))
            body = msgspec.json.encode(point)
            record = Record(kind="equity", id=f"paper/{number:06}", live=False, at=at, body=body)
            await journal.append([Entry(kind="equity.marked", at=at, body=body)], [record])

    asyncio.run(fill())
    journal.close()
    return JournalReader.open_read_only(folder / "journal.db")


def test_points_that_are_thinned_out_are_points_that_there_were_and_keep_every_trough(tmp_path: Path) -> None:
    navs = [str(5 + (number * 7919 % 997) / 1000) for number in range(400)]
    navs[123], navs[321] = "1", "8"
    reader = equity_journal(tmp_path, navs)
    everything = read_points(reader, "paper", NOON, 2000)
    thinned = read_points(reader, "paper", NOON, 40)
    later = read_points(reader, "paper", NOON + timedelta(minutes=390), 40)
    reader.close()
    assert (len(everything), len(later)) == (400, 10)
    assert 20 <= len(thinned) <= 40
    assert [point for point in everything if point in thinned] == thinned
    assert {min(navs), max(navs)} <= {str(point.nav) for point in thinned}
    assert (thinned[0], thinned[-1]) == (everything[0], everything[-1])


def test_every_kind_of_event_has_a_line(tmp_path: Path) -> None:
    assert set(KINDS.values()) == set(KIND_OF)

    async def scenario(rig: Rig) -> None:
        await rig.place(buy("0.01"))
        lines = (await ask(rig, wire.SearchJournal(limit=200))).entries
        assert all(line.summary and "\n" not in line.summary for line in lines)

    play(tmp_path, scenario, ROOMY)


def test_a_symbol_is_looked_for_among_so_many_trades_and_no_more(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(archive_module, "PAGE_MAX", 2)
    monkeypatch.setattr(archive_module, "TRADES_LOOKED_AT_MAX", 4)

    async def scenario(rig: Rig) -> None:
        for _ in range(6):
            await rig.place(buy("0.01"))
            rig.clock.advance(11)
            rig.quote()
        found, after = rig.core.archive.trades(Symbol("ETH/USDT"), 2, None)
        assert (found, after is None) == ([], False)
        found, after = rig.core.archive.trades(Symbol("ETH/USDT"), 2, after)
        assert (found, after) == ([], None)

    play(tmp_path, scenario)
