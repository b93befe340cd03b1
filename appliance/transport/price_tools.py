"""Tools that tell one quote with all that is known of it, or many."""

from __future__ import annotations

from readytrader_sdk.instruments import Symbol

from appliance.domain.codes import Code
from appliance.service.outcomes import Refused, refuse
from appliance.transport import tool_arguments as arguments
from appliance.transport.amounts import amount_text
from appliance.transport.market_tools import seconds_text, unknown_instrument
from appliance.transport.tool import Caller
from appliance.transport.tool_results import Answer, View, units_of


class TickerView(View, frozen=True, kw_only=True):
    """A quote, or what is wrong with it. `trusted` says whether the caller could trade on it now."""

    symbol: str
    trusted: bool
    problem: str | None = None
    bid: str | None = None
    ask: str | None = None
    bid_size: str | None = None
    ask_size: str | None = None
    last: str | None = None
    age_s: str | None = None
    source: str | None = None


class TickerAnswer(Answer, frozen=True, kw_only=True):
    ticker: TickerView


class PricesAnswer(Answer, frozen=True, kw_only=True):
    """In the order asked for."""

    prices: tuple[TickerView, ...]


async def get_ticker(caller: Caller, asked: arguments.GetTicker) -> Answer | Refused:
    symbol = Symbol(asked.symbol)
    if symbol not in caller.core.state.instruments:
        return unknown_instrument(symbol)
    ticker = _ticker(caller, symbol)
    if ticker.bid is None:
        return refuse(Code.QUOTE_MISSING, f"no source has quoted {symbol} yet")
    return TickerAnswer(ok=True, ticker=ticker)


async def get_multiple_prices(caller: Caller, asked: arguments.GetMultiplePrices) -> Answer | Refused:
    symbols = [Symbol(symbol) for symbol in asked.symbols]
    for symbol in symbols:
        if symbol not in caller.core.state.instruments:
            return unknown_instrument(symbol)
    return PricesAnswer(ok=True, prices=tuple(_ticker(caller, symbol) for symbol in symbols))


def _ticker(caller: Caller, symbol: Symbol) -> TickerView:
    """What the caller may trade on; where there is nothing, what there is to look at, and why it is not trusted."""
    bus, now = caller.core.bus, caller.core.clock()
    trusted = bus.view(symbol, now, for_agent=caller.principal.agent_id, execution=True)
    shown = trusted if trusted.quote is not None else bus.view(symbol, now, for_agent=None, execution=False)
    quote, (base, unit) = shown.quote, units_of(symbol)
    if quote is None:
        return TickerView(symbol=symbol, trusted=False, problem=trusted.problem)
    return TickerView(
        symbol=symbol,
        trusted=shown is trusted,
        problem=trusted.problem,
        bid=amount_text(quote.bid, unit),
        ask=amount_text(quote.ask, unit),
        bid_size=None if quote.bid_size is None else amount_text(quote.bid_size, base),
        ask_size=None if quote.ask_size is None else amount_text(quote.ask_size, base),
        last=None if quote.last is None else amount_text(quote.last, unit),
        age_s=None if shown.age is None else seconds_text(shown.age),
        source=shown.source,
    )
