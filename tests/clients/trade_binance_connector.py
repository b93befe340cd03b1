"""Run by another interpreter: Binance's own connector trades at the address given, and prints what came of it."""

import json
import sys
import time

from binance.error import ClientError
from binance.spot import Spot
from binance.websocket.spot.websocket_stream import SpotWebsocketStreamClient

url, key, secret = sys.argv[1:]
client = Spot(api_key=key, api_secret=secret, base_url=url)
told = []
listen_key = client.new_listen_key()["listenKey"]
socket = SpotWebsocketStreamClient(
    stream_url=url.replace("http", "ws", 1), on_message=lambda _, text: told.append(json.loads(text))
)
socket.user_data(listen_key=listen_key, id=7)
until = time.monotonic() + 10
while not any(message.get("id") == 7 for message in told) and time.monotonic() < until:
    time.sleep(0.01)
terms = {"symbol": "BTCUSDT", "side": "BUY", "type": "LIMIT", "timeInForce": "GTC", "quantity": "0.01"}
placed = client.new_order(**terms, price="50000", newClientOrderId="connector-1")
found = client.get_order("BTCUSDT", origClientOrderId="connector-1")
cancelled = client.cancel_order("BTCUSDT", origClientOrderId="connector-1")
market = client.new_order(symbol="BTCUSDT", side="BUY", type="MARKET", quantity="0.01", newOrderRespType="FULL")
try:
    Spot(api_key=key, api_secret="wrong", base_url=url).account()
    refused = None
except ClientError as error:
    refused = error.error_code
while sum(message.get("e") == "executionReport" for message in told) < 4 and time.monotonic() < until:
    time.sleep(0.01)
socket.stop()
sys.stdout.write(
    json.dumps(
        {
            "symbols": [item["symbol"] for item in client.exchange_info()["symbols"]],
            "placed": placed["status"],
            "found": found["clientOrderId"],
            "cancelled": cancelled["status"],
            "market": [market["status"], market["fills"][0]["price"]],
            "trades": len(client.my_trades("BTCUSDT")),
            "refused": refused,
            "depth": client.depth("BTCUSDT")["bids"],
            "told": [message["x"] for message in told if message.get("e") == "executionReport"],
        }
    )
)
