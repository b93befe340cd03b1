"""Telling the owners of accounts what happens, in order, unless a fault has it repeated, late or in another order."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from appliance.local_exchange.faults import Fault, Faults
from appliance.local_exchange.values import Event, EventKind

Listener = Callable[[Event], None]
Unsubscribe = Callable[[], None]
HELD_BACK_MS = 200
"""How long a fill waits for another event to overtake it, when the injection does not say."""


class Newsroom:
    """The user-data line of one account. Listeners are called on the spot; only faults need a running event loop."""

    def __init__(self, faults: Faults) -> None:
        self._faults = faults
        self._listeners: list[Listener] = []
        self._late: dict[int, list[Event]] = {}
        """Orders whose news are kept until a timer lets them go."""
        self._overtaken: dict[int, Event] = {}
        """Fills that wait for the next event of their order."""

    def listen(self, listener: Listener) -> Unsubscribe:
        """Tell `listener` everything from now on, until the function returned is called."""
        self._listeners.append(listener)
        return lambda: self._listeners.remove(listener)

    def delay(self, order_id: int, ms: int) -> None:
        """Keep all news of one order for `ms`, then tell them in order."""
        self._late[order_id] = []
        asyncio.get_running_loop().call_later(ms / 1000, self._tell_late, order_id)

    def tell(self, event: Event) -> None:
        """Pass one event on."""
        order = event.order
        if order is None:
            self._pass_on(event)
            return
        number = order.order_id
        if number in self._late:
            self._late[number].append(event)
            return
        if event.kind is EventKind.FILL and number not in self._overtaken:
            ms = self._faults.take_ms(Fault.FILLS_OUT_OF_ORDER, "user")
            if ms is not None:
                self._overtaken[number] = event
                wait_ms = ms or HELD_BACK_MS
                asyncio.get_running_loop().call_later(wait_ms / 1000, self._tell_overtaken, number)
                return
        self._pass_on(event)
        if self._faults.take(Fault.DUPLICATED_ACKNOWLEDGEMENT, "user"):
            self._pass_on(event)
        self._tell_overtaken(number)

    def tell_later(self, event: Event, ms: int) -> None:
        """Pass one event on after `ms`; at once with 0."""
        if ms:
            asyncio.get_running_loop().call_later(ms / 1000, self.tell, event)
        else:
            self.tell(event)

    def _tell_late(self, order_id: int) -> None:
        for event in self._late.pop(order_id, ()):
            self._pass_on(event)

    def _tell_overtaken(self, order_id: int) -> None:
        event = self._overtaken.pop(order_id, None)
        if event is not None:
            self._pass_on(event)

    def _pass_on(self, event: Event) -> None:
        for listener in tuple(self._listeners):
            listener(event)
