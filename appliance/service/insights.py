"""Insights and strategies: posted, kept for a while, read by others. They are data, and no rule looks at them."""

from __future__ import annotations

import re
import secrets
from datetime import timedelta
from decimal import Decimal
from itertools import islice

from readytrader_sdk.instruments import Symbol
from readytrader_sdk.money import InvalidAmount, decimal_from_text

from appliance.domain.state import State
from appliance.domain.told import INSIGHT_LIFE_MAX, Insight, InsightPosted, Strategy, StrategySet
from appliance.service.journal_words import plain
from appliance.service.recorder import Clock, Recorder

POSTS_PER_MINUTE = 10
"""Insights that one author may post in a minute: what is written here is kept for ever."""
SHOWN_MAX = 50
STRATEGIES_MAX = 100
_MINUTE = timedelta(minutes=1)
_NAME = re.compile(r"[a-z0-9][a-z0-9_-]{0,39}", re.ASCII)


class NotPosted(Exception):
    """It was not taken. The message says why, and `retry_after_s` when it may be tried again, where that helps."""

    def __init__(self, text: str, retry_after_s: int | None = None) -> None:
        super().__init__(text)
        self.retry_after_s = retry_after_s


class Insights:
    """Takes insights and strategies, and shows those in force."""

    def __init__(self, state: State, recorder: Recorder, clock: Clock, *, offered: bool = False) -> None:
        self.offered = offered
        """Whether agents have tools for them."""
        self._state = state
        self._recorder = recorder
        self._clock = clock

    async def post(
        self, by: str, came_by: str, *, symbol: str, signal: str, confidence: str, reasoning: str, ttl_seconds: int
    ) -> Insight:
        """Keep what `by` thinks of a market until it expires. Durable on return.

        Raises `NotPosted` for a symbol that no instrument has, a confidence outside 0 to 1, a life that is too long,
        and for more than ten a minute; JournalUnavailable where it cannot be written.
        """
        now = self._clock()
        if Symbol(symbol) not in self._state.instruments:
            raise NotPosted(f"no instrument {plain(symbol, 40)!r}")
        if self._state.kept.board.posted_since(by, now - _MINUTE) >= POSTS_PER_MINUTE:
            raise NotPosted(f"more than {POSTS_PER_MINUTE} insights in a minute", retry_after_s=60)
        life = timedelta(seconds=ttl_seconds)
        if not timedelta(0) < life <= INSIGHT_LIFE_MAX:
            raise NotPosted(f"ttl_seconds: expected 1 to {int(INSIGHT_LIFE_MAX.total_seconds())}, got {ttl_seconds}")
        insight = Insight(
            insight_id="in" + secrets.token_hex(8),
            symbol=Symbol(symbol),
            by=by,
            came_by=came_by,
            signal=plain(signal, 32),
            confidence=_confidence(confidence),
            reasoning=plain(reasoning, 1000),
            posted_at=now,
            expires_at=now + life,
        )
        await self._recorder.record(InsightPosted(insight=insight))
        return insight

    def latest(self, symbol: str | None, limit: int = SHOWN_MAX) -> tuple[Insight, ...]:
        """Those that have not expired, the newest first."""
        wanted = None if symbol is None else Symbol(symbol)
        return tuple(islice(self._state.kept.board.insights(self._clock(), wanted), limit))

    def strategies(self) -> tuple[Strategy, ...]:
        """Those in force, by name."""
        return self._state.kept.board.strategies()

    async def set_strategy(self, by: str, name: str, text: str, symbols: tuple[str, ...]) -> Strategy:
        """Write a strategy down, in the place of an older one of the same name. Raises `NotPosted`."""
        if not _NAME.fullmatch(name):
            raise NotPosted("name: expected small letters, digits, - and _, at most 40")
        unknown = sorted(set(symbols) - self._state.instruments.keys())
        if unknown:
            raise NotPosted(f"no instrument {', '.join(plain(it, 40) for it in unknown)}")
        board = self._state.kept.board
        if board.strategy(name) is None and len(board.strategies()) >= STRATEGIES_MAX:
            raise NotPosted(f"there are {STRATEGIES_MAX} strategies already; withdraw one")
        strategy = Strategy(
            name=name,
            by=by,
            text="\n".join(plain(line, 4000) for line in text.splitlines()),
            symbols=tuple(map(Symbol, symbols)),
            posted_at=self._clock(),
        )
        await self._recorder.record(StrategySet(strategy=strategy))
        return strategy

    async def withdraw_strategy(self, by: str, name: str) -> None:
        """Take a strategy out of force. Raises `NotPosted` where there is none."""
        strategy, now = self._state.kept.board.strategy(name), self._clock()
        if strategy is None:
            raise NotPosted(f"no strategy {plain(name, 40)!r}")
        withdrawn = Strategy(
            name=name, by=by, text="", symbols=strategy.symbols, posted_at=strategy.posted_at, withdrawn_at=now
        )
        await self._recorder.record(StrategySet(strategy=withdrawn))


def _confidence(text: str) -> Decimal:
    try:
        value = decimal_from_text(text)
    except InvalidAmount as fault:
        raise NotPosted(f"confidence: {fault}") from fault
    if not 0 <= value <= 1:
        raise NotPosted(f"confidence: expected 0 to 1, got {plain(text, 20)}")
    return value
