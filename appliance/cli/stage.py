"""What every demo stands on: it tells what happens, step by step, and a step that comes out otherwise ends it."""

from __future__ import annotations

import asyncio
import os
import shutil
import subprocess
import tempfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Protocol

from rich.console import Console
from rich.markup import escape

from appliance.plugin_host.launcher import environment, program
from appliance.transport.agent_client import AgentClient

MARKET_WAIT_MAX_S = 20
SYMBOL = "BTC/USDT"
KEPT = ("PATH", "HOME", "LANG", "TMPDIR")


class UnexpectedOutcome(Exception):
    """A step did not come out as it must."""


def surroundings() -> dict[str, str]:
    """The environment of what a demo starts: no setting of the person's who watches it."""
    return {name: os.environ[name] for name in KEPT if name in os.environ} | environment()


class Stage:
    """One run, in a home of its own."""

    def __init__(self, console: Console, home: Path) -> None:
        self.console = console
        self.home = home
        self.step = 0

    async def market(self, agent: AgentClient) -> Mapping[str, Any]:
        """Wait for the first quote that may be traded on."""
        async with asyncio.timeout(MARKET_WAIT_MAX_S):
            while True:
                price = await agent.call("get_crypto_price", symbol=SYMBOL)
                if price["ok"] and price.get("trusted"):
                    return price
                await asyncio.sleep(0.1)

    def operator(self, *verb: str, who: str = "operator") -> None:
        """Run one of our own verbs in a process of its own, and show what it says."""
        self.console.print(f"   [bold cyan]{who}$[/bold cyan] readytrader {' '.join(verb)}")
        finished = subprocess.run(  # noqa: S603 - our own program, with arguments of our own
            [*program(), "--home", str(self.home), *verb],
            env=surroundings(),
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        for text in (finished.stdout + finished.stderr).rstrip().splitlines():
            self.console.print(f"   [dim]│[/dim] {escape(text)}", highlight=False, soft_wrap=True)
        if finished.returncode:
            raise UnexpectedOutcome(f"readytrader {' '.join(verb)} ended with {finished.returncode}")

    async def done(self, agent: AgentClient, tool: str, **arguments: object) -> Mapping[str, Any]:
        """The answer to a tool call that must not be refused."""
        answer = await agent.call(tool, **arguments)
        self.expect(answer["ok"], answer)
        return answer

    def expect(self, holds: object, seen: object) -> None:
        """Raises `UnexpectedOutcome` that shows what was seen."""
        if not holds:
            raise UnexpectedOutcome(f"not what must come out: {seen}")

    def say(self, what: str, *details: str) -> None:
        """Begin the next step."""
        self.step += 1
        self.console.print(f"\n[bold]{self.step:>2}. {what}[/bold]")
        for detail in details:
            self.tell(detail)

    def tell(self, text: str) -> None:
        """One more line of the step."""
        self.console.print(f"    {text}", highlight=False, soft_wrap=True)


class Performance(Protocol):
    """A demo that can be run."""

    async def run(self) -> None:
        """All steps, in order. Raises `UnexpectedOutcome`."""


def put_on(make: Callable[[Console, Path], Performance], *, keep: bool, plain: bool) -> int:
    """Run a demo in a temporary home; the exit code."""
    console = Console(no_color=plain, highlight=False)
    folder = Path(tempfile.mkdtemp(prefix="readytrader-demo-"))
    try:
        fault = asyncio.run(_outcome(make(console, folder / "home")))
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


async def _outcome(demo: Performance) -> str | None:
    """What went wrong, in words, or None. The MCP client's task groups wrap what is raised inside of them."""
    fault: str | None = None
    try:
        await demo.run()
    except* (UnexpectedOutcome, TimeoutError) as group:
        fault = _first(group)
    return fault


def _first(fault: BaseException) -> str:
    return _first(fault.exceptions[0]) if isinstance(fault, BaseExceptionGroup) else str(fault) or type(fault).__name__
