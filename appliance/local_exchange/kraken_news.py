"""An account's news on Kraken's websocket: the channels `executions` and `balances`.

An order is told in full once, as `pending_new`; what follows names it by its IDs alone, as the venue does. Every trade
is a message of its own, and the message after the last one says `filled`.
Source: docs.kraken.com, Executions and Balances of the Spot Websocket API v2.
"""

from __future__ import annotations

from collections.abc import Iterable
from decimal import Decimal

from readytrader_sdk.money import EXACT, ZERO
from readytrader_sdk.orders import Balance, OrderState

from appliance.local_exchange.kraken_book import rfc3339
from appliance.local_exchange.kraken_names import Pair, order_txid, trade_txid
from appliance.local_exchange.kraken_shapes import (
    TYPE_NAMES,
    average_price,
    end_text,
    fee_of,
    is_expired,
    time_in_force_of,
)
from appliance.local_exchange.values import Event, EventKind, VenueFill, VenueOrder

Entry = dict[str, object]

_STATUSES = {
    OrderState.OPEN: "new",
    OrderState.PARTLY_FILLED: "partially_filled",
    OrderState.FILLED: "filled",
}


def execution_entries(event: Event, pair: Pair) -> tuple[Entry, ...]:
    """The messages that this event is told in, one entry each."""
    order = event.order
    if order is None:
        return ()
    match event.kind:
        case EventKind.ACCEPTED:
            return (_terms(order, pair, "pending_new"), _word(order, event.at_ms, "new", "new"))
        case EventKind.FILL if event.fill is not None:
            trade = trade_entry(event.fill, order)
            is_last = order.state is OrderState.FILLED
            return (trade, _total(order, pair, event.at_ms, "filled")) if is_last else (trade,)
        case EventKind.AMENDED:
            return (_amended(order, event.at_ms),)
        case EventKind.CANCELLED | EventKind.EXPIRED:
            return (_ended(order, pair, event.at_ms),)
        case _:
            return ()


def order_snapshot(orders: Iterable[tuple[VenueOrder, Pair]]) -> list[Entry]:
    """The open orders of the account, in full."""
    return [
        _terms(order, pair, _status(order))
        | {"exec_type": "new", "cum_qty": order.filled, "avg_price": average_price(order, pair.price_decimals)}
        for order, pair in orders
    ]


def trade_entry(fill: VenueFill, order: VenueOrder) -> Entry:
    """One trade."""
    return {
        "order_id": order_txid(fill.order_id),
        **_client_ids(order),
        "exec_id": trade_txid(fill.trade_id),
        "exec_type": "trade",
        "trade_id": fill.trade_id,
        "symbol": fill.symbol,
        "side": fill.side.value,
        "last_qty": fill.quantity,
        "last_price": fill.price,
        "liquidity_ind": "m" if fill.is_maker else "t",
        "cost": fill.notional,
        "order_status": _status(order),
        "order_type": TYPE_NAMES[order.request.order_type],
        "timestamp": rfc3339(fill.at_ms),
        "fee_usd_equiv": fill.fee,
        "fees": [{"asset": fill.fee_asset, "qty": fill.fee}],
    }


class BalanceView:
    """One subscriber's balances: what it was told last, so that an update can say by how much each one moved."""

    def __init__(self) -> None:
        self._told: dict[str, Decimal] = {}
        self._entries = 0

    def snapshot(self, balances: Iterable[Balance]) -> list[Entry]:
        """All balances. What open orders have locked is part of them."""
        entries: list[Entry] = []
        for balance in balances:
            self._told[balance.asset] = balance.total
            wallet = {"type": "spot", "id": "main", "balance": balance.total}
            entries.append(
                {
                    "asset": balance.asset,
                    "asset_class": "currency",
                    "balance": balance.total,
                    "wallets": [wallet],
                }
            )
        return entries

    def update(self, event: Event) -> list[Entry]:
        """One entry of the account's ledger for each balance that moved."""
        entries: list[Entry] = []
        for balance in event.balances:
            amount = EXACT.subtract(balance.total, self._told.get(balance.asset, ZERO))
            if not amount:
                continue
            self._told[balance.asset] = balance.total
            self._entries += 1
            entries.append(
                {
                    "ledger_id": f"L{self._entries:05d}-LOCAL-LEDGER",
                    "ref_id": f"T{self._entries:05d}-LOCAL-LEDGER",
                    "timestamp": rfc3339(event.at_ms),
                    "type": "trade",
                    "asset": balance.asset,
                    "asset_class": "currency",
                    "category": "trade",
                    "wallet_type": "spot",
                    "wallet_id": "main",
                    "amount": amount,
                    "fee": ZERO,
                    "balance": balance.total,
                }
            )
        return entries


def _terms(order: VenueOrder, pair: Pair, status: str) -> Entry:
    request = order.request
    entry: Entry = {
        "order_id": order_txid(order.order_id),
        "symbol": pair.symbol,
        "order_qty": request.quantity,
        "cum_cost": order.quote_filled,
        "time_in_force": time_in_force_of(request),
        "exec_type": status,
        "side": request.side.value,
        "order_type": TYPE_NAMES[request.order_type],
        **_client_ids(order),
        "limit_price_type": "static",
        "stop_price": request.stop_price or ZERO,
        "order_status": status,
        "fee_usd_equiv": fee_of(order),
        "fee_ccy_pref": "fciq",
        "timestamp": rfc3339(order.created_ms),
    }
    if request.limit_price is not None:
        entry["limit_price"] = request.limit_price
    if request.post_only:
        entry["post_only"] = True
    return entry


def _word(order: VenueOrder, at_ms: int, status: str, exec_type: str) -> Entry:
    return {
        "timestamp": rfc3339(at_ms),
        "order_status": status,
        "exec_type": exec_type,
        **_client_ids(order),
        "order_id": order_txid(order.order_id),
    }


def _total(order: VenueOrder, pair: Pair, at_ms: int, status: str) -> Entry:
    return _word(order, at_ms, status, status) | {
        "cum_qty": order.filled,
        "cum_cost": order.quote_filled,
        "fee_usd_equiv": fee_of(order),
        "avg_price": average_price(order, pair.price_decimals),
    }


def _ended(order: VenueOrder, pair: Pair, at_ms: int) -> Entry:
    status = "expired" if is_expired(order) else "canceled"
    reason = end_text(order)
    return _total(order, pair, at_ms, status) | {"cancel_reason": reason, "reason": reason}


def _amended(order: VenueOrder, at_ms: int) -> Entry:
    return _word(order, at_ms, _status(order), "amended") | {
        "cum_qty": order.filled,
        "reason": "User requested",
        "amended": True,
        "order_qty": order.request.quantity,
        "limit_price": order.request.limit_price,
        "limit_price_type": "static",
    }


def _status(order: VenueOrder) -> str:
    return _STATUSES.get(order.state, "canceled")


def _client_ids(order: VenueOrder) -> Entry:
    """`order_userref` is there, as 0, even when nobody gave one; unless the order has a client order ID."""
    if order.request.client_order_id is not None:
        return {"cl_ord_id": order.request.client_order_id}
    return {"order_userref": order.request.reference or 0}
