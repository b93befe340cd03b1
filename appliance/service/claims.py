"""What everything in flight may still take and bring in: the worst case that each new request is measured on top of."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from decimal import Decimal

from msgspec import Struct
from readytrader_sdk.instruments import Asset
from readytrader_sdk.orders import ClientOrderId

from appliance.domain.decision import Amount
from appliance.domain.orders import Order, account_of


class Claim(Struct, frozen=True, kw_only=True):
    """One order that may still happen; of an order and its replacement, which never both do, the worse of the two."""

    account: str
    pays: Amount
    brings: Amount | None
    """What it brings into the market; None where that is cash."""
    notional: Decimal
    """Of the rest of it, in the accounting asset."""


def claims_of(
    live: Mapping[ClientOrderId, Order], cash: frozenset[Asset], ended: ClientOrderId | None
) -> Iterator[Claim]:
    """The claims of all live orders but `ended`, which the request under examination would take the place of."""
    counted: dict[ClientOrderId, Claim] = {}
    for client_order_id, order in live.items():
        if client_order_id == ended:
            continue
        first, claim = _first_of(order, live, ended), _claim(order, cash)
        counted[first] = _worse(counted[first], claim) if first in counted else claim
    yield from counted.values()


def _first_of(order: Order, live: Mapping[ClientOrderId, Order], ended: ClientOrderId | None) -> ClientOrderId:
    """The live order at the start of a line of replacements: of all in the line, one at most is ever open."""
    while order.replaces is not None and order.replaces in live and order.replaces != ended:
        order = live[order.replaces]
    return order.client_order_id


def _claim(order: Order, cash: frozenset[Asset]) -> Claim:
    receives = order.terms.receive
    brings = None
    if receives is not None and receives.asset not in cash:
        brings = Amount(value=_for_the_rest(order, receives.value), asset=receives.asset)
    return Claim(
        account=account_of(order),
        pays=order.reserved,
        brings=brings,
        notional=_for_the_rest(order, order.terms.notional),
    )


def _worse(one: Claim, other: Claim) -> Claim:
    """The larger figure of each kind. A replacement is in the same instrument, at the same venue and side."""
    return Claim(
        account=one.account,
        pays=max(one.pays, other.pays, key=_value),
        brings=max(one.brings, other.brings, key=_value) if one.brings and other.brings else one.brings or other.brings,
        notional=max(one.notional, other.notional),
    )


def _value(amount: Amount) -> Decimal:
    return amount.value


def _for_the_rest(order: Order, whole: Decimal) -> Decimal:
    """The part of a figure of the whole order that belongs to what has not been filled."""
    return whole if not order.filled_quantity else whole * order.remaining_quantity / order.quantity
