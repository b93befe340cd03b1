"""Exchanges: venues with orders. The required port is small; what only some venues can do is a port of its own."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from datetime import datetime
from decimal import Decimal
from enum import StrEnum
from typing import Protocol, runtime_checkable

from msgspec import Struct

from readytrader_sdk.instruments import Asset, Instrument, Symbol, VenueId
from readytrader_sdk.market import Tick
from readytrader_sdk.orders import Balance, ClientOrderId, ExecutionReport, OrderRequest


@runtime_checkable
class ExchangePort(Protocol):
    """A venue with orders. Required of every exchange plugin."""

    async def instruments(self) -> Sequence[Instrument]:
        """All instruments with their rules, each symbol once. Timeout 60 s. May be repeated. Raises `Unavailable`."""

    async def place_order(self, order: OrderRequest) -> ExecutionReport:
        """Send one order under its client order ID. **Moves value; never repeated.** Timeout 10 s.

        Enforces `order.price_worst`, for market orders too (an immediate-or-cancel limit order at that price does).
        Returns the venue's first word: open, filled, or rejected, which is a report and not an error. A second order
        under an ID that the venue knows is refused, without a word on the first: that is asked for. Raises
        `Unsupported` for what the venue cannot do, `Unavailable` only when the order provably did not arrive (the core
        asks the venue all the same), `OutcomeUnknown` whenever that is in doubt.
        """

    async def cancel_order(self, client_order_id: ClientOrderId, symbol: Symbol) -> ExecutionReport:
        """Ask for a cancellation; the order's state after it. Timeout 10 s. May be repeated. Raises `Unavailable`.

        An order that has ended stays as it ended; one that the venue has never seen is ABSENT.
        """

    async def find_order(self, client_order_id: ClientOrderId, symbol: Symbol) -> ExecutionReport | None:
        """The order's state with *all* its fills, or None when the venue has never seen it.

        Timeout 10 s. May be repeated. Raises `Unavailable`: not knowing is not None. Raises `Unsupported` where it was
        not found on a venue that cannot say what it has never seen: a person is told soon, and it is asked for still.
        """

    async def open_orders(self) -> Sequence[ExecutionReport]:
        """Every open order of the account, those of nobody here included. Timeout 30 s. May be repeated. Raises
        `Unavailable`: a part of the list is not the list.

        Fills may be left out. An order that has no client order ID is told as `venue:` and its venue order ID.
        """

    async def balances(self) -> Sequence[Balance]:
        """All non-zero balances, each asset once. Timeout 30 s. May be repeated. Raises `Unavailable`."""


@runtime_checkable
class AmendPort(Protocol):
    """Optional: an exchange that replaces an order in one step."""

    async def replace_order(self, replaced: ClientOrderId, order: OrderRequest) -> ExecutionReport:
        """Cancel `replaced` and place `order`; the word on `order`, as `place_order` gives it. Never are both open.

        **Moves value; never repeated.** Timeout 10 s. When `replaced` has ended, `order` is rejected. A venue without
        such a step may be given two: `order` is sent only after the venue said that `replaced` was cancelled.
        """


@runtime_checkable
class QuoteStreamPort(Protocol):
    """Optional: an exchange that streams market data over the connection it has anyway."""

    def stream_quotes(self, symbols: Sequence[Symbol]) -> AsyncIterator[Tick]:
        """Ticks of these instruments in the order observed, until cancelled. Raises `Unavailable` to be restarted."""


@runtime_checkable
class ReportStreamPort(Protocol):
    """Optional: an exchange that says by itself what becomes of orders."""

    def stream_reports(self) -> AsyncIterator[ExecutionReport]:
        """What happens to the account's orders, as it happens, until cancelled. Raises `Unavailable` to be restarted.

        A hint and not the record: reports may repeat, come late or out of order, or be lost, and a state may come
        before its fills. What does not fit is asked for with `find_order`. A fill has the same `fill_id` here as there.
        """


@runtime_checkable
class CancelAllPort(Protocol):
    """Optional: a venue that cancels everything at once."""

    async def cancel_all_orders(self) -> None:
        """Ask for the cancellation of every open order of the account, those of nobody here included.

        Timeout 30 s. May be repeated. Returns when the venue has taken the request; whether anything is still open,
        `open_orders` says. Raises `Unavailable`.
        """


@runtime_checkable
class CancelAllAfterPort(Protocol):
    """Optional: a venue with a dead-man's switch."""

    async def cancel_all_after(self, seconds: int) -> None:
        """Have the venue cancel every open order `seconds` (whole, 0 disarms) from now, unless asked again before.

        Timeout 10 s. May be repeated; the last call counts. Opens nothing and sells nothing. Raises `Unavailable`.
        """


class KeyRights(Struct, frozen=True, kw_only=True):
    """What the venue says that this key may do. None where the venue does not say."""

    can_trade: bool | None
    can_withdraw: bool | None
    """Whether it can send assets out of the account, to whatever address."""
    is_bound_to_addresses: bool | None = None
    """Whether the venue takes it from listed network addresses alone."""
    expires_at: datetime | None = None


@runtime_checkable
class KeyRightsPort(Protocol):
    """Optional: a venue that tells what a key may do."""

    async def key_rights(self) -> KeyRights:
        """Ask the venue. Timeout 30 s. May be repeated. Raises `Unavailable`: not knowing is not a right missing."""


@runtime_checkable
class VenueClockPort(Protocol):
    """Optional: a venue that tells its time."""

    async def venue_time(self) -> datetime:
        """The venue's clock, aware and in UTC, fresh from the venue. Timeout 10 s. May be repeated.

        Raises `Unavailable`.
        """


@runtime_checkable
class CaveatsPort(Protocol):
    """Optional: a venue of which an operator must know what it cannot."""

    async def caveats(self) -> Sequence[str]:
        """Each in a sentence of the plugin's own. The same for as long as it runs. Timeout 10 s. May be repeated."""


class TransferRequest(Struct, frozen=True, kw_only=True, tag="transfer"):
    """A transfer of `amount` of `asset` (in whole units, not in the smallest) to an address on a chain."""

    client_order_id: ClientOrderId
    chain: str
    asset: Asset
    amount: Decimal
    to_address: str


@runtime_checkable
class TransferPort(Protocol):
    """Optional: a venue or wallet that sends assets to an address."""

    async def transfer(self, request: TransferRequest) -> ExecutionReport:
        """Send it. **Moves value; never repeated.** Timeout 30 s. Raises as `place_order`.

        The network's fee is the venue's to add: `amount` is what arrives, or the transfer is rejected.
        """

    async def find_transfer(self, client_order_id: ClientOrderId) -> ExecutionReport | None:
        """What became of a transfer, or None when it was never sent. Timeout 10 s. May be repeated."""


class LendingAction(StrEnum):
    """What can be asked of a lending market."""

    SUPPLY = "supply"
    WITHDRAW = "withdraw"
    BORROW = "borrow"
    REPAY = "repay"


class LendingRequest(Struct, frozen=True, kw_only=True, tag="lending"):
    """Move `amount` of `asset` (whole units) into or out of a lending market. There is no amount that means "all"."""

    client_order_id: ClientOrderId
    venue: VenueId
    action: LendingAction
    asset: Asset
    amount: Decimal
    expires_at: datetime | None = None


@runtime_checkable
class LendingPort(Protocol):
    """Optional: a venue that lends."""

    async def lend(self, request: LendingRequest) -> ExecutionReport:
        """Do it. **Moves value; never repeated.** Timeout 30 s. Raises as `place_order`."""

    async def find_lending(self, client_order_id: ClientOrderId) -> ExecutionReport | None:
        """What became of it, or None when it was never sent. Timeout 10 s. May be repeated."""
