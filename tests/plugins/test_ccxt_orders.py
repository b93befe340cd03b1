"""From the core's order to the venue's: names, symbols, units, prices and what is refused before it is sent."""

from __future__ import annotations

import re
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from readytrader_sdk.errors import Unavailable, Unsupported
from readytrader_sdk.instruments import InstrumentStatus, MarketType, Symbol
from readytrader_sdk.orders import ClientOrderId, OrderState, OrderType, Side, TimeInForce

from builtin_plugins.ccxt_exchange.amounts import (
    NotWhole,
    Unreadable,
    decimal_of,
    safe_price,
    safe_trigger,
    venue_quantity,
)
from builtin_plugins.ccxt_exchange.capabilities import CAUTIOUS, TABLE, capabilities_of
from builtin_plugins.ccxt_exchange.names import IdForm, our_id, wire_id
from builtin_plugins.ccxt_exchange.orders import Refused, outgoing
from builtin_plugins.ccxt_exchange.reports import fill_of, seen_of
from builtin_plugins.ccxt_exchange.symbols import DECIMAL_PLACES, TICK_SIZE, demanded, market_of, readable_markets
from tests.plugins.ccxt_ground import BTC, OURS, market, order, raw_market, raw_swap

PRICES = st.decimals(min_value="0.0001", max_value="1000000", places=6)
TICKS = st.sampled_from([Decimal(text) for text in ("0.00001", "0.01", "0.5", "0.25", "1", "5")])
BINANCE = TABLE["binance"]


@given(st.integers(min_value=0, max_value=(1 << 96) - 1))
def test_an_id_as_a_uuid_is_well_formed_and_comes_back(bits: int) -> None:
    ours = ClientOrderId(f"rt{bits:024x}")
    wire = wire_id(ours, IdForm.UUID)
    assert re.fullmatch(r"[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}", wire)
    assert our_id(wire, "V", IdForm.UUID) == ours


@pytest.mark.parametrize("wire", ["6d1b345e-2821-40e2-ad83-4ecb18a06876", "rt0", None, "", 5])
def test_somebody_elses_id_is_none_of_ours(wire: object) -> None:
    assert our_id(wire, "OABC-1", IdForm.UUID) == "venue:OABC-1"


@pytest.mark.parametrize("row", TABLE.values(), ids=lambda row: row.venue)
def test_our_ids_fit_every_venue(row: Any) -> None:
    wire = wire_id(OURS, row.id_form)
    longest = {"binance": 36, "kraken": 36, "coinbase": 128, "okx": 32, "bybit": 36}[row.venue]
    assert len(wire) <= longest
    if row.venue == "okx":
        assert wire.isalnum()
    assert our_id(wire, "V", row.id_form) == OURS


@pytest.mark.parametrize("text", ["", "rt-1", "a" * 33, "ümlaut"])
def test_an_id_that_a_venue_has_no_form_for_is_not_sent(text: str) -> None:
    for form in IdForm:
        with pytest.raises(Unsupported):
            wire_id(ClientOrderId(text), form)


def test_an_exchange_without_a_row_gets_the_cautious_one() -> None:
    assert capabilities_of("gate") is CAUTIOUS
    offered = (CAUTIOUS.stops, CAUTIOUS.post_only, CAUTIOUS.amend, CAUTIOUS.dead_man)
    assert not any(offered)


@given(PRICES, TICKS)
def test_a_buy_is_never_priced_above_and_a_sell_never_below_what_was_permitted(price: Decimal, tick: Decimal) -> None:
    bought, sold = safe_price(price, tick, Side.BUY), safe_price(price, tick, Side.SELL)
    assert price - tick < bought <= price
    assert price <= sold < price + tick
    assert safe_trigger(price, tick, Side.SELL) <= price <= safe_trigger(price, tick, Side.BUY)


@given(st.integers(min_value=1, max_value=10**9), st.sampled_from(["0.0001", "0.01", "1", "10"]))
def test_base_units_are_contracts_exactly_or_refused(count: int, size: str) -> None:
    quantity = count * Decimal(size)
    assert venue_quantity(quantity, Decimal(size), Decimal(1)) == str(count)
    with pytest.raises(NotWhole):
        venue_quantity(quantity + Decimal(size) / 2, Decimal(size), Decimal(1))


@pytest.mark.parametrize("value", [0.1, True, None, "", "NaN", "1_0", "0x1", "1,5", "Infinity", "1e9999", []])
def test_no_float_and_nothing_else_that_is_no_number_is_read(value: object) -> None:
    with pytest.raises(Unreadable):
        decimal_of(value, "it")


def test_a_spot_symbol_is_never_the_swap_of_the_same_name() -> None:
    found = {"spot": raw_market(), "swap": raw_swap()}
    spot = readable_markets(found, MarketType.SPOT, TICK_SIZE)
    swap = readable_markets(found, MarketType.SWAP, TICK_SIZE)
    assert (list(spot), list(swap)) == ([BTC], ["BTC/USDT:USDT"])
    with pytest.raises(Unsupported):
        demanded(swap, BTC, MarketType.SWAP)
    with pytest.raises(Unavailable):
        demanded({}, BTC, MarketType.SPOT)


@pytest.mark.parametrize(
    "raw",
    [
        raw_swap(linear=False, inverse=True),
        raw_market(type="margin"),
        raw_market(spot=False),
        raw_market(symbol="BTC/USDT:USDT"),
    ],
)
def test_what_is_not_plainly_of_the_type_is_no_market(raw: dict[str, Any]) -> None:
    assert market_of(raw, MarketType(raw["type"]) if raw["type"] != "margin" else MarketType.SPOT, TICK_SIZE) is None


def test_a_contracts_rules_are_told_in_base_units() -> None:
    rules = market(raw_swap(), MarketType.SWAP).instrument
    assert (rules.quantity_increment, rules.quantity_min) == (Decimal("0.001"), Decimal("0.001"))


def test_places_after_the_point_are_an_increment() -> None:
    found = market_of(raw_market(precision={"amount": 5, "price": "2"}), MarketType.SPOT, DECIMAL_PLACES)
    assert found is not None
    assert (found.quantity_step, found.instrument.price_increment) == (Decimal("0.00001"), Decimal("0.01"))


def test_a_market_whose_rules_cannot_be_read_is_left_out() -> None:
    assert readable_markets({"x": raw_market(precision={"amount": None, "price": "0.01"})}, MarketType.SPOT, 4) == {}
    assert readable_markets({"x": raw_market()}, MarketType.SPOT, 3) == {}


def test_a_market_order_is_an_immediate_limit_at_its_worst_price() -> None:
    asked = order(order_type=OrderType.MARKET, limit_price=None, price_worst=Decimal("65100.009"))
    out = outgoing(asked, market(), "x", BINANCE)
    assert (out.price, out.time_in_force, out.stop) == ("65100", TimeInForce.IOC, None)


def test_a_limit_that_is_worse_than_the_worst_price_is_sent_at_the_worst_price() -> None:
    out = outgoing(order(limit_price=Decimal(70000), price_worst=Decimal(65000)), market(), "x", BINANCE)
    assert out.price == "65000"
    out = outgoing(
        order(side=Side.SELL, limit_price=Decimal(60000), price_worst=Decimal(65000)), market(), "x", BINANCE
    )
    assert out.price == "65000"


def test_a_stop_is_a_stop_limit_at_its_worst_price() -> None:
    asked = order(
        side=Side.SELL, order_type=OrderType.STOP, limit_price=None, stop_price=Decimal("60000.005"),
        price_worst=Decimal("59000.001"),
    )  # fmt: skip
    out = outgoing(asked, market(), "x", BINANCE)
    assert (out.stop, out.price, out.time_in_force) == ("60000", "59000.01", TimeInForce.GTC)


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"quantity": Decimal("0.010001")}, "quantity_no_multiple"),
        ({"quantity": Decimal("0.00001")}, "below_minimum_notional"),
        ({"price_worst": Decimal("0.001"), "limit_price": Decimal("0.001")}, "price_below_increment"),
    ],
)
def test_what_the_venues_rules_forbid_is_refused_before_it_is_sent(changes: dict[str, Any], reason: str) -> None:
    with pytest.raises(Refused, match=reason):
        outgoing(order(**changes), market(), "x", BINANCE)


def test_an_order_for_a_halted_market_is_refused() -> None:
    halted = market(raw_market(active=False))
    assert halted.instrument.status is InstrumentStatus.HALTED
    with pytest.raises(Refused, match="market_closed"):
        outgoing(order(), halted, "x", BINANCE)


@pytest.mark.parametrize(
    "changes",
    [
        {"market_type": MarketType.SWAP},
        {"time_in_force": TimeInForce.GTD},
        {"post_only": True, "time_in_force": TimeInForce.IOC},
        {"order_type": OrderType.STOP},
        {"order_type": OrderType.STOP, "stop_price": Decimal(1), "time_in_force": TimeInForce.IOC},
    ],
)
def test_what_a_venue_cannot_do_is_not_sent(changes: dict[str, Any]) -> None:
    with pytest.raises(Unsupported):
        outgoing(order(**changes), market(), "x", BINANCE)


@pytest.mark.parametrize(
    "changes",
    [{"post_only": True}, {"order_type": OrderType.STOP, "stop_price": Decimal(1)}, {"time_in_force": TimeInForce.FOK}],
)
def test_the_cautious_row_offers_limit_orders_alone(changes: dict[str, Any]) -> None:
    with pytest.raises(Unsupported):
        outgoing(order(**changes), market(), "x", CAUTIOUS)
    assert outgoing(order(), market(), "x", CAUTIOUS).price == "65000.12"


@pytest.mark.parametrize(
    ("status", "filled", "state"),
    [
        ("open", "0", OrderState.OPEN), ("open", "0.01", OrderState.PARTLY_FILLED),
        ("closed", "0.02", OrderState.FILLED), ("closed", "0.01", OrderState.CANCELLED),
        ("canceled", "0.01", OrderState.CANCELLED), ("expired", "0", OrderState.EXPIRED),
        ("rejected", "0", OrderState.REJECTED), ("rejected", "0.01", OrderState.CANCELLED),
    ],
)  # fmt: skip
def test_a_state_is_the_venues_and_what_was_filled(status: str, filled: str, state: OrderState) -> None:
    raw = {"id": "1", "status": status, "filled": filled, "amount": "0.02", "clientOrderId": OURS}
    assert seen_of(raw, Decimal(1)).state is state


@pytest.mark.parametrize("status", [None, "", "strange", 5])
def test_a_state_that_is_not_known_is_no_state(status: object) -> None:
    with pytest.raises(Unreadable):
        seen_of({"id": "1", "status": status, "filled": "0"}, Decimal(1))


def test_a_contracts_fill_is_told_in_base_units_and_its_fee_to_the_last_digit() -> None:
    trade = {
        "id": "7", "order": "1", "price": "65000.1", "amount": "3", "takerOrMaker": "maker",
        "timestamp": 1_700_000_000_000, "fee": {"cost": "-0.000000000123456789", "currency": "USDT"},
    }  # fmt: skip
    fill = fill_of(trade, market(raw_swap(), MarketType.SWAP))
    assert (fill.quantity, fill.fee) == (Decimal("0.03"), Decimal("-0.000000000123456789"))


@pytest.mark.parametrize("lacking", ["id", "fee", "price", "timestamp"])
def test_a_fill_that_lacks_something_is_not_guessed(lacking: str) -> None:
    trade: dict[str, Any] = {
        "id": "7", "price": "1", "amount": "1", "timestamp": 1_700_000_000_000, "fee": {"cost": "0", "currency": "A"},
    }  # fmt: skip
    with pytest.raises(Unreadable):
        fill_of({**trade, lacking: None}, market())


def test_a_symbol_is_text_and_nothing_else() -> None:
    with pytest.raises(Unsupported):
        demanded({BTC: market()}, Symbol("BTC/USDT:USDT"), MarketType.SPOT)
