"""What an agent asks for, already parsed: exact, closed, and with a unit on every amount."""

from __future__ import annotations

import hashlib
from datetime import datetime
from decimal import Decimal
from typing import NewType

import msgspec
from msgspec import Struct
from readytrader_sdk.instruments import Asset, MarketType, Symbol, VenueId
from readytrader_sdk.orders import ClientOrderId, OrderType, Side, TimeInForce

AgentId = NewType("AgentId", str)
RequestId = NewType("RequestId", str)
"""One ID for the whole life of a request: it names the proposal, the permit, and the order (its client order ID)."""
Chain = NewType("Chain", str)

_canonical = msgspec.json.Encoder(order="deterministic")


class OrderIntent(Struct, frozen=True, kw_only=True, tag="order"):
    """Trade one instrument. `quantity` in base units, prices in quote per base."""

    venue: VenueId
    symbol: Symbol
    side: Side
    quantity: Decimal
    order_type: OrderType = OrderType.MARKET
    limit_price: Decimal | None = None
    stop_price: Decimal | None = None
    time_in_force: TimeInForce = TimeInForce.GTC
    expires_at: datetime | None = None
    post_only: bool = False
    market_type: MarketType = MarketType.SPOT
    replaces: ClientOrderId | None = None
    """The open order that this one takes the place of."""


class SwapIntent(Struct, frozen=True, kw_only=True, tag="swap"):
    """Exchange at most `amount` of `from_asset` (its own units) for `to_asset` on a chain."""

    chain: Chain
    from_asset: Asset
    to_asset: Asset
    amount: Decimal


class TransferIntent(Struct, frozen=True, kw_only=True, tag="transfer"):
    """Send `amount` of `asset` (whole units) to an address on a chain."""

    chain: Chain
    asset: Asset
    amount: Decimal
    to_address: str


Intent = OrderIntent | SwapIntent | TransferIntent


class Request(Struct, frozen=True, kw_only=True):
    """An intent with who asked, when, and under which key."""

    request_id: RequestId
    agent_id: AgentId
    intent: Intent
    received_at: datetime
    idempotency_key: str | None = None
    note: str = ""
    """The agent's own words, capped and stripped; shown to people, never read by a rule."""


def digest(value: Struct) -> str:
    """SHA-256 (hex) of a value's canonical JSON: what an idempotency key, an approval and a permit are bound to."""
    return hashlib.sha256(_canonical.encode(value)).hexdigest()
