"""Orders, trades and balances as Binance writes them, in answers and in the user data stream.

https://developers.binance.com/docs/binance-spot-api-docs/rest-api and .../user-data-stream.
"""

from __future__ import annotations

from appliance.local_exchange.binance_names import amount, state_of, type_of
from appliance.local_exchange.values import Event, EventKind, VenueFill, VenueOrder

Shape = dict[str, object]
NO_LIST = -1
EXECUTIONS = {
    EventKind.ACCEPTED: "NEW",
    EventKind.AMENDED: "REPLACED",
    EventKind.FILL: "TRADE",
    EventKind.CANCELLED: "CANCELED",
    EventKind.EXPIRED: "EXPIRED",
}


def order_acknowledged(order: VenueOrder, name: str) -> Shape:
    """The answer `ACK`."""
    return {
        "symbol": name,
        "orderId": order.order_id,
        "orderListId": NO_LIST,
        "clientOrderId": order.request.client_order_id or "",
        "transactTime": order.created_ms,
    }


def order_result(order: VenueOrder, name: str) -> Shape:
    """The answer `RESULT`."""
    return order_acknowledged(order, name) | _terms(order) | {"workingTime": order.created_ms}


def order_full(order: VenueOrder, name: str) -> Shape:
    """The answer `FULL`."""
    return order_result(order, name) | {
        "fills": [
            {
                "price": amount(fill.price),
                "qty": amount(fill.quantity),
                "commission": amount(fill.fee),
                "commissionAsset": fill.fee_asset,
                "tradeId": fill.trade_id,
            }
            for fill in order.fills
        ]
    }


def order_queried(order: VenueOrder, name: str) -> Shape:
    """The answer to a query."""
    shape = order_acknowledged(order, name) | _terms(order)
    del shape["transactTime"]
    return shape | {
        "stopPrice": amount(order.request.stop_price),
        "icebergQty": "0.00000000",
        "time": order.created_ms,
        "updateTime": order.updated_ms,
        "isWorking": order.is_working,
        "workingTime": order.created_ms,
    }


def order_cancelled(order: VenueOrder, name: str, cancel_id: str) -> Shape:
    """The answer to a cancellation, which has a client ID of its own."""
    return {
        "symbol": name,
        "origClientOrderId": order.request.client_order_id or "",
        "orderId": order.order_id,
        "orderListId": NO_LIST,
        "clientOrderId": cancel_id,
        "transactTime": order.updated_ms,
        **_terms(order),
    }


def _terms(order: VenueOrder) -> Shape:
    request = order.request
    shape: Shape = {
        "price": amount(request.limit_price),
        "origQty": amount(request.quantity),
        "executedQty": amount(order.filled),
        "origQuoteOrderQty": amount(request.quote_quantity),
        "cummulativeQuoteQty": amount(order.quote_filled),
        "status": state_of(order),
        "timeInForce": request.time_in_force.upper(),
        "type": type_of(request),
        "side": request.side.upper(),
        "selfTradePreventionMode": "EXPIRE_MAKER",
    }
    if request.stop_price is not None:
        shape["stopPrice"] = amount(request.stop_price)
    return shape


def own_trade(fill: VenueFill, name: str) -> Shape:
    """One of the account's trades."""
    return {
        "symbol": name,
        "id": fill.trade_id,
        "orderId": fill.order_id,
        "orderListId": NO_LIST,
        "price": amount(fill.price),
        "qty": amount(fill.quantity),
        "quoteQty": amount(fill.notional),
        "commission": amount(fill.fee),
        "commissionAsset": fill.fee_asset,
        "time": fill.at_ms,
        "isBuyer": fill.side == "buy",
        "isMaker": fill.is_maker,
        "isBestMatch": True,
    }


def account_event(event: Event, name: str, cancel_id: str) -> Shape:
    """`executionReport`, or `outboundAccountPosition` for balances."""
    order = event.order
    if order is None:
        return {
            "e": "outboundAccountPosition",
            "E": event.at_ms,
            "u": event.at_ms,
            "B": [
                {"a": item.asset, "f": amount(item.free), "l": amount(item.total - item.free)}
                for item in event.balances
            ],
        }
    request, fill = order.request, event.fill
    own_id = request.client_order_id or ""
    is_cancelled = event.kind is EventKind.CANCELLED
    return {
        "e": "executionReport",
        "E": event.at_ms,
        "s": name,
        "c": cancel_id if is_cancelled else own_id,
        "S": request.side.upper(),
        "o": type_of(request),
        "f": request.time_in_force.upper(),
        "q": amount(request.quantity),
        "p": amount(request.limit_price),
        "P": amount(request.stop_price),
        "F": "0.00000000",
        "g": NO_LIST,
        "C": own_id if is_cancelled else (event.previous_client_order_id or ""),
        "x": EXECUTIONS[event.kind],
        "X": state_of(order),
        "r": "NONE",
        "i": order.order_id,
        "l": amount(fill.quantity if fill else None),
        "z": amount(order.filled),
        "L": amount(fill.price if fill else None),
        "n": amount(fill.fee) if fill else "0",
        "N": fill.fee_asset if fill else None,
        "T": event.at_ms,
        "t": fill.trade_id if fill else -1,
        "I": order.order_id * 2,
        "w": order.is_open and order.is_working,
        "m": fill.is_maker if fill else False,
        "M": False,
        "O": order.created_ms,
        "Z": amount(order.quote_filled),
        "Y": amount(fill.notional if fill else None),
        "Q": amount(request.quote_quantity),
        "W": order.created_ms,
        "V": "EXPIRE_MAKER",
    }
