"""Signs of life: a small file that a process writes again and again, so that another one can tell that it lives.

What is compared is whether the file changes, on the reader's own monotonic clock: no wall clock that is set back, no
restart of the host and no old file can make a dead process look alive for longer than the reader waits.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from datetime import datetime
from enum import StrEnum
from pathlib import Path

import msgspec
from msgspec import Struct

SIGN_BYTES_MAX = 1 << 14

Monotonic = Callable[[], float]
"""Seconds that never go back, as `time.monotonic` counts them."""


class Life(StrEnum):
    """What a sign says of the process that wrote it."""

    RUNNING = "running"
    STOPPED = "stopped"
    """It went in good order, and what it left open, it left on purpose."""


class Sign(Struct, frozen=True, kw_only=True):
    """One sign of life."""

    pid: int
    life: Life
    beat: int
    """Nanoseconds of the writer's monotonic clock: two signs of one process never have the same."""
    at: datetime
    """The wall clock, for people."""
    problems: tuple[str, ...] = ()
    """What the process lacks to do its work."""


class SignFile:
    """The file of one process. One writer; any number of readers."""

    def __init__(self, path: Path, clock: Callable[[], datetime]) -> None:
        self.path = path
        self._clock = clock

    def write(self, life: Life, problems: tuple[str, ...] = ()) -> None:
        """Say it: a reader finds the old sign or the new one, whole. Raises `OSError`.

        Nothing is synced: after a power failure nobody lives, whatever the file says.
        """
        sign = Sign(pid=os.getpid(), life=life, beat=time.monotonic_ns(), at=self._clock(), problems=problems)
        beside = self.path.with_name(f".{self.path.name}.{sign.pid}")
        beside.write_bytes(msgspec.json.encode(sign))
        beside.replace(self.path)

    def read(self) -> Sign | None:
        """The newest sign, or None where there is none that can be read."""
        try:
            with self.path.open("rb") as file:
                return msgspec.json.decode(file.read(SIGN_BYTES_MAX), type=Sign)
        except (OSError, msgspec.DecodeError):
            return None


class Listening:
    """How long a process has been silent, as one reader knows it."""

    def __init__(self, file: SignFile, monotonic: Monotonic = time.monotonic) -> None:
        """Silence before now cannot be known: it counts from here, and what the file says already is no news."""
        self._file = file
        self._monotonic = monotonic
        self._heard = file.read()
        self._heard_at = monotonic()
        self.has_heard = False
        """Whether the process gave any sign since then."""

    def look(self) -> Sign | None:
        """Read the file; what it says now."""
        sign = self._file.read()
        if sign is not None and sign != self._heard:
            self._heard, self._heard_at, self.has_heard = sign, self._monotonic(), True
        return sign

    @property
    def silent_s(self) -> float:
        """Seconds since the sign last changed, as of the last `look`."""
        return self._monotonic() - self._heard_at
