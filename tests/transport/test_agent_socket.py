"""Who is let in at the agents' socket, what a session may see, and what outlives it."""

from __future__ import annotations

import asyncio
import json
import os
import socket
import stat
import subprocess
import tempfile
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from appliance.domain.agents import AgentScope
from appliance.domain.codes import Code
from appliance.domain.events import AuthenticationRefused, Event, OrderPermitted
from appliance.domain.intents import AgentId
from appliance.service.agents import LOCAL
from appliance.transport.agent_socket import REFUSED, AgentSocket
from appliance.transport.door import NOTED_PER_MINUTE, Door
from appliance.transport.unix_listener import ListenerRefused
from tests.transport.serving import Wire, codes, new_token, quote_all, recorded, running_core, served

LIMIT = {"symbol": "BTC/USDT", "side": "buy", "amount": "0.001", "order_type": "limit", "price": "59000"}


def test_without_a_token_the_same_user_is_the_local_agent(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with served(tmp_path) as (_core, path):
            wire = await Wire.agent(path)
            assert (await wire.call("get_health"))["agent"] == "local"
            await wire.close()

    asyncio.run(scenario())


def test_the_socket_is_closed_to_other_users(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with served(tmp_path) as (_core, path):
            assert stat.S_IMODE(path.stat().st_mode) == 0o600
            assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700

    asyncio.run(scenario())


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can become somebody else")
def test_another_user_without_a_token_is_refused_even_where_the_files_would_let_them() -> None:
    async def scenario(home: Path) -> None:
        async with served(home) as (_core, path):
            for folder in (home, path.parent):
                folder.chmod(0o755)
            path.chmod(0o666)
            script = (
                "import socket,sys; s=socket.socket(socket.AF_UNIX); s.connect(sys.argv[1]);"
                's.sendall(b\'{"readytrader":1,"token":null}\\n\'); print(s.makefile().readline())'
            )
            child = await asyncio.create_subprocess_exec(
                "/usr/bin/python3", "-c", script, str(path), stdout=subprocess.PIPE, user=65534, group=65534
            )
            answer, _ = await child.communicate()
            assert json.loads(answer)["error"]["code"] == REFUSED

    # Not under pytest's own folder, which nobody else may enter.
    with tempfile.TemporaryDirectory() as folder:
        asyncio.run(scenario(Path(folder)))


def test_a_token_makes_the_agent_that_it_was_made_for(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with served(tmp_path) as (core, path):
            wire = await Wire.agent(path, await new_token(core, "scout", frozenset({AgentScope.READ})))
            assert (await wire.call("get_health"))["agent"] == "scout"
            assert codes(await wire.call("deposit_paper_funds", asset="USDT", amount="1")) == {Code.SCOPE_MISSING}
            await wire.close()

    asyncio.run(scenario())


@pytest.mark.parametrize(
    "hello",
    [
        b'{"readytrader":1,"token":"rt_scout_wrong"}\n',
        b'{"readytrader":1,"token":""}\n',
        b'{"readytrader":2,"token":null}\n',
        b'{"readytrader":1}\n',
        b'{"readytrader":1,"token":null,"scopes":["live"]}\n',
        b"GET / HTTP/1.1\n",
        b"\xff\n",
        b'{"jsonrpc":"2.0","id":0,"method":"initialize"}\n',
    ],
)
def test_who_shows_no_good_hello_is_refused_and_it_is_journaled(hello: bytes, tmp_path: Path) -> None:
    async def scenario() -> None:
        async with served(tmp_path) as (core, path):
            refused: list[Event] = []
            core.recorder.listen(refused.append)
            await new_token(core, "scout")
            reader, writer = await asyncio.open_unix_connection(path)
            writer.write(hello)
            answer = json.loads(await reader.readline())
            assert (answer["id"], answer["error"]["code"]) == (None, REFUSED)
            assert await reader.read() == b""
            writer.close()
            (noted,) = [event for event in refused if isinstance(event, AuthenticationRefused)]
            assert noted.listener == "agent socket"
            assert "wrong" not in noted.reason

    asyncio.run(scenario())


def test_a_revoked_token_is_refused_at_the_next_call_of_an_open_session(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with served(tmp_path) as (core, path):
            wire = await Wire.agent(path, await new_token(core, "scout"))
            assert (await wire.call("get_crypto_price", symbol="BTC/USDT"))["ok"] is True
            await core.agents.revoke(AgentId("scout"), "test")
            for tool, arguments in (("get_crypto_price", {"symbol": "BTC/USDT"}), ("place_cex_order", LIMIT)):
                assert codes(await wire.call(tool, **arguments)) == {Code.UNAUTHENTICATED}
            await wire.close()

    asyncio.run(scenario())


def test_refusals_are_noted_a_few_times_a_minute_and_no_more(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with running_core(tmp_path) as core:
            now = [core.clock().replace(second=0, microsecond=0)]

            def clock() -> datetime:
                return now[0]

            door = Door(core.agents, "test", clock)
            before = core.journal.size
            for _ in range(5 * NOTED_PER_MINUTE):
                assert door.admit_token("rt_nobody_x") is None
            assert core.journal.size == before + NOTED_PER_MINUTE
            now[0] += timedelta(minutes=1)
            assert door.admit_peer(uid=1, own_uid=2) is None
            assert core.journal.size == before + NOTED_PER_MINUTE + 1
            assert door.admit_peer(uid=2, own_uid=2) == LOCAL

    asyncio.run(scenario())


def test_a_session_that_dies_leaves_its_order_alone(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with served(tmp_path) as (core, path):
            first = await Wire.agent(path)
            order_id = (await first.call("place_cex_order", **LIMIT))["order"]["order_id"]
            first.writer.transport.abort()
            second = await Wire.agent(path)
            assert (await second.call("get_cex_order", order_id=order_id))["order"]["state"] == "open"
            await second.close()
            assert order_id in core.state.live_orders

    asyncio.run(scenario())


def test_a_caller_who_hangs_up_while_the_order_is_on_its_way_changes_nothing(tmp_path: Path) -> None:
    """The line is cut in the moment in which the order is durable and not yet sent."""

    async def scenario() -> None:
        async with served(tmp_path) as (core, path):
            wire = await Wire.agent(path)
            permitted = recorded(core, OrderPermitted)
            wire.start_call("place_cex_order", **LIMIT, idempotency_key="once")
            await permitted.wait()
            wire.writer.transport.abort()
            again = await Wire.agent(path)
            answer = await again.call("place_cex_order", **LIMIT, idempotency_key="once")
            assert (answer["replayed"], answer["order"]["state"]) == (True, "open")
            assert len(core.state.live_orders) == 1
            await again.close()

    asyncio.run(scenario())


def test_one_waiting_call_stalls_neither_its_own_session_nor_another(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with served(tmp_path) as (_core, path):
            first, second = await Wire.agent(path), await Wire.agent(path)
            order_id = (await first.call("place_cex_order", **LIMIT))["order"]["order_id"]
            waiting = first.start_call("wait_for_cex_order", order_id=order_id, timeout_sec=60)
            for wire in (first, second):
                assert (await wire.call("get_health"))["ok"] is True
            await second.call("cancel_cex_order", order_id=order_id)
            ended = await first.receive()
            assert ended["id"] == waiting
            assert ended["result"]["structuredContent"]["order"]["state"] == "cancelled"
            await first.close()
            await second.close()

    asyncio.run(scenario())


def test_an_agent_sees_and_touches_its_own_orders_only(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with served(tmp_path) as (core, path):
            owner = await Wire.agent(path, await new_token(core, "owner"))
            stranger = await Wire.agent(path, await new_token(core, "stranger"))
            order_id = (await owner.call("place_cex_order", **LIMIT))["order"]["order_id"]
            for tool in ("get_cex_order", "cancel_cex_order", "wait_for_cex_order"):
                assert codes(await stranger.call(tool, order_id=order_id)) == {Code.NOT_FOUND}
            replaced = await stranger.call("replace_cex_order", order_id=order_id, amount="0.002")
            assert codes(replaced) == {Code.NOT_FOUND}
            assert (await stranger.call("list_cex_open_orders"))["orders"] == []
            assert (await stranger.call("list_cex_orders"))["orders"] == []
            assert (await stranger.call("cancel_all_cex_orders"))["cancelled"] == 0
            assert (await owner.call("get_cex_order", order_id=order_id))["order"]["state"] == "open"
            await owner.close()
            await stranger.close()

    asyncio.run(scenario())


def test_an_agent_sees_its_own_proposals_only(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with served(tmp_path, EXECUTION_APPROVAL_MODE="approve_each") as (core, path):
            owner = await Wire.agent(path, await new_token(core, "owner"))
            stranger = await Wire.agent(path, await new_token(core, "stranger"))
            quote_all(core)
            held = await owner.call("place_cex_order", **LIMIT)
            request_id = held["proposal"]["request_id"]
            for tool in ("get_proposal", "cancel_execution"):
                assert codes(await stranger.call(tool, request_id=request_id)) == {Code.NOT_FOUND}
            assert (await stranger.call("list_pending_executions"))["proposals"] == []
            await owner.close()
            await stranger.close()

    asyncio.run(scenario())


def test_a_second_process_does_not_take_the_socket_over(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with served(tmp_path) as (core, path):
            with pytest.raises(ListenerRefused, match="another process serves it"):
                await AgentSocket(core, path).start()

    asyncio.run(scenario())


def test_a_socket_that_a_crash_left_behind_is_replaced(tmp_path: Path) -> None:
    path = tmp_path / "run" / "agent.sock"

    async def scenario() -> None:
        async with running_core(tmp_path) as core:
            with socket.socket(socket.AF_UNIX) as left:
                left.bind(str(path))
                left.listen()
            listener = AgentSocket(core, path)
            await listener.start()
            wire = await Wire.agent(path)
            assert (await wire.call("get_health"))["ok"] is True
            await wire.close()
            await listener.aclose()
            assert not path.exists()

    asyncio.run(scenario())


def test_a_path_that_no_socket_can_have_is_refused_by_name(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with running_core(tmp_path) as core:
            with pytest.raises(ListenerRefused, match="107 at most"):
                await AgentSocket(core, tmp_path / ("x" * 120)).start()

    asyncio.run(scenario())
