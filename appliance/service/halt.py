"""The halt: a file that stops every send at once, whatever the core is doing, and a latched state beside it (R24).

`readytrader halt` writes the file without the core's help; the gate looks at it before every call. The core notices
it within a heartbeat, writes it into the journal, and cancels everything that is open.
"""

from __future__ import annotations

import logging
import os
from pathlib import Path

from appliance.domain.events import TradingStateSet
from appliance.domain.state import State
from appliance.domain.trading_state import GLOBAL, Scope, ScopeState, TradingState
from appliance.durable import sync_folder
from appliance.service.narrowing import narrowing
from appliance.service.recorder import Clock, Recorder

log = logging.getLogger(__name__)


class HaltFile:
    """The switch on disk. Being there is the signal; what is inside is the reason."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def is_set(self) -> bool:
        """Whether trading is stopped. An unreadable folder counts as stopped."""
        try:
            self.path.lstat()
        except FileNotFoundError:
            return False
        except OSError:
            return True
        return True

    def set(self, reason: str) -> None:
        """Stop. Durable before it returns; setting it again keeps the first reason."""
        try:
            descriptor = os.open(self.path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o644)
        except FileExistsError:
            return
        with os.fdopen(descriptor, "w") as file:
            file.write(reason + "\n")
            file.flush()
            os.fsync(file.fileno())
        sync_folder(self.path.parent)

    def reason(self) -> str:
        """What whoever set it wrote, capped; empty when it cannot be read."""
        try:
            return self.path.read_text(errors="replace")[:200].strip()
        except OSError:
            return ""

    def clear(self) -> None:
        """Allow trading again, durably."""
        self.path.unlink(missing_ok=True)
        sync_folder(self.path.parent)


class Halt:
    """The file and the journaled state, kept in step; either alone stops trading."""

    def __init__(self, file: HaltFile, state: State, recorder: Recorder, clock: Clock) -> None:
        self._file = file
        self._state = state
        self._recorder = recorder
        self._clock = clock
        self._resuming = False

    def is_halted(self) -> bool:
        """Whether anything may be sent: asked by the gate before every call."""
        return self._file.is_set() or self._latched()

    def notice(self) -> bool:
        """Latch a halt that came by the file. True when it is news and open orders must be cancelled."""
        if self._latched() or self._resuming or not self._file.is_set():
            return False
        self._latch("operator (halt file)", self._file.reason() or "no reason given")
        return True

    def engage(self, by: str, reason: str) -> bool:
        """Stop now. True when it is news."""
        self._file.set(f"{by}: {reason}")
        if self._latched():
            return False
        self._latch(by, reason)
        return True

    async def restrict(self, by: str, reason: str, scope: Scope, to: TradingState) -> bool:
        """Restrict one scope further, durably. False, and nothing done, where it is as strict already."""
        events = narrowing(self._state, scope, to, reason, self._clock(), by)
        if events:
            await self._recorder.record(*events)
        return bool(events)

    async def resume(self, by: str, reason: str, scope: Scope = GLOBAL) -> None:
        """Allow trading again in one scope; an operator's act, with a reason, durable before the file goes."""
        active = ScopeState(scope=scope, state=TradingState.ACTIVE, by=by, reason=reason, since=self._clock())
        durable = self._recorder.record(TradingStateSet(scope_state=active))
        # The file that is about to go must not be taken for a new halt while the disk is busy.
        self._resuming = True
        try:
            await durable
            if scope == GLOBAL:
                self._file.clear()
        finally:
            self._resuming = False

    def _latched(self) -> bool:
        scope_state = self._state.scopes.get(GLOBAL)
        return scope_state is not None and scope_state.state is TradingState.HALTED

    def _latch(self, by: str, reason: str) -> None:
        if self._recorder.failure is not None:
            log.critical("halted by %s (%s); only the file says so: %s", by, reason, self._recorder.failure)
            return
        halted = ScopeState(scope=GLOBAL, state=TradingState.HALTED, by=by, reason=reason, since=self._clock())
        self._recorder.record(TradingStateSet(scope_state=halted))
