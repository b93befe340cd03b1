"""The check of amounts and times: exactly at its limits, for every type that crosses the wire."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from readytrader_sdk.instruments import Asset, Symbol
from readytrader_sdk.market import Book, Level, Quote, Tick
from readytrader_sdk.money import InvalidAmount, decimal_from_text
from readytrader_sdk.orders import Balance, ClientOrderId, ExecutionReport, Fill, Liquidity, OrderState

from appliance.plugin_host.amounts import ImpossibleAmount, ImpossibleTime, check, checker
from appliance.plugin_host.kinds import METHODS

NOW = datetime(2026, 1, 1, tzinfo=UTC)
BAD = Decimal("NaN")


@pytest.mark.parametrize(
    "text",
    ["0", "-0", "1", "-1.5", "0E+5", "1E+2", "1E+17", "1E-18", "0." + "9" * 18, "9" * 18 + "." + "9" * 18,
     "-" + "9" * 18 + "." + "9" * 18],
)  # fmt: skip
def test_an_amount_within_the_limits_passes(text: str) -> None:
    check(Decimal, Decimal(text))


@pytest.mark.parametrize(
    "text",
    ["NaN", "sNaN", "-NaN123", "Infinity", "-Infinity", "1E+18", "9" * 19, "1E-19", "1.0" + "0" * 18, "1E+999999",
     "1E-999999", "0E-19", "0E+18", "0." + "1" * 100_000],
)  # fmt: skip
def test_any_other_does_not(text: str) -> None:
    with pytest.raises(ImpossibleAmount):
        check(Decimal, Decimal(text))


@pytest.mark.parametrize("value", [1, 1.5, "1", True, None])
def test_only_a_decimal_is_an_amount(value: object) -> None:
    with pytest.raises(ImpossibleAmount, match=type(value).__name__):
        check(Decimal, value)


@given(st.decimals(allow_nan=False, allow_infinity=False))
def test_what_plain_text_can_say_passes_and_nothing_else(value: Decimal) -> None:
    """The SDK's own parser is the judge, on the value written out."""
    try:
        decimal_from_text(format(value, "f"))
    except InvalidAmount:
        with pytest.raises(ImpossibleAmount):
            check(Decimal, value)
    else:
        check(Decimal, value)


def test_a_time_is_aware_and_in_utc() -> None:
    check(datetime, NOW)
    for time in (NOW.replace(tzinfo=None), NOW.astimezone(timezone(timedelta(hours=1))), "2026", None):
        with pytest.raises(ImpossibleTime):
            check(datetime, time)


def a_fill(**changes: Any) -> Fill:
    fields: dict[str, Any] = {"price": Decimal(1), "quantity": Decimal(1), "fee": Decimal(0), "filled_at": NOW}
    return Fill(fill_id="1", fee_asset=Asset("BTC"), liquidity=Liquidity.MAKER, **(fields | changes))


def a_report(*fills: Fill, **changes: Any) -> ExecutionReport:
    fields: dict[str, Any] = {"state": OrderState.OPEN, "reported_at": NOW, "fills": fills}
    return ExecutionReport(client_order_id=ClientOrderId("rt1"), **(fields | changes))


@pytest.mark.parametrize(
    ("of", "value"),
    [
        (ExecutionReport, a_report(a_fill(), a_fill(fee=BAD))),
        (ExecutionReport | None, a_report(a_fill(price=BAD))),
        (ExecutionReport, a_report(reported_at=datetime(2026, 1, 1))),  # noqa: DTZ001 - that is the fault
        (tuple[Balance, ...], (Balance(asset=Asset("BTC"), total=Decimal(1), free=BAD),)),
        (tuple[Balance, ...], [Balance(asset=Asset("BTC"), total=Decimal(1), free=BAD)]),
        (Tick, Quote(symbol=Symbol("A/B"), bid=Decimal(1), ask=Decimal(1), observed_at=NOW, last=BAD)),
        (Tick, Book(symbol=Symbol("A/B"), bids=(), asks=(Level(Decimal(1), BAD),), observed_at=NOW)),
    ],
)
def test_what_is_deep_inside_is_found(of: Any, value: object) -> None:
    with pytest.raises((ImpossibleAmount, ImpossibleTime)):
        check(of, value)


@pytest.mark.parametrize("method", METHODS.values(), ids=lambda method: f"{method.kind}.{method.name}")
def test_every_result_that_crosses_the_wire_can_be_checked(method: Any) -> None:
    checker(method.gives)
    checker(tuple.__class_getitem__((method.gives, ...)))


@pytest.mark.parametrize("of", [dict[str, Decimal], Any, tuple[Decimal, int], Decimal | datetime])
def test_a_type_that_cannot_be_checked_is_an_error_and_no_pass(of: Any) -> None:
    with pytest.raises(TypeError):
        checker(of)


def test_nothing_at_all_passes() -> None:
    check(ExecutionReport | None, None)
    check(type(None), None)
