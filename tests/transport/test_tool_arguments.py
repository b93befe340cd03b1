"""Amounts come in as plain decimal text with at most their own unit, for every amount of every tool."""

from __future__ import annotations

import asyncio
import re
from decimal import Decimal
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from readytrader_sdk.instruments import Symbol

from appliance.domain.codes import Code
from appliance.service.core import Core
from appliance.transport.amounts import AMOUNT_PATTERN, InvalidArgument, amount_from_text, amount_text
from appliance.transport.tools import CATALOG
from tests.transport.serving import call, codes, running_core
from tests.transport.test_tool_catalog import LISTED_JSON, candle, minimal

AMOUNTS = [
    (name, argument)
    for name, tool in LISTED_JSON.items()
    for argument, schema in tool["inputSchema"]["properties"].items()
    if schema.get("pattern") == AMOUNT_PATTERN
]
WRONG = [
    0.1,
    1,
    True,
    ["1"],
    {"value": "1"},
    "",
    " 1",
    "1 ",
    "1\n",
    "NaN",
    "Infinity",
    "-inf",
    "1e3",
    "1E-8",
    "0x10",
    "1_000",
    "0,05",
    "1,000.5",
    "+1",
    "-1",
    "0",
    "0.0",
    ".5",
    "5.",
    "1.2.3",
    "9" * 19,
    "0." + "1" * 19,
    "1" * 5000,
    "\u0661",
    "\uff11",
    "1\u00a0BTC",
    "1 DOGE",
    "1  BTC",
    "1 btc",
    "1 BTC BTC",
    "1BTC",
]


def test_every_trading_tool_has_an_amount_that_is_checked_here() -> None:
    assert {
        "place_cex_order",
        "replace_cex_order",
        "swap_tokens",
        "transfer_eth",
        "validate_trade_risk",
        "deposit_paper_funds",
    } <= {name for name, _ in AMOUNTS}


@pytest.mark.parametrize(("name", "argument"), AMOUNTS)
def test_a_malformed_amount_is_refused_by_name_and_nothing_happens(name: str, argument: str, tmp_path: Path) -> None:
    async def scenario() -> None:
        async with running_core(tmp_path, RATE_LIMIT_EXECUTION_PER_MIN="1000") as core:
            order_id = await resting_order(core)
            entries = core.journal.size
            for wrong in WRONG:
                arguments = minimal(name) | {argument: wrong}
                if "order_id" in arguments:
                    arguments["order_id"] = order_id
                if argument == "price":
                    arguments["amount"] = "0.001"
                answer = await call(core, name, **arguments)
                assert codes(answer) == {Code.INVALID_ARGUMENT}, (wrong, answer)
                assert argument in answer["denials"][0]["text"], (wrong, answer)
            assert core.journal.size == entries

    asyncio.run(scenario())


async def resting_order(core: Core) -> str:
    answer = await call(
        core, "place_cex_order", symbol="BTC/USDT", side="buy", amount="0.001", order_type="limit", price="59000"
    )
    order_id = answer["order"]["order_id"]
    assert isinstance(order_id, str)
    return order_id


def test_an_amount_may_repeat_its_unit(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with running_core(tmp_path) as core:
            answer = await call(core, "place_cex_order", symbol="BTC/USDT", side="buy", amount="0.001 BTC")
            assert answer["order"]["filled"] == "0.001 BTC"

    asyncio.run(scenario())


def test_what_a_refusal_offers_can_be_given_back_as_it_is(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with running_core(tmp_path) as core:
            refused = await call(core, "place_cex_order", symbol="BTC/USDT", side="buy", amount="1")
            assert refused["amount_max"].endswith(" BTC")
            placed = await call(core, "place_cex_order", symbol="BTC/USDT", side="buy", amount=refused["amount_max"])
            assert placed["ok"] is True

    asyncio.run(scenario())


@given(st.text(max_size=60) | st.from_regex(r"[0-9]{0,20}\.?[0-9]{0,20}( BTC)?", fullmatch=True))
def test_any_text_is_refused_or_means_exactly_what_it_says(text: str) -> None:
    if re.fullmatch(r"[0-9]{1,18}(\.[0-9]{1,18})?( BTC)?", text, re.ASCII) and Decimal(text.removesuffix(" BTC")) > 0:
        assert amount_from_text(text, "BTC", "amount") == Decimal(text.removesuffix(" BTC"))
    else:
        with pytest.raises(InvalidArgument, match=r"^amount: "):
            amount_from_text(text, "BTC", "amount")


@given(
    st.decimals(min_value=0, max_value=10**17, places=18).filter(bool),
    st.sampled_from(["BTC", "USDT", "1INCH"]),
)
def test_an_amount_that_goes_out_comes_in_again_unchanged(value: Decimal, unit: str) -> None:
    assert amount_from_text(amount_text(value, unit), unit, "amount") == value


@pytest.mark.parametrize("field", ["open", "high", "low", "close", "volume"])
def test_a_malformed_number_in_a_candle_is_refused_by_its_place(field: str, tmp_path: Path) -> None:
    async def scenario() -> None:
        async with running_core(tmp_path) as core:
            for wrong in ("NaN", "1e3", "", "0,5", "\u0661", 1, 0.5, None):
                candles = [candle(1_700_000_000_000), candle(1_700_000_060_000) | {field: wrong}]
                answer = await call(core, "ingest_ohlcv", symbol="SOL/USDT", timeframe="1m", candles=candles)
                assert codes(answer) == {Code.INVALID_ARGUMENT}
                assert field in answer["denials"][0]["text"]
            assert core.bus.candles(Symbol("SOL/USDT"), "1m", 10) == ()

    asyncio.run(scenario())


def test_what_may_be_left_out_may_be_null(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with running_core(tmp_path) as core:
            arguments = {"price": None, "stop_price": None, "expires_at": None}
            answer = await call(core, "place_cex_order", symbol="BTC/USDT", side="buy", amount="0.001", **arguments)
            assert answer["ok"] is True

    asyncio.run(scenario())


def test_arguments_of_a_wrong_shape_are_refused_for_every_tool(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with running_core(tmp_path, RATE_LIMIT_EXECUTION_PER_MIN="1000") as core:
            for name in CATALOG:
                for argument in LISTED_JSON[name]["inputSchema"].get("required", ()):
                    answer = await call(core, name, **{**minimal(name), argument: None})
                    assert codes(answer) == {Code.INVALID_ARGUMENT}, (name, argument, answer)

    asyncio.run(scenario())


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"amount": 0.001}, "amount: expected `str`, got `float`"),
        ({"side": "BUY"}, "side: invalid enum value 'BUY'"),
        ({"amount": "0.000000001"}, "quantity 0.000000001 BTC is below the minimum 0.00001"),
    ],
)
def test_a_refused_argument_is_named_first_and_its_figures_are_plain(
    wrong: dict[str, object], said: str, tmp_path: Path
) -> None:
    async def scenario() -> None:
        async with running_core(tmp_path) as core:
            answer = await call(core, "place_cex_order", **minimal("place_cex_order") | wrong)
            assert answer["denials"][0]["text"] == said

    asyncio.run(scenario())
