"""The port over one account: what every venue has. What only some have is in `optional.py`.

What moves value is sent once, with its ID. What comes back is told exactly or not at all: an order's fills add up to
what the venue says is filled, else the answer is `Unavailable`; "not found" means that every list was read.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from readytrader_sdk.errors import PluginError, Unavailable
from readytrader_sdk.instruments import Asset, Instrument, Symbol
from readytrader_sdk.money import ONE, ZERO
from readytrader_sdk.orders import Balance, ClientOrderId, ExecutionReport, OrderRequest, OrderState

from builtin_plugins.ccxt_exchange.amounts import Unreadable, decimal_of
from builtin_plugins.ccxt_exchange.capabilities import Capabilities
from builtin_plugins.ccxt_exchange.client import LIST_S, READ_S, Client, NotThere
from builtin_plugins.ccxt_exchange.names import wire_id
from builtin_plugins.ccxt_exchange.orders import Outgoing, Refused, outgoing
from builtin_plugins.ccxt_exchange.reports import Seen, fills_of, report_of, seen_of, told
from builtin_plugins.ccxt_exchange.symbols import Market
from builtin_plugins.ccxt_exchange.venues.dialect import Dialect, Order

LOOKS, FIRST_LOOK_PAUSE_S = 5, 0.1
"""How often an order is looked at until its fills add up, with pauses that double."""
FILLS_S = 1.5
"""For the fills of an order that was filled while it was placed: the core asks for them in any case."""


class CcxtExchange:
    """`ExchangePort` over ccxt."""

    def __init__(self, client: Client, dialect: Dialect, can: Capabilities, caveats: tuple[str, ...] = ()) -> None:
        """`caveats` are for `TellsCaveats`."""
        self.client = client
        self.dialect = dialect
        self.can = can
        self.told_caveats = caveats

    async def instruments(self) -> Sequence[Instrument]:
        """The markets of the instance's type whose rules are plain."""
        return tuple(market.instrument for market in (await self.client.markets(fresh=True)).values())

    async def place_order(self, order: OrderRequest) -> ExecutionReport:
        """Send one order, as a limit order at no worse than its worst price."""
        return await self._place(order)

    async def _place(self, order: OrderRequest) -> ExecutionReport:
        """The same, for a replacement's second step."""
        market = await self.client.market(order.symbol)
        try:
            out = outgoing(order, market, wire_id(order.client_order_id, self.can.id_form), self.can)
            seen = await self._sent(market, out)
        except Refused as refusal:
            return told(order.client_order_id, OrderState.REJECTED, str(refusal))
        return await self._first_word(order.client_order_id, market, seen)

    async def cancel_order(self, client_order_id: ClientOrderId, symbol: Symbol) -> ExecutionReport:
        """Cancel by our ID, and say how the order stands then."""
        market = await self.client.market(symbol)
        wire = wire_id(client_order_id, self.can.id_form)
        try:
            async with asyncio.timeout(READ_S):
                was_open = await self._cancelled(market, wire)
                report = await self.find_order(client_order_id, symbol)
        except TimeoutError:
            raise Unavailable("no_answer_in_time") from None
        if report is not None:
            return report
        if was_open:
            raise Unavailable("cancelled_and_not_found")
        return told(client_order_id, OrderState.ABSENT)

    async def find_order(self, client_order_id: ClientOrderId, symbol: Symbol) -> ExecutionReport | None:
        """Look in every list that the venue has, and for every fill.

        Raises `Unsupported` where it is in none, and the venue's lists are too few to say that there is none.
        """
        market = await self.client.market(symbol)
        wire = wire_id(client_order_id, self.can.id_form)
        try:
            async with asyncio.timeout(READ_S):
                return await self._found(client_order_id, market, wire)
        except TimeoutError:
            raise Unavailable("no_answer_in_time") from None
        except Unreadable as error:
            raise Unavailable(f"unreadable_answer: {error}") from None

    async def open_orders(self) -> Sequence[ExecutionReport]:
        """Every open order of the account in this type of market."""
        markets = await self.client.markets()
        try:
            async with asyncio.timeout(LIST_S):
                orders = await self.dialect.open_orders()
            seen = [seen_of(order, _size(order, markets)) for order in orders]
        except TimeoutError:
            raise Unavailable("no_answer_in_time") from None
        except Unreadable as error:
            raise Unavailable(f"unreadable_answer: {error}") from None
        form = self.can.id_form
        reports = {one.venue_order_id: report_of(one, form) for one in seen if not one.has_ended}
        return tuple(reports.values())

    async def balances(self) -> Sequence[Balance]:
        """What the account holds, by asset."""
        await self.client.markets()
        found = await self.client.read(self.dialect.balances, within_s=LIST_S)
        try:
            return balances_of(found)
        except Unreadable as error:
            raise Unavailable(f"unreadable_answer: {error}") from None

    async def _sent(self, market: Market, out: Outgoing) -> Seen:
        async def call() -> Seen:
            return seen_of(await self.dialect.place(market, out), market.contract_size)

        return await self.client.send(out.wire_id, call)

    async def _first_word(self, asked: ClientOrderId, market: Market, seen: Seen) -> ExecutionReport:
        """What the venue said at once; an order that was filled is told as open where its fills are not at hand."""
        if not seen.filled and seen.state is not OrderState.FILLED:
            return report_of(seen, self.can.id_form, asked=asked)
        try:
            async with asyncio.timeout(FILLS_S):
                report = await self._found(asked, market, wire_id(asked, self.can.id_form), seen)
        except (PluginError, TimeoutError, Unreadable):
            report = None
        if report is not None:
            return report
        return ExecutionReport(
            client_order_id=asked,
            state=OrderState.OPEN,
            reported_at=datetime.now(UTC),
            venue_order_id=seen.venue_order_id,
        )

    async def _cancelled(self, market: Market, wire: str) -> bool:
        """Whether the venue took the cancellation; False where it has no such open order."""
        try:
            await self.client.urgent(lambda: self.dialect.cancel(market, wire))
        except NotThere:
            return False
        except Unavailable as fault:
            if str(fault) not in ("invalid_order", "rejected", "bad_request"):
                raise
            return False  # refused: the order's own state says why
        return True

    async def _found(
        self, asked: ClientOrderId, market: Market, wire: str, seen: Seen | None = None
    ) -> ExecutionReport | None:
        """The order, as it was `seen` just now or is found, and all its fills; looked at again while it moves."""
        pause = FIRST_LOOK_PAUSE_S
        for _ in range(LOOKS):
            if seen is None:
                order = await self.dialect.look(market, wire)
                if order is None:
                    return None
                seen = seen_of(order, market.contract_size)
            trades = await self.dialect.trades(market, seen) if seen.filled else ()
            fills = fills_of(trades, market, str(seen.venue_order_id))
            if sum((fill.quantity for fill in fills), start=ZERO) == seen.filled:
                return report_of(seen, self.can.id_form, fills=fills, asked=asked)
            seen = None
            await asyncio.sleep(pause)
            pause *= 2
        raise Unavailable("fills_do_not_add_up")


def balances_of(found: Mapping[str, Any]) -> tuple[Balance, ...]:
    """ccxt's balances as ours. Raises `Unreadable`."""
    totals, free = found.get("total"), found.get("free")
    if not isinstance(totals, Mapping) or not isinstance(free, Mapping):
        raise Unreadable("balances")
    balances = []
    for asset, amount in totals.items():
        total = decimal_of(amount, "a balance")
        if total:
            left = decimal_of(free.get(asset), "a free balance")
            balances.append(Balance(asset=Asset(str(asset)[:40]), total=total, free=min(left, total)))
    return tuple(balances)


def _size(order: Order, markets: Mapping[Symbol, Market]) -> Any:
    found = markets.get(Symbol(str(order.get("symbol"))))
    return ONE if found is None else found.contract_size
