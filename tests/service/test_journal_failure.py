"""The journal cannot be written: nothing is sent, everything is refused with that reason, and cancels still go out."""

from __future__ import annotations

import asyncio
from decimal import Decimal
from pathlib import Path

import pytest
from msgspec.structs import replace
from readytrader_sdk.instruments import Asset
from readytrader_sdk.orders import ClientOrderId, ExecutionReport, OrderState

from appliance.domain.codes import Code
from appliance.domain.state import Touched
from appliance.domain.trading_state import TradingState
from appliance.service.agents import LOCAL
from appliance.service.outcomes import Held, Placed
from appliance.service.rate_limits import Budget
from appliance.store.journal import JournalUnavailable
from appliance.store.writer import Group
from tests.plugin_host.rig import until
from tests.service.ports import Slow, Watched
from tests.service.rig import NOON, OPERATOR, ROOMY, Rig, buy, codes, open_rig, order_id, play
from tests.service.test_notice_journal import install
from tests.service.test_notices import Kept

EACH = ROOMY + '[approval]\nmode = "approve_each"\n'


def break_journal(rig: Rig) -> None:
    """From now on the writer behaves as on a disk that is full."""

    def full(group: Group) -> str:
        raise JournalUnavailable("disk full")

    rig.core.journal._writer.commit = full  # type: ignore[method-assign]


def sent_by(rig: Rig) -> list[ClientOrderId]:
    assert isinstance(rig.port, Watched)
    return rig.port.sent


def test_an_order_whose_permit_cannot_be_written_is_not_sent(tmp_path: Path) -> None:
    async def scenario(rig: Rig) -> None:
        break_journal(rig)
        assert codes(await rig.submit(buy("0.01"))) == {Code.JOURNAL_UNAVAILABLE}
        assert sent_by(rig) == []
        assert rig.held("BTC") == 0

    play(tmp_path, scenario, wrap=Watched)


def test_a_person_is_told_that_nothing_can_be_written_any_more(tmp_path: Path) -> None:
    async def scenario(rig: Rig) -> None:
        phone = Kept()
        install(rig, phone=phone).start()
        break_journal(rig)
        await rig.submit(buy("0.01"))
        await rig.core._beat()
        await until(lambda: bool(phone.taken))
        assert [it.subject for it in phone.taken] == ["the journal cannot be written"]
        assert "disk full" in phone.taken[0].text

    play(tmp_path, scenario)


def test_everything_after_a_failure_is_refused_with_that_reason_but_looking_and_cancels(tmp_path: Path) -> None:
    async def scenario(rig: Rig) -> None:
        resting = order_id(await rig.place(buy("0.01", "49000")))
        held = await rig.agent("unused")
        break_journal(rig)
        refusals = [
            await rig.submit(buy("0.01")),
            await rig.submit(buy("0.02"), key="k"),
            await rig.submit(buy("0.02"), key="k"),
            await rig.submit(buy("30")),
            await rig.submit(buy("0.02", "49000", replaces=resting)),
            await rig.core.funds.deposit(LOCAL, Asset("USDT"), Decimal(1)),
        ]
        assert [codes(refusal) for refusal in refusals] == [{Code.JOURNAL_UNAVAILABLE}] * 6
        with pytest.raises(JournalUnavailable):
            await rig.core.agents.revoke(held.agent_id, "operator")
        assert sent_by(rig) == [resting]
        assert rig.core.orders.live(LOCAL.agent_id)
        assert rig.core.desk.throttle(LOCAL, Budget.READ) is None
        assert rig.core.desk.throttle(LOCAL, Budget.CANCEL) is None
        cancelled = await rig.core.orders.cancel(resting, LOCAL.agent_id, "agent")
        assert isinstance(cancelled, Placed)
        assert cancelled.order.state is OrderState.CANCELLED
        assert await rig.port.open_orders() == ()

    play(tmp_path, scenario, wrap=Watched)


def test_an_approval_that_cannot_be_written_sends_nothing_and_is_pending_again_after_a_restart(
    tmp_path: Path,
) -> None:
    async def lives() -> None:
        async with open_rig(tmp_path, EACH, wrap=Watched) as rig:
            rig.quote()
            await rig.fund()
            held = await rig.hold(buy("0.01"))
            request_id = held.record.request.request_id
            shown = rig.core.approvals.show(request_id, OPERATOR)
            assert shown is not None
            break_journal(rig)
            outcome = await rig.core.approvals.approve(request_id, shown.confirm_token or "", OPERATOR)
            assert codes(outcome) == {Code.JOURNAL_UNAVAILABLE}
            assert sent_by(rig) == []
        async with open_rig(tmp_path, EACH) as rig:
            rig.quote()
            assert [record.request.request_id for record in rig.core.approvals.pending()] == [request_id]
            outcome = await rig.core.approvals.approve(request_id, shown.confirm_token or "", OPERATOR)
            assert isinstance(outcome, Placed)

    asyncio.run(lives())


def test_an_order_that_was_sent_is_never_answered_as_refused(tmp_path: Path) -> None:
    """The journal fails while the venue has the order: a refusal would make the agent try again."""

    async def lives() -> None:
        async with open_rig(tmp_path, wrap=Slow) as rig:
            rig.quote()
            await rig.fund()
            port = rig.port
            assert isinstance(port, Slow)
            submitting = asyncio.create_task(rig.submit(buy("0.01"), key="k"))
            await port.reached.wait()
            break_journal(rig)
            port.go.set()
            placed = await submitting
            assert isinstance(placed, Placed)
            assert placed.order.state is OrderState.UNKNOWN, "no word that a restart would not know"
            assert len(port.sent) == 1
        async with open_rig(tmp_path, wrap=Watched) as rig:
            rig.quote()
            again = await rig.place(buy("0.01"), key="k")
            assert again.replayed
            assert order_id(again) == order_id(placed)
            assert sent_by(rig) == []
            assert rig.held("USDT") == await rig.venue_total("USDT")

    asyncio.run(lives())


def test_a_halt_by_an_operator_works_and_cancels_without_a_journal(tmp_path: Path) -> None:
    async def scenario(rig: Rig) -> None:
        await rig.place(buy("0.01", "49000"))
        break_journal(rig)
        await rig.submit(buy("0.02"))
        assert await rig.core.stop_trading("operator", "enough") == 1
        assert rig.core.halt.is_halted()
        assert rig.home.halt_file.exists()
        assert await rig.port.open_orders() == ()

    play(tmp_path, scenario)


def test_a_heart_that_finds_the_journal_broken_cancels_what_is_open_and_stops(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("appliance.service.core.HEARTBEAT_S", 0.001)

    async def scenario(rig: Rig) -> None:
        await rig.place(buy("0.01", "49000"))
        break_journal(rig)
        await rig.submit(buy("0.02"))
        async with asyncio.timeout(5):
            await rig.core._beat()
        assert await rig.port.open_orders() == ()

    play(tmp_path, scenario)


def test_rate_limits_hold_without_a_journal(tmp_path: Path) -> None:
    toml = ROOMY.replace("default_per_min = 100000", "default_per_min = 2")

    async def scenario(rig: Rig) -> None:
        break_journal(rig)
        await rig.submit(buy("0.02"))
        draws = [rig.core.desk.throttle(LOCAL, Budget.READ) for _ in range(3)]
        assert [draw is None for draw in draws] == [True, True, False]

    play(tmp_path, scenario, toml)


def test_an_event_that_no_entry_can_hold_changes_nothing_and_breaks_nothing(tmp_path: Path) -> None:
    async def scenario(rig: Rig) -> None:
        with pytest.raises(ValueError, match="bytes"):
            rig.core.agents.note_refusal("x" * (1 << 20), "too much")
        with pytest.raises(UnicodeEncodeError):
            rig.core.agents.note_refusal("\ud800", "no text")
        with pytest.raises(UnicodeEncodeError):
            await rig.core.desk.submit(LOCAL, buy("0.01"), note="\ud800")
        assert rig.core.state.orders == {}
        await rig.place(buy("0.01"))

    play(tmp_path, scenario)


def test_a_state_that_the_journal_cannot_hold_stops_everything(tmp_path: Path) -> None:
    """The report fits an entry, the order that it makes does not fit a record: nothing may rest on it then."""

    async def scenario(rig: Rig) -> None:
        resting = order_id(await rig.place(buy("1", "49000")))
        order = rig.core.state.orders[resting]
        grown = replace(order, fill_ids=tuple(f"{number:0200d}" for number in range(6000)))
        rig.core.state.put(Touched("order", resting, True, NOON, grown))
        report = ExecutionReport(
            client_order_id=resting, state=OrderState.CANCELLED, reported_at=NOON, reason="more than nothing"
        )
        rig.core.take_report(report)
        assert rig.core.recorder.failure is not None
        assert codes(await rig.submit(buy("0.01"))) == {Code.JOURNAL_UNAVAILABLE}

    play(tmp_path, scenario)


def test_a_proposal_that_cannot_be_written_is_not_told(tmp_path: Path) -> None:
    async def scenario(rig: Rig) -> None:
        break_journal(rig)
        outcome = await rig.submit(buy("0.01"))
        assert not isinstance(outcome, Held)
        assert codes(outcome) == {Code.JOURNAL_UNAVAILABLE}
        assert rig.state() is TradingState.ACTIVE

    play(tmp_path, scenario, EACH)
