"""Tightening a limit never lets more through, whichever limit it is."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from typing import Any, NamedTuple

import msgspec
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from appliance.domain.decision import Permitted
from appliance.domain.intents import Intent, OrderIntent
from appliance.domain.limits import ApprovalMode, Limits
from tests.pipeline.cases import (
    BTC,
    ETH,
    FRIEND,
    SECOND,
    STRANGER,
    D,
    Situation,
    buy,
    limits,
    request,
    situation,
    transfer,
)
from tests.pipeline.strategies import decimals, intents, permissive, snapshots


class Tightening(NamedTuple):
    """How to draw a value of a field, and whether the first of two values allows at most what the second does."""

    values: st.SearchStrategy[Any]
    is_tighter: Callable[[Any, Any], bool]


def smaller(tight: Any, loose: Any) -> bool:
    return bool(tight <= loose)


def larger(tight: Any, loose: Any) -> bool:
    return bool(tight >= loose)


def none_is_off(order: Callable[[Any, Any], bool]) -> Callable[[Any, Any], bool]:
    return lambda tight, loose: loose is None or (tight is not None and order(tight, loose))


def subset(tight: Any, loose: Any) -> bool:
    return loose is None or (tight is not None and tight <= loose)


def caps(tight: dict[Any, Any], loose: dict[Any, Any]) -> bool:
    return all(asset in tight and tight[asset] <= cap for asset, cap in loose.items())


def allowed(*members: Any) -> st.SearchStrategy[Any]:
    return st.none() | st.frozensets(st.sampled_from(members))


PERCENT = decimals("0", "150", 1)
AMOUNT = decimals("0", "20000", 2)
DIRECTIONS: dict[str, Tightening] = {
    "position_max_pct": Tightening(PERCENT, smaller),
    "exposure_max_pct": Tightening(PERCENT, smaller),
    "daily_loss_max_pct": Tightening(PERCENT, smaller),
    "drawdown_max_pct": Tightening(PERCENT, smaller),
    "notional_order_max": Tightening(st.none() | AMOUNT, none_is_off(smaller)),
    "notional_cex_order_max": Tightening(st.none() | AMOUNT, none_is_off(smaller)),
    "quantity_order_max": Tightening(st.dictionaries(st.sampled_from([BTC, ETH]), decimals("0", "50", 3)), caps),
    "collar_hard_pct": Tightening(decimals("0", "20", 1), smaller),
    "collar_soft_pct": Tightening(st.none() | decimals("0", "20", 1), none_is_off(smaller)),
    "slippage_max_pct": Tightening(decimals("0", "20", 1), smaller),
    "spread_max_pct": Tightening(decimals("0", "3", 1), smaller),
    "depth_max_pct": Tightening(st.none() | PERCENT, none_is_off(smaller)),
    "fee_max_pct": Tightening(decimals("0", "5", 1), larger),
    "open_orders_max": Tightening(st.integers(0, 15), smaller),
    "open_notional_max_pct": Tightening(PERCENT, smaller),
    "turnover_max_pct": Tightening(PERCENT, smaller),
    "repeated_orders_max": Tightening(st.integers(1, 8), smaller),
    "quote_age_max": Tightening(st.integers(0, 9).map(lambda n: n * SECOND), smaller),
    "quote_sources_min": Tightening(st.integers(0, 4), larger),
    "clock_skew_max": Tightening(st.integers(0, 9).map(lambda n: n * SECOND), smaller),
    "sentiment_min": Tightening(st.none() | decimals("-1", "1", 1), none_is_off(larger)),
    "sentiment_age_max": Tightening(st.integers(0, 7200).map(lambda n: n * SECOND), smaller),
    "allow_exchanges": Tightening(allowed("binance", "kraken"), subset),
    "allow_symbols": Tightening(allowed("BTC/USDT", "ETH/USDT"), subset),
    "allow_market_types": Tightening(allowed("spot", "swap"), subset),
    "allow_tokens": Tightening(allowed("BTC", "USDT"), subset),
    "allow_chains": Tightening(allowed("ethereum", "base"), subset),
    "allow_to_addresses": Tightening(st.frozensets(st.sampled_from([FRIEND, STRANGER])), subset),
    "transfer_native_max": Tightening(
        st.none() | decimals("0", "20", 2), lambda tight, loose: (tight or D(0)) <= (loose or D(0))
    ),
    "approval_mode": Tightening(st.sampled_from(ApprovalMode), lambda tight, loose: tight != "auto" or loose == "auto"),
    "approval_notional_min": Tightening(st.none() | AMOUNT, none_is_off(smaller)),
    "approval_first_symbol": Tightening(st.booleans(), larger),
    "approval_first_orders": Tightening(st.integers(0, 200), larger),
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
    "duplicate_window": "shapes a fact: the duplicates",
    "repeated_window": "shapes a fact: the repetitions",
    "proposal_ttl": "how long a yes lasts, not what is a yes",
    "permit_ttl": "how long a yes lasts, not what is a yes",
}
PRICES_WITHOUT_A_LIMIT = {"collar_hard_pct", "slippage_max_pct"}
"""They also set the worst price of what has no limit price: a tighter collar makes such an order smaller at worst."""


def test_every_limit_has_a_direction_or_a_reason_for_none() -> None:
    fields = {field.name for field in msgspec.structs.fields(Limits)}
    assert set(DIRECTIONS) | set(NEITHER) == fields
    assert not set(DIRECTIONS) & set(NEITHER)


def sets_the_price(field: str, intent: Intent) -> bool:
    has_limit = isinstance(intent, OrderIntent) and intent.limit_price is not None
    return field in PRICES_WITHOUT_A_LIMIT and not has_limit


@st.composite
def tight_and_loose(draw: st.DrawFn) -> tuple[Situation, Limits]:
    """A situation under tight limits, and the looser ones: a few fields differ, each in its own direction."""
    case = draw(permissive())
    loose = limits(**{field: getattr(case.limits, field) for field in ("notional_order_max", "quantity_order_max")})
    tight = loose
    for field in draw(st.lists(st.sampled_from(sorted(DIRECTIONS)), min_size=1, max_size=4, unique=True)):
        if sets_the_price(field, case.request.intent):
            continue
        values, is_tighter = DIRECTIONS[field]
        one, other = draw(values), draw(values)
        if not is_tighter(one, other):
            one, other = other, one
        if is_tighter(one, other):
            tight, loose = replace(tight, **{field: one}), replace(loose, **{field: other})
    return case._replace(limits=tight), loose


@given(drawn=tight_and_loose())
@settings(max_examples=200, deadline=None)
def test_what_passes_under_tight_limits_passes_under_loose_ones(drawn: tuple[Situation, Limits]) -> None:
    tight, loose = drawn
    if isinstance(tight.decide(), Permitted):
        assert isinstance(tight._replace(limits=loose).decide(), Permitted)


@given(data=st.data(), field=st.sampled_from(sorted(set(DIRECTIONS) - PRICES_WITHOUT_A_LIMIT)))
@settings(max_examples=200, deadline=None)
def test_one_tighter_limit_alone_never_permits_more(data: st.DataObject, field: str) -> None:
    """From the round case, which passes: so most draws are permitted on one side or on both."""
    values, is_tighter = DIRECTIONS[field]
    intent = data.draw(st.sampled_from([buy(), buy("20"), transfer()]))
    one, other = data.draw(values), data.draw(values)
    if not is_tighter(one, other):
        one, other = other, one
    if is_tighter(one, other) and isinstance(situation(intent, limits_={field: one}).decide(), Permitted):
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
