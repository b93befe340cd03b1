"""Run by an interpreter with python-kraken-sdk and nothing of ours: trade, and print what was seen."""

import asyncio
import json
import sys
import urllib.request

from kraken.spot import Market, SpotOrderBookClient, SpotWSClient, Trade, User

PATIENCE_S = 20
BOOK_UPDATES = 5


def over_rest(where):
    """Read, place, amend, find and cancel."""
    credentials = {"key": where["key"], "secret": where["secret"], "url": where["url"]}
    market, trade, user = Market(url=where["url"]), Trade(**credentials), User(**credentials)
    placed = trade.create_order(
        ordertype="limit", side="buy", pair="XBTUSDT", volume=0.5, price=59000, cl_ord_id="over-rest"
    )
    txid = placed["txid"][0]
    trade.amend_order(txid=txid, order_qty="0.4", limit_price="59100.5")
    found = user.get_open_orders()["open"][txid]
    cancelled = trade.cancel_order(txid=txid)
    bought = trade.create_order(ordertype="market", side="buy", pair="XXBTZUSD", volume=0.25)["txid"][0]
    return {
        "pairs": sorted(market.get_asset_pairs()),
        "ask": market.get_ticker(pair="XBTUSDT")["XBTUSDT"]["a"][0],
        "amended": [found["vol"], found["descr"]["price"], found["cl_ord_id"]],
        "cancelled": cancelled["count"],
        "closed": user.get_closed_orders()["closed"][txid]["status"],
        "bought": user.get_orders_info(txid=bought)[bought]["status"],
        "trades": [fill["vol"] for fill in user.get_trades_history()["trades"].values()],
        "balance": user.get_balances()["XXBT"]["balance"],
        "switch": trade.cancel_all_orders_after_x(timeout=0)["triggerTime"],
    }


async def over_websocket(where):
    """Follow the executions, place and cancel, until told that the order is gone."""
    seen, done = [], asyncio.Event()

    async def listen(message):
        if message.get("channel") == "executions":
            seen.extend(entry["exec_type"] for entry in message["data"])
            if "canceled" in seen:
                done.set()
        if message.get("method") == "subscribe":
            order = {"order_type": "limit", "side": "buy", "symbol": "BTC/USDT", "order_qty": 0.1}
            terms = {**order, "limit_price": 58000.5, "cl_ord_id": "socket"}
            await client.send_message({"method": "add_order", "params": terms})
        if message.get("method") == "add_order":
            wanted = {"order_id": [message["result"]["order_id"]]}
            await client.send_message({"method": "cancel_order", "params": wanted})

    addresses = {"rest_url": where["url"], "ws_url": where["socket"], "auth_ws_url": where["socket"]}
    client = SpotWSClient(key=where["key"], secret=where["secret"], callback=listen, **addresses)
    await client.start()
    await client.subscribe(params={"channel": "executions"})
    await asyncio.wait_for(done.wait(), PATIENCE_S)
    await client.close()
    return seen


def tell_exchange(where, what, **body):
    """Use the exchange's own controls."""
    asked = urllib.request.Request(f"{where['url']}/local/{what}", data=json.dumps(body).encode())
    urllib.request.urlopen(asked, timeout=5).close()


def move_market(where, step):
    """Show another quote."""
    bid, ask = f"{59990 - step}.5", f"{60010 + step}.1"
    tell_exchange(where, "quote", symbol="BTC/USD", bid=bid, ask=ask, bid_size="0.75")


async def follow_book(where):
    """Keep the book by its updates; the client itself checks each one's checksum, and misses one of a gap."""
    Market.URL, SpotOrderBookClient.WS_URL = where["url"], where["socket"]
    updates, faults, changed = [], [], asyncio.Event()

    async def listen(pair, message):
        (faults if "error" in message else updates).append(message)
        changed.set()

    client = SpotOrderBookClient(depth=10, callback=listen)
    await client.start()
    await client.add_book(pairs=["BTC/USD"])
    for step in range(BOOK_UPDATES):
        await asyncio.wait_for(changed.wait(), PATIENCE_S)
        changed.clear()
        await asyncio.to_thread(move_market, where, step)
    while len(updates) <= BOOK_UPDATES:
        await asyncio.wait_for(changed.wait(), PATIENCE_S)
        changed.clear()
    best = next(iter(client.get("BTC/USD")["bid"]))
    found = {"updates": len(updates), "faults": len(faults), "best": best}
    await asyncio.to_thread(tell_exchange, where, "faults", fault="sequence_gap", times=1)
    for step in (BOOK_UPDATES, BOOK_UPDATES + 1):
        await asyncio.to_thread(move_market, where, step)
    while not faults:
        await asyncio.wait_for(changed.wait(), PATIENCE_S)
        changed.clear()
    await client.close()
    return {**found, "gap": faults[0]["error"]}


async def main(where):
    answers = {
        "rest": await asyncio.to_thread(over_rest, where),
        "executions": await over_websocket(where),
        "book": await follow_book(where),
    }
    sys.stdout.write(json.dumps(answers))


asyncio.run(main(json.loads(sys.argv[1])))
