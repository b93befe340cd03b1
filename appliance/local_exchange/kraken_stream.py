"""Kraken's websocket: subscriptions, their acknowledgements, heartbeats, and trading; public and private on one path.

Each symbol of a request is acknowledged by itself, then gets its snapshot. An acknowledgement that fails names the
error and ends nothing. Once something is subscribed to, a second in which nothing was sent ends with a heartbeat.
Source: docs.kraken.com, Spot Websocket v2.
"""

from __future__ import annotations

import asyncio
import itertools
import json
from collections.abc import Callable, Mapping
from decimal import Decimal

import msgspec
from aiohttp import WSMsgType, web
from readytrader_sdk.instruments import Symbol

from appliance.local_exchange.door import Door
from appliance.local_exchange.faults import Fault
from appliance.local_exchange.kraken_book import DEPTHS
from appliance.local_exchange.kraken_errors import KrakenError, KrakenRefusal
from appliance.local_exchange.kraken_feeds import (
    BookFeed,
    CandleFeed,
    Feed,
    TickerFeed,
    TradeFeed,
    instruments,
    now_rfc3339,
)
from appliance.local_exchange.kraken_keys import Caller, KrakenKeys
from appliance.local_exchange.kraken_methods import KrakenMethods
from appliance.local_exchange.kraken_names import Pair
from appliance.local_exchange.kraken_news import BalanceView, execution_entries, order_snapshot, trade_entry
from appliance.local_exchange.kraken_public import INTERVALS
from appliance.local_exchange.kraken_requests import Fields, integer_of, is_set, text_of
from appliance.local_exchange.kraken_trading import KrakenTrading
from appliance.local_exchange.socket_line import SocketLine
from appliance.local_exchange.values import Event, EventKind, MarketNews

HEARTBEAT_S = 1.0
_SNAPSHOT_FILLS = 50
_encoder = msgspec.json.Encoder(decimal_format="number")


class KrakenStream:
    """Answers `/v2`."""

    def __init__(self, door: Door, trading: KrakenTrading, keys: KrakenKeys) -> None:
        self._door = door
        self._trading = trading
        self._keys = keys
        self._methods = KrakenMethods(trading, keys)
        self._connections = itertools.count(1)

    async def serve(self, request: web.BaseRequest) -> web.StreamResponse:
        """One connection, until its end."""
        async with self._door.socket(request) as (socket, line):
            session = _Session(line, self._trading, self._keys, self._methods)
            session.greet(next(self._connections))
            try:
                async for message in socket:
                    if message.type is WSMsgType.TEXT:
                        session.hear(message.data)
            finally:
                session.close()
        return socket


class _Session:
    """One connection: what it has subscribed to, and what it is told."""

    def __init__(self, line: SocketLine, trading: KrakenTrading, keys: KrakenKeys, methods: KrakenMethods) -> None:
        self._line = line
        self._trading = trading
        self._exchange = trading.exchange
        self._keys = keys
        self._methods = methods
        self._feeds: dict[str, dict[str, Feed]] = {}
        """By symbol, then by channel."""
        self._private: dict[str, Callable[[], None]] = {}
        """How to end each private subscription."""
        self._sequence = itertools.count(1)
        self._heartbeat: asyncio.TimerHandle | None = None
        self._was_quiet = True
        self._stop_watching = self._exchange.watch(self._on_market)

    def greet(self, connection: int) -> None:
        """The first message of a connection."""
        state = {"version": "2.0.10", "system": "online", "api_version": "v2", "connection_id": connection}
        self._answer({"channel": "status", "type": "update", "data": [state]})

    def close(self) -> None:
        """Stop telling."""
        self._stop_watching()
        for end in self._private.values():
            end()
        self._private.clear()
        if self._heartbeat is not None:
            self._heartbeat.cancel()

    def hear(self, text: str) -> None:
        """One message of the client."""
        time_in = now_rfc3339()
        try:
            message = json.loads(text, parse_float=Decimal)
        except ValueError:
            message = None
        if not isinstance(message, dict) or not isinstance(message.get("method"), str):
            self._answer({"error": "Malformed request", "success": False, "time_in": time_in, "time_out": time_in})
            return
        method, params = message["method"], message.get("params")
        params = params if isinstance(params, dict) else {}
        head = {"method": method}
        if isinstance(message.get("req_id"), int):
            head["req_id"] = message["req_id"]
        if method == "ping":
            self._answer({**head, "method": "pong", "time_in": time_in, "time_out": now_rfc3339()})
        elif method in ("subscribe", "unsubscribe"):
            self._change_subscriptions(head, params, time_in)
        elif self._methods.serves(method):
            self._trade(head, method, params, time_in)
        else:
            self._refuse(head, "Unsupported method", time_in)

    # subscriptions

    def _change_subscriptions(self, head: Mapping[str, object], params: Fields, time_in: str) -> None:
        channel = text_of(params, "channel") or ""
        change = self._subscribe if head["method"] == "subscribe" else self._unsubscribe
        symbols = params.get("symbol")
        if not isinstance(symbols, list):
            symbols = [None]
        for symbol in symbols:
            try:
                change(head, channel, symbol, params, time_in)
            except KrakenRefusal as refusal:
                extra = {} if symbol is None else {"symbol": symbol}
                self._refuse({**head, **extra}, refusal.error, time_in)

    def _subscribe(
        self, head: Mapping[str, object], channel: str, symbol: object, params: Fields, time_in: str
    ) -> None:
        wants_snapshot = "snapshot" not in params or is_set(params, "snapshot")
        if channel in ("executions", "balances"):
            self._subscribe_private(head, channel, params, time_in)
        elif channel == "instrument":
            self._accept(head, {"channel": channel, "snapshot": True}, time_in)
            data = instruments(self._trading.names)
            self._answer({"channel": channel, "type": "snapshot", "data": data})
        else:
            pair = self._pair(symbol)
            feed, terms = self._feed(channel, pair, params)
            feeds = self._feeds.setdefault(pair.symbol, {})
            if channel in feeds:
                raise KrakenRefusal("Already subscribed")
            self._accept(
                head, {"channel": channel, "symbol": pair.symbol, "snapshot": wants_snapshot, **terms}, time_in
            )
            entries = feed.snapshot()
            if wants_snapshot and entries:
                self._answer({"channel": channel, "type": "snapshot", "data": entries})
            feeds[channel] = feed
        self._start_heartbeat()

    def _unsubscribe(
        self, head: Mapping[str, object], channel: str, symbol: object, _params: Fields, time_in: str
    ) -> None:
        result: dict[str, object] = {"channel": channel}
        if channel in ("executions", "balances"):
            end = self._private.pop(channel, None)
            if end is None:
                raise KrakenRefusal("Subscription Not Found")
            end()
        else:
            pair = self._pair(symbol)
            if self._feeds.get(pair.symbol, {}).pop(channel, None) is None:
                raise KrakenRefusal("Subscription Not Found")
            result["symbol"] = pair.symbol
        self._accept(head, result, time_in)

    def _feed(self, channel: str, pair: Pair, params: Fields) -> tuple[Feed, dict[str, object]]:
        """A subscription that is not told anything yet, and its terms for the acknowledgement."""
        display, faults = self._exchange.displays[pair.symbol], self._exchange.faults
        if channel == "ticker":
            trigger = text_of(params, "event_trigger") or "trades"
            if trigger not in ("bbo", "trades"):
                raise KrakenRefusal("Event trigger not supported")
            return TickerFeed(pair, display, faults, by_quote=trigger == "bbo"), {"event_trigger": trigger}
        if channel == "book":
            depth = integer_of(params, "depth") or DEPTHS[0]
            if depth not in DEPTHS:
                raise KrakenRefusal("Subscription depth not supported")
            return BookFeed(pair, display, faults, depth), {"depth": depth}
        if channel == "trade":
            return TradeFeed(display), {}
        if channel == "ohlc":
            interval = integer_of(params, "interval") or 1
            if interval not in INTERVALS:
                raise KrakenRefusal("Subscription ohlc interval not supported")
            return CandleFeed(pair, display, interval), {"interval": interval}
        raise KrakenRefusal("Subscription name invalid")

    def _pair(self, symbol: object) -> Pair:
        pair = self._trading.names.by_symbol.get(Symbol(symbol)) if isinstance(symbol, str) else None
        if pair is None:
            raise KrakenRefusal(f"Currency pair not supported {str(symbol)[:40]}")
        return pair

    def _subscribe_private(self, head: Mapping[str, object], channel: str, params: Fields, time_in: str) -> None:
        caller = self._keys.admit_token(text_of(params, "token"))
        if channel in self._private:
            raise KrakenRefusal("Already subscribed")
        if channel == "balances":
            self._accept(head, {"channel": channel, "snapshot": True}, time_in)
            view = BalanceView()
            self._tell(channel, "snapshot", view.snapshot(caller.account.balances()))
            listener = self._balance_listener(view)
        else:
            snap_orders = "snap_orders" not in params or is_set(params, "snap_orders")
            snap_trades = is_set(params, "snap_trades")
            terms = {"channel": channel, "snap_orders": snap_orders, "snap_trades": snap_trades, "maxratecount": 180}
            self._accept(head, terms, time_in)
            self._tell(channel, "snapshot", self._executions_so_far(caller, orders=snap_orders, trades=snap_trades))
            listener = self._tell_execution
        self._private[channel] = self._exchange.listen(caller.account, listener)

    def _executions_so_far(self, caller: Caller, *, orders: bool, trades: bool) -> list[dict[str, object]]:
        exchange, account = self._exchange, caller.account
        entries: list[dict[str, object]] = []
        if orders:
            entries += order_snapshot((order, self._trading.pair_of(order)) for order in exchange.open_orders(account))
        if trades:
            fills = sorted(exchange.fills(account), key=lambda fill: fill.trade_id)[-_SNAPSHOT_FILLS:]
            entries += [trade_entry(fill, account.orders[fill.order_id]) for fill in reversed(fills)]
        return entries

    # news

    def _on_market(self, news: MarketNews) -> None:
        feeds = self._feeds.get(news.symbol)
        if not feeds:
            return
        for channel, feed in feeds.items():
            entries = feed.update(news)
            if entries:
                occasion = f"market {channel} {news.symbol}"
                self._send({"channel": channel, "type": "update", "data": entries}, occasion)

    def _tell_execution(self, event: Event) -> None:
        if event.order is None:
            return
        for entry in execution_entries(event, self._trading.pair_of(event.order)):
            self._tell("executions", "update", [entry])

    def _balance_listener(self, view: BalanceView) -> Callable[[Event], None]:
        def listener(event: Event) -> None:
            if event.kind is EventKind.BALANCE:
                for entry in view.update(event):
                    self._tell("balances", "update", [entry])

        return listener

    def _tell(self, channel: str, kind: str, data: list[dict[str, object]]) -> None:
        message = {"channel": channel, "type": kind, "data": data, "sequence": next(self._sequence)}
        if kind == "snapshot":
            self._answer(message)
        else:
            self._send(message, f"user {channel}")

    def _start_heartbeat(self) -> None:
        if self._heartbeat is None:
            self._beat()

    def _beat(self) -> None:
        if self._heartbeat is not None and self._was_quiet:
            self._line.send('{"channel":"heartbeat"}', "heartbeat")
        self._was_quiet = True
        self._heartbeat = asyncio.get_running_loop().call_later(HEARTBEAT_S, self._beat)

    # trading

    def _trade(self, head: Mapping[str, object], method: str, params: Fields, time_in: str) -> None:
        faults, occasion = self._exchange.faults, f"user {method}"
        needs_path = method != "add_order"
        try:
            caller = self._methods.caller(params)
            if faults.take(Fault.RATE_LIMIT, occasion):
                raise KrakenRefusal(KrakenError.ORDER_RATE_LIMIT)
            if faults.take(Fault.MAINTENANCE, occasion):
                raise KrakenRefusal(KrakenError.UNAVAILABLE)
            if faults.take_ms(Fault.TIMEOUT_BEFORE_ACCEPTANCE, occasion, needs_path=needs_path) is not None:
                return
            results = self._methods.call(method, caller, params)
        except KrakenRefusal as refusal:
            self._refuse(head, refusal.error, time_in)
            return
        if caller.account.loses_answer():
            self._line.drop()
        elif faults.take_ms(Fault.TIMEOUT_AFTER_ACCEPTANCE, occasion, needs_path=needs_path) is None:
            for result in results:
                self._accept(head, result, time_in)

    # the way out

    def _accept(self, head: Mapping[str, object], result: Mapping[str, object], time_in: str) -> None:
        self._answer({**head, "result": result, "success": True, "time_in": time_in, "time_out": now_rfc3339()})

    def _refuse(self, head: Mapping[str, object], error: str, time_in: str) -> None:
        self._answer({**head, "error": error, "success": False, "time_in": time_in, "time_out": now_rfc3339()})

    def _answer(self, message: Mapping[str, object]) -> None:
        self._was_quiet = False
        self._line.answer(_encoder.encode(message).decode())

    def _send(self, message: Mapping[str, object], occasion: str) -> None:
        self._was_quiet = False
        self._line.send(_encoder.encode(message).decode(), occasion)
