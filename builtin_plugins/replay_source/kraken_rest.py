"""Recorded answers of Kraken's public REST interface: Trades, OHLC, Depth and AssetPairs, told apart by their shape.

https://docs.kraken.com/api/docs/rest-api/get-recent-trades, .../get-ohlc-data, .../get-order-book,
.../get-tradable-asset-pairs. An answer has no time of arrival: a tick arrives when it happened.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import timedelta
from decimal import Decimal
from itertools import pairwise
from pathlib import Path
from typing import Literal

import msgspec
from msgspec import Struct
from readytrader_sdk.errors import Misconfigured
from readytrader_sdk.instruments import Asset, Instrument, InstrumentStatus, Symbol
from readytrader_sdk.market import Book, Candle, Level, Trade

from builtin_plugins.replay_source.recording import TIMEFRAMES, Recorded, from_seconds, read_lines


class _TradeRow(Struct, frozen=True, array_like=True, forbid_unknown_fields=True):
    price: Decimal
    volume: Decimal
    time: Decimal
    side: Literal["b", "s"]
    """Of the taker."""
    kind: Literal["m", "l"]
    miscellaneous: str
    number: int


class _OhlcRow(Struct, frozen=True, array_like=True, forbid_unknown_fields=True):
    time: int
    open: Decimal
    high: Decimal
    low: Decimal
    close: Decimal
    vwap: Decimal
    volume: Decimal
    count: int


class _DepthRow(Struct, frozen=True, array_like=True, forbid_unknown_fields=True):
    price: Decimal
    volume: Decimal
    time: int


class _Depth(Struct, frozen=True):
    asks: list[_DepthRow]
    bids: list[_DepthRow]


class _Pair(Struct, frozen=True):
    wsname: str
    pair_decimals: int
    lot_decimals: int
    ordermin: Decimal
    costmin: Decimal
    status: str
    tick_size: Decimal | None = None


class _Answer(Struct, frozen=True):
    error: list[str]
    result: dict[str, msgspec.Raw] = {}


_answers = msgspec.json.Decoder(_Answer)
_trades = msgspec.json.Decoder(list[_TradeRow])
_ohlc = msgspec.json.Decoder(list[_OhlcRow])
_depth = msgspec.json.Decoder(_Depth)
_pair = msgspec.json.Decoder(_Pair)
_last = msgspec.json.Decoder(int)


def read(path: Path, symbol: Symbol) -> list[Recorded] | Instrument:
    """One recorded answer: its ticks, oldest first, or the instrument that an asset-pairs answer describes.

    Raises `Misconfigured` for an error answer, another shape, or more than one pair.
    """
    try:
        answer = _answers.decode(b"".join(read_lines(path)))
    except msgspec.DecodeError as error:
        raise Misconfigured(f"{path}: not an answer of Kraken: {error}") from error
    if answer.error:
        raise Misconfigured(f"{path}: the recorded answer is an error")
    pairs = [raw for name, raw in answer.result.items() if name != "last"]
    if len(pairs) != 1:
        raise Misconfigured(f"{path}: expected one pair, got {len(pairs)}")
    read_one: tuple[Callable[[msgspec.Raw], list[Recorded] | Instrument], ...] = (
        lambda raw: _from_trades(_trades.decode(raw), symbol),
        lambda raw: _from_ohlc(_ohlc.decode(raw), _last.decode(answer.result.get("last", b"")), symbol),
        lambda raw: _from_depth(_depth.decode(raw), symbol),
        lambda raw: _instrument(_pair.decode(raw), symbol),
    )
    for read_shape in read_one:
        try:
            return read_shape(pairs[0])
        except msgspec.DecodeError:
            continue
    raise Misconfigured(f"{path}: neither trades, OHLC, an order book nor an asset pair")


def _from_trades(rows: Sequence[_TradeRow], symbol: Symbol) -> list[Recorded]:
    trades = [
        Trade(
            symbol=symbol,
            price=row.price,
            quantity=row.volume,
            observed_at=from_seconds(row.time),
            buyer_is_maker=row.side == "s",
            sequence=row.number,
        )
        for row in rows
    ]
    return [Recorded(trade.observed_at, trade) for trade in trades]


def _from_ohlc(rows: Sequence[_OhlcRow], last: int, symbol: Symbol) -> list[Recorded]:
    """Rows after `last` are not closed yet. The answer does not name its interval: it is the least distance of rows."""
    distance = min((later.time - row.time for row, later in pairwise(rows)), default=0)
    names = [name for name, duration in TIMEFRAMES.items() if duration == timedelta(seconds=distance)]
    if not names:
        raise Misconfigured(f"OHLC rows {distance} s apart; expected one of {', '.join(TIMEFRAMES)}")
    return [_candle(row, names[0], symbol) for row in rows if row.time <= last]


def _candle(row: _OhlcRow, timeframe: str, symbol: Symbol) -> Recorded:
    opened_at = from_seconds(Decimal(row.time))
    candle = Candle(
        symbol=symbol,
        timeframe=timeframe,
        opened_at=opened_at,
        open=row.open,
        high=row.high,
        low=row.low,
        close=row.close,
        volume=row.volume,
    )
    return Recorded(opened_at + TIMEFRAMES[timeframe], candle)


def _from_depth(depth: _Depth, symbol: Symbol) -> list[Recorded]:
    """The answer has no time of its own: the book is as old as the newest of its levels."""
    rows = [*depth.bids, *depth.asks]
    if not rows:
        return []
    observed_at = from_seconds(Decimal(max(row.time for row in rows)))
    book = Book(
        symbol=symbol,
        bids=tuple(Level(row.price, row.volume) for row in depth.bids),
        asks=tuple(Level(row.price, row.volume) for row in depth.asks),
        observed_at=observed_at,
    )
    return [Recorded(observed_at, book)]


def _instrument(pair: _Pair, symbol: Symbol) -> Instrument:
    """The trading rules; Kraken's own names of assets (XBT) give way to those of `symbol`."""
    base, _, quote = symbol.partition("/")
    return Instrument(
        symbol=symbol,
        base=Asset(base),
        quote=Asset(quote),
        price_increment=pair.tick_size or Decimal(1).scaleb(-pair.pair_decimals),
        quantity_increment=Decimal(1).scaleb(-pair.lot_decimals),
        quantity_min=pair.ordermin,
        notional_min=pair.costmin,
        status=InstrumentStatus.TRADING if pair.status == "online" else InstrumentStatus.HALTED,
    )
