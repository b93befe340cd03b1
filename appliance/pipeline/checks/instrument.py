"""What is traded, and whether the request is well formed for it (R01, R03, R22, R41)."""

from __future__ import annotations

from collections.abc import Collection

from readytrader_sdk.instruments import Instrument, InstrumentStatus
from readytrader_sdk.money import is_multiple
from readytrader_sdk.orders import OrderType, TimeInForce

from appliance.domain.codes import Code
from appliance.domain.decision import Denial
from appliance.domain.intents import OrderIntent, SwapIntent, TransferIntent
from appliance.pipeline.case import Case, deny, figure
from appliance.pipeline.terms import price_least


def instrument_known(case: Case) -> Denial | None:
    """An order needs an instrument whose rules are known; nothing is inferred from a name."""
    intent, instrument = case.intent, case.snapshot.instrument
    if isinstance(intent, TransferIntent):
        return None
    if instrument is not None and _is_meant(intent, instrument):
        return None
    asked = intent.symbol if isinstance(intent, OrderIntent) else f"{intent.from_asset} to {intent.to_asset}"
    return deny(Code.INSTRUMENT_UNKNOWN, f"no instrument is known for {asked}", observed=asked)


def _is_meant(intent: OrderIntent | SwapIntent, instrument: Instrument) -> bool:
    if isinstance(intent, OrderIntent):
        return intent.symbol == instrument.symbol
    pair = (intent.from_asset, intent.to_asset)
    return pair in ((instrument.base, instrument.quote), (instrument.quote, instrument.base))


def instrument_trading(case: Case) -> Denial | None:
    """A halted or delisted instrument is not traded."""
    instrument = case.snapshot.instrument
    if instrument is None or instrument.status is InstrumentStatus.TRADING:
        return None
    return deny(
        Code.INSTRUMENT_NOT_TRADING,
        f"{instrument.symbol} is {instrument.status}",
        observed=instrument.status,
        limit=InstrumentStatus.TRADING,
    )


def market_type(case: Case) -> Denial | None:
    """Spot and perpetual are never taken for one another, and only listed types are traded."""
    intent, instrument = case.intent, case.snapshot.instrument
    if not isinstance(intent, OrderIntent) or instrument is None:
        return None
    if intent.market_type is not instrument.market_type:
        return deny(
            Code.MARKET_TYPE_NOT_ALLOWED,
            f"{instrument.symbol} is {instrument.market_type}, not {intent.market_type}",
            observed=intent.market_type,
            limit=instrument.market_type,
        )
    return _listed(Code.MARKET_TYPE_NOT_ALLOWED, "market type", intent.market_type, case.limits.allow_market_types)


def exchange_allowed(case: Case) -> Denial | None:
    """Only exchanges on the operator's list."""
    if not isinstance(case.intent, OrderIntent):
        return None
    return _listed(Code.EXCHANGE_NOT_ALLOWED, "exchange", case.intent.venue, case.limits.allow_exchanges)


def symbol_allowed(case: Case) -> Denial | None:
    """Only symbols on the operator's list."""
    if case.snapshot.instrument is None:
        return None
    return _listed(Code.SYMBOL_NOT_ALLOWED, "symbol", case.snapshot.instrument.symbol, case.limits.allow_symbols)


def tokens_allowed(case: Case) -> Denial | None:
    """Every asset of the request must be on the operator's list."""
    intent, instrument = case.intent, case.snapshot.instrument
    if isinstance(intent, TransferIntent):
        assets: tuple[str, ...] = (intent.asset,)
    elif isinstance(intent, SwapIntent):
        assets = (intent.from_asset, intent.to_asset)
    elif instrument is not None:
        assets = (instrument.base, instrument.quote)
    else:
        return None
    denials = (_listed(Code.TOKEN_NOT_ALLOWED, "token", asset, case.limits.allow_tokens) for asset in assets)
    return next((denial for denial in denials if denial), None)


def chain_allowed(case: Case) -> Denial | None:
    """Only chains on the operator's list."""
    if isinstance(case.intent, OrderIntent):
        return None
    return _listed(Code.CHAIN_NOT_ALLOWED, "chain", case.intent.chain, case.limits.allow_chains)


def _listed(code: Code, what: str, seen: str, allowed: Collection[str] | None) -> Denial | None:
    if allowed is None or seen in allowed:
        return None
    return deny(code, f"{what} {seen} is not on the list", observed=seen, limit=", ".join(sorted(allowed)) or "none")


def quantity(case: Case) -> Denial | None:
    """Positive, at least the venue's minimum, and a whole number of increments."""
    intent, instrument, sizing = case.intent, case.snapshot.instrument, case.sizing
    if isinstance(intent, TransferIntent):
        return None if intent.amount > 0 else _bad_quantity("not above 0", intent.amount, 0, intent.asset)
    if instrument is None:
        return None
    if isinstance(intent, OrderIntent):
        asked = intent.quantity
    elif sizing is None:
        return None
    else:
        asked = sizing.quantity
    if asked <= 0 or asked < instrument.quantity_min:
        return _bad_quantity("below the minimum", asked, instrument.quantity_min, instrument.base)
    if not is_multiple(asked, instrument.quantity_increment):
        return _bad_quantity("not a multiple of the increment", asked, instrument.quantity_increment, instrument.base)
    return None


def _bad_quantity(fault: str, observed: object, limit: object, unit: str) -> Denial:
    return deny(
        Code.QUANTITY_INVALID, f"quantity {figure(observed)} {unit} is {fault} {figure(limit)}", observed, limit, unit
    )


def prices(case: Case) -> Denial | None:
    """Each order type has exactly the prices it needs, positive and on the increment."""
    intent, instrument = case.intent, case.snapshot.instrument
    if not isinstance(intent, OrderIntent) or instrument is None:
        return None
    wants_limit = intent.order_type in (OrderType.LIMIT, OrderType.STOP_LIMIT)
    wants_stop = intent.order_type in (OrderType.STOP, OrderType.STOP_LIMIT)
    for name, price, wanted in (
        ("limit price", intent.limit_price, wants_limit),
        ("stop price", intent.stop_price, wants_stop),
    ):
        if wanted != (price is not None):
            fault = "needs a" if wanted else "takes no"
            return deny(Code.PRICE_INVALID, f"a {intent.order_type} order {fault} {name}", observed=price)
        if price is not None and (price <= 0 or not is_multiple(price, instrument.price_increment)):
            return deny(
                Code.PRICE_INVALID,
                f"{name} {price} is not a positive multiple of {instrument.price_increment}",
                observed=price,
                limit=instrument.price_increment,
                unit=instrument.quote,
            )
    return None


def time_in_force(case: Case) -> Denial | None:
    """A time in force must lie ahead and fit the order type."""
    intent = case.intent
    if not isinstance(intent, OrderIntent):
        return None
    if (intent.time_in_force is TimeInForce.GTD) != (intent.expires_at is not None):
        return deny(Code.TIME_IN_FORCE_INVALID, "gtd needs expires_at, and nothing else takes it")
    if intent.expires_at is not None and intent.expires_at <= case.snapshot.now:
        return deny(Code.TIME_IN_FORCE_INVALID, "expires_at is not in the future", intent.expires_at, case.snapshot.now)
    if intent.post_only and (intent.order_type is not OrderType.LIMIT or intent.time_in_force in _IMMEDIATE):
        return deny(Code.TIME_IN_FORCE_INVALID, "post_only is for limit orders that may rest")
    return None


_IMMEDIATE = frozenset({TimeInForce.IOC, TimeInForce.FOK})


def notional_min(case: Case) -> Denial | None:
    """At the least favourable price the order must still be worth the venue's minimum."""
    intent, instrument, market = case.intent, case.snapshot.instrument, case.snapshot.market
    if isinstance(intent, TransferIntent) or instrument is None or market is None or case.sizing is None:
        return None
    notional = case.sizing.quantity * price_least(intent, market)
    if notional >= instrument.notional_min:
        return None
    return deny(
        Code.NOTIONAL_TOO_SMALL,
        f"the order is worth less than the venue takes in {instrument.symbol}",
        notional,
        instrument.notional_min,
        instrument.quote,
    )
