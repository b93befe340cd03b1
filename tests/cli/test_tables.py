"""Tables on terminals of any width."""

from __future__ import annotations

import io

from hypothesis import given
from hypothesis import strategies as st
from rich.console import Console

from appliance.cli.tables import table_of

IDS = ("rt16a5ae0c1390a3227a2cbc83", "rt6a525261e68571b2039b728a")
HEADINGS = ("order", "agent", "what", "at", "why")
ROWS = [(one, "bot", "buy 0.004 BTC of BTC/USDT at binance, market", "59930.92 USDT", "") for one in IDS]


def printed(width: int) -> list[str]:
    console = Console(width=width, file=io.StringIO())
    console.print(table_of(HEADINGS, ROWS, width))
    assert isinstance(console.file, io.StringIO)
    return console.file.getvalue().splitlines()


@given(st.integers(40, 200))
def test_an_id_can_be_copied_out_of_a_table_however_narrow_the_terminal(width: int) -> None:
    lines = printed(width)
    assert all(any(one in line.split() for line in lines) for one in IDS)
    assert all(len(line.rstrip()) <= width for line in lines)


def test_a_wide_terminal_gets_a_line_for_each_row() -> None:
    assert len(printed(140)) == 1 + len(IDS)


def test_a_narrow_terminal_gets_no_broken_word() -> None:
    words = {word for row in ROWS for cell in row for word in cell.split()}
    assert words <= {word for line in printed(80) for word in line.split()}


def test_a_terminal_too_narrow_for_the_columns_gets_a_block_for_each_row() -> None:
    lines = [line.split() for line in printed(48)]
    assert [line[:2] for line in lines if line[:1] == ["order"]] == [["order", one] for one in IDS]
    assert ["at", "59930.92", "USDT"] in lines


def test_a_column_that_says_nothing_is_left_out() -> None:
    assert "why" not in printed(140)[0]
