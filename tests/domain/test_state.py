"""The state is a fold of the journal: the same events, or the records that they touched, give the same state."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace
from readytrader_sdk.orders import TERMINAL_STATES, ClientOrderId, OrderState
from readytrader_sdk.ports import Severity

from appliance.domain import state as state_module
from appliance.domain.agents import Agent, AgentScope
from appliance.domain.decision import Proposal
from appliance.domain.events import (
    KIND_OF,
    KINDS,
    AgentAdded,
    AgentRevoked,
    ApprovalGiven,
    CoreStarted,
    CoreStopped,
    Event,
    NavMarked,
    OrderReported,
    ProposalDecided,
    ProposalMade,
    ProposalState,
    ReportSource,
    RequestDenied,
    TradingStateSet,
    decode_event,
)
from appliance.domain.intents import AgentId, Intent, OrderIntent, RequestId, digest
from appliance.domain.limit_changes import (
    ChangeState,
    LimitChange,
    LimitChangeEnded,
    LimitSet,
    LooseningAsked,
    LooseningConfirmed,
)
from appliance.domain.limits import ApprovalMode
from appliance.domain.notices import (
    GIVEN_UP_KEPT,
    NoticeDelivered,
    NoticeGivenUp,
    NoticeMade,
    NoticeResent,
    NoticeSeen,
)
from appliance.domain.orders import PAPER_ACCOUNT, ImpossibleReport, Order, apply_report
from appliance.domain.sameness import idempotency_id, shape_of
from appliance.domain.series import EquityMarked, EquityPoint
from appliance.domain.snapshot import Mode
from appliance.domain.state import RECORD_TYPES, Holding, State, Touched
from appliance.domain.told import DayTold, Insight, InsightPosted, Strategy, StrategySet
from appliance.domain.trading_state import GLOBAL, Scope, ScopeState, TradingState, strictest
from tests.domain.building import (
    DAY,
    MINUTE,
    D,
    fill,
    fresh_state,
    funds,
    order_permitted,
    report,
    reported,
)
from tests.pipeline.cases import (
    BTC,
    ETH,
    NOW,
    USDT,
    Situation,
    buy,
    denials,
    limits,
    request,
    sell,
    situation,
    transfer,
)

ALPHA = AgentId("alpha")
S = OrderState

AGENT = Agent(
    agent_id=ALPHA,
    scopes=frozenset({AgentScope.PAPER}),
    token_sha256="0" * 64,
    created_at=NOW,
    expires_at=NOW + 365 * DAY,
)


def proposed(order_id: str = "rt9", key: str | None = None) -> ProposalMade:
    asked = request(request_id=RequestId(order_id), idempotency_key=key)
    case = Situation(asked, situation().snapshot, limits(approval_mode=ApprovalMode.APPROVE_EACH))
    proposal = case.decide()
    assert isinstance(proposal, Proposal)
    return ProposalMade(request=asked, snapshot=case.snapshot, proposal=proposal)


def loosening(change_id: str, people_min: int = 1) -> LimitChange:
    return LimitChange(
        change_id=change_id, setting="limits.position_max_pct", before="20", value="30", configured="20",
        mode=Mode.PAPER, tightens=False, reason="more", asked_by="operator:a", asked_at=NOW, factor="totp",
        due_at=NOW + MINUTE, people_min=people_min, state=ChangeState.PENDING,
    )  # fmt: skip


def scope_set(state: TradingState, scope: Scope = GLOBAL) -> TradingStateSet:
    return TradingStateSet(scope_state=ScopeState(scope=scope, state=state, by="operator", reason="test", since=NOW))


def a_day() -> list[tuple[datetime, Event]]:
    """Every kind of event that the state takes in, in a plausible order."""
    marked = NavMarked(account=PAPER_ACCOUNT, day=NOW.date(), nav_day_open=D("0.99"), nav_peak=D("1.01"))
    events: list[Event] = [
        CoreStarted(version="1", mode=Mode.PAPER, configuration_digest="0", limits=limits()),
        AgentAdded(agent=AGENT, by="operator"),
        funds("10000", "10000"),
        funds("5", "500", asset=BTC),
        order_permitted(buy("2"), "rt1", key="k1"),
        reported(S.OPEN, order_id="rt1"),
        reported(S.PARTLY_FILLED, fill("a", "1", fee="0.1"), order_id="rt1"),
        order_permitted(sell("1"), "rt2", agent="beta"),
        reported(S.FILLED, fill("b", "1", "101", fee="0.001", fee_asset=BTC), order_id="rt2"),
        order_permitted(buy("3"), "rt3"),
        reported(S.REJECTED, order_id="rt3"),
        order_permitted(transfer("1"), "rt4"),
        reported(S.UNKNOWN, order_id="rt4"),
        proposed("rt9", key="k9"),
        ProposalDecided(request_id=RequestId("rt9"), state=ProposalState.REFUSED, by="operator", reason="no"),
        proposed("rt10"),
        ApprovalGiven(
            request_id=RequestId("rt10"), by="operator:a", factor="totp", intent_digest="0", price_worst=D(1)
        ),
        LooseningAsked(change=loosening("c1", people_min=2)),
        LooseningConfirmed(change_id="c1", by="operator:b", factor="totp"),
        LimitSet(change=loosening("c1", people_min=2), limits=limits(position_max_pct=D(30))),
        LooseningAsked(change=loosening("c2")),
        LimitChangeEnded(change_id="c2", state=ChangeState.WITHDRAWN, by="operator:b", reason="no"),
        LimitSet(change=loosening("c3"), limits=limits(position_max_pct=D(40))),
        scope_set(TradingState.REDUCE_ONLY),
        scope_set(TradingState.HALTED, Scope("venue:binance")),
        marked,
        reported(S.CANCELLED, order_id="rt1"),
        AgentRevoked(agent_id=ALPHA, by="operator"),
        noticed("n1", "phone", "mail"),
        NoticeDelivered(notice_id="n1", notifier="phone", attempts=1),
        noticed("n2", "phone", "mail"),
        NoticeDelivered(notice_id="n2", notifier="phone", attempts=1),
        NoticeGivenUp(notice_id="n2", notifier="mail", attempts=9, reason="x", subject="s", text="t"),
        noticed("n3", "phone"),
        NoticeDelivered(notice_id="n3", notifier="phone", attempts=2),
        noticed("n4", "phone"),
        NoticeGivenUp(notice_id="n4", notifier="phone", attempts=9, reason="x", subject="s", text="t"),
        NoticeResent(notice_id="n4", to=("phone",), by="ann"),
        noticed("n5", "phone"),
        NoticeGivenUp(notice_id="n5", notifier="phone", attempts=9, reason="x", subject="s", text="t"),
        NoticeSeen(notice_id="n5", by="ann"),
        CoreStopped(reason="stopped"),
        EquityMarked(
            point=EquityPoint(portfolio=PAPER_ACCOUNT, at=NOW, equity=D(9900), nav=D("0.99"), nav_peak=D("1.01"))
        ),
        InsightPosted(
            insight=Insight(
                insight_id="in1", symbol=buy().symbol, by="alpha", came_by="mcp", signal="bearish",
                confidence=D("0.7"), reasoning="so it seems", posted_at=NOW, expires_at=NOW + DAY,
            )
        ),
        StrategySet(strategy=Strategy(name="hold", by="operator", text="do little", symbols=(), posted_at=NOW)),
        DayTold(day=NOW.date(), text="quiet"),
    ]  # fmt: skip
    return [(NOW + n * MINUTE, event) for n, event in enumerate(events)]


def noticed(notice_id: str, *to: str) -> NoticeMade:
    return NoticeMade(
        notice_id=notice_id, about="drift.found", severity=Severity.CRITICAL, subject="s", text="t", to=to
    )  # fmt: skip


def told(events: list[tuple[datetime, Event]], state: State | None = None) -> tuple[State, list[Touched]]:
    state = state or fresh_state()
    touched = [record for at, event in events for record in state.apply(at, event)]
    return state, touched


def everything(state: State, now: datetime = NOW) -> dict[str, Any]:
    """All that anybody can ask the state."""
    agents = (ALPHA, AgentId("beta"))
    shapes = {order.shape for order in state.orders.values()}
    return {
        "orders": state.orders,
        "live": state.live_orders,
        "holdings": state.holdings,
        "held": dict(state.held(PAPER_ACCOUNT)),
        "agents": state.agents,
        "histories": state.histories,
        "proposals": state.proposals,
        "keys": state.keys,
        "scopes": state.scopes,
        "portfolios": state.portfolios,
        "notices": {it.notice_id: it for it in state.notices},
        "life": state.life,
        "limit changes": state.limits.changes,
        "limits": state.limits.in_force,
        "insights": list(state.kept.board.insights(now)),
        "strategies": state.kept.board.strategies(),
        "told": (state.kept.equity_at, state.kept.day_told),
        "turnover": [state.recent.turnover(agent, now + n * MINUTE) for n in (0, 30, 1445) for agent in agents],
        "repeated": {shape: state.recent.same_shape(ALPHA, shape, now) for shape in shapes},
    }


def test_the_same_events_give_the_same_state() -> None:
    assert everything(told(a_day())[0]) == everything(told(a_day())[0])


def test_events_read_back_from_the_journal_give_the_same_state() -> None:
    read = [
        (at, decode_event(KIND_OF[type(event)], msgspec.json.encode(event, order="deterministic")))
        for at, event in a_day()
    ]
    assert [event for _, event in read] == [event for _, event in a_day()]
    assert everything(told(read)[0]) == everything(told(a_day())[0])


@given(shuffled=st.randoms(use_true_random=False))
@settings(max_examples=30, deadline=None)
def test_the_last_record_of_each_thing_in_any_order_gives_the_same_state(shuffled: Any) -> None:
    """What a restart does: it loads records, not events."""
    state, touched = told(a_day())
    bodies = {(it.kind, it.id): (it, msgspec.json.encode(it.value)) for it in touched}
    records = list(bodies.values())
    shuffled.shuffle(records)
    loaded = fresh_state()
    for record, body in records:
        loaded.put(record._replace(value=msgspec.json.decode(body, type=RECORD_TYPES[record.kind])))
    assert everything(loaded) == everything(state)


def test_every_kind_of_record_is_touched_in_a_day_and_marked_live_while_it_matters() -> None:
    _, touched = told(a_day())
    assert {it.kind for it in touched} == set(RECORD_TYPES)
    last = {(it.kind, it.id): it.live for it in touched}
    assert {order_id: live for (kind, order_id), live in last.items() if kind == "order"} == {
        "rt1": False, "rt2": False, "rt3": False, "rt4": True,
    }  # fmt: skip
    assert (last["proposal", "rt9"], last["proposal", "rt10"]) == (False, True)
    notices = {notice_id: live for (kind, notice_id), live in last.items() if kind == "notice"}
    assert notices == {"n1": True, "n2": True, "n3": False, "n4": True, "n5": False}
    assert [last["limit_change", name] for name in ("c1", "c2", "c3")] == [False, False, True]


def test_of_one_limit_the_newest_change_holds_and_the_one_before_is_replaced() -> None:
    state, touched = told(a_day())
    last = {it.id: it.value for it in touched if isinstance(it.value, LimitChange)}
    assert [last[name].state for name in ("c1", "c2", "c3")] == ["replaced", "withdrawn", "in_force"]
    assert list(state.limits.changes) == ["c3"]
    assert state.limits.in_force is not None
    assert state.limits.in_force.limits.position_max_pct == 40


def test_what_is_only_written_down_changes_nothing() -> None:
    denied = situation(buy("1000"))
    decision = denied.decide()
    assert denials(decision)
    quiet: list[Event] = [
        CoreStopped(reason="the end of a start that nobody saw"),
        NoticeDelivered(notice_id="unknown", notifier="phone", attempts=1),
        RequestDenied(request=denied.request, snapshot=denied.snapshot, denied=decision),  # type: ignore[arg-type]
    ]
    state, touched = told([(NOW, event) for event in quiet])
    assert touched == []
    assert everything(state) == everything(fresh_state())


def test_of_the_notices_that_were_given_up_the_oldest_are_only_stored_when_there_are_too_many() -> None:
    events: list[Event] = []
    for number in range(GIVEN_UP_KEPT + 2):
        events.append(noticed(f"n{number}", "phone"))
        events.append(
            NoticeGivenUp(notice_id=f"n{number}", notifier="phone", attempts=1, reason="x", subject="s", text="t")
        )
    state, touched = told([(NOW, event) for event in events])
    assert [it.notice_id for it in state.notices] == [f"n{number}" for number in range(2, GIVEN_UP_KEPT + 2)]
    live = {it.id: it.live for it in touched}
    assert [live["n0"], live["n1"], live["n2"]] == [False, False, True]


def test_every_event_has_one_kind_and_every_kind_one_event() -> None:
    assert len(KIND_OF) == len(KINDS)
    assert set(KIND_OF) == set(Event.__args__)


def test_a_body_of_another_kind_is_refused() -> None:
    with pytest.raises(msgspec.ValidationError):
        decode_event("order.reported", msgspec.json.encode(funds("1", "1")))


# orders and money


def test_a_permitted_order_is_live_at_once_and_bound_to_its_key() -> None:
    state, touched = told([(NOW, order_permitted(buy("2"), "rt1", key="k1"))])
    assert set(state.live_orders) == {"rt1"}
    binding = state.keys[idempotency_id(ALPHA, "k1")]
    assert (binding.request_id, binding.intent_digest) == ("rt1", digest(buy("2")))
    assert [it.kind for it in touched] == ["order", "history", "key"]
    assert state.history(ALPHA).orders_total == 1
    assert state.history(ALPHA).traded == {"BTC/USDT"}


def test_a_report_that_cannot_be_changes_nothing() -> None:
    state, _ = told([(NOW, funds("1000", "1000")), (NOW, order_permitted(buy("2"), "rt1"))])
    before = msgspec.json.encode({"orders": list(state.orders.values()), "held": dict(state.held(PAPER_ACCOUNT))})
    for event in (reported(S.FILLED, fill("a", "3")), reported(S.FILLED, fill("a", "1"))):
        with pytest.raises(ImpossibleReport):
            state.apply(NOW, event)
    after = msgspec.json.encode({"orders": list(state.orders.values()), "held": dict(state.held(PAPER_ACCOUNT))})
    assert after == before


def test_a_fill_is_booked_whether_or_not_the_instrument_is_still_configured() -> None:
    state = State({}, DAY)
    told([(NOW, order_permitted(buy("2"), "rt1")), (NOW, reported(S.FILLED, fill("a", "2", "99")))], state)
    assert dict(state.held(PAPER_ACCOUNT)) == {BTC: D(2), USDT: D(-198)}


def test_a_report_seen_before_touches_nothing() -> None:
    state, _ = told([(NOW, order_permitted(buy("2"), "rt1")), (NOW, reported(S.PARTLY_FILLED, fill("a", "1")))])
    assert state.apply(NOW, reported(S.PARTLY_FILLED, fill("a", "1"))) == []
    assert state.apply(NOW, reported(S.OPEN)) == []


def test_ended_orders_and_old_keys_leave_memory_and_live_ones_stay(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(state_module, "ENDED_KEPT", 3)
    state = fresh_state()
    state.apply(NOW, order_permitted(buy("2"), "live"))
    for n in range(6):
        state.apply(NOW, order_permitted(buy("2"), f"o{n}", key=f"k{n}"))
        for late in ("a", "b", "c"):
            state.apply(NOW, reported(S.CANCELLED, fill(late, "0.1"), order_id=f"o{n}"))
    assert set(state.orders) == {"live", "o3", "o4", "o5"}
    booked = [set(state.fills.of(ClientOrderId(f"o{n}"))) for n in range(6)]
    assert booked == [set()] * 3 + [{"a", "b", "c"}] * 3
    assert set(state.live_orders) == {"live"}
    assert set(state.keys) == {idempotency_id(ALPHA, f"k{n}") for n in (3, 4, 5)}


def test_old_decided_proposals_leave_memory_and_pending_ones_stay(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(state_module, "DECIDED_KEPT", 2)
    state = fresh_state()
    state.apply(NOW, proposed("waits"))
    for n in range(4):
        state.apply(NOW, proposed(f"p{n}"))
        refused = ProposalDecided(
            request_id=RequestId(f"p{n}"), state=ProposalState.REFUSED, by="operator", reason="no"
        )
        state.apply(NOW, refused)
    assert set(state.proposals) == {"waits", "p2", "p3"}


@st.composite
def fills_of(draw: st.DrawFn, order: Order) -> list[Event]:
    """Reports that fill an order in parts, some of them twice."""
    events: list[Event] = []
    left, n = order.quantity, 0
    while left and draw(st.booleans()):
        n += 1
        part = min(left, draw(st.sampled_from([D("0.25"), D("0.5"), D(1)])))
        left -= part
        price, fee = draw(st.decimals("1", "999", places=2)), draw(st.decimals("-1", "1", places=6))
        execution = fill(
            f"{order.client_order_id}-{n}", str(part), str(price), str(fee), draw(st.sampled_from([BTC, USDT]))
        )
        state = S.PARTLY_FILLED if left else S.FILLED
        event = OrderReported(
            report=report(state, execution, order_id=order.client_order_id), source=ReportSource.VENUE
        )
        events += [event] * draw(st.integers(1, 2))
    return events


@given(data=st.data())
@settings(max_examples=100, deadline=None)
def test_what_is_held_is_what_was_put_in_and_what_the_fills_moved(data: st.DataObject) -> None:
    state, _ = told([(NOW, funds("10000", "10000")), (NOW, funds("9", "900", asset=BTC))])
    seen: dict[str, Any] = {}
    for n in range(3):
        intent = data.draw(st.sampled_from([buy("2"), sell("2")]))
        state.apply(NOW, order_permitted(intent, f"o{n}"))
        for event in data.draw(fills_of(state.orders[ClientOrderId(f"o{n}")])):
            assert isinstance(event, OrderReported)
            state.apply(NOW, event)
            seen |= {it.fill_id: (intent, it) for it in event.report.fills}
    base, quote = D(9), D(10_000)
    for intent, it in seen.values():
        sign = 1 if intent == buy("2") else -1
        base += sign * it.quantity - (it.fee if it.fee_asset == BTC else 0)
        quote -= sign * it.quantity * it.price + (it.fee if it.fee_asset == USDT else 0)
    assert (state.holding(PAPER_ACCOUNT, BTC), state.holding(PAPER_ACCOUNT, USDT)) == (base, quote)
    for order in state.orders.values():
        assert order.fees.get(USDT, D(0)) == sum(
            (
                it.fee
                for _, it in seen.values()
                if it.fee_asset == USDT and it.fill_id.startswith(order.client_order_id)
            ),
            D(0),
        )


def test_holdings_of_one_account_are_not_those_of_another() -> None:
    state = fresh_state()
    state.put(Touched("holding", "x/BTC", True, NOW, Holding(account="x", asset=BTC, total=D(1))))
    assert state.holding("x", BTC) == 1
    assert state.holding(PAPER_ACCOUNT, BTC) == 0
    assert list(state.held(PAPER_ACCOUNT)) == []


# what makes two requests the same


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        (buy("1"), buy("1.000"), True),
        (buy("1", "100"), buy("1", "100.00"), True),
        (buy("1"), buy("1", expires_at=NOW), True),
        (transfer(to_address="0xAB"), transfer(to_address="0xab"), True),
        (buy("1"), buy("1.001"), False),
        (buy("1"), sell("1"), False),
        (buy("1", "100"), buy("1", "101"), False),
        (buy("1"), buy("1", replaces=ClientOrderId("rt0")), False),
        (transfer("1"), transfer("2"), False),
    ],
)
def test_two_requests_are_the_same_when_they_ask_for_the_same(one: Intent, other: Intent, same: bool) -> None:
    assert (shape_of(one) == shape_of(other)) is same


def test_any_other_field_of_an_order_makes_it_another() -> None:
    other: dict[str, Any] = {
        "venue": "kraken", "symbol": "ETH/USDT", "side": "sell", "quantity": D(9), "order_type": "stop_limit",
        "limit_price": D(9), "stop_price": D(9), "time_in_force": "ioc", "post_only": True, "market_type": "swap",
        "replaces": "rt0",
    }  # fmt: skip
    assert set(other) | {"expires_at"} == set(OrderIntent.__struct_fields__)
    shapes = {shape_of(replace(buy(), **{field: value})) for field, value in other.items()}
    assert len(shapes | {shape_of(buy())}) == len(other) + 1


# people and states


def test_a_decided_proposal_keeps_who_decided_and_why() -> None:
    made = proposed()
    decided = ProposalDecided(
        request_id=made.request.request_id, state=ProposalState.APPROVED, by="operator", reason="looks right"
    )
    state, touched = told([(NOW, made), (NOW + MINUTE, decided)])
    record = state.proposals[made.request.request_id]
    assert (record.state, record.decided_by, record.reason) == (ProposalState.APPROVED, "operator", "looks right")
    assert (record.made_at, record.decided_at) == (NOW, NOW + MINUTE)
    assert [it.live for it in touched] == [True, False]


def test_a_revoked_agent_stays_known_as_revoked() -> None:
    events: list[Event] = [AgentAdded(agent=AGENT, by="operator"), AgentRevoked(agent_id=ALPHA, by="operator")]
    state, _ = told([(NOW, event) for event in events])
    assert state.agents[ALPHA] == replace(AGENT, revoked_at=NOW)


def test_the_strictest_state_wins_and_none_means_active() -> None:
    states = [scope_set(state, Scope(state)).scope_state for state in TradingState]
    assert strictest([]) is None
    for n, scope_state in enumerate(states):
        assert strictest(reversed(states[: n + 1])) == scope_state


def test_every_end_of_an_order_takes_it_out_of_the_live_ones() -> None:
    for state in TERMINAL_STATES:
        fold, _ = told([(NOW, order_permitted(buy("2"), "rt1"))])
        fills = [fill("a", "2")] if state is S.FILLED else []
        fold.apply(NOW + timedelta(seconds=1), reported(state, *fills))
        assert not fold.live_orders
        assert fold.orders[ClientOrderId("rt1")].state is state


def test_the_fold_uses_the_same_machine_as_the_order() -> None:
    state, _ = told([(NOW, order_permitted(buy("2"), "rt1"))])
    word = report(S.PARTLY_FILLED, fill("a", "1"))
    expected, _ = apply_report(state.orders[ClientOrderId("rt1")], word, ())
    state.apply(NOW, OrderReported(report=word, source=ReportSource.VENUE))
    assert state.orders[ClientOrderId("rt1")] == expected
    assert ETH not in dict(state.held(PAPER_ACCOUNT))
