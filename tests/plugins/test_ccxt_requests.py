"""The requests of the exchange plugin, against those that the venues' official clients were recorded to send."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec
from msgspec.structs import replace
from readytrader_sdk.errors import Unsupported
from readytrader_sdk.instruments import Symbol
from readytrader_sdk.orders import OrderType, Side, TimeInForce

from builtin_plugins.ccxt_exchange.exchange import CcxtExchange
from builtin_plugins.ccxt_exchange.making import ccxt_exchange
from builtin_plugins.ccxt_exchange.names import wire_id
from builtin_plugins.ccxt_exchange.orders import outgoing
from builtin_plugins.ccxt_exchange.symbols import Market
from tests.plugins.ccxt_ground import OTHER, OURS, context, market, order, raw_market

VECTORS = Path(__file__).parent / "vectors"
VENUES = ("binance", "kraken", "coinbase", "okx", "bybit")
NAMES = {
    "binance": ("BTCUSDT", "BTC/USDT", "0.01"), "kraken": ("XXBTZUSD", "BTC/USD", "0.1"),
    "coinbase": ("BTC-USD", "BTC/USD", "0.01"), "okx": ("BTC-USDT", "BTC/USDT", "0.1"),
    "bybit": ("BTCUSDT", "BTC/USDT", "0.01"),
}  # fmt: skip
NOT_COMPARED = {"timestamp", "signature", "recvWindow", "nonce"}
"""Of the signature; each client signs in its own way, and the local exchange checks ours."""
CLIENTS_DEFAULTS: dict[str, Mapping[str, object]] = {
    "kraken": {
        "stptype": "cancel-newest", "starttm": "0", "validate": False, "reduce_only": False, "closetime": "both",
        "txid": "",
    },
    "okx": {"attachAlgoOrds": []},
}  # fmt: skip
"""What an official client sends although it was not asked to: the documented defaults, and empty values."""
OURS_BESIDE = {("okx", "stop"): {"clOrdId": OURS}}
"""ccxt adds a broker's `clOrdId` and tag to an algo order unless one is given; ours, which the venue does not read."""
ANSWERS: dict[str, Any] = {
    "binance": {"orderId": "1", "status": "NEW", "symbol": "BTCUSDT", "newOrderResponse": {"orderId": "1"},
                "enableWithdrawals": False, "enableSpotAndMarginTrading": True, "ipRestrict": True},
    "kraken": {"error": [], "result": {"txid": ["O1"], "open": {}, "closed": {}, "permissions": []}},
    "coinbase": {"success": True, "success_response": {"order_id": "venue-1"}, "has_next": False,
                 "results": [{"success": True}], "can_trade": True, "can_transfer": False,
                 "orders": [{"order_id": "venue-1", "client_order_id": OURS, "status": "OPEN"}]},
    "okx": {"code": "0", "data": [{"ordId": "1", "algoId": "1", "perm": "trade", "ip": "", "clOrdId": OURS,
                                   "state": "live", "instId": "BTC-USDT", "sz": "0.01", "accFillSz": "0"}]},
    "bybit": {"retCode": 0, "result": {"orderId": "1", "list": [], "permissions": {}, "readOnly": 0}},
}  # fmt: skip


def vectors(venue: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = json.loads((VECTORS / f"{venue}.json").read_text())["requests"]
    return found


def told(url: str, method: str, body: str | None) -> dict[str, Any]:
    """A request as it would leave."""
    parts = urlsplit(url)
    parameters: dict[str, Any] = dict(parse_qsl(parts.query, keep_blank_values=True))
    if body:
        parameters |= json.loads(body) if body.startswith("{") else dict(parse_qsl(body, keep_blank_values=True))
    return {"method": method, "host": parts.netloc, "path": parts.path, "parameters": parameters}


def plain(value: object) -> object:
    """A parameter without what is only the language's: true, `true` and `True` are one, and so are 5 and `5`."""
    if isinstance(value, Mapping):
        return {name: plain(inner) for name, inner in value.items()}
    return [plain(item) for item in value] if isinstance(value, list) else str(value).lower()


class Recorded:
    """The plugin with a pen where ccxt has its HTTP client."""

    def __init__(self, folder: Path, venue: str) -> None:
        secret = "c2VjcmV0"
        if venue == "coinbase":
            pem, kind = serialization.Encoding.PEM, serialization.PrivateFormat.TraditionalOpenSSL
            key = ec.generate_private_key(ec.SECP256R1())
            secret = key.private_bytes(pem, kind, serialization.NoEncryption()).decode()
        passphrase = {"password": "p"} if venue == "okx" else {}
        self.exchange: CcxtExchange = ccxt_exchange(
            context(folder, {"exchange": venue}, api_secret=secret, **passphrase)
        )
        identity, symbol, tick = NAMES[venue]
        base, quote = symbol.split("/")
        precision = {"amount": "0.00001", "price": tick}
        raw = raw_market(id=identity, symbol=symbol, base=base, quote=quote, precision=precision)
        self.market: Market = market(self.exchange.client.api.safe_market_structure(raw))
        self.exchange.client.api.set_markets([raw])
        self.exchange.client._markets = {Symbol(symbol): self.market}
        self.exchange.client.api.enableRateLimit = False
        self.seen: list[dict[str, Any]] = []

        async def fetch(url: str, method: str = "GET", headers: object = None, body: str | None = None) -> object:
            self.seen.append(told(url, method, body))
            answer = ANSWERS[venue]
            if venue == "coinbase" and "start_date" not in url and self.looking:
                return {**answer, "orders": []}
            return answer

        self.looking = False
        self.exchange.client.api.fetch = fetch

    async def do(self, call: str) -> None:
        dialect, can = self.exchange.dialect, self.exchange.can
        wire = wire_id(OURS, can.id_form)
        symbol = self.market.symbol
        price = Decimal("65000.12") if self.market.instrument.price_increment == Decimal("0.01") else Decimal("65000.1")
        usual = order(symbol=symbol, price_worst=price, limit_price=price)
        kinds = {
            "market": replace(usual, order_type=OrderType.MARKET, limit_price=None),
            "limit": usual,
            "post_only": replace(usual, post_only=True),
            "stop": replace(
                usual, side=Side.SELL, order_type=OrderType.STOP, limit_price=None, stop_price=Decimal(60000),
                price_worst=Decimal(59000),
            ),
        }  # fmt: skip
        if call in kinds:
            await dialect.place(self.market, outgoing(kinds[call], self.market, wire, can))
        elif call == "replace":
            other = replace(usual, client_order_id=OTHER)
            await dialect.replace(self.market, wire, outgoing(other, self.market, wire_id(OTHER, can.id_form), can))
        elif call == "query":
            self.looking = True
            await dialect.look(self.market, wire)
        else:
            deeds: dict[str, Callable[[], Any]] = {
                "cancel": lambda: dialect.cancel(self.market, wire),
                "cancel_all": dialect.cancel_all,
                "cancel_all_after": lambda: dialect.cancel_all_after(60),
                "rights": dialect.rights,
            }
            await deeds[call]()


@pytest.mark.parametrize(
    ("venue", "call"), [(venue, call) for venue in VENUES for call in dict.fromkeys(v["call"] for v in vectors(venue))]
)
def test_a_request_is_the_one_that_the_official_client_sends(tmp_path: Path, venue: str, call: str) -> None:
    recorded = Recorded(tmp_path, venue)
    asyncio.run(recorded.do(call))
    expected = [vector for vector in vectors(venue) if vector["call"] == call]
    assert [(one["method"], one["host"], one["path"]) for one in recorded.seen] == [
        (one["method"], one["host"].removeprefix("https://") or one["host"], one["path"]) for one in expected
    ]
    for ours, theirs in zip(recorded.seen, expected, strict=True):
        defaults = CLIENTS_DEFAULTS.get(venue, {})
        wanted = {name: value for name, value in theirs["parameters"].items() if defaults.get(name, ...) != value}
        wanted |= OURS_BESIDE.get((venue, call), {})
        sent = {name: value for name, value in ours["parameters"].items() if name not in NOT_COMPARED}
        if "start_date" in wanted:
            assert sent.pop("start_date")
            del wanted["start_date"]
        assert plain(sent) == plain(wanted)


@pytest.mark.parametrize("venue", VENUES)
def test_every_venue_has_vectors_for_what_every_venue_can(venue: str) -> None:
    assert {"market", "limit", "stop", "cancel", "query", "rights"} <= {vector["call"] for vector in vectors(venue)}


@pytest.mark.parametrize("venue", VENUES)
def test_no_request_carries_a_brokers_name(tmp_path: Path, venue: str) -> None:
    recorded = Recorded(tmp_path, venue)
    asyncio.run(recorded.do("limit"))
    text = json.dumps(recorded.seen).lower()
    assert "x-tkt5px2f" not in text
    assert "6b9ad766b55dbcde" not in text
    assert "ccxt" not in text


def test_a_request_that_does_not_carry_its_id_does_not_leave(tmp_path: Path) -> None:
    """As ccxt's unified `clientOrderId` is dropped at Coinbase: the socket is never reached."""
    exchange = ccxt_exchange(context(tmp_path, {"exchange": "binance"}))

    async def scene() -> None:
        try:
            with pytest.raises(Unsupported, match="without its client order ID"):
                await exchange.client.send("rt" + "0" * 24, lambda: exchange.client.api.fetch("https://127.0.0.1:1/x"))
        finally:
            await exchange.client.api.close()

    asyncio.run(scene())


def test_good_till_a_date_and_fill_or_kill_are_as_documented(tmp_path: Path) -> None:
    recorded = Recorded(tmp_path, "kraken")
    ends = datetime(2027, 1, 1, tzinfo=UTC)
    asked = order(
        symbol=recorded.market.symbol, price_worst=Decimal(65000), limit_price=Decimal(65000),
        time_in_force=TimeInForce.GTD, expires_at=ends,
    )  # fmt: skip
    can = recorded.exchange.can
    asyncio.run(recorded.exchange.dialect.place(recorded.market, outgoing(asked, recorded.market, "x", can)))
    sent = recorded.seen[0]["parameters"]
    assert (sent["timeinforce"], sent["expiretm"]) == ("GTD", str(int(ends.timestamp())))
