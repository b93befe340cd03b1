"""`decide` asks every rule, gives the same answer to the same question, and touches nothing else."""

from __future__ import annotations

import ast
import decimal
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace
from readytrader_sdk.instruments import InstrumentStatus, MarketType
from readytrader_sdk.orders import ClientOrderId, OrderRequest, OrderType
from readytrader_sdk.ports import TransferRequest

import appliance.domain
import appliance.pipeline
from appliance.domain.codes import MEANINGS, Code
from appliance.domain.decision import Action, Decision, Denied, Permitted, Proposal
from appliance.domain.events import KIND_OF, OrderPermitted, ProposalMade, RequestDenied, decode_event
from appliance.domain.intents import Intent, Request, digest
from appliance.domain.limits import ApprovalMode, Limits
from appliance.domain.snapshot import ApprovalFacts, Mode, Snapshot, VenueFacts
from appliance.domain.trading_state import TradingState
from appliance.pipeline.case import figure
from appliance.pipeline.decide import decide
from tests.pipeline.cases import (
    BTC,
    NOW,
    SECOND,
    USDT,
    D,
    Situation,
    buy,
    codes,
    denials,
    limits,
    only,
    permitted,
    request,
    sell,
    situation,
    state_of,
    swap,
    transfer,
)
from tests.pipeline.strategies import situations

INTENTS: dict[str, Intent] = {
    "limit buy": buy(),
    "market buy": buy(limit_price=None),
    "sell": sell(),
    "swap in": swap(USDT, BTC, "500"),
    "swap out": swap(BTC, USDT, "1"),
    "transfer": transfer(),
}
every_intent = pytest.mark.parametrize("intent", INTENTS.values(), ids=INTENTS)


def hopeless() -> Situation:
    """A request that breaks as many rules as one request can."""
    return situation(
        buy("10000.0001", "120.001", market_type=MarketType.SWAP, expires_at=NOW),
        states=state_of(TradingState.HALTED),
        agent={
            "scopes": frozenset(), "symbols": frozenset(), "turnover": D(10**6), "duplicates": 1, "repeated": 9,
        },
        instrument={"status": InstrumentStatus.HALTED, "notional_min": D(10**9)},
        market={
            "bid": D(90), "ask": D(100), "age": 99 * SECOND, "clock_skew": 99 * SECOND, "sources": (), "ask_size": None,
        },
        account={"open_orders": 99, "open_notional": D(10**6), "exposure": D(10**6)},
        performance={"nav": D("0.1")},
        opposite_best=D(1),
        sentiment=D(-1),
        sentiment_at=NOW - timedelta(days=9),
        approval=ApprovalFacts(intent_digest="other", price_worst=D(1), operator="operator", approved_at=NOW),
        mode=Mode.LIVE,
        venue=VenueFacts(problem="not yet", clock_skew=99 * SECOND, unsettled=ClientOrderId("rt0")),
        limits_={"allow_exchanges": frozenset(), "allow_symbols": frozenset(), "allow_tokens": frozenset()},
    )  # fmt: skip


def test_a_request_that_breaks_many_rules_is_told_all_of_them_at_once() -> None:
    elsewhere = {code for code in Code if MEANINGS[code].rule in {"R41", "R45"}}
    elsewhere |= set(list(Code)[: list(Code).index(Code.SCOPE_MISSING)])  # refused before the pipeline is asked
    elsewhere |= {Code.INSTRUMENT_UNKNOWN, Code.QUOTE_MISSING, Code.EQUITY_UNKNOWN}
    elsewhere |= {Code.APPROVAL_REQUIRED, Code.CHECK_FAILED}
    assert codes(hopeless().decide()) == set(Code) - elsewhere


def test_the_order_of_refusals_is_the_order_of_the_tables() -> None:
    seen = [denial.code for denial in denials(hopeless().decide())]
    first = [Code.SCOPE_MISSING, Code.SYMBOL_NOT_ALLOWED, Code.LIVE_DISABLED, Code.TRADING_STATE, Code.VENUE_NOT_READY]
    assert seen[: len(first)] == first
    assert seen.index(Code.DAILY_LOSS) < seen.index(Code.NOTIONAL_ABOVE_MAX) < seen.index(Code.POSITION_ABOVE_MAX)


def test_a_refusal_says_what_was_seen_to_the_last_digit_that_can_be_asked_for() -> None:
    asked = transfer("2.000000000000000001")
    denial = only(denials(situation(asked).decide()))
    assert (denial.observed, denial.limit) == ("2.000000000000000001", "2")


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (D("1200.500"), "1200.5"),
        (D("1E+3"), "1000"),
        (D(2) / D(3), "0.666666666666666667"),
        (D("1E+999"), "1E+999"),
        (D("NaN"), "NaN"),
        (D("Infinity"), "Infinity"),
        (7, "7"),
    ],
)
def test_figures_are_plain(value: object, text: str) -> None:
    assert figure(value) == text


# the permit


@every_intent
def test_a_permit_is_bound_to_exactly_the_payload_that_will_be_sent(intent: Intent) -> None:
    decision = permitted(situation(intent).decide())
    permit, payload = decision.permit, decision.payload
    assert permit.payload_digest == digest(payload)
    assert payload.client_order_id == permit.request_id == "rt1"
    assert permit.issued_at == NOW
    assert permit.expires_at == NOW + limits().permit_ttl
    for field in msgspec.structs.fields(type(payload)):
        other = {"quantity": D(2), "amount": D(2), "price_worst": D(1)}.get(field.name)
        if other is not None:
            assert digest(replace(payload, **{field.name: other})) != permit.payload_digest


def test_the_payload_is_what_was_asked_and_no_more() -> None:
    payload = permitted(situation(buy("2", "99", post_only=True)).decide()).payload
    assert isinstance(payload, OrderRequest)
    assert (payload.quantity, payload.limit_price, payload.price_worst) == (D(2), D(99), D(99))
    assert payload.post_only
    sent = permitted(situation(transfer("1.5")).decide()).payload
    assert isinstance(sent, TransferRequest)
    assert (sent.amount, sent.to_address) == (D("1.5"), transfer().to_address)


def test_a_replacement_is_an_action_of_its_own_and_names_what_it_replaces() -> None:
    permit = permitted(situation(buy(replaces=ClientOrderId("rt0"))).decide()).permit
    assert (permit.action, permit.replaces) == (Action.REPLACE, "rt0")
    permit = permitted(situation(buy()).decide()).permit
    assert (permit.action, permit.replaces) == (Action.PLACE, None)


# approval


def asked(intent: Intent | None = None, *, agent: dict[str, Any] | None = None, **limits_: Any) -> Decision:
    return situation(intent, agent=agent or {}, limits_=limits_).decide()


@pytest.mark.parametrize(
    ("decision", "waits"),
    [
        (asked(), False),
        (asked(approval_mode=ApprovalMode.APPROVE_EACH), True),
        (asked(sell(), approval_mode=ApprovalMode.APPROVE_EACH), True),
        (asked(approval_notional_min=D(100)), True),
        (asked(approval_notional_min=D("100.01")), False),
        (asked(sell(), approval_notional_min=D(1)), False),
        (asked(agent={"first_symbol": True}, approval_first_symbol=True), True),
        (asked(agent={"first_symbol": False}, approval_first_symbol=True), False),
        (asked(agent={"first_symbol": True}), False),
        (asked(transfer(), agent={"first_symbol": True}, approval_first_symbol=True), True),
        (asked(transfer(), agent={"first_symbol": False}, approval_first_symbol=True), False),
        (asked(agent={"orders_total": 2}, approval_first_orders=3), True),
        (asked(agent={"orders_total": 3}, approval_first_orders=3), False),
        (asked(buy(limit_price="101"), collar_soft_pct=D(1)), False),
        (asked(buy(limit_price="101.01"), collar_soft_pct=D(1)), True),
    ],
)
def test_a_person_is_asked_where_the_operator_wants_it(decision: Decision, waits: bool) -> None:
    assert isinstance(decision, Proposal if waits else Permitted)


def test_a_person_is_never_asked_about_what_would_be_refused() -> None:
    decision = situation(
        buy("90"), agent={"first_symbol": True}, limits_={"approval_mode": ApprovalMode.APPROVE_EACH}
    ).decide()
    assert codes(decision) == {Code.NOTIONAL_ABOVE_MAX, Code.QUANTITY_ABOVE_MAX, Code.BALANCE_INSUFFICIENT}


def test_a_proposal_names_the_request_and_every_reason() -> None:
    decision = asked(
        agent={"first_symbol": True, "orders_total": 0},
        approval_first_symbol=True, approval_first_orders=1, approval_notional_min=D(1),
    )  # fmt: skip
    assert isinstance(decision, Proposal)
    assert len(decision.reasons) == 3
    assert decision.intent_digest == digest(request())
    assert decision.expires_at == NOW + limits().proposal_ttl


def approved(intent: Intent, price_worst: str = "105") -> dict[str, Any]:
    facts = ApprovalFacts(
        intent_digest=digest(request(intent)), price_worst=D(price_worst), operator="operator", approved_at=NOW
    )
    return {"approval": facts, "limits_": {"approval_mode": ApprovalMode.APPROVE_EACH}}


def test_an_approved_request_is_permitted_when_every_rule_still_passes() -> None:
    assert isinstance(situation(buy(), **approved(buy())).decide(), Permitted)
    assert codes(situation(buy(), **approved(buy()), states=state_of(TradingState.HALTED)).decide()) == {
        Code.TRADING_STATE
    }


@pytest.mark.parametrize(("side", "market", "edge"), [("buy", "110", "105"), ("sell", "90", "95")])
def test_the_market_may_move_after_an_approval_but_the_worst_price_does_not(side: str, market: str, edge: str) -> None:
    intent = (buy if side == "buy" else sell)(limit_price=None)
    facts = {"bid": D(market), "ask": D(market)}
    decision = permitted(situation(intent, market=facts, **approved(intent, edge)).decide())
    assert decision.terms.price_worst == D(edge)


# purity


@given(case=situations())
@settings(max_examples=100, deadline=None)
def test_the_same_question_has_the_same_answer_and_is_left_as_it_was(case: Situation) -> None:
    before = msgspec.json.encode(tuple(case))
    first = case.decide()
    assert msgspec.json.encode(tuple(case)) == before
    assert case.decide() == first


def test_the_answer_does_not_depend_on_the_callers_arithmetic() -> None:
    case = situation(
        buy("10.001"), account={"equity": D("10000.0000000000000001")}, limits_={"position_max_pct": D(20)}
    )
    with decimal.localcontext(decimal.Context(prec=3, traps=[])):
        coarse = case.decide()
        spoilt = situation(account={"equity": D("NaN")}).decide()
    assert coarse == case.decide()
    assert isinstance(coarse, Denied)
    assert Code.CHECK_FAILED in codes(spoilt)


def sources() -> Iterator[Path]:
    for package in (appliance.domain, appliance.pipeline):
        yield from Path(next(iter(package.__path__))).rglob("*.py")


def imported(path: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield node.module or "."


ALLOWED = {
    "__future__", "ast", "bisect", "collections", "collections.abc", "datetime", "decimal", "enum", "hashlib",
    "itertools", "re", "typing", "msgspec", "msgspec.structs",
}  # fmt: skip


@pytest.mark.parametrize("path", tuple(sources()), ids=lambda path: f"{path.parent.name}/{path.name}")
def test_domain_and_pipeline_import_no_clock_no_chance_and_no_world(path: Path) -> None:
    floors = ("readytrader_sdk.", "appliance.domain") + (("appliance.pipeline",) if "pipeline" in path.parts else ())
    foreign = {name for name in imported(path) if name not in ALLOWED and not name.startswith(floors)}
    assert not foreign


def calls(path: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Call) and isinstance(node.func, (ast.Attribute, ast.Name)):
            yield node.func.attr if isinstance(node.func, ast.Attribute) else node.func.id


@pytest.mark.parametrize("path", tuple(sources()), ids=lambda path: f"{path.parent.name}/{path.name}")
def test_domain_and_pipeline_ask_no_clock_and_open_no_file(path: Path) -> None:
    assert not {"now", "utcnow", "today", "open", "eval", "exec", "print", "float"} & set(calls(path))


def test_permits_are_made_in_one_place() -> None:
    root = Path(next(iter(appliance.pipeline.__path__))).parent
    makers = [path.relative_to(root).as_posix() for path in root.rglob("*.py") if "Permit" in calls(path)]
    assert makers == ["pipeline/decide.py"]


# the journal can be decided again


class Recorded(msgspec.Struct, frozen=True):
    request: Request
    snapshot: Snapshot
    limits: Limits
    decision: Decision


@given(case=situations(), approval_mode=st.sampled_from(ApprovalMode))
@settings(max_examples=150, deadline=None)
def test_a_decision_can_be_made_again_from_its_record(case: Situation, approval_mode: ApprovalMode) -> None:
    bounds = replace(case.limits, approval_mode=approval_mode)
    recorded = Recorded(case.request, case.snapshot, bounds, decide(case.request, case.snapshot, bounds))
    read = msgspec.json.decode(msgspec.json.encode(recorded, order="deterministic"), type=Recorded)
    assert read == recorded
    assert decide(read.request, read.snapshot, read.limits) == recorded.decision


@every_intent
def test_the_journals_entry_of_each_answer_says_the_same_when_read_again(intent: Intent) -> None:
    case = situation(intent, opposite_best=D(1_000_000), sentiment=None, sentiment_at=None)
    event: OrderPermitted | ProposalMade | RequestDenied
    for mode in ApprovalMode:
        for state in (TradingState.ACTIVE, TradingState.HALTED):
            facts = replace(case.snapshot, states=state_of(state), sentiment=D(0), sentiment_at=NOW)
            decision = decide(case.request, facts, limits(approval_mode=mode))
            if isinstance(decision, Permitted):
                event = OrderPermitted(request=case.request, snapshot=facts, permitted=decision)
            elif isinstance(decision, Proposal):
                event = ProposalMade(request=case.request, snapshot=facts, proposal=decision)
            else:
                event = RequestDenied(request=case.request, snapshot=facts, denied=decision)
            assert decode_event(KIND_OF[type(event)], msgspec.json.encode(event)) == event


def test_a_stop_order_is_priced_from_its_stop() -> None:
    stop = buy(order_type=OrderType.STOP, limit_price=None, stop_price=D(120))
    assert permitted(situation(stop).decide()).terms.price_worst == D(126)
    stop = sell(order_type=OrderType.STOP, limit_price=None, stop_price=D(80))
    assert permitted(situation(stop).decide()).terms.price_worst == D(76)
