"""What each exchange can do, as a table: five that were tried, and a cautious row for every other.

Facts are from the venues' API documentation of November 2026 and are held by recorded requests in the tests.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum

from msgspec import Struct
from readytrader_sdk.instruments import MarketType
from readytrader_sdk.orders import TimeInForce

from builtin_plugins.ccxt_exchange.names import IdForm

_SPOT = frozenset({MarketType.SPOT})
_LINEAR = frozenset({MarketType.SPOT, MarketType.SWAP, MarketType.FUTURE})
_GTC, _IOC, _FOK, _GTD = TimeInForce.GTC, TimeInForce.IOC, TimeInForce.FOK, TimeInForce.GTD


class Amend(StrEnum):
    """How an order is replaced by another under a new client order ID."""

    ONE_STEP = "one_step"
    """The venue cancels and places in one request, and places only if it cancelled."""
    TWO_STEPS = "two_steps"
    """Cancelled here first; the new one is sent only once the venue says that the old one is cancelled."""


class CancelAll(StrEnum):
    """How everything is cancelled."""

    ACCOUNT = "account"
    """One request."""
    SYMBOL = "symbol"
    """One request for each symbol with open orders."""
    BATCH = "batch"
    """One request for so many orders, by the venue's IDs."""
    EACH = "each"
    """One request for each order, by the venue's ID."""


class Reports(StrEnum):
    """What the venue's user-data stream says by ccxt."""

    ORDERS_AND_FILLS = "orders_and_fills"
    ORDERS = "orders"


class Capabilities(Struct, frozen=True, kw_only=True):
    """One row."""

    venue: str
    """The dialect that speaks for it; empty for the cautious one."""
    id_field: str
    """What the client order ID is called on the wire; empty where that is not known."""
    id_form: IdForm = IdForm.PLAIN
    finds_by_id: bool = True
    """Whether the venue can be asked for an order by our ID; else its lists are searched."""
    markets: frozenset[MarketType] = _SPOT
    stops: frozenset[MarketType] = frozenset()
    times_in_force: frozenset[TimeInForce] = frozenset({_GTC})
    post_only: bool = False
    amend: Amend | None = None
    cancel_all: CancelAll | None = None
    dead_man: frozenset[MarketType] = frozenset()
    """Where the venue cancels everything unless it is told not to."""
    key_rights: bool = False
    reports: Reports | None = None


TABLE: Mapping[str, Capabilities] = {
    row.venue: row
    for row in (
        Capabilities(
            venue="binance", id_field="newClientOrderId", markets=_LINEAR, stops=_SPOT,
            times_in_force=frozenset({_GTC, _IOC, _FOK}), post_only=True, amend=Amend.ONE_STEP,
            cancel_all=CancelAll.SYMBOL, key_rights=True, reports=Reports.ORDERS_AND_FILLS,
        ),
        Capabilities(
            venue="kraken", id_field="cl_ord_id", id_form=IdForm.UUID, stops=_SPOT,
            times_in_force=frozenset({_GTC, _IOC, _GTD}), post_only=True, amend=Amend.TWO_STEPS,
            cancel_all=CancelAll.ACCOUNT, dead_man=_SPOT, key_rights=True, reports=Reports.ORDERS_AND_FILLS,
        ),
        Capabilities(
            venue="coinbase", id_field="client_order_id", finds_by_id=False, stops=_SPOT,
            times_in_force=frozenset({_GTC, _IOC, _FOK, _GTD}), post_only=True, amend=Amend.TWO_STEPS,
            cancel_all=CancelAll.BATCH, key_rights=True, reports=Reports.ORDERS,
        ),
        Capabilities(
            venue="okx", id_field="clOrdId", markets=_LINEAR, stops=_SPOT,
            times_in_force=frozenset({_GTC, _IOC, _FOK}), post_only=True, amend=Amend.TWO_STEPS,
            cancel_all=CancelAll.BATCH, dead_man=_LINEAR, key_rights=True, reports=Reports.ORDERS,
        ),
        Capabilities(
            venue="bybit", id_field="orderLinkId", markets=_LINEAR, stops=_LINEAR,
            times_in_force=frozenset({_GTC, _IOC, _FOK}), post_only=True, amend=Amend.TWO_STEPS,
            cancel_all=CancelAll.ACCOUNT, key_rights=True, reports=Reports.ORDERS_AND_FILLS,
        ),
    )
}  # fmt: skip
"""By ccxt's name of the exchange."""

CAUTIOUS = Capabilities(
    venue="", id_field="", finds_by_id=False, markets=_LINEAR, times_in_force=frozenset({_GTC, _IOC}),
    cancel_all=CancelAll.EACH,
)  # fmt: skip
"""For an exchange without a row: limit orders, sent only if the request is seen to carry our ID, found by searching;
a halt reaches every open order all the same."""


def capabilities_of(exchange_id: str) -> Capabilities:
    """The row of an exchange, or the cautious one."""
    return TABLE.get(exchange_id, CAUTIOUS)
