"""What the local exchange does wrong, on request: once, a number of times, or from now on; and what was seen.

A fault is injected, waits until its occasion comes, and is counted as seen when it really happened. `path` narrows it
to the occasions whose name contains it: `POST /api/v3/order`, `market btcusdt@depth`, `user`.
"""

from __future__ import annotations

import time
from collections import Counter
from enum import StrEnum

from msgspec import Struct


class Fault(StrEnum):
    """Everything that can be injected; `ms` is in milliseconds."""

    TIMEOUT_BEFORE_ACCEPTANCE = "timeout_before_acceptance"
    """An order is not taken, and no answer comes: after `ms` the venue's own timeout, with 0 silence."""
    TIMEOUT_AFTER_ACCEPTANCE = "timeout_after_acceptance"
    """The same, but the order was taken."""
    ERROR_5XX_BEFORE_ACCEPTANCE = "error_5xx_before_acceptance"
    ERROR_5XX_AFTER_ACCEPTANCE = "error_5xx_after_acceptance"
    DUPLICATED_ACKNOWLEDGEMENT = "duplicated_acknowledgement"
    """The user stream tells one event of an order twice."""
    LOST_THEN_LATE_ACKNOWLEDGEMENT = "lost_then_late_acknowledgement"
    """An order is taken, its connection drops without an answer, and the user stream's news of it is `ms` late."""
    FILLS_OUT_OF_ORDER = "fills_out_of_order"
    """The user stream tells a fill only after the next event of the same order, or after `ms` when none comes."""
    FILL_AFTER_CANCEL = "fill_after_cancel"
    """Half of an order fills while it is being cancelled: the fill is told `ms` after the cancellation."""
    CANCEL_REFUSED = "cancel_refused"
    ORDER_UNKNOWN_FOR_A_WHILE = "order_unknown_for_a_while"
    """For `ms` after it was taken an order is in no list and found by no ID."""
    BALANCE_LAG = "balance_lag"
    """From the next change on, balances are told as they were, for `ms`."""
    RATE_LIMIT = "rate_limit"
    MAINTENANCE = "maintenance"
    CLOCK_SKEW = "clock_skew"
    """The venue's clock is `ms` ahead (below 0: behind) from now on; 0 sets it right."""
    SEQUENCE_GAP = "sequence_gap"
    """One update of a streamed book is left out."""
    SILENT_SOCKET = "silent_socket"
    """A websocket stays open and sends nothing more for `ms`; with 0 for good."""
    CROSSED_BOOK = "crossed_book"
    ABSURD_PRICE = "absurd_price"
    """Prices are told a hundredfold."""
    WITHDRAW_ENABLED_KEY = "withdraw_enabled_key"
    """Asked what a key may do, the venue says that it can withdraw."""
    CONNECTION_DROPPED = "connection_dropped"
    """A websocket is dropped instead of being sent its next message."""


class Injected(Struct, kw_only=True):
    """One injection that waits for its occasions."""

    times: int
    ms: int
    path: str | None


class Faults:
    """The faults waiting to happen, and how often each one did. `take` is what the exchange asks at every occasion."""

    def __init__(self) -> None:
        self.seen: Counter[Fault] = Counter()
        self.skew_ms = 0
        self._waiting: dict[Fault, list[Injected]] = {}

    def inject(self, fault: Fault, *, times: int = 1, ms: int = 0, path: str | None = None) -> None:
        """Let `fault` happen at its next `times` occasions. A clock skew holds until another one is injected."""
        if fault is Fault.CLOCK_SKEW:
            self.skew_ms = ms
        elif times > 0:
            self._waiting.setdefault(fault, []).append(Injected(times=times, ms=ms, path=path))

    def take(self, fault: Fault, path: str = "") -> bool:
        """Whether `fault` happens now; consumes one and counts it as seen."""
        return self.take_ms(fault, path) is not None

    def take_ms(self, fault: Fault, path: str = "", *, needs_path: bool = False) -> int | None:
        """As `take`, with the milliseconds of the injection; None when nothing happens.

        With `needs_path` only injections that name this occasion count.
        """
        waiting = self._waiting.get(fault)
        if not waiting:
            return None
        for injected in waiting:
            if not needs_path if injected.path is None else injected.path in path:
                injected.times -= 1
                if not injected.times:
                    waiting.remove(injected)
                self.seen[fault] += 1
                return injected.ms
        return None

    def note_skew(self) -> None:
        """Count that the venue's clock was shown or measured against while it was wrong."""
        if self.skew_ms:
            self.seen[Fault.CLOCK_SKEW] += 1

    def is_waiting(self, fault: Fault) -> bool:
        """Whether any injection of `fault` still waits for its occasion."""
        return bool(self._waiting.get(fault))

    def clear(self) -> None:
        """Forget what has not happened yet and set the clock right; what was seen stays counted."""
        self._waiting.clear()
        self.skew_ms = 0


class Stopwatch:
    """Milliseconds from now on, by the monotonic clock: until when something is hidden or old."""

    __slots__ = ("_until",)

    def __init__(self, ms: int) -> None:
        self._until = time.monotonic() + ms / 1000

    @property
    def is_running(self) -> bool:
        return time.monotonic() < self._until
