"""Kraken's wire: REST under `/0`, the second websocket API under `/v2`.

A request that is refused is answered with HTTP 200 and `{"error": ["…"]}`; only what stands in front of Kraken answers
with another status, in HTML. Sources: docs.kraken.com, Spot REST Introduction and Spot Websocket v2.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from urllib.parse import parse_qsl

import msgspec
from aiohttp import web

from appliance.local_exchange.door import Door, Handler
from appliance.local_exchange.faults import Fault
from appliance.local_exchange.kraken_errors import KrakenError, KrakenRefusal
from appliance.local_exchange.kraken_keys import Caller, KrakenKeys
from appliance.local_exchange.kraken_names import KrakenNames
from appliance.local_exchange.kraken_private import KrakenPrivate
from appliance.local_exchange.kraken_public import KrakenPublic
from appliance.local_exchange.kraken_requests import Fields
from appliance.local_exchange.kraken_stream import KrakenStream
from appliance.local_exchange.kraken_trading import KrakenTrading

PUBLIC, PRIVATE = "/0/public/", "/0/private/"
ORDER_CALLS = frozenset({"AddOrder"})
"""What the faults of acceptance meet when they are injected without a path."""
_TRADING_CALLS = frozenset({"AddOrder", "AmendOrder", "CancelOrder"})

_encoder = msgspec.json.Encoder(decimal_format="number")


class KrakenWire:
    """Answers `/0/public`, `/0/private` and `/v2`."""

    def __init__(self, door: Door) -> None:
        self._door = door
        self._exchange = door.exchange
        names = KrakenNames(display.instrument for display in self._exchange.displays.values())
        self._keys = KrakenKeys(self._exchange)
        trading = KrakenTrading(self._exchange, names)
        self._public = KrakenPublic(self._exchange, names)
        self._private = KrakenPrivate(trading, self._keys)
        self._stream = KrakenStream(door, trading, self._keys)

    def routes(self) -> Mapping[str, Handler]:
        """Which handler answers `METHOD /path`."""
        return {
            f"GET {PUBLIC}*": self._answer_public,
            f"POST {PUBLIC}*": self._answer_public,
            f"POST {PRIVATE}*": self._answer_private,
            "GET /v2": self._stream.serve,
        }

    async def _answer_public(self, request: web.BaseRequest) -> web.StreamResponse:
        name = request.path.removeprefix(PUBLIC)
        call = self._public.calls.get(name)
        try:
            if call is None:
                raise KrakenRefusal(KrakenError.UNKNOWN_METHOD)
            if name != "SystemStatus":
                self._meet_faults(name, f"{request.method} {request.path}")
            return _result(call(dict(parse_qsl(request.query_string, keep_blank_values=True))))
        except KrakenRefusal as refusal:
            return _error(refusal)

    async def _answer_private(self, request: web.BaseRequest) -> web.StreamResponse:
        name = request.path.removeprefix(PRIVATE)
        body = await request.read()
        try:
            self._meet_faults(name, f"POST {request.path}")
            fields = _fields(body, request.content_type)
            headers = request.headers
            key_name, signed = headers.get("API-Key", ""), headers.get("API-Sign", "")
            caller = self._keys.admit(request.path, key_name, signed, body, fields)
            return await self._answer_call(request, name, caller, fields)
        except KrakenRefusal as refusal:
            return _error(refusal)

    async def _answer_call(
        self, request: web.BaseRequest, name: str, caller: Caller, fields: Fields
    ) -> web.StreamResponse:
        """Do what was asked, with whatever goes wrong before and after."""
        call = self._private.calls.get(name)
        if call is None:
            raise KrakenRefusal(KrakenError.UNKNOWN_METHOD)
        before_ms = self._take(Fault.TIMEOUT_BEFORE_ACCEPTANCE, name)
        if before_ms is not None:
            return await self._time_out(request, before_ms)
        if self._take(Fault.ERROR_5XX_BEFORE_ACCEPTANCE, name) is not None:
            return _gateway_error(520)
        answer = call(caller, fields)
        if caller.account.loses_answer():
            return await self._door.leave_unanswered(request, 1)
        after_ms = self._take(Fault.TIMEOUT_AFTER_ACCEPTANCE, name)
        if after_ms is not None:
            return await self._time_out(request, after_ms)
        if self._take(Fault.ERROR_5XX_AFTER_ACCEPTANCE, name) is not None:
            return _gateway_error(520)
        return _result(answer)

    def _take(self, fault: Fault, name: str) -> int | None:
        """The fault at this call: of its own accord only at an order, elsewhere where its path says so."""
        faults = self._exchange.faults
        if not faults.is_waiting(fault):
            return None
        return faults.take_ms(fault, f"POST {PRIVATE}{name}", needs_path=name not in ORDER_CALLS)

    async def _time_out(self, request: web.BaseRequest, ms: int) -> web.StreamResponse:
        """Silence, or after `ms` the word of what stands in front of Kraken."""
        if not ms:
            return await self._door.leave_unanswered(request)
        await self._door.wait(ms / 1000)
        return _gateway_error(504)

    def _meet_faults(self, name: str, route: str) -> None:
        """The faults that meet any call, before anything is looked at."""
        faults = self._exchange.faults
        if faults.take(Fault.RATE_LIMIT, route):
            is_order = name in _TRADING_CALLS
            raise KrakenRefusal(KrakenError.ORDER_RATE_LIMIT if is_order else KrakenError.API_RATE_LIMIT)
        if faults.take(Fault.MAINTENANCE, route):
            raise KrakenRefusal(KrakenError.UNAVAILABLE)


def _fields(body: bytes, content_type: str) -> Fields:
    """The fields of a form or of a JSON object. Raises `KrakenRefusal`."""
    try:
        text = body.decode()
        if content_type != "application/json":
            return dict(parse_qsl(text, keep_blank_values=True))
        fields = json.loads(text, parse_float=str)
    except ValueError:
        raise KrakenRefusal(KrakenError.INVALID_ARGUMENTS) from None
    if not isinstance(fields, dict):
        raise KrakenRefusal(KrakenError.INVALID_ARGUMENTS)
    return fields


def _result(answer: object) -> web.Response:
    return web.Response(body=_encoder.encode({"error": [], "result": answer}), content_type="application/json")


def _error(refusal: KrakenRefusal) -> web.Response:
    return web.Response(body=_encoder.encode({"error": [refusal.error]}), content_type="application/json")


def _gateway_error(status: int) -> web.Response:
    """As the network in front of Kraken answers when it got nothing, or nothing sensible, from behind."""
    text = f"<html><head><title>api.kraken.com | {status}</title></head><body>error code: {status}</body></html>"
    return web.Response(status=status, text=text, content_type="text/html")
