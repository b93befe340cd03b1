"""Judges a live life from two files alone: the journal, and the venue's own ledger. No code of the appliance is used.

What the core believes and what the exchange answers play no part here.
0 lost: every order that the venue took is in the journal, permitted before, with the same fills, fees and end.
0 duplicated: no ID was taken twice, no request has two.
0 unexplained: every foreign order, and every balance that trading does not account for, is written down.
"""

from __future__ import annotations

import json
import sqlite3
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path
from typing import Any

ZERO = Decimal(0)
ENDS = {"filled", "cancelled", "expired", "rejected", "absent"}
RANK = {"permitted": 0, "unknown": 1, "open": 2, "partly_filled": 3}
END = 4
"""How far an order has got: a word that comes late takes nothing back."""
NEVER_TAKEN = {"rejected", "absent"}
Json = dict[str, Any]
Naming = Callable[[str], str]
"""From a client order ID on the wire to the journal's, where it can be one of ours."""


class Violation(AssertionError):
    """A promise was broken; the message says which, and by what."""


def require(condition: bool, text: str) -> None:
    if not condition:
        raise Violation(text)


@dataclass
class Traded:
    """One order as one of the two tells it."""

    state: str
    side: str
    quantity: Decimal
    fills: dict[str, tuple[Decimal, Decimal, Decimal, str]] = field(default_factory=dict)
    """Price, quantity, fee and its asset, by the venue's number of the trade."""

    @property
    def live(self) -> bool:
        return self.state not in ENDS

    @property
    def filled(self) -> Decimal:
        return sum((quantity for _, quantity, _, _ in self.fills.values()), ZERO)


class VenueLedger:
    """What the venue wrote down of one account."""

    def __init__(self, lines: Iterable[Json], account: str, naming: Naming) -> None:
        self.orders: dict[str, Traded] = {}
        """Those that carry an ID, by it in the journal's form."""
        self.others: dict[str, Traded] = {}
        """Those that carry none of ours, by the venue's number."""
        self.deposits: dict[str, Decimal] = defaultdict(lambda: ZERO)
        self._numbers: dict[int, Traded] = {}
        self._naming = naming
        for line in lines:
            handler = getattr(self, f"_{line['kind']}", None)
            if handler is not None and line["account"] == account:
                handler(line)

    def _accepted(self, line: Json) -> None:
        traded = Traded("open", line["side"], Decimal(line["quantity"]))
        given = line["client_order_id"] or ""
        name = self._naming(given)
        self._numbers[line["order_id"]] = traded
        if not name.startswith("rt"):
            self.others[str(line["order_id"])] = traded
            return
        require(name not in self.orders, f"{name}: the venue took it twice")
        self.orders[name] = traded

    def _fill(self, line: Json) -> None:
        traded, number = self._numbers[line["order_id"]], str(line["trade_id"])
        require(number not in traded.fills, f"trade {number} twice in the venue's ledger")
        fee = Decimal(line["fee"]), line["fee_asset"]
        traded.fills[number] = (Decimal(line["price"]), Decimal(line["quantity"]), *fee)
        if traded.live:
            traded.state = "filled" if traded.filled == traded.quantity else "partly_filled"

    def _cancelled(self, line: Json) -> None:
        self._numbers[line["order_id"]].state = "cancelled"

    def _expired(self, line: Json) -> None:
        self._numbers[line["order_id"]].state = "expired"

    def _deposit(self, line: Json) -> None:
        self.deposits[line["asset"]] += Decimal(line["amount"])

    def balances(self) -> dict[str, Decimal]:
        """What the account holds by everything that was written down."""
        held = defaultdict(lambda: ZERO, self.deposits)
        for traded in self._numbers.values():
            for price, quantity, fee, fee_asset in traded.fills.values():
                sign = 1 if traded.side == "buy" else -1
                held["BTC"] += sign * quantity
                held["USDT"] -= sign * price * quantity
                held[fee_asset] -= fee
        return dict(held)


class Journal:
    """What the core wrote down, entry by entry; raises at the first that breaks a rule by itself."""

    def __init__(self, entries: Iterable[tuple[str, Json]]) -> None:
        self.orders: dict[str, Traded] = {}
        self.balances: dict[str, Decimal] = defaultdict(lambda: ZERO)
        self.foreign: set[str] = set()
        self.drifts: set[str] = set()
        self.seen: Counter[str] = Counter()
        self.keys: dict[tuple[str, str], str] = {}
        self.scopes: dict[str, str] = {}
        self.problem: str | None = "not reconciled yet"
        self.taken_back: list[str] = []
        """Orders that were said to be absent, and turned up."""
        for kind, body in entries:
            self.seen[kind] += 1
            handler = getattr(self, "on_" + kind.replace(".", "_"), None)
            if handler is not None:
                handler(body)

    def on_core_started(self, _body: Json) -> None:
        self.problem = "not reconciled yet"

    def on_venue_changed(self, body: Json) -> None:
        self.problem = body["problem"]

    def on_trading_state_set(self, body: Json) -> None:
        stood = body["scope_state"]
        self.scopes[stood["scope"]] = stood["state"]

    def on_order_permitted(self, body: Json) -> None:
        request, payload = body["request"], body["permitted"]["payload"]
        name = payload["client_order_id"]
        require(name not in self.orders, f"{name} was permitted twice")
        require(name == request["request_id"], f"{name}: it is not its request's")
        require(self.problem is None, f"{name}: permitted while the venue was not fit: {self.problem}")
        for scope in ("global", f"venue:{payload['venue']}"):
            stood = self.scopes.get(scope, "active")
            require(stood not in ("halted", "cancel_only"), f"{name}: permitted while {scope} was {stood}")
        key = request.get("idempotency_key")
        if key is not None:
            bound = self.keys.setdefault((request["agent_id"], key), name)
            require(bound == name, f"key {key} stands for {bound} and for {name}")
        self.orders[name] = Traded("permitted", payload["side"], Decimal(payload["quantity"]))
        self._require_covered(name, body)

    def _require_covered(self, name: str, body: Json) -> None:
        """What is held covers the new order by itself. (How reservations add up is the pipeline's own test.)"""
        pay = body["permitted"]["terms"]["pay"]
        held = self.balances[pay["asset"]]
        require(Decimal(pay["value"]) <= held, f"{name}: {pay['value']} {pay['asset']} of {held}")

    def on_order_reported(self, body: Json) -> None:
        report = body["report"]
        name, state = report["client_order_id"], report["state"]
        require(name in self.orders, f"{name}: reported, and never permitted")
        order = self.orders[name]
        for fill in report.get("fills", ()):
            self._book(name, order, fill)
        if order.state == "absent" and state != "absent":
            self.taken_back.append(name)
        if order.state == "absent" or RANK.get(state, END) >= RANK.get(order.state, END):
            order.state = state

    def _book(self, name: str, order: Traded, fill: Json) -> None:
        if fill["fill_id"] in order.fills:
            return
        price, quantity, fee = (Decimal(fill[part]) for part in ("price", "quantity", "fee"))
        order.fills[fill["fill_id"]] = (price, quantity, fee, fill["fee_asset"])
        require(order.filled <= order.quantity, f"{name}: more was filled than asked")
        sign = 1 if order.side == "buy" else -1
        self.balances["BTC"] += sign * quantity
        self.balances["USDT"] -= sign * price * quantity
        self.balances[fill["fee_asset"]] -= fee

    def on_funds_moved(self, body: Json) -> None:
        asset = body["asset"]
        first = body["by"] == "core"
        require(first or asset in self.drifts, f"{asset}: {body['amount']} moved without a drift that was found")
        self.balances[asset] += Decimal(body["amount"])

    def on_drift_found(self, body: Json) -> None:
        self.drifts.add(body["asset"])

    def on_foreign_order_found(self, body: Json) -> None:
        self.foreign.add(body["order"])

    def on_report_refused(self, body: Json) -> None:
        raise Violation(f"the venue said what cannot be true: {body['reason']}")


def entries_of(path: Path) -> list[tuple[str, Json]]:
    """Kind and body of every entry on disk."""
    connection = sqlite3.connect(f"file:{path}?mode=ro", uri=True)
    try:
        leaves = [json.loads(leaf) for (leaf,) in connection.execute("SELECT leaf FROM entry ORDER BY seq")]
    finally:
        connection.close()
    return [(leaf["kind"], leaf["body"]) for leaf in leaves]


def lines_of(path: Path) -> list[Json]:
    """The venue's ledger; a last line that was cut off by a kill was never told."""
    return [json.loads(line) for line in path.read_bytes().split(b"\n")[:-1]]


def as_it_is(wire: str) -> str:
    """The naming of venues that take our IDs as they are."""
    return wire


def check(journal: Path, ledger: Path, account: str, naming: Naming = as_it_is) -> Journal:
    """Judge a life that has come to rest: nothing is under way any more. Raises `Violation`."""
    ours, venue = Journal(entries_of(journal)), VenueLedger(lines_of(ledger), account, naming)
    for name in venue.orders:
        require(name in ours.orders, f"{name}: lost: the venue took it, the journal does not know it")
    for name, order in ours.orders.items():
        _require_same(name, order, venue.orders.get(name))
    for number, foreign in venue.others.items():
        known = f"venue:{number}" in ours.foreign
        require(known or not foreign.live, f"order {number} of nobody here is open, and not written down")
    held = venue.balances()
    for asset in held.keys() | ours.balances.keys():
        expected, found = ours.balances[asset], held.get(asset, ZERO)
        require(expected == found, f"{asset}: the journal says {expected}, the venue {found}")
    return ours


def _require_same(name: str, order: Traded, taken: Traded | None) -> None:
    """One order, as the two tell it."""
    if taken is None:
        require(order.state in NEVER_TAKEN, f"{name}: {order.state}, and the venue never took it")
        return
    require(order.fills == taken.fills, f"{name}: fills {order.fills} in the journal, {taken.fills} at the venue")
    states = {order.state, taken.state}
    ended_short = states <= {"cancelled", "expired"}
    filled_late = taken.state in ("cancelled", "expired") and order.state == "filled" and taken.filled == taken.quantity
    same = len(states) == 1 or ended_short or filled_late
    require(same, f"{name}: {order.state} in the journal, {taken.state} at the venue")


def in_doubt(journal: Path, ledger: Path, account: str, naming: Naming = as_it_is) -> list[str]:
    """For each order that the two do not tell alike at this instant: how it is on disk, and at the venue."""
    ours, venue = Journal(entries_of(journal)), VenueLedger(lines_of(ledger), account, naming)
    points = []
    for name in ours.orders.keys() | venue.orders.keys():
        written, taken = ours.orders.get(name), venue.orders.get(name)
        on_disk = "nothing" if written is None else written.state
        there = "nothing" if taken is None else taken.state
        settled = taken is None and on_disk in NEVER_TAKEN
        fills = len(taken.fills) - len(written.fills) if written is not None and taken is not None else 0
        if on_disk != there and not settled:
            points.append(f"{on_disk} on disk, {there} at the venue")
        elif fills:
            points.append(f"{on_disk} on disk and at the venue, fills missing")
    return points
