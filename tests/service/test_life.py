"""The whole life of requests: permitted, filled, denied, held, approved, and all of it in a journal that verifies."""

from __future__ import annotations

import asyncio
from decimal import Decimal
from pathlib import Path

from readytrader_sdk.orders import ClientOrderId, OrderState

from appliance.domain.codes import Code
from appliance.domain.events import OrderPermitted, ProposalState
from appliance.service.agents import LOCAL
from appliance.service.outcomes import Placed, Refused, WouldPass
from appliance.store.reader import JournalReader
from tests.service.ports import Watched
from tests.service.rig import OPERATOR, ROOMY, Rig, buy, codes, open_rig, order_id, play, sell

EACH = ROOMY + '[approval]\nmode = "approve_each"\n'


def test_a_market_order_is_permitted_sent_and_filled(tmp_path: Path) -> None:
    async def scenario(rig: Rig) -> None:
        placed = await rig.place(buy("0.01"))
        assert placed.order.state is OrderState.FILLED
        assert placed.order.filled_notional == Decimal("500.10")
        assert rig.held("BTC") == Decimal("0.01")
        assert rig.held("USDT") == Decimal("100000") - Decimal("500.10") - Decimal("0.50010")
        assert await rig.venue_total("USDT") == rig.held("USDT")
        assert rig.kinds() == ["core.started", "funds.moved", "order.permitted", "order.reported"]

    play(tmp_path, scenario)


def test_an_exit_sells_what_was_bought(tmp_path: Path) -> None:
    async def scenario(rig: Rig) -> None:
        await rig.place(buy("0.01"))
        placed = await rig.place(sell("0.01"))
        assert placed.order.state is OrderState.FILLED
        assert placed.order.terms.reduces
        assert rig.held("BTC") == 0

    play(tmp_path, scenario)


def test_a_denial_names_every_reason_and_sends_nothing(tmp_path: Path) -> None:
    async def scenario(rig: Rig) -> None:
        outcome = await rig.submit(buy("30"))
        assert Code.BALANCE_INSUFFICIENT in codes(outcome)
        assert Code.POSITION_ABOVE_MAX in codes(outcome)
        assert isinstance(outcome, Refused)
        assert outcome.amount_max is not None
        assert outcome.amount_max.value < 2
        assert rig.kinds()[-1] == "request.denied"
        assert rig.held("BTC") == 0
        assert rig.core.state.orders == {}

    play(tmp_path, scenario)


def test_the_largest_amount_that_a_denial_names_would_pass(tmp_path: Path) -> None:
    async def scenario(rig: Rig) -> None:
        outcome = await rig.submit(buy("30"))
        assert isinstance(outcome, Refused)
        assert outcome.amount_max is not None
        placed = await rig.place(buy(str(outcome.amount_max.value)))
        assert placed.order.state is OrderState.FILLED

    play(tmp_path, scenario)


def test_a_check_decides_as_an_order_would_and_leaves_no_trace(tmp_path: Path) -> None:
    async def scenario(rig: Rig) -> None:
        before = rig.kinds()
        assert isinstance(rig.core.desk.check(LOCAL, buy("0.01")), WouldPass)
        assert codes(rig.core.desk.check(LOCAL, buy("30"))) == codes(await rig.submit(buy("30")))
        assert rig.kinds() == [*before, "request.denied"]

    play(tmp_path, scenario)


def test_a_held_request_is_carried_out_once_a_person_approves_it(tmp_path: Path) -> None:
    async def scenario(rig: Rig) -> None:
        held = await rig.hold(buy("0.01"))
        assert rig.held("BTC") == 0
        request_id = held.record.request.request_id
        shown = rig.core.approvals.show(request_id, OPERATOR)
        assert shown is not None
        outcome = await rig.core.approvals.approve(request_id, shown.confirm_token or "", OPERATOR)
        assert isinstance(outcome, Placed)
        assert outcome.order.state is OrderState.FILLED
        assert outcome.order.approved_by == OPERATOR.name
        assert str(order_id(outcome)) == str(request_id)
        assert rig.core.state.proposals[request_id].state is ProposalState.APPROVED
        expected = ["proposal.made", "approval.given", "proposal.decided", "order.permitted", "order.reported"]
        assert rig.kinds()[-5:] == expected

    play(tmp_path, scenario, EACH)


def test_the_permit_is_on_disk_when_the_venue_is_called(tmp_path: Path) -> None:
    """The spy stands behind the real gate and reads the file through a connection of its own."""
    seen: list[bool] = []

    async def scenario(rig: Rig) -> None:
        def look(client_order_id: ClientOrderId) -> None:
            on_disk = [event.permitted.payload for _, event in rig.entries() if isinstance(event, OrderPermitted)]
            reader = JournalReader.open_read_only(rig.home.journal)
            record = reader.record("order", client_order_id)
            reader.close()
            seen.append(record is not None and client_order_id in {payload.client_order_id for payload in on_disk})

        port = rig.port
        assert isinstance(port, Watched)
        port.on_send = look
        await rig.place(buy("0.01"))
        resting = await rig.place(buy("0.02", "49000"))
        await rig.place(buy("0.03", "49000", replaces=order_id(resting)))
        rig.core.approvals.expire(rig.clock.now)

    play(tmp_path, scenario, wrap=Watched)
    assert seen == [True, True, True]


def test_every_answer_is_on_disk_when_it_is_given(tmp_path: Path) -> None:
    async def scenario(rig: Rig) -> None:
        denied = await rig.submit(buy("30"))
        assert isinstance(denied, Refused)
        assert rig.kinds()[-1] == "request.denied"
        await rig.place(buy("0.01"))
        assert rig.kinds()[-1] == "order.reported"
        await rig.fund("1")
        assert rig.kinds()[-1] == "funds.moved"

    play(tmp_path, scenario)


def test_a_proposal_is_on_disk_when_the_agent_hears_of_it(tmp_path: Path) -> None:
    async def scenario(rig: Rig) -> None:
        await rig.hold(buy("0.01"))
        assert rig.kinds()[-1] == "proposal.made"

    play(tmp_path, scenario, EACH)


def test_a_resting_order_fills_when_the_market_comes_to_it_and_a_wait_sees_it(tmp_path: Path) -> None:
    async def scenario(rig: Rig) -> None:
        resting = await rig.place(buy("0.01", "49900"))
        assert resting.order.state is OrderState.OPEN
        rig.clock.advance(1)
        rig.quote("49880", "49890")
        order = await rig.core.orders.wait(order_id(resting), LOCAL.agent_id, 1)
        assert order is not None
        assert order.state is OrderState.FILLED
        assert order.filled_notional == Decimal("499.00")

    play(tmp_path, scenario)


def test_what_was_true_before_a_restart_is_true_after_it(tmp_path: Path) -> None:
    async def lives() -> None:
        async with open_rig(tmp_path) as rig:
            rig.quote()
            await rig.fund()
            await rig.place(buy("0.01"))
            resting = order_id(await rig.place(buy("0.02", "49000")))
            before = (rig.held("USDT"), rig.held("BTC"), rig.core.state.live_orders, rig.core.state.portfolios)
        async with open_rig(tmp_path) as rig:
            assert before == (
                rig.held("USDT"), rig.held("BTC"), rig.core.state.live_orders, rig.core.state.portfolios,
            )  # fmt: skip
            assert rig.core.findings.drifts == 0
            assert [report.client_order_id for report in await rig.port.open_orders()] == [resting]
            rig.clock.advance(1)
            rig.quote("48990", "48995")
            assert rig.core.state.orders[resting].state is OrderState.FILLED

    asyncio.run(lives())
