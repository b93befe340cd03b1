"""One request under examination: what every check is given, and the two forms a check may take."""

from __future__ import annotations

from collections.abc import Callable
from decimal import ROUND_FLOOR, Context, Decimal
from typing import NamedTuple

from readytrader_sdk.money import FRACTION_DIGITS_MAX, PRECISION, ZERO

from appliance.domain.codes import Code
from appliance.domain.decision import Denial
from appliance.domain.intents import Intent, Request
from appliance.domain.limits import Limits
from appliance.domain.snapshot import Snapshot
from appliance.pipeline.terms import Sizing, sizing

EXACT = Context(prec=PRECISION)
"""The arithmetic of every decision, whatever context the caller has set."""
_FLOOR = Context(prec=PRECISION, rounding=ROUND_FLOOR)
_PLAIN_DIGITS_MAX = 40
"""More digits than any product of two amounts has; what is longer is shown with its exponent."""


class Case:
    """A request with its facts, its limits, and the worst it can do (None when a fact for that is missing)."""

    __slots__ = ("fault", "intent", "is_exit", "limits", "request", "sizing", "snapshot")

    def __init__(self, request: Request, snapshot: Snapshot, limits: Limits) -> None:
        self.request = request
        self.intent: Intent = request.intent
        self.snapshot = snapshot
        self.limits = limits
        self.sizing: Sizing | None = None
        self.fault: str | None = None
        """Why the worst case could not be computed from facts that are all there."""
        try:
            self.sizing = sizing(request.intent, snapshot, limits)
        except ArithmeticError as fault:
            self.fault = type(fault).__name__
        self.is_exit = self.sizing is not None and self.sizing.reduces(limits)


class Level(NamedTuple):
    """How much of one limit is used, whatever is asked for now."""

    code: Code
    name: str
    """What is limited, in a few words; with the asset or the agent where each has a limit of its own."""
    setting: str
    """The field of `Limits`; empty where the bound is a fact."""
    used: Decimal
    limit: Decimal
    unit: str


class Ceiling(NamedTuple):
    """A limit on size: `used` is taken, each unit of quantity adds `per_unit`, and the sum may reach `limit`."""

    level: Level
    per_unit: Decimal
    what: str

    @property
    def used(self) -> Decimal:
        return self.level.used

    @property
    def limit(self) -> Decimal:
        return self.level.limit

    def denial(self, quantity: Decimal) -> Denial | None:
        """A denial when that quantity would go beyond the limit."""
        observed = self.used + quantity * self.per_unit
        if observed <= self.limit:
            return None
        return deny(self.level.code, f"{self.what} is too large", observed, self.limit, self.level.unit)

    def quantity_max(self) -> Decimal:
        """The largest quantity that stays within, never rounded up."""
        room = self.limit - self.used
        if room <= 0:
            return ZERO
        return _FLOOR.divide(room, self.per_unit)


Condition = Callable[[Case], Denial | None]
"""A check that refuses or does not; size has nothing to do with it."""
Limit = Callable[[Case], Ceiling | None]
"""A check on size; None when it does not apply or is off."""


def deny(code: Code, text: str, observed: object = None, limit: object = None, unit: str | None = None) -> Denial:
    """A denial with its figures as text."""
    return Denial(
        code=code,
        text=text,
        observed=None if observed is None else figure(observed),
        limit=None if limit is None else figure(limit),
        unit=unit,
    )


def figure(value: object) -> str:
    """A figure for people and agents: decimals plain and to 18 places, everything else as it prints."""
    if not isinstance(value, Decimal) or not value.is_finite() or abs(value.adjusted()) > _PLAIN_DIGITS_MAX:
        return str(value)
    text = format(round(value, FRACTION_DIGITS_MAX), "f")
    return text.rstrip("0").rstrip(".") if "." in text else text
