"""What the operators' listener costs: a call of the portfolio with many fills in the store, and many live lines."""

from __future__ import annotations

import asyncio
import json
import time
from contextlib import AsyncExitStack
from decimal import Decimal
from pathlib import Path
from statistics import median

import apsw
from pytest_benchmark.fixture import BenchmarkFixture
from readytrader_sdk.instruments import Symbol
from readytrader_sdk.market import Quote
from websockets.asyncio.client import ClientConnection, connect

from appliance.domain.operators import Role
from tests.operator_http.serving import Caller, served
from tests.transport.serving import call

FILLS = 100_000
CALLS = 300
CLIENTS, UPDATES_PER_S, SECONDS = 200, 10, 5


async def p50_ms(caller: Caller, path: str) -> tuple[float, float]:
    """The median time of calls one after the other over one connection, and the CPU time of one, both in ms."""
    reader, writer = await asyncio.open_connection("127.0.0.1", caller.port)
    request = f"GET {path} HTTP/1.1\r\nHost: localhost:{caller.port}\r\n"
    request += f"Authorization: {caller.client.headers['Authorization']}\r\n\r\n"
    took, cpu = [], time.process_time()
    for _ in range(CALLS):
        begun = time.perf_counter()
        writer.write(request.encode())
        head = await reader.readuntil(b"\r\n\r\n")
        await reader.readexactly(int(head.lower().partition(b"content-length: ")[2].partition(b"\r")[0]))
        took.append(time.perf_counter() - begun)
        assert head.startswith(b"HTTP/1.1 200")
    cpu = time.process_time() - cpu
    writer.close()
    return median(took) * 1000, cpu / CALLS * 1000


def multiply_fills(home: Path) -> None:
    """Put the row of a filled order into the store again and again, as orders of days before."""
    connection = apsw.Connection(str(home / "journal.db"))
    seq, body = connection.execute("SELECT seq, body FROM record WHERE kind = 'order' LIMIT 1").fetchone()
    with connection:
        connection.executemany(
            "INSERT INTO record VALUES ('order', ?, 0, '2026-01-01T00:00:00Z', ?, ?)",
            ((f"copy{number}", seq, body) for number in range(FILLS)),
        )
    connection.close()


def bench_portfolio_with_many_fills(benchmark: BenchmarkFixture, tmp_path: Path) -> None:
    async def scenario() -> None:
        async with served(tmp_path) as (core, _):
            await call(core, "place_cex_order", symbol="BTC/USDT", side="buy", amount="0.001")
        await asyncio.to_thread(multiply_fills, tmp_path)
        async with served(tmp_path) as (core, http), await Caller.signed_in(core, http, Role.VIEWER) as viewer:
            await p50_ms(viewer, "/api/health")
            health, _ = await p50_ms(viewer, "/api/health")
            portfolio, cpu = await p50_ms(viewer, "/api/portfolio")
            benchmark.extra_info |= {"portfolio_p50_ms": portfolio, "health_p50_ms": health, "portfolio_cpu_ms": cpu}
            benchmark.extra_info["ratio"] = portfolio / health
            print(f"\np50 {portfolio:.2f} ms ({cpu:.2f} ms of CPU), {portfolio / health:.2f} times that of health")  # noqa: T201

    benchmark.pedantic(lambda: asyncio.run(scenario()), rounds=1)


async def _hear(line: ClientConnection, heard: list[int], place: int) -> None:
    async for message in line:
        heard[place] += json.loads(message)["type"] == "TICKER_UPDATE"


def bench_live_lines(benchmark: BenchmarkFixture, tmp_path: Path) -> None:
    """Clients and server share this process: its CPU is more than the server's own."""

    async def scenario() -> None:
        async with (
            served(tmp_path) as (core, http),
            await Caller.signed_in(core, http, Role.VIEWER) as viewer,
            AsyncExitStack() as stack,
        ):
            heard = [0] * CLIENTS
            async with asyncio.TaskGroup() as group:
                lines = []
                for place in range(CLIENTS):
                    line = await stack.enter_async_context(connect(f"ws://localhost:{http.port}/ws"))
                    await line.send(json.dumps({"type": "AUTH", "token": viewer.tokens["access_token"]}))
                    group.create_task(_hear(line, heard, place))
                    lines.append(line)
                cpu, begun = time.process_time(), time.perf_counter()
                for number in range(SECONDS * UPDATES_PER_S):
                    now, bid = core.clock(), Decimal(60_000 + number % 7)
                    quote = Quote(symbol=Symbol("BTC/USDT"), bid=bid, ask=bid + 20, observed_at=now)
                    core.bus.publish("scripted", quote, now)
                    await asyncio.sleep(max(0.0, begun + (number + 1) / UPDATES_PER_S - time.perf_counter()))
                share = (time.process_time() - cpu) / (time.perf_counter() - begun)
                for line in lines:
                    await line.close()
            each = min(heard) / SECONDS
            benchmark.extra_info |= {"cpu_share": share, "updates_per_s_least": each}
            print(f"\n{CLIENTS} lines: {each:.1f} updates/s at least, {share:.2f} of a core with the clients")  # noqa: T201

    benchmark.pedantic(lambda: asyncio.run(scenario()), rounds=1)
