"""The operator's verbs for live venues and scopes, over the socket: what is refused, and that nobody else may ask."""

from __future__ import annotations

import asyncio
import json
import os
from datetime import UTC, datetime
from pathlib import Path

import pytest

from appliance.domain.events import OrderReported, ReportSource, TradingStateSet
from appliance.service.sign_of_life import Life, SignFile
from appliance.transport.operator_client import OperatorClient, OperatorRefused
from appliance.transport.operator_socket import operator_name
from appliance.transport.operator_wire import Resolution, Restriction
from tests.transport.serving import call, home_at, recorded
from tests.transport.test_operator_socket import LIMIT, operate, served


def test_on_paper_there_is_no_venue_and_nothing_to_accept(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with served(tmp_path) as (_, path):
            shown = await operate(path, OperatorClient.venues)
            assert (shown.venues, shown.watchdog.state) == ((), "none")
            with pytest.raises(OperatorRefused, match="no live venue 'kraken'"):
                await operate(path, lambda client: client.accept_drift("kraken", "x"))

    asyncio.run(scenario())


def test_a_restriction_is_journaled_with_who_and_why(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with served(tmp_path) as (core, path):
            seen: list[object] = []
            core.recorder.listen(seen.append)
            await operate(path, lambda client: client.restrict("agent:local", Restriction.REDUCE_ONLY, "calm\x1b down"))
            (event,) = seen
            assert isinstance(event, TradingStateSet)
            assert event.scope_state.by == operator_name(os.geteuid())
            assert (event.scope_state.state, event.scope_state.reason) == ("reduce_only", "calm  down")

    asyncio.run(scenario())


@pytest.mark.parametrize(
    "request_",
    [
        {"verb": "restrict", "scope": "global", "state": "active", "reason": "x"},
        {"verb": "restrict", "scope": "global", "state": "halted", "reason": "x"},
        {"verb": "restrict", "scope": "global", "state": "cancel_only", "reason": ""},
        {"verb": "order.resolve", "order_id": "a", "state": "filled", "reason": "x"},
        {"verb": "order.resolve", "order_id": "a", "state": "absent"},
        {"verb": "venue.accept", "venue": "kraken"},
        {"verb": "restrict", "scope": "x" * 101, "state": "cancel_only", "reason": "x"},
    ],
    ids=str,
)
def test_what_no_verb_offers_is_not_done(tmp_path: Path, request_: dict[str, str]) -> None:
    async def scenario() -> None:
        async with served(tmp_path) as (core, path):
            reader, writer = await asyncio.open_unix_connection(path)
            writer.write(json.dumps(request_).encode() + b"\n")
            reply = json.loads(await reader.readline())
            writer.close()
            await writer.wait_closed()
            assert not reply["ok"]
            assert "not a request" in reply["error"]
            assert not core.state.scopes

    asyncio.run(scenario())


def test_only_an_order_that_nobody_knows_of_is_resolved(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with served(tmp_path) as (core, path):
            reported = recorded(core, OrderReported)
            placed = await call(core, "place_cex_order", **LIMIT)
            await reported.wait()
            order_id = placed["order"]["order_id"]
            seen: list[object] = []
            core.recorder.listen(seen.append)
            for name, why in ((order_id, "it is open"), ("nobody", "no such live order")):
                with pytest.raises(OperatorRefused, match=why):
                    await operate(path, lambda client, name=name: client.resolve(name, Resolution.ABSENT, "x"))
            assert not [one for one in seen if isinstance(one, OrderReported) and one.source is ReportSource.OPERATOR]

    asyncio.run(scenario())


def test_the_watchdog_is_alive_only_while_it_gives_signs(tmp_path: Path) -> None:
    async def scenario() -> None:
        sign = SignFile(tmp_path / "run" / "watchdog.alive", lambda: core.clock())
        async with served(tmp_path) as (core, path):
            sign.write(Life.RUNNING, ("kraken: it cannot be asked: Unavailable",))
            shown = (await operate(path, OperatorClient.venues)).watchdog
            assert (shown.state, shown.pid) == ("alive", os.getpid())
            assert shown.problems == ("kraken: it cannot be asked: Unavailable",)
            sign.write(Life.STOPPED)
            assert (await operate(path, OperatorClient.status)).watchdog.state == "stopped"

    asyncio.run(scenario())


def test_an_old_sign_of_a_watchdog_that_was_killed_is_silence(tmp_path: Path) -> None:
    home_at(tmp_path)
    SignFile(tmp_path / "run" / "watchdog.alive", lambda: datetime(2026, 1, 1, tzinfo=UTC)).write(Life.RUNNING)

    async def scenario() -> None:
        async with served(tmp_path) as (_, path):
            assert (await operate(path, OperatorClient.venues)).watchdog.state == "silent"

    asyncio.run(scenario())
