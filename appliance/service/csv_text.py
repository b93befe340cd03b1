"""CSV that spreadsheets can open without running anything in it."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable
from datetime import datetime
from decimal import Decimal

from readytrader_sdk.money import text_from_decimal

_FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠")
"""What makes a spreadsheet take a cell for a formula (OWASP, CSV injection), full-width forms included."""


def csv_rows(rows: Iterable[Iterable[object]]) -> bytes:
    """Rows of CSV (RFC 4180 but for the line's end). Numbers stay numbers; text is guarded."""
    out = io.StringIO()
    csv.writer(out, lineterminator="\n").writerows([_cell(value) for value in row] for row in rows)
    return out.getvalue().encode()


def _cell(value: object) -> str | int:
    match value:
        case None:
            return ""
        case Decimal():
            return text_from_decimal(value)
        case int():
            return value
        case datetime():
            return value.isoformat()
        case _:
            return guarded(str(value))


def guarded(text: str) -> str:
    """Text that may come from outside, with an apostrophe before it where a spreadsheet would calculate it."""
    return f"'{text}" if text.lstrip(" ").startswith(_FORMULA) else text
