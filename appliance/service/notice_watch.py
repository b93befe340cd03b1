"""Looks for what is worth telling and what no event says: workers, losses near their limit, the watchdog, the last end.

It only looks and tells; what has to be done about anything is done elsewhere.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import datetime, timedelta
from decimal import Decimal

from readytrader_sdk.money import ONE, text_from_decimal
from readytrader_sdk.ports import Severity

from appliance.domain.limits import Limits
from appliance.domain.lives import CoreLife
from appliance.pipeline import levels
from appliance.plugin_host.health import WorkerHealth, WorkerState
from appliance.plugin_host.kinds import Kind
from appliance.service.notice_words import Words, words
from appliance.service.notices import Notices
from appliance.service.portfolio import Portfolio
from appliance.service.sign_of_life import Life, Listening

LOOK_EVERY = timedelta(seconds=1)
START_MAX = timedelta(seconds=15)
"""How long a worker that was never ready may take until somebody is told."""
WATCHDOG_SILENT_S = 5.0
"""The watchdog process gives a sign each second."""
NEAR_SHARE = Decimal("0.8")
"""Of a loss limit: from here on it is near."""
CALM_SHARE = Decimal("0.6")
"""Below this share of it, a loss that comes near again is news again."""


class NoticeWatch:
    """Tells each thing when it begins, and where that is good news, when it ends."""

    def __init__(
        self,
        notices: Notices,
        portfolio: Portfolio,
        limits: Callable[[], Limits],
        workers: Callable[[], Iterable[WorkerHealth]],
        outside: Listening,
    ) -> None:
        self._notices = notices
        self._portfolio = portfolio
        self._limits = limits
        self._workers = workers
        self._outside = outside
        self._looked_at: datetime | None = None
        self._first_look_at: datetime | None = None
        self._ready: dict[str, int] = {}
        """Workers that were ready, with how often they had been started again by then."""
        self._down: set[str] = set()
        self._losses_told: dict[str, Decimal] = {}
        self._watchdog_heard = False

    def note_start(self, before: CoreLife | None, configuration_digest: str) -> None:
        """Compare this start with the life before, if there was one."""
        if before is None:
            return
        if before.stopped_at is None:
            text = f"It ran since {before.started_at:%Y-%m-%d %H:%M:%S} UTC, and nobody stopped it in good order."
            self._tell("core.changed", Severity.WARNING, "the core had ended without a word, and is back", text)
        if before.configuration_digest != configuration_digest:
            digests = f"{before.configuration_digest[:16]} before, {configuration_digest[:16]} now"
            text = f"Its digest was {digests}. If nobody meant that: readytrader config show"
            self._tell("core.changed", Severity.WARNING, "the configuration has changed since the last start", text)

    def look(self, now: datetime) -> None:
        """One look, at most one a second."""
        if self._looked_at is not None and timedelta(0) <= now - self._looked_at < LOOK_EVERY:
            return
        self._looked_at = now
        self._first_look_at = self._first_look_at or now
        for health in self._workers():
            self._look_at_worker(health, now - self._first_look_at)
        self._look_at_losses(now)
        self._look_at_watchdog()

    def _look_at_worker(self, health: WorkerHealth, since_start: timedelta) -> None:
        name, is_ready = health.name, health.state is WorkerState.READY
        but = name if health.kind is Kind.NOTIFIER else ""
        error = health.last_error or "no reason is known"
        if is_ready:
            if name in self._down:
                self._tell("worker.changed", Severity.INFO, f"worker {name} is up again", "It answers.", but)
            elif health.restarts > self._ready.get(name, health.restarts):
                subject = f"worker {name} ended and was started again"
                self._tell("worker.changed", Severity.WARNING, subject, f"It said: {error}", but)
            self._down.discard(name)
            self._ready[name] = health.restarts
        elif name not in self._down and _is_down(health.state, name in self._ready, since_start):
            self._down.add(name)
            text = f"It is {health.state}. It said: {error}"
            self._tell("worker.changed", Severity.WARNING, f"worker {name} is down", text, but)

    def _look_at_losses(self, now: datetime) -> None:
        """As the rules measure them: what is told here is what refuses there."""
        facts, limits = self._portfolio.performance(self._portfolio.equity(now).total, now), self._limits()
        for level in (levels.daily_loss(facts, limits), levels.drawdown(facts, limits)):
            if level is not None:
                self._look_at_loss(f"the {level.name}", level.used, level.limit)

    def _look_at_loss(self, name: str, fall_pct: Decimal, limit_pct: Decimal) -> None:
        share, told = fall_pct / limit_pct, self._losses_told.get(name, Decimal(0))
        if share < CALM_SHARE:
            self._losses_told.pop(name, None)
        reached = share >= 1
        if share < NEAR_SHARE or told >= (1 if reached else NEAR_SHARE):
            return
        self._losses_told[name] = ONE if reached else NEAR_SHARE
        figures = f"{text_from_decimal(round(fall_pct, 2))} % of {text_from_decimal(limit_pct)} %."
        if reached:
            text = f"{figures} Only exits are permitted until it is less."
            self._tell("loss.reached", Severity.CRITICAL, f"{name} has reached its limit", text)
        else:
            text = f"{figures} At the limit only exits are permitted."
            self._tell("loss.near", Severity.WARNING, f"{name} is near its limit", text)

    def _look_at_watchdog(self) -> None:
        """Silence is told where a sign was heard before; whoever runs no watchdog process is not told each day."""
        sign = self._outside.look()
        alive = (
            sign is not None
            and sign.life is Life.RUNNING
            and self._outside.has_heard
            and self._outside.silent_s < WATCHDOG_SILENT_S
        )
        if self._watchdog_heard and not alive:
            stopped = sign is not None and sign.life is Life.STOPPED
            text = "It was stopped in good order." if stopped else "It gives no sign of life."
            self._tell("watchdog.changed", Severity.WARNING, "nobody watches over the core from outside", text)
        elif alive and not self._watchdog_heard:
            self._tell(
                "watchdog.changed", Severity.INFO, "the watchdog watches over the core", "It gives signs of life."
            )
        self._watchdog_heard = alive

    def _tell(self, about: str, severity: Severity, subject: str, text: str, but: str = "") -> None:
        self._notices.tell(about, words(severity, subject, text), but=but)


def _is_down(state: WorkerState, was_ready: bool, since_start: timedelta) -> bool:
    """Whether a worker that is not ready should be: one that is just being started for the first time need not be."""
    if state is WorkerState.STOPPED:
        return False
    return was_ready or state is WorkerState.FAILED or since_start > START_MAX


def journal_failed(reason: str) -> Words:
    """What to tell when nothing can be written any more; this too cannot be."""
    text = f"Trading is stopped, and what is open is being cancelled. Mend it and restart. {reason}"
    return words(Severity.CRITICAL, "the journal cannot be written", text)
