"""One scripted life of an appliance, to be run as a process of its own and killed at any of its system calls.

Prints, straight to the descriptor, the name of each answer that it was given: what was said must still be true after
whatever ended the process. A core that was killed before starts again on the same folder and goes on with the script.
"""

from __future__ import annotations

import asyncio
import os
import sys
from decimal import Decimal
from pathlib import Path

from readytrader_sdk.instruments import Asset
from readytrader_sdk.orders import ClientOrderId

from appliance.domain.codes import Code
from appliance.domain.intents import RequestId
from appliance.service.agents import LOCAL
from appliance.service.outcomes import Held, Placed, Refused
from appliance.store.journal import JournalUnavailable
from tests.service.rig import OPERATOR, Rig, buy, open_rig

TOML = """
[limits]
position_max_pct = 100
exposure_max_pct = 100
open_notional_max_pct = 100
turnover_max_pct = 10000
[approval]
notional_min = 20000
"""


WARMING = 5
"""Commits that come first, so that the journal's thread is ahead of the main thread's calls at the opening."""


class JournalGone(Exception):
    """The core said that its journal cannot be written."""


def say(what: str, identifier: str = "") -> None:
    os.write(1, f"{what} {identifier}\n".encode())


def told(name: str, outcome: object) -> ClientOrderId:
    """Pass an answer on, and give the ID of what it is about."""
    if isinstance(outcome, Refused):
        if any(denial.code is Code.JOURNAL_UNAVAILABLE for denial in outcome.denials):
            raise JournalGone(name)
        raise AssertionError(f"{name}: {outcome}")
    if isinstance(outcome, Placed):
        say(f"{name}:{outcome.order.state}", outcome.order.client_order_id)
        return outcome.order.client_order_id
    if isinstance(outcome, Held):
        say(f"{name}:held", outcome.record.request.request_id)
        return ClientOrderId(outcome.record.request.request_id)
    say(name, str(outcome))
    return ClientOrderId("")


async def live(rig: Rig) -> None:
    """Deposits, a market order, a resting one, its replacement, a cancel, an approval, a fill, a halt and a resume."""
    desk, orders = rig.core.desk, rig.core.orders
    for _ in range(WARMING):
        told("deposited", await rig.core.funds.deposit(LOCAL, Asset("USDT"), Decimal(20000)))
    told("bought", await desk.submit(LOCAL, buy("0.01"), key="market"))
    resting = told("resting", await desk.submit(LOCAL, buy("0.02", "49000"), key="limit"))
    replacing = buy("0.03", "49100", replaces=resting)
    replacement = told("replaced", await desk.submit(LOCAL, replacing, key="replace"))
    cancelled = await orders.cancel(replacement, LOCAL.agent_id, "agent")
    if rig.core.recorder.failure is not None:  # a cancel goes out all the same, on the venue's word alone
        raise JournalGone("cancelled")
    told("cancelled", cancelled)
    held = RequestId(told("proposed", await desk.submit(LOCAL, buy("0.5"), key="much")))
    shown = rig.core.approvals.show(held, OPERATOR)
    assert shown is not None
    told("approved", await rig.core.approvals.approve(held, shown.confirm_token or "", OPERATOR))
    last = told("waiting", await desk.submit(LOCAL, buy("0.04", "49500"), key="last"))
    rig.clock.advance(1)
    rig.quote("49480", "49490")
    waited = await orders.wait(last, LOCAL.agent_id, 5)
    assert waited is not None
    say(f"filled:{waited.state}", last)
    await rig.core.stop_trading("operator", "the script says so")
    say("halted")
    await rig.core.halt.resume("operator", "the script goes on")
    say("resumed")


async def run(folder: Path) -> None:
    async with open_rig(folder, TOML) as rig:
        rig.quote()
        say("open")
        try:
            await live(rig)
        except (JournalGone, JournalUnavailable) as gone:
            say("refused", str(gone))
            attempt = await rig.core.desk.submit(LOCAL, buy("0.05"))
            say("sent" if isinstance(attempt, Placed) else "still-refused")
            raise SystemExit(3) from gone


async def prepare(folder: Path) -> None:
    """Make the home, so that a life begins with few system calls of the main thread."""
    async with open_rig(folder, TOML):
        pass


if __name__ == "__main__":
    asyncio.run(run(Path(sys.argv[1])))
