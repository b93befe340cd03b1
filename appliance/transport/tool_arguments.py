"""What each tool takes. Closed: an argument that is not here is an error. Amounts are text, never JSON numbers."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

from msgspec import Meta, Struct
from readytrader_sdk.instruments import MarketType
from readytrader_sdk.orders import OrderType, Side, TimeInForce

from appliance.transport.amounts import AmountText

SymbolText = Annotated[str, Meta(min_length=3, max_length=40)]
NameText = Annotated[str, Meta(min_length=1, max_length=40)]
IdText = Annotated[str, Meta(min_length=1, max_length=64)]
KeyText = Annotated[str, Meta(max_length=128)]
NoteText = Annotated[str, Meta(max_length=500)]
Instant = Annotated[datetime, Meta(tz=True)]
Milliseconds = Annotated[int, Meta(ge=0, le=4_102_444_800_000)]
"""Of the Unix epoch, before the year 2100."""
NumberText = Annotated[str, Meta(max_length=40)]


class Arguments(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A tool's arguments; as it is, those of a tool that takes none."""


class GetCryptoPrice(Arguments, frozen=True, kw_only=True):
    symbol: SymbolText
    exchange: NameText = "binance"


class GetTicker(Arguments, frozen=True, kw_only=True):
    symbol: SymbolText


class GetMultiplePrices(Arguments, frozen=True, kw_only=True):
    symbols: Annotated[tuple[SymbolText, ...], Meta(min_length=1, max_length=50)]


class FetchOhlcv(Arguments, frozen=True, kw_only=True):
    symbol: SymbolText
    timeframe: Annotated[str, Meta(max_length=4)] = "1h"
    limit: Annotated[int, Meta(ge=1, le=200)] = 24


class IngestTicker(Arguments, frozen=True, kw_only=True):
    symbol: SymbolText
    bid: AmountText
    ask: AmountText
    last: AmountText | None = None
    timestamp_ms: Milliseconds
    source: Annotated[str, Meta(max_length=40)] = ""
    ttl_sec: Annotated[int, Meta(ge=1, le=3600)] = 10


class CandleArgument(Arguments, frozen=True, kw_only=True):
    """One closed candle. Prices in the quote asset, volume in the base asset."""

    timestamp_ms: Milliseconds
    open: NumberText
    high: NumberText
    low: NumberText
    close: NumberText
    volume: NumberText


class IngestOhlcv(Arguments, frozen=True, kw_only=True):
    symbol: SymbolText
    timeframe: Annotated[str, Meta(max_length=4)]
    candles: Annotated[list[CandleArgument], Meta(min_length=1, max_length=200)]
    source: Annotated[str, Meta(max_length=40)] = ""


class DepositPaperFunds(Arguments, frozen=True, kw_only=True):
    asset: NameText
    amount: AmountText


class ValidateTradeRisk(Arguments, frozen=True, kw_only=True):
    side: Side
    symbol: SymbolText
    amount_usd: Annotated[AmountText | None, Meta(description="Notional in the accounting asset; else amount")] = None
    amount: AmountText | None = None
    order_type: OrderType = OrderType.MARKET
    price: AmountText | None = None
    exchange: NameText = "binance"


class PlaceCexOrder(Arguments, frozen=True, kw_only=True):
    symbol: SymbolText
    side: Side
    amount: AmountText
    order_type: OrderType = OrderType.MARKET
    price: AmountText | None = None
    stop_price: AmountText | None = None
    time_in_force: TimeInForce = TimeInForce.GTC
    expires_at: Instant | None = None
    post_only: bool = False
    exchange: NameText = "binance"
    market_type: MarketType = MarketType.SPOT
    idempotency_key: KeyText = ""


class SwapTokens(Arguments, frozen=True, kw_only=True):
    from_token: NameText
    to_token: NameText
    amount: AmountText
    chain: NameText = "ethereum"
    rationale: NoteText = ""
    idempotency_key: KeyText = ""


class TransferEth(Arguments, frozen=True, kw_only=True):
    to_address: Annotated[str, Meta(min_length=1, max_length=64)]
    amount: AmountText
    chain: NameText = "ethereum"
    idempotency_key: KeyText = ""


class OneOrder(Arguments, frozen=True, kw_only=True):
    order_id: IdText


class SomeOrders(Arguments, frozen=True, kw_only=True):
    symbol: SymbolText | None = None


class RecentOrders(Arguments, frozen=True, kw_only=True):
    symbol: SymbolText | None = None
    limit: Annotated[int, Meta(ge=1, le=200)] = 50


class ReplaceCexOrder(Arguments, frozen=True, kw_only=True):
    order_id: IdText
    amount: AmountText
    price: AmountText | None = None
    stop_price: AmountText | None = None
    idempotency_key: KeyText = ""


class WaitForCexOrder(Arguments, frozen=True, kw_only=True):
    order_id: IdText
    timeout_sec: Annotated[int, Meta(ge=0, le=60)] = 30


class OneRequest(Arguments, frozen=True, kw_only=True):
    request_id: IdText
