"""A venue for tests of the whole program: a server here, and the plugin that trades there from its caged worker.

The program below runs a verb with that plugin among the built-in ones, and with little patience.
"""

from __future__ import annotations

import asyncio
import json
import sys
import threading
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from decimal import Decimal
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.error import URLError
from urllib.request import Request, urlopen

from readytrader_sdk.errors import OutcomeUnknown, Unavailable
from readytrader_sdk.hooks import DataSourceFactory, ExchangeFactory, PluginContext, hookimpl
from readytrader_sdk.instruments import Asset, Instrument, MarketType, Symbol
from readytrader_sdk.market import Quote
from readytrader_sdk.orders import Balance, ClientOrderId, ExecutionReport, OrderRequest, OrderState
from readytrader_sdk.ports import KeyRights

BTC = Symbol("BTC/USDT")
CORE_KEY, WATCHDOG_KEY = "key-of-the-core", "key-of-the-watchdog"
PROGRAM = """\
import sys
from datetime import timedelta
from readytrader_sdk.kinds import Kind
from appliance.plugin_host import catalog
from appliance.plugin_host.wheels.claims import Claims
claims = Claims(api=1, kinds=(Kind.EXCHANGE, Kind.DATA_SOURCE), optional_secrets=("api_key",))
play = catalog.BuiltInPlugin(name="play", module="tests.cli.play_venue", claims=claims)
plugins = {**catalog.built_ins(), "play": play}
catalog.built_ins = lambda: plugins
from appliance import bootstrap
from appliance.service.patience import Patience
some = timedelta(milliseconds=100)
patience = Patience(
    call=timedelta(seconds=2), enquiry_delays=(some,), reconcile_every=some, sweep_delays=(some,),
    outside_look_every=some, outside_check_every=timedelta(seconds=1), notice_pauses=(some,) * 3,
)
bootstrap.build.__defaults__ = (bootstrap.utc_now, None, patience)
bootstrap.run_watchdog.__defaults__ = (patience,)
from appliance.cli.main import run
sys.exit(run())
"""
COMMAND = (sys.executable, "-c", PROGRAM)
TOML = """\
paper_mode = false
live_trading_enabled = true
[watchdog]
after_sec = 5
[allow]
exchanges = ["play"]
symbols = ["BTC/USDT"]
market_types = ["spot"]
tokens = ["BTC", "USDT"]
chains = []
[limits]
notional_order_max = 1000
notional_cex_order_max = 1000
[agent]
http_port = 0
[operator_http]
port = 0
[[source]]
name = "prices"
plugin = "play"
[[exchange]]
name = "play"
plugin = "play"
live = true
private_hosts = ["127.0.0.1:{port}"]
settings = {{url = "http://127.0.0.1:{port}"}}
"""


@dataclass
class PlayVenue:
    """What the server knows, and how it behaves."""

    port: int = 0
    open: dict[str, str] = field(default_factory=dict)
    """By client order ID: the instrument."""
    ended: dict[str, str] = field(default_factory=dict)
    balances: dict[str, str] = field(default_factory=lambda: {"USDT": "100000"})
    cancelled_by: dict[str, str] = field(default_factory=dict)
    """Which key cancelled which order."""
    can_withdraw: bool = False
    swallows: bool = False
    """Takes the next orders without a word, and says of every order that it cannot look now."""

    def answer(self, key: str, method: str, arguments: Mapping[str, str]) -> Any:
        """The answer to one call; None closes the connection without one."""
        order = arguments.get("order", "")
        match method:
            case "place" if not self.swallows:
                self.open[order] = arguments["symbol"]
                return {"state": "open"}
            case "cancel":
                if self.open.get(order) == arguments["symbol"]:
                    del self.open[order]
                    self.ended[order], self.cancelled_by[order] = "cancelled", key
                return {"state": self._state(order)}
            case "find" if not self.swallows:
                return {"state": self._state(order)}
            case "open":
                return list(self.open)
            case "balances":
                return self.balances
            case "rights":
                return {"can_withdraw": self.can_withdraw}
        return None

    def _state(self, order: str) -> str:
        return "open" if order in self.open else self.ended.get(order, "absent")


@contextmanager
def play_venue() -> Iterator[PlayVenue]:
    """A served venue."""
    venue = PlayVenue()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            call = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            answer = venue.answer(call["key"], call["method"], call["arguments"])
            if answer is None:
                return
            body = json.dumps(answer).encode()
            self.send_response(200)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        venue.port = server.server_address[1]
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            yield venue
        finally:
            server.shutdown()
            thread.join()


# --- the plugin, in its worker --------------------------------------------------------------------------------


class PlayExchange:
    """Asks the server."""

    def __init__(self, context: PluginContext) -> None:
        self._url = context.settings["url"]
        self._key = context.secrets.get("api_key", "")

    def _call(self, method: str, **arguments: str) -> Any:
        body = json.dumps({"key": self._key, "method": method, "arguments": arguments}).encode()
        try:
            with urlopen(Request(self._url, data=body), timeout=5) as answer:
                return json.loads(answer.read())
        except (URLError, OSError, ValueError) as error:
            raise Unavailable(type(error).__name__) from error

    def _report(self, order: str, state: str) -> ExecutionReport:
        now = datetime.now(UTC)
        return ExecutionReport(client_order_id=ClientOrderId(order), state=OrderState(state), reported_at=now)

    async def instruments(self) -> Sequence[Instrument]:
        step = Decimal("0.00001")
        return (
            Instrument(
                symbol=BTC, base=Asset("BTC"), quote=Asset("USDT"), price_increment=Decimal("0.01"),
                quantity_increment=step, quantity_min=step, notional_min=Decimal(5), market_type=MarketType.SPOT,
            ),
        )  # fmt: skip

    async def place_order(self, order: OrderRequest) -> ExecutionReport:
        try:
            placed = self._call("place", order=order.client_order_id, symbol=order.symbol)
        except Unavailable as error:
            raise OutcomeUnknown(str(error)) from error
        return self._report(order.client_order_id, placed["state"])

    async def cancel_order(self, client_order_id: ClientOrderId, symbol: Symbol) -> ExecutionReport:
        return self._report(client_order_id, self._call("cancel", order=client_order_id, symbol=symbol)["state"])

    async def find_order(self, client_order_id: ClientOrderId, symbol: Symbol) -> ExecutionReport | None:
        state = self._call("find", order=client_order_id)["state"]
        return None if state == "absent" else self._report(client_order_id, state)

    async def open_orders(self) -> Sequence[ExecutionReport]:
        return [self._report(order, "open") for order in self._call("open")]

    async def balances(self) -> Sequence[Balance]:
        found = self._call("balances").items()
        return [Balance(asset=Asset(asset), total=Decimal(total), free=Decimal(total)) for asset, total in found]

    async def key_rights(self) -> KeyRights:
        return KeyRights(can_trade=True, can_withdraw=self._call("rights")["can_withdraw"])

    async def venue_time(self) -> datetime:
        return datetime.now(UTC)


class PlayPrices:
    """The same price again and again."""

    def __init__(self, context: PluginContext) -> None:
        pass

    def instruments(self) -> Sequence[Instrument]:
        return ()

    async def stream(self) -> AsyncIterator[Quote]:
        while True:
            yield Quote(
                symbol=BTC, bid=Decimal(49995), ask=Decimal(50005), bid_size=Decimal(9), ask_size=Decimal(9),
                observed_at=datetime.now(UTC),
            )  # fmt: skip
            await asyncio.sleep(0.1)


@hookimpl
def register_exchanges() -> Mapping[str, ExchangeFactory]:
    return {"play": PlayExchange}


@hookimpl
def register_data_sources() -> Mapping[str, DataSourceFactory]:
    return {"play": PlayPrices}
