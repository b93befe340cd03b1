"""The journal explains everything: each decision can be made again from its entry, and the state is a fold of them."""

from __future__ import annotations

import asyncio
from pathlib import Path

import msgspec
import pytest
from readytrader_sdk.instruments import Instrument, Symbol

from appliance.domain.events import CoreStarted, OrderPermitted, ProposalMade, RequestDenied, decode_event
from appliance.domain.limit_changes import LimitSet
from appliance.domain.limits import Limits
from appliance.domain.state import RECORD_TYPES, State
from appliance.pipeline.decide import decide
from appliance.service.outcomes import Held
from appliance.store.entry import time_from_text
from appliance.store.reader import JournalReader
from tests.service.rig import OPERATOR, Rig, buy, open_rig, order_id, sell

TOML = """
[limits]
position_max_pct = 100
exposure_max_pct = 100
open_notional_max_pct = 100
[approval]
notional_min = 8000
"""
TIGHTER = TOML.replace("position_max_pct = 100", "position_max_pct = 4", 1)


async def busy_day(rig: Rig) -> None:
    """A bit of everything: permits, denials of many kinds, proposals, approvals, refusals, reports, halts."""
    rig.quote(size="0.7")
    agent = await rig.agent(f"agent-{rig.clock.now:%H%M}")
    await rig.fund("60000")
    await asyncio.gather(*(rig.submit(buy(f"0.0{n + 1}"), key=f"{rig.clock.now}-{n}") for n in range(6)))
    resting = await rig.submit(buy("0.04", "49000"), principal=agent)
    if not hasattr(resting, "denials"):
        await rig.submit(buy("0.05", "49100", replaces=order_id(resting)), principal=agent)
    await rig.submit(sell("30"))
    await rig.submit(buy("0.01", "60000"))
    await rig.submit(buy("0.000001"))
    await rig.submit(msgspec.structs.replace(buy("0.01"), symbol=Symbol("DOGE/USDT")))
    for quantity in ("0.3", "0.31"):
        held = await rig.submit(buy(quantity))
        if isinstance(held, Held):
            shown = rig.core.approvals.show(held.record.request.request_id, OPERATOR)
            assert shown is not None
            await rig.core.approvals.approve(held.record.request.request_id, shown.confirm_token or "", OPERATOR)
    rig.clock.advance(3)
    rig.quote("48900.5", "48910.5", size="0.2")
    await rig.submit(sell("0.01"))
    rig.clock.advance(40)
    await rig.submit(sell("0.02"))
    await rig.core.beat()
    rig.quote("49900", "49910")
    await rig.core.stop_trading("operator", "enough")
    await rig.submit(sell("0.02"))
    await rig.core.halt.resume("operator", "fine")
    await rig.core.limit_book.tighten("limits.notional_order_max", f"{3000 + rig.clock.now.day}", OPERATOR, "less")
    rig.quote("49900", "49910")
    await rig.submit(buy("0.062"))
    await rig.core.limit_book.loosen("limits.notional_order_max", "9000", OPERATOR, "totp", "more")
    rig.clock.advance(600)
    await rig.core.beat()
    rig.quote("49900", "49910")
    await rig.submit(buy("0.0621"))


@pytest.fixture(scope="module")
def journal(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The journal of two days under different limits, with its core gone."""
    folder = tmp_path_factory.mktemp("replay")

    async def days() -> None:
        async with open_rig(folder, TOML) as rig:
            await busy_day(rig)
        rig.clock.advance(24 * 3600)
        async with open_rig(folder, TIGHTER, clock=rig.clock) as again:
            await busy_day(again)

    asyncio.run(days())
    return folder / "home" / "journal.db"


def test_every_decision_comes_out_the_same_when_it_is_made_again(journal: Path) -> None:
    limits: Limits | None = None
    seen = {OrderPermitted: 0, RequestDenied: 0, ProposalMade: 0}
    reader = JournalReader.open_read_only(journal)
    for leaf in reader.entries():
        event = decode_event(leaf.kind, leaf.body)
        if isinstance(event, CoreStarted | LimitSet):
            limits = event.limits
        if not isinstance(event, OrderPermitted | RequestDenied | ProposalMade) or event.snapshot is None:
            continue
        assert limits is not None
        made = decide(event.request, event.snapshot, limits)
        match event:
            case OrderPermitted():
                assert made == event.permitted
            case RequestDenied():
                assert made == event.denied
            case ProposalMade():
                assert made == event.proposal
        seen[type(event)] += 1
    reader.close()
    assert min(seen.values()) >= 2, "a run in which too little happened proves nothing"
    assert sum(seen.values()) >= 20


def test_the_state_is_a_fold_of_the_entries_and_the_records_are_its_mirror(journal: Path) -> None:
    folded = State(instruments(journal), limits_of(journal).turnover_window)
    records: dict[tuple[str, str], bytes] = {}
    encoder = msgspec.json.Encoder(order="deterministic")
    reader = JournalReader.open_read_only(journal)
    for leaf in reader.entries():
        for touched in folded.apply(time_from_text(leaf.at), decode_event(leaf.kind, leaf.body)):
            records[touched.kind, touched.id] = encoder.encode(touched.value)
    on_disk = {
        (record.kind, record.id): record.body for kind in RECORD_TYPES for record in reader.load(kind, live_only=False)
    }
    reader.close()
    assert on_disk == records
    assert {kind for kind, _ in on_disk} >= {"order", "holding", "history", "proposal", "key", "scope", "portfolio"}


def test_the_state_in_memory_is_the_fold_too(tmp_path: Path) -> None:
    async def life() -> None:
        async with open_rig(tmp_path, TOML) as rig:
            await busy_day(rig)
            await rig.core.recorder.written()
            folded = State(rig.core.state.instruments, rig.core.limits.turnover_window)
            reader = JournalReader.open_read_only(rig.home.journal)
            for leaf in reader.entries():
                folded.apply(time_from_text(leaf.at), decode_event(leaf.kind, leaf.body))
            reader.close()
            for name in ("orders", "live_orders", "holdings", "agents", "histories", "proposals", "keys", "scopes"):
                assert getattr(folded, name) == getattr(rig.core.state, name), name
            assert folded.portfolios == rig.core.state.portfolios
            booked = {name: set(rig.core.state.fills.of(name)) for name in folded.orders}
            assert booked == {name: set(folded.fills.of(name)) for name in folded.orders}
            assert any(booked.values())

    asyncio.run(life())


def instruments(journal: Path) -> dict[Symbol, Instrument]:
    reader = JournalReader.open_read_only(journal)
    events = [decode_event(leaf.kind, leaf.body) for leaf in reader.entries()]
    reader.close()
    found = [event.snapshot.instrument for event in events if isinstance(event, OrderPermitted)]
    return {instrument.symbol: instrument for instrument in found if instrument is not None}


def limits_of(journal: Path) -> Limits:
    reader = JournalReader.open_read_only(journal)
    started = next(decode_event(leaf.kind, leaf.body) for leaf in reader.entries() if leaf.kind == "core.started")
    reader.close()
    assert isinstance(started, CoreStarted)
    return started.limits
