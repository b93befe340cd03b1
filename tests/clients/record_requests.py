"""Run by another interpreter: a venue's official client is asked for each of our deeds; prints the requests it makes.

Nothing leaves: where the client has its HTTP library, there is a pen.
"""

import json
import sys
from urllib.parse import parse_qsl, urlsplit

OURS, OTHER = "rt0123456789abcdef01234567", "rtfedcba987654321001234567"
UUID, OTHER_UUID = "72740012-0123-4567-89ab-cdef01234567", "7274002d-fedc-4a98-b654-321001234567"
BEGUN = "2026-11-01T00:00:00Z"
SIGNING = {"timestamp", "signature", "recvWindow", "nonce"}
seen = []


def note(method, url, body=""):
    parts = urlsplit(url)
    parameters = dict(parse_qsl(parts.query, keep_blank_values=True))
    text = body.decode() if isinstance(body, bytes) else body or ""
    if text.startswith("["):
        parameters["items"] = json.loads(text)
    elif text:
        parameters |= json.loads(text) if text.startswith("{") else dict(parse_qsl(text, keep_blank_values=True))
    return {"method": method, "host": parts.netloc, "path": parts.path, "parameters": parameters}


def stop_requests():
    """A pen in `requests`, which four of the five use."""
    import requests

    def send(_, request, **options):
        seen.append(note(request.method, request.url, request.body))
        answer = requests.Response()
        answer.status_code, answer.url, answer.request = 200, request.url, request
        answer._content = b'{"error": [], "result": {}, "retCode": 0, "retMsg": "OK", "success": true, "results": []}'
        answer.headers["Content-Type"] = "application/json"
        return answer

    requests.Session.send = send


def stop_httpx():
    """The same in `httpx`, which OKX's uses."""
    import httpx

    def send(_, request, **options):
        parameters = note(request.method, str(request.url), request.content)
        parameters["parameters"] = without_empty(parameters["parameters"])
        seen.append(parameters)
        return httpx.Response(200, json={"code": "0", "data": []}, request=request)

    httpx.Client.send = send


def without_empty(value):
    """OKX's client writes an empty text, or nothing, for everything that was not given."""
    if isinstance(value, dict):
        return {name: without_empty(inner) for name, inner in value.items() if inner not in ("", None)}
    return value


def binance():
    from binance.spot import Spot

    client = Spot(api_key="k", api_secret="s")
    order = {"symbol": "BTCUSDT", "quantity": "0.01", "newOrderRespType": "FULL"}
    buy = {**order, "side": "BUY", "price": "65000.12", "newClientOrderId": OURS}
    other = {**buy, "type": "LIMIT", "timeInForce": "GTC", "newClientOrderId": OTHER}
    stop = {**order, "side": "SELL", "price": "59000", "stopPrice": "60000", "newClientOrderId": OURS}
    return {
        "market": lambda: client.new_order(**buy, type="LIMIT", timeInForce="IOC"),
        "limit": lambda: client.new_order(**buy, type="LIMIT", timeInForce="GTC"),
        "post_only": lambda: client.new_order(**buy, type="LIMIT_MAKER"),
        "stop": lambda: client.new_order(**stop, type="STOP_LOSS_LIMIT", timeInForce="GTC"),
        "cancel": lambda: client.cancel_order("BTCUSDT", origClientOrderId=OURS),
        "replace": lambda: client.cancel_and_replace(
            **other, cancelReplaceMode="STOP_ON_FAILURE", cancelOrigClientOrderId=OURS
        ),
        "query": lambda: (
            client.get_order("BTCUSDT", origClientOrderId=OURS),
            client.get_open_orders("BTCUSDT"),
            client.get_orders("BTCUSDT", limit=500),
        ),
        "cancel_all": lambda: (client.get_open_orders(), client.cancel_open_orders("BTCUSDT")),
        "rights": client.api_key_permissions,
    }


def kraken():
    from kraken.spot import Trade, User

    trade, user = Trade(key="k", secret="c2VjcmV0"), User(key="k", secret="c2VjcmV0")
    buy = {"ordertype": "limit", "side": "buy", "pair": "XXBTZUSD", "volume": "0.01", "price": "65000.1"}
    stop = {**buy, "ordertype": "stop-loss-limit", "side": "sell", "price": "60000", "price2": "59000"}
    named = {"cl_ord_id": UUID, "oflags": ["fciq"], "timeinforce": "GTC"}
    return {
        "market": lambda: trade.create_order(**buy, **{**named, "timeinforce": "IOC"}),
        "limit": lambda: trade.create_order(**buy, **named),
        "post_only": lambda: trade.create_order(**buy, **{**named, "oflags": ["fciq", "post"]}),
        "stop": lambda: trade.create_order(**stop, **named),
        "cancel": lambda: trade.cancel_order(cl_ord_id=UUID),
        "replace": lambda: (
            trade.cancel_order(cl_ord_id=UUID),
            trade.create_order(**buy, **{**named, "cl_ord_id": OTHER_UUID}),
        ),
        "query": lambda: (
            user.get_open_orders(cl_ord_id=UUID, trades=True),
            user.get_closed_orders(cl_ord_id=UUID, trades=True),
        ),
        "cancel_all": trade.cancel_all_orders,
        "cancel_all_after": lambda: trade.cancel_all_orders_after_x(60),
        "rights": lambda: user.request("POST", "/0/private/GetApiKeyInfo"),
    }


def coinbase():
    from coinbase.rest import RESTClient
    from cryptography.hazmat.primitives import serialization
    from cryptography.hazmat.primitives.asymmetric import ec

    pem, kind = serialization.Encoding.PEM, serialization.PrivateFormat.TraditionalOpenSSL
    secret = ec.generate_private_key(ec.SECP256R1()).private_bytes(pem, kind, serialization.NoEncryption())
    client = RESTClient(api_key="k", api_secret=secret.decode())
    buy = {"product_id": "BTC-USD", "base_size": "0.01", "limit_price": "65000.12"}
    sell = {**buy, "limit_price": "59000", "stop_price": "60000", "stop_direction": "STOP_DIRECTION_STOP_DOWN"}
    open_ones = {"product_ids": ["BTC-USD"], "order_status": ["OPEN"], "limit": 250}
    since = {"product_ids": ["BTC-USD"], "start_date": BEGUN, "limit": 250}
    return {
        "market": lambda: client.limit_order_ioc_buy(OURS, **buy),
        "limit": lambda: client.limit_order_gtc_buy(OURS, **buy, post_only=False),
        "post_only": lambda: client.limit_order_gtc_buy(OURS, **buy, post_only=True),
        "stop": lambda: client.stop_limit_order_gtc_sell(OURS, **sell),
        "cancel": lambda: (client.list_orders(**open_ones), client.cancel_orders(["venue-1"])),
        "replace": lambda: (
            client.list_orders(**open_ones),
            client.cancel_orders(["venue-1"]),
            client.limit_order_gtc_buy(OTHER, **buy, post_only=False),
        ),
        "query": lambda: (client.list_orders(**open_ones), client.list_orders(**since)),
        "cancel_all": lambda: (client.list_orders(order_status=["OPEN"], limit=250), client.cancel_orders(["venue-1"])),
        "rights": client.get_api_key_permissions,
    }


def okx():
    from okx.Account import AccountAPI
    from okx.Trade import TradeAPI

    signed = {"api_key": "k", "api_secret_key": "s", "passphrase": "p", "flag": "0", "debug": False}
    domain = {"domain": "https://www.okx.com"}
    trade, account = TradeAPI(**signed, **domain), AccountAPI(**signed, **domain)
    terms = {"instId": "BTC-USDT", "tdMode": "cash", "sz": "0.01"}
    buy = {**terms, "side": "buy", "px": "65000.1", "clOrdId": OURS}
    stop = {**terms, "side": "sell", "triggerPx": "60000", "orderPx": "59000", "algoClOrdId": OURS}
    spot = {"instType": "SPOT", "limit": "100"}
    return {
        "market": lambda: trade.place_order(**buy, ordType="ioc"),
        "limit": lambda: trade.place_order(**buy, ordType="limit"),
        "post_only": lambda: trade.place_order(**buy, ordType="post_only"),
        "stop": lambda: trade.place_algo_order(**stop, ordType="trigger"),
        "cancel": lambda: trade.cancel_order("BTC-USDT", clOrdId=OURS),
        "replace": lambda: (
            trade.cancel_order("BTC-USDT", clOrdId=OURS),
            trade.place_order(**{**buy, "clOrdId": OTHER}, ordType="limit"),
        ),
        "query": lambda: (
            trade.get_order("BTC-USDT", clOrdId=OURS),
            trade.get_algo_order_details(algoClOrdId=OURS),
            trade.get_order_list(**spot, instId="BTC-USDT"),
            trade.get_orders_history(**spot, instId="BTC-USDT"),
            trade.get_orders_history_archive(**spot, instId="BTC-USDT"),
        ),
        "cancel_all": lambda: (
            trade.get_order_list(**spot),
            trade.cancel_multiple_orders([{"instId": "BTC-USDT", "ordId": "1"}]),
            trade.order_algos_list(**spot, ordType="trigger"),
            trade.cancel_algo_order([{"instId": "BTC-USDT", "algoId": "1"}]),
        ),
        # It has no method of its own for this path, which its constants do not name.
        "cancel_all_after": lambda: trade._request_with_params(
            "POST", "/api/v5/trade/cancel-all-after", {"timeOut": "60"}
        ),
        "rights": account.get_account_config,
    }


def bybit():
    from pybit.unified_trading import HTTP

    client = HTTP(api_key="k", api_secret="s")
    terms = {"category": "spot", "symbol": "BTCUSDT", "orderType": "Limit", "qty": "0.01"}
    buy = {**terms, "side": "Buy", "price": "65000.12", "timeInForce": "GTC", "orderLinkId": OURS}
    stop = {**terms, "side": "Sell", "price": "59000", "timeInForce": "GTC", "orderLinkId": OURS}
    named = {"category": "spot", "symbol": "BTCUSDT", "orderLinkId": OURS}
    return {
        "market": lambda: client.place_order(**{**buy, "timeInForce": "IOC"}),
        "limit": lambda: client.place_order(**buy),
        "post_only": lambda: client.place_order(**{**buy, "timeInForce": "PostOnly"}),
        "stop": lambda: client.place_order(**stop, triggerPrice="60000", orderFilter="StopOrder"),
        "cancel": lambda: client.cancel_order(**named),
        "replace": lambda: (client.cancel_order(**named), client.place_order(**{**buy, "orderLinkId": OTHER})),
        "query": lambda: (
            client.get_open_orders(**named, limit="50"),
            client.get_order_history(**named, limit="50"),
        ),
        "cancel_all": lambda: client.cancel_all_orders(category="spot"),
        "rights": client.get_api_key_information,
    }


def recorded(venue):
    """Every request of each deed."""
    (stop_httpx if venue == "okx" else stop_requests)()
    found = []
    for call, deed in {"binance": binance, "kraken": kraken, "coinbase": coinbase, "okx": okx, "bybit": bybit}[
        venue
    ]().items():
        seen.clear()
        deed()
        for request in seen:
            sent = {name: value for name, value in request["parameters"].items() if name not in SIGNING}
            if "start_date" in sent:
                sent["start_date"] = "*"
            found.append({"call": call, **request, "parameters": sent})
    return found


sys.stdout.write(json.dumps(recorded(sys.argv[1])))
