"""The lean readers, on messages as the exchanges' own documentation shows them."""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import msgspec
import pytest
from readytrader_sdk.instruments import Symbol
from readytrader_sdk.market import Book, Level, Quote, Tick

from builtin_plugins.ccxt_loading import Choice, made
from builtin_plugins.ccxt_source.lean import Broken, reader_of
from builtin_plugins.ccxt_source.lean.binance_perpetuals import BinancePerpetuals
from builtin_plugins.ccxt_source.lean.binance_spot import BinanceSpot
from builtin_plugins.ccxt_source.lean.bybit import Bybit
from builtin_plugins.ccxt_source.lean.coinbase import Coinbase
from builtin_plugins.ccxt_source.lean.kraken import Kraken, checksum
from builtin_plugins.ccxt_source.lean.okx import Okx
from builtin_plugins.ccxt_source.markets import Market

SPOT, SWAP = Symbol("BTC/USDT"), Symbol("BTC/USDT:USDT")


def market(symbol: Symbol, venue_id: str, size: str = "1") -> Market:
    return Market(symbol=symbol, venue_id=venue_id, contract_size=Decimal(size))


def only(ticks: Sequence[Tick] | None) -> Quote:
    assert ticks is not None
    (quote,) = (tick for tick in ticks if isinstance(tick, Quote))
    return quote


def ms(count: int) -> datetime:
    return datetime.fromtimestamp(count // 1000, UTC).replace(microsecond=count % 1000 * 1000)


def text(message: Any) -> str:
    return json.dumps(message)


# Binance: perpetuals


def test_binance_perpetuals_quote_at_the_time_of_the_matching_engine() -> None:
    told = {"e": "bookTicker", "u": 400900217, "E": 1568014460893, "T": 1568014460891, "s": "BTCUSDT",
            "b": "25.35190000", "B": "31.21000000", "a": "25.36520000", "A": "40.66000000"}  # fmt: skip
    quote = only(BinancePerpetuals(None, [market(SWAP, "BTCUSDT")], 0).read(text(told)))
    assert (quote.bid, quote.ask_size, quote.sequence) == (Decimal("25.35190000"), Decimal("40.66000000"), 400900217)
    assert quote.observed_at == ms(1568014460891)


@pytest.mark.parametrize("other", ['{"result":null,"id":1}', "pong", "", '{"e":"kline","s":"BTCUSDT"}', "[1]"])
def test_what_is_of_no_channel_of_ours_is_ccxts_to_read(other: str) -> None:
    assert BinancePerpetuals(None, [market(SWAP, "BTCUSDT")], 0).read(other) is None


def test_a_symbol_that_was_not_asked_for_ends_the_connection() -> None:
    told = {"e": "bookTicker", "u": 1, "E": 1, "T": 1, "s": "ETHUSDT", "b": "1", "B": "1", "a": "1", "A": "1"}
    with pytest.raises(Broken, match="not asked for"):
        BinancePerpetuals(None, [market(SWAP, "BTCUSDT")], 0).read(text(told))


# Binance: spot


def change(first: int, last: int, bids: list[list[str]], asks: list[list[str]]) -> str:
    return text({"e": "depthUpdate", "E": 1672515782136, "s": "BTCUSDT", "U": first, "u": last, "b": bids, "a": asks})


def spot() -> tuple[BinanceSpot, list[Market]]:
    asked: list[Market] = []
    return BinanceSpot(None, [market(SPOT, "BTCUSDT")], 0, asked.append), asked


WHOLE = {"lastUpdateId": 160, "bids": [["100", "1"], ["99", "2"]], "asks": [["101", "3"], ["102", "4"]]}


def test_binance_spot_is_quoted_only_once_the_whole_book_and_a_change_with_a_time_are_there() -> None:
    reader, asked = spot()
    assert reader.read(change(155, 158, [["1", "1"]], [])) == ()
    assert reader.read(change(159, 162, [["100", "5"]], [])) == ()
    assert len(asked) == 1
    quote = only(reader.snapshot(asked[0], WHOLE))
    assert (quote.bid, quote.bid_size, quote.ask, quote.ask_size, quote.sequence) == (100, 5, 101, 3, 162)
    assert quote.observed_at == ms(1672515782136)


def test_a_level_of_size_zero_is_gone() -> None:
    reader, asked = spot()
    reader.read(change(161, 161, [], []))
    reader.snapshot(asked[0], WHOLE)
    assert only(reader.read(change(162, 162, [["100", "0.00"]], []))).bid == 99


def test_after_a_gap_nothing_is_quoted_until_the_book_was_asked_for_again() -> None:
    reader, asked = spot()
    reader.read(change(161, 161, [], []))
    reader.snapshot(asked[0], WHOLE)
    assert reader.read(change(163, 164, [["500", "1"]], [])) == ()
    assert len(asked) == 2
    assert only(reader.snapshot(asked[1], {**WHOLE, "lastUpdateId": 163})).bid == 500


def test_a_book_older_than_the_first_change_is_asked_for_once_more() -> None:
    reader, asked = spot()
    reader.read(change(170, 171, [], []))
    assert reader.snapshot(asked[0], WHOLE) == []
    assert len(asked) == 2


def test_a_book_that_cannot_be_read_ends_the_connection() -> None:
    reader, asked = spot()
    reader.read(change(161, 161, [], []))
    with pytest.raises(Broken, match="cannot be read"):
        reader.snapshot(asked[0], {"lastUpdateId": 160, "bids": "none"})


# Kraken


class KrakensMarkets:
    markets = {"BTC/USD": {"symbol": "BTC/USD"}}  # noqa: RUF012 - as ccxt's


# The example of https://docs.kraken.com/api/docs/guides/spot-ws-book-v2
KRAKENS_ASKS = [("45285.2", "0.00100000"), ("45286.4", "1.54571953"), ("45286.6", "1.54571109"),
                ("45289.6", "1.54560911"), ("45290.2", "0.15890660"), ("45291.8", "1.54553491"),
                ("45294.7", "0.04454749"), ("45296.1", "0.35380000"), ("45297.5", "0.09945542"),
                ("45299.5", "0.18772827")]  # fmt: skip
KRAKENS_BIDS = [("45283.5", "0.10000000"), ("45283.4", "1.54582015"), ("45282.1", "0.10000000"),
                ("45281.0", "0.10000000"), ("45280.3", "1.54592586"), ("45279.0", "0.07990000"),
                ("45277.6", "0.03310103"), ("45277.5", "0.30000000"), ("45277.3", "1.54602737"),
                ("45276.6", "0.15445238")]  # fmt: skip
KRAKENS_CHECKSUM = 3310070434


def levels(rows: list[tuple[str, str]]) -> tuple[Level, ...]:
    return tuple(Level(Decimal(price), Decimal(size)) for price, size in rows)


def krakens(kind: str, asks: list[tuple[str, str]], bids: list[tuple[str, str]], number: int, **more: str) -> str:
    sides = {
        name: [{"price": msgspec.Raw(price.encode()), "qty": msgspec.Raw(size.encode())} for price, size in rows]
        for name, rows in (("asks", asks), ("bids", bids))
    }
    data = {"symbol": "BTC/USD", "checksum": number, **sides, **more}
    return msgspec.json.encode({"channel": "book", "type": kind, "data": [data]}).decode()


def test_krakens_checksum_is_that_of_its_own_example() -> None:
    assert checksum(levels(KRAKENS_ASKS), levels(KRAKENS_BIDS)) == KRAKENS_CHECKSUM


def test_kraken_is_quoted_at_the_time_of_a_change_and_not_without_one() -> None:
    reader = Kraken(KrakensMarkets(), [market(Symbol("BTC/USD"), "XXBTZUSD")], 0)
    assert reader.read(krakens("snapshot", KRAKENS_ASKS, KRAKENS_BIDS, KRAKENS_CHECKSUM)) == []
    same = krakens("update", [], KRAKENS_BIDS[:1], KRAKENS_CHECKSUM, timestamp="2023-10-06T17:35:55.440295Z")
    quote = only(reader.read(same))
    assert (quote.bid, quote.ask, quote.ask_size) == (Decimal("45283.5"), Decimal("45285.2"), Decimal("0.001"))
    assert quote.observed_at == datetime(2023, 10, 6, 17, 35, 55, 440295, tzinfo=UTC)


def test_a_wrong_checksum_and_a_change_before_the_book_end_the_connection() -> None:
    reader = Kraken(KrakensMarkets(), [market(Symbol("BTC/USD"), "XXBTZUSD")], 0)
    with pytest.raises(Broken, match="before the book"):
        reader.read(krakens("update", [], KRAKENS_BIDS[:1], KRAKENS_CHECKSUM))
    with pytest.raises(Broken, match="checksum"):
        reader.read(krakens("snapshot", KRAKENS_ASKS, KRAKENS_BIDS[1:], KRAKENS_CHECKSUM))


# OKX


def okx(channel: str, asks: list[list[str]], bids: list[list[str]]) -> str:
    data = {"asks": asks, "bids": bids, "ts": "1670324386802", "seqId": 363996337}
    return text({"arg": {"channel": channel, "instId": "BTC-USDT-SWAP"}, "data": [data]})


def test_okx_counts_contracts_in_base_units() -> None:
    reader = Okx(None, [market(SWAP, "BTC-USDT-SWAP", "0.01")], 2)
    quote = only(reader.read(okx("bbo-tbt", [["111.06", "55154", "0", "2"]], [["111.05", "57745", "0", "2"]])))
    assert (quote.bid_size, quote.ask_size, quote.sequence) == (Decimal("577.45"), Decimal("551.54"), 363996337)
    assert quote.observed_at == ms(1670324386802)
    books = reader.read(
        okx("books5", [["111.06", "1", "0", "2"]], [["111.05", "2", "0", "2"], ["111.03", "3", "0", "1"]])
    )
    assert books is not None
    assert isinstance(books[0], Book)
    assert books[0].bids == levels([("111.05", "0.02"), ("111.03", "0.03")])


# Bybit


def bybit(kind: str, number: int, bids: list[list[str]], asks: list[list[str]]) -> str:
    data = {"s": "BTCUSDT", "b": bids, "a": asks, "u": number, "seq": 7961638724}
    return text({"topic": "orderbook.1.BTCUSDT", "type": kind, "ts": 1672304484978, "data": data, "cts": 1672304484976})


def test_bybits_changes_are_counted_and_a_missing_one_ends_the_connection() -> None:
    reader = Bybit(None, [market(SPOT, "BTCUSDT")], 0)
    assert only(reader.read(bybit("snapshot", 5, [["16493.50", "0.006"]], [["16611.00", "0.029"]]))).ask == 16611
    moved = only(reader.read(bybit("delta", 6, [["16493.50", "0"], ["16494", "1"]], [])))
    assert (moved.bid, moved.observed_at) == (16494, ms(1672304484978))
    with pytest.raises(Broken, match="missing"):
        reader.read(bybit("delta", 8, [], []))


def test_bybits_service_starts_a_book_again_with_the_number_one() -> None:
    reader = Bybit(None, [market(SPOT, "BTCUSDT")], 0)
    reader.read(bybit("snapshot", 5, [["16493.50", "0.006"]], [["16611.00", "0.029"]]))
    assert only(reader.read(bybit("delta", 1, [["10", "1"]], [["11", "1"]]))).bid == 10


# Coinbase


def coinbase(number: int, channel: str = "ticker") -> str:
    ticker = {"type": "ticker", "product_id": "BTC-USD", "price": "21932.98", "best_bid": "21931.98",
              "best_bid_quantity": "8000.21", "best_ask": "21933.98", "best_ask_quantity": "8038.07770938"}  # fmt: skip
    events = [{"type": "snapshot", "tickers": [ticker]}] if channel == "ticker" else []
    return text({"channel": channel, "client_id": "", "timestamp": "2023-02-09T20:30:37.167359596Z",
                 "sequence_num": number, "events": events})  # fmt: skip


def test_coinbase_numbers_all_messages_of_a_connection_and_a_missing_one_ends_it() -> None:
    reader = Coinbase(None, [market(Symbol("BTC/USD"), "BTC-USD")], 0)
    quote = only(reader.read(coinbase(0)))
    assert (quote.bid, quote.ask_size, quote.last) == (
        Decimal("21931.98"), Decimal("8038.07770938"), Decimal("21932.98"))  # fmt: skip
    assert quote.observed_at == datetime(2023, 2, 9, 20, 30, 37, 167360, tzinfo=UTC)
    assert reader.read(coinbase(1, "heartbeats")) == []
    with pytest.raises(Broken, match="missing"):
        reader.read(coinbase(3))


# what is asked for


@pytest.mark.parametrize(
    ("exchange", "symbol", "venue_id", "host", "wanted"),
    [
        ("binance", SPOT, "BTCUSDT", "wss://stream.binance.com:9443/", "btcusdt@depth@100ms"),
        ("binance", SWAP, "BTCUSDT", "wss://fstream.binance.com/", "btcusdt@bookTicker"),
        ("kraken", Symbol("BTC/USD"), "XXBTZUSD", "wss://ws.kraken.com/v2", '"channel": "book", "symbol": ["BTC/USD"]'),
        ("okx", SPOT, "BTC-USDT", "wss://ws.okx.com:443/ws/v5/public", '"channel": "bbo-tbt", "instId": "BTC-USDT"'),
        ("bybit", SWAP, "BTCUSDT", "wss://stream.bybit.com/v5/public/linear", "orderbook.1.BTCUSDT"),
        (
            "coinbase",
            Symbol("BTC/USD"),
            "BTC-USD",
            "wss://advanced-trade-ws.coinbase.com",
            '"product_ids": ["BTC-USD"]',
        ),
    ],
)
def test_each_reader_subscribes_at_its_exchange(
    exchange: str, symbol: Symbol, venue_id: str, host: str, wanted: str
) -> None:
    known = made(Choice(exchange_id=exchange), "feed", streaming=True)
    known.markets = {symbol: {"symbol": symbol}}
    reader = reader_of(known, [market(symbol, venue_id)], 0, lambda _market: None)
    assert reader is not None
    subscription = reader.subscriptions()[0]
    assert subscription.url.startswith(host)
    assert wanted in text(subscription.message)


def test_an_exchange_without_a_reader_is_left_to_ccxt() -> None:
    known = made(Choice(exchange_id="bitstamp"), "feed", streaming=True)
    assert reader_of(known, [market(SPOT, "btcusdt")], 0, lambda _market: None) is None
