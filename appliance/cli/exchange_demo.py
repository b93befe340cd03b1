"""`readytrader demo --exchange`: real exchange code against an exchange that loses an answer, and what comes of it.

The exchange is this program's own local one, in a process of its own on loopback; everything else is as it would be
with real money: live mode, the daemon, a caged worker with ccxt, an agent with a token over MCP.
"""

from __future__ import annotations

import asyncio
import json
import signal
import subprocess
import urllib.request
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager, suppress
from decimal import Decimal
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from appliance.cli.stage import SYMBOL, Stage, UnexpectedOutcome, put_on, surroundings
from appliance.plugin_host.launcher import program
from appliance.transport.agent_client import AgentClient, connect_stdio

KEY, SECRET = "demo-key", "demo-secret"
READY_S_MAX = 60
CONFIGURATION = """\
# Written by `readytrader demo --exchange`: live mode, on an exchange of play money.
paper_mode = false
live_trading_enabled = true

[approval]
notional_min = "2500"

[allow]
exchanges = ["binance"]
symbols = ["BTC/USDT"]
market_types = ["spot"]
tokens = ["BTC", "USDT"]
chains = []

[limits]
notional_order_max = "5000"
notional_cex_order_max = "5000"

[agent]
http_port = 0
[operator_http]
port = 0

[[source]]
name = "binance_stream"
plugin = "ccxt_feed"
priority = 0
settings = {{exchange = "binance", symbols = "BTC/USDT", feed = "stream", url = "{url}"}}
private_hosts = ["{host}"]

[[exchange]]
name = "binance"
plugin = "ccxt"
live = true
settings = {{exchange = "binance", url = "{url}"}}
private_hosts = ["{host}"]
"""


class ExchangeDemo(Stage):
    """One run, in a home of its own."""

    async def run(self) -> None:
        """All steps, in order. Raises `UnexpectedOutcome`."""
        self.home.mkdir(mode=0o700)
        ledger = self.home.parent / "exchange-ledger.jsonl"
        with _exchange(ledger) as url:
            self._url = url
            self.say("An exchange of play money", f"{url} speaks Binance's wire; its own ledger is {ledger.name}")
            self._prepare()
            token = ""
            async with self._daemon():
                token = self._token()
                await self._fit()
                async with self._agent(token) as agent:
                    await self._trade(agent)
                    resting = await self._rest(agent)
            self.say("The appliance was killed with that order resting, and starts again")
            async with self._daemon():
                await self._fit()
                async with self._agent(token) as agent:
                    await self._after_the_kill(agent, resting)
                    self._sent = [one["order"]["order_id"] for one in self._ask("order", "list", "--json")]
            self._compare(ledger)

    # the stage

    def _prepare(self) -> None:
        (self.home / "readytrader.toml").write_text(
            CONFIGURATION.format(url=self._url, host=urlsplit(self._url).netloc)
        )
        self._local("POST", "keys", key=KEY, secret=SECRET, balances={"USDT": "100000"})
        for name, value in (("api_key", KEY), ("api_secret", SECRET)):
            file = self.home.parent / name
            file.write_text(value)
            self.operator("plugin", "secret", "binance", name, "--from-file", str(file))
            file.unlink()

    def _token(self) -> str:
        answer = self._ask("agent", "add", "trader", "--scope", "read", "--scope", "live", "--json")
        self.say("The operator gives an agent a token with the scope live", f"agent {answer['name']}")
        return str(answer["token"])

    @asynccontextmanager
    async def _daemon(self) -> AsyncIterator[None]:
        """The appliance as systemd would run it; killed at the end, without a chance to say goodbye."""
        command = [*program(), "--home", str(self.home), "serve", "--log-level", "warning"]
        with (self.home / "appliance.log").open("a") as log:
            daemon = await asyncio.create_subprocess_exec(*command, stderr=log, env=surroundings())
        try:
            async with asyncio.timeout(READY_S_MAX):
                while not (self.home / "run" / "operator.sock").exists():
                    if daemon.returncode is not None:
                        raise UnexpectedOutcome(f"readytrader serve ended with {daemon.returncode}")
                    await asyncio.sleep(0.1)
            yield
        finally:
            daemon.send_signal(signal.SIGKILL)
            await daemon.wait()
            with suppress(FileNotFoundError):
                (self.home / "run" / "operator.sock").unlink()

    @asynccontextmanager
    async def _agent(self, token: str) -> AsyncIterator[AgentClient]:
        command, *before = program()
        arguments = [*before, "--home", str(self.home), "mcp"]
        with (self.home / "agent.log").open("a") as errors:
            variables = {**surroundings(), "READYTRADER_AGENT_TOKEN": token}
            async with connect_stdio(command, arguments, variables, errors) as agent:
                yield agent

    async def _fit(self) -> None:
        """Wait until the venue was reconciled and its key found harmless."""
        async with asyncio.timeout(READY_S_MAX):
            while True:
                venues = self._ask("venue", "list", "--json")["venues"]
                if venues and "problem" not in venues[0]:
                    break
                await asyncio.sleep(0.2)
        self.operator("venue", "list")

    # the play

    async def _trade(self, agent: AgentClient) -> None:
        price = await self.market(agent)
        self.say("The agent sees the exchange's own market", f"{SYMBOL} bid {price['bid']}, ask {price['ask']}")
        placed = await self.done(agent, "place_cex_order", symbol=SYMBOL, side="buy", amount="0.01")
        order = await self._ended(agent, placed["order"]["order_id"])
        self.expect(order["state"] == "filled", order)
        self.say("It buys 0.01 BTC", f"{order['state']} at {order['average_price']}, fee {', '.join(order['fees'])}")
        await self._lost_answer(agent)
        await self._held(agent)

    async def _lost_answer(self, agent: AgentClient) -> None:
        """The worst moment: the exchange takes an order and does not say so."""
        self._local("POST", "faults", fault="lost_then_late_acknowledgement", times=1, ms=1000)
        placed = await self.done(agent, "place_cex_order", symbol=SYMBOL, side="buy", amount="0.011")
        order_id, first = placed["order"]["order_id"], placed["order"]["state"]
        order = await self._ended(agent, order_id)
        self.expect(order["state"] == "filled", order)
        self.expect(self._accepted(order_id) == 1, f"accepted {self._accepted(order_id)} times")
        self.say(
            "The exchange takes the next order and drops the connection without an answer",
            f"the appliance says {first}, sends nothing again, and asks: {order['state']}",
            "the exchange counts that order once",
        )

    async def _held(self, agent: AgentClient) -> None:
        held = await agent.call("place_cex_order", symbol=SYMBOL, side="buy", amount="0.045")
        self.expect(held.get("status") == "held", held)
        request_id = held["proposal"]["request_id"]
        self.say("It asks for more than the operator lets it have alone", f"held as proposal {request_id}")
        self.operator("approvals", "approve", request_id, "--yes")
        order = await self._ended(agent, request_id)
        self.expect(order["state"] == "filled", order)
        self.tell(f"the agent reads its order: [green]{order['state']}[/green] at {order['average_price']}")

    async def _rest(self, agent: AgentClient) -> str:
        bid = str((await self.market(agent))["bid"]).split()[0]
        low = str((Decimal(bid) * Decimal("0.99")).quantize(Decimal("0.01")))
        resting = await self.done(
            agent, "place_cex_order", symbol=SYMBOL, side="buy", amount="0.001", order_type="limit", price=low
        )
        self.say("It leaves a limit order resting", f"{resting['order']['state']} at {low} USDT")
        return str(resting["order"]["order_id"])

    async def _after_the_kill(self, agent: AgentClient, resting: str) -> None:
        order = (await self.done(agent, "get_cex_order", order_id=resting))["order"]
        self.expect(order["state"] == "open" and self._accepted(resting) == 1, order)
        self.tell(f"its order is {order['state']}, and was sent once")
        self.operator("halt", "--reason", "demonstration")
        after = await self._ended(agent, resting)
        self.expect(after["state"] == "cancelled" and not self._open_orders(), after)
        self.say("A halt empties the exchange", f"the order is {after['state']}, nothing is open there")

    def _compare(self, ledger: Path) -> None:
        """What the auditor sees: the journal proves itself, and agrees with the exchange's own book."""
        self.operator("audit", "verify", who="auditor")
        lines = [json.loads(line) for line in ledger.read_text().splitlines()]
        accepted = [line["client_order_id"] for line in lines if line["kind"] == "accepted"]
        self.expect(sorted(accepted) == sorted(self._sent), {"accepted": accepted, "sent": self._sent})
        self.say(
            "The exchange's own ledger, beside the journal",
            f"{len(accepted)} orders accepted there, {len(self._sent)} permitted here, each once and the same ones",
        )

    async def _ended(self, agent: AgentClient, order_id: str) -> Mapping[str, Any]:
        answer = await self.done(agent, "wait_for_cex_order", order_id=order_id, timeout_sec=30)
        order: Mapping[str, Any] = answer["order"]
        return order

    # the exchange's side, which no agent and no operator sees

    def _local(self, method: str, path: str, **body: object) -> Any:
        request = urllib.request.Request(  # noqa: S310 - our own exchange on loopback
            f"{self._url}/local/{path}",
            data=json.dumps(body).encode() if body else None,
            method=method,
            headers={"Content-Type": "application/json"},
        )
        with urllib.request.urlopen(request, timeout=10) as answer:  # noqa: S310 - as above
            return json.load(answer)

    def _orders(self) -> list[Mapping[str, Any]]:
        return [order for orders in self._local("GET", "orders").values() for order in orders]

    def _accepted(self, client_order_id: str) -> int:
        return sum(order["request"].get("client_order_id") == client_order_id for order in self._orders())

    def _open_orders(self) -> list[Mapping[str, Any]]:
        return [order for order in self._orders() if order["state"] in ("open", "partly_filled")]

    def _ask(self, *verb: str) -> Any:
        """The JSON of one of our own verbs."""
        finished = subprocess.run(  # noqa: S603 - our own program, with arguments of our own
            [*program(), "--home", str(self.home), *verb],
            env=surroundings(),
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        if finished.returncode:
            raise UnexpectedOutcome(f"readytrader {' '.join(verb)}: {finished.stderr.strip()}")
        return json.loads(finished.stdout)


@contextmanager
def _exchange(ledger: Path) -> Iterator[str]:
    """The local exchange in a process of its own, with a market that moves; its URL."""
    command = [*program(), "local-exchange", "--walk", "--seed", "7", "--ledger", str(ledger)]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, env=surroundings())  # noqa: S603 - ours
    try:
        if process.stdout is None:
            raise UnexpectedOutcome("the local exchange has no output")
        line = process.stdout.readline()
        if not line:
            raise UnexpectedOutcome("the local exchange did not start")
        yield str(json.loads(line)["url"])
    finally:
        process.terminate()
        process.wait()


def run_exchange_demo(*, keep: bool, plain: bool) -> int:
    """Run the demo in a temporary home; the exit code."""
    return put_on(ExchangeDemo, keep=keep, plain=plain)
