"""What the local exchange's wires and its model say to one another: requests, orders as the venue sees them, news."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal
from enum import StrEnum

from msgspec import Struct
from readytrader_sdk.instruments import Symbol
from readytrader_sdk.market import Level
from readytrader_sdk.money import EXACT, ZERO
from readytrader_sdk.orders import TERMINAL_STATES, Balance, OrderState, OrderType, Side, TimeInForce

from appliance.paper.reasons import Reason


class Request(Struct, frozen=True, kw_only=True):
    """One order as it came over a wire, checked for form only. Quantity in base units, prices in quote per base."""

    symbol: Symbol
    side: Side
    order_type: OrderType
    quantity: Decimal = ZERO
    quote_quantity: Decimal | None = None
    """For a market order: what to spend or to get, in quote units, instead of `quantity`."""
    limit_price: Decimal | None = None
    stop_price: Decimal | None = None
    time_in_force: TimeInForce = TimeInForce.GTC
    expires_at: datetime | None = None
    post_only: bool = False
    client_order_id: str | None = None
    reference: int | None = None
    """The client's own number for a group of orders (Kraken's userref)."""


class VenueFill(Struct, frozen=True, kw_only=True):
    """One trade of an order. The fee is in quote units."""

    trade_id: int
    order_id: int
    symbol: Symbol
    side: Side
    price: Decimal
    quantity: Decimal
    fee: Decimal
    fee_asset: str
    is_maker: bool
    at_ms: int

    @property
    def notional(self) -> Decimal:
        return EXACT.multiply(self.price, self.quantity)


class VenueOrder(Struct, frozen=True, kw_only=True):
    """One order as the venue sees it at one moment. Times in Unix milliseconds by the venue's clock."""

    order_id: int
    """The venue's number for it."""
    request: Request
    """As asked, with the quantity and the limit price that an amendment gave it."""
    state: OrderState
    created_ms: int
    updated_ms: int
    filled: Decimal = ZERO
    quote_filled: Decimal = ZERO
    fills: tuple[VenueFill, ...] = ()
    reason: Reason | None = None
    """Why it ended, where the venue has a word for it."""
    is_working: bool = True
    """False for a stop order whose stop price was not reached."""
    engine_id: str
    """Its name in the matching engine; another after each amendment."""

    @property
    def is_open(self) -> bool:
        return self.state not in TERMINAL_STATES

    @property
    def remaining(self) -> Decimal:
        return EXACT.subtract(self.request.quantity, self.filled)


class EventKind(StrEnum):
    ACCEPTED = "accepted"
    FILL = "fill"
    AMENDED = "amended"
    CANCELLED = "cancelled"
    """Because the client asked, or its dead-man's switch went off."""
    EXPIRED = "expired"
    """By its own terms: a date, immediate-or-cancel, fill-or-kill, or nothing left to take."""
    BALANCE = "balance"


class Event(Struct, frozen=True, kw_only=True):
    """News for the owner of an account, with the order as it was then."""

    kind: EventKind
    at_ms: int
    order: VenueOrder | None = None
    """None with BALANCE alone."""
    fill: VenueFill | None = None
    """With FILL alone."""
    balances: tuple[Balance, ...] = ()
    """With BALANCE alone: the assets that changed. A zero is told too."""
    previous_client_order_id: str | None = None


class MarketPrint(Struct, frozen=True, kw_only=True):
    """One public trade."""

    trade_id: int
    symbol: Symbol
    price: Decimal
    quantity: Decimal
    buyer_is_maker: bool
    at_ms: int


class MarketNews(Struct, frozen=True, kw_only=True):
    """What changed in the display of one instrument: a trade, or levels (size 0 where a price is gone)."""

    symbol: Symbol
    at_ms: int
    update_first: int = 0
    """The display's own running numbers; each changed level has one, without holes."""
    update_last: int = 0
    bids: tuple[Level, ...] = ()
    asks: tuple[Level, ...] = ()
    trade: MarketPrint | None = None


class Refused(Exception):
    """The venue does not do what was asked, and nothing has changed."""

    def __init__(self, reason: Reason | Refusal) -> None:
        super().__init__(reason.value)
        self.reason = reason


class Refusal(StrEnum):
    """What the matching engine has no word for."""

    CANCEL_REFUSED = "cancel_refused"
    """The order stays open: the venue just will not."""
    AMEND = "amend"
    """The quantity asked for is not above what is filled."""


class ClientIds(StrEnum):
    """For how long a client order ID is taken."""

    UNIQUE_AMONG_OPEN = "unique_among_open"
    UNIQUE_FOR_EVER = "unique_for_ever"
