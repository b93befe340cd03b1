"""The operator's verbs, over the real socket and through the client that the command line uses."""

from __future__ import annotations

import asyncio
import json
import os
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from decimal import Decimal
from pathlib import Path
from typing import Any, TypeVar

import pytest
from readytrader_sdk.instruments import Asset, Symbol, VenueId
from readytrader_sdk.orders import Side

from appliance.domain.agents import AgentScope
from appliance.domain.codes import Code
from appliance.domain.events import AuthenticationRefused, ProposalDecided
from appliance.domain.intents import Chain, OrderIntent, SwapIntent, TransferIntent
from appliance.service.core import Core
from appliance.transport.operator_client import NoDaemon, OperatorClient, OperatorRefused
from appliance.transport.operator_socket import LINE_MAX, OperatorSocket, operator_name
from appliance.transport.tool_results import intent_text
from tests.transport.serving import call, codes, quote_all, running_core

ResultT = TypeVar("ResultT")
ORDER = {"symbol": "BTC/USDT", "side": "buy", "amount": "0.001"}
LIMIT = ORDER | {"order_type": "limit", "price": "59000"}
TRADER = frozenset({AgentScope.READ, AgentScope.PAPER})


@asynccontextmanager
async def served(folder: Path, **settings: str) -> AsyncIterator[tuple[Core, Path]]:
    async with running_core(folder, **settings) as core:
        path = folder / "run" / "operator.sock"
        listener = OperatorSocket(core, path)
        await listener.start()
        try:
            yield core, path
        finally:
            await listener.aclose()


async def operate(path: Path, act: Callable[[OperatorClient], ResultT]) -> ResultT:
    """Use the blocking client from a thread, as the command line's process would."""

    def work() -> ResultT:
        with OperatorClient(path, timeout_s=20) as client:
            return act(client)

    return await asyncio.to_thread(work)


def test_status_says_how_everything_is(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with served(tmp_path) as (core, path):
            status = await operate(path, OperatorClient.status)
            assert (status.mode, status.halted, status.equity) == ("paper", False, "10000 USDT")
            assert status.checkpoint == core.journal.checkpoint
            assert [source.name for source in status.sources] == ["scripted"]

    asyncio.run(scenario())


def test_an_approval_shown_and_approved_places_the_order(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with served(tmp_path, EXECUTION_APPROVAL_MODE="approve_each") as (core, path):
            decided: list[Any] = []
            core.recorder.listen(decided.append)
            await call(core, "place_cex_order", **ORDER)
            (waiting,) = await operate(path, OperatorClient.approvals)
            assert waiting.asks == "buy 0.001 BTC of BTC/USDT at binance, market gtc"
            request_id = waiting.request_id
            shown = await operate(path, lambda client: client.approval(request_id))
            quote_all(core)
            approved = await operate(path, lambda client: client.approve(request_id, shown.confirm_token))
            assert approved.order is not None
            assert (approved.order.agent, approved.order.order.state) == ("local", "filled")
            assert approved.order.approved_by == operator_name(os.geteuid())
            (decision,) = [event for event in decided if isinstance(event, ProposalDecided)]
            assert decision.by == operator_name(os.geteuid())
            with pytest.raises(OperatorRefused, match="cannot be decided"):
                await operate(path, lambda client: client.approve(request_id, shown.confirm_token))

    asyncio.run(scenario())


def test_a_wrong_confirm_token_approves_nothing(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with served(tmp_path, EXECUTION_APPROVAL_MODE="approve_each") as (core, path):
            held = await call(core, "place_cex_order", **ORDER)
            request_id = held["proposal"]["request_id"]
            with pytest.raises(OperatorRefused, match=Code.APPROVAL_MISMATCH):
                await operate(path, lambda client: client.approve(request_id, "0" * 32))
            assert len(core.approvals.pending()) == 1

    asyncio.run(scenario())


def test_a_refused_approval_is_closed_with_its_reason(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with served(tmp_path, EXECUTION_APPROVAL_MODE="approve_each") as (core, path):
            held = await call(core, "place_cex_order", **ORDER)
            request_id = held["proposal"]["request_id"]
            refused = await operate(path, lambda client: client.refuse(request_id, "too late\x1b[2J"))
            assert (refused.state, core.approvals.pending()) == ("refused", ())
            (decided,) = (await operate(path, OperatorClient.decided)).approvals
            assert (decided.state, decided.reason) == ("refused", "too late [2J")
            assert await operate(path, OperatorClient.approvals) == []

    asyncio.run(scenario())


def test_halt_cancels_and_stops_and_resume_lets_go(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with served(tmp_path) as (core, path):
            await call(core, "place_cex_order", **LIMIT)
            assert await operate(path, lambda client: client.halt("drill")) == 1
            assert not core.state.live_orders
            assert (await operate(path, OperatorClient.status)).halted
            quote_all(core)
            assert Code.TRADING_STATE in codes(await call(core, "place_cex_order", **ORDER))
            await operate(path, lambda client: client.resume("drill over"))
            assert not (await operate(path, OperatorClient.status)).halted
            quote_all(core)
            assert (await call(core, "place_cex_order", **ORDER))["ok"] is True

    asyncio.run(scenario())


def test_agents_are_added_listed_and_revoked(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with served(tmp_path) as (core, path):
            added = await operate(path, lambda it: it.add_agent("scout", TRADER, 30, frozenset({"BTC/USDT"})))
            principal = core.agents.authenticate(added.token)
            assert principal is not None
            assert principal.symbols == {"BTC/USDT"}
            (listed,) = await operate(path, OperatorClient.agents)
            assert (listed.name, listed.scopes, listed.good) == ("scout", ("paper", "read"), True)
            await operate(path, lambda client: client.revoke_agent("scout"))
            assert core.agents.authenticate(added.token) is None
            for mistake in ("local", "UPPER", "scout extra"):
                with pytest.raises(OperatorRefused, match="agent name"):
                    await operate(path, lambda client, name=mistake: client.add_agent(name, TRADER, 30))
            with pytest.raises(OperatorRefused, match="no instrument 'NOPE/USDT'"):
                await operate(path, lambda client: client.add_agent("x", TRADER, 30, frozenset({"NOPE/USDT"})))

    asyncio.run(scenario())


def test_an_operator_sees_and_cancels_the_orders_of_every_agent(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with served(tmp_path) as (core, path):
            order_id = (await call(core, "place_cex_order", **LIMIT))["order"]["order_id"]
            await call(core, "place_cex_order", **LIMIT | {"price": "58999"})
            live = await operate(path, lambda client: client.orders(live_only=True))
            assert [it.agent for it in live] == ["local", "local"]
            assert (await operate(path, lambda client: client.cancel(order_id))).order.state == "cancelled"
            assert await operate(path, OperatorClient.cancel_all) == 1
            assert len(await operate(path, lambda client: client.orders("BTC/USDT"))) == 2
            assert (await operate(path, OperatorClient.portfolio)).equity == "10000 USDT"

    asyncio.run(scenario())


@pytest.mark.parametrize(
    "line",
    [
        b"garbage",
        b"\xff",
        b"{}",
        b"[" * 50_000,
        b'{"verb":"nope"}',
        b'{"verb":"halt"}',
        b'{"verb":"halt","reason":""}',
        b'{"verb":"resume","reason":7}',
        b'{"verb":"status","more":1}',
        b'{"verb":"orders","limit":201}',
    ],
    ids=lambda line: line[:30],
)
def test_a_malformed_request_is_refused_and_the_session_goes_on(line: bytes, tmp_path: Path) -> None:
    async def scenario() -> None:
        async with served(tmp_path) as (core, path):
            entries = core.journal.size
            reader, writer = await asyncio.open_unix_connection(path)
            writer.write(line + b"\n")
            refused = json.loads(await reader.readline())
            assert refused["ok"] is False
            assert refused["error"].startswith("not a request: ")
            writer.write(b'{"verb":"status"}\n')
            assert json.loads(await reader.readline())["ok"] is True
            assert core.journal.size == entries
            writer.close()
            await writer.wait_closed()

    asyncio.run(scenario())


def test_an_oversized_request_ends_the_session_with_a_word(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with served(tmp_path) as (_core, path):
            reader, writer = await asyncio.open_unix_connection(path)
            writer.write(b"x" * (LINE_MAX + 1))
            assert str(LINE_MAX) in json.loads(await reader.readline())["error"]
            writer.close()

    asyncio.run(scenario())


def test_a_uid_that_is_no_operators_is_refused_and_journaled(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with running_core(tmp_path) as core:
            noted: list[Any] = []
            core.recorder.listen(noted.append)
            listener = OperatorSocket(core, tmp_path / "run" / "operator.sock")
            listener._uids = frozenset({os.geteuid() + 1})
            await listener.start()
            with pytest.raises(OperatorRefused, match=f"uid {os.geteuid()} is no operator here"):
                await operate(tmp_path / "run" / "operator.sock", OperatorClient.status)
            assert [event.listener for event in noted if isinstance(event, AuthenticationRefused)] == [
                "operator socket"
            ]
            await listener.aclose()

    asyncio.run(scenario())


def test_without_a_daemon_the_client_says_where_it_looked(tmp_path: Path) -> None:
    with pytest.raises(NoDaemon, match=str(tmp_path)):
        OperatorClient(tmp_path / "operator.sock")


def test_every_kind_of_request_reads_in_one_line() -> None:
    order = OrderIntent(
        venue=VenueId("binance"), symbol=Symbol("BTC/USDT"), side=Side.SELL, quantity=Decimal("0.00000001")
    )
    chain, usdt, eth = Chain("ethereum"), Asset("USDT"), Asset("ETH")
    swap = SwapIntent(chain=chain, from_asset=usdt, to_asset=eth, amount=Decimal(5))
    transfer = TransferIntent(chain=chain, asset=eth, amount=Decimal("0.1"), to_address="0x1")
    assert intent_text(order) == "sell 0.00000001 BTC of BTC/USDT at binance, market gtc"
    assert intent_text(swap) == "swap 5 USDT for ETH on ethereum"
    assert intent_text(transfer) == "send 0.1 ETH to 0x1 on ethereum"
