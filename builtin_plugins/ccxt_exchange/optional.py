"""What only some venues can, one class for each optional port; an exchange is made of those that its row names."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

from readytrader_sdk.errors import Unavailable
from readytrader_sdk.orders import ClientOrderId, ExecutionReport, OrderRequest, OrderState
from readytrader_sdk.ports import KeyRights

from builtin_plugins.ccxt_exchange.amounts import Unreadable
from builtin_plugins.ccxt_exchange.capabilities import Amend, Reports
from builtin_plugins.ccxt_exchange.client import LIST_S, LOADING_S
from builtin_plugins.ccxt_exchange.exchange import CcxtExchange
from builtin_plugins.ccxt_exchange.names import wire_id
from builtin_plugins.ccxt_exchange.orders import Refused, outgoing
from builtin_plugins.ccxt_exchange.reports import Seen, seen_of, time_of, told
from builtin_plugins.ccxt_exchange.stream import reports_of

_OPEN = (OrderState.OPEN, OrderState.PARTLY_FILLED)


class Amends(CcxtExchange):
    """`AmendPort`."""

    async def replace_order(self, replaced: ClientOrderId, order: OrderRequest) -> ExecutionReport:
        """In one step where the venue has it, else cancelled for certain and then placed."""
        market = await self.client.market(order.symbol)
        old, form = wire_id(replaced, self.can.id_form), self.can.id_form
        try:
            out = outgoing(order, market, wire_id(order.client_order_id, form), self.can)
        except Refused as refusal:
            return told(order.client_order_id, OrderState.REJECTED, str(refusal))
        if self.can.amend is not Amend.ONE_STEP:
            return await self._in_two_steps(replaced, order)

        async def call() -> Seen | None:
            found = await self.dialect.replace(market, old, out)
            return None if found is None else seen_of(found, market.contract_size)

        try:
            seen = await self.client.send(out.wire_id, call)
        except Refused as refusal:
            return told(order.client_order_id, OrderState.REJECTED, str(refusal))
        if seen is None:
            return await self._in_two_steps(replaced, order)
        return await self._first_word(order.client_order_id, market, seen)

    async def _in_two_steps(self, replaced: ClientOrderId, order: OrderRequest) -> ExecutionReport:
        before = await self.find_order(replaced, order.symbol)
        if before is None or before.state not in _OPEN:
            return told(order.client_order_id, OrderState.REJECTED, "replaced_has_ended")
        ended = await self.cancel_order(replaced, order.symbol)
        if ended.state in _OPEN:
            raise Unavailable("the order to be replaced is not cancelled yet; nothing was placed")
        if ended.state is not OrderState.CANCELLED:
            return told(order.client_order_id, OrderState.REJECTED, "replaced_has_ended")
        return await self._place(order)


class CancelsAll(CcxtExchange):
    """`CancelAllPort`."""

    async def cancel_all_orders(self) -> None:
        """In as few requests as the venue allows."""
        try:
            await self.client.urgent(self.dialect.cancel_all, within_s=LIST_S)
        except Unreadable as error:
            raise Unavailable(f"unreadable_answer: {error}") from None


class CancelsAllAfter(CcxtExchange):
    """`CancelAllAfterPort`."""

    async def cancel_all_after(self, seconds: int) -> None:
        """The venue's own switch."""
        await self.dialect.cancel_all_after(seconds)


class TellsRights(CcxtExchange):
    """`KeyRightsPort`."""

    async def key_rights(self) -> KeyRights:
        """As the venue says; what its answer lacks is not guessed."""
        try:
            return await self.dialect.rights()
        except (Unreadable, AttributeError, ValueError) as error:
            raise Unavailable(f"unreadable_answer: {type(error).__name__}") from None


class TellsCaveats(CcxtExchange):
    """`CaveatsPort`."""

    async def caveats(self) -> tuple[str, ...]:
        """Where there is no row for the exchange."""
        return self.told_caveats


class TellsTime(CcxtExchange):
    """`VenueClockPort`: the venue's own call, else the Date of an answer (RFC 9110, 6.6.1)."""

    async def venue_time(self) -> datetime:
        """In UTC. Who compares clocks counts the time that the answer takes: the question does not queue."""
        api = self.client.api
        if api.has.get("fetchTime") is True:
            try:
                return time_of(await self.client.urgent(api.fetch_time), "the venue's time")
            except Unreadable as error:
                raise Unavailable(f"unreadable_answer: {error}") from None
        await self.client.read(lambda: api.load_markets(reload=True), within_s=LOADING_S)
        try:
            return parsedate_to_datetime(str((api.last_response_headers or {}).get("Date"))).astimezone(UTC)
        except ValueError:
            raise Unavailable("the venue does not tell its time") from None


class StreamsReports(CcxtExchange):
    """`ReportStreamPort`."""

    def stream_reports(self) -> AsyncIterator[ExecutionReport]:
        """The venue's user-data stream."""
        return reports_of(self.client, self.can.id_form, with_fills=self.can.reports is Reports.ORDERS_AND_FILLS)
