"""Text that somebody outside wrote: capped, and without anything that a terminal or a page would act on."""

from __future__ import annotations

import unicodedata


def printable(text: str, length_max: int) -> str:
    """At most `length_max` characters of it, control and format characters (Unicode category C) replaced by blanks."""
    cut = text[:length_max]
    if cut.isascii() and cut.isprintable():
        return cut
    return "".join(" " if unicodedata.category(character).startswith("C") else character for character in cut)
