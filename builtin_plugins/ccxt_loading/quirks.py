"""What single exchanges must be told, so that ccxt asks for the markets of one type alone and signs nothing for it."""

from __future__ import annotations

from typing import Any

from readytrader_sdk.instruments import MarketType

_BINANCE_TYPES = {MarketType.SPOT: "spot", MarketType.SWAP: "linear", MarketType.FUTURE: "linear"}
_BYBIT_TYPES = {MarketType.SPOT: "spot", MarketType.SWAP: "linear", MarketType.FUTURE: "linear"}
RECEIVE_WINDOW_MS = 5000
"""How long after its time stamp Binance and Bybit take a request: one that was held up on its way is refused."""


def config_of(exchange_id: str, market_type: MarketType) -> dict[str, Any]:
    """A part of ccxt's configuration: options, and what not to ask for while markets are loaded."""
    options: dict[str, Any] = {"defaultType": str(market_type)}
    # Most exchanges tell of currencies only what is not needed here, and some only to whoever signs.
    has: dict[str, Any] = {"fetchCurrencies": exchange_id == "kraken"}
    if exchange_id.startswith("binance"):
        options |= {
            "fetchMargins": False,
            "fetchMarkets": {"types": [_BINANCE_TYPES[market_type]]},
            "recvWindow": RECEIVE_WINDOW_MS,
            "adjustForTimeDifference": True,
        }
    elif exchange_id.startswith("bybit"):
        options |= {
            "fetchMarkets": {"types": [_BYBIT_TYPES[market_type]]},
            "recvWindow": RECEIVE_WINDOW_MS,
            "adjustForTimeDifference": True,
            # A unified account, as all are by now; else ccxt would ask with the key before each order.
            "enableUnifiedMargin": False,
            "enableUnifiedAccount": True,
            "unifiedMarginStatus": 6,
        }
    elif exchange_id in ("okx", "myokx", "okxus"):
        options |= {"fetchMarkets": {"types": [str(market_type)]}, "adjustForTimeDifference": True}
    return {"options": options, "has": has}
