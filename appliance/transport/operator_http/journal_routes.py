"""Looking back: trades, the account's worth over time, the journal's entries with their proofs."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

from litestar import get
from litestar.params import FromPath, FromQuery, QueryParameter
from msgspec import Meta

from appliance.transport import operator_wire as wire
from appliance.transport.looking_back import CheckpointView, EntryView, EquityView, LinesView, TradesView
from appliance.transport.operator_http.signed_in import VIEWER, Asked

KindAsked = Annotated[str | None, QueryParameter(min_length=1, max_length=64)]
TextAsked = Annotated[str, QueryParameter(max_length=200)]
Moment = Annotated[datetime, Meta(tz=True)]
PointsAsked = Annotated[int, QueryParameter(ge=4, le=2000)]


@get("/api/trades/history", opt=VIEWER)
async def trades_history(
    asking: Asked,
    symbol: FromQuery[wire.SymbolName | None] = None,
    limit: FromQuery[wire.PageSize] = 50,
    before: FromQuery[wire.Place | None] = None,
) -> TradesView:
    """Every fill, the newest first."""
    return await asking.one(wire.ListTrades(symbol=symbol, limit=limit, before=before), TradesView)


@get("/api/equity", opt=VIEWER)
async def equity(asking: Asked, since: FromQuery[Moment | None] = None, points: PointsAsked = 500) -> EquityView:
    """What the account was worth over time, and how far below its peak; a week of it where nothing else is asked."""
    return await asking.one(wire.ShowEquity(since=since, points=points), EquityView)


@get("/api/journal", opt=VIEWER)
async def journal(
    asking: Asked,
    before: FromQuery[wire.EntryNumber | None] = None,
    limit: FromQuery[wire.PageSize] = 50,
    kind: KindAsked = None,
    text: TextAsked = "",
) -> LinesView:
    """Entries in one line each, the newest first."""
    return await asking.one(wire.SearchJournal(before=before, limit=limit, kind=kind, text=text), LinesView)


@get("/api/journal/checkpoint", opt=VIEWER)
async def checkpoint(asking: Asked) -> CheckpointView:
    """The newest signed checkpoint, and the public key."""
    return await asking.one(wire.ShowCheckpoint(), CheckpointView)


@get("/api/journal/{seq:int}", opt=VIEWER)
async def entry(asking: Asked, seq: FromPath[wire.EntryNumber]) -> EntryView:
    """One entry with its proof."""
    return await asking.one(wire.ShowEntry(seq=seq), EntryView)


ROUTES = (trades_history, equity, journal, checkpoint, entry)
