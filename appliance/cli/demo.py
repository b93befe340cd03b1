"""`readytrader demo`: an agent, its operator and an auditor, each through the door that is really theirs.

Nothing here is staged: the agent is the MCP library's client over stdio, the operator and the auditor are this
program's own verbs in processes of their own. A step that does not come out as told ends the demo with exit code 1.
"""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal

from rich.table import Table

from appliance.cli.stage import SYMBOL, Stage, UnexpectedOutcome, put_on
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


class Demo(Stage):
    """One run, in a home of its own."""

    async def run(self) -> None:
        """All steps, in order. Raises `UnexpectedOutcome`."""
        self.home.mkdir(mode=0o700)
        (self.home / "readytrader.toml").write_text(CONFIGURATION)
        command, *before = program()
        arguments = [*before, "--home", str(self.home), "mcp"]
        with (self.home / "appliance.log").open("w") as errors:
            async with connect_stdio(command, arguments, environment(), errors) as agent:
                await self._trade(agent)
        self._audit()

    async def _trade(self, agent: AgentClient) -> None:
        self.say("An agent connects over MCP", f"{len(await agent.tools())} tools, protocol {agent.protocol}")
        price = await self.market(agent)
        self.say("It is fed a market (made-up prices)", f"{SYMBOL} bid {price['bid']}, ask {price['ask']}")
        deposit = await self.done(agent, "deposit_paper_funds", asset="USDT", amount="100000")
        self.say("It deposits paper money", f"balance {deposit['total']}")
        await self._own_price(agent)
        await self._permitted(agent)
        await self._denied(agent)
        await self._held(agent)
        await self._halted(agent)
        balance = await self.done(agent, "get_cex_balance")
        self.say("What it is worth now", f"equity {balance['equity']}")

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
        after = await self.done(agent, "get_crypto_price", symbol=SYMBOL)
        if Decimal(str(after["ask"]).split()[0]) < Decimal(ask) * Decimal("0.9"):
            raise UnexpectedOutcome(f"the agent's own price became the market: {after}")
        verdicts = ", ".join(answer["verdicts"])
        admissible = "may" if answer["admissible"] else "must not"
        self.say(
            f"It claims that {SYMBOL} costs {handed_in}",
            f"verdict: {verdicts}; others {admissible} trade on what it hands in, it never may",
            f"the market stays at {after['ask']}",
        )

    async def _permitted(self, agent: AgentClient) -> None:
        placed = await self.done(
            agent, "place_cex_order", symbol=SYMBOL, side="buy", amount="0.02", idempotency_key="a"
        )
        again = await self.done(agent, "place_cex_order", symbol=SYMBOL, side="buy", amount="0.02", idempotency_key="a")
        order = placed["order"]
        self.expect(order["state"] == "filled", placed)
        self.expect(again["order"]["order_id"] == order["order_id"], again)
        self.say(
            "It buys 0.02 BTC: permitted",
            f"{order['state']} at {order['average_price']}, fee {', '.join(order['fees'])}",
            f"the same call again with the same key: the same order {order['order_id']}, not a second one",
        )

    async def _denied(self, agent: AgentClient) -> None:
        denied = await agent.call("place_cex_order", symbol=SYMBOL, side="buy", amount="1", idempotency_key="b")
        self.expect(not denied["ok"] and "amount_max" in denied, denied)
        self.say("It asks for 1 BTC: denied, every reason at once")
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
        self.console.print(table)
        self.tell(f"the largest amount allowed now: [bold]{denied['amount_max']}[/bold]")

    async def _held(self, agent: AgentClient) -> None:
        held = await agent.call("place_cex_order", symbol=SYMBOL, side="buy", amount="0.045", idempotency_key="c")
        self.expect(held.get("status") == "held", held)
        request_id = held["proposal"]["request_id"]
        self.expect("token" not in str(held), held)
        self.say("It asks for 0.045 BTC: held for a person", f"proposal {request_id}; no confirm token in the answer")
        self.operator("approvals", "show", request_id)
        self.operator("approvals", "approve", request_id, "--yes")
        order = (await self.done(agent, "get_cex_order", order_id=request_id))["order"]
        self.expect(order["state"] == "filled", order)
        self.tell(f"the agent reads its order: [green]{order['state']}[/green] at {order['average_price']}")

    async def _halted(self, agent: AgentClient) -> None:
        bid = str((await self.market(agent))["bid"]).split()[0]
        low = str((Decimal(bid) * Decimal("0.99")).quantize(Decimal("0.01")))
        resting = await self.done(
            agent, "place_cex_order", symbol=SYMBOL, side="buy", amount="0.001", order_type="limit", price=low
        )
        self.say("It leaves a limit order resting", f"{resting['order']['state']} at {low} USDT")
        self.operator("halt", "--reason", "demonstration")
        after = await self.done(agent, "wait_for_cex_order", order_id=resting["order"]["order_id"], timeout_sec=10)
        self.expect(after["order"]["state"] == "cancelled", after)
        refused = await agent.call("place_cex_order", symbol=SYMBOL, side="buy", amount="0.001")
        self.expect(not refused["ok"], refused)
        self.tell(
            f"its resting order is [bold]{after['order']['state']}[/bold], "
            f"and a new one gets [red]{', '.join(denial['code'] for denial in refused['denials'])}[/red]"
        )
        self.operator("resume", "--reason", "demonstration over")

    def _audit(self) -> None:
        self.say("The appliance is gone; an auditor looks at its journal alone")
        self.operator("audit", "verify", who="auditor")
        self.operator("report", "tax", who="auditor")


def run_demo(*, keep: bool, plain: bool) -> int:
    """Run the demo in a temporary home; the exit code."""
    return put_on(Demo, keep=keep, plain=plain)


def _milliseconds() -> int:
    return int(datetime.now(UTC).timestamp() * 1000)
