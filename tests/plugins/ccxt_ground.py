"""What tests of the exchange plugin stand on: orders, a market of each kind, an instance, and a venue on loopback."""

from __future__ import annotations

import logging
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

from msgspec.structs import replace
from readytrader_sdk.egress import Endpoint, HttpAllowance
from readytrader_sdk.hooks import PluginContext
from readytrader_sdk.instruments import Asset, Instrument, MarketType, Symbol, VenueId
from readytrader_sdk.market import Quote
from readytrader_sdk.orders import ClientOrderId, OrderRequest, OrderType, Side

from appliance.local_exchange.model import LocalExchange
from appliance.local_exchange.server import serve
from builtin_plugins.ccxt_exchange.exchange import CcxtExchange
from builtin_plugins.ccxt_exchange.making import ccxt_exchange
from builtin_plugins.ccxt_exchange.symbols import TICK_SIZE, Market, market_of

KEY, SECRET = "local-key", "c2VjcmV0c2VjcmV0"
BTC = Symbol("BTC/USDT")
OURS = ClientOrderId("rt0123456789abcdef01234567")
OTHER = ClientOrderId("rtfedcba987654321001234567")


def order(**changes: Any) -> OrderRequest:
    """A limit order to buy a hundredth of a bitcoin."""
    usual = OrderRequest(
        client_order_id=OURS,
        venue=VenueId("mine"),
        symbol=BTC,
        side=Side.BUY,
        quantity=Decimal("0.01"),
        order_type=OrderType.LIMIT,
        price_worst=Decimal("65000.12"),
        limit_price=Decimal("65000.12"),
    )
    return replace(usual, **changes)


def raw_market(**changes: Any) -> dict[str, Any]:
    """A spot market as ccxt has it."""
    return {
        "id": "BTCUSDT", "symbol": "BTC/USDT", "base": "BTC", "quote": "USDT", "settle": None, "type": "spot",
        "spot": True, "swap": False, "future": False, "linear": None, "inverse": None, "active": True,
        "contractSize": None, "precision": {"amount": "0.00001", "price": "0.01"},
        "limits": {"amount": {"min": "0.00001"}, "cost": {"min": "5"}}, **changes,
    }  # fmt: skip


def raw_swap(**changes: Any) -> dict[str, Any]:
    """A linear perpetual whose contract is a hundredth of a bitcoin."""
    usual: dict[str, Any] = {
        "id": "BTC-USDT-SWAP", "symbol": "BTC/USDT:USDT", "settle": "USDT", "type": "swap", "spot": False,
        "swap": True, "linear": True, "inverse": False, "contractSize": "0.01",
        "precision": {"amount": "0.1", "price": "0.1"}, "limits": {"amount": {"min": "0.1"}},
    }  # fmt: skip
    return raw_market(**{**usual, **changes})


def market(raw: dict[str, Any] | None = None, market_type: MarketType = MarketType.SPOT) -> Market:
    found = market_of(raw or raw_market(), market_type, TICK_SIZE)
    assert found is not None
    return found


def context(folder: Path, settings: dict[str, str], url: str = "", **secrets: str) -> PluginContext:
    """What an instance is given; with a URL, its host is one of the operator's own network."""
    private: tuple[Endpoint, ...] = ()
    if url:
        host, _, port = url.removeprefix("http://").partition(":")
        private = (Endpoint(host, int(port)),)
        settings = {"url": url, "rate_limit": "off", **settings}
    return PluginContext(
        name="mine",
        settings=settings,
        secrets={"api_key": KEY, "api_secret": SECRET, **secrets},
        logger=logging.getLogger("test"),
        state_folder=folder,
        http=HttpAllowance(private_hosts=private),
    )


def quote(bid: str = "65000.00", ask: str = "65000.01", size: str = "5", *, at: datetime | None = None) -> Quote:
    return Quote(
        symbol=BTC,
        bid=Decimal(bid),
        ask=Decimal(ask),
        bid_size=Decimal(size),
        ask_size=Decimal(size),
        observed_at=at or datetime.now(UTC),
    )


def spot(base: str) -> Instrument:
    """A spot instrument against USDT."""
    return Instrument(
        symbol=Symbol(f"{base}/USDT"), base=Asset(base), quote=Asset("USDT"), price_increment=Decimal("0.01"),
        quantity_increment=Decimal("0.00001"), quantity_min=Decimal("0.00001"), notional_min=Decimal(5),
    )  # fmt: skip


@asynccontextmanager
async def local_venue(
    *, others: int = 0, clock: Callable[[], datetime] = lambda: datetime.now(UTC), **options: Any
) -> AsyncIterator[tuple[LocalExchange, str]]:
    """A play-money exchange with one key and a quote, and where it listens; `others` are markets beside bitcoin's."""
    instruments = [spot("BTC"), *(spot(f"COIN{number}") for number in range(others))]
    venue = LocalExchange(instruments, clock, **options)
    venue.register_key(KEY, SECRET, balances={Asset("USDT"): Decimal(100_000), Asset("BTC"): Decimal(1)})
    venue.show(quote(at=clock()))
    try:
        async with serve(venue) as url:
            yield venue, url
    finally:
        venue.close()


@asynccontextmanager
async def trading(folder: Path, name: str, url: str, **settings: str) -> AsyncIterator[CcxtExchange]:
    """The plugin in this process, trading on a local venue as `name`."""
    exchange = ccxt_exchange(context(folder, {"exchange": name, **settings}, url))
    try:
        yield exchange
    finally:
        await exchange.client.api.close()
