"""Recent orders by agent: what was traded in a window, and how often the same order was sent. Near-constant time."""

from __future__ import annotations

from bisect import insort
from collections import defaultdict, deque
from datetime import datetime, timedelta
from decimal import Decimal
from typing import NamedTuple

from readytrader_sdk.money import ZERO
from readytrader_sdk.orders import ClientOrderId

from appliance.domain.intents import AgentId
from appliance.domain.orders import Order

SHAPES_KEPT = timedelta(days=1)
"""The longest window in which the configuration lets repeated orders be counted."""


class _Recent(NamedTuple):
    at: datetime
    client_order_id: ClientOrderId
    shape: str


class RecentOrders:
    """An order counts with its worst notional while it may still fill, and with what it filled once it is over.

    It counts at the moment it was permitted, in whichever order it is told of: a restart loads orders as they were
    last touched, and a report may come long after.
    """

    def __init__(self, turnover_window: timedelta) -> None:
        self.window = max(turnover_window, SHAPES_KEPT)
        """How far back orders matter: a restart loads as much."""
        self._turnover_window = turnover_window
        self._recent: dict[AgentId, deque[_Recent]] = defaultdict(deque)
        self._known: set[ClientOrderId] = set()
        self._shapes: dict[tuple[AgentId, str], deque[datetime]] = defaultdict(deque)
        self._counting: dict[AgentId, deque[_Recent]] = defaultdict(deque)
        self._counted: dict[ClientOrderId, Decimal] = {}
        self._totals: dict[AgentId, Decimal] = defaultdict(lambda: ZERO)

    def note(self, order: Order) -> None:
        """Count an order, or count it anew after a report."""
        if order.client_order_id not in self._known:
            self._enter(order)
        before = self._counted.get(order.client_order_id)
        if before is None:
            return
        counted = order.terms.notional
        if not order.is_live:
            counted = counted * order.filled_quantity / order.quantity
        self._counted[order.client_order_id] = counted
        self._totals[order.agent_id] += counted - before

    def turnover(self, agent_id: AgentId, now: datetime) -> Decimal:
        """Notional of the orders permitted less than the window ago, in the accounting asset."""
        counting, until = self._counting[agent_id], now - self._turnover_window
        while counting and counting[0].at <= until:
            self._totals[agent_id] -= self._counted.pop(counting.popleft().client_order_id)
        return self._totals[agent_id]

    def same_shape(self, agent_id: AgentId, shape: str, since: datetime) -> int:
        """Orders of that shape at or after `since`."""
        count = 0
        for at in reversed(self._shapes.get((agent_id, shape), ())):
            if at < since:
                break
            count += 1
        return count

    def _enter(self, order: Order) -> None:
        entry = _Recent(order.created_at, order.client_order_id, order.shape)
        recent = self._recent[order.agent_id]
        if recent and entry.at <= recent[-1].at - self.window:
            return
        self._known.add(entry.client_order_id)
        self._counted[entry.client_order_id] = ZERO
        for entries in (recent, self._counting[order.agent_id]):
            insort(entries, entry, key=_time)
        insort(self._shapes[order.agent_id, order.shape], entry.at)
        self._forget(order.agent_id, recent[-1].at - self.window)

    def _forget(self, agent_id: AgentId, until: datetime) -> None:
        recent = self._recent[agent_id]
        while recent[0].at <= until:
            gone = recent.popleft()
            self._known.discard(gone.client_order_id)
            times = self._shapes[agent_id, gone.shape]
            times.popleft()
            if not times:
                del self._shapes[agent_id, gone.shape]


def _time(entry: _Recent) -> datetime:
    return entry.at
