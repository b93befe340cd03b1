"""The one way in which a plugin's package is refused: by name, what is wrong with it, and what was seen."""

from __future__ import annotations

SHOWN_MAX = 120
"""Characters of foreign text that a message repeats."""


class WheelRefused(Exception):
    """This file, folder or claim is not taken. `name` is what was looked at, `seen` foreign text, capped, printable."""

    def __init__(self, name: str, what: str, seen: object = "") -> None:
        self.name, self.what, self.seen = printable(name), what, printable(seen)
        super().__init__(f"{self.name}: {what}" + (f", got {self.seen}" if self.seen else ""))


def printable(foreign: object) -> str:
    """Foreign text as it may stand in a message: at most `SHOWN_MAX` characters, none that a terminal acts upon."""
    text = str(foreign)
    shown = "".join(char if char.isprintable() else "?" for char in text[:SHOWN_MAX])
    return shown + ("…" if len(text) > SHOWN_MAX else "")
