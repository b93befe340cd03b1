"""Which fills of an order are booked, and how a report with very many of them is booked in parts.

Fills are records of their own, each named by its order and its own ID; an order's record holds none of them, so that it
stays as small with its fifty-thousandth fill as with its first.
"""

from __future__ import annotations

from collections.abc import Iterable
from collections.abc import Set as AbstractSet

import msgspec
from readytrader_sdk.orders import TERMINAL_STATES, ClientOrderId, ExecutionReport, OrderState

from appliance.domain.orders import NEVER_WORKED, Order, apply_report, has_short_names

FILLS_PER_REPORT_MAX = 200
"""Fills that one journaled report tells: however long their names may be, one entry can hold them."""
_NONE: AbstractSet[str] = frozenset()


class KnownFills:
    """The IDs of the fills that are booked, for every order in memory. Changed by `State` and by a restart alone."""

    def __init__(self) -> None:
        self._ids: dict[ClientOrderId, set[str]] = {}

    def of(self, client_order_id: ClientOrderId) -> AbstractSet[str]:
        """The IDs of an order's booked fills, as they are now."""
        return self._ids.get(client_order_id, _NONE)

    def add(self, client_order_id: ClientOrderId, fill_ids: Iterable[str]) -> None:
        """These are booked."""
        self._ids.setdefault(client_order_id, set()).update(fill_ids)

    def forget(self, client_order_id: ClientOrderId) -> None:
        """The order left the memory, and no report on it is taken any more."""
        self._ids.pop(client_order_id, None)


def news_of(report: ExecutionReport, known: AbstractSet[str]) -> ExecutionReport:
    """The report without the fills that are booked already: told again they say nothing, and need not be kept again."""
    fills = tuple(fill for fill in report.fills if fill.fill_id not in known)
    return report if len(fills) == len(report.fills) else msgspec.structs.replace(report, fills=fills)


def in_parts(order: Order, report: ExecutionReport, known: AbstractSet[str]) -> tuple[ExecutionReport, ...]:
    """The report as one or several, none with more than `FILLS_PER_REPORT_MAX` fills; together they say the same.

    Where they are several, the whole was tried first, and no part of it can be refused. Only the last says an end.
    Raises `ImpossibleReport` for a whole that cannot be, where it is long or its names are.
    """
    if len(report.fills) <= FILLS_PER_REPORT_MAX and has_short_names(report):
        return (report,)
    _, fills = apply_report(order, report, known)
    starts = range(0, len(fills), FILLS_PER_REPORT_MAX) or range(1)
    *firsts, last = (fills[start : start + FILLS_PER_REPORT_MAX] for start in starts)
    meanwhile = _meanwhile(order, report)
    parts = [msgspec.structs.replace(report, state=meanwhile, fills=part) for part in firsts]
    return (*parts, msgspec.structs.replace(report, fills=last))


def _meanwhile(order: Order, report: ExecutionReport) -> OrderState:
    """What the order is until the last part: what has ended stays so, and what is about to end is partly filled."""
    if report.state not in TERMINAL_STATES:
        return report.state
    return order.state if not order.is_live and order.state not in NEVER_WORKED else OrderState.PARTLY_FILLED
