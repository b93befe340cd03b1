"""A live core over a scripted venue: real pipeline, journal, venue watch and gate; clock and prices are ours."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from collections.abc import Set as AbstractSet
from contextlib import asynccontextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any, cast

import msgspec
from readytrader_sdk.orders import ClientOrderId

from appliance.bootstrap import build
from appliance.config import Configuration, load
from appliance.domain.agents import AgentScope
from appliance.domain.intents import AgentId, Intent
from appliance.domain.orders import Order
from appliance.domain.trading_state import Scope, TradingState
from appliance.home import Home
from appliance.plugin_host.host import PluginHost
from appliance.service.agents import Principal
from appliance.service.core import Core
from appliance.service.outcomes import Outcome, Placed
from appliance.service.patience import Patience
from appliance.service.venue_watch import VenueWatch
from tests.service.rig import BTC, VENUE, ManualClock, Rig, require_whole
from tests.service.scripted_venue import EVERY_OPTION, ScriptedHost, ScriptedVenue

AT_VENUE = Scope(f"venue:{VENUE}")
_MS = timedelta(milliseconds=1)
BRISK = Patience(
    call=timedelta(seconds=5),
    enquiry_delays=(_MS,),
    absent_after=timedelta(seconds=90),
    unresolved_after=timedelta(minutes=10),
    refresh_delays=(timedelta(0), _MS, _MS),
    confirm_delay=_MS,
    reconcile_every=timedelta(days=1),
    unreachable_after=timedelta(seconds=45),
    sweep_delays=(_MS,),
    rights_every=timedelta(hours=24),
    stream_pauses=(_MS,),
)
"""Asks at once and again; what is counted in hours and seconds of the clock stays as it is, for the clock is ours."""

ALLOWED = """
paper_mode = false
live_trading_enabled = true
[allow]
exchanges = ["binance"]
symbols = ["BTC/USDT"]
market_types = ["spot"]
tokens = ["BTC", "USDT"]
chains = ["ethereum"]
[rate_limits]
default_per_min = 100000
execution_per_min = 100000
[limits]
position_max_pct = 100
exposure_max_pct = 100
open_notional_max_pct = 100
turnover_max_pct = 10000
open_orders_max = 1000
repeated_orders_max = 1000
notional_order_max = 1000000
notional_cex_order_max = 1000000
drift_max_pct = 1
foreign_orders_max = 1
"""
CONNECTED = """
[[plugin]]
name = "scripted"
wheel = "scripted-1.0-py3-none-any.whl"
version = "1.0"
sha256 = "{zeros}"
publisher = "ed25519:{key}"
kinds = ["exchange", "data_source"]
[[exchange]]
name = "binance"
plugin = "scripted"
live = true
{terms}
[[source]]
name = "feed"
plugin = "scripted"
priority = 0
"""

Scenario = Callable[["Live"], Awaitable[None]]


class Live(Rig):
    """One life of a live core, with the venue at the other end."""

    def __init__(self, home: Home, core: Core, clock: ManualClock, host: ScriptedHost, agent: Principal) -> None:
        super().__init__(home, core, clock)
        self.host = host
        self.venue = host.venue
        self.agent_ = agent

    @property
    def watch(self) -> VenueWatch:
        (watch,) = self.core.venues
        return watch

    async def send(self, intent: Intent, *, key: str | None = None) -> Outcome:
        return await self.submit(intent, key=key, principal=self.agent_)

    async def sent(self, intent: Intent, *, key: str | None = None) -> Placed:
        return await self.place(intent, key=key, principal=self.agent_)

    def of(self, client_order_id: ClientOrderId) -> Order:
        return self.core.state.orders[client_order_id]

    def booked(self, client_order_id: ClientOrderId) -> AbstractSet[str]:
        """The IDs of the order's fills that are booked."""
        return self.core.state.fills.of(client_order_id)

    def at_venue(self) -> TradingState:
        """The trading state of the venue's scope."""
        stood = self.core.state.scopes.get(AT_VENUE)
        return TradingState.ACTIVE if stood is None else stood.state

    def events(self, kind: str) -> list[Any]:
        return [event for name, event in self.entries() if name == kind]

    async def until(self, is_true: Callable[[], bool]) -> None:
        """Let the loop run until something has happened, and is on disk; a test that waits in vain fails."""
        async with asyncio.timeout(5):
            while not is_true():  # noqa: ASYNC110 - what is waited for has no event
                await asyncio.sleep(0.001)
        await self.core.recorder.written()

    async def asked(self, method: str, times: int) -> None:
        """Wait until the venue was asked so often from now on."""
        before = self.venue.asked.count(method)
        await self.until(lambda: self.venue.asked.count(method) >= before + times)

    async def turn(self, times: int = 1) -> None:
        """Look after the venue so often, every question that it raises included."""
        for _ in range(times):
            await self.watch.turn()
            await self.core.enquiries.refreshed()
        await self.core.recorder.written()


def live_configuration(folder: Path, more_limits: str = "", terms: str = "cancel_after_sec = 0") -> Configuration:
    """A configuration that may trade for real at one venue; prices come from the rig."""
    path = folder / "readytrader.toml"
    connected = CONNECTED.format(zeros="0" * 64, key="A" * 43 + "=", terms=terms)
    path.write_text(ALLOWED + more_limits + connected, encoding="utf-8")
    return msgspec.structs.replace(load(path, {}), sources=())


@asynccontextmanager
async def open_live(
    folder: Path,
    *,
    venue: ScriptedVenue | None = None,
    clock: ManualClock | None = None,
    patience: Patience = BRISK,
    options: frozenset[str] = EVERY_OPTION,
    more_limits: str = "",
    terms: str = "cancel_after_sec = 0",
    prepare: Callable[[ScriptedVenue], None] = lambda _venue: None,
    fit: bool = True,
) -> AsyncIterator[Live]:
    """A started live core; with `fit`, once its venue was found fit for orders. Give `venue` to begin a next life."""
    configuration = live_configuration(folder, more_limits, terms)
    clock = clock or ManualClock()
    if venue is None:
        (instrument,) = (one for one in configuration.instruments if one.symbol == BTC)
        venue = ScriptedVenue(clock, instrument)
        prepare(venue)
    venue.news = asyncio.Queue()  # what was told to a life that is over is lost
    host = ScriptedHost(venue, clock, options)
    core = build(
        Home(folder / "home"), configuration, clock, cast(PluginHost, host), patience, monotonic=clock.monotonic
    )
    rig = Live(Home(folder / "home"), core, clock, host, cast(Principal, None))
    rig.source()
    rig.quote()
    try:
        await core.start()
        assert core._heartbeat is not None
        core._heartbeat.cancel()
        rig.agent_ = await _trader(core)
        if fit:
            await rig.until(lambda: rig.watch.line.problem is None)
        yield rig
    finally:
        await core.aclose()


async def _trader(core: Core) -> Principal:
    """The agent that may trade live, the same in every life."""
    name, scopes = AgentId("trader"), frozenset({AgentScope.READ, AgentScope.LIVE})
    if name not in core.state.agents:
        await core.agents.add(name, scopes, timedelta(days=30), "operator")
    return Principal(agent_id=name, scopes=scopes)


def play_live(folder: Path, scenario: Scenario, **how: Any) -> None:
    """One scenario in one life; at the end the journal must be whole."""

    async def life() -> None:
        async with open_live(folder, **how) as rig:
            await scenario(rig)

    asyncio.run(life())
    require_whole(folder / "home" / "journal.db", folder / "home" / "keys" / "checkpoint.key")
