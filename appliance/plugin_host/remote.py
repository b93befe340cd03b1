"""The ports, as the core sees them: each call goes to a worker, and comes back checked.

A call that moves value exists only as `perform`, with a permit; the port's own method of that name is here to complete
the port, and refuses. Optional ports are there where the plugin has them, as their methods.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterator, Sequence
from datetime import datetime
from functools import cache
from typing import NoReturn, TypeVar, cast

from readytrader_sdk.instruments import Instrument, Symbol
from readytrader_sdk.market import Tick
from readytrader_sdk.orders import Balance, ClientOrderId, ExecutionReport, OrderRequest
from readytrader_sdk.ports import (
    ExchangePort,
    Finding,
    KeyRights,
    LendingRequest,
    Notice,
    Plan,
    RouteQuote,
    SwapRequest,
    TransferRequest,
)

from appliance.domain.decision import Payload, SignedPermit
from appliance.plugin_host.gate import CALLS, Movable, PermitRefused
from appliance.plugin_host.supervisor import Worker

T = TypeVar("T")


async def _perform(worker: Worker, signed: SignedPermit, payload: Movable) -> object:
    """Send the one call that a permit is for; the gate in the worker judges both."""
    permit = signed.permit
    name, _ = CALLS[permit.action]
    args = (payload,) if permit.replaces is None else (permit.replaces, payload)
    return await worker.call(name, *args, permit=signed)


def _without_permit(payload: Movable) -> NoReturn:
    raise PermitRefused(f"{payload.client_order_id}: what moves value is sent with a permit, through `perform`")


class RemoteReads:
    """An exchange's calls that move nothing."""

    def __init__(self, worker: Worker) -> None:
        self._worker = worker

    async def instruments(self) -> Sequence[Instrument]:
        """As `ExchangePort`."""
        return cast(Sequence[Instrument], await self._worker.call("instruments"))

    async def place_order(self, order: OrderRequest) -> ExecutionReport:
        """Refused: see `RemoteExchange.perform`."""
        _without_permit(order)

    async def cancel_order(self, client_order_id: ClientOrderId, symbol: Symbol) -> ExecutionReport:
        """As `ExchangePort`."""
        return cast(ExecutionReport, await self._worker.call("cancel_order", client_order_id, symbol))

    async def find_order(self, client_order_id: ClientOrderId, symbol: Symbol) -> ExecutionReport | None:
        """As `ExchangePort`."""
        return cast(ExecutionReport | None, await self._worker.call("find_order", client_order_id, symbol))

    async def open_orders(self) -> Sequence[ExecutionReport]:
        """As `ExchangePort`."""
        return cast(Sequence[ExecutionReport], await self._worker.call("open_orders"))

    async def balances(self) -> Sequence[Balance]:
        """As `ExchangePort`."""
        return cast(Sequence[Balance], await self._worker.call("balances"))


class _Amends(RemoteReads):
    async def replace_order(self, replaced: ClientOrderId, order: OrderRequest) -> ExecutionReport:  # noqa: ARG002 - the port's
        """Refused: see `RemoteExchange.perform`."""
        _without_permit(order)


class _Transfers(RemoteReads):
    async def transfer(self, request: TransferRequest) -> ExecutionReport:
        """Refused: see `RemoteExchange.perform`."""
        _without_permit(request)

    async def find_transfer(self, client_order_id: ClientOrderId) -> ExecutionReport | None:
        """As `TransferPort`."""
        return cast(ExecutionReport | None, await self._worker.call("find_transfer", client_order_id))


class _Lends(RemoteReads):
    async def lend(self, request: LendingRequest) -> ExecutionReport:
        """Refused: see `RemoteExchange.perform`."""
        _without_permit(request)

    async def find_lending(self, client_order_id: ClientOrderId) -> ExecutionReport | None:
        """As `LendingPort`."""
        return cast(ExecutionReport | None, await self._worker.call("find_lending", client_order_id))


class _CancelsAllAfter(RemoteReads):
    async def cancel_all_after(self, seconds: int) -> None:
        """As `CancelAllAfterPort`."""
        await self._worker.call("cancel_all_after", seconds)


class _CancelsAll(RemoteReads):
    async def cancel_all_orders(self) -> None:
        """As `CancelAllPort`."""
        await self._worker.call("cancel_all_orders")


class _TellsRights(RemoteReads):
    async def key_rights(self) -> KeyRights:
        """As `KeyRightsPort`."""
        return cast(KeyRights, await self._worker.call("key_rights"))


class _TellsTime(RemoteReads):
    async def venue_time(self) -> datetime:
        """As `VenueClockPort`."""
        return cast(datetime, await self._worker.call("venue_time"))


class _TellsCaveats(RemoteReads):
    async def caveats(self) -> Sequence[str]:
        """As `CaveatsPort`."""
        return cast(Sequence[str], await self._worker.call("caveats"))


class _StreamsQuotes(RemoteReads):
    def stream_quotes(self, symbols: Sequence[Symbol]) -> AsyncIterator[Tick]:
        """As `QuoteStreamPort`."""
        batches = cast(AsyncGenerator[Sequence[Tick], None], self._worker.stream("stream_quotes", tuple(symbols)))
        return _one_by_one(batches)


class _StreamsReports(RemoteReads):
    def stream_reports(self) -> AsyncIterator[ExecutionReport]:
        """As `ReportStreamPort`."""
        batches = cast(AsyncGenerator[Sequence[ExecutionReport], None], self._worker.stream("stream_reports"))
        return _one_by_one(batches)


async def _one_by_one(batches: AsyncGenerator[Sequence[T], None]) -> AsyncIterator[T]:
    """Each item by itself; closing this closes the stream."""
    try:
        async for batch in batches:
            for item in batch:
                yield item
    finally:
        await batches.aclose()


_OPTIONAL: tuple[tuple[frozenset[str], type[RemoteReads]], ...] = (
    (frozenset({"replace_order"}), _Amends),
    (frozenset({"transfer", "find_transfer"}), _Transfers),
    (frozenset({"lend", "find_lending"}), _Lends),
    (frozenset({"cancel_all_after"}), _CancelsAllAfter),
    (frozenset({"cancel_all_orders"}), _CancelsAll),
    (frozenset({"key_rights"}), _TellsRights),
    (frozenset({"venue_time"}), _TellsTime),
    (frozenset({"caveats"}), _TellsCaveats),
    (frozenset({"stream_quotes"}), _StreamsQuotes),
    (frozenset({"stream_reports"}), _StreamsReports),
)


@cache
def _reads_with(methods: frozenset[str]) -> type[RemoteReads]:
    """A class that has exactly the optional ports whose every method the plugin has."""
    ports = tuple(port for names, port in _OPTIONAL if names <= methods)
    return type("RemoteReads", (*ports, RemoteReads), {})


class RemoteExchange:
    """An exchange in a worker (`gate.Venue`)."""

    def __init__(self, worker: Worker) -> None:
        self._worker = worker

    @property
    def reads(self) -> ExchangePort:
        """The calls that move nothing, and the optional ports that the plugin had when it was last ready."""
        return _reads_with(self._worker.optional_methods)(self._worker)

    @property
    def is_ours(self) -> bool:
        """It is not: the gate and the plugin are one process."""
        return False

    async def perform(self, signed: SignedPermit, payload: Payload) -> ExecutionReport:
        """Make the permitted call, once. Raises `NotSent` when it never left the core, else what the worker answered:
        `PermitRefused` and the port's errors are that process's word and no more."""
        return cast(ExecutionReport, await _perform(self._worker, signed, payload))


class RemoteSource:
    """A data source in a worker (`marketdata.feed.TickBatches`)."""

    def __init__(self, worker: Worker) -> None:
        self._worker = worker

    @property
    def paper_only(self) -> str:
        """What to call its prices where they are no market's of now, else empty; known once it was ready."""
        return self._worker.paper_only

    async def paper_name(self) -> str:
        """As `paper_only`, after waiting until it is ready. Raises as `Worker.up`."""
        await self._worker.up()
        return self.paper_only

    async def instruments(self) -> Sequence[Instrument]:
        """As `DataSourcePort`."""
        await self._worker.up()
        return cast(Sequence[Instrument], await self._worker.call("instruments"))

    async def batches(self) -> AsyncIterator[Sequence[Tick]]:
        """Ticks in the order observed, until the source has no more. Waits until the worker is ready."""
        await self._worker.up()
        stream = cast(AsyncGenerator[Sequence[Tick], None], self._worker.stream("stream"))
        try:
            async for batch in stream:
                yield batch
        finally:
            await stream.aclose()


class RemoteNotifier:
    """A notifier in a worker (`NotifierPort`)."""

    def __init__(self, worker: Worker) -> None:
        self._worker = worker

    async def notify(self, notice: Notice) -> None:
        """As `NotifierPort`."""
        await self._worker.call("notify", notice)


class RemoteSigner:
    """A signer in a worker."""

    def __init__(self, worker: Worker) -> None:
        self._worker = worker

    async def address(self) -> str:
        """As `SignerPort`."""
        return cast(str, await self._worker.call("address"))

    async def perform(self, signed: SignedPermit, payload: Movable) -> bytes:
        """Have exactly this signed, once. Raises `PermitRefused` when it was not, else what the port raises."""
        return cast(bytes, await _perform(self._worker, signed, payload))


class RemoteRouter:
    """A DEX router in a worker."""

    def __init__(self, worker: Worker) -> None:
        self._worker = worker

    async def quote(self, request: SwapRequest) -> RouteQuote:
        """As `RouterPort`."""
        return cast(RouteQuote, await self._worker.call("quote", request))

    async def prepare(self, request: SwapRequest, quote: RouteQuote) -> Plan:
        """As `RouterPort`."""
        return cast(Plan, await self._worker.call("prepare", request, quote))

    async def verify(self, request: SwapRequest, plan: Plan) -> tuple[Finding, ...]:
        """As `RouterPort`."""
        return cast(tuple[Finding, ...], await self._worker.call("verify", request, plan))

    async def find_submission(self, client_order_id: ClientOrderId) -> ExecutionReport | None:
        """As `IntentOrderPort`."""
        return cast(ExecutionReport | None, await self._worker.call("find_submission", client_order_id))

    async def prepare_cancellation(self, client_order_id: ClientOrderId) -> Plan:
        """As `IntentOrderPort`."""
        return cast(Plan, await self._worker.call("prepare_cancellation", client_order_id))

    async def cancel_submission(self, client_order_id: ClientOrderId, signature: bytes | None) -> ExecutionReport:
        """As `IntentOrderPort`."""
        return cast(ExecutionReport, await self._worker.call("cancel_submission", client_order_id, signature))

    async def perform(self, signed: SignedPermit, payload: Movable) -> ExecutionReport:
        """Submit a signed order, once. Raises `PermitRefused` when it was not made, else what the port raises."""
        return cast(ExecutionReport, await _perform(self._worker, signed, payload))
