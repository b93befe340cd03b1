"""What both protocol revisions say beside the tools: identity, witness, hints; and who makes a call."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import mcp_types
import msgspec
import pytest
from mcp.client.client import Client
from mcp.shared.exceptions import MCPError

from appliance.domain.codes import Code
from appliance.domain.events import OrderPermitted
from appliance.domain.snapshot import Mode
from appliance.service.agents import LOCAL, Principal
from appliance.service.core import Core
from appliance.store.checkpoint import parse_unverified
from appliance.transport.mcp_server import INSTRUCTIONS, build_server, offered_by
from appliance.transport.tools import CATALOG
from tests.transport.serving import Wire, call, recorded, running_core, served

MODES = ("auto", "legacy")


@asynccontextmanager
async def connected(core: Core, mode: str, principal: Principal = LOCAL) -> AsyncIterator[Client]:
    async with Client(build_server(core, lambda _context: principal), mode=mode) as client:
        yield client


@pytest.mark.parametrize("mode", MODES)
def test_every_result_witnesses_the_journal(mode: str, tmp_path: Path) -> None:
    async def scenario() -> None:
        async with running_core(tmp_path) as core, connected(core, mode) as client:
            result = await client.call_tool("get_health", {})
            assert result.meta is not None
            witnessed = result.meta["readytrader/checkpoint"]
            checkpoint = parse_unverified(core.journal.checkpoint)
            assert witnessed["size"] == checkpoint.size
            assert checkpoint.text().endswith(f"\n{witnessed['root']}\n")

    asyncio.run(scenario())


@pytest.mark.parametrize("mode", MODES)
def test_text_and_structured_content_are_the_same_json(mode: str, tmp_path: Path) -> None:
    async def scenario() -> None:
        async with running_core(tmp_path) as core, connected(core, mode) as client:
            for tool, arguments in (("get_policy", {}), ("get_cex_order", {"order_id": "x"}), ("get_cex_order", {})):
                result = await client.call_tool(tool, arguments)
                (block,) = result.content
                assert block.type == "text"
                assert json.loads(block.text) == result.structured_content

    asyncio.run(scenario())


@pytest.mark.parametrize("mode", MODES)
def test_a_refusal_is_an_answer_and_a_malformed_call_is_an_error(mode: str, tmp_path: Path) -> None:
    async def scenario() -> None:
        async with running_core(tmp_path) as core, connected(core, mode) as client:
            order = {"symbol": "BTC/USDT", "side": "buy", "amount": "5"}
            refused = await client.call_tool("place_cex_order", order)
            assert (refused.is_error, refused.structured_content["ok"]) == (False, False)
            malformed = await client.call_tool("place_cex_order", order | {"amount": 5})
            assert malformed.is_error is True
            assert malformed.structured_content["denials"][0]["code"] == Code.INVALID_ARGUMENT

    asyncio.run(scenario())


@pytest.mark.parametrize("mode", MODES)
def test_an_unknown_tool_is_a_protocol_error(mode: str, tmp_path: Path) -> None:
    async def scenario() -> None:
        async with running_core(tmp_path) as core, connected(core, mode) as client:
            for name in ("approve_trade", "get_health ", "__class__", "x" * 10_000):
                with pytest.raises(MCPError, match="Unknown tool"):
                    await client.call_tool(name, {})

    asyncio.run(scenario())


@pytest.mark.parametrize("mode", MODES)
def test_the_list_of_tools_is_the_same_for_everybody_and_names_its_own_hash(mode: str, tmp_path: Path) -> None:
    async def scenario() -> None:
        async with running_core(tmp_path) as core:
            nobody = Principal(agent_id=LOCAL.agent_id, scopes=frozenset())
            lists = []
            for principal in (LOCAL, nobody):
                async with connected(core, mode, principal) as client:
                    lists.append(await client.list_tools())
                    assert client.instructions == INSTRUCTIONS
            assert lists[0].tools == lists[1].tools
            assert lists[0].meta is not None
            assert lists[0].meta["readytrader/catalog"] == offered_by(core).sha256[:16]

    asyncio.run(scenario())


ADDRESS = "0x" + "ab" * 20
ON_CHAINS = {"ALLOW_CHAINS": "ethereum", "ALLOW_TO_ADDRESSES": ADDRESS, "MAX_TRANSFER_NATIVE": "1"}
INSIGHTS = {"post_market_insight", "get_latest_insights", "get_strategies"}


@pytest.mark.parametrize(
    ("settings", "more"),
    [
        ({}, set()),
        ({"ALLOW_CHAINS": "ethereum"}, {"swap_tokens"}),
        ({"ALLOW_TO_ADDRESSES": ADDRESS}, set()),
        ({"MAX_TRANSFER_NATIVE": "1"}, set()),
        ({"ALLOW_TO_ADDRESSES": ADDRESS, "MAX_TRANSFER_NATIVE": "1"}, {"transfer_eth"}),
        ({"EXECUTION_MODE": "cex", "ALLOW_TO_ADDRESSES": ADDRESS, "MAX_TRANSFER_NATIVE": "1"}, set()),
        ({"READYTRADER_TOOLS_INSIGHTS": "true"}, INSIGHTS),
    ],
    ids=["default", "chains", "addresses", "cap", "addresses and cap", "no chain", "insights"],
)
def test_what_cannot_work_as_configured_is_not_listed(settings: dict[str, str], more: set[str], tmp_path: Path) -> None:
    async def scenario() -> None:
        async with running_core(tmp_path, **settings) as core, connected(core, "auto") as client:
            listed = {tool.name for tool in (await client.list_tools()).tools}
            assert listed == CATALOG.keys() - {"swap_tokens", "transfer_eth"} | more
            for name in {"swap_tokens", "transfer_eth", *INSIGHTS} - listed:
                with pytest.raises(MCPError, match=f"Unknown tool: {name} is not switched on by the operator"):
                    await client.call_tool(name, {})

    asyncio.run(scenario())


def test_nothing_that_moves_real_money_on_a_chain_is_listed(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with running_core(tmp_path, **ON_CHAINS) as core:
            assert {"swap_tokens", "transfer_eth"} <= {tool.name for tool in offered_by(core).listed}
            core.identity = msgspec.structs.replace(core.identity, mode=Mode.LIVE)
            assert not {"swap_tokens", "transfer_eth"} & {tool.name for tool in offered_by(core).listed}

    asyncio.run(scenario())


def test_what_is_listed_may_not_be_shared_and_is_stale_at_once(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with running_core(tmp_path) as core, connected(core, "auto") as client:
            listed = await client.list_tools()
            assert (listed.cache_scope, listed.ttl_ms) == ("private", 0)

    asyncio.run(scenario())


class SlowVenue:
    """The core's own venue, which takes its time over a cancellation."""

    is_ours = True

    def __init__(self, venue: Any) -> None:
        self._venue = venue.reads
        self.asked = asyncio.Event()
        self.release = asyncio.Event()

    @property
    def reads(self) -> SlowVenue:
        return self

    async def cancel_order(self, *order: Any) -> Any:
        self.asked.set()
        await self.release.wait()
        return await self._venue.cancel_order(*order)


def test_a_cancellation_that_was_begun_is_finished_though_its_caller_gives_up(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with running_core(tmp_path) as core:
            tools = build_server(core, lambda _context: LOCAL).get_request_handler("tools/call")
            assert tools is not None
            limit = {"symbol": "BTC/USDT", "side": "buy", "amount": "0.001", "order_type": "limit", "price": "59000"}
            order_id = (await call(core, "place_cex_order", **limit))["order"]["order_id"]
            venue = core.orders._venues._paper = SlowVenue(core.orders._venues._paper)
            asked = mcp_types.CallToolRequestParams(name="cancel_cex_order", arguments={"order_id": order_id})
            calling = asyncio.create_task(tools.handler(None, asked))
            await venue.asked.wait()
            calling.cancel()
            with pytest.raises(asyncio.CancelledError):
                await calling
            venue.release.set()
            ended = await core.orders.wait(order_id, None, 3)
            assert ended is not None
            assert ended.state == "cancelled"

    asyncio.run(scenario())


def test_a_cancelled_request_is_never_answered_and_its_order_stands(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with served(tmp_path) as (core, path):
            wire = await Wire.agent(path)
            permitted = recorded(core, OrderPermitted)
            number = wire.start_call(
                "place_cex_order", symbol="BTC/USDT", side="buy", amount="0.001", order_type="limit", price="59000"
            )
            cancelled = {"jsonrpc": "2.0", "method": "notifications/cancelled", "params": {"requestId": number}}
            wire.send_line(json.dumps(cancelled).encode())
            await permitted.wait()
            wire.writer.write_eof()
            assert await wire.reader.read() == b""
            await core.desk.settle()
            (order,) = core.state.live_orders.values()
            assert order.state == "open"
            await wire.close()

    asyncio.run(scenario())
