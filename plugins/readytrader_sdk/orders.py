"""Orders as a venue sees them: the request, its fills, and the reports that come back (FIX vocabulary)."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal
from enum import StrEnum
from typing import NewType

from msgspec import Struct

from readytrader_sdk.instruments import Asset, MarketType, Symbol, VenueId

ClientOrderId = NewType("ClientOrderId", str)
"""Our name for an order (FIX 11): made and made durable before the order leaves, unique for ever."""
VenueOrderId = NewType("VenueOrderId", str)
"""The venue's name for an order (FIX 37)."""


class Side(StrEnum):
    BUY = "buy"
    SELL = "sell"


class OrderType(StrEnum):
    MARKET = "market"
    LIMIT = "limit"
    STOP = "stop"
    """Becomes a market order when the stop price is reached."""
    STOP_LIMIT = "stop_limit"


class TimeInForce(StrEnum):
    GTC = "gtc"
    IOC = "ioc"
    FOK = "fok"
    GTD = "gtd"
    """Good till `expires_at`."""


class OrderRequest(Struct, frozen=True, kw_only=True, tag="order"):
    """What is sent to a venue. Quantity in base units, prices in quote per base."""

    client_order_id: ClientOrderId
    venue: VenueId
    symbol: Symbol
    side: Side
    quantity: Decimal
    order_type: OrderType
    price_worst: Decimal
    """The worst price at which any part may fill. A venue adapter must enforce it, for market orders too."""
    limit_price: Decimal | None = None
    stop_price: Decimal | None = None
    time_in_force: TimeInForce = TimeInForce.GTC
    expires_at: datetime | None = None
    post_only: bool = False
    market_type: MarketType = MarketType.SPOT


class OrderState(StrEnum):
    """The life of an order. The first is ours alone; the rest are the venue's word or our knowledge of it."""

    PERMITTED = "permitted"
    """Durable and about to be sent; the venue has not answered."""
    UNKNOWN = "unknown"
    """Sent, and nobody knows yet whether it arrived. Never sent again; asked for until known."""
    OPEN = "open"
    PARTLY_FILLED = "partly_filled"
    FILLED = "filled"
    CANCELLED = "cancelled"
    EXPIRED = "expired"
    REJECTED = "rejected"
    """Refused by the venue."""
    ABSENT = "absent"
    """Proven never to have reached the venue."""


TERMINAL_STATES = frozenset(
    {OrderState.FILLED, OrderState.CANCELLED, OrderState.EXPIRED, OrderState.REJECTED, OrderState.ABSENT}
)


class Liquidity(StrEnum):
    MAKER = "maker"
    TAKER = "taker"


class Fill(Struct, frozen=True, kw_only=True):
    """One execution. `fee` is what was paid, in `fee_asset`; a rebate is negative."""

    fill_id: str
    price: Decimal
    quantity: Decimal
    fee: Decimal
    fee_asset: Asset
    liquidity: Liquidity
    filled_at: datetime


class ExecutionReport(Struct, frozen=True, kw_only=True):
    """The venue's word on one order. Fills are only those that no earlier report carried."""

    client_order_id: ClientOrderId
    state: OrderState
    reported_at: datetime
    venue_order_id: VenueOrderId | None = None
    fills: tuple[Fill, ...] = ()
    reason: str | None = None
    """The adapter's own short code for a rejection or cancellation; never the venue's raw text."""


class Balance(Struct, frozen=True, kw_only=True):
    """What a venue holds for us of one asset: `total` includes what open orders have locked."""

    asset: Asset
    total: Decimal
    free: Decimal
