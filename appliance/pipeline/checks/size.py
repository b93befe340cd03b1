"""How large one request may be (R04, R05, R28)."""

from __future__ import annotations

from decimal import Decimal

from readytrader_sdk.money import ONE, ZERO

from appliance.domain.codes import Code
from appliance.domain.intents import OrderIntent, TransferIntent
from appliance.pipeline.case import Case, Ceiling, Level


def quantity_cap(case: Case) -> Ceiling | None:
    """A cap per asset in its own units, whatever the request calls it: order, swap or transfer."""
    caps, sizing = case.limits.quantity_order_max, case.sizing
    if sizing is None or not caps:
        return None
    instrument = case.snapshot.instrument
    asset = sizing.pay_asset if isinstance(case.intent, TransferIntent) or instrument is None else instrument.base
    cap = caps.get(asset)
    if cap is None:
        return None
    name = f"quantity {asset}"
    level = Level(Code.QUANTITY_ABOVE_MAX, name, "quantity_order_max", used=ZERO, limit=cap, unit=asset)
    return Ceiling(level, ONE, "the quantity")


def notional_cap(case: Case) -> Ceiling | None:
    """A cap on price × quantity at the worst price, for every kind of request."""
    return _notional(case, "notional of an order", "notional_order_max", case.limits.notional_order_max)


def notional_cex_cap(case: Case) -> Ceiling | None:
    """A cap of its own for orders on exchanges."""
    if not isinstance(case.intent, OrderIntent):
        return None
    return _notional(case, "notional at an exchange", "notional_cex_order_max", case.limits.notional_cex_order_max)


def _notional(case: Case, name: str, setting: str, cap: Decimal | None) -> Ceiling | None:
    if cap is None or case.sizing is None:
        return None
    level = Level(Code.NOTIONAL_ABOVE_MAX, name, setting, used=ZERO, limit=cap, unit=case.limits.accounting_asset)
    return Ceiling(level, case.sizing.value_per_unit, "the order's notional at its worst price")


def balance(case: Case) -> Ceiling | None:
    """What it can take at worst, fees included, must be free: everything in flight is already taken."""
    sizing, account = case.sizing, case.snapshot.account
    if sizing is None:
        return None
    asset = sizing.pay_asset
    level = Level(
        Code.BALANCE_INSUFFICIENT,
        f"balance {asset}",
        "",
        used=account.reserved.get(asset, ZERO),
        limit=account.holding.get(asset, ZERO),
        unit=asset,
    )
    return Ceiling(level, sizing.pay_per_unit, "what this takes, with all that is in flight,")
