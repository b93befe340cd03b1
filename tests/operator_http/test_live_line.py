from __future__ import annotations

import asyncio
import json
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from readytrader_sdk.instruments import Symbol
from readytrader_sdk.market import Quote
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, InvalidStatus

from appliance.domain.operators import Role
from appliance.service.core import Core
from appliance.service.session_tokens import ACCESS_LIFE
from appliance.transport.operator_http import live_line
from appliance.transport.operator_http.live_line import STRANGERS_MAX
from tests.operator_http.serving import Caller, listening, served
from tests.service.rig import open_rig
from tests.transport.serving import call, new_token


async def line(caller: Caller) -> ClientConnection:
    """A live line with its token shown and welcomed."""
    socket = await connect(f"ws://localhost:{caller.port}/ws")
    await socket.send(json.dumps({"type": "AUTH", "token": caller.tokens["access_token"]}))
    assert json.loads(await socket.recv()) == {"type": "READY"}
    return socket


async def push_of(socket: ClientConnection, kind: str) -> dict[str, Any]:
    """The data of the next push of this type."""
    async with asyncio.timeout(20):
        while True:
            push = json.loads(await socket.recv())
            if push["type"] == kind:
                data = push["data"]
                assert isinstance(data, dict)
                return data


async def close_code(socket: ClientConnection) -> int | None:
    async with asyncio.timeout(20):
        await socket.wait_closed()
    return socket.close_code


def quote(core: Core, bid: str) -> None:
    now = core.clock()
    quote = Quote(symbol=Symbol("BTC/USDT"), bid=Decimal(bid), ask=Decimal(bid) + 20, observed_at=now)
    core.bus.publish("scripted", quote, now)


def test_whoever_is_signed_in_is_pushed_prices_orders_and_how_things_stand(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with served(tmp_path) as (core, http), await Caller.signed_in(core, http, Role.VIEWER) as viewer:
            socket = await line(viewer)
            assert (await push_of(socket, "STATUS_UPDATE"))["mode"] == "paper"
            quote(core, "60001")
            ticker = await push_of(socket, "TICKER_UPDATE")
            await call(core, "place_cex_order", symbol="BTC/USDT", side="buy", amount="0.001")
            order = await push_of(socket, "ORDER_UPDATE")
            await socket.close()
            assert (ticker["bid"], ticker["ask"], ticker["source"]) == ("60001 USDT", "60021 USDT", "scripted")
            assert order["order"]["symbol"] == "BTC/USDT"

    asyncio.run(scenario())


@pytest.mark.parametrize("token", ["\u00e9.\u20ac.x", "W1tb" * 450 + ".e30.x"])
def test_a_token_that_is_nothing_of_the_kind_is_turned_away_and_is_no_fault(
    tmp_path: Path, token: str, caplog: pytest.LogCaptureFixture
) -> None:
    async def scenario() -> None:
        async with served(tmp_path) as (_core, http):
            socket = await connect(f"ws://localhost:{http.port}/ws")
            await socket.send(json.dumps({"type": "AUTH", "token": token}))
            assert await close_code(socket) == live_line.CLOSED_TOKEN
        assert not [record for record in caplog.records if record.exc_info]

    asyncio.run(scenario())


def test_a_slow_client_gets_the_newest_price_and_none_of_those_before(tmp_path: Path) -> None:
    from appliance.transport.operator_http.live import KEYS_MAX, Client

    async def scenario() -> None:
        client = Client()
        for number in range(100_000):
            client.put(("TICKER_UPDATE", "BTC/USDT"), str(number).encode())
        for number in range(KEYS_MAX * 3):
            client.put(("ORDER_UPDATE", str(number)), b"order")
        taken = await client.take()
        assert len(taken) == KEYS_MAX
        assert taken.count(b"order") == KEYS_MAX
        client.put(("TICKER_UPDATE", "BTC/USDT"), b"1")
        client.put(("TICKER_UPDATE", "BTC/USDT"), b"2")
        assert await client.take() == [b"2"]

    asyncio.run(scenario())


@pytest.mark.parametrize("said", ['{"type":"AUTH","token":"x.y.z"}', '{"type":"SUBSCRIBE","symbols":[]}'])
def test_without_a_good_token_nothing_is_pushed(tmp_path: Path, said: str) -> None:
    async def scenario() -> None:
        async with served(tmp_path) as (_, http), connect(f"ws://localhost:{http.port}/ws") as socket:
            await socket.send(said)
            with pytest.raises(ConnectionClosed):  # and no push comes before
                await socket.recv()
            assert await close_code(socket) == 4401

    asyncio.run(scenario())


def test_an_agents_token_opens_no_live_line(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with served(tmp_path) as (core, http), connect(f"ws://localhost:{http.port}/ws") as socket:
            await socket.send(json.dumps({"type": "AUTH", "token": await new_token(core, "alice")}))
            assert await close_code(socket) == 4401

    asyncio.run(scenario())


def test_the_line_closes_when_the_session_ends(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with served(tmp_path) as (core, http), await Caller.signed_in(core, http, Role.VIEWER) as viewer:
            socket = await line(viewer)
            await viewer.post("/api/auth/logout")
            assert await close_code(socket) == 4401

    asyncio.run(scenario())


def test_the_line_closes_with_its_own_token_while_the_session_goes_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(live_line, "LOOK_EVERY_S", 0.01)

    async def scenario() -> None:
        async with (
            open_rig(tmp_path) as rig,
            listening(rig.core) as http,
            await Caller.signed_in(rig.core, http, Role.VIEWER) as viewer,
        ):
            older = await line(viewer)
            rig.clock.advance(ACCESS_LIFE.total_seconds() - 1)
            renewed = await viewer.post("/api/auth/refresh", refresh_token=viewer.tokens["refresh_token"])
            viewer.tokens = renewed.json()
            newer = await line(viewer)
            assert older.close_code is None
            rig.clock.advance(1)
            assert await close_code(older) == 4401
            assert newer.close_code is None
            await newer.close()

    asyncio.run(scenario())


def test_a_page_of_another_origin_gets_no_live_line(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with served(tmp_path) as (_, http):
            with pytest.raises(InvalidStatus) as refused:
                await connect(f"ws://localhost:{http.port}/ws", additional_headers={"Origin": "http://evil.example"})
            assert refused.value.response.status_code == 403

    asyncio.run(scenario())


def test_strangers_who_show_no_token_keep_nobody_out(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with served(tmp_path) as (core, http), await Caller.signed_in(core, http, Role.VIEWER) as viewer:
            strangers = [await connect(f"ws://localhost:{http.port}/ws") for _ in range(STRANGERS_MAX)]
            signed_in = await line(viewer)
            assert await close_code(strangers[0]) == 4401
            assert strangers[-1].close_code is None
            for socket in (*strangers, signed_in):
                await socket.close()

    asyncio.run(scenario())
