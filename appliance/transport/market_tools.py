"""Tools that look at the market, and that hand in ticks."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal

from msgspec import Struct
from readytrader_sdk.instruments import Symbol
from readytrader_sdk.market import Candle, Quote

from appliance.domain.agents import AgentScope
from appliance.domain.codes import Code
from appliance.marketdata.feed import FeedHealth
from appliance.marketdata.values import TAKEN, MarketView, Priority, SourceInfo, SourceStatus, Verdict
from appliance.service.outcomes import Refused, refuse
from appliance.transport import tool_arguments as arguments
from appliance.transport.amounts import InvalidArgument, amount_from_text, amount_text, number_from_text, number_text
from appliance.transport.tool import Caller
from appliance.transport.tool_results import Answer, View, units_of


class PriceAnswer(Answer, frozen=True, kw_only=True):
    """A quote. `trusted` says whether the caller could trade on it now."""

    symbol: str
    trusted: bool
    bid: str
    ask: str
    last: str | None = None
    observed_at: datetime
    age_s: str
    source: str
    agreeing: tuple[str, ...] = ()
    disagreeing: tuple[str, ...] = ()


class CandlesAnswer(Answer, frozen=True, kw_only=True):
    """Rows of opened_at, open, high, low, close, volume, oldest first. Not trusted: handed in by an agent."""

    symbol: str
    source: str | None = None
    trusted: bool = False
    timeframe: str
    price_unit: str
    volume_unit: str
    candles: tuple[tuple[datetime, str, str, str, str, str], ...]


class IngestAnswer(Answer, frozen=True, kw_only=True):
    """`admissible` says whether other agents may trade on it; the caller itself never does."""

    accepted: int
    verdicts: dict[str, int]
    source: str
    admissible: bool


class SourceView(View, frozen=True, kw_only=True):
    """`state` is where a source of the operator's is in its life; `refusals` counts refused ticks by reason."""

    name: str
    trusted: bool
    state: str | None = None
    restarts: int | None = None
    accepted: int
    refused: int
    refusals: dict[str, int]
    last_tick_at: datetime | None = None


class SymbolView(View, frozen=True, kw_only=True):
    symbol: str
    trusted: bool
    problem: str | None = None
    age_s: str | None = None
    source: str | None = None


class MarketdataAnswer(Answer, frozen=True, kw_only=True):
    now: datetime
    symbols: tuple[SymbolView, ...]
    sources: tuple[SourceView, ...]


class _Feed(Struct, frozen=True, kw_only=True):
    source: str
    admissible: bool


async def get_crypto_price(caller: Caller, asked: arguments.GetCryptoPrice) -> Answer | Refused:
    symbol = Symbol(asked.symbol)
    if symbol not in caller.core.state.instruments:
        return unknown_instrument(symbol)
    now = caller.core.clock()
    trusted = caller.core.bus.view(symbol, now, for_agent=caller.principal.agent_id, execution=True)
    if trusted.quote is not None:
        return _price(trusted, trusted.quote, trusted=True)
    shown = caller.core.bus.view(symbol, now, for_agent=None, execution=False)
    if shown.quote is None:
        return refuse(Code.QUOTE_MISSING, f"no source has quoted {symbol} yet")
    return _price(shown, shown.quote, trusted=False)


def _price(view: MarketView, quote: Quote, *, trusted: bool) -> PriceAnswer:
    unit = units_of(view.symbol)[1]
    return PriceAnswer(
        ok=True,
        symbol=view.symbol,
        trusted=trusted,
        bid=amount_text(quote.bid, unit),
        ask=amount_text(quote.ask, unit),
        last=None if quote.last is None else amount_text(quote.last, unit),
        observed_at=quote.observed_at,
        age_s=seconds_text(view.age or timedelta(0)),
        source=view.source or "",
        agreeing=view.sources,
        disagreeing=view.outliers,
    )


async def fetch_ohlcv(caller: Caller, asked: arguments.FetchOhlcv) -> Answer | Refused:
    symbol = Symbol(asked.symbol)
    if symbol not in caller.core.state.instruments:
        return unknown_instrument(symbol)
    try:
        source = caller.core.bus.candle_source(symbol, asked.timeframe)
        candles = caller.core.bus.candles(symbol, asked.timeframe, asked.limit)
    except ValueError as fault:
        raise InvalidArgument(str(fault)) from None
    base, quote = units_of(symbol)
    return CandlesAnswer(
        ok=True,
        symbol=symbol,
        timeframe=asked.timeframe,
        source=None if source is None else source.name,
        trusted=source is not None and source.supplier is None,
        price_unit=quote,
        volume_unit=base,
        candles=tuple(_row(candle) for candle in candles),
    )


def _row(candle: Candle) -> tuple[datetime, str, str, str, str, str]:
    prices = (candle.open, candle.high, candle.low, candle.close)
    first, high, low, close = map(number_text, prices)
    return candle.opened_at, first, high, low, close, number_text(candle.volume)


async def ingest_ticker(caller: Caller, asked: arguments.IngestTicker) -> Answer | Refused:
    unit = units_of(asked.symbol)[1]
    quote = Quote(
        symbol=Symbol(asked.symbol),
        bid=amount_from_text(asked.bid, unit, "bid"),
        ask=amount_from_text(asked.ask, unit, "ask"),
        last=None if asked.last is None else amount_from_text(asked.last, unit, "last"),
        observed_at=_instant(asked.timestamp_ms),
    )
    feed = _feed(caller, timedelta(seconds=asked.ttl_sec))
    return _ingested(feed, [caller.core.bus.publish(feed.source, quote, caller.core.clock())])


async def ingest_ohlcv(caller: Caller, asked: arguments.IngestOhlcv) -> Answer | Refused:
    candles = [_candle(asked, given, f"candles[{position}]") for position, given in enumerate(asked.candles)]
    feed, now = _feed(caller, None), caller.core.clock()
    return _ingested(feed, [caller.core.bus.publish(feed.source, candle, now) for candle in candles])


def _candle(asked: arguments.IngestOhlcv, given: arguments.CandleArgument, place: str) -> Candle:
    return Candle(
        symbol=Symbol(asked.symbol),
        timeframe=asked.timeframe,
        opened_at=_instant(given.timestamp_ms),
        open=number_from_text(given.open, f"{place}.open"),
        high=number_from_text(given.high, f"{place}.high"),
        low=number_from_text(given.low, f"{place}.low"),
        close=number_from_text(given.close, f"{place}.close"),
        volume=number_from_text(given.volume, f"{place}.volume"),
    )


def _feed(caller: Caller, quote_age_max: timedelta | None) -> _Feed:
    """The caller's own source. It may shorten the life of its quotes, never lengthen it."""
    agent_id, admissible = caller.principal.agent_id, AgentScope.FEED in caller.principal.scopes
    longest = caller.core.limits.quote_age_max
    info = SourceInfo(
        name=f"ingest:{agent_id}",
        priority=Priority.INGEST,
        admissible=admissible,
        supplier=agent_id,
        quote_age_max=longest if quote_age_max is None else min(quote_age_max, longest),
    )
    try:
        caller.core.bus.register(info)
    except ValueError as fault:
        raise InvalidArgument(str(fault)) from None
    return _Feed(source=info.name, admissible=admissible)


def _ingested(feed: _Feed, verdicts: list[Verdict]) -> IngestAnswer:
    counts = {str(verdict): verdicts.count(verdict) for verdict in dict.fromkeys(verdicts)}
    accepted = counts.get(Verdict.ACCEPTED, 0)
    return IngestAnswer(
        ok=accepted > 0, accepted=accepted, verdicts=counts, source=feed.source, admissible=feed.admissible
    )


async def get_marketdata_status(caller: Caller, _asked: arguments.Arguments) -> Answer | Refused:
    core, now = caller.core, caller.core.clock()
    views = [
        core.bus.view(symbol, now, for_agent=caller.principal.agent_id, execution=True)
        for symbol in core.state.instruments
    ]
    health = {feed.source: feed for feed in core.feeds.health()}
    return MarketdataAnswer(
        ok=True,
        now=now,
        symbols=tuple(_symbol(view) for view in views),
        sources=tuple(_source(status, health.get(status.info.name)) for status in core.bus.statuses()),
    )


def _symbol(view: MarketView) -> SymbolView:
    return SymbolView(
        symbol=view.symbol,
        trusted=view.quote is not None,
        problem=view.problem,
        age_s=None if view.age is None else seconds_text(view.age),
        source=view.source,
    )


def _source(status: SourceStatus, health: FeedHealth | None) -> SourceView:
    return SourceView(
        name=status.info.name,
        trusted=status.info.admissible,
        state=None if health is None else health.state,
        restarts=None if health is None else health.restarts,
        refusals={str(verdict): count for verdict, count in status.verdicts.items() if verdict not in TAKEN},
        accepted=status.accepted,
        refused=status.refused,
        last_tick_at=status.last_tick_at,
    )


def unknown_instrument(symbol: str) -> Refused:
    """The refusal of a symbol that is not traded here."""
    return refuse(Code.INSTRUMENT_UNKNOWN, f"no instrument {symbol!r}", observed=symbol)


def _instant(milliseconds: int) -> datetime:
    return datetime.fromtimestamp(0, UTC) + timedelta(milliseconds=milliseconds)


def seconds_text(age: timedelta) -> str:
    """An age in seconds, to the millisecond."""
    return number_text(Decimal(age // timedelta(milliseconds=1)) / 1000)
