"""Recent orders by agent: what was traded in a window, and how often the same order was sent. Near-constant time."""

from __future__ import annotations

from collections import defaultdict, deque
from datetime import datetime, timedelta
from decimal import Decimal
from typing import NamedTuple

from readytrader_sdk.money import ZERO
from readytrader_sdk.orders import ClientOrderId

from appliance.domain.intents import AgentId
from appliance.domain.orders import Order


class _Recent(NamedTuple):
    at: datetime
    client_order_id: ClientOrderId
    shape: str


class RecentOrders:
    """An order counts with its worst notional while it may still fill, and with what it filled once it is over."""

    def __init__(self, window: timedelta) -> None:
        self.window = window
        self._orders: dict[AgentId, deque[_Recent]] = defaultdict(deque)
        self._counted: dict[ClientOrderId, Decimal] = {}
        self._totals: dict[AgentId, Decimal] = defaultdict(lambda: ZERO)
        self._shapes: dict[tuple[AgentId, str], deque[datetime]] = defaultdict(deque)

    def note(self, order: Order) -> None:
        """Count an order, or count it anew after a report."""
        counted = order.terms.notional
        if not order.is_live:
            counted = counted * order.filled_quantity / order.quantity
        before = self._counted.get(order.client_order_id)
        if before is None:
            self._orders[order.agent_id].append(_Recent(order.created_at, order.client_order_id, order.shape))
            self._shapes[order.agent_id, order.shape].append(order.created_at)
        self._counted[order.client_order_id] = counted
        self._totals[order.agent_id] += counted - (before or ZERO)

    def turnover(self, agent_id: AgentId, now: datetime) -> Decimal:
        """Notional in the window, in the accounting asset."""
        self._forget(agent_id, now - self.window)
        return self._totals[agent_id]

    def same_shape(self, agent_id: AgentId, shape: str, since: datetime) -> int:
        """Orders of that shape at or after `since`."""
        count = 0
        for at in reversed(self._shapes.get((agent_id, shape), ())):
            if at < since:
                break
            count += 1
        return count

    def _forget(self, agent_id: AgentId, until: datetime) -> None:
        orders = self._orders[agent_id]
        while orders and orders[0].at <= until:
            gone = orders.popleft()
            self._totals[agent_id] -= self._counted.pop(gone.client_order_id)
            times = self._shapes[agent_id, gone.shape]
            times.popleft()
            if not times:
                del self._shapes[agent_id, gone.shape]
