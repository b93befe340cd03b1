"""The largest amount that a refusal names is the largest: it passes, and one step more does not."""

from __future__ import annotations

from decimal import Decimal

import pytest
from hypothesis import assume, given, settings
from msgspec.structs import replace
from readytrader_sdk.money import decimal_from_text, round_up, text_from_decimal

from appliance.domain.decision import Amount, Denied, Permitted
from appliance.domain.intents import Intent, OrderIntent, SwapIntent, TransferIntent
from tests.pipeline.cases import BTC, USDT, D, Situation, buy, codes, sell, situation, swap, transfer
from tests.pipeline.strategies import permissive


def of_amount(intent: Intent, amount: Decimal) -> Intent:
    """The same request for another amount, in the unit in which it is asked."""
    if isinstance(intent, OrderIntent):
        return replace(intent, quantity=amount)
    return replace(intent, amount=amount)


def amount_of(intent: Intent) -> Decimal:
    return intent.quantity if isinstance(intent, OrderIntent) else intent.amount


def least(case: Situation) -> Decimal:
    """The smallest amount that any request of this kind may have, and the step from one amount to the next."""
    intent, instrument, market = case.request.intent, case.snapshot.instrument, case.snapshot.market
    assert instrument is not None
    assert market is not None
    if isinstance(intent, TransferIntent):
        return D("1e-18")
    price = intent.limit_price if isinstance(intent, OrderIntent) and intent.limit_price is not None else market.bid
    quantity = round_up(max(instrument.quantity_min, instrument.notional_min / price), instrument.quantity_increment)
    return paid(case, quantity)


def step(case: Situation) -> Decimal:
    instrument = case.snapshot.instrument
    assert instrument is not None
    return D("1e-18") if isinstance(case.request.intent, TransferIntent) else paid(case, instrument.quantity_increment)


def paid(case: Situation, quantity: Decimal) -> Decimal:
    """What is asked for to trade that quantity: itself, or for a swap into the base what that costs at worst."""
    intent, instrument, market = case.request.intent, case.snapshot.instrument, case.snapshot.market
    assert instrument is not None
    assert market is not None
    if not isinstance(intent, SwapIntent) or intent.from_asset == instrument.base:
        return quantity
    edge = market.ask * (1 + case.limits.slippage_max_pct / 100)
    price = edge // instrument.price_increment * instrument.price_increment
    return round_up(quantity * price * (1 + case.limits.fee_max_pct / 100), D("1e-18"))


@given(case=permissive())
@settings(max_examples=150, deadline=None)
def test_the_largest_amount_passes_and_one_step_more_does_not(case: Situation) -> None:
    decision = case.decide()
    assume(isinstance(decision, Denied) and decision.amount_max is not None)
    assert isinstance(decision, Denied)
    assert decision.amount_max is not None
    largest, intent = decision.amount_max, case.request.intent
    assert decimal_from_text(text_from_decimal(largest.value)) == largest.value
    assert Decimal(0) <= largest.value < amount_of(intent)
    if largest.value:
        assert isinstance(case.asking(of_amount(intent, largest.value)).decide(), Permitted)
    beyond = max(largest.value + step(case), least(case))
    assert isinstance(case.asking(of_amount(intent, beyond)).decide(), Denied)


@given(case=permissive())
@settings(max_examples=60, deadline=None)
def test_a_refusal_over_size_alone_names_a_largest_amount_and_any_other_does_not(case: Situation) -> None:
    decision = case.decide()
    assume(isinstance(decision, Denied))
    assert isinstance(decision, Denied)
    sizes = {"QUANTITY_ABOVE_MAX", "NOTIONAL_ABOVE_MAX", "DEPTH_EXCEEDED", "BALANCE_INSUFFICIENT"}
    sizes |= {"TRANSFER_ABOVE_MAX", "POSITION_ABOVE_MAX", "EXPOSURE_ABOVE_MAX", "OPEN_NOTIONAL_ABOVE_MAX"}
    sizes |= {"TURNOVER_ABOVE_MAX"}
    assert (decision.amount_max is not None) == (codes(decision) <= sizes)


@pytest.mark.parametrize(
    ("intent", "largest"),
    [
        (buy("20"), Amount(value=D(10), asset=BTC)),
        (sell("20"), Amount(value=D(10), asset=BTC)),
        (buy("20", None), Amount(value=D("9.523"), asset=BTC)),  # 1000 / 105, at the collar's edge
        (swap(USDT, BTC, "5000"), Amount(value=D("1009.91415"), asset=USDT)),  # 9.523 × 105 × 1.01
        (swap(BTC, USDT, "20"), Amount(value=D(10), asset=BTC)),
        (transfer("20"), Amount(value=D(2), asset=BTC)),
    ],
    ids=["buy", "sell", "market buy", "swap into the base", "swap out of the base", "transfer"],
)
def test_the_largest_amount_is_in_the_unit_of_the_request(intent: Intent, largest: Amount) -> None:
    decision = situation(intent, limits_={"notional_order_max": D(1000)}).decide()
    assert isinstance(decision, Denied)
    assert decision.amount_max == largest


def test_where_not_even_the_smallest_order_fits_the_largest_amount_is_0() -> None:
    for intent in (buy(), buy(limit_price=None)):
        decision = situation(intent, instrument={"notional_min": D(50)}, limits_={"notional_order_max": D(49)}).decide()
        assert isinstance(decision, Denied)
        assert decision.amount_max == Amount(value=D(0), asset=BTC)


def test_a_market_sale_is_measured_against_the_venues_minimum_at_the_bid() -> None:
    """At the collar's edge (95) 0.1 BTC would fall short of the 10 USDT that the venue asks for."""
    case = situation(
        sell("1", None), instrument={"notional_min": D(10)}, account={"holding": {BTC: D("0.1"), USDT: D(0)}}
    )
    decision = case.decide()
    assert isinstance(decision, Denied)
    assert decision.amount_max == Amount(value=D("0.1"), asset=BTC)
    assert isinstance(case.asking(sell("0.1", None)).decide(), Permitted)


def test_a_transfers_largest_amount_is_never_rounded_up() -> None:
    """2 USDT are two thirds of a BTC at 3: the 18th digit is cut, not rounded."""
    case = situation(
        transfer("1"),
        account={"accounting_price": {BTC: D(3), USDT: D(1)}},
        limits_={"notional_order_max": D(2)},
    )
    decision = case.decide()
    assert isinstance(decision, Denied)
    assert decision.amount_max == Amount(value=D("0.666666666666666666"), asset=BTC)


def test_a_swap_for_exactly_the_largest_amount_buys_the_largest_quantity() -> None:
    """The product has more digits than can be asked for; cut instead of rounded up, it would buy one step less."""
    fine = D("0.00000001")
    case = situation(
        swap(USDT, BTC, "5000"),
        instrument={"quantity_increment": fine, "price_increment": fine},
        market={"bid": D("99.12345678"), "ask": D("99.12345678")},
        limits_={"notional_order_max": D(1000), "fee_max_pct": D("0.12345678")},
    )
    decision = case.decide()
    assert isinstance(decision, Denied)
    assert decision.amount_max is not None
    largest = decision.amount_max.value
    passed = case.asking(swap(USDT, BTC, str(largest))).decide()
    assert isinstance(passed, Permitted)
    assert passed.terms.notional <= 1000 < passed.terms.notional + fine * passed.terms.price_worst
    assert largest != passed.terms.pay.value
