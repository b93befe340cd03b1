"""Binance's market streams, `/ws` and `/stream`, and user data by listen key on the same sockets.

https://developers.binance.com/docs/binance-spot-api-docs/web-socket-streams. Updates are told as they happen, not in
batches of 100 ms; `U` and `u` have no holes, and the depth snapshot's `lastUpdateId` is the last `u`.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from decimal import Decimal

import msgspec
from aiohttp import WSMsgType, web
from msgspec import Struct
from readytrader_sdk.instruments import Symbol
from readytrader_sdk.market import Level

from appliance.local_exchange.binance_market import INTERVALS, best_of
from appliance.local_exchange.binance_names import Names, amount
from appliance.local_exchange.binance_user import ListenKeys, UserNews
from appliance.local_exchange.display import MINUTE_MS, Display
from appliance.local_exchange.distortion import phantom_bid, told_best, told_levels
from appliance.local_exchange.door import Door
from appliance.local_exchange.faults import Fault
from appliance.local_exchange.news import Unsubscribe
from appliance.local_exchange.socket_line import SocketLine
from appliance.local_exchange.values import MarketNews

Shape = dict[str, object]
STREAM = re.compile(
    r"(?P<name>[a-z0-9]+)@(?P<kind>bookTicker|ticker|miniTicker|trade|aggTrade|depth|kline)"
    r"(?:(?P<levels>5|10|20)|_(?P<interval>[0-9]+[mhd]))?(?:@(?:100|1000)ms)?",
    re.ASCII,
)
STATES = frozenset({"bookTicker", "ticker", "miniTicker"})


class Asked(Struct, frozen=True):
    """What a client sends over a socket."""

    method: str
    id: int | str | None = None
    params: list[str] = []


class Stream(Struct, frozen=True, kw_only=True):
    """One subscription, taken apart."""

    text: str
    symbol: Symbol
    kind: str
    levels: int = 0
    minutes: int = 0


class BinanceStreams:
    """Serves the sockets."""

    def __init__(self, door: Door, names: Names, listen_keys: ListenKeys) -> None:
        self._door = door
        self._names = names
        self._listen_keys = listen_keys

    async def serve(self, request: web.BaseRequest) -> web.StreamResponse:
        """One connection: streams named in its address, and those asked for over it."""
        is_combined = request.path.startswith("/stream")
        if is_combined:
            named = request.rel_url.query.get("streams", "")
        else:
            named = request.path.removeprefix("/ws")
        async with self._door.socket(request) as (socket, line):
            session = _Session(self._door, self._names, self._listen_keys, line, is_combined=is_combined)
            try:
                session.subscribe([name for name in named.split("/") if name])
                async for message in socket:
                    if message.type is WSMsgType.TEXT:
                        session.hear(message.data)
            finally:
                session.close()
        return socket


class _Session:
    """The subscriptions of one connection."""

    def __init__(
        self, door: Door, names: Names, listen_keys: ListenKeys, line: SocketLine, *, is_combined: bool
    ) -> None:
        self._exchange = door.exchange
        self._names = names
        self._listen_keys = listen_keys
        self._line = line
        self._is_combined = is_combined
        self._streams: dict[Symbol, dict[str, Stream]] = {}
        self._phantoms: dict[str, Level] = {}
        self._users: dict[str, Unsubscribe] = {}
        self._stop_watching = self._exchange.watch(self._on_news)

    def close(self) -> None:
        for stop in (self._stop_watching, *self._users.values()):
            stop()

    def hear(self, text: str) -> None:
        """Answer a request; each has its ID in its answer."""
        try:
            asked = msgspec.json.decode(text, type=Asked)
        except (msgspec.ValidationError, msgspec.DecodeError) as fault:
            self._answer({"error": {"code": 2, "msg": f"Invalid request: {str(fault)[:100]}"}, "id": None})
            return
        match asked.method:
            case "SUBSCRIBE":
                self._answer({"result": None, "id": asked.id})
                self.subscribe(asked.params)
            case "UNSUBSCRIBE":
                for name in asked.params:
                    self._unsubscribe(name)
                self._answer({"result": None, "id": asked.id})
            case "LIST_SUBSCRIPTIONS":
                names = [name for streams in self._streams.values() for name in streams]
                self._answer({"result": names + list(self._users), "id": asked.id})
            case _:
                self._answer({"error": {"code": 2, "msg": "Invalid request: unknown method"}, "id": asked.id})

    def subscribe(self, names: list[str]) -> None:
        """Start streams; a name that is none is passed over, as Binance does."""
        for name in names:
            account = self._listen_keys.account(name)
            if account is not None and name not in self._users:
                news = UserNews(self._line, self._names, stream=name if self._is_combined else None)
                self._users[name] = self._exchange.listen(account, news)
                continue
            stream = self._taken_apart(name)
            if stream is not None:
                self._streams.setdefault(stream.symbol, {})[name] = stream
                if stream.kind in STATES or stream.levels:
                    self._tell_state(stream, self._exchange.displays[stream.symbol], self._exchange.now_ms())

    def _unsubscribe(self, name: str) -> None:
        stop = self._users.pop(name, None)
        if stop is not None:
            stop()
        for streams in self._streams.values():
            streams.pop(name, None)

    def _taken_apart(self, name: str) -> Stream | None:
        found = STREAM.fullmatch(name)
        display = self._names.find(found["name"].upper()) if found is not None else None
        if found is None or display is None:
            return None
        minutes = INTERVALS.get(found["interval"] or "", 0)
        if (found["kind"] == "kline") is not bool(minutes):
            return None
        return Stream(
            text=name,
            symbol=display.instrument.symbol,
            kind=found["kind"],
            levels=int(found["levels"] or 0),
            minutes=minutes,
        )

    # news

    def _on_news(self, news: MarketNews) -> None:
        streams = self._streams.get(news.symbol)
        if not streams:
            return
        display = self._exchange.displays[news.symbol]
        for stream in tuple(streams.values()):
            if stream.kind == "kline":
                self._send(stream, _candle_event(stream, display, self._name(stream), news.at_ms))
            elif news.trade is not None:
                if stream.kind in ("trade", "aggTrade"):
                    self._send(stream, _trade_event(stream.kind, news, self._name(stream)))
                elif stream.kind in ("ticker", "miniTicker"):
                    self._tell_state(stream, display, news.at_ms)
            elif stream.kind == "depth" and not stream.levels:
                self._tell_update(stream, display, news)
            elif stream.kind not in ("trade", "aggTrade"):
                self._tell_state(stream, display, news.at_ms)

    def _tell_state(self, stream: Stream, display: Display, at_ms: int) -> None:
        """Send how things are: the best prices, the day's figures, or the first levels."""
        if not display.bids or not display.asks:
            return
        name, faults, occasion = self._name(stream), self._exchange.faults, f"market {stream.text}"
        bid, ask = best_of(display)
        if stream.kind == "depth":
            levels = stream.levels
            bids, asks = told_levels(faults, occasion, display.bids[:levels], display.asks[:levels])
            self._send(stream, {"lastUpdateId": display.update, "bids": _written(bids), "asks": _written(asks)})
        elif stream.kind == "bookTicker":
            bid_price, ask_price = told_best(faults, occasion, bid[0], ask[0])
            self._send(
                stream,
                {
                    "u": display.update,
                    "s": name,
                    "b": amount(bid_price),
                    "B": amount(bid[1]),
                    "a": amount(ask_price),
                    "A": amount(ask[1]),
                },
            )
        else:
            bid_price, ask_price = told_best(faults, occasion, bid[0], ask[0])
            factor = ask_price / ask[0]
            self._send(stream, _day_event(stream.kind, display, name, at_ms, (bid_price, ask_price), factor))

    def _tell_update(self, stream: Stream, display: Display, news: MarketNews) -> None:
        """Send what has changed of a book, unless this is the update that gets lost."""
        faults, occasion = self._exchange.faults, f"market {stream.text}"
        if faults.take(Fault.SEQUENCE_GAP, occasion):
            return
        bids = _written(news.bids)
        gone = self._phantoms.pop(stream.text, None)
        if gone is not None and all(level.price != gone.price for level in display.bids):
            bids.append((amount(gone.price), amount(None)))
        phantom = phantom_bid(faults, occasion, display.bids, display.asks)
        if phantom is not None:
            self._phantoms[stream.text] = phantom
            bids.append((amount(phantom.price), amount(phantom.size)))
        self._send(
            stream,
            {
                "e": "depthUpdate",
                "E": news.at_ms,
                "s": self._name(stream),
                "U": news.update_first,
                "u": news.update_last,
                "b": bids,
                "a": _written(news.asks),
            },
        )

    def _name(self, stream: Stream) -> str:
        return self._names.name(stream.symbol)

    def _send(self, stream: Stream, shape: Shape) -> None:
        if self._is_combined:
            shape = {"stream": stream.text, "data": shape}
        self._line.send(msgspec.json.encode(shape).decode(), f"market {stream.text}")

    def _answer(self, shape: Shape) -> None:
        self._line.answer(msgspec.json.encode(shape).decode())


def _written(levels: Sequence[Level]) -> list[tuple[str, str]]:
    return [(amount(level.price), amount(level.size)) for level in levels]


def _trade_event(kind: str, news: MarketNews, name: str) -> Shape:
    trade = news.trade
    if trade is None:
        raise AssertionError("news of a trade without one")
    shape: Shape = {
        "e": kind,
        "E": news.at_ms,
        "s": name,
        "p": amount(trade.price),
        "q": amount(trade.quantity),
        "T": trade.at_ms,
        "m": trade.buyer_is_maker,
        "M": True,
    }
    if kind == "trade":
        return shape | {"t": trade.trade_id}
    return shape | {"a": trade.trade_id, "f": trade.trade_id, "l": trade.trade_id}


def _day_event(
    kind: str, display: Display, name: str, at_ms: int, best: tuple[Decimal, Decimal], factor: Decimal
) -> Shape:
    """The day's figures, with the last price told by `factor`."""
    day = display.day(at_ms)
    if day is None:
        raise AssertionError(f"{name} has a book and no day")
    shape: Shape = {
        "e": "24hrTicker" if kind == "ticker" else "24hrMiniTicker",
        "E": at_ms,
        "s": name,
        "c": amount(day.close * factor),
        "o": amount(day.open),
        "h": amount(day.high),
        "l": amount(day.low),
        "v": amount(day.volume),
        "q": amount(day.quote_volume),
    }
    if kind == "miniTicker":
        return shape
    return shape | {
        "p": amount(day.close - day.open),
        "P": format((day.close - day.open) / day.open * 100, ".3f"),
        "w": amount(day.close),
        "x": amount(day.open),
        "Q": amount(display.trades[-1].quantity if display.trades else None),
        "b": amount(best[0]),
        "B": amount(display.bids[0].size),
        "a": amount(best[1]),
        "A": amount(display.asks[0].size),
        "O": day.opened_ms,
        "C": at_ms,
        "F": display.trades[0].trade_id if display.trades else -1,
        "L": display.trades[-1].trade_id if display.trades else -1,
        "n": day.trades,
    }


def _candle_event(stream: Stream, display: Display, name: str, at_ms: int) -> Shape:
    length_ms = stream.minutes * MINUTE_MS
    candle = display.candles(length_ms)[-1]
    return {
        "e": "kline",
        "E": at_ms,
        "s": name,
        "k": {
            "t": candle.opened_ms,
            "T": candle.opened_ms + length_ms - 1,
            "s": name,
            "i": stream.text.partition("kline_")[2].partition("@")[0],
            "f": -1,
            "L": -1,
            "o": amount(candle.open),
            "c": amount(candle.close),
            "h": amount(candle.high),
            "l": amount(candle.low),
            "v": amount(candle.volume),
            "n": candle.trades,
            "x": False,
            "q": amount(candle.quote_volume),
            "V": amount(None),
            "Q": amount(None),
            "B": "0",
        },
    }
