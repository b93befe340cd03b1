"""The venue's user-data stream by ccxt.pro, as reports. A hint: whatever does not fit is left to be asked for."""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from datetime import UTC, datetime
from typing import Any

from readytrader_sdk.errors import PluginError, Unavailable
from readytrader_sdk.instruments import Symbol
from readytrader_sdk.money import ONE
from readytrader_sdk.orders import ExecutionReport, OrderState, VenueOrderId

from builtin_plugins.ccxt_exchange.amounts import Unreadable
from builtin_plugins.ccxt_exchange.client import Client
from builtin_plugins.ccxt_exchange.errors import judged
from builtin_plugins.ccxt_exchange.names import FOREIGN, IdForm, our_id
from builtin_plugins.ccxt_exchange.reports import fill_of, report_of, seen_of

REMEMBERED = 4096
"""Orders whose ID is known for the fills that name only the venue's."""
WAITING_MAX = 10_000
_ID_FIELDS = ("C", "c", "cl_ord_id", "orderLinkId", "clOrdId", "client_order_id")
"""What venues call our ID. At Binance, `C` is the order's own where `c` is a cancellation's."""

Item = Mapping[str, Any]
_Watch = Callable[[], Awaitable[list[Item]]]
_Read = Callable[[Item], ExecutionReport | None]


async def reports_of(client: Client, form: IdForm, *, with_fills: bool) -> AsyncIterator[ExecutionReport]:
    """Reports until cancelled. Raises `Unavailable` to be started again."""
    await client.markets()
    async with client.streaming:
        if client.nonces_rise:  # its token is asked for with a nonce: in turn, and again where that was overtaken
            await client.read(client.api.authenticate)
        async for report in _heard(client, form, with_fills=with_fills):
            yield report


async def _heard(client: Client, form: IdForm, *, with_fills: bool) -> AsyncIterator[ExecutionReport]:
    reading = _Reading(client, form)
    watches: list[tuple[_Watch, _Read]] = [(client.api.watch_orders, reading.of_order)]
    if with_fills:
        watches.append((client.api.watch_my_trades, reading.of_trade))
    waiting: asyncio.Queue[ExecutionReport | None] = asyncio.Queue(WAITING_MAX)
    tasks = [asyncio.create_task(_watch(watch, read, waiting)) for watch, read in watches]
    try:
        while (report := await waiting.get()) is not None:
            yield report
        for task in tasks:
            if task.done() and not task.cancelled() and (fault := task.exception()) is not None:
                raise fault if isinstance(fault, PluginError) else Unavailable(str(judged(fault))) from None
        raise Unavailable("the stream ended")
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await client.api.close_ws_clients()


async def _watch(watch: _Watch, read: _Read, waiting: asyncio.Queue[ExecutionReport | None]) -> None:
    """Everything that one watch tells, until it fails."""
    try:
        while True:
            for item in await watch():
                report = read(item)
                if report is not None:
                    await waiting.put(report)
    finally:
        if waiting.full():
            waiting.get_nowait()
        waiting.put_nowait(None)


class _Reading:
    """Orders and trades of ccxt.pro as reports."""

    def __init__(self, client: Client, form: IdForm) -> None:
        self._client = client
        self._form = form
        self._names: OrderedDict[str, str] = OrderedDict()

    def of_order(self, order: Item) -> ExecutionReport | None:
        """A new state of an order; None where it cannot be told."""
        wire = self._wire(order, str(order.get("id")))
        try:
            seen = seen_of({**order, "clientOrderId": wire}, ONE)
        except Unreadable:
            return None
        return None if wire is None else report_of(seen, self._form)

    def of_trade(self, trade: Item) -> ExecutionReport | None:
        """One fill; None where it cannot be told, or is of no order of ours."""
        identity = str(trade.get("order"))
        wire = self._wire(trade, identity)
        market = self._client.known(Symbol(str(trade.get("symbol"))))
        if wire is None or market is None:
            return None
        try:
            fill = fill_of(trade, market)
        except Unreadable:
            return None
        name = our_id(wire, identity, self._form)
        if name.startswith(FOREIGN) or fill.quantity <= 0:
            return None
        return ExecutionReport(
            client_order_id=name,
            state=OrderState.PARTLY_FILLED,
            reported_at=datetime.now(UTC),
            venue_order_id=VenueOrderId(identity[:100]),
            fills=(fill,),
        )

    def _wire(self, item: Item, identity: str) -> str | None:
        """Our ID on the wire, from the message or from an earlier one of the same order."""
        raw = item.get("info")
        info: Mapping[str, Any] = raw if isinstance(raw, Mapping) else {}
        for value in (*(info.get(field) for field in _ID_FIELDS), item.get("clientOrderId")):
            if isinstance(value, str) and value and not our_id(value, "", self._form).startswith(FOREIGN):
                self._names[identity] = value
                if len(self._names) > REMEMBERED:
                    self._names.popitem(last=False)
                return value
        return self._names.get(identity)
