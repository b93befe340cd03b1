"""Tables for people: as wide as the terminal, with no word broken, so that an ID can be copied out of them."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

WIDTH_AWAY = 240
"""Away from a terminal nothing is wrapped: other programs read it."""
GAP = 2
"""Blanks between two columns."""
FOLDED_MIN = 16
"""A word longer than this may be broken, except in the first column, where the IDs are."""


def screen() -> Console:
    """Where tables go."""
    from rich.console import Console

    return Console() if sys.stdout.isatty() else Console(width=WIDTH_AWAY)


def print_table(headings: Sequence[str], rows: Sequence[Sequence[str | Text]]) -> None:
    """Print a table for people."""
    console = screen()
    console.print(table_of(headings, rows, console.width))


def table_of(headings: Sequence[str], rows: Sequence[Sequence[str | Text]], width: int) -> Table:
    """A table of plain texts, nothing in which is taken for markup.

    A column without any text is left out. Where the width is less than the longest word of each column needs, one
    block of lines for each row.
    """
    from rich.table import Table

    said = [at for at in range(len(headings)) if not rows or any(str(row[at]) for row in rows)]
    widths = _widths([_Column(headings[at], [str(row[at]) for row in rows], whole=at == 0) for at in said], width)
    if widths is None:
        return _blocks(headings, rows)
    table = Table(box=None, header_style="bold", pad_edge=False)
    for at, columns in zip(said, widths, strict=True):
        table.add_column(headings[at], width=columns, overflow="fold")
    for row in rows:
        table.add_row(*(_text(row[at]) for at in said))
    return table


class _Column:
    """How narrow and how wide a column of a table can be."""

    def __init__(self, heading: str, cells: Sequence[str], *, whole: bool) -> None:
        from rich.cells import cell_len

        texts = (heading, *cells)
        longest = max(max((cell_len(word) for word in text.split()), default=0) for text in texts)
        self.least = longest if whole else min(longest, FOLDED_MIN)
        self.most = max(max((cell_len(line) for line in text.splitlines()), default=0) for text in texts)


def _widths(columns: Sequence[_Column], width: int) -> list[int] | None:
    """A width for each, those that want little served first; None where they do not fit side by side."""
    spare = width - GAP * (len(columns) - 1) - sum(column.least for column in columns)
    if spare < 0:
        return None
    widths = [column.least for column in columns]
    by_want = sorted(range(len(columns)), key=lambda at: columns[at].most - columns[at].least)
    for served, at in enumerate(by_want):
        more = min(columns[at].most - columns[at].least, spare // (len(columns) - served))
        widths[at] += more
        spare -= more
    return widths


def _blocks(headings: Sequence[str], rows: Sequence[Sequence[str | Text]]) -> Table:
    from rich.table import Table

    table = Table(box=None, show_header=False, pad_edge=False)
    table.add_column(style="bold", no_wrap=True)
    table.add_column(overflow="fold")
    for number, row in enumerate(rows):
        if number:
            table.add_row()
        for heading, cell in zip(headings, row, strict=True):
            if str(cell):
                table.add_row(heading, _text(cell))
    return table


def _text(cell: str | Text) -> Text:
    from rich.text import Text

    return Text(cell) if isinstance(cell, str) else cell
