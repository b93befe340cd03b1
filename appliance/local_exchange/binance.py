"""Binance's spot wire: who calls, whether the call is well signed and in time, and what the exchange answers or not.

Documented at https://developers.binance.com/docs/binance-spot-api-docs. Limits on the rate of calls are counted and
told in the headers, and enforced only by the fault `rate_limit`.
"""

from __future__ import annotations

import hmac
import time
from collections.abc import Callable, Mapping
from urllib.parse import parse_qsl

import msgspec
from aiohttp import web

from appliance.local_exchange import binance_errors as errors
from appliance.local_exchange.account import Account, Key
from appliance.local_exchange.binance_errors import BinanceError
from appliance.local_exchange.binance_market import BinanceMarket
from appliance.local_exchange.binance_names import Names
from appliance.local_exchange.binance_private import BinancePrivate, Call
from appliance.local_exchange.binance_requests import whole
from appliance.local_exchange.binance_socket_api import BinanceSocketApi
from appliance.local_exchange.binance_streams import BinanceStreams
from appliance.local_exchange.binance_user import ListenKeys
from appliance.local_exchange.door import Door, Handler
from appliance.local_exchange.faults import Fault

WINDOW_MS = 5000
WINDOW_MAX_MS = 60_000
AHEAD_MAX_MS = 1000
ORDER_CALLS = frozenset({"POST /api/v3/order", "POST /api/v3/order/cancelReplace"})
"""What the faults of acceptance meet when they are injected without a path."""
MINUTE_S = 60
ORDER_WINDOW_S = 10


class Usage:
    """Calls counted by fixed windows, as the headers tell them."""

    def __init__(self) -> None:
        self._counted: dict[str, tuple[int, int]] = {}

    def count(self, name: str, window_s: int) -> str:
        """One more; the number in the present window."""
        window = int(time.monotonic()) // window_s
        before, number = self._counted.get(name, (window, 0))
        number = number + 1 if before == window else 1
        self._counted[name] = (window, number)
        return str(number)


class BinanceWire:
    """Answers `/api/v3`, `/sapi/v1`, `/ws`, `/stream` and `/ws-api/v3`."""

    def __init__(self, door: Door) -> None:
        self._door = door
        self._exchange = door.exchange
        names = Names(self._exchange.displays)
        listen_keys = ListenKeys()
        self._market = BinanceMarket(self._exchange, names)
        self._private = BinancePrivate(self._exchange, names, listen_keys)
        self._streams = BinanceStreams(door, names, listen_keys)
        self._socket_api = BinanceSocketApi(door, names, self._market, self._private, self.admit)
        self._usage = Usage()

    def routes(self) -> Mapping[str, Handler]:
        """Which handler answers `METHOD /path`."""
        routes: dict[str, Handler] = {}
        for route, ask in self._market.calls().items():
            routes[route] = self._public(route, ask)
        for route, call in self._private.signed().items():
            routes[route] = self._signed(route, call)
        for route, call in self._private.keyed().items():
            routes[route] = self._signed(route, call, is_signed=False)
        for start in ("/ws", "/stream"):
            routes[f"GET {start}"] = routes[f"GET {start}/*"] = self._streams.serve
        routes["GET /ws-api/v3"] = self._socket_api.serve
        return routes

    def _public(self, route: str, ask: Callable[[Mapping[str, str]], object]) -> Handler:
        async def answer(request: web.BaseRequest) -> web.StreamResponse:
            try:
                self._meet_faults(route)
                return self._json(ask(dict(parse_qsl(request.query_string, keep_blank_values=True))))
            except BinanceError as error:
                return self._error(error)

        return answer

    def _signed(self, route: str, call: Callable[[Call], object], *, is_signed: bool = True) -> Handler:
        async def answer(request: web.BaseRequest) -> web.StreamResponse:
            body = (await request.read()).decode("utf-8", "replace")
            query = request.rel_url.raw_query_string
            try:
                self._meet_faults(route)
                asked = self._asked(request.headers.get("X-MBX-APIKEY", ""), query, body, is_signed=is_signed)
                return await self._answer_call(request, route, call, asked)
            except BinanceError as error:
                return self._error(error)

        return answer

    async def _answer_call(
        self, request: web.BaseRequest, route: str, call: Callable[[Call], object], asked: Call
    ) -> web.StreamResponse:
        """Do what was asked, with whatever goes wrong before and after."""
        before_ms = self._take(Fault.TIMEOUT_BEFORE_ACCEPTANCE, route)
        if before_ms is not None:
            return await self._time_out(request, before_ms)
        if self._take(Fault.ERROR_5XX_BEFORE_ACCEPTANCE, route) is not None:
            return web.Response(status=502, text="<html><h1>502 Bad Gateway</h1></html>", content_type="text/html")
        answer = call(asked)
        if asked.account.loses_answer():
            return await self._door.leave_unanswered(request, 1)
        after_ms = self._take(Fault.TIMEOUT_AFTER_ACCEPTANCE, route)
        if after_ms is not None:
            return await self._time_out(request, after_ms)
        if self._take(Fault.ERROR_5XX_AFTER_ACCEPTANCE, route) is not None:
            raise errors.EXECUTION_UNKNOWN
        response = self._json(answer)
        if route in ORDER_CALLS:
            response.headers["X-MBX-ORDER-COUNT-10S"] = self._usage.count(asked.account.name, ORDER_WINDOW_S)
        return response

    def _take(self, fault: Fault, route: str) -> int | None:
        """The fault at this call: of its own accord only at an order, elsewhere where its path says so."""
        faults = self._exchange.faults
        if not faults.is_waiting(fault):
            return None
        return faults.take_ms(fault, route, needs_path=route not in ORDER_CALLS)

    async def _time_out(self, request: web.BaseRequest, ms: int) -> web.StreamResponse:
        if not ms:
            return await self._door.leave_unanswered(request)
        await self._door.wait(ms / 1000)
        raise errors.TIMEOUT

    def _meet_faults(self, route: str) -> None:
        """The faults that meet any call, before anything is looked at."""
        faults = self._exchange.faults
        if faults.take(Fault.RATE_LIMIT, route):
            raise errors.RATE_LIMIT
        if faults.take(Fault.MAINTENANCE, route):
            raise errors.MAINTENANCE

    # who calls

    def _asked(self, key_name: str, query: str, body: str, *, is_signed: bool) -> Call:
        payload, signature = _without_signature(query)
        body_payload, body_signature = _without_signature(body)
        parameters = dict(parse_qsl(f"{payload}&{body_payload}", keep_blank_values=True))
        if not is_signed:
            _, account = self._key(key_name)
            return Call(parameters=parameters, account=account, key=self._key(key_name)[0])
        return self.admit(key_name, payload + body_payload, signature or body_signature, parameters)

    def admit(self, key_name: str, payload: str, signature: str | None, parameters: Mapping[str, str]) -> Call:
        """A signed call, once key, time and signature are in order. Raises `BinanceError`."""
        key, account = self._key(key_name)
        self._check_time(parameters)
        if signature is None:
            raise errors.missing("signature")
        expected = hmac.digest(key.secret.encode(), payload.encode(), "sha256").hex()
        if not hmac.compare_digest(expected.encode(), signature.encode()):
            raise errors.BAD_SIGNATURE
        return Call(parameters=parameters, account=account, key=key)

    def _key(self, name: str) -> tuple[Key, Account]:
        if not name:
            raise errors.BAD_KEY_FORMAT
        found = self._exchange.key(name)
        if found is None:
            raise errors.BAD_KEY
        return found

    def _check_time(self, parameters: Mapping[str, str]) -> None:
        timestamp = whole(parameters, "timestamp")
        if timestamp is None:
            raise errors.missing("timestamp")
        window = whole(parameters, "recvWindow")
        window = WINDOW_MS if window is None else window
        if window > WINDOW_MAX_MS:
            raise errors.WINDOW_TOO_LONG
        now_ms = self._exchange.now_ms()
        if timestamp >= now_ms + AHEAD_MAX_MS:
            self._exchange.faults.note_skew()
            raise errors.AHEAD
        if now_ms - timestamp > window:
            self._exchange.faults.note_skew()
            raise errors.OUTSIDE_WINDOW

    # what is answered

    def _json(self, value: object) -> web.Response:
        headers = {"X-MBX-USED-WEIGHT-1M": self._usage.count("", MINUTE_S)}
        body = msgspec.json.encode(value)
        return web.Response(body=body, content_type="application/json", headers=headers)

    def _error(self, error: BinanceError) -> web.Response:
        if error is errors.MAINTENANCE:
            return web.Response(status=error.status, text=error.text)
        response = self._json(error.body)
        response.set_status(error.status)
        if error is errors.RATE_LIMIT:
            response.headers["Retry-After"] = str(errors.RETRY_AFTER_S)
        return response


def _without_signature(text: str) -> tuple[str, str | None]:
    """The parameters without the one called signature, and that one."""
    if "signature=" not in text:
        return text, None
    pieces = text.split("&")
    signature = next((piece[10:] for piece in pieces if piece.startswith("signature=")), None)
    return "&".join(piece for piece in pieces if not piece.startswith("signature=")), signature
