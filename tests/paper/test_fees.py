"""Fees are exact over the whole order, rounded up once, and never more than was set aside."""

from __future__ import annotations

from decimal import Decimal

from hypothesis import given
from hypothesis import strategies as st
from readytrader_sdk.orders import Liquidity

from appliance.paper.fees import FEE_UNIT, FeeMeter, round_fee_up
from appliance.paper.settings import PaperSettings
from tests.paper.building import BTC, USDT, Desk

notionals = st.decimals(min_value="0.000000000000000000000001", max_value="1000000", places=24)
rates = st.decimals(min_value="0", max_value="0.01", places=6)


def test_a_fee_is_rounded_up_to_eighteen_decimals() -> None:
    assert round_fee_up(Decimal("0.0000000000000000010")) == Decimal("0.000000000000000001")
    assert round_fee_up(Decimal("0.0000000000000000011")) == Decimal("0.000000000000000002")


@given(st.lists(notionals, min_size=1, max_size=12), rates)
def test_an_order_in_parts_pays_what_it_would_have_paid_in_one(parts: list[Decimal], rate: Decimal) -> None:
    meter, whole = FeeMeter(), FeeMeter()
    paid = sum(meter.charge(part, rate) for part in parts)
    assert whole.charge(sum(parts, Decimal(0)), rate) - paid <= FEE_UNIT
    assert paid <= round_fee_up(sum(parts, Decimal(0)) * rate)


@given(st.lists(notionals, min_size=1, max_size=12), rates)
def test_no_fill_is_charged_more_than_was_still_due(parts: list[Decimal], rate: Decimal) -> None:
    meter, left = FeeMeter(), sum(parts, Decimal(0))
    due = meter.still_due(left, rate)
    for part in parts:
        fee = meter.charge(part, rate)
        left -= part
        assert 0 <= fee <= part
        assert meter.still_due(left, rate) + fee <= due
        due = meter.still_due(left, rate)


def test_a_buyer_pays_the_notional_and_the_fee_in_quote_units() -> None:
    desk = Desk(usdt="1000", btc="0", settings=PaperSettings(taker_fee_pct=Decimal("0.25")))
    desk.shows("99", "100")
    report = desk.buy("b", "2")
    assert (report.fills[0].fee, report.fills[0].fee_asset) == (Decimal("0.5"), USDT)
    assert report.fills[0].liquidity is Liquidity.TAKER
    assert desk.has(USDT) == ("799.5", "799.5")
    assert desk.has(BTC) == ("2", "2")


def test_a_seller_receives_the_notional_less_the_fee() -> None:
    desk = Desk(usdt="0", btc="2", settings=PaperSettings(taker_fee_pct=Decimal("0.25")))
    desk.shows("100", "101")
    report = desk.sell("s", "2")
    assert report.fills[0].fee_asset == USDT
    assert desk.has(USDT) == ("199.5", "199.5")
    assert desk.has(BTC) == ("0", "0")


def test_what_fills_while_resting_pays_the_maker_fee() -> None:
    settings = PaperSettings(maker_fee_pct=Decimal("0.1"), taker_fee_pct=Decimal("0.3"))
    desk = Desk(usdt="1000", btc="0", settings=settings)
    desk.shows("99", "100")
    desk.buy("b", "1", limit_price="98")
    (report,) = desk.shows("97", "98")
    assert report.fills[0].liquidity is Liquidity.MAKER
    assert report.fills[0].fee == Decimal("0.098")


def test_a_buy_locks_its_worst_case_at_the_taker_fee_to_the_last_digit() -> None:
    settings = PaperSettings(maker_fee_pct=Decimal(0), taker_fee_pct=Decimal(1))
    just_enough = Desk(usdt="101", btc="0", settings=settings)
    assert just_enough.buy("b", "1", limit_price="100").state == "open"
    assert just_enough.has(USDT) == ("101", "0")
    too_little = Desk(usdt="100.999999999999999999", btc="0", settings=settings)
    assert too_little.buy("b", "1", limit_price="100").reason == "insufficient_balance"
    assert too_little.has(USDT) == ("100.999999999999999999", "100.999999999999999999")
