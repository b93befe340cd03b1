"""The venue's IDs of our orders, kept over restarts: where no list shows an order that ended, nothing else finds it.

A file of lines, `ours theirs`. What is lost of it makes an order unknown, never absent, so that it is not synced.
"""

from __future__ import annotations

import re
from pathlib import Path

from readytrader_sdk.errors import Misconfigured

KEPT = 20_000
"""The newest orders; the file is cut down to them at a start."""
_LINE = re.compile(r"([A-Za-z0-9]{1,32}) ([!-~]{1,100})", re.ASCII)
_FILE = "venue-ids"


class VenueIds:
    """What is known, in memory and in the file."""

    def __init__(self, folder: Path) -> None:
        """Raises `Misconfigured` where the file is there and cannot be read."""
        self._path = folder / _FILE
        self._known = self._stored()

    def of(self, wire_id: str) -> str | None:
        """The venue's ID, where it was seen."""
        return self._known.get(wire_id)

    def learn(self, wire_id: str, venue_id: str) -> None:
        """Keep it."""
        line = f"{wire_id} {venue_id}"
        if self._known.get(wire_id) == venue_id or not _LINE.fullmatch(line):
            return
        self._known[wire_id] = venue_id
        with self._path.open("a", encoding="ascii") as file:
            file.write(f"{line}\n")

    def _stored(self) -> dict[str, str]:
        try:
            text = self._path.read_text(encoding="ascii")
        except FileNotFoundError:
            return {}
        except (OSError, UnicodeDecodeError) as error:
            raise Misconfigured(f"{self._path}: the venue's order IDs cannot be read: {type(error).__name__}") from None
        whole, _, torn = text.rpartition("\n")  # by a crash: what is left of it may look like another order's ID
        lines = whole.splitlines()
        kept = [line for line in lines[-KEPT:] if _LINE.fullmatch(line)]
        if torn or len(kept) < len(lines):
            beside = self._path.with_suffix(".new")
            beside.write_text("".join(f"{line}\n" for line in kept), encoding="ascii")
            beside.replace(self._path)
        return dict(line.split(" ", 1) for line in kept)
