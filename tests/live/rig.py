"""A live core in a folder, and the venue that it trades at: real pipeline, journal and venue watch, short patience.

The venue is the local exchange. A rig lives through many lives of the core: `crash` drops one as a killed process would
be dropped (its files as they are at that instant, its workers dead, its tasks gone); the next starts on what is left.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import shutil
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Protocol

import msgspec
from readytrader_sdk.instruments import Asset, Instrument, MarketType, Symbol, VenueId
from readytrader_sdk.market import Quote
from readytrader_sdk.orders import ClientOrderId, OrderType, Side

from appliance.bootstrap import build
from appliance.config import Configuration, load
from appliance.domain.agents import AgentScope
from appliance.domain.intents import AgentId, OrderIntent
from appliance.domain.trading_state import TradingState
from appliance.home import Home
from appliance.local_exchange.account import Account
from appliance.local_exchange.distortion import told_best
from appliance.local_exchange.model import LocalExchange
from appliance.marketdata.feed import Backoff
from appliance.marketdata.values import Priority, SourceInfo
from appliance.plugin_host.host import PluginHost
from appliance.service.agents import Principal
from appliance.service.core import Core
from appliance.service.enquiries import UNCERTAIN
from appliance.service.patience import Patience
from appliance.service.venue_watch import NotFit
from tests.live.late_disk import SomeTurnsLater

BTC = Symbol("BTC/USDT")
VENUE = VenueId("binance")
FEED = "feed"
KEY, SECRET = "key-of-the-rig", "secret-of-the-rig"
BASE = Asset("BTC")
FUNDS = {Asset("USDT"): Decimal(1_000_000), BASE: Decimal(20)}
LATEST_S = 0.25
"""Longer than anything that a fault delays."""
INSTRUMENT = Instrument(
    symbol=BTC,
    base=Asset("BTC"),
    quote=Asset("USDT"),
    price_increment=Decimal("0.01"),
    quantity_increment=Decimal("0.00001"),
    quantity_min=Decimal("0.00001"),
    notional_min=Decimal(5),
    market_type=MarketType.SPOT,
)


def _seconds(*values: float) -> tuple[timedelta, ...]:
    return tuple(timedelta(seconds=value) for value in values)


BRISK = Patience(
    call=timedelta(seconds=0.2),
    enquiry_delays=_seconds(0.01, 0.03, 0.06, 0.1),
    absent_after=timedelta(seconds=0.4),
    unresolved_after=timedelta(seconds=60),
    refresh_delays=_seconds(0, 0.02, 0.05, 0.1, 0.2, 0.3),
    confirm_delay=timedelta(seconds=0.03),
    reconcile_every=timedelta(seconds=0.06),
    unreachable_after=timedelta(seconds=0.4),
    sweep_delays=_seconds(0.01, 0.02, 0.05),
    rights_every=timedelta(seconds=0.5),
    stream_pauses=_seconds(0.005, 0.02),
)
"""Of a venue in this very process."""

CATALOG = """
[[plugin]]
name = "direct"
wheel = "direct-1.0-py3-none-any.whl"
version = "1.0"
sha256 = "{zeros}"
publisher = "ed25519:{key}"
kinds = ["exchange", "data_source"]
""".format(zeros="0" * 64, key="A" * 43 + "=")

TOML = """
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
[marketdata]
clock_skew_max_ms = 400
outlier_window_ms = 300
[limits]
position_max_pct = 100
exposure_max_pct = 100
open_notional_max_pct = 100
turnover_max_pct = 10000
open_orders_max = 1000
repeated_orders_max = 1000
rejects_max = 1000
nav_jump_max_pct = 50
daily_loss_max_pct = 100
drawdown_max_pct = 100
notional_order_max = 1000000
notional_cex_order_max = 1000000
collar_hard_pct = 50
collar_soft_pct = 50
slippage_max_pct = 50
"""

EXCHANGE = """
[[exchange]]
name = "binance"
plugin = "{plugin}"
live = true
cancel_after_sec = 0
{more}
[[source]]
name = "feed"
plugin = "{source}"
priority = 0
{feed}
"""


class Lane(Protocol):
    """How a core reaches the venue."""

    patience: Patience
    is_fed: bool
    """Whether prices come from the venue by the source that is configured; else the rig puts them on the bus."""

    def configuration(self) -> str:
        """The exchange's part of the configuration."""

    def prepare(self, home: Home) -> None:
        """What a new home needs."""

    def host(self) -> PluginHost:
        """The workers of a new life."""

    def kill(self, host: PluginHost) -> None:
        """End every process of a life at once."""

    def kill_worker(self, host: PluginHost) -> None:
        """Kill the exchange's worker; its supervisor starts another."""

    def at_venue(self, act: Callable[[], object]) -> None:
        """Do something to the exchange, where it runs."""


class LiveRig:
    """The lives of one appliance at one venue."""

    def __init__(self, root: Path, exchange: LocalExchange, account: Account, lane: Lane) -> None:
        self.root = root
        self.exchange = exchange
        self.account = account
        self.lane = lane
        self.price = Decimal(50000)
        self.lives = 0
        self.core: Core
        self.home: Home
        self.agent: Principal
        self._host: PluginHost

    # lives

    async def begin(self) -> None:
        """The first life, with an agent that may trade."""
        self.home = Home(self._folder() / "home")
        self.home.prepare()
        self.lane.prepare(self.home)
        await self._start()
        scopes = frozenset({AgentScope.READ, AgentScope.LIVE})
        token = await self.core.agents.add("trader", scopes, timedelta(hours=12), "operator")
        principal = self.core.agents.authenticate(token)
        assert principal is not None
        self.agent = principal
        await self.fit()

    def _folder(self) -> Path:
        self.lives += 1
        folder = self.root / str(self.lives)
        folder.mkdir()
        return folder

    async def _start(self) -> None:
        self._host = self.lane.host()
        await self._host.open()
        configuration = self._configured()
        self.core = build(self.home, configuration, lambda: datetime.now(UTC), self._host, self.lane.patience)
        self.core.journal._thread = SomeTurnsLater()  # type: ignore[assignment]
        for feed in self.core.feeds._feeds:
            feed._backoff = Backoff(first=0.05, longest=0.2)
        if not self.lane.is_fed:
            self.core.bus.register(SourceInfo(name=FEED, priority=Priority.STREAM, admissible=True, supplier=None))
        self.show(self.price)
        await self.core.start()

    def _configured(self) -> Configuration:
        path = self.home.root.parent / "readytrader.toml"
        path.write_text(TOML + self.lane.configuration(), encoding="utf-8")
        configured = load(path, {})
        return configured if self.lane.is_fed else msgspec.structs.replace(configured, sources=())

    async def restart(self) -> None:
        """Stop in good order and come back."""
        await self.core.aclose()
        await self._host.aclose()
        await self._start()

    async def crash(self) -> None:
        """Die here and now, as by SIGKILL, and start again on what is on disk."""
        before, self.home = self.home, Home(self._folder() / "home")
        _copy(before.root, self.home.root)
        self.lane.kill(self._host)
        await _drop_tasks()
        self.core.journal.close()
        await self._host.aclose()
        shutil.rmtree(before.root.parent)
        await self._start()

    async def end(self) -> None:
        """Stop in good order, for good."""
        await self.core.aclose()
        await self._host.aclose()

    def kill_worker(self) -> None:
        """Kill the exchange's worker."""
        self.lane.kill_worker(self._host)

    # the market

    def show(self, price: Decimal, size: str = "0.4") -> None:
        """Another market, at the venue and on the bus: there as the venue tells it, true or not."""
        self.price = price
        bid, ask = price - 5, price + 5
        self.lane.at_venue(lambda: self.exchange.show(self._quote(bid, ask, size)))
        if not self.lane.is_fed:
            bid, ask = told_best(self.exchange.faults, "market btcusdt@bookTicker", bid, ask)
            self.core.bus.publish(FEED, self._quote(bid, ask, size), datetime.now(UTC))

    def show_again(self, turn: int) -> None:
        """The same market once more, where the exchange runs: a stream tells changes alone, so its size is another."""
        self.exchange.show(self._quote(self.price - 5, self.price + 5, f"0.4{turn % 2}"))

    def _quote(self, bid: Decimal, ask: Decimal, size: str) -> Quote:
        shown = Decimal(size)
        return Quote(symbol=BTC, bid=bid, ask=ask, bid_size=shown, ask_size=shown, observed_at=datetime.now(UTC))

    # what can be waited for

    async def fit(self, within_s: float = 5.0) -> bool:
        """Wait until the venue is fit for orders and has a price; whether it is."""
        core = self.core

        def is_fit() -> bool:
            return core.venues[0].line.problem is None and core.portfolio.price(BASE, core.clock()) is not None

        return await self.until(is_fit, within_s)

    async def until(self, condition: Callable[[], bool], within_s: float = 10.0) -> bool:
        """Wait for what comes by itself; whether it came."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(within_s):
                while not condition():  # noqa: ASYNC110 - what is waited for happens at a venue
                    await asyncio.sleep(0.005)
        return condition()

    async def settle(self, within_s: float = 20.0) -> None:
        """Nothing goes wrong any more: wait until nothing is in doubt and every difference was found."""
        self.exchange.faults.clear()
        self.show(self.price)
        await asyncio.sleep(LATEST_S)
        await self.core.desk.settle()
        reached = await self.until(self._is_quiet, within_s)
        assert reached, f"not settled: {self.doubts()}"
        await self.look(3 * self.lane.patience.drift_seen_min)
        assert await self.until(self._is_quiet, within_s), f"not settled: {self.doubts()}"
        await self.core.recorder.written()

    async def come_to_rest(self) -> None:
        """Nothing is in doubt any more, and an operator has accepted every difference that was found."""
        await self.settle()
        async with asyncio.timeout(60):
            turn = 0
            self.show(self.price)
            while not await self.fit(1):
                turn += 1  # the last price may be too old by now, and a stream tells changes alone
                self.show(self.price, f"0.4{turn % 2}")
        async with asyncio.timeout(10):
            while self.core.venues[0].reconciliation.drifts:
                await self.look_after()
                self.show(self.price)
                await self.look(2 * self.lane.patience.drift_seen_min)
        await self.settle()

    async def look(self, times: int) -> None:
        """Let the venue be reconciled so many times."""
        for _ in range(times):
            await self.core.venues[0].turn()
            await self.core.enquiries.refreshed()

    def _is_quiet(self) -> bool:
        return not self.doubts() and not self.core.stopping.under_way

    def doubts(self) -> dict[ClientOrderId, str]:
        """The orders that nobody knows the fate of, and the questions under way."""
        unclear = {
            order.client_order_id: str(order.state)
            for order in self.core.state.live_orders.values()
            if order.state in UNCERTAIN
        }
        return unclear | {ClientOrderId(name): "asking" for name in self.core.enquiries._asking}

    # the operator

    async def look_after(self) -> None:
        """What a person does who is called: looks at what is wrong, says that it is right, lets trading go on."""
        watch = self.core.venues[0]
        if watch.reconciliation.drifts:
            with contextlib.suppress(NotFit):
                await watch.accept_drift("operator", "the venue is right")
        if self.core.stopping.under_way:
            return
        for scope, stood in list(self.core.state.scopes.items()):
            if stood.state is not TradingState.ACTIVE:
                await self.core.halt.resume("operator", "looked at", scope)


def order(side: Side, quantity: str, limit: Decimal | None, replaces: ClientOrderId | None = None) -> OrderIntent:
    """A market order, or a limit order where a limit is given."""
    return OrderIntent(
        venue=VENUE,
        symbol=BTC,
        side=side,
        quantity=Decimal(quantity),
        order_type=OrderType.MARKET if limit is None else OrderType.LIMIT,
        limit_price=limit,
        replaces=replaces,
    )


def agent_id(rig: LiveRig) -> AgentId:
    return rig.agent.agent_id


def _copy(home: Path, to: Path) -> None:
    """The files as they are on disk now."""
    shutil.copytree(home, to, ignore=shutil.ignore_patterns("journal.db*", "run", "*.sock"))
    for name in ("journal.db", "journal.db-wal"):
        if (home / name).exists():
            shutil.copy2(home / name, to / name)


async def _drop_tasks() -> None:
    """No task of the dead process runs on. What it would still have said is nobody's."""
    mine = asyncio.current_task()
    logging.disable(logging.CRITICAL)
    try:
        while tasks := [task for task in asyncio.all_tasks() if task is not mine]:
            for task in tasks:
                task.cancel()
            await asyncio.wait(tasks)
    finally:
        logging.disable(logging.NOTSET)
