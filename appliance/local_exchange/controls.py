"""`/local`: how the person who started the exchange moves its market, injects faults, and looks at it. No signature.

A request that a web page made is refused: a page that a browser happens to show must not move the market.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from datetime import UTC, datetime
from decimal import Decimal
from typing import TypeVar

import msgspec
from aiohttp import web
from msgspec import Struct
from readytrader_sdk.instruments import Asset, Symbol
from readytrader_sdk.market import Quote
from readytrader_sdk.money import InvalidAmount

from appliance.local_exchange.door import Door, Handler
from appliance.local_exchange.faults import Fault
from appliance.paper.instrument_market import InvalidMarket

T = TypeVar("T")
_encoder = msgspec.json.Encoder(decimal_format="string")


class FaultAsked(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """`POST /local/faults`."""

    fault: Fault
    times: int = 1
    ms: int = 0
    path: str | None = None


class QuoteAsked(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """`POST /local/quote`: prices and sizes as text."""

    symbol: Symbol
    bid: Decimal
    ask: Decimal
    bid_size: Decimal | None = None
    ask_size: Decimal | None = None


class KeyAsked(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """`POST /local/keys`: let another key in."""

    key: str
    secret: str
    balances: dict[Asset, Decimal] = {}
    can_trade: bool = True
    can_withdraw: bool = False
    account: str | None = None


class Controls:
    """Answers `/local`."""

    def __init__(self, door: Door) -> None:
        self._exchange = door.exchange

    def routes(self) -> Mapping[str, Handler]:
        """Which handler answers `METHOD /path`."""
        return {
            "GET /local/health": self._health,
            "GET /local/faults": self._seen,
            "POST /local/faults": self._inject,
            "DELETE /local/faults": self._clear,
            "POST /local/quote": self._quote,
            "POST /local/keys": self._key,
            "GET /local/orders": self._orders,
            "GET /local/switches": self._switches,
        }

    async def _health(self, _: web.BaseRequest) -> web.Response:
        exchange = self._exchange
        symbols = list(exchange.displays)
        return _json({"ok": True, "symbols": symbols, "accounts": [account.name for account in exchange.accounts()]})

    async def _seen(self, _: web.BaseRequest) -> web.Response:
        return _json({"seen": dict(self._exchange.faults.seen)})

    async def _inject(self, request: web.BaseRequest) -> web.Response:
        asked = await _asked(request, FaultAsked)
        self._exchange.faults.inject(asked.fault, times=asked.times, ms=asked.ms, path=asked.path)
        return _json({"ok": True})

    async def _clear(self, request: web.BaseRequest) -> web.Response:
        _refuse_pages(request)
        self._exchange.faults.clear()
        return _json({"ok": True})

    async def _quote(self, request: web.BaseRequest) -> web.Response:
        asked = await _asked(request, QuoteAsked)
        if asked.symbol not in self._exchange.displays:
            raise _bad(f"symbol: nothing called {asked.symbol[:40]!r} is traded here")
        quote = Quote(
            symbol=asked.symbol,
            bid=asked.bid,
            ask=asked.ask,
            bid_size=asked.bid_size,
            ask_size=asked.ask_size,
            observed_at=datetime.now(UTC),
        )
        try:
            self._exchange.show(quote)
        except InvalidMarket as fault:
            raise _bad(str(fault)) from fault
        return _json({"ok": True})

    async def _key(self, request: web.BaseRequest) -> web.Response:
        asked = await _asked(request, KeyAsked)
        try:
            account = self._exchange.register_key(
                asked.key,
                asked.secret,
                balances=asked.balances,
                can_trade=asked.can_trade,
                can_withdraw=asked.can_withdraw,
                account=asked.account,
            )
        except (InvalidAmount, ValueError) as fault:
            raise _bad(str(fault)) from fault
        return _json({"ok": True, "account": account.name})

    async def _orders(self, _: web.BaseRequest) -> web.Response:
        """Every order of every account as it truly is, those hidden by a fault included."""
        accounts = self._exchange.accounts()
        return _json({account.name: list(account.orders.values()) for account in accounts})

    async def _switches(self, _: web.BaseRequest) -> web.Response:
        """The dead-man's switches that are armed, with the seconds that each account has left."""
        now = asyncio.get_running_loop().time()
        left = {name: timer.when() - now for name, timer in self._exchange.switches.items()}
        return _json({name: seconds for name, seconds in left.items() if seconds > 0})


async def _asked(request: web.BaseRequest, kind: type[T]) -> T:
    _refuse_pages(request)
    try:
        return msgspec.json.decode(await request.read(), type=kind)
    except (msgspec.ValidationError, msgspec.DecodeError) as fault:
        raise _bad(str(fault)) from fault


def _refuse_pages(request: web.BaseRequest) -> None:
    if "Origin" in request.headers:
        raise web.HTTPForbidden(text="not for web pages")


def _bad(text: str) -> web.HTTPBadRequest:
    return web.HTTPBadRequest(text=text)


def _json(value: object) -> web.Response:
    return web.Response(body=_encoder.encode(value), content_type="application/json")
