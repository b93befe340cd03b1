"""Why the paper venue refuses or ends an order: the short codes in its reports."""

from __future__ import annotations

from enum import StrEnum


class Reason(StrEnum):
    # refused as it stands
    DUPLICATE_CLIENT_ORDER_ID = "duplicate_client_order_id"
    UNKNOWN_INSTRUMENT = "unknown_instrument"
    INSTRUMENT_NOT_TRADING = "instrument_not_trading"
    MARKET_TYPE = "market_type"
    QUANTITY = "quantity"
    """Not greater than zero, not finite, or more than 18 digits on a side of the point."""
    QUANTITY_MIN = "quantity_min"
    INCREMENT = "increment"
    """Quantity, limit price or stop price is not a whole number of increments."""
    PRICE = "price"
    """A price is missing, not wanted by this order type, or not a sane number."""
    TIME_IN_FORCE = "time_in_force"
    NOTIONAL_MIN = "notional_min"
    AMOUNT = "amount"
    """The amount of a transfer, as QUANTITY."""
    # refused as things are
    INSUFFICIENT_BALANCE = "insufficient_balance"
    NO_MARKET = "no_market"
    """A market order, and nothing was ever displayed on the other side."""
    POST_ONLY_WOULD_TAKE = "post_only_would_take"
    UNKNOWN_ORDER = "unknown_order"
    """The order to be cancelled or replaced was never seen."""
    NOT_OPEN = "not_open"
    """The order to be replaced has already ended."""
    # how an order went on or ended
    TRIGGERED = "triggered"
    REQUESTED = "requested"
    """Cancelled because that was asked for."""
    REPLACED = "replaced"
    PRICE_WORST = "price_worst"
    """What is left of a market order was cancelled: the next price is beyond the worst one allowed."""
    NO_LIQUIDITY = "no_liquidity"
    """What is left of a market order was cancelled: nothing more is displayed."""
    IMMEDIATE_OR_CANCEL = "immediate_or_cancel"
    FILL_OR_KILL = "fill_or_kill"
    GOOD_TILL_DATE = "good_till_date"
