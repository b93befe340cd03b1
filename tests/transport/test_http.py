"""The agents' HTTP listener: a token on every request, nothing remembered between two, both protocol revisions."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx2
import pytest
from mcp.client.client import Client
from mcp.client.streamable_http import streamable_http_client

from appliance.domain.codes import Code
from appliance.domain.events import AuthenticationRefused, Event
from appliance.domain.intents import AgentId
from appliance.service.core import Core
from appliance.transport.door import NOTED_PER_MINUTE
from appliance.transport.http import AgentHttp
from appliance.transport.lines import LINE_MAX
from appliance.transport.loopback import HttpRefused
from tests.transport.serving import codes, new_token, running_core

JSON = {"content-type": "application/json", "accept": "application/json, text/event-stream"}
LIMIT = {"symbol": "BTC/USDT", "side": "buy", "amount": "0.001", "order_type": "limit", "price": "59000"}


@asynccontextmanager
async def served(folder: Path) -> AsyncIterator[tuple[Core, str]]:
    async with running_core(folder) as core:
        http = AgentHttp(core, "127.0.0.1", 0)
        await http.start()
        try:
            yield core, f"http://127.0.0.1:{http.port}/mcp"
        finally:
            await http.aclose()


@asynccontextmanager
async def agent(url: str, token: str, mode: str = "auto") -> AsyncIterator[Client]:
    headers = {"authorization": f"Bearer {token}"}
    async with (
        httpx2.AsyncClient(headers=headers) as web,
        Client(streamable_http_client(url, http_client=web), mode=mode) as client,
    ):
        yield client


async def call(client: Client, tool: str, **arguments: object) -> dict[str, Any]:
    answer = (await client.call_tool(tool, arguments)).structured_content
    assert isinstance(answer, dict)
    return answer


@pytest.mark.parametrize(("mode", "revision"), [("auto", "2026-07-28"), ("legacy", "2025-11-25")])
def test_both_revisions_trade_over_http(mode: str, revision: str, tmp_path: Path) -> None:
    async def scenario() -> None:
        async with served(tmp_path) as (core, url), agent(url, await new_token(core, "scout"), mode) as client:
            assert client.protocol_version == revision
            placed = await call(client, "place_cex_order", **LIMIT)
            assert placed["order"]["state"] == "open"
            (order,) = core.state.live_orders.values()
            assert order.agent_id == "scout"

    asyncio.run(scenario())


@pytest.mark.parametrize(
    ("authorization", "error"),
    [
        (None, None),
        ("Bearer rt_scout_wrong", "invalid_token"),
        ("Bearer", "invalid_token"),
        ("Bearer \xff\xfe", "invalid_token"),
        ("Basic c2NvdXQ6eA==", "invalid_request"),
    ],
)
@pytest.mark.parametrize("path", ["/mcp", "/", "/anything", "/mcp/"])
def test_nothing_is_served_without_a_good_token(
    path: str, authorization: str | None, error: str | None, tmp_path: Path
) -> None:
    async def scenario() -> None:
        async with served(tmp_path) as (core, url), httpx2.AsyncClient() as web:
            await new_token(core, "scout")
            headers = {} if authorization is None else {"authorization": authorization.encode("latin-1")}
            for method in ("GET", "POST", "DELETE", "OPTIONS"):
                answer = await web.request(method, url.replace("/mcp", path), headers=headers)
                assert answer.status_code == 401
                challenge = answer.headers["www-authenticate"]
                assert challenge.startswith('Bearer realm="readytrader"')
                assert (error or "error=") in challenge if error else "error=" not in challenge

    asyncio.run(scenario())


def test_two_authorizations_are_one_too_many(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with served(tmp_path) as (core, url), httpx2.AsyncClient() as web:
            token = await new_token(core, "scout")
            twice = [("authorization", f"Bearer {token}"), ("authorization", f"Bearer {token}")]
            assert (await web.post(url, headers=twice)).status_code == 401

    asyncio.run(scenario())


def test_refused_requests_are_journaled_a_few_times_a_minute(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with served(tmp_path) as (core, url), httpx2.AsyncClient() as web:
            noted: list[Event] = []
            core.recorder.listen(noted.append)
            for _ in range(3 * NOTED_PER_MINUTE):
                await web.post(url, headers={"authorization": "Bearer rt_scout_wrong"})
            refused = [event for event in noted if isinstance(event, AuthenticationRefused)]
            # The minute may turn once while this runs.
            assert NOTED_PER_MINUTE <= len(refused) <= 2 * NOTED_PER_MINUTE
            assert {event.listener for event in refused} == {"agent http"}
            assert not [event for event in refused if "wrong" in event.reason]

    asyncio.run(scenario())


def test_a_foreign_origin_or_host_is_refused_even_with_a_token(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with served(tmp_path) as (core, url), httpx2.AsyncClient() as web:
            good = JSON | {"authorization": f"Bearer {await new_token(core, 'scout')}"}
            assert (await web.post(url, json={}, headers=good | {"origin": "https://evil.example"})).status_code == 403
            assert (await web.post(url, json={}, headers=good | {"host": "evil.example"})).status_code == 421
            assert (await web.post(url, json={}, headers=good | {"origin": "null"})).status_code == 403

    asyncio.run(scenario())


def test_a_body_above_one_mebibyte_is_refused(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with served(tmp_path) as (core, url), httpx2.AsyncClient() as web:
            good = JSON | {"authorization": f"Bearer {await new_token(core, 'scout')}"}
            assert (await web.post(url, content=b" " * (LINE_MAX + 1), headers=good)).status_code == 413
            assert (await web.post(url, content=b" " * LINE_MAX, headers=good)).status_code == 400

    asyncio.run(scenario())


@pytest.mark.parametrize("mode", ["auto", "legacy"])
def test_every_request_is_its_own_tokens_whatever_session_it_claims(mode: str, tmp_path: Path) -> None:
    async def scenario() -> None:
        async with served(tmp_path) as (core, url):
            owner, stranger = await new_token(core, "owner"), await new_token(core, "stranger")
            async with agent(url, owner, mode) as first, agent(url, stranger, mode) as second:
                assert (await call(first, "get_health"))["agent"] == "owner"
                assert (await call(second, "get_health"))["agent"] == "stranger"
                order_id = (await call(first, "place_cex_order", **LIMIT))["order"]["order_id"]
                assert codes(await call(second, "get_cex_order", order_id=order_id)) == {Code.NOT_FOUND}

    asyncio.run(scenario())


@pytest.mark.parametrize("mode", ["auto", "legacy"])
def test_a_revoked_token_opens_nothing_from_the_next_request_on(mode: str, tmp_path: Path) -> None:
    async def scenario() -> int:
        async with served(tmp_path) as (core, url):
            token = await new_token(core, "scout")
            async with agent(url, token, mode) as client:
                assert (await call(client, "get_health"))["ok"] is True
            await core.agents.revoke(AgentId("scout"), "test")
            async with httpx2.AsyncClient() as web:
                return (await web.post(url, headers={"authorization": f"Bearer {token}"})).status_code

    assert asyncio.run(scenario()) == 401


def test_a_port_that_is_taken_is_refused_by_name(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with served(tmp_path) as (core, url):
            port = int(url.rsplit(":", 1)[1].partition("/")[0])
            with pytest.raises(HttpRefused, match=f"127.0.0.1:{port}"):
                await AgentHttp(core, "127.0.0.1", port).start()

    asyncio.run(scenario())


def test_one_waiting_request_stalls_no_other(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with served(tmp_path) as (core, url), agent(url, await new_token(core, "scout")) as client:
            order_id = (await call(client, "place_cex_order", **LIMIT))["order"]["order_id"]
            waiting = asyncio.create_task(call(client, "wait_for_cex_order", order_id=order_id, timeout_sec=60))
            assert (await call(client, "get_health"))["ok"] is True
            await call(client, "cancel_cex_order", order_id=order_id)
            assert (await waiting)["order"]["state"] == "cancelled"

    asyncio.run(scenario())
