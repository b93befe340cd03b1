"""One scripted life of a live core, to be run as a process of its own and killed at any of its writes and sends.

Prints, straight to the descriptor, each answer that the agent was given. The venue is another process's, and stays.
"""

from __future__ import annotations

import asyncio
import os
import sys
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import cast

from msgspec.structs import replace
from readytrader_sdk.orders import ClientOrderId

from appliance.domain.intents import Intent
from appliance.service.enquiries import UNCERTAIN
from appliance.service.outcomes import Placed
from tests.crash.far_venue import FILLED_BY_HALF, LOST_AFTER, LOST_BEFORE, FarVenue
from tests.service.live import BRISK, Live, open_live
from tests.service.rig import ManualClock, buy
from tests.service.scripted_venue import ScriptedVenue

PATIENCE = replace(
    BRISK, enquiry_delays=(timedelta(milliseconds=10),), absent_after=timedelta(seconds=0.3), drift_seen_min=1
)
LIMIT = "49000"


class WallClock(ManualClock):
    """The time that the venue has too."""

    @property
    def now(self) -> datetime:
        return datetime.now(UTC)

    @now.setter
    def now(self, _: datetime) -> None:
        """Nobody sets it."""


def asked_for(replaced: ClientOrderId) -> dict[str, Intent]:
    """Everything that the agent asks for, each under its key; asked again, it must be the same."""
    return {
        "market": buy("0.01"),
        "resting": buy("0.02", LIMIT),
        "replacing": buy("0.03", LIMIT, replaces=replaced),
        "filled by half": buy(str(FILLED_BY_HALF), LIMIT),
        "lost after": buy(str(LOST_AFTER), LIMIT),
        "lost before": buy(str(LOST_BEFORE), LIMIT),
        "left standing": buy("0.05", LIMIT),
    }


def say(what: str, identifier: str = "") -> None:
    os.write(1, f"{what} {identifier}\n".encode())


async def live(rig: Live) -> None:
    """An order at market, a resting one and its replacement, a cancel, a partial fill, two lost answers, a halt."""
    resting = ClientOrderId("")
    for key in ("market", "resting", "replacing"):
        placed = await told(rig, key, asked_for(resting)[key])
        resting = placed if key == "resting" else resting
    cancelled = await rig.core.orders.cancel(placed, rig.agent_.agent_id, "agent")
    if isinstance(cancelled, Placed):
        say(f"cancelled:{cancelled.order.state}", cancelled.order.client_order_id)
    for key in ("filled by half", "lost after", "lost before"):
        await settled(rig, await told(rig, key, asked_for(resting)[key]))
    await told(rig, "left standing", asked_for(resting)["left standing"])
    await rig.core.stop_trading("operator", "the script says so")
    say("halted")


async def told(rig: Live, key: str, intent: Intent) -> ClientOrderId:
    outcome = await rig.send(intent, key=key)
    assert isinstance(outcome, Placed), outcome
    say(f"{key}:{outcome.order.state}", outcome.order.client_order_id)
    return outcome.order.client_order_id


async def settled(rig: Live, client_order_id: ClientOrderId) -> None:
    await rig.until(lambda: rig.of(client_order_id).state not in UNCERTAIN)


def at(folder: Path, act: Callable[[Live], Awaitable[None]], socket: Path, *, fit: bool = True) -> None:
    """Do something with a live core on the folder, whose venue stands at the socket."""

    async def life() -> None:
        venue = cast(ScriptedVenue, FarVenue(socket))
        async with open_live(folder, venue=venue, clock=WallClock(), patience=PATIENCE, fit=fit) as rig:
            await act(rig)

    asyncio.run(life())


async def _main(rig: Live) -> None:
    say("open")
    await live(rig)


if __name__ == "__main__":
    at(Path(sys.argv[1]), _main, Path(sys.argv[2]))
