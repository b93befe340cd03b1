"""Tightening a limit never lets more through, whichever limit it is."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import msgspec
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from appliance.domain.decision import Permitted
from appliance.domain.intents import Intent, OrderIntent
from appliance.domain.limits import ApprovalMode, Limits
from appliance.domain.tightness import FIXED, TIGHTER, allows_no_more, loosened
from tests.pipeline.cases import (
    BTC,
    ETH,
    FRIEND,
    SECOND,
    STRANGER,
    Situation,
    buy,
    limits,
    request,
    situation,
    transfer,
)
from tests.pipeline.strategies import decimals, intents, permissive, snapshots


def allowed(*members: Any) -> st.SearchStrategy[Any]:
    return st.none() | st.frozensets(st.sampled_from(members))


PERCENT = decimals("0", "150", 1)
AMOUNT = decimals("0", "20000", 2)
VALUES: dict[str, st.SearchStrategy[Any]] = {
    "position_max_pct": PERCENT,
    "exposure_max_pct": PERCENT,
    "daily_loss_max_pct": PERCENT,
    "drawdown_max_pct": PERCENT,
    "notional_order_max": st.none() | AMOUNT,
    "notional_cex_order_max": st.none() | AMOUNT,
    "quantity_order_max": st.dictionaries(st.sampled_from([BTC, ETH]), decimals("0", "50", 3)),
    "collar_hard_pct": decimals("0", "20", 1),
    "collar_soft_pct": st.none() | decimals("0", "20", 1),
    "slippage_max_pct": decimals("0", "20", 1),
    "spread_max_pct": decimals("0", "3", 1),
    "depth_max_pct": st.none() | PERCENT,
    "fee_max_pct": decimals("0", "5", 1),
    "open_orders_max": st.integers(0, 15),
    "open_notional_max_pct": PERCENT,
    "turnover_max_pct": PERCENT,
    "repeated_orders_max": st.integers(1, 8),
    "quote_age_max": st.integers(0, 9).map(lambda n: n * SECOND),
    "quote_sources_min": st.integers(0, 4),
    "clock_skew_max": st.integers(0, 9).map(lambda n: n * SECOND),
    "sentiment_min": st.none() | decimals("-1", "1", 1),
    "sentiment_age_max": st.integers(0, 7200).map(lambda n: n * SECOND),
    "allow_exchanges": allowed("binance", "kraken"),
    "allow_symbols": allowed("BTC/USDT", "ETH/USDT"),
    "allow_market_types": allowed("spot", "swap"),
    "allow_tokens": allowed("BTC", "USDT"),
    "allow_chains": allowed("ethereum", "base"),
    "allow_to_addresses": st.frozensets(st.sampled_from([FRIEND, STRANGER])),
    "transfer_native_max": st.none() | decimals("0", "20", 2),
    "approval_mode": st.sampled_from(ApprovalMode),
    "approval_notional_min": st.none() | AMOUNT,
    "approval_first_symbol": st.booleans(),
    "approval_first_orders": st.integers(0, 200),
    "approval_people_min": st.integers(1, 3),
}
NEITHER = {
    "accounting_asset": "the unit in which all the others are meant",
    "cash_assets": "says what an exit is: more of them makes more exits and fewer entries",
    "nav_jump_max_pct": "asked by the watchdog",
    "rejects_max": "asked by the watchdog",
    "rejects_window": "asked by the watchdog",
    "drift_max_pct": "asked by reconciliation",
    "foreign_orders_max": "asked by reconciliation",
    "data_loss_max": "asked by the watchdog",
    "turnover_window": "shapes a fact: the turnover",
    "loosening_delay": "how long a change waits, not what is a yes",
    "duplicate_window": "shapes a fact: the duplicates",
    "repeated_window": "shapes a fact: the repetitions",
    "proposal_ttl": "how long a yes lasts, not what is a yes",
    "permit_ttl": "how long a yes lasts, not what is a yes",
}
PRICES_WITHOUT_A_LIMIT = {"collar_hard_pct", "slippage_max_pct"}
"""They also set the worst price of what has no limit price: a tighter collar makes such an order smaller at worst."""


def test_every_limit_has_a_direction_or_a_reason_for_none() -> None:
    fields = {field.name for field in msgspec.structs.fields(Limits)}
    assert set(TIGHTER) | set(FIXED) == fields
    assert not set(TIGHTER) & set(FIXED)


def test_every_limit_that_decide_asks_is_drawn_below() -> None:
    fields = {field.name for field in msgspec.structs.fields(Limits)}
    assert set(VALUES) | set(NEITHER) == fields
    assert not set(VALUES) & set(NEITHER)


@given(data=st.data(), field=st.sampled_from(sorted(VALUES)))
def test_of_two_values_each_way_round_only_equal_ones_allow_no_more(data: st.DataObject, field: str) -> None:
    if field not in TIGHTER:
        return
    one, other = data.draw(VALUES[field]), data.draw(VALUES[field])
    assert allows_no_more(field, one, one)
    if allows_no_more(field, one, other) and allows_no_more(field, other, one):
        assert one == other
    both = limits(**{field: other}), limits(**{field: one})
    assert (loosened(*both) == ()) is allows_no_more(field, one, other)


def is_tighter(field: str, one: Any, other: Any) -> bool:
    """As the table says; what has no direction at run time has the one of its nature here."""
    return bool(one <= other) if field in FIXED else allows_no_more(field, one, other)


def sets_the_price(field: str, intent: Intent) -> bool:
    has_limit = isinstance(intent, OrderIntent) and intent.limit_price is not None
    return field in PRICES_WITHOUT_A_LIMIT and not has_limit


@st.composite
def tight_and_loose(draw: st.DrawFn) -> tuple[Situation, Limits]:
    """A situation under tight limits, and the looser ones: a few fields differ, each in its own direction."""
    case = draw(permissive())
    loose = limits(**{field: getattr(case.limits, field) for field in ("notional_order_max", "quantity_order_max")})
    tight = loose
    for field in draw(st.lists(st.sampled_from(sorted(VALUES)), min_size=1, max_size=4, unique=True)):
        if sets_the_price(field, case.request.intent):
            continue
        one, other = draw(VALUES[field]), draw(VALUES[field])
        if not is_tighter(field, one, other):
            one, other = other, one
        if is_tighter(field, one, other):
            tight, loose = replace(tight, **{field: one}), replace(loose, **{field: other})
    return case._replace(limits=tight), loose


@given(drawn=tight_and_loose())
@settings(max_examples=200, deadline=None)
def test_what_passes_under_tight_limits_passes_under_loose_ones(drawn: tuple[Situation, Limits]) -> None:
    tight, loose = drawn
    if isinstance(tight.decide(), Permitted):
        assert isinstance(tight._replace(limits=loose).decide(), Permitted)


@given(data=st.data(), field=st.sampled_from(sorted(set(VALUES) - PRICES_WITHOUT_A_LIMIT)))
@settings(max_examples=200, deadline=None)
def test_one_tighter_limit_alone_never_permits_more(data: st.DataObject, field: str) -> None:
    """From the round case, which passes: so most draws are permitted on one side or on both."""
    intent = data.draw(st.sampled_from([buy(), buy("20"), transfer()]))
    one, other = data.draw(VALUES[field]), data.draw(VALUES[field])
    if not is_tighter(field, one, other):
        one, other = other, one
    if is_tighter(field, one, other) and isinstance(situation(intent, limits_={field: one}).decide(), Permitted):
        assert isinstance(situation(intent, limits_={field: other}).decide(), Permitted)


@given(data=st.data())
@settings(max_examples=100, deadline=None)
def test_nothing_permitted_exceeds_a_cap(data: st.DataObject) -> None:
    case = data.draw(permissive())
    decision = case.decide()
    if not isinstance(decision, Permitted):
        return
    terms, bounds, account = decision.terms, case.limits, case.snapshot.account
    intent = case.request.intent
    assert account.equity is not None
    for cap in (bounds.notional_order_max, bounds.notional_cex_order_max if isinstance(intent, OrderIntent) else None):
        assert cap is None or terms.notional <= cap
    free = account.holding[terms.pay.asset] - account.reserved.get(terms.pay.asset, Decimal(0))
    assert terms.pay.value <= free
    if not terms.reduces:
        assert account.open_notional + terms.notional <= account.equity * bounds.open_notional_max_pct / 100
        assert case.snapshot.agent.turnover + terms.notional <= account.equity * bounds.turnover_max_pct / 100
    if terms.receive is not None and terms.receive.asset == BTC:
        held = account.holding[BTC] + account.incoming.get(BTC, Decimal(0))
        after = held * account.accounting_price[BTC] + terms.notional
        assert after <= account.equity * bounds.position_max_pct / 100


@given(data=st.data())
@settings(max_examples=60, deadline=None)
def test_whatever_is_asked_in_whatever_market_is_answered(data: st.DataObject) -> None:
    facts = data.draw(snapshots())
    case = Situation(request(data.draw(intents(facts))), facts, limits())
    decision = case.decide()
    assert decision.__class__.__name__ in {"Permitted", "Proposal", "Denied"}
