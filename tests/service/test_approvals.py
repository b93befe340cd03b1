"""Approvals: one decision, by a person, on exactly what was shown, and the pipeline again before anything is sent."""

from __future__ import annotations

import asyncio
from decimal import Decimal
from pathlib import Path

import msgspec
import pytest
from readytrader_sdk.orders import OrderState

from appliance.domain.codes import Code
from appliance.domain.events import OrderPermitted, ProposalDecided, ProposalState
from appliance.domain.intents import OrderIntent
from appliance.service.outcomes import Held, Outcome, Placed, Refused
from tests.service.ports import Watched
from tests.service.rig import OPERATOR, ROOMY, Rig, buy, codes, open_rig, order_id, play, sell

EACH = ROOMY + '[approval]\nmode = "approve_each"\n'


async def approve(rig: Rig, held: Held, token: str | None = None) -> Outcome:
    request_id = held.record.request.request_id
    shown = rig.core.approvals.show(request_id, OPERATOR)
    assert shown is not None
    return await rig.core.approvals.approve(request_id, token or shown.confirm_token or "", OPERATOR)


def test_of_two_hundred_concurrent_approvals_one_sends_one_order(tmp_path: Path) -> None:
    async def scenario(rig: Rig) -> None:
        held = await rig.hold(buy("0.01"))
        outcomes = await asyncio.gather(*(approve(rig, held) for _ in range(200)))
        assert sum(isinstance(outcome, Placed) for outcome in outcomes) == 1
        refused = [outcome for outcome in outcomes if isinstance(outcome, Refused)]
        assert all(codes(outcome) == {Code.APPROVAL_MISMATCH} for outcome in refused)
        assert isinstance(rig.port, Watched)
        assert len(rig.port.sent) == 1
        assert rig.held("BTC") == Decimal("0.01")

    play(tmp_path, scenario, EACH, wrap=Watched)


def test_an_approval_and_a_refusal_at_once_come_to_one_decision(tmp_path: Path) -> None:
    async def scenario(rig: Rig) -> None:
        held = await rig.hold(buy("0.01"))
        request_id = held.record.request.request_id
        approved, refused = await asyncio.gather(
            approve(rig, held), rig.core.approvals.refuse(request_id, "other operator", "no")
        )
        assert isinstance(approved, Placed)
        assert isinstance(refused, Refused)
        assert sum(isinstance(event, ProposalDecided) for _, event in rig.entries()) == 1

    play(tmp_path, scenario, EACH)


@pytest.mark.parametrize("token", ["0" * 32, "x", "\N{SNOWMAN}"])
def test_a_wrong_token_approves_nothing_and_uses_nothing_up(tmp_path: Path, token: str) -> None:
    async def scenario(rig: Rig) -> None:
        held = await rig.hold(buy("0.01"))
        assert codes(await approve(rig, held, token)) == {Code.APPROVAL_MISMATCH}
        assert rig.kinds()[-1] == "proposal.made"
        assert isinstance(await approve(rig, held), Placed)

    play(tmp_path, scenario, EACH)


def test_the_token_of_one_proposal_approves_no_other(tmp_path: Path) -> None:
    async def scenario(rig: Rig) -> None:
        one, two = await rig.hold(buy("0.01")), await rig.hold(buy("0.02"))
        shown = rig.core.approvals.show(one.record.request.request_id, OPERATOR)
        assert shown is not None
        assert codes(await approve(rig, two, shown.confirm_token)) == {Code.APPROVAL_MISMATCH}

    play(tmp_path, scenario, EACH)


def test_a_proposal_can_be_approved_until_the_instant_it_expires(tmp_path: Path) -> None:
    async def scenario(rig: Rig) -> None:
        late, in_time = await rig.hold(buy("0.01")), await rig.hold(buy("0.02"))
        rig.clock.advance(119)
        rig.quote()
        rig.clock.advance(0.999999)
        assert isinstance(await approve(rig, in_time), Placed)
        rig.clock.advance(0.000001)
        assert codes(await approve(rig, late)) == {Code.APPROVAL_MISMATCH}
        await rig.core.beat()
        assert rig.core.state.proposals[late.record.request.request_id].state is ProposalState.EXPIRED
        assert rig.core.approvals.pending() == ()

    play(tmp_path, scenario, EACH)


def test_what_a_revoked_agent_asked_for_is_not_carried_out(tmp_path: Path) -> None:
    async def scenario(rig: Rig) -> None:
        agent = await rig.agent("mayfly")
        held = await rig.hold(buy("0.01"), principal=agent)
        await rig.core.agents.revoke(agent.agent_id, "operator")
        assert Code.SCOPE_MISSING in codes(await approve(rig, held))
        assert rig.held("BTC") == 0

    play(tmp_path, scenario, EACH)


def test_an_approval_is_bound_to_the_request_that_was_shown(tmp_path: Path) -> None:
    """Even one who could change the request behind the proposal gets nothing else approved with it."""

    async def scenario(rig: Rig) -> None:
        held = await rig.hold(buy("0.01"))
        record = held.record
        assert isinstance(record.request.intent, OrderIntent)
        larger = msgspec.structs.replace(record.request.intent, quantity=Decimal("0.5"))
        swapped = msgspec.structs.replace(record, request=msgspec.structs.replace(record.request, intent=larger))
        rig.core.state.proposals[record.request.request_id] = swapped
        assert Code.APPROVAL_MISMATCH in codes(await approve(rig, held))
        assert rig.held("BTC") == 0

    play(tmp_path, scenario, EACH)


@pytest.mark.parametrize(("bid", "ask"), [("51100", "51110"), ("54000", "54010")])
def test_a_buy_never_fills_beyond_the_worst_price_that_was_approved(tmp_path: Path, bid: str, ask: str) -> None:
    async def scenario(rig: Rig) -> None:
        held = await rig.hold(buy("0.01"))
        approved_worst = held.record.proposal.terms.price_worst
        assert approved_worst < Decimal(ask)
        rig.clock.advance(1)
        rig.quote(bid, ask)
        outcome = await approve(rig, held)
        if isinstance(outcome, Placed):
            assert outcome.order.terms.price_worst <= approved_worst
            assert outcome.order.state is OrderState.CANCELLED
        assert rig.held("BTC") == 0

    play(tmp_path, scenario, EACH)


def test_a_sale_never_fills_below_the_worst_price_that_was_approved(tmp_path: Path) -> None:
    async def scenario(rig: Rig) -> None:
        assert isinstance(await approve(rig, await rig.hold(buy("0.01"))), Placed)
        held = await rig.hold(sell("0.01"))
        rig.clock.advance(1)
        rig.quote("48000", "48010")
        await approve(rig, held)
        assert rig.held("BTC") == Decimal("0.01")

    play(tmp_path, scenario, EACH)


def test_the_pipeline_runs_again_so_that_what_no_longer_fits_is_denied(tmp_path: Path) -> None:
    async def scenario(rig: Rig) -> None:
        first, second = await rig.hold(buy("1.2")), await rig.hold(buy("1.1"))
        assert isinstance(await approve(rig, first), Placed)
        assert Code.BALANCE_INSUFFICIENT in codes(await approve(rig, second))

    play(tmp_path, scenario, EACH)


def test_a_limit_tightened_over_a_restart_denies_what_was_proposed_before(tmp_path: Path) -> None:
    async def lives() -> None:
        async with open_rig(tmp_path, EACH) as rig:
            rig.quote()
            await rig.fund()
            held = await rig.hold(buy("0.5"))
        tighter = EACH.replace("[limits]", "[limits]\nnotional_order_max = 1000")
        async with open_rig(tmp_path, tighter) as rig:
            rig.quote()
            assert Code.NOTIONAL_ABOVE_MAX in codes(await approve(rig, held))

    asyncio.run(lives())


def test_a_proposal_and_its_token_survive_a_restart_and_are_good_once(tmp_path: Path) -> None:
    async def lives() -> None:
        async with open_rig(tmp_path, EACH) as rig:
            rig.quote()
            await rig.fund()
            held = await rig.hold(buy("0.01"), key="k")
            shown = rig.core.approvals.show(held.record.request.request_id, OPERATOR)
            assert shown is not None
        async with open_rig(tmp_path, EACH) as rig:
            rig.quote()
            again = await rig.hold(buy("0.01"), key="k")
            assert again.replayed
            placed = await approve(rig, held, shown.confirm_token)
            assert isinstance(placed, Placed)
        async with open_rig(tmp_path, EACH) as rig:
            rig.quote()
            again_id = held.record.request.request_id
            refused = await rig.core.approvals.approve(again_id, shown.confirm_token or "", OPERATOR)
            assert codes(refused) in ({Code.NOT_FOUND}, {Code.APPROVAL_MISMATCH})
            replayed = await rig.place(buy("0.01"), key="k")
            assert replayed.replayed
            assert order_id(replayed) == order_id(placed)
            assert rig.held("BTC") == Decimal("0.01")

    asyncio.run(lives())


def test_a_stale_market_at_the_time_of_approval_denies(tmp_path: Path) -> None:
    async def scenario(rig: Rig) -> None:
        held = await rig.hold(buy("0.01"))
        rig.clock.advance(31)
        assert Code.QUOTE_STALE in codes(await approve(rig, held))

    play(tmp_path, scenario, EACH)


def test_what_the_agent_is_told_holds_no_confirm_token(tmp_path: Path) -> None:
    async def scenario(rig: Rig) -> None:
        held = await rig.hold(buy("0.01"))
        shown = rig.core.approvals.show(held.record.request.request_id, OPERATOR)
        assert shown is not None
        assert str(shown.confirm_token) not in msgspec.json.encode(held).decode()
        assert str(shown.confirm_token).encode() not in rig.home.journal.read_bytes()

    play(tmp_path, scenario, EACH)


def test_an_approval_is_written_before_the_order_that_it_leads_to(tmp_path: Path) -> None:
    async def scenario(rig: Rig) -> None:
        await approve(rig, await rig.hold(buy("0.01")))
        entries = [event for _, event in rig.entries()]
        decided = next(i for i, event in enumerate(entries) if isinstance(event, ProposalDecided))
        permitted = next(i for i, event in enumerate(entries) if isinstance(event, OrderPermitted))
        assert decided < permitted

    play(tmp_path, scenario, EACH)
