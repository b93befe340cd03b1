"""The journal's lines: each kind of entry is told in words of its own."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal

import pytest
from readytrader_sdk.instruments import Asset, VenueId
from readytrader_sdk.orders import ClientOrderId, ExecutionReport, OrderState
from readytrader_sdk.ports import KeyRights

from appliance.domain.events import (
    KIND_OF,
    DriftFound,
    Event,
    KeyRightsSeen,
    OperatorChange,
    OperatorChanged,
    OrderReported,
    ReportSource,
    TradingStateSet,
    VenueChanged,
)
from appliance.domain.limit_changes import ChangeState, LimitChange, LooseningAsked
from appliance.domain.operators import Role
from appliance.domain.snapshot import Mode
from appliance.domain.trading_state import Scope, ScopeState, TradingState
from appliance.service.journal_words import line_of

NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)
KRAKEN = VenueId("kraken")
LOOSENING = LimitChange(
    change_id="lc1",
    setting="limits.position_max_pct",
    before="4",
    value="5",
    configured="5",
    mode=Mode.PAPER,
    tightens=False,
    reason="calm is over",
    asked_by="operator:ann",
    asked_at=NOON,
    due_at=NOON,
    people_min=1,
    state=ChangeState.PENDING,
)


def narrowed(scope: str) -> TradingStateSet:
    state = ScopeState(scope=Scope(scope), state=TradingState.REDUCE_ONLY, by="core", reason="why", since=NOON)
    return TradingStateSet(scope_state=state)


def ended(reason: str) -> OrderReported:
    report = ExecutionReport(
        client_order_id=ClientOrderId("o1"), state=OrderState.CANCELLED, reported_at=NOON, reason=reason
    )
    return OrderReported(report=report, source=ReportSource.VENUE)


SAID: list[tuple[Event, str]] = [
    (
        OperatorChanged(username="bob", change=OperatorChange.ADDED, by="operator:ann", role=Role.VIEWER),
        "operator bob added by operator:ann, with role viewer",
    ),
    (
        LooseningAsked(change=LOOSENING),
        (
            "limits.position_max_pct will be loosened from 4 to 5 at 2026-01-01 12:00:00 UTC, "
            "as operator:ann asked in change lc1: calm is over"
        ),
    ),
    (
        DriftFound(account="kraken", asset=Asset("BTC"), expected=Decimal(1), found=Decimal("0.9")),
        "kraken holds 0.9 BTC, and the journal says 1",
    ),
    (VenueChanged(venue=KRAKEN, problem=None), "kraken is fit for orders"),
    (narrowed("global"), "all trading is reduce only, by core: why"),
    (narrowed("symbol:SOL/USDT"), "SOL/USDT is reduce only, by core: why"),
    (narrowed("agent:scout"), "agent scout is reduce only, by core: why"),
    (ended("requested"), "order o1 cancelled, says venue: it was asked for"),
    (ended("post_only_would_take"), "order o1 cancelled, says venue: post only would take"),
    (ended("Order not_found"), "order o1 cancelled, says venue: Order not_found"),
    (
        KeyRightsSeen(
            venue=KRAKEN, rights=KeyRights(can_trade=True, can_withdraw=False), accepted=(), accepted_by="operator:ann"
        ),
        "the key for kraken may trade, may not withdraw",
    ),
]


def test_no_kind_of_entry_is_told_as_a_list_of_its_fields() -> None:
    unsaid = [kind for event, kind in KIND_OF.items() if line_of.dispatch(event) is line_of.dispatch(object)]
    assert not unsaid


def test_every_change_of_an_account_has_its_word() -> None:
    for change in OperatorChange:
        assert line_of(OperatorChanged(username="bob", change=change, by="ann", role=Role.VIEWER))


@pytest.mark.parametrize(("event", "line"), SAID, ids=[KIND_OF[type(event)] for event, _ in SAID])
def test_an_entry_reads_as_a_sentence(event: Event, line: str) -> None:
    assert line_of(event) == line
