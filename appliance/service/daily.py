"""What a day was, from its entries in the journal: orders, decisions, fills, gains, worth, and what people did.

A day is from midnight to midnight UTC by the journal's clock. Gains are those of first in, first out, in the accounting
asset; what was acquired on earlier days counts with what it cost then. Paper and real money are never added up: on a
day that had both, fills, fees, gain and worth are those of the mode that the core was started in last.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator
from datetime import date
from decimal import Decimal
from typing import Any

import msgspec
from msgspec import Struct
from readytrader_sdk.money import ZERO, text_from_decimal

from appliance.domain import events
from appliance.domain.events import ProposalState, TradingStateSet
from appliance.domain.orders import LIVE_PORTFOLIO, PAPER_ACCOUNT
from appliance.domain.series import EquityMarked, EquityPoint
from appliance.domain.snapshot import Mode
from appliance.service.journal_words import line_of, plain
from appliance.service.tax import RowKind, TaxRow, TaxRun
from appliance.service.tax_lots import LEDGER, Method
from appliance.store.entry import Leaf

ACTS_MAX = 50
"""Acts of people that are told one by one; of more there is a number."""
_ACT_KINDS = ("limit", "operator.", "agent.", "notice.given_up")
"""Kinds of entries, by their beginning, that tell what was changed or could not be told."""
_DECIDED = {ProposalState.APPROVED: "approved", ProposalState.REFUSED: "refused", ProposalState.EXPIRED: "expired"}


class DaySummary(Struct, frozen=True, kw_only=True):
    """One day. Amounts in the accounting asset unless they are by asset."""

    day: date
    first_entry: int
    last_entry: int
    """Before the first where the day has none."""
    portfolio: str
    """Whose money the figures below are of: `paper` or `live`; empty where the core was never started until then."""
    currency: str
    orders: int
    denied: int
    denials: dict[str, int]
    """How often each code was among the reasons."""
    held: int
    """Requests that had to wait for a person."""
    decided: dict[str, int]
    fills: int
    fees: dict[str, Decimal]
    realised_gain: Decimal
    gains_unknown: int
    """Disposals whose gain nobody can know."""
    equity_open: Decimal | None
    equity_close: Decimal | None
    drawdown_max_pct: Decimal | None
    """The deepest that the value per unit was below its peak, of the points that were written down."""
    approvals: tuple[str, ...]
    """Who decided what."""
    states: tuple[str, ...]
    """Halts, restrictions and their ends, with who set them."""
    acts: tuple[str, ...]
    """Changes of limits, agents and operators, and notices that were given up."""


class _Started(Struct, frozen=True):
    """Of a start, what the summary needs."""

    mode: Mode


_decode_started = msgspec.json.Decoder(_Started).decode


class _Money:
    """What a day was for one portfolio."""

    def __init__(self) -> None:
        self.fees: dict[str, Decimal] = {}
        self.fills: set[tuple[int, str]] = set()
        self.gain = ZERO
        self.gains_unknown = 0
        self.points: list[EquityPoint] = []

    def note_row(self, row: TaxRow) -> None:
        it = row.origin
        if it.fill:
            self.fills.add((it.entry, it.fill))
        if it.fee:
            self.fees[it.fee_asset] = LEDGER.add(self.fees.get(it.fee_asset, ZERO), it.fee)
        if row.kind is RowKind.DISPOSAL:
            self.gain = LEDGER.add(self.gain, row.gain or ZERO)
            self.gains_unknown += row.gain is None


class DayRun:
    """Reads a journal up to the end of one day, of which the entries `first` to `last` are."""

    def __init__(self, day: date, first: int, last: int, pace: Callable[[], None] = lambda: None) -> None:
        """`pace` is called for every row of gains."""
        self._day = day
        self._first = first
        self._last = last
        self._tax = TaxRun(Method.FIFO, pace)
        self._counts: Counter[str] = Counter()
        self._codes: Counter[str] = Counter()
        self._decided: Counter[str] = Counter()
        self._money: defaultdict[str, _Money] = defaultdict(_Money)
        self._portfolio = ""
        self._approvals: list[str] = []
        self._states: list[str] = []
        self._acts: list[str] = []

    def read(self, leaves: Iterable[Leaf]) -> DaySummary:
        """The summary, from all entries up to the day's last one: the earlier ones tell what things had cost."""
        for row in self._tax.rows(self._watched(leaves)):
            if row.origin.entry >= self._first:
                self._money[row.origin.portfolio].note_row(row)
        money = self._money[self._portfolio]
        points = money.points
        return DaySummary(
            day=self._day,
            first_entry=self._first,
            last_entry=self._last,
            portfolio=self._portfolio,
            currency=self._tax.currency or "",
            orders=self._counts["order.permitted"],
            denied=self._counts["request.denied"],
            denials=dict(sorted(self._codes.items())),
            held=self._counts["proposal.made"],
            decided=dict(sorted(self._decided.items())),
            fills=len(money.fills),
            fees=dict(sorted(money.fees.items())),
            realised_gain=money.gain,
            gains_unknown=money.gains_unknown,
            equity_open=points[0].equity if points else None,
            equity_close=points[-1].equity if points else None,
            drawdown_max_pct=max(map(drawdown_pct, points), default=None),
            approvals=_first_of(self._approvals),
            states=_first_of(self._states),
            acts=_first_of(self._acts),
        )

    def _watched(self, leaves: Iterable[Leaf]) -> Iterator[Leaf]:
        for leaf in leaves:
            if leaf.kind == "core.started":
                self._portfolio = PAPER_ACCOUNT if _decode_started(leaf.body).mode is Mode.PAPER else LIVE_PORTFOLIO
            if leaf.seq >= self._first:
                self._note(leaf)
            yield leaf

    def _note(self, leaf: Leaf) -> None:
        """Count what is no matter of lots."""
        self._counts[leaf.kind] += 1
        event = _decoded(leaf)
        match event:
            case events.RequestDenied(denied=denied):
                self._codes.update(str(denial.code) for denial in denied.denials)
            case events.ProposalDecided(state=state):
                self._decided[_DECIDED.get(state, str(state))] += 1
                self._approvals.append(_line(event))
            case TradingStateSet():
                self._states.append(_line(event))
            case EquityMarked(point=point):
                self._money[point.portfolio].points.append(point)
            case _:
                if leaf.kind.startswith(_ACT_KINDS):
                    self._acts.append(f"{leaf.kind}: {_line(event)}")


def drawdown_pct(point: EquityPoint) -> Decimal:
    """How far the value per unit is below its peak, in percent, rounded to four digits."""
    if point.nav_peak <= 0:
        return ZERO
    return (100 * (point.nav_peak - point.nav) / point.nav_peak).quantize(Decimal("0.0001"))


def day_text(it: DaySummary) -> str:
    """The summary to be read, a line for each thing."""
    denials = ", ".join(f"{code} {count}" for code, count in it.denials.items())
    decided = ", ".join(f"{word} {count}" for word, count in it.decided.items())
    fees = ", ".join(f"{text_from_decimal(fee)} {asset}" for asset, fee in it.fees.items())
    unknown = f" and {it.gains_unknown} sales of unknown gain" if it.gains_unknown else ""
    worth = "not known: nothing held could be priced, or nothing was held"
    if it.equity_open is not None and it.equity_close is not None:
        opened, closed = text_from_decimal(it.equity_open), text_from_decimal(it.equity_close)
        worth = f"{opened} to {closed} {it.currency}, at most {it.drawdown_max_pct} % below the peak"
    lines = [
        f"{it.day:%Y-%m-%d} (UTC){f', {it.portfolio} money' if it.portfolio else ''}",
        f"orders     {it.orders} permitted, {it.fills} fills, fees {fees or 'none'}",
        f"decisions  {it.denied} denied{_in_brackets(denials)}, {it.held} held{_in_brackets(decided)}",
        f"gain       {text_from_decimal(it.realised_gain)} {it.currency} realised{unknown}",
        f"worth      {worth}",
        *(f"decided    {line}" for line in it.approvals),
        *(f"trading    {line}" for line in it.states),
        *(f"changed    {line}" for line in it.acts),
    ]
    return "".join(f"{line}\n" for line in lines)


def day_in_short(it: DaySummary) -> str:
    """The summary in the one paragraph of a notice: figures alone, and nobody's own words."""
    denials = ", ".join(f"{code} {count}" for code, count in it.denials.items())
    worth = "worth not known"
    if it.equity_close is not None:
        worth = f"worth {text_from_decimal(it.equity_close)} {it.currency}, {it.drawdown_max_pct} % drawdown at most"
    return (
        f"{it.orders} orders, {it.fills} fills, {text_from_decimal(it.realised_gain)} {it.currency} realised, {worth}. "
        f"{it.denied} denied{_in_brackets(denials)}, {it.held} held, "
        f"{len(it.states)} changes of the trading state."
    )


def _in_brackets(text: str) -> str:
    return f" ({text})" if text else ""


def _decoded(leaf: Leaf) -> Any:
    try:
        return events.decode_event(leaf.kind, leaf.body)
    except (KeyError, msgspec.ValidationError):
        return msgspec.json.decode(leaf.body)


def _line(event: object) -> str:
    return plain(line_of(event), 200)


def _first_of(lines: list[str]) -> tuple[str, ...]:
    more = len(lines) - ACTS_MAX
    return tuple(lines[:ACTS_MAX] + ([f"and {more} more"] if more > 0 else []))
