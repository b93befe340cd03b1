"""The catalog as agents see it: small, closed, honest, and without a way to approve anything."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from appliance.domain.codes import MEANINGS, Code
from appliance.transport.mcp_server import INSTRUCTIONS, listing_of
from appliance.transport.tools import CATALOG
from tests.transport.serving import call, codes, running_core

TOOLS_LIST_BYTES_MAX = 16_000
LISTED = listing_of(CATALOG.values()).listed
LISTED_JSON = {tool.name: tool.model_dump(mode="json", by_alias=True, exclude_none=True) for tool in LISTED}
NEVER = ("approve", "confirm", "resume", "loosen", "reset", "set_", "agent", "halt")


def objects_in(schema: Any) -> Iterator[dict[str, Any]]:
    """Every object schema, however deep."""
    if isinstance(schema, dict):
        if schema.get("type") == "object":
            yield schema
        for member in schema.values():
            yield from objects_in(member)
    elif isinstance(schema, list):
        for member in schema:
            yield from objects_in(member)


def test_the_whole_catalog_fits_into_sixteen_thousand_bytes() -> None:
    listed = json.dumps({"tools": list(LISTED_JSON.values())}, separators=(",", ":"))
    assert len(listed.encode()) <= TOOLS_LIST_BYTES_MAX


@pytest.mark.parametrize("name", CATALOG)
def test_input_schemas_are_closed_valid_and_inline(name: str) -> None:
    schema = LISTED_JSON[name]["inputSchema"]
    jsonschema.Draft202012Validator.check_schema(schema)
    assert "$ref" not in json.dumps(schema)
    assert all(found["additionalProperties"] is False for found in objects_in(schema))


@pytest.mark.parametrize("name", CATALOG)
def test_output_schemas_are_valid_and_always_say_whether_it_is_done(name: str) -> None:
    schema = LISTED_JSON[name]["outputSchema"]
    jsonschema.Draft202012Validator.check_schema(schema)
    assert schema["type"] == "object"
    assert schema["required"] == ["ok"]
    assert {"ok", "denials"} <= schema["properties"].keys()


@pytest.mark.parametrize("name", CATALOG)
def test_an_unknown_argument_is_refused_by_name(name: str, tmp_path: Path) -> None:
    async def scenario() -> None:
        async with running_core(tmp_path) as core:
            answer = await call(core, name, **minimal(name), confirm_token="x")
            assert codes(answer) == {Code.INVALID_ARGUMENT}
            assert "confirm_token" in answer["denials"][0]["text"]

    asyncio.run(scenario())


def candle(opened_ms: int) -> dict[str, object]:
    return {"timestamp_ms": opened_ms, "open": "150", "high": "151", "low": "149", "close": "150", "volume": "0"}


def minimal(name: str) -> dict[str, object]:
    """The required arguments of a tool, well formed."""
    values: dict[str, object] = {
        "symbol": "BTC/USDT",
        "side": "buy",
        "amount": "0.001",
        "bid": "60000",
        "ask": "60001",
        "timestamp_ms": 1_700_000_000_000,
        "timeframe": "1m",
        "candles": [candle(1_700_000_000_000)],
        "symbols": ["SOL/USDT"],
        "asset": "USDT",
        "from_token": "USDT",
        "to_token": "BTC",
        "to_address": "0x0000000000000000000000000000000000000001",
        "order_id": "rt0",
        "request_id": "rt0",
    }
    return {argument: values[argument] for argument in LISTED_JSON[name]["inputSchema"].get("required", ())}


def test_no_tool_is_named_like_an_operators_act() -> None:
    assert not [name for name in CATALOG if any(word in name for word in NEVER)]


def test_no_argument_and_no_result_could_carry_a_confirm_token() -> None:
    assert "confirm" not in json.dumps(LISTED_JSON)


def test_annotations_say_which_tools_only_read() -> None:
    reading = {name for name, tool in LISTED_JSON.items() if tool["annotations"].get("readOnlyHint")}
    changing = CATALOG.keys() - reading
    assert changing == {
        "cancel_all_cex_orders",
        "cancel_cex_order",
        "cancel_execution",
        "deposit_paper_funds",
        "ingest_ohlcv",
        "ingest_ticker",
        "place_cex_order",
        "replace_cex_order",
        "swap_tokens",
        "transfer_eth",
    }


def test_every_code_has_a_rule_and_a_remedy_to_send() -> None:
    assert all(meaning.rule and meaning.remedy for meaning in MEANINGS.values())


def test_the_instructions_name_every_field_of_a_refusal() -> None:
    assert all(word in INSTRUCTIONS for word in ("denials", "code", "rule", "observed", "limit", "remedy"))
    assert all(word in INSTRUCTIONS for word in ("amount_max", "retry_after_s", "held"))
