"""The requests of the exchange plugin, against those that the venues' official clients were recorded to send."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any, cast
from urllib.parse import parse_qsl, urlsplit

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec
from msgspec.structs import replace
from readytrader_sdk.errors import OutcomeUnknown, Unavailable, Unsupported
from readytrader_sdk.instruments import MarketType, Symbol
from readytrader_sdk.orders import OrderState, OrderType, Side, TimeInForce
from readytrader_sdk.ports import AmendPort

from builtin_plugins.ccxt_exchange.capabilities import TABLE, Amend
from builtin_plugins.ccxt_exchange.exchange import CcxtExchange
from builtin_plugins.ccxt_exchange.making import ccxt_exchange
from builtin_plugins.ccxt_exchange.names import IdForm, wire_id
from builtin_plugins.ccxt_exchange.orders import outgoing
from builtin_plugins.ccxt_exchange.symbols import Market
from builtin_plugins.ccxt_exchange.venues import okx
from builtin_plugins.ccxt_exchange.venues.coinbase import PAGES_MAX
from builtin_plugins.ccxt_loading.parents import stand_in
from tests.plugins.ccxt_ground import OTHER, OURS, context, market, order, raw_market

stand_in()
from ccxt.base.errors import OrderNotFound  # noqa: E402 - after the stand-ins, as in a worker

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
        "stptype": "cancel-newest", "starttm": "0", "validate": "False", "reduce_only": "False", "closetime": "both",
    },
    "okx": {"attachAlgoOrds": []},
}  # fmt: skip
"""What an official client sends although it was not asked to: the documented defaults, and empty values."""
OURS_BESIDE = {("okx", "stop"): {"clOrdId": OURS}}
"""ccxt adds a broker's `clOrdId` and tag to an algo order unless one is given; ours, which the venue does not read."""
CANCELLATIONS = ("/CancelOrder", "/trade/cancel-order", "/order/cancel", "/batch_cancel")


def answered(venue: str, path: str, query: str, *, is_open: bool) -> Any:
    """What a venue says of our one order, which is open until it was cancelled, and is found nowhere else."""
    match venue:
        case "binance" if path.endswith("/openOrders"):
            return [{"orderId": "1", "symbol": "BTCUSDT"}]
        case "binance":
            order = {"orderId": "1", "status": "NEW", "symbol": "BTCUSDT"}
            rights = {"enableWithdrawals": False, "enableSpotAndMarginTrading": True, "ipRestrict": True}
            return {**order, **rights, "newOrderResponse": order}
        case "kraken":
            state = "open" if is_open else "canceled"
            ours = {"O1": {"cl_ord_id": wire_id(OURS, IdForm.UUID), "status": state, "vol": "0.01", "vol_exec": "0"}}
            lists = {"open": ours if is_open else {}, "closed": {} if is_open else ours}
            return {"error": [], "result": {"txid": ["O1"], "permissions": [], **lists}}
        case "coinbase":
            told = {"order_id": "venue-1", "client_order_id": OURS, "status": "OPEN" if is_open else "CANCELLED"}
            listed = [told] if is_open or "start_date" in query else []
            deeds = {"success": True, "success_response": {"order_id": "venue-1"}, "results": [{"success": True}]}
            return {**deeds, "has_next": False, "can_trade": True, "can_transfer": False, "orders": listed}
        case "okx":
            told = {"ordId": "1", "algoId": "1", "clOrdId": OURS, "state": "live" if is_open else "canceled"}
            return {"code": "0", "data": [{**told, "instId": "BTC-USDT", "sz": "0.01", "accFillSz": "0", "perm": ""}]}
        case _:
            state = "New" if is_open else "Cancelled"
            told = {"orderId": "1", "orderLinkId": OURS, "symbol": "BTCUSDT", "orderStatus": state, "qty": "0.01"}
            return {"retCode": 0, "result": {"orderId": "1", "list": [told], "permissions": {}, "readOnly": 0}}


def found_nowhere(venue: str, path: str) -> Any:
    """The same of an order that it does not know."""
    if path.endswith(("/api/v3/order", "/trade/order", "/trade/order-algo")):
        raise OrderNotFound(venue)
    if venue == "binance":
        return []
    return {"data": [], "orders": [], "has_next": False, "result": {"open": {}, "closed": {}, "list": []}}


def vectors(venue: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = json.loads((VECTORS / f"{venue}.json").read_text())["requests"]
    return found


def told(url: str, method: str, body: str | None) -> dict[str, Any]:
    """A request as it would leave."""
    parts = urlsplit(url)
    parameters: dict[str, Any] = dict(parse_qsl(parts.query, keep_blank_values=True))
    if body and body.startswith("["):
        parameters["items"] = json.loads(body)
    elif body:
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
            request = told(url, method, body)
            self.seen.append(request)
            if request["path"].endswith(CANCELLATIONS):
                self.is_open = False
            if self.is_nowhere:
                return found_nowhere(venue, request["path"])
            return answered(venue, request["path"], url, is_open=self.is_open)

        self.is_open, self.is_nowhere = True, False
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
            port = cast(AmendPort, self.exchange)
            assert (await port.replace_order(OURS, replace(usual, client_order_id=OTHER))).state is OrderState.OPEN
        elif call == "query":
            self.is_nowhere = True  # so that every list is read
            await dialect.look(self.market, wire)
        else:
            deeds: dict[str, Callable[[], Any]] = {
                "cancel": lambda: dialect.cancel(self.market, wire),
                "cancel_all": dialect.cancel_all,
                "cancel_all_after": lambda: dialect.cancel_all_after(60),
                "rights": dialect.rights,
            }
            await deeds[call]()


def as_ours(venue: str, request: dict[str, Any]) -> dict[str, Any]:
    """A recorded request as we would make it, or one of ours: what is compared of it."""
    defaults = CLIENTS_DEFAULTS.get(venue, {})
    parameters = {name: value for name, value in request["parameters"].items() if defaults.get(name, ...) != value}
    kept = {name: value for name, value in parameters.items() if name not in NOT_COMPARED}
    if "start_date" in kept:
        assert kept["start_date"]
        kept["start_date"] = "*"
    return {**{name: request[name] for name in ("method", "host", "path")}, "parameters": plain(kept)}


def expected(venue: str, call: str) -> list[dict[str, Any]]:
    beside = OURS_BESIDE.get((venue, call), {})
    found = [as_ours(venue, vector) for vector in vectors(venue) if vector["call"] == call]
    return [{**one, "parameters": {**one["parameters"], **beside}} for one in found]


CALLS = [(venue, call) for venue in VENUES for call in dict.fromkeys(v["call"] for v in vectors(venue))]


@pytest.mark.parametrize(("venue", "call"), [one for one in CALLS if one[1] != "replace"])
def test_a_request_is_the_one_that_the_official_client_sends(tmp_path: Path, venue: str, call: str) -> None:
    recorded = Recorded(tmp_path, venue)
    asyncio.run(recorded.do(call))
    assert [as_ours(venue, one) for one in recorded.seen] == expected(venue, call)


@pytest.mark.parametrize("venue", VENUES)
def test_an_order_is_replaced_by_the_requests_of_the_official_client_and_questions_between(
    tmp_path: Path, venue: str
) -> None:
    recorded = Recorded(tmp_path, venue)
    asyncio.run(recorded.do("replace"))
    asked = expected(venue, "query")
    deeds = [request for one in recorded.seen if (request := as_ours(venue, one)) not in asked]
    assert deeds == [one for one in expected(venue, "replace") if one not in asked]


@pytest.mark.parametrize("venue", VENUES)
def test_every_venue_has_vectors_for_what_every_venue_can(venue: str) -> None:
    every = {"market", "limit", "post_only", "stop", "cancel", "cancel_all", "replace", "query", "rights"}
    assert every <= {vector["call"] for vector in vectors(venue)}


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


@pytest.mark.parametrize("pages", [1, 3, PAGES_MAX, PAGES_MAX + 1])
def test_coinbases_list_is_read_to_its_end_or_proves_nothing(tmp_path: Path, pages: int) -> None:
    """The order, in the last page, was placed months ago."""
    recorded = Recorded(tmp_path, "coinbase")
    exchange, asked = recorded.exchange, []

    async def fetch(url: str, method: str = "GET", headers: object = None, body: str | None = None) -> object:
        parameters = told(url, method, body)["parameters"]
        if "start_date" not in parameters:
            return {"orders": [], "has_next": False}
        asked.append(parameters)
        name = OURS if len(asked) == pages else f"other{len(asked)}"
        order = {"order_id": f"v{len(asked)}", "client_order_id": name, "status": "CANCELLED"}
        return {"orders": [order], "has_next": len(asked) < pages, "cursor": f"c{len(asked)}"}

    exchange.client.api.fetch = fetch
    finding = exchange.find_order(OURS, recorded.market.symbol)
    if pages > PAGES_MAX:
        with pytest.raises(Unavailable, match="too many pages"):
            asyncio.run(finding)
    else:
        found = asyncio.run(finding)
        assert found is not None
        assert found.state is OrderState.CANCELLED
    assert [one.get("cursor") for one in asked] == [None, *(f"c{n}" for n in range(1, min(pages, PAGES_MAX)))]
    since = datetime.fromisoformat(asked[0]["start_date"])
    assert since < datetime.now(UTC) - timedelta(days=89)


@pytest.mark.parametrize(
    ("recent", "older", "pages"),
    [
        ([5, 4, 3, 2, 1], [], 3),
        ([4, 3, 2, 1], [], 3),
        ([], [5, 4, 3, 2, 1], 4),
        ([5, 4, 3], [5, 4, 3, 2, 1], 5),
        ([5, 4, 3], [3, 2, 1], 4),
    ],
)
def test_okxs_lists_of_fills_are_read_to_their_ends_until_they_add_up(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, recent: list[int], older: list[int], pages: int
) -> None:
    """Newest first, in pages; the list of fills is of three days, its history of three months."""
    monkeypatch.setattr(okx, "PAGE", 2)
    recorded = Recorded(tmp_path, "okx")
    exchange, number, asked = recorded.exchange, max(recent + older), 0

    async def fetch(url: str, method: str = "GET", headers: object = None, body: str | None = None) -> object:
        nonlocal asked
        request = told(url, method, body)
        parameters = request["parameters"]
        if request["path"].endswith("/trade/order"):
            return {"code": "0", "data": [{
                "instId": "BTC-USDT", "ordId": "v1", "clOrdId": OURS, "state": "filled", "ordType": "limit",
                "side": "buy", "sz": str(number), "accFillSz": str(number), "px": "65000.1",
            }]}  # fmt: skip
        asked += 1
        assert (parameters["ordId"], parameters["limit"]) == ("v1", "2")
        bills = older if request["path"].endswith("/fills-history") else recent
        after = int(parameters.get("after", 99))
        return {"code": "0", "data": [{
            "instId": "BTC-USDT", "ordId": "v1", "tradeId": f"t{bill}", "billId": str(bill), "side": "buy",
            "fillPx": "65000.1", "fillSz": "1", "fee": "-0.001", "feeCcy": "BTC", "ts": f"178000000000{bill}",
        } for bill in bills if bill < after][:2]}  # fmt: skip

    exchange.client.api.fetch = fetch
    found = asyncio.run(exchange.find_order(OURS, recorded.market.symbol))
    assert found is not None
    assert found.state is OrderState.FILLED
    assert sorted(fill.fill_id for fill in found.fills) == [f"t{bill}" for bill in range(1, number + 1)]
    assert asked == pages


@pytest.mark.parametrize("venue", VENUES)
def test_the_table_says_what_the_official_clients_show(venue: str) -> None:
    can = TABLE[venue]
    ours = wire_id(OURS, can.id_form)
    sent = {call: [one["parameters"] for one in vectors(venue) if one["call"] == call] for _, call in CALLS}
    assert [one[can.id_field] for one in sent["limit"]] == [ours]
    assert can.finds_by_id == any(ours in one.values() for one in sent["query"])
    assert (can.amend is Amend.ONE_STEP) == (len(sent["replace"]) == 1)
    assert (MarketType.SPOT in can.dead_man) == bool(sent["cancel_all_after"])
    assert (can.cancel_all is not None, can.key_rights) == (bool(sent["cancel_all"]), bool(sent["rights"]))


@pytest.mark.parametrize(
    ("answer", "code"),
    [
        ({"error": "INSUFFICIENT_FUND"}, "insufficient_funds"),
        (
            {"error": "UNKNOWN_FAILURE_REASON", "preview_failure_reason": "PREVIEW_INSUFFICIENT_FUND"},
            "insufficient_funds",
        ),
        ({"error": "INVALID_LIMIT_PRICE_POST_ONLY"}, "invalid_order"),
        ({"error": "UNSUPPORTED_ORDER_CONFIGURATION"}, "bad_request"),
        ({"error": "UNKNOWN_FAILURE_REASON"}, None),
        ({"error": "DUPLICATE_CLIENT_ORDER_ID"}, None),
        ({}, None),
    ],
)
def test_coinbases_reasons_are_refusals_only_where_they_are_known(
    tmp_path: Path, answer: dict[str, str], code: str | None
) -> None:
    recorded = Recorded(tmp_path, "coinbase")

    async def fetch(url: str, method: str = "GET", headers: object = None, body: str | None = None) -> object:
        return {"success": False, "error_response": answer}

    recorded.exchange.client.api.fetch = fetch
    price = Decimal("65000.12")
    placing = recorded.exchange.place_order(order(symbol=recorded.market.symbol, price_worst=price, limit_price=price))
    if code is None:
        with pytest.raises(OutcomeUnknown):
            asyncio.run(placing)
    else:
        report = asyncio.run(placing)
        assert (report.state, report.reason) == (OrderState.REJECTED, code)
