"""Reports of many fills: made beside the orders, a little at a time, and checked whole however long they are."""

from __future__ import annotations

import threading
from collections.abc import AsyncIterator
from decimal import Decimal
from pathlib import Path

import msgspec
import pytest
from readytrader_sdk.orders import Side

from appliance.domain.events import KIND_OF, OrderReported
from appliance.service import file_check, report_files
from appliance.service.archive import Archive
from appliance.service.report_files import PACES
from appliance.service.tax_lots import Method
from appliance.store import seal
from appliance.store.entry import Entry
from tests.service.rig import NOON, Rig, play
from tests.service.test_tax import Group, trade

FILLS = 200
"""As many as one entry may hold."""


def with_many_fills(number: int, side: Side) -> Group:
    """An order that was filled in many small parts, told in one report."""
    permitted, reported = trade(number, side, Decimal("0.01"), Decimal(50_000), at=NOON)
    assert isinstance(reported, OrderReported)
    (fill,) = reported.report.fills
    fills = tuple(msgspec.structs.replace(fill, fill_id=f"{number}:{part}") for part in range(FILLS))
    report = msgspec.structs.replace(reported.report, fills=fills)
    return permitted, msgspec.structs.replace(reported, report=report)


async def write(rig: Rig, *groups: Group) -> None:
    encode = msgspec.json.Encoder(order="deterministic").encode
    events = [event for group in groups for event in group]
    await rig.core.journal.append([Entry(kind=KIND_OF[type(it)], at=NOON, body=encode(it)) for it in events], [])


async def whole(pieces: AsyncIterator[bytes]) -> list[bytes]:
    return [piece async for piece in pieces]


@pytest.mark.parametrize("form", ["json", "csv", "day"])
def test_a_long_report_is_made_in_small_parts_none_of_them_where_orders_are_carried_out(
    tmp_path: Path, form: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(report_files, "_BLOCK", 50)
    pauses: list[threading.Thread] = []

    async def scenario(rig: Rig) -> None:
        await write(rig, *(with_many_fills(number, side) for number, side in enumerate((Side.BUY, Side.SELL) * 2)))
        core, of_core = rig.core, rig.core.archive
        archive = Archive(
            core.journal, core.recorder, of_core.path, of_core.sealer, core.portfolio.name,
            pause=lambda: pauses.append(threading.current_thread()),
        )  # fmt: skip
        if form == "day":
            pieces = await whole(await archive.daily(NOON.date(), "json"))
            assert msgspec.json.decode(pieces[0])["fills"] == 4 * FILLS
        else:
            pieces = await whole(await archive.tax(Method.HIFO, None, form))
            assert max(piece.count(b"disposal") for piece in pieces) <= 50
            assert sum(piece.count(b"disposal") for piece in pieces) >= 2 * FILLS
        assert len(pauses) >= 4 * FILLS // PACES
        assert threading.main_thread() not in pauses

    play(tmp_path, scenario)


@pytest.mark.parametrize("form", ["jsonl", "csv"])
def test_a_report_longer_than_what_is_read_at_once_is_checked_and_made_again(
    tmp_path: Path, form: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(report_files, "_BLOCK", 50)
    monkeypatch.setattr(seal, "LINE_MAX", 3_000)
    monkeypatch.setattr(file_check, "LINE_MAX", 3_000)

    async def scenario(rig: Rig) -> None:
        await write(rig, with_many_fills(1, Side.BUY), with_many_fills(2, Side.SELL))
        archive, file = rig.core.archive, tmp_path / "report"
        file.write_bytes(b"".join(await whole(await archive.tax(Method.FIFO, None, form))))
        vkey = archive.sealer.verifier.vkey
        proven = file_check.check_file(file, vkey, archive.path)
        assert proven.what == "tax report"
        file.write_bytes(file.read_bytes().replace(b"disposal", b"Disposal", 1))
        with pytest.raises(seal.InvalidFile):
            file_check.check_file(file, vkey)

    play(tmp_path, scenario)
