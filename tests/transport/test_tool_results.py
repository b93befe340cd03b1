"""Every answer fits its own schema, by a foreign judge, whether it is a success or a refusal."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import jsonschema

from appliance.domain.codes import Code
from appliance.service.core import Core
from appliance.transport.foreign_text import printable
from appliance.transport.tools import CATALOG
from tests.service.rig import OPERATOR
from tests.transport.serving import call, codes, quote_all, running_core
from tests.transport.test_tool_catalog import LISTED_JSON, candle, minimal

REFUSAL_ONLY = {"amount_max": {"type": "string"}, "retry_after_s": {"type": "string"}}
AMOUNT = re.compile(r"-?[0-9]+(\.[0-9]+)? [A-Z0-9]+")


def judge(name: str, answer: dict[str, Any]) -> None:
    """Valid, and without a field that the schema does not name."""
    schema = LISTED_JSON[name]["outputSchema"]
    closed = schema | {"properties": schema["properties"] | REFUSAL_ONLY, "additionalProperties": False}
    jsonschema.Draft202012Validator(closed, format_checker=jsonschema.FormatChecker()).validate(answer)


async def successes(core: Core) -> dict[str, dict[str, Any]]:
    """One success of every tool that can have one in a paper account."""
    answers: dict[str, dict[str, Any]] = {}

    async def keep(name: str, **arguments: object) -> dict[str, Any]:
        quote_all(core)
        answers[name] = await call(core, name, **arguments)
        return answers[name]

    now_ms = int(core.clock().timestamp() * 1000)
    limit = {"symbol": "ETH/USDT", "side": "buy", "amount": "0.01", "order_type": "limit", "price": "2950"}
    await keep("get_crypto_price", symbol="BTC/USDT")
    await keep("get_ticker", symbol="BTC/USDT")
    await keep("get_multiple_prices", symbols=["BTC/USDT", "ETH/USDT"])
    minute = now_ms // 60_000 * 60_000 - 120_000
    await keep("ingest_ohlcv", symbol="SOL/USDT", timeframe="1m", candles=[candle(minute)])
    await keep("fetch_ohlcv", symbol="SOL/USDT", timeframe="1m")
    await keep("ingest_ticker", symbol="BTC/USDT", bid="59999", ask="60001", timestamp_ms=now_ms)
    await keep("get_marketdata_status")
    await keep("deposit_paper_funds", asset="USDT", amount="5 USDT")
    await keep("validate_trade_risk", symbol="BTC/USDT", side="buy", amount_usd="100")
    placed = await keep("place_cex_order", **limit)
    replaced = await keep("replace_cex_order", order_id=placed["order"]["order_id"], amount="0.02")
    order_id = replaced["order"]["order_id"]
    await keep("get_cex_order", order_id=order_id)
    await keep("list_cex_open_orders")
    cancelled = await keep("cancel_cex_order", order_id=order_id)
    assert (cancelled["order"]["state"], "status" in cancelled) == ("cancelled", False)
    await keep("wait_for_cex_order", order_id=order_id, timeout_sec=0)
    await call(core, "place_cex_order", **limit | {"price": "2951"})
    await keep("cancel_all_cex_orders")
    await keep("swap_tokens", from_token="USDT", to_token="SOL", amount="100")
    await keep("list_cex_orders", limit=3)
    await keep("get_cex_balance")
    await keep("get_policy")
    await keep("get_health")
    await keep("list_pending_executions")
    return answers


def test_every_success_fits_its_own_schema(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with running_core(tmp_path) as core:
            answers = await successes(core)
            for name, answer in answers.items():
                assert answer["ok"] is True, (name, answer)
                judge(name, answer)
            # A transfer needs an address book, and a proposal an approval mode: both have their own tests.
            assert CATALOG.keys() - answers.keys() == {"transfer_eth", "get_proposal", "cancel_execution"}

    asyncio.run(scenario())


def test_every_refusal_fits_the_schema_of_its_tool(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with running_core(tmp_path) as core:
            for name in CATALOG:
                unknown = await call(core, name, **minimal(name), nonsense=1)
                judge(name, unknown)
            refused = {
                "place_cex_order": await call(core, "place_cex_order", symbol="BTC/USDT", side="buy", amount="5"),
                "transfer_eth": await call(core, "transfer_eth", **minimal("transfer_eth")),
                "get_cex_order": await call(core, "get_cex_order", order_id="rt0"),
                "get_proposal": await call(core, "get_proposal", request_id="rt0"),
                "cancel_execution": await call(core, "cancel_execution", request_id="rt0"),
            }
            for name, answer in refused.items():
                assert answer["ok"] is False
                assert all({"code", "rule", "text", "remedy"} <= denial.keys() for denial in answer["denials"])
                judge(name, answer)

    asyncio.run(scenario())


def test_a_held_order_is_not_ok_and_shows_a_proposal_without_a_token(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with running_core(tmp_path, EXECUTION_APPROVAL_MODE="approve_each") as core:
            held = await call(core, "place_cex_order", symbol="BTC/USDT", side="buy", amount="0.001")
            judge("place_cex_order", held)
            assert (held["ok"], held["status"]) == (False, "held")
            request_id = held["proposal"]["request_id"]
            shown = await call(core, "get_proposal", request_id=request_id)
            judge("get_proposal", shown)
            assert shown["proposal"]["state"] == "pending"
            listed = await call(core, "list_pending_executions")
            assert [it["request_id"] for it in listed["proposals"]] == [request_id]
            token = core.approvals.show(request_id, OPERATOR).confirm_token
            assert token not in str(held) + str(shown) + str(listed)
            withdrawn = await call(core, "cancel_execution", request_id=request_id)
            judge("cancel_execution", withdrawn)
            assert withdrawn["proposal"]["state"] == "refused"
            assert (await call(core, "list_pending_executions"))["proposals"] == []

    asyncio.run(scenario())


def test_every_amount_that_goes_out_has_its_unit(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with running_core(tmp_path) as core:
            answers = await successes(core)
            seen = 0
            for path, value in leaves(answers):
                assert not isinstance(value, float), path
                if path.rpartition(".")[2] in AMOUNT_FIELDS:
                    assert AMOUNT.fullmatch(str(value)), (path, value)
                    seen += 1
            assert seen > 20

    asyncio.run(scenario())


AMOUNT_FIELDS = {"amount", "filled", "price", "average_price", "bid", "ask", "total", "value", "equity", "notional_max"}


def leaves(value: Any, path: str = "") -> Iterator[tuple[str, Any]]:
    if isinstance(value, dict):
        for name, member in value.items():
            yield from leaves(member, f"{path}.{name}")
    elif isinstance(value, list):
        for member in value:
            yield from leaves(member, path)
    else:
        yield path, value


def test_a_quote_that_only_the_caller_supplied_is_shown_and_not_trusted(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with running_core(tmp_path) as core:
            core.bus._lines[next(iter(core.bus._lines))].clear()  # nobody has quoted the first instrument
            symbol = next(iter(core.state.instruments))
            now_ms = int(core.clock().timestamp() * 1000)
            given = await call(core, "ingest_ticker", symbol=symbol, bid="1", ask="2", timestamp_ms=now_ms)
            assert given["admissible"] is False
            shown = await call(core, "get_crypto_price", symbol=symbol)
            assert (shown["trusted"], shown["source"]) == (False, "ingest:local")
            refused = await call(core, "place_cex_order", symbol=symbol, side="buy", amount="1")
            assert Code.QUOTE_MISSING in codes(refused)

    asyncio.run(scenario())


def test_a_fault_of_ours_is_a_refusal_that_leaks_nothing(tmp_path: Path, caplog: Any) -> None:
    async def scenario() -> dict[str, Any]:
        async with running_core(tmp_path) as core:
            portfolio, core.portfolio = core.portfolio, None  # type: ignore[assignment]
            answer = await call(core, "get_cex_balance")
            core.portfolio = portfolio
            return answer

    answer = asyncio.run(scenario())
    assert codes(answer) == {Code.INTERNAL_ERROR}
    text = answer["denials"][0]["text"]
    assert "NoneType" not in text
    reference = text.rpartition(" ")[2]
    assert reference in caplog.text
    assert "Traceback" in caplog.text


def test_foreign_text_is_capped_and_stripped_of_control_characters() -> None:
    assert printable("a\x1b[31mb\u202ec\n", 100) == "a [31mb c "
    assert printable("x" * 300, 200) == "x" * 200
