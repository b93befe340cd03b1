"""Approvals: one decision, by a person, on exactly what was shown, and the pipeline again before anything is sent."""

from __future__ import annotations

import asyncio
from decimal import Decimal
from pathlib import Path

import msgspec
import pytest
from readytrader_sdk.orders import OrderState

from appliance.domain.codes import Code
from appliance.domain.events import ApprovalGiven, OrderPermitted, ProposalDecided, ProposalState
from appliance.domain.intents import OrderIntent
from appliance.domain.operators import Person, Role, account_name
from appliance.service.outcomes import Held, Outcome, Placed, Refused
from appliance.transport import operator_wire as wire
from appliance.transport.operator_acts import OperatorActs
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


def test_a_list_of_what_waits_leaves_others_their_turn_and_shows_nothing_that_waits_no_more(tmp_path: Path) -> None:
    async def scenario(rig: Rig) -> None:
        held = [(await rig.hold(buy(f"0.0{number}"))).record.request.request_id for number in range(1, 10)]
        acts = OperatorActs(rig.core)
        listing = asyncio.ensure_future(acts.carry_out(wire.ListApprovals(), OPERATOR))
        turns = 0
        while not listing.done():
            await asyncio.sleep(0)
            turns += 1
            if turns == 2:
                refusing = asyncio.ensure_future(rig.core.approvals.refuse(held[-1], "other operator", "no"))
        await refusing
        shown = await listing
        assert isinstance(shown, list)
        assert [getattr(one, "request_id", None) for one in shown] == held[:-1]
        assert turns >= len(held)

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


ALICE, BOB, CAROL = (Person(name=account_name(name), role=Role.OPERATOR) for name in ("alice", "bob", "carol"))
TWO = EACH + "people_min = 2\n"


async def agree(rig: Rig, held: Held, person: Person, token: str | None = None) -> Outcome:
    request_id = held.record.request.request_id
    shown = rig.core.approvals.show(request_id, person)
    assert shown is not None
    return await rig.core.approvals.approve(request_id, token or shown.confirm_token or "", person, "totp")


def test_an_order_goes_when_enough_different_persons_agreed_and_the_journal_says_who(tmp_path: Path) -> None:
    async def scenario(rig: Rig) -> None:
        held = await rig.hold(buy("0.01"))
        waiting = await agree(rig, held, ALICE)
        assert isinstance(waiting, Held)
        assert isinstance(rig.port, Watched)
        assert rig.port.sent == []
        rig.clock.advance(1)
        placed = await agree(rig, held, BOB)
        assert isinstance(placed, Placed)
        assert placed.order.approved_by == "operator:alice, operator:bob"
        given = [event for _, event in rig.entries() if isinstance(event, ApprovalGiven)]
        assert [(it.by, it.factor) for it in given] == [("operator:alice", "totp"), ("operator:bob", "totp")]
        assert {it.intent_digest for it in given} == {held.record.proposal.intent_digest}
        assert {it.price_worst for it in given} == {held.record.proposal.terms.price_worst}
        (permitted,) = [event for _, event in rig.entries() if isinstance(event, OrderPermitted)]
        assert permitted.snapshot.approval is not None
        assert permitted.snapshot.approval.people == ("operator:alice", "operator:bob")

    play(tmp_path, scenario, TWO, wrap=Watched)


def test_of_many_persons_at_once_where_one_is_enough_one_sends_one_order(tmp_path: Path) -> None:
    async def scenario(rig: Rig) -> None:
        held = await rig.hold(buy("0.01"))
        request_id = held.record.request.request_id
        shown = {person: rig.core.approvals.show(request_id, person) for person in (ALICE, BOB, CAROL)}
        outcomes = await asyncio.gather(
            *(agree(rig, held, person, it.confirm_token) for person, it in shown.items() if it is not None)
        )
        assert sum(isinstance(outcome, Placed) for outcome in outcomes) == 1
        assert isinstance(rig.port, Watched)
        assert len(rig.port.sent) == 1
        assert rig.kinds().count("proposal.decided") == rig.kinds().count("approval.given") == 1

    play(tmp_path, scenario, EACH, wrap=Watched)


def test_the_same_person_never_counts_twice(tmp_path: Path) -> None:
    async def scenario(rig: Rig) -> None:
        held = await rig.hold(buy("0.01"))
        shown = rig.core.approvals.show(held.record.request.request_id, ALICE)
        assert shown is not None
        outcomes = await asyncio.gather(*(agree(rig, held, ALICE, shown.confirm_token) for _ in range(50)))
        assert sum(isinstance(outcome, Held) for outcome in outcomes) == 1
        refused = [outcome for outcome in outcomes if isinstance(outcome, Refused)]
        assert all("another person must" in outcome.denials[0].text for outcome in refused)
        assert rig.core.state.proposals[held.record.request.request_id].state is ProposalState.PENDING
        assert rig.held("BTC") == 0

    play(tmp_path, scenario, TWO)


def test_nobodys_account_is_nobody_where_two_must_agree(tmp_path: Path) -> None:
    async def scenario(rig: Rig) -> None:
        held = await rig.hold(buy("0.01"))
        shown = rig.core.approvals.show(held.record.request.request_id, OPERATOR)
        assert shown is not None
        assert shown.confirm_token is None
        token = rig.core.approvals._token(held.record, OPERATOR)
        refused = await agree(rig, held, OPERATOR, token)
        assert isinstance(refused, Refused)
        assert "operator add NAME --role operator --uid UID" in refused.denials[0].text
        assert not rig.core.state.proposals[held.record.request.request_id].given

    play(tmp_path, scenario, TWO)


def test_a_persons_token_is_of_no_use_to_another(tmp_path: Path) -> None:
    async def scenario(rig: Rig) -> None:
        held = await rig.hold(buy("0.01"))
        tokens = {}
        for person in (ALICE, BOB):
            shown = rig.core.approvals.show(held.record.request.request_id, person)
            assert shown is not None
            tokens[person] = shown.confirm_token
        assert tokens[ALICE] != tokens[BOB]
        refused = await agree(rig, held, BOB, tokens[ALICE])
        assert codes(refused) == {Code.APPROVAL_MISMATCH}
        assert not rig.core.state.proposals[held.record.request.request_id].given

    play(tmp_path, scenario, TWO)


def test_expiry_and_a_refusal_void_every_yes(tmp_path: Path) -> None:
    async def scenario(rig: Rig) -> None:
        late, refused = await rig.hold(buy("0.01")), await rig.hold(buy("0.02"))
        for held in (late, refused):
            assert isinstance(await agree(rig, held, ALICE), Held)
        await rig.core.approvals.refuse(refused.record.request.request_id, BOB.name, "no")
        rig.clock.advance(120)
        rig.quote()
        await rig.core.beat()
        for held in (late, refused):
            assert codes(await agree(rig, held, CAROL)) == {Code.APPROVAL_MISMATCH}
        assert rig.held("BTC") == 0

    play(tmp_path, scenario, TWO)


def test_three_must_agree_where_three_were_asked_for_also_once_two_would_do(tmp_path: Path) -> None:
    async def scenario(rig: Rig) -> None:
        held = await rig.hold(buy("0.01"))
        loosened = await rig.core.limit_book.loosen("approval.people_min", "2", ALICE, "totp", "fewer")
        for person in (BOB, CAROL):
            await rig.core.limit_book.confirm(loosened.change_id, person, "totp")
        rig.clock.advance(600)
        await rig.core.beat()
        assert rig.core.limits.approval_people_min == 2
        rig.quote()
        assert isinstance(await agree(rig, held, ALICE), Held)
        assert isinstance(await agree(rig, held, BOB), Held)
        assert isinstance(await agree(rig, held, CAROL), Placed)

    play(tmp_path, scenario, EACH + "people_min = 3\nproposal_ttl_sec = 3600\n")


def test_a_yes_from_before_a_restart_counts_and_the_last_one_runs_the_pipeline_again(tmp_path: Path) -> None:
    async def lives() -> None:
        async with open_rig(tmp_path, TWO) as rig:
            rig.quote()
            await rig.fund()
            held, stale = await rig.hold(buy("0.01")), await rig.hold(buy("0.02"))
            assert isinstance(await agree(rig, held, ALICE), Held)
            assert isinstance(await agree(rig, stale, ALICE), Held)
        async with open_rig(tmp_path, TWO, clock=rig.clock) as rig:
            rig.quote()
            assert "agreed already" in str(await agree(rig, held, ALICE, rig.core.approvals._token(held.record, ALICE)))
            assert isinstance(await agree(rig, held, BOB), Placed)
            rig.clock.advance(31)
            assert Code.QUOTE_STALE in codes(await agree(rig, stale, BOB))
            assert rig.held("BTC") == Decimal("0.01")

    asyncio.run(lives())


def test_a_full_disk_during_an_approval_is_said_and_nothing_is_sent_or_lost(tmp_path: Path) -> None:
    async def lives() -> None:
        async with open_rig(tmp_path, TWO, wrap=Watched) as rig:
            rig.quote()
            await rig.fund()
            held = await rig.hold(buy("0.01"))
            assert isinstance(await agree(rig, held, ALICE), Held)
            rig.core.journal.failed = "disk full"
            outcome = await agree(rig, held, BOB)
            assert codes(outcome) == {Code.JOURNAL_UNAVAILABLE}
            assert isinstance(rig.port, Watched)
            assert rig.port.sent == []
        async with open_rig(tmp_path, TWO, clock=rig.clock) as rig:
            rig.quote()
            record = rig.core.state.proposals[held.record.request.request_id]
            assert [yes.by for yes in record.given] == [ALICE.name]
            assert isinstance(await agree(rig, held, BOB), Placed)

    asyncio.run(lives())


def test_a_proposal_shows_every_limit_before_and_after_as_the_pipeline_counts_it(tmp_path: Path) -> None:
    async def scenario(rig: Rig) -> None:
        assert isinstance(await approve(rig, await rig.hold(buy("0.1"))), Placed)
        rig.clock.advance(1)
        rig.quote()
        held = await rig.hold(buy("0.2"))
        shown = rig.core.approvals.show(held.record.request.request_id, OPERATOR)
        assert shown is not None
        uses = {use.level.name: use for use in shown.look.usages}
        terms = held.record.proposal.terms
        position = uses["position BTC"]
        assert (position.before, position.after) == (Decimal("0.1") * 50005, Decimal("0.1") * 50005 + terms.notional)
        assert uses["balance USDT"].after == uses["balance USDT"].before + terms.pay.value
        assert uses["open orders"].after == uses["open orders"].before + 1
        assert uses["turnover local"].after - uses["turnover local"].before == terms.notional
        assert {"exposure", "value of open orders", "daily loss", "drawdown"} <= uses.keys()
        assert shown.fee_max.value == terms.notional * Decimal("0.002")
        gauges = {use.level.name: use for use in rig.core.desk.gauges()}
        for name in gauges.keys() & uses.keys():
            assert gauges[name].level == uses[name].level, name
        assert {"exposure", "position BTC", "open orders", "turnover local"} <= gauges.keys() & uses.keys()

    play(tmp_path, scenario, EACH)
