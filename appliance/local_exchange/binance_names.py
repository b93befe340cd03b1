"""Binance's words for what the model calls otherwise: symbols, order types, states, and numbers as text."""

from __future__ import annotations

from decimal import Decimal

from readytrader_sdk.instruments import Instrument, Symbol
from readytrader_sdk.orders import OrderState, OrderType, TimeInForce

from appliance.local_exchange.binance_errors import UNKNOWN_SYMBOL
from appliance.local_exchange.display import Display
from appliance.local_exchange.values import Request, VenueOrder

DECIMALS = 8
STATES = {
    OrderState.OPEN: "NEW",
    OrderState.PARTLY_FILLED: "PARTIALLY_FILLED",
    OrderState.FILLED: "FILLED",
    OrderState.CANCELLED: "CANCELED",
    OrderState.EXPIRED: "EXPIRED",
}
TYPES = {
    "LIMIT": OrderType.LIMIT,
    "LIMIT_MAKER": OrderType.LIMIT,
    "MARKET": OrderType.MARKET,
    "STOP_LOSS": OrderType.STOP,
    "STOP_LOSS_LIMIT": OrderType.STOP_LIMIT,
}
TIMES_IN_FORCE = {"GTC": TimeInForce.GTC, "IOC": TimeInForce.IOC, "FOK": TimeInForce.FOK}
_TYPE_NAMES = {order_type: name for name, order_type in TYPES.items() if name != "LIMIT_MAKER"}


def amount(value: Decimal | None) -> str:
    """With eight decimals, as Binance writes numbers, and with more where there are more; None as zero."""
    if value is None:
        return "0.00000000"
    text = format(value, "f")
    whole, _, decimals = text.partition(".")
    if len(decimals) > DECIMALS:
        decimals = decimals[:DECIMALS] + decimals[DECIMALS:].rstrip("0")
    return f"{whole}.{decimals.ljust(DECIMALS, '0')}"


def type_of(request: Request) -> str:
    """Binance's name of the order's type."""
    return "LIMIT_MAKER" if request.post_only else _TYPE_NAMES[request.order_type]


def state_of(order: VenueOrder) -> str:
    """Binance's name of the order's state."""
    return STATES[order.state]


class Names:
    """Instruments by Binance's symbols: `BTCUSDT` for BTC/USDT."""

    def __init__(self, displays: dict[Symbol, Display]) -> None:
        self._by_name = {name_of(display.instrument): display for display in displays.values()}
        self._names = {display.instrument.symbol: name for name, display in self._by_name.items()}

    def display(self, name: str) -> Display:
        """The market of that name. Raises `BinanceError`."""
        display = self._by_name.get(name)
        if display is None:
            raise UNKNOWN_SYMBOL
        return display

    def find(self, name: str) -> Display | None:
        """The market of that name, or None."""
        return self._by_name.get(name)

    def name(self, symbol: Symbol) -> str:
        """Binance's name of an instrument."""
        return self._names[symbol]

    def all(self) -> list[str]:
        """Every name."""
        return list(self._by_name)


def name_of(instrument: Instrument) -> str:
    """Binance's name of an instrument."""
    return f"{instrument.base}{instrument.quote}"
