"""Judges a life from its journal file alone, with no code of the appliance: SQLite, JSON and decimals.

What the core believes of itself plays no part here. Every rule is one that somebody with the file could state:
who was permitted what, what came of it, what that makes of every balance, and whether any limit was ever passed.
"""

from __future__ import annotations

import json
import sqlite3
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

TERMINAL = {"filled", "cancelled", "expired", "rejected", "absent"}
ZERO = Decimal(0)
Json = dict[str, Any]


class Violation(AssertionError):
    """A promise was broken; the message says which, and by what."""


def require(condition: bool, text: str) -> None:
    if not condition:
        raise Violation(text)


@dataclass
class SeenOrder:
    """One order as its entries tell it."""

    payload: Json
    terms: Json
    replaces: str | None
    state: str = "permitted"
    filled: Decimal = ZERO
    fills: set[str] = field(default_factory=set)

    @property
    def live(self) -> bool:
        return self.state not in TERMINAL

    @property
    def share_left(self) -> Decimal:
        quantity = Decimal(self.payload["quantity"])
        return (quantity - self.filled) / quantity if self.live else ZERO


POSITION_MAX = "limits.position_max_pct"


class Checker:
    """Reads entries in order and raises `Violation` at the first broken promise."""

    def __init__(self, position_max_pct: Decimal) -> None:
        self.position_max_pct = position_max_pct
        """As it stands in the configuration, until an entry says that a person changed it."""
        self.loosenings: dict[str, Json] = {}
        self.orders: dict[str, SeenOrder] = {}
        self.balances: dict[str, Decimal] = defaultdict(lambda: ZERO)
        self.proposals: dict[str, str] = {}
        self.keys: dict[tuple[str, str], str] = {}
        self.scopes: dict[str, str] = {}
        self.now = datetime.min.replace(tzinfo=UTC)

    def read(self, entries: Iterable[tuple[str, str, Json]]) -> None:
        for kind, at, body in entries:
            self.now = datetime.fromisoformat(at)
            handler = getattr(self, "on_" + kind.replace(".", "_"), None)
            if handler is not None:
                handler(body)

    # requests

    def on_order_permitted(self, body: Json) -> None:
        request, permitted = body["request"], body["permitted"]
        order_id = permitted["payload"]["client_order_id"]
        require(order_id not in self.orders, f"{order_id} was permitted twice")
        require(order_id == request["request_id"] == permitted["permit"]["request_id"], f"{order_id}: IDs differ")
        require(self.scopes.get("global") not in ("halted", "cancel_only"), f"{order_id}: permitted while stopped")
        if self.scopes.get("global") == "reduce_only":
            require(permitted["terms"]["reduces"], f"{order_id}: an entry was permitted in reduce_only")
        self._bind(request)
        self._consume_approval(order_id, body["snapshot"].get("approval"))
        self.orders[order_id] = SeenOrder(
            payload=permitted["payload"], terms=permitted["terms"], replaces=permitted["permit"].get("replaces")
        )
        self._require_covered(order_id)
        if permitted["payload"]["side"] == "buy":
            self._require_position(order_id, body["snapshot"]["market"])

    def on_proposal_made(self, body: Json) -> None:
        request = body["request"]
        require(request["request_id"] not in self.proposals, "a proposal was made twice")
        self.proposals[request["request_id"]] = "pending"
        self._bind(request)

    def on_proposal_decided(self, body: Json) -> None:
        before = self.proposals.get(body["request_id"])
        require(before == "pending", f"proposal {body['request_id']} was decided while {before}")
        self.proposals[body["request_id"]] = body["state"]

    def on_trading_state_set(self, body: Json) -> None:
        scope_state = body["scope_state"]
        self.scopes[scope_state["scope"]] = scope_state["state"]

    def _bind(self, request: Json) -> None:
        key = request.get("idempotency_key")
        if key is not None:
            bound = self.keys.setdefault((request["agent_id"], key), request["request_id"])
            require(bound == request["request_id"], f"key {key} stands for two requests")

    def _consume_approval(self, order_id: str, approval: Json | None) -> None:
        if order_id in self.proposals:
            require(approval is not None, f"{order_id}: proposed, and carried out without an approval")
            require(self.proposals[order_id] == "approved", f"{order_id}: {self.proposals[order_id]}, and carried out")
            self.proposals[order_id] = "consumed"
        else:
            require(approval is None, f"{order_id}: an approval without a proposal")

    # what persons made of the limits

    def on_limit_loosening_asked(self, body: Json) -> None:
        self.loosenings[body["change"]["change_id"]] = body["change"]

    def on_limit_change_ended(self, body: Json) -> None:
        self.loosenings.pop(body["change_id"], None)

    def on_limit_set(self, body: Json) -> None:
        change = body["change"]
        require(change["setting"] == POSITION_MAX, f"{change['setting']} was changed by nobody")
        value = Decimal(change["value"])
        if change["tightens"]:
            require(value < self.position_max_pct, f"tightened from {self.position_max_pct} to {value}")
        else:
            asked = self.loosenings.pop(change["change_id"], None)
            require(asked is not None, f"loosened to {value}, and nobody waited for it")
            require(datetime.fromisoformat(change["due_at"]) <= self.now, f"loosened to {value} at {self.now}: early")
        self.position_max_pct = value

    # limits, by our own sums

    def _live(self, without: str | None) -> list[SeenOrder]:
        return [order for order_id, order in self.orders.items() if order.live and order_id != without]

    def _require_covered(self, order_id: str) -> None:
        """What is held covers the worst of everything in flight, this one included."""
        asset, taken = self.orders[order_id].terms["pay"]["asset"], ZERO
        for order in self._live(self.orders[order_id].replaces):
            if order.terms["pay"]["asset"] == asset:
                taken += Decimal(order.terms["pay"]["value"]) * order.share_left
        require(taken <= self.balances[asset], f"{order_id}: {taken} {asset} in flight of {self.balances[asset]}")

    def _require_position(self, order_id: str, market: Json) -> None:
        mid = (Decimal(market["bid"]) + Decimal(market["ask"])) / 2
        value = self.balances["BTC"] * mid
        for order in self._live(self.orders[order_id].replaces):
            if order.payload["side"] == "buy" and order is not self.orders[order_id]:
                value += Decimal(order.payload["quantity"]) * order.share_left * mid
        value += Decimal(self.orders[order_id].terms["notional"])
        equity = self.balances["USDT"] + self.balances["BTC"] * mid
        limit = equity * self.position_max_pct / 100
        require(value <= limit, f"{order_id}: a position of {value} where {limit} is the limit")

    # what became of them

    def on_order_reported(self, body: Json) -> None:
        report = body["report"]
        order_id, state = report["client_order_id"], report["state"]
        order = self.orders.get(order_id)
        require(order is not None, f"a report on {order_id}, which was never permitted")
        assert order is not None
        fills = [fill for fill in report.get("fills", ()) if fill["fill_id"] not in order.fills]
        if not order.live:
            late = state in ("open", "partly_filled", "unknown")
            require(state == order.state or late, f"{order_id} was {order.state} and became {state}")
            require(not fills, f"{order_id} was {order.state} and was filled again")
            return
        for fill in fills:
            self._book(order_id, order, fill)
        if not (state in ("open", "unknown") and order.state == "partly_filled"):
            order.state = state
        require(order.filled <= Decimal(order.payload["quantity"]), f"{order_id}: more was filled than asked")

    def _book(self, order_id: str, order: SeenOrder, fill: Json) -> None:
        price, quantity, fee = (Decimal(fill[name]) for name in ("price", "quantity", "fee"))
        worst, buys = Decimal(order.payload["price_worst"]), order.payload["side"] == "buy"
        require(price <= worst if buys else price >= worst, f"{order_id}: filled at {price}, beyond {worst}")
        order.fills.add(fill["fill_id"])
        order.filled += quantity
        sign = 1 if buys else -1
        self.balances["BTC"] += sign * quantity
        self.balances["USDT"] -= sign * price * quantity
        self.balances[fill["fee_asset"]] -= fee
        for asset, balance in self.balances.items():
            require(balance >= 0, f"{order_id}: {balance} {asset} left")

    def on_funds_moved(self, body: Json) -> None:
        self.balances[body["asset"]] += Decimal(body["amount"])

    def on_report_refused(self, body: Json) -> None:
        raise Violation(f"the venue said what cannot be true: {body['reason']}")

    def on_drift_found(self, body: Json) -> None:
        raise Violation(f"{body['asset']}: {body['expected']} expected, {body['found']} found")


def entries_of(path: Path) -> list[tuple[str, str, Json]]:
    """Kind, time and body of every entry on disk."""
    connection = sqlite3.connect(f"file:{path}?mode=ro", uri=True)
    try:
        leaves = [json.loads(leaf) for (leaf,) in connection.execute("SELECT leaf FROM entry ORDER BY seq")]
    finally:
        connection.close()
    return [(leaf["kind"], leaf["at"], leaf["body"]) for leaf in leaves]


def records_of(path: Path, kind: str) -> list[Json]:
    """The projection rows of one kind."""
    connection = sqlite3.connect(f"file:{path}?mode=ro", uri=True)
    try:
        return [json.loads(body) for (body,) in connection.execute("SELECT body FROM record WHERE kind = ?", (kind,))]
    finally:
        connection.close()


def check(path: Path, position_max_pct: Decimal = Decimal(100)) -> Checker:
    """Judge the whole journal, and the projection against it."""
    checker = Checker(position_max_pct)
    checker.read(entries_of(path))
    held = {row["asset"]: Decimal(row["total"]) for row in records_of(path, "holding")}
    for asset in held.keys() | checker.balances.keys():
        require(held.get(asset, ZERO) == checker.balances[asset], f"{asset}: the projection holds {held.get(asset)}")
    states = {row["client_order_id"]: row["state"] for row in records_of(path, "order")}
    require(
        states == {order_id: order.state for order_id, order in checker.orders.items()},
        "the projection of the orders is not what their entries say",
    )
    return checker
