"""A notice's words as plain text, for whatever shows them: no controls, nothing invisible, visibly cut to a limit."""

from __future__ import annotations

import unicodedata
from collections.abc import Callable, Iterable
from datetime import UTC
from itertools import accumulate

from readytrader_sdk.ports import Notice

CUT = "…"
FOOTING_MAX = 300
_LINE_ENDS = "\n\u2028\u2029"


def plain(text: str) -> str:
    """Without controls, invisible and direction-changing characters; lines stay lines."""
    return "".join(
        "\n" if character in _LINE_ENDS else character
        for character in text
        if character in _LINE_ENDS or not unicodedata.category(character).startswith("C")
    )


def one_line(text: str) -> str:
    """As `plain`, with every run of white space as one blank."""
    return " ".join(plain(text).split())


def utf16_units(text: str) -> int:
    """The length in UTF-16 units, the strictest way of counting characters that is in use."""
    return len(text.encode("utf-16-le")) // 2


def utf8_bytes(text: str) -> int:
    """The length in bytes of UTF-8."""
    return len(text.encode())


def capped(pieces: Iterable[str], most: int, length: Callable[[str], int] = utf16_units) -> str:
    """As many of the pieces as fit, none cut in two; the last gives way to an ellipsis where there were more."""
    pieces = list(pieces)
    lengths = [length(piece) for piece in pieces]
    if sum(lengths) <= most:
        return "".join(pieces)
    fitting = sum(total <= most - length(CUT) for total in accumulate(lengths))
    return "".join(pieces[:fitting]) + CUT


def headline(notice: Notice) -> str:
    """Severity and subject, in one line."""
    return f"{notice.severity.value.upper()}: {one_line(notice.subject)}"


def footing(notice: Notice) -> str:
    """Time, ID and the journal's checkpoint, in one line of at most 300 UTF-16 units."""
    parts = [f"{notice.at.astimezone(UTC):%Y-%m-%d %H:%M:%S} UTC", one_line(notice.notice_id)]
    if notice.checkpoint:
        parts.append(f"checkpoint {one_line(notice.checkpoint)}")
    return capped(" · ".join(parts), FOOTING_MAX)
