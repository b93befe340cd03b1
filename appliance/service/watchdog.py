"""Narrows trading by itself when something is wrong (R25): rejections, a sudden fall in value, no market data."""

from __future__ import annotations

from collections import defaultdict, deque
from collections.abc import Callable, Collection
from datetime import datetime
from decimal import Decimal

from readytrader_sdk.instruments import Symbol
from readytrader_sdk.ports import TransferRequest

from appliance.domain.orders import Order
from appliance.domain.snapshot import Mode
from appliance.domain.state import State
from appliance.domain.trading_state import GLOBAL, Scope, TradingState
from appliance.service.limit_book import LimitBook
from appliance.service.narrowing import narrowing
from appliance.service.portfolio import Portfolio
from appliance.service.recorder import Clock, Recorder


class Watchdog:
    """Only ever makes a state stricter; only a person makes it looser again."""

    def __init__(
        self,
        state: State,
        recorder: Recorder,
        portfolio: Portfolio,
        limits: LimitBook,
        clock: Clock,
        quiet_symbols: Callable[[datetime], Collection[Symbol]],
    ) -> None:
        """`quiet_symbols` names the instruments that have no fresh quote at a moment."""
        self._state = state
        self._recorder = recorder
        self._portfolio = portfolio
        self._book = limits
        self._clock = clock
        self._rejects: dict[Scope, deque[datetime]] = defaultdict(deque)
        self._nav: Decimal | None = None
        self._quiet_symbols = quiet_symbols
        self._quiet_since: dict[Symbol, datetime] = {}

    def note_rejection(self, order: Order) -> None:
        """Count a venue's rejection; too many in the window close the venue for new orders."""
        if isinstance(order.payload, TransferRequest):
            return
        scope, now = Scope(f"venue:{order.payload.venue}"), self._clock()
        times = self._rejects[scope]
        times.append(now)
        while times[0] <= now - self._book.limits.rejects_window:
            times.popleft()
        if len(times) > self._book.limits.rejects_max:
            self.narrow(
                scope, TradingState.CANCEL_ONLY, f"{len(times)} rejections in {self._book.limits.rejects_window}"
            )

    def note_value(self, now: datetime) -> None:
        """Compare net asset value with the last heartbeat's: a sudden fall leaves only exits."""
        nav = self._portfolio.nav(self._portfolio.equity(now).total)
        before, self._nav = self._nav, nav if nav is not None else self._nav
        if nav is None or before is None or before <= 0:
            return
        fall_pct = (1 - nav / before) * 100
        if fall_pct >= self._book.limits.nav_jump_max_pct:
            self.narrow(GLOBAL, TradingState.REDUCE_ONLY, f"net asset value fell by {round(fall_pct, 2)} % at once")

    def note_quiet(self, now: datetime) -> None:
        """Close an instrument for new orders whose live orders have stood without a fresh quote for too long."""
        quiet = set(self._quiet_symbols(now)) & self._standing()
        self._quiet_since = {symbol: self._quiet_since.get(symbol, now) for symbol in quiet}
        for symbol, since in self._quiet_since.items():
            if now - since > self._book.limits.data_loss_max:
                reason = f"no fresh quote for more than {self._book.limits.data_loss_max}, and orders stand"
                self.narrow(Scope(f"symbol:{symbol}"), TradingState.CANCEL_ONLY, reason)

    def _standing(self) -> set[Symbol]:
        """The instruments that real orders may be open in."""
        return {
            order.payload.symbol
            for order in self._state.live_orders.values()
            if order.mode is Mode.LIVE and not isinstance(order.payload, TransferRequest)
        }

    def narrow(self, scope: Scope, state: TradingState, reason: str) -> None:
        """Set a stricter state; a state that is as strict already stays as it is."""
        events = narrowing(self._state, scope, state, reason, self._clock())
        if events and self._recorder.failure is None:
            self._recorder.record(*events)
