"""Verbs that only look back: trades, the account's worth, entries of the journal and their proofs."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import msgspec
from msgspec import Struct
from readytrader_sdk.instruments import Symbol

from appliance.domain.series import EquityPoint
from appliance.service.archive import Line, Shown, Told
from appliance.service.core import Core
from appliance.service.daily import drawdown_pct
from appliance.service.journal_words import summary_of
from appliance.transport import operator_wire as wire
from appliance.transport.amounts import amount_text, number_text
from appliance.transport.foreign_text import printable
from appliance.transport.tool_results import View, units_of

EQUITY_SINCE = timedelta(days=7)
EQUITY_SINCE_MAX = timedelta(days=400)


class TradeView(View, frozen=True, kw_only=True):
    """One fill. `entry` is the number of the journal's entry that proves it."""

    entry: int
    at: datetime
    filled_at: datetime
    """By the venue's clock."""
    order_id: str
    fill_id: str
    agent: str
    account: str
    venue: str
    symbol: str
    side: str
    quantity: str
    price: str
    notional: str
    fee: str
    liquidity: str


class TradesView(View, frozen=True, kw_only=True, omit_defaults=False):
    trades: tuple[TradeView, ...]
    next: str | None
    """The `before` of the next page; null at the end."""


class EquityPointView(View, frozen=True, kw_only=True):
    at: datetime
    equity: str
    nav: str
    drawdown_pct: str
    """Below the peak that the drawdown limit measures from."""


class EquityView(View, frozen=True, kw_only=True, omit_defaults=False):
    points: tuple[EquityPointView, ...]


class LineView(View, frozen=True, kw_only=True):
    """An entry in one line. Parts of `summary` may come from agents and venues: untrusted text."""

    seq: int
    at: str
    kind: str
    summary: str


class LinesView(View, frozen=True, kw_only=True, omit_defaults=False):
    entries: tuple[LineView, ...]
    next: int | None
    """The `before` of the next page; null once the first entry was looked at. A page may be empty and have one."""


class EntryView(View, frozen=True, kw_only=True):
    """An entry with all that is needed to check it by the public key alone."""

    seq: int
    at: str
    kind: str
    summary: str
    entry: dict[str, Any]
    """As JSON; its text may come from agents and venues: untrusted."""
    stored: str
    """The very bytes that are hashed, as text."""
    proof: str
    """A C2SP tlog-proof: `readytrader audit check-proof`."""
    checkpoint: str
    verified: bool


class CheckpointView(View, frozen=True, kw_only=True):
    """The newest signed checkpoint (C2SP), and the public key that it can be checked with."""

    checkpoint: str
    vkey: str


async def look_back(core: Core, verb: wire.LookBackVerb) -> Struct:
    """Answer one verb. Raises `NoSuchPlace`, whose message is the operator's answer."""
    archive = core.archive
    match verb:
        case wire.ListTrades(symbol=symbol, limit=limit, before=before):
            found, after = archive.trades(None if symbol is None else Symbol(symbol), limit, before)
            return TradesView(trades=tuple(map(trade_view, found)), next=after)
        case wire.ShowEquity(since=since, points=points):
            now = core.clock()
            since = max(since or now - EQUITY_SINCE, now - EQUITY_SINCE_MAX)
            asset = core.portfolio.accounting_asset
            return EquityView(points=tuple(_point_view(it, asset) for it in await archive.equity(since, points)))
        case wire.SearchJournal(kind=kind, text=text, limit=limit, before=before):
            lines, below = await archive.search(kind, text, limit, before)
            return LinesView(entries=tuple(map(_line_view, lines)), next=below)
        case wire.ShowEntry(seq=seq):
            return _entry_view(await archive.entry(seq))
        case wire.ShowCheckpoint():
            return CheckpointView(checkpoint=archive.checkpoint(), vkey=archive.sealer.verifier.vkey)


def trade_view(told: Told) -> TradeView:
    """A fill as an operator sees it."""
    trade, fill = told.trade, told.trade.fill
    base, quote = units_of(Symbol(trade.symbol))
    return TradeView(
        entry=told.seq,
        at=told.at,
        filled_at=fill.filled_at,
        order_id=trade.client_order_id,
        fill_id=printable(fill.fill_id, 100),
        agent=trade.agent_id,
        account=trade.account,
        venue=trade.venue,
        symbol=trade.symbol,
        side=trade.side,
        quantity=amount_text(fill.quantity, base),
        price=amount_text(fill.price, quote),
        notional=amount_text(fill.price * fill.quantity, quote),
        fee=amount_text(fill.fee, fill.fee_asset),
        liquidity=fill.liquidity,
    )


def _point_view(point: EquityPoint, asset: str) -> EquityPointView:
    return EquityPointView(
        at=point.at,
        equity=amount_text(point.equity, asset),
        nav=number_text(point.nav),
        drawdown_pct=number_text(drawdown_pct(point)),
    )


def _line_view(line: Line) -> LineView:
    return LineView(seq=line.seq, at=line.at, kind=line.kind, summary=line.summary)


def _entry_view(shown: Shown) -> EntryView:
    leaf = shown.leaf
    return EntryView(
        seq=leaf.seq,
        at=leaf.at,
        kind=leaf.kind,
        summary=summary_of(leaf),
        entry=msgspec.json.decode(shown.stored),
        stored=shown.stored,
        proof=shown.proof,
        checkpoint=shown.checkpoint,
        verified=shown.verified,
    )
