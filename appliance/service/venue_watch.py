"""Looks after one live venue: fit for orders only while it answers, agrees with the journal, and its key is harmless.

turn ─► worker up ─► key rights ─► clock ─► trading rules ─► opening balances ─► reconcile ─► fit for orders
        └──────────────── whatever fails is why nothing but cancels is sent ────────────────┘
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from contextlib import suppress
from datetime import datetime, timedelta
from typing import TypeVar

from msgspec import Struct
from readytrader_sdk.errors import PluginError
from readytrader_sdk.instruments import Asset, MarketType
from readytrader_sdk.ports import CaveatsPort, KeyRights, KeyRightsPort, VenueClockPort

from appliance.domain.events import KeyRightsSeen, VenueChanged
from appliance.domain.key_risk import KeyRisk
from appliance.domain.orders import account_of
from appliance.domain.state import State
from appliance.domain.trading_state import Scope, TradingState
from appliance.service.dead_man import DeadMan
from appliance.service.enquiries import Enquiries, hear_end
from appliance.service.key_rights import key_problem
from appliance.service.narrowing import narrowing
from appliance.service.order_news import OrderNews
from appliance.service.patience import Patience
from appliance.service.portfolio import Portfolio
from appliance.service.reconciliation import Findings, Reconciliation
from appliance.service.recorder import Clock, Recorder
from appliance.service.venue_clock import measured_skew
from appliance.service.venue_health import VenueHealth
from appliance.service.venues import VenueLine
from appliance.store.journal import JournalUnavailable

log = logging.getLogger(__name__)

T = TypeVar("T")
RULES_EVERY = timedelta(hours=1)
CORE = "core"
NAMED_MAX = 8
"""Assets that a sentence names at most: an account may hold hundreds that nobody asked for."""


class VenueTerms(Struct, frozen=True, kw_only=True):
    """What the operator decided about one venue."""

    cancel_after: timedelta | None
    """How long the venue's dead-man's switch waits for a sign of life; None leaves it off."""
    risks_accepted: frozenset[KeyRisk] = frozenset()
    accepted_by: str = ""


class NotFit(Exception):
    """Why the venue may be sent nothing but cancels now. Time alone may mend it."""


class VenueWatch:
    """One venue's supervisor. It alone writes the venue's `VenueLine`."""

    def __init__(
        self,
        line: VenueLine,
        terms: VenueTerms,
        worker_up: Callable[[], Awaitable[None]],
        reconciliation: Reconciliation,
        *,
        state: State,
        recorder: Recorder,
        enquiries: Enquiries,
        portfolio: Portfolio,
        patience: Patience,
        clock: Clock,
    ) -> None:
        self.line = line
        self.reconciliation = reconciliation
        self.findings = Findings()
        self._terms = terms
        self._worker_up = worker_up
        self._state = state
        self._recorder = recorder
        self._enquiries = enquiries
        self._portfolio = portfolio
        self._patience = patience
        self._clock = clock
        self._wake = asyncio.Event()
        self._news = OrderNews(line.venue, worker_up, enquiries, patience, self._wake.set)
        self._dead_man = DeadMan(line, terms.cancel_after, recorder)
        self._task: asyncio.Task[None] | None = None
        self._rights: KeyRights | None = None
        self._rights_at: datetime | None = None
        self._rights_told: KeyRightsSeen | None = None
        self._caveats: tuple[str, ...] = ()
        self._rules_at: datetime | None = None
        self._agreed_at: datetime | None = None
        """When it was last reconciled."""

    # its life

    def start(self) -> None:
        """Begin, on the core's event loop."""
        self._news.start()
        self._dead_man.start()
        self._task = asyncio.create_task(self._live(), name=f"venue-{self.line.venue_id}")
        self._task.add_done_callback(hear_end)

    async def aclose(self) -> None:
        """Stop looking. Resting orders stay: the venue's switch is disarmed."""
        tasks = [self._task] if self._task is not None else []
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await self._news.aclose()
        await self._dead_man.aclose()

    def health(self) -> VenueHealth:
        """How it is now."""
        return VenueHealth(
            venue=self.line.venue_id,
            problem=self.line.problem,
            clock_skew=self.line.clock_skew,
            rights=self._rights,
            risks_accepted=tuple(sorted(self._terms.risks_accepted)),
            accepted_by=self._terms.accepted_by,
            drifts=self.reconciliation.drifts,
            foreign_orders=self.reconciliation.foreign,
            switch=self._dead_man.switch,
            is_streaming=self._news.is_streaming,
            caveats=self._told_caveats(),
            agreed_at=self._agreed_at,
        )

    def _told_caveats(self) -> tuple[str, ...]:
        """First what is held there and counts as nothing, then what the plugin says."""
        left, shown = self.reconciliation.left_alone, NAMED_MAX
        if not left:
            return self._caveats
        more = f" and {len(left) - shown} more" if len(left) > shown else ""
        text = f"no instrument here has {', '.join(left[:shown])}{more}: what is held of it counts as nothing"
        return (f"{text}, and nobody can trade it", *self._caveats)

    async def _live(self) -> None:
        soon = iter(self._patience.first_looks)
        while True:
            self._wake.clear()
            await self.turn()
            pause = self._patience.reconcile_every
            if self._agreed_at is None:
                pause = min(pause, next(soon, pause))
            with suppress(TimeoutError):
                async with asyncio.timeout(pause.total_seconds()):
                    await self._wake.wait()

    async def turn(self) -> None:
        """One look at everything; afterwards the line says whether the venue is fit for orders."""
        try:
            self._become(await self._look())
        except JournalUnavailable as fault:
            self.line.problem = f"the journal cannot be written: {fault}"
        except Exception as fault:
            log.exception("venue %s: a fault of ours", self.line.venue_id)
            self._become(f"looking after it failed: {type(fault).__name__}")

    async def _look(self) -> str | None:
        """Why it is not fit, or None."""
        try:
            await self._worker_up()
            await self._ask_for_rights()
            await self._ask_for_the_time()
            await self._ask_for_rules()
        except (PluginError, TimeoutError) as fault:
            return self._unreachable(fault)
        problem = key_problem(self._rights, self._terms.risks_accepted, self._clock())
        try:
            if problem is None:
                await self._open_account()
            await self._agree()
        except (PluginError, TimeoutError) as fault:
            return self._unreachable(fault)
        except NotFit as fault:
            return str(fault)
        return problem

    def _unreachable(self, fault: Exception) -> str | None:
        """One failure is no reason to stop; none but failures for a while is."""
        log.info("venue %s: %s", self.line.venue_id, fault)
        agreed_at = self._agreed_at
        if agreed_at is not None and self._clock() - agreed_at > self._patience.unreachable_after:
            self._close_if_orders_stand(agreed_at)
        if agreed_at is None or self._clock() - agreed_at > self._patience.unreachable_after:
            since = "ever" if agreed_at is None else f"since {agreed_at:%H:%M:%S} UTC"
            return f"it could not be asked {since}: {fault}"[:300]
        return self.line.problem

    def _close_if_orders_stand(self, agreed_at: datetime) -> None:
        """Orders that stand where nobody can be asked: nothing new there until a person has looked (R25)."""
        account = str(self.line.venue_id)
        if any(account_of(order) == account for order in self._state.live_orders.values()):
            reason = f"no word since {agreed_at:%H:%M:%S} UTC, and orders stand there"
            scope = Scope(f"venue:{account}")
            narrowed = narrowing(self._state, scope, TradingState.CANCEL_ONLY, reason, self._clock())
            if narrowed:
                self._recorder.record(*narrowed)

    def _become(self, problem: str | None) -> None:
        if problem == self.line.problem:
            return
        was_fit = self.line.problem is None
        self.line.problem = problem
        if was_fit or problem is None:
            log.warning("venue %s: %s", self.line.venue_id, problem or "fit for orders")
            self._recorder.record(VenueChanged(venue=self.line.venue_id, problem=problem))

    # what is looked at

    async def _ask_for_rights(self) -> None:
        now, port = self._clock(), self.line.venue.reads
        if self._rights_at is not None and now - self._rights_at < self._patience.rights_every:
            return
        self._caveats = tuple(await self._ask(port.caveats())) if isinstance(port, CaveatsPort) else ()
        self._rights = await self._ask(port.key_rights()) if isinstance(port, KeyRightsPort) else None
        self._rights_at = now
        seen = KeyRightsSeen(
            venue=self.line.venue_id,
            rights=self._rights,
            accepted=tuple(sorted(self._terms.risks_accepted)),
            accepted_by=self._terms.accepted_by,
        )
        if seen != self._rights_told:
            await self._recorder.record(seen)
            self._rights_told = seen

    async def _ask_for_the_time(self) -> None:
        port = self.line.venue.reads
        if isinstance(port, VenueClockPort):
            self.line.clock_skew = await measured_skew(lambda: self._ask(port.venue_time()), self._clock)

    async def _ask_for_rules(self) -> None:
        now = self._clock()
        if self._rules_at is None or now - self._rules_at >= RULES_EVERY:
            told = await self.line.venue.reads.instruments()
            self.line.rules = {one.symbol: one for one in told if one.symbol in self._state.instruments}
            self._rules_at = now

    async def _ask(self, question: Awaitable[T]) -> T:
        async with asyncio.timeout(self._patience.call.total_seconds()):
            return await question

    # the account

    async def _open_account(self) -> None:
        """The first time ever, take over what is there, all at once: from then on the journal says what must be."""
        account = str(self.line.venue_id)
        if self._state.knows_account(account):
            return
        tracks = self._portfolio.tracks
        found = [one for one in await self.line.venue.reads.balances() if tracks is None or one.asset in tracks]
        now = self._clock()
        unpriced = [one.asset for one in found if self._portfolio.price(one.asset, now) is None]
        if unpriced:
            raise NotFit(f"its balances cannot be valued yet: no sane price for {self._way_out(unpriced)}")
        reason = f"opening balance at {account}"
        moves = [self._portfolio.move(account, one.asset, one.total, CORE, reason, now) for one in found]
        known = [moved for moved in moves if moved is not None]
        if len(known) < len(moves):
            raise NotFit("its balances cannot be valued yet")
        if known:
            await self._recorder.record(*known)

    def _way_out(self, unpriced: list[Asset]) -> str:
        """The assets, and what to do about those that no market here could ever price."""
        accounting, text = self._portfolio.accounting_asset, ", ".join(unpriced)
        spot = (one for one in self._state.instruments.values() if one.market_type is MarketType.SPOT)
        priced = {frozenset((one.base, one.quote)) for one in spot}
        never = [one for one in unpriced if frozenset((one, accounting)) not in priced]
        if not never:
            return text
        pairs = ", ".join(f"{one}/{accounting}" for one in never)
        return f"{text}; add to the instruments {pairs}, with a source, or take out those that have {', '.join(never)}"

    async def accept_drift(self, operator: str, reason: str) -> tuple[Asset, ...]:
        """A person says that the venue's balances are right: the journal follows. Raises `NotFit` without a price."""
        account, now, accepted = str(self.line.venue_id), self._clock(), []
        for drift in self.reconciliation.drifts:
            if self._state.holding(account, drift.asset) != drift.expected:
                continue  # it has moved since the two were compared, or was accepted: the next comparison says
            change = drift.found - drift.expected
            moved = self._portfolio.move(account, drift.asset, change, operator, reason, now)
            if moved is None:
                raise NotFit(f"no sane price for {drift.asset}, or for what is held")
            await self._recorder.record(moved)
            accepted.append(drift.asset)
        self._wake.set()
        return tuple(accepted)

    async def _agree(self) -> None:
        """Reconcile; the first time, wait besides for every single question that it raised."""
        self.findings = await self.reconciliation.run()
        if self._agreed_at is None:
            await self._enquiries.refreshed()
        self._agreed_at = self._clock()
