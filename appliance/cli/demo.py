"""`readytrader demo`: an agent, its operator and an auditor, each through the door that is really theirs.

Nothing here is staged: the agent is the MCP library's client over stdio, the operator and the auditor are this
program's own verbs in processes of their own. A step that does not come out as told ends the demo with exit code 1.
"""

from __future__ import annotations

import asyncio
import shutil
import subprocess
import tempfile
from collections.abc import Mapping
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from appliance.plugin_host.launcher import environment, program
from appliance.transport.agent_client import AgentClient, connect_stdio

CONFIGURATION = """\
# Written by `readytrader demo`: the conservative profile, and a person for everything from 2,500 USDT.
risk_profile = "conservative"

[approval]
notional_min = "2500"

[paper]
taker_fee_pct = "0.1"
"""
MARKET_WAIT_MAX_S = 20
SYMBOL = "BTC/USDT"


class UnexpectedOutcome(Exception):
    """A step did not come out as it must."""


class Demo:
    """One run, in a home of its own."""

    def __init__(self, console: Console, home: Path) -> None:
        self._console = console
        self._home = home
        self._step = 0

    async def run(self) -> None:
        """All steps, in order. Raises `UnexpectedOutcome`."""
        self._home.mkdir(mode=0o700)
        (self._home / "readytrader.toml").write_text(CONFIGURATION)
        command, *before = program()
        arguments = [*before, "--home", str(self._home), "mcp"]
        with (self._home / "appliance.log").open("w") as errors:
            async with connect_stdio(command, arguments, environment(), errors) as agent:
                await self._trade(agent)
        self._audit()

    async def _trade(self, agent: AgentClient) -> None:
        self._say("An agent connects over MCP", f"{len(await agent.tools())} tools, protocol {agent.protocol}")
        price = await self._market(agent)
        self._say("It is fed a market (made-up prices)", f"{SYMBOL} bid {price['bid']}, ask {price['ask']}")
        deposit = await self._done(agent, "deposit_paper_funds", asset="USDT", amount="100000")
        self._say("It deposits paper money", f"balance {deposit['total']}")
        await self._own_price(agent)
        await self._permitted(agent)
        await self._denied(agent)
        await self._held(agent)
        await self._halted(agent)
        balance = await self._done(agent, "get_cex_balance")
        self._say("What it is worth now", f"equity {balance['equity']}")

    async def _market(self, agent: AgentClient) -> Mapping[str, Any]:
        """Wait for the first quote that may be traded on."""
        async with asyncio.timeout(MARKET_WAIT_MAX_S):
            while True:
                price = await agent.call("get_crypto_price", symbol=SYMBOL)
                if price["ok"] and price.get("trusted"):
                    return price
                await asyncio.sleep(0.1)

    async def _own_price(self, agent: AgentClient) -> None:
        """The oldest trick: hand in a price, then trade on it."""
        health = await agent.call("get_crypto_price", symbol=SYMBOL)
        ask = str(health["ask"]).split()[0]
        handed_in = str(Decimal(ask) / 2)
        answer = await agent.call(
            "ingest_ticker",
            symbol=SYMBOL,
            bid=handed_in,
            ask=handed_in,
            timestamp_ms=_milliseconds(),
            source="trust-me",
        )
        after = await self._done(agent, "get_crypto_price", symbol=SYMBOL)
        if Decimal(str(after["ask"]).split()[0]) < Decimal(ask) * Decimal("0.9"):
            raise UnexpectedOutcome(f"the agent's own price became the market: {after}")
        verdicts = ", ".join(answer["verdicts"])
        admissible = "may" if answer["admissible"] else "must not"
        self._say(
            f"It claims that {SYMBOL} costs {handed_in}",
            f"verdict: {verdicts}; others {admissible} trade on what it hands in, it never may",
            f"the market stays at {after['ask']}",
        )

    async def _permitted(self, agent: AgentClient) -> None:
        placed = await self._done(
            agent, "place_cex_order", symbol=SYMBOL, side="buy", amount="0.02", idempotency_key="a"
        )
        again = await self._done(
            agent, "place_cex_order", symbol=SYMBOL, side="buy", amount="0.02", idempotency_key="a"
        )
        order = placed["order"]
        self._expect(order["state"] == "filled", placed)
        self._expect(again["order"]["order_id"] == order["order_id"], again)
        self._say(
            "It buys 0.02 BTC: permitted",
            f"{order['state']} at {order['average_price']}, fee {', '.join(order['fees'])}",
            f"the same call again with the same key: the same order {order['order_id']}, not a second one",
        )

    async def _denied(self, agent: AgentClient) -> None:
        denied = await agent.call("place_cex_order", symbol=SYMBOL, side="buy", amount="1", idempotency_key="b")
        self._expect(not denied["ok"] and "amount_max" in denied, denied)
        self._say("It asks for 1 BTC: denied, every reason at once")
        table = Table(box=None, padding=(0, 2), header_style="dim")
        for heading in ("code", "rule", "observed", "limit", ""):
            table.add_column(heading)
        for denial in denied["denials"]:
            table.add_row(
                f"[red]{denial['code']}[/red]",
                denial["rule"],
                denial.get("observed", ""),
                denial.get("limit", ""),
                denial.get("unit", ""),
            )
        self._console.print(table)
        self._tell(f"the largest amount allowed now: [bold]{denied['amount_max']}[/bold]")

    async def _held(self, agent: AgentClient) -> None:
        held = await agent.call("place_cex_order", symbol=SYMBOL, side="buy", amount="0.045", idempotency_key="c")
        self._expect(held.get("status") == "held", held)
        request_id = held["proposal"]["request_id"]
        self._expect("token" not in str(held), held)
        self._say("It asks for 0.045 BTC: held for a person", f"proposal {request_id}; no confirm token in the answer")
        self._operator("approvals", "show", request_id)
        self._operator("approvals", "approve", request_id, "--yes")
        order = (await self._done(agent, "get_cex_order", order_id=request_id))["order"]
        self._expect(order["state"] == "filled", order)
        self._tell(f"the agent reads its order: [green]{order['state']}[/green] at {order['average_price']}")

    async def _halted(self, agent: AgentClient) -> None:
        bid = str((await self._market(agent))["bid"]).split()[0]
        low = str((Decimal(bid) * Decimal("0.99")).quantize(Decimal("0.01")))
        resting = await self._done(
            agent, "place_cex_order", symbol=SYMBOL, side="buy", amount="0.001", order_type="limit", price=low
        )
        self._say("It leaves a limit order resting", f"{resting['order']['state']} at {low} USDT")
        self._operator("halt", "--reason", "demonstration")
        after = await self._done(agent, "wait_for_cex_order", order_id=resting["order"]["order_id"], timeout_sec=10)
        self._expect(after["order"]["state"] == "cancelled", after)
        refused = await agent.call("place_cex_order", symbol=SYMBOL, side="buy", amount="0.001")
        self._expect(not refused["ok"], refused)
        self._tell(
            f"its resting order is [bold]{after['order']['state']}[/bold], "
            f"and a new one gets [red]{', '.join(denial['code'] for denial in refused['denials'])}[/red]"
        )
        self._operator("resume", "--reason", "demonstration over")

    def _audit(self) -> None:
        self._say("The appliance is gone; an auditor looks at its journal alone")
        self._operator("audit", "verify", who="auditor")
        self._operator("audit", "export", "--format", "tax-csv", who="auditor")

    def _operator(self, *verb: str, who: str = "operator") -> None:
        """Run one of our own verbs in a process of its own, and show what it says."""
        self._console.print(f"   [bold cyan]{who}$[/bold cyan] readytrader {' '.join(verb)}")
        finished = subprocess.run(  # noqa: S603 - our own program, with arguments of our own
            [*program(), "--home", str(self._home), *verb],
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        for text in (finished.stdout + finished.stderr).rstrip().splitlines():
            self._console.print(f"   [dim]│[/dim] {escape(text)}", highlight=False, soft_wrap=True)
        if finished.returncode:
            raise UnexpectedOutcome(f"readytrader {' '.join(verb)} ended with {finished.returncode}")

    async def _done(self, agent: AgentClient, tool: str, **arguments: object) -> Mapping[str, Any]:
        answer = await agent.call(tool, **arguments)
        self._expect(answer["ok"], answer)
        return answer

    def _expect(self, holds: object, seen: object) -> None:
        if not holds:
            raise UnexpectedOutcome(f"not what must come out: {seen}")

    def _say(self, what: str, *details: str) -> None:
        self._step += 1
        self._console.print(f"\n[bold]{self._step:>2}. {what}[/bold]")
        for detail in details:
            self._tell(detail)

    def _tell(self, text: str) -> None:
        self._console.print(f"    {text}", highlight=False, soft_wrap=True)


def run_demo(*, keep: bool, plain: bool) -> int:
    """Run the demo in a temporary home; the exit code."""
    console = Console(no_color=plain, highlight=False)
    folder = Path(tempfile.mkdtemp(prefix="readytrader-demo-"))
    try:
        fault = asyncio.run(_outcome(Demo(console, folder / "home")))
        if fault is not None:
            console.print(f"\n[bold red]failed:[/bold red] {escape(fault)}", soft_wrap=True)
            log = folder / "home" / "appliance.log"
            console.print(escape(log.read_text()) if log.exists() else "", soft_wrap=True)
            return 1
    finally:
        if keep:
            console.print(f"\nthe demo's home stays in {folder / 'home'}", soft_wrap=True)
        else:
            shutil.rmtree(folder)
    console.print(
        "\n[bold green]Done.[/bold green] Every step came out as it must; any other outcome ends with exit code 1."
    )
    return 0


async def _outcome(demo: Demo) -> str | None:
    """What went wrong, in words, or None. The MCP client's task groups wrap what is raised inside of them."""
    fault: str | None = None
    try:
        await demo.run()
    except* (UnexpectedOutcome, TimeoutError) as group:
        fault = _first(group)
    return fault


def _first(fault: BaseException) -> str:
    return _first(fault.exceptions[0]) if isinstance(fault, BaseExceptionGroup) else str(fault) or type(fault).__name__


def _milliseconds() -> int:
    return int(datetime.now(UTC).timestamp() * 1000)
