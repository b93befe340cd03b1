"""A real core in a folder: real pipeline, journal, paper venue, bus and gate; only clock and prices are ours."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path

import msgspec
from readytrader_sdk.instruments import Asset, Symbol, VenueId
from readytrader_sdk.market import Quote
from readytrader_sdk.orders import ClientOrderId, OrderType, Side
from readytrader_sdk.ports import ExchangePort

from appliance.bootstrap import build
from appliance.config import Configuration, load
from appliance.domain.agents import AgentScope
from appliance.domain.events import Event, decode_event
from appliance.domain.intents import AgentId, Intent, OrderIntent
from appliance.domain.operators import Person, Role
from appliance.domain.trading_state import GLOBAL, TradingState
from appliance.home import Home
from appliance.marketdata.values import Priority, SourceInfo, Verdict
from appliance.plugin_host.gate import LocalVenue
from appliance.service.agents import LOCAL, Principal
from appliance.service.core import Core
from appliance.service.outcomes import Held, Outcome, Placed, Refused
from appliance.service.patience import AT_ONCE, Patience
from appliance.store.audit import verify
from appliance.store.checkpoint import CheckpointKey, parse_unverified
from appliance.store.reader import JournalReader

NOON = datetime(2026, 3, 2, 12, 0, tzinfo=UTC)
BTC = Symbol("BTC/USDT")
VENUE = VenueId("binance")
FEED = "feed"
ROOMY = """
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
"""
"""Limits that stand in nobody's way, for tests of something else."""

IMPATIENT = msgspec.structs.replace(AT_ONCE, enquiry_delays=(timedelta(milliseconds=1),))
"""For a venue in this process that is asked again and again: at once."""

OPERATOR = Person(name="uid:1000/operator", role=Role.ADMIN)
"""Whoever runs the daemon, without an account."""

PortWrapper = Callable[[ExchangePort], ExchangePort]
Scenario = Callable[["Rig"], Awaitable[None]]


class ManualClock:
    """Time that passes when it is told to."""

    def __init__(self, now: datetime = NOON) -> None:
        self.now = now
        self.passed_s = 0.0

    def __call__(self) -> datetime:
        return self.now

    def advance(self, seconds: float) -> None:
        self.set(seconds)
        self.passed_s += seconds

    def set(self, seconds: float) -> None:
        """Somebody sets the clock; no time passes."""
        self.now += timedelta(seconds=seconds)

    def monotonic(self) -> float:
        return self.passed_s


class Rig:
    """One life of a core, and what tests do with it."""

    def __init__(self, home: Home, core: Core, clock: ManualClock) -> None:
        self.home = home
        self.core = core
        self.clock = clock

    # the market

    def source(self, name: str = FEED, *, supplier: str | None = None, admissible: bool = True) -> None:
        priority = Priority.STREAM if supplier is None else Priority.INGEST
        agent = None if supplier is None else AgentId(supplier)
        self.core.bus.register(SourceInfo(name=name, priority=priority, admissible=admissible, supplier=agent))

    def quote(
        self,
        bid: str = "50000",
        ask: str = "50010",
        *,
        size: str | None = None,
        symbol: Symbol = BTC,
        source: str = FEED,
        received_at: datetime | None = None,
    ) -> Verdict:
        shown = None if size is None else Decimal(size)
        tick = Quote(
            symbol=symbol,
            bid=Decimal(bid),
            ask=Decimal(ask),
            bid_size=shown,
            ask_size=shown,
            observed_at=self.clock.now,
        )
        return self.core.bus.publish(source, tick, received_at or self.clock.now)

    # what agents and operators do

    async def fund(self, amount: str = "100000", asset: str = "USDT", principal: Principal = LOCAL) -> None:
        total = await self.core.funds.deposit(principal, Asset(asset), Decimal(amount))
        assert not isinstance(total, Refused), total

    async def agent(self, name: str, *scopes: AgentScope) -> Principal:
        granted = frozenset(scopes or (AgentScope.READ, AgentScope.PAPER))
        token = await self.core.agents.add(name, granted, timedelta(hours=1), "operator")
        principal = self.core.agents.authenticate(token)
        assert principal is not None
        return principal

    async def submit(self, intent: Intent, *, key: str | None = None, principal: Principal = LOCAL) -> Outcome:
        return await self.core.desk.submit(principal, intent, key=key)

    async def place(self, intent: Intent, *, key: str | None = None, principal: Principal = LOCAL) -> Placed:
        outcome = await self.submit(intent, key=key, principal=principal)
        assert isinstance(outcome, Placed), outcome
        return outcome

    async def hold(self, intent: Intent, *, key: str | None = None, principal: Principal = LOCAL) -> Held:
        outcome = await self.submit(intent, key=key, principal=principal)
        assert isinstance(outcome, Held), outcome
        return outcome

    # what can be seen

    def state(self) -> TradingState:
        scope_state = self.core.state.scopes.get(GLOBAL)
        return TradingState.ACTIVE if scope_state is None else scope_state.state

    def held(self, asset: str) -> Decimal:
        return self.core.state.holding("paper", Asset(asset))

    @property
    def port(self) -> ExchangePort:
        """What stands behind the gate."""
        return paper_venue(self.core).reads

    async def venue_total(self, asset: str) -> Decimal:
        balances = await self.port.balances()
        return next((balance.total for balance in balances if balance.asset == asset), Decimal(0))

    def entries(self) -> list[tuple[str, Event]]:
        """Kind and event of everything on disk, read through a connection of its own."""
        reader = JournalReader.open_read_only(self.home.journal)
        try:
            return [(leaf.kind, decode_event(leaf.kind, leaf.body)) for leaf in reader.entries()]
        finally:
            reader.close()

    def kinds(self) -> list[str]:
        return [kind for kind, _ in self.entries()]


def buy(quantity: str = "0.01", limit: str | None = None, **more: object) -> OrderIntent:
    return order(Side.BUY, quantity, limit, **more)


def sell(quantity: str = "0.01", limit: str | None = None, **more: object) -> OrderIntent:
    return order(Side.SELL, quantity, limit, **more)


def order(side: Side, quantity: str, limit: str | None, **more: object) -> OrderIntent:
    """A market order, or a limit order where a limit is given."""
    intent = OrderIntent(
        venue=VENUE,
        symbol=BTC,
        side=side,
        quantity=Decimal(quantity),
        order_type=OrderType.MARKET if limit is None else OrderType.LIMIT,
        limit_price=None if limit is None else Decimal(limit),
    )
    return msgspec.structs.replace(intent, **more)


def order_id(outcome: Outcome) -> ClientOrderId:
    assert isinstance(outcome, Placed), outcome
    return outcome.order.client_order_id


def codes(outcome: object) -> set[str]:
    assert isinstance(outcome, Refused), outcome
    return {str(denial.code) for denial in outcome.denials}


def configured(folder: Path, toml: str) -> Configuration:
    """The configuration of a text, without any source: prices come from the rig."""
    path = folder / "readytrader.toml"
    path.write_text(toml, encoding="utf-8")
    return msgspec.structs.replace(load(path, {}), sources=())


def paper_venue(core: Core) -> LocalVenue:
    """The venue of a core on paper, gate included."""
    venue = core.orders._venues._paper
    assert isinstance(venue, LocalVenue), venue
    return venue


def put_before(core: Core, wrap: PortWrapper) -> ExchangePort:
    """Put a port of ours between a paper core's gate and its venue: every call of the core passes it."""
    venue = paper_venue(core)
    assert core._paper is not None
    port = venue._port = venue._gate._port = wrap(venue._port)
    core._paper._venue = venue
    return port


@asynccontextmanager
async def open_rig(
    folder: Path,
    toml: str = ROOMY,
    *,
    clock: ManualClock | None = None,
    wrap: PortWrapper | None = None,
    patience: Patience | None = None,
) -> AsyncIterator[Rig]:
    """A started core on `folder/home` whose heartbeat only beats when the test says `core.beat()`."""
    clock = clock or ManualClock()
    home = Home(folder / "home")
    core = build(home, configured(folder, toml), clock, patience=patience, monotonic=clock.monotonic)
    if wrap is not None:
        put_before(core, wrap)
    rig = Rig(home, core, clock)
    rig.source()
    try:
        await core.start()
        assert core._heartbeat is not None
        core._heartbeat.cancel()
        yield rig
    finally:
        await core.aclose()


def play(
    folder: Path,
    scenario: Scenario,
    toml: str = ROOMY,
    *,
    clock: ManualClock | None = None,
    wrap: PortWrapper | None = None,
    funds: str | None = "100000",
    patience: Patience | None = None,
) -> None:
    """Run one scenario in one life of a core, with a market and money in it; at the end the journal must be whole."""

    async def life() -> None:
        async with open_rig(folder, toml, clock=clock, wrap=wrap, patience=patience) as rig:
            rig.quote()
            if funds is not None:
                await rig.fund(funds)
            await scenario(rig)

    asyncio.run(life())
    require_whole(folder / "home" / "journal.db", folder / "home" / "keys" / "checkpoint.key")


def require_whole(journal: Path, key: Path) -> None:
    """The auditor finds nothing wrong with the journal as it is on disk."""
    reader = JournalReader.open_read_only(journal)
    note = reader._reader.execute("SELECT note FROM checkpoint").get
    reader.close()
    vkey = CheckpointKey.load(key).verifier(parse_unverified(note).origin).vkey
    report = verify(journal, vkey)
    assert report.findings == ()
    assert report.signed
