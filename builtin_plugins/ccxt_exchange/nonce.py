"""Nonces that never fall: above the clock, above each other, and above whatever an earlier process of ours has used."""

from __future__ import annotations

import os
import re
import time
from collections.abc import Callable
from pathlib import Path

from readytrader_sdk.errors import Misconfigured

RESERVED_MS = 10_000
"""How far ahead the file is: it is written once for so many nonces, and not for each."""
_NUMBER = re.compile(r"[0-9]{1,16}", re.ASCII)
_FILE = "nonce-floor"


def _milliseconds() -> int:
    return time.time_ns() // 1_000_000


class RisingNonce:
    """Milliseconds since 1970, each above all before it. For one process: two with one key refuse each other."""

    def __init__(self, folder: Path, clock: Callable[[], int] = _milliseconds) -> None:
        """Raises `Misconfigured` where the file of the last one is there and cannot be read."""
        self._path = folder / _FILE
        self._clock = clock
        self._last = self._reserved = self._stored()

    def __call__(self) -> int:
        """The next."""
        self._last = max(self._clock(), self._last + 1)
        if self._last >= self._reserved:
            self._reserve(self._last + RESERVED_MS)
        return self._last

    def _stored(self) -> int:
        try:
            text = self._path.read_text(encoding="ascii").strip()
        except FileNotFoundError:
            return 0
        except (OSError, UnicodeDecodeError) as error:
            raise Misconfigured(f"{self._path}: the last nonce cannot be read: {type(error).__name__}") from None
        if not _NUMBER.fullmatch(text):
            raise Misconfigured(f"{self._path}: expected a whole number")
        return int(text)

    def _reserve(self, until: int) -> None:
        beside = self._path.with_suffix(".new")
        with beside.open("w", encoding="ascii") as file:
            file.write(str(until))
            file.flush()
            os.fsync(file.fileno())
        beside.replace(self._path)
        self._reserved = until
