"""One port per kind of plugin: small interfaces that take values and return values.

A port's method never sees a permit: the worker verifies it before it calls the plugin. A method that may move
value says so; it is called at most once per client order ID and never repeated after `OutcomeUnknown`.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from datetime import datetime
from decimal import Decimal
from typing import Protocol, runtime_checkable

from msgspec import Struct

from readytrader_sdk.instruments import Asset, Instrument, Symbol
from readytrader_sdk.market import Tick
from readytrader_sdk.orders import Balance, ClientOrderId, ExecutionReport, OrderRequest


@runtime_checkable
class ExchangePort(Protocol):
    """A venue with orders. Required of every exchange plugin."""

    async def instruments(self) -> Sequence[Instrument]:
        """All instruments with their rules. May be repeated. Raises `Unavailable`."""

    async def place_order(self, order: OrderRequest) -> ExecutionReport:
        """Send one order. **Moves value; never repeated.** Must enforce `order.price_worst`.

        Returns the venue's first word (open, filled, rejected). Raises `Unavailable` only when the order provably
        did not arrive, `OutcomeUnknown` whenever that is in doubt.
        """

    async def cancel_order(self, client_order_id: ClientOrderId, symbol: Symbol) -> ExecutionReport:
        """Ask for a cancellation; the order's state after it. May be repeated. A filled order stays filled."""

    async def find_order(self, client_order_id: ClientOrderId, symbol: Symbol) -> ExecutionReport | None:
        """The order's state with *all* its fills, or None when the venue has never seen it. May be repeated."""

    async def open_orders(self) -> Sequence[ExecutionReport]:
        """Every open order, those of nobody here included. May be repeated."""

    async def balances(self) -> Sequence[Balance]:
        """All non-zero balances. May be repeated."""


@runtime_checkable
class AmendPort(Protocol):
    """Optional: an exchange that replaces an order in one step."""

    async def replace_order(self, replaced: ClientOrderId, order: OrderRequest) -> ExecutionReport:
        """Cancel `replaced` and place `order`, or do neither. **Moves value; never repeated.**"""


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
        """Send it. **Moves value; never repeated.**"""

    async def find_transfer(self, client_order_id: ClientOrderId) -> ExecutionReport | None:
        """What became of a transfer, or None when it was never sent. May be repeated."""


@runtime_checkable
class DataSourcePort(Protocol):
    """A source of market data. It only reads."""

    def instruments(self) -> Sequence[Instrument]:
        """The instruments that it delivers, with their rules where it knows them."""

    def stream(self) -> AsyncIterator[Tick]:
        """Ticks in the order observed. Ends when the source has no more; raises `Unavailable` to be restarted."""


@runtime_checkable
class PaperOnly(Protocol):
    """Optional: a source whose prices are not a market's of now (made up, or recorded). Refused in live mode."""

    @property
    def paper_only(self) -> str:
        """What to call such prices wherever one is shown, e.g. `sample` or `replay`."""


class RouteQuote(Struct, frozen=True, kw_only=True):
    """A router's offer: what comes out for an exact amount in, who may pull the input, and until when.

    `opaque` is the router's own text, to be handed back verbatim in `prepare` (two-step routers need it).
    """

    amount_out: Decimal
    amount_out_min: Decimal
    spender: str
    expires_at: datetime
    opaque: str


@runtime_checkable
class RouterPort(Protocol):
    """A DEX router: it quotes; it never signs and never sends."""

    async def quote(self, chain: str, from_asset: Asset, to_asset: Asset, amount: Decimal) -> RouteQuote:
        """An offer for exactly `amount` of `from_asset`. May be repeated. Raises `Unavailable`, `Unsupported`."""


@runtime_checkable
class SignerPort(Protocol):
    """A holder of one key."""

    async def address(self) -> str:
        """The address that its signatures recover to. May be repeated."""

    async def sign_transaction(self, unsigned: bytes, chain_id: int) -> bytes:
        """The signed raw transaction for exactly `unsigned`. **Moves value once broadcast.** Raises `Misconfigured`."""


class Notice(Struct, frozen=True, kw_only=True):
    """One message to an operator: no secret, no confirm token."""

    severity: str
    subject: str
    text: str
    at: datetime


@runtime_checkable
class NotifierPort(Protocol):
    """A way to tell an operator something."""

    async def notify(self, notice: Notice) -> None:
        """Deliver it. May be repeated. Raises `Unavailable`."""
