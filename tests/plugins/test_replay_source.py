"""Playing recordings: the three formats, and the same ticks at another time."""

from __future__ import annotations

import asyncio
import gzip
import json
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path

import pytest
from readytrader_sdk.errors import Misconfigured
from readytrader_sdk.instruments import Instrument
from readytrader_sdk.market import Book, Candle, Level, Quote, Tick, Trade
from readytrader_sdk.ports import DataSourcePort, PaperOnly

from builtin_plugins.replay_source.source import ReplaySource
from tests.plugins.playing import NOW, SleepClock, context, play

LOCAL_NS = 1_723_161_255_000_000_000
VENUE_MS = 1_723_161_256_200
"""The venue's clock runs 1.2 s ahead of the recorder's."""
VENUE = datetime(2024, 8, 8, 23, 54, 16, 200_000, tzinfo=UTC)


def ticker(after_ms: int, bid: str, *, update: int = 1, symbol: str = "ETHUSDT") -> str:
    time = VENUE_MS + after_ms
    data = {"e": "bookTicker", "u": update, "s": symbol, "b": bid, "B": "1.5", "a": "2700.10", "A": "2", "T": time}
    return line(after_ms, "bookTicker", data | {"E": time + 1})


def depth(after_ms: int, bids: list[list[str]], asks: list[list[str]], *, update: int, previous: int) -> str:
    time = VENUE_MS + after_ms
    data = {"e": "depthUpdate", "E": time, "T": time, "s": "ETHUSDT", "U": update, "u": update, "pu": previous}
    return line(after_ms, "depth@0ms", data | {"b": bids, "a": asks})


def print_of(after_ms: int, price: str, number: int) -> str:
    time = VENUE_MS + after_ms
    data = {"e": "trade", "E": time, "T": time, "s": "ETHUSDT", "t": number, "p": price, "q": "0.5", "X": "MARKET"}
    return line(after_ms, "trade", data | {"m": True})


def line(after_ms: int, stream: str, data: object) -> str:
    return f"{LOCAL_NS + after_ms * 1_000_000} {json.dumps({'stream': f'ethusdt@{stream}', 'data': data})}"


def snapshot(after_ms: int, update: int, bids: list[list[str]], asks: list[list[str]]) -> str:
    body = {"lastUpdateId": update, "E": VENUE_MS, "T": VENUE_MS, "bids": bids, "asks": asks}
    return f"{LOCAL_NS + after_ms * 1_000_000} {json.dumps(body)}"


def packed(path: Path, *lines: str) -> Path:
    with gzip.open(path, "wt") as file:
        file.write("".join(f"{each}\n" for each in lines))
    return path


def source(path: Path, fmt: str, clock: SleepClock | None = None, **settings: str) -> ReplaySource:
    clock = clock or SleepClock()
    settings = {"path": str(path), "format": fmt, "symbol": "ETH/USDT:USDT"} | settings
    return ReplaySource(context(**settings), clock=clock, sleep=clock.sleep)


def binance(tmp_path: Path, *lines: str, **settings: str) -> list[Tick]:
    return play(source(packed(tmp_path / "stream.gz", *lines), "binance_usdm", **settings).stream())


def test_it_is_a_data_source_for_paper_only(tmp_path: Path) -> None:
    replay = source(packed(tmp_path / "stream.gz"), "binance_usdm")
    assert isinstance(replay, DataSourcePort)
    assert isinstance(replay, PaperOnly)


def test_a_book_ticker_becomes_a_quote_with_the_venues_time_and_number(tmp_path: Path) -> None:
    (quote,) = binance(tmp_path, ticker(0, "2700.00", update=42))
    assert quote == Quote(
        symbol=quote.symbol,  # type: ignore[union-attr]
        bid=Decimal("2700.00"),
        ask=Decimal("2700.10"),
        bid_size=Decimal("1.5"),
        ask_size=Decimal(2),
        observed_at=VENUE,
        sequence=42,
    )


def test_a_trade_keeps_its_side_and_number(tmp_path: Path) -> None:
    (trade,) = binance(tmp_path, print_of(5, "2700.05", 9))
    assert isinstance(trade, Trade)
    assert (trade.price, trade.buyer_is_maker, trade.sequence) == (Decimal("2700.05"), True, 9)
    assert trade.observed_at == VENUE + timedelta(milliseconds=5)


def test_updates_add_up_to_books_cut_to_the_depth(tmp_path: Path) -> None:
    books = binance(
        tmp_path,
        depth(0, [["99", "1"], ["98", "2"], ["97", "3"]], [["101", "1"]], update=1, previous=0),
        depth(1, [["99", "0"], ["98", "5"]], [["100", "4"]], update=2, previous=1),
        depth="2",
    )
    assert [(book.bids, book.asks) for book in books if isinstance(book, Book)] == [
        (levels("99 1", "98 2"), levels("101 1")),
        (levels("98 5", "97 3"), levels("100 4", "101 1")),
    ]


def levels(*texts: str) -> tuple[Level, ...]:
    return tuple(Level(*map(Decimal, text.split())) for text in texts)


def test_after_a_gap_in_the_updates_nothing_old_is_left_in_the_book(tmp_path: Path) -> None:
    books = binance(
        tmp_path,
        depth(0, [["99", "1"]], [["101", "1"]], update=1, previous=0),
        depth(1, [["98", "1"]], [["102", "1"]], update=5, previous=4),
    )
    assert isinstance(books[1], Book)
    assert (books[1].bids, books[1].asks) == (levels("98 1"), levels("102 1"))


def test_a_late_snapshot_fills_in_below_newer_updates(tmp_path: Path) -> None:
    books = binance(
        tmp_path,
        depth(0, [["99", "1"], ["98", "0"]], [["101", "1"]], update=10, previous=9),
        snapshot(1, 8, [["99", "7"], ["98", "7"], ["97", "7"]], [["102", "7"]]),
        depth(2, [], [["103", "1"]], update=11, previous=10),
    )
    assert isinstance(books[1], Book)
    assert books[1].bids == levels("99 1", "97 7")
    assert books[1].asks == levels("101 1", "102 7", "103 1")


def test_a_snapshot_replaces_older_updates_and_skips_those_it_holds(tmp_path: Path) -> None:
    books = binance(
        tmp_path,
        depth(0, [["90", "1"]], [["110", "1"]], update=10, previous=9),
        snapshot(1, 12, [["99", "7"]], [["102", "7"]]),
        depth(2, [["91", "1"]], [], update=11, previous=10),
        depth(3, [["98", "1"]], [], update=13, previous=11),
    )
    assert [book.bids for book in books if isinstance(book, Book)] == [levels("90 1"), levels("99 7", "98 1")]


@pytest.mark.parametrize(
    "bad", ["", "x {}", "1 {}", "1 {", f"{LOCAL_NS} " + '{"stream": "s", "data": {"e": "other"}}', "9" * 40 + " {}"]
)
def test_a_line_that_is_no_message_is_named(tmp_path: Path, bad: str) -> None:
    with pytest.raises(Misconfigured, match=r"stream.gz: line 2: "):
        binance(tmp_path, ticker(0, "2700"), bad)


def test_a_second_instrument_in_a_recording_is_refused(tmp_path: Path) -> None:
    with pytest.raises(Misconfigured, match="line 2: BTCUSDT in a recording of ETHUSDT"):
        binance(tmp_path, ticker(0, "2700"), ticker(1, "2700", symbol="BTCUSDT"))


def test_a_damaged_file_is_refused(tmp_path: Path) -> None:
    path = packed(tmp_path / "stream.gz", *(ticker(n, "2700") for n in range(100)))
    path.write_bytes(path.read_bytes()[:-20])
    with pytest.raises(Misconfigured, match="cannot be read"):
        play(source(path, "binance_usdm").stream())


def test_the_same_recording_is_the_same_ticks(tmp_path: Path) -> None:
    lines = [ticker(n * 10, f"27{n:02}.00", update=n) for n in range(50)]
    assert binance(tmp_path, *lines) == binance(tmp_path, *lines)


def seen_with_the_clock(path: Path, **settings: str) -> list[tuple[timedelta, timedelta]]:
    """For each quote: when it came after the start, and how far it is dated ahead of that."""
    clock = SleepClock()
    seen = []

    async def watch() -> None:
        async for tick in source(path, "binance_usdm", clock, **settings).stream():
            assert isinstance(tick, Quote)
            seen.append((clock.now - NOW, tick.observed_at - clock.now))

    asyncio.run(watch())
    return seen


def test_at_a_speed_ticks_come_when_they_arrived_scaled(tmp_path: Path) -> None:
    path = packed(tmp_path / "stream.gz", ticker(0, "2700"), ticker(1000, "2701"), ticker(3000, "2702"))
    came = [after for after, _ in seen_with_the_clock(path, speed="2")]
    assert came == [timedelta(0), timedelta(seconds=0.5), timedelta(seconds=1.5)]


def test_shifted_to_now_the_times_pass_as_fast_as_it_is_played(tmp_path: Path) -> None:
    lines = [ticker(0, "2700"), ticker(1000, "2701"), ticker(3000, "2702")]
    quotes = binance(tmp_path, *lines, speed="2", shift="now")
    times = [quote.observed_at - NOW for quote in quotes if isinstance(quote, Quote)]
    assert times == [timedelta(0), timedelta(seconds=0.5), timedelta(seconds=1.5)]


def test_shifted_to_now_the_fast_clock_of_the_venue_does_not_date_ticks_ahead(tmp_path: Path) -> None:
    path = packed(tmp_path / "stream.gz", ticker(0, "2700"), ticker(1000, "2701"))
    ahead = [ahead for _, ahead in seen_with_the_clock(path, speed="1", shift="now")]
    assert ahead == [timedelta(0), timedelta(0)]


def test_as_history_the_newest_tick_is_of_now(tmp_path: Path) -> None:
    quotes = binance(tmp_path, ticker(0, "2700"), ticker(1000, "2701"), shift="now")
    times = [quote.observed_at for quote in quotes if isinstance(quote, Quote)]
    assert times == [NOW - timedelta(seconds=1), NOW]


def test_in_a_loop_it_begins_again_with_later_times(tmp_path: Path) -> None:
    path = packed(tmp_path / "stream.gz", ticker(0, "2700"), ticker(1000, "2701"))
    ticks = play(source(path, "binance_usdm", speed="1", shift="now", loop="true").stream(), 5)
    times = [tick.observed_at - NOW for tick in ticks if isinstance(tick, Quote)]
    assert times == [timedelta(seconds=second) for second in (0, 1, 1, 2, 2)]


def test_several_files_are_one_recording_by_time_of_arrival(tmp_path: Path) -> None:
    first = packed(tmp_path / "a.gz", ticker(0, "2700"), ticker(2000, "2702"))
    second = packed(tmp_path / "b.gz", ticker(1000, "2701"))
    ticks = play(source(Path(f"{first}, {second}"), "binance_usdm").stream())
    assert [tick.bid for tick in ticks if isinstance(tick, Quote)] == [2700, 2701, 2702]


def test_an_empty_recording_played_at_a_speed_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(Misconfigured, match="the recording is empty"):
        binance(tmp_path, speed="1", shift="now", loop="true")


CSV = "timestamp,open,high,low,close,volume\n2021-12-31 23:01:00.000000,10.0,12.0,9.0,11.0,2300413.7295\n"


def csv(tmp_path: Path, text: str, **settings: str) -> list[Tick]:
    path = tmp_path / "candles.csv"
    path.write_text(text)
    return play(source(path, "candles_csv", **settings).stream())


def test_candles_come_from_csv_to_the_last_digit(tmp_path: Path) -> None:
    (candle,) = csv(tmp_path, CSV)
    assert isinstance(candle, Candle)
    assert candle.opened_at == datetime(2021, 12, 31, 23, 1, tzinfo=UTC)
    assert [str(n) for n in (candle.open, candle.high, candle.low, candle.close, candle.volume)] == [
        "10.0",
        "12.0",
        "9.0",
        "11.0",
        "2300413.7295",
    ]


def test_as_history_candles_keep_to_their_grid_and_the_last_has_just_closed(tmp_path: Path) -> None:
    later = CSV + "2021-12-31 23:02:00,11,12,11,12,1\n"
    candles = [candle for candle in csv(tmp_path, later, shift="now") if isinstance(candle, Candle)]
    this_minute = NOW.replace(second=0)
    assert [candle.opened_at for candle in candles] == [this_minute - timedelta(minutes=back) for back in (2, 1)]


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("time,open\n", "line 1: expected the header"),
        (CSV + "2021-12-31 23:02:00,1,2\n", "line 3: "),
        (CSV + "2021-12-31 23:02:00,NaN,2,1,1,1\n", "line 3: expected a plain decimal number .* 'NaN'"),
        (CSV + "yesterday,1,2,1,1,1\n", "line 3: "),
    ],
)
def test_a_wrong_line_of_csv_is_named(tmp_path: Path, text: str, complaint: str) -> None:
    with pytest.raises(Misconfigured, match=rf"candles.csv: {complaint}"):
        csv(tmp_path, text)


def kraken(tmp_path: Path, result: object, error: tuple[str, ...] = ()) -> ReplaySource:
    path = tmp_path / "answer.json"
    path.write_text(json.dumps({"error": error, "result": result}))
    return source(path, "kraken_rest", symbol="BTC/USDT")


def test_krakens_trades_keep_every_digit_of_their_time(tmp_path: Path) -> None:
    rows = '[["105433.60000", "0.00027625", 1762795433.9717445, "s", "l", "", 10218208]]'
    path = tmp_path / "trades.json"
    path.write_text(f'{{"error": [], "result": {{"XBTUSDT": {rows}, "last": "1"}}}}')
    (trade,) = play(source(path, "kraken_rest", symbol="BTC/USDT").stream())
    assert trade == Trade(
        symbol=trade.symbol,  # type: ignore[union-attr]
        price=Decimal("105433.6"),
        quantity=Decimal("0.00027625"),
        observed_at=datetime(2025, 11, 10, 17, 23, 53, 971_744, tzinfo=UTC),
        buyer_is_maker=True,
        sequence=10218208,
    )


def test_krakens_last_candle_is_not_closed_and_not_delivered(tmp_path: Path) -> None:
    rows = [[1762777020 + 60 * n, "10", "12", "9", "11", "0.0", "1.5", 3] for n in range(3)]
    ticks = play(kraken(tmp_path, {"XBTUSDT": rows, "last": rows[1][0]}).stream())
    assert [tick.opened_at.timestamp() for tick in ticks if isinstance(tick, Candle)] == [1762777020, 1762777080]


def test_krakens_book_is_as_old_as_its_newest_level(tmp_path: Path) -> None:
    answer = {"XBTUSDT": {"asks": [["101", "1", 1762820248]], "bids": [["99", "1", 1762820250]]}}
    (book,) = play(kraken(tmp_path, answer).stream())
    assert isinstance(book, Book)
    assert (book.bids, book.asks, book.observed_at.timestamp()) == (levels("99 1"), levels("101 1"), 1762820250)


def test_krakens_asset_pair_becomes_an_instrument_with_its_increments(tmp_path: Path) -> None:
    pair = {"wsname": "XBT/USDT", "pair_decimals": 1, "lot_decimals": 8, "status": "online"}
    minimum = {"ordermin": "0.00005", "costmin": "0.5", "fees": [[0, 0.4]]}
    replay = kraken(tmp_path, {"XBTUSDT": pair | minimum})
    (instrument,) = replay.instruments()
    assert instrument == Instrument(
        symbol=instrument.symbol,
        base=instrument.base,
        quote=instrument.quote,
        price_increment=Decimal("0.1"),
        quantity_increment=Decimal("0.00000001"),
        quantity_min=Decimal("0.00005"),
        notional_min=Decimal("0.5"),
    )
    assert (instrument.base, instrument.quote) == ("BTC", "USDT")
    assert play(replay.stream()) == []


@pytest.mark.parametrize(
    ("result", "error", "complaint"),
    [
        ({}, ("EGeneral:Ignore all rules",), "the recorded answer is an error$"),
        ({}, (), "expected one pair, got 0"),
        ({"A": [], "B": []}, (), "expected one pair, got 2"),
        ({"A": {"x": 1}}, (), "neither trades, OHLC, an order book nor an asset pair"),
    ],
)
def test_an_answer_that_is_not_one_is_named(
    tmp_path: Path, result: object, error: tuple[str, ...], complaint: str
) -> None:
    with pytest.raises(Misconfigured, match=f"answer.json: {complaint}"):
        play(kraken(tmp_path, result, error).stream())


@pytest.mark.parametrize(
    ("settings", "complaint"),
    [
        ({"path": "/nowhere/at.all"}, "path: no such file: /nowhere/at.all"),
        ({"path": ""}, "path: is missing"),
        ({"format": "parquet"}, "format: expected one of binance_usdm, candles_csv, kraken_rest, got 'parquet'"),
        ({"symbol": "ETHUSDT"}, "symbol: expected BASE/QUOTE"),
        ({"speed": "0"}, "speed: expected max or a factor above 0, got '0'"),
        ({"speed": "fast"}, "speed: expected max or a factor above 0, got 'fast'"),
        ({"shift": "later"}, "shift: expected one of none, now, got 'later'"),
        ({"loop": "true", "speed": "1"}, "loop: expected a speed and shift = now"),
        ({"loop": "true", "shift": "now"}, "loop: expected a speed and shift = now"),
        ({"depth": "0"}, "depth: expected a whole number from 1 to 5000, got '0'"),
        ({"timeframe": "2m"}, "timeframe: expected one of"),
        ({"format": "candles_csv", "shift": "now", "speed": "1"}, "speed: expected max with shift = now"),
        ({"sped": "1"}, "settings: expected .*, got 'sped'"),
    ],
)
def test_a_wrong_setting_is_named(tmp_path: Path, settings: dict[str, str], complaint: str) -> None:
    path = packed(tmp_path / "stream.gz")
    with pytest.raises(Misconfigured, match=f"source: {complaint}"):
        ReplaySource(context(**({"path": str(path), "format": "binance_usdm", "symbol": "ETH/USDT"} | settings)))
