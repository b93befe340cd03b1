"""Binance's websocket API: signed calls over a socket, and user data without a listen key.

https://developers.binance.com/docs/binance-spot-api-docs/websocket-api. The signature is over the parameters in
alphabetical order.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

import msgspec
from aiohttp import WSMsgType, web
from msgspec import Struct

from appliance.local_exchange import binance_errors as errors
from appliance.local_exchange.binance_errors import BinanceError
from appliance.local_exchange.binance_market import BinanceMarket
from appliance.local_exchange.binance_names import Names
from appliance.local_exchange.binance_private import BinancePrivate, Call
from appliance.local_exchange.binance_user import UserNews
from appliance.local_exchange.door import Door
from appliance.local_exchange.news import Unsubscribe
from appliance.local_exchange.socket_line import SocketLine

Admit = Callable[[str, str, str | None, Mapping[str, str]], Call]


class Asked(Struct, frozen=True):
    """One call."""

    id: int | str | None
    method: str
    params: dict[str, object] = {}


class BinanceSocketApi:
    """Serves `/ws-api/v3`. The faults of acceptance are the REST calls' alone."""

    def __init__(self, door: Door, names: Names, market: BinanceMarket, private: BinancePrivate, admit: Admit) -> None:
        self._door = door
        self._names = names
        self._admit = admit
        calls = market.calls()
        self._public = {
            "ping": calls["GET /api/v3/ping"],
            "time": market.time,
            "exchangeInfo": market.rules,
            "depth": market.depth,
            "ticker.price": calls["GET /api/v3/ticker/price"],
            "ticker.book": calls["GET /api/v3/ticker/bookTicker"],
        }
        self._signed: dict[str, Callable[[Call], object]] = {
            "order.place": private.place,
            "order.test": private.check,
            "order.status": private.query,
            "order.cancel": private.cancel,
            "order.cancelReplace": private.cancel_replace,
            "openOrders.status": private.open_orders,
            "openOrders.cancelAll": private.cancel_open_orders,
            "allOrders": private.all_orders,
            "myTrades": private.trades,
            "account.status": private.balances,
        }

    async def serve(self, request: web.BaseRequest) -> web.StreamResponse:
        """One connection."""
        subscriptions: list[Unsubscribe] = []
        async with self._door.socket(request) as (socket, line):
            try:
                async for message in socket:
                    if message.type is WSMsgType.TEXT:
                        line.answer(msgspec.json.encode(self._answer(message.data, line, subscriptions)).decode())
            finally:
                for stop in subscriptions:
                    stop()
        return socket

    def _answer(self, text: str, line: SocketLine, subscriptions: list[Unsubscribe]) -> dict[str, object]:
        number: int | str | None = None
        try:
            try:
                asked = msgspec.json.decode(text, type=Asked)
            except (msgspec.ValidationError, msgspec.DecodeError):
                raise BinanceError(-1135, "Invalid JSON request.") from None
            number = asked.id
            result = self._result(asked, line, subscriptions)
        except BinanceError as error:
            return {"id": number, "status": error.status, "error": error.body}
        return {"id": number, "status": 200, "result": result}

    def _result(self, asked: Asked, line: SocketLine, subscriptions: list[Unsubscribe]) -> object:
        parameters = {name: _as_text(value) for name, value in asked.params.items()}
        public = self._public.get(asked.method)
        if public is not None:
            return public(parameters)
        key_name, signature = parameters.get("apiKey", ""), parameters.pop("signature", None)
        payload = "&".join(f"{name}={value}" for name, value in sorted(parameters.items()))
        if asked.method == "userDataStream.subscribe.signature":
            account = self._admit(key_name, payload, signature, parameters).account
            news = UserNews(line, self._names, number=len(subscriptions))
            subscriptions.append(self._door.exchange.listen(account, news))
            return {"subscriptionId": len(subscriptions) - 1}
        call = self._signed.get(asked.method)
        if call is None:
            raise errors.BinanceError(-1020, "This operation is not supported.")
        return call(self._admit(key_name, payload, signature, parameters))


def _as_text(value: object) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    return value if isinstance(value, str) else msgspec.json.encode(value).decode()
