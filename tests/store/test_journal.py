from __future__ import annotations

import asyncio
import stat
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path

import apsw
import msgspec
import pytest

from appliance.store.audit import verify
from appliance.store.checkpoint import Verifier
from appliance.store.database import SCHEMA_VERSION
from appliance.store.entry import BODY_BYTES_MAX
from appliance.store.export import Export
from appliance.store.journal import Entry, Journal, JournalCorrupt, JournalUnavailable, Record
from appliance.store.reader import JournalReader
from tests.store.journals import (
    KEY,
    NOON,
    ORIGIN,
    OTHER_KEY,
    VKEY,
    append_all,
    entry,
    make_journal,
    open_journal,
    record,
)


def test_what_is_appended_is_there_after_the_journal_is_opened_anew(tmp_path: Path) -> None:
    journal = open_journal(tmp_path)
    receipts = append_all(journal, 300, records=True)
    journal.close()
    again = open_journal(tmp_path)
    assert [leaf.seq for leaf in again.entries()] == [receipt.first_seq for receipt in receipts] == list(range(300))
    assert again.checkpoint == receipts[-1].checkpoint
    assert again.size == 300
    assert [kept.seq for kept in again.load("order")] == list(range(300))
    again.close()


@pytest.mark.parametrize("count", [0, 1, 2, 255, 256, 257, 511, 512])
def test_a_journal_of_any_size_opens_grows_and_verifies(tmp_path: Path, count: int) -> None:
    make_journal(tmp_path, count)
    journal = open_journal(tmp_path)
    append_all(journal, 1)
    journal.close()
    report = verify(tmp_path / "journal.db", VKEY)
    assert (report.findings, report.size, report.signed) == ((), count + 1, True)


def test_an_entry_is_stored_to_the_byte_as_it_was_given(tmp_path: Path) -> None:
    at = datetime(2026, 1, 2, 3, 4, 5, 6, tzinfo=timezone(timedelta(hours=2)))

    async def run() -> None:
        journal = open_journal(tmp_path)
        await journal.append([Entry(kind="order.permitted", at=at, body=msgspec.Raw(b'{"b": "1.10", "a":[]}'))])
        await journal.aclose()

    asyncio.run(run())
    (leaf,) = apsw.Connection(str(tmp_path / "journal.db")).execute("SELECT leaf FROM entry").fetchall()[0]
    expected = b'{"seq":0,"at":"2026-01-02T01:04:05.000006Z","kind":"order.permitted","body":{"b": "1.10", "a":[]}}'
    assert leaf == expected


def test_the_last_entry_of_an_append_names_the_records_that_it_explains(tmp_path: Path) -> None:
    async def run() -> None:
        journal = open_journal(tmp_path)
        receipt = await journal.append([entry(0), entry(1)], [record(0), record(1), record(0, live=False)])
        assert (receipt.first_seq, receipt.last_seq) == (0, 1)
        first, last = journal.entries()
        assert first.records == ()
        assert [(kind, record_id) for kind, record_id, _ in last.records] == [("order", "o-0"), ("order", "o-1")]
        kept = journal.record("order", "o-0")
        assert kept is not None
        assert (kept.live, kept.seq) == (False, 1)
        await journal.aclose()

    asyncio.run(run())
    assert verify(tmp_path / "journal.db", VKEY).whole


@pytest.mark.parametrize(
    "body", [b"", b"1", b"[]", b"{", b'{"a":1}x', b'{"a":\n1}', b'{"a":1},"x":{}', b"\xff", b'{"\xff":1}']
)
def test_a_body_that_is_not_one_json_object_on_one_line_is_refused_and_harms_nobody(
    tmp_path: Path, body: bytes
) -> None:
    async def run() -> None:
        journal = open_journal(tmp_path)
        good = journal.append([entry(0)])
        with pytest.raises(ValueError):  # noqa: PT011 - the wording is the JSON parser's
            journal.append([Entry(kind="x", at=NOON, body=body)])
        after = journal.append([entry(1)])
        assert [(await good).first_seq, (await after).first_seq] == [0, 1]
        await journal.aclose()

    asyncio.run(run())


def test_the_largest_body_is_taken_and_one_byte_more_is_refused(tmp_path: Path) -> None:
    filling = b'{"a":"' + b"x" * (BODY_BYTES_MAX - 8) + b'"}'
    assert len(filling) == BODY_BYTES_MAX

    async def run() -> None:
        journal = open_journal(tmp_path)
        await journal.append([Entry(kind="x", at=NOON, body=filling)], [record(body=filling)])
        with pytest.raises(ValueError, match="over"):
            journal.append([Entry(kind="x", at=NOON, body=filling + b" ")])
        with pytest.raises(ValueError, match="over"):
            journal.append([entry()], [record(body=filling + b" ")])
        await journal.aclose()

    asyncio.run(run())


def test_what_the_journal_cannot_hold_is_refused_by_name(tmp_path: Path) -> None:
    async def run() -> None:
        journal = open_journal(tmp_path)
        with pytest.raises(ValueError, match="at least one entry"):
            journal.append([], [record()])
        with pytest.raises(ValueError, match="zone"):
            journal.append([Entry(kind="x", at=datetime(2026, 1, 1), body=b"{}")])  # noqa: DTZ001 - the point
        for kind in ("", "Order", 'a"b', "a b", "x" * 65):
            with pytest.raises(ValueError, match="kind"):
                journal.append([Entry(kind=kind, at=NOON, body=b"{}")])
        assert journal.size == 0
        await journal.aclose()

    asyncio.run(run())


def test_records_are_loaded_by_life_time_and_kind(tmp_path: Path) -> None:
    async def run() -> None:
        journal = open_journal(tmp_path)
        many = [record(n, live=n % 2 == 0) for n in range(1200)]
        await journal.append([entry()], [*many, record(5, kind="approval")])
        assert [kept.id for kept in journal.load("order")] == [f"o-{n}" for n in range(0, 1200, 2)]
        assert len(list(journal.load("order", live_only=False))) == 1200
        since = NOON + timedelta(milliseconds=1100)
        assert [kept.id for kept in journal.load("order", since=since)] == [f"o-{n}" for n in range(1100, 1200, 2)]
        assert [kept.id for kept in journal.load("approval")] == ["o-5"]
        assert journal.record("approval", "o-6") is None
        await journal.aclose()

    asyncio.run(run())


def test_what_is_under_a_name_is_found_by_it_and_nothing_beside_it(tmp_path: Path) -> None:
    ids = ["o-1/", "o-1/a/b", "o-1/\U0001f4b8", "o-1/0", "o-1", "o-1.x", "o-10", "o-10/a", "o-0/a", "o-2/a", "O-1/a"]

    async def run() -> None:
        journal = open_journal(tmp_path)
        records = [Record(kind="trade", id=one, live=False, at=NOON, body=b"{}") for one in ids]
        beside = Record(kind="order", id="o-1/order", live=True, at=NOON, body=b"{}")
        await journal.append([entry()], [*records, beside])
        assert journal.ids_under("trade", "o-1/") == ["", "0", "a/b", "\U0001f4b8"]
        assert journal.ids_under("trade", "o-3/") == []
        await journal.aclose()

    asyncio.run(run())


def test_pages_go_back_in_time_without_gap_or_repetition(tmp_path: Path) -> None:
    async def run() -> None:
        journal = open_journal(tmp_path)
        twins = [Record(kind="order", id=f"t-{n}", live=True, at=NOON, body=b"x") for n in range(5)]
        await journal.append([entry()], [*twins, *(record(n) for n in range(1, 6))])
        seen: list[str] = []
        before = None
        while page := journal.page("order", limit=3, before=before):
            seen += [kept.id for kept in page]
            before = (page[-1].at, page[-1].id)
        assert seen == ["o-5", "o-4", "o-3", "o-2", "o-1", "t-4", "t-3", "t-2", "t-1", "t-0"]
        await journal.aclose()

    asyncio.run(run())


def test_entries_are_read_by_their_numbers(tmp_path: Path) -> None:
    make_journal(tmp_path, 1030)
    reader = JournalReader.open_read_only(tmp_path / "journal.db")
    assert [leaf.seq for leaf in reader.entries(1020)] == list(range(1020, 1030))
    assert [leaf.seq for leaf in reader.entries(510, 1024)] == list(range(510, 1025))
    assert [leaf.seq for leaf in reader.entries(3, 3)] == [3]
    assert list(reader.entries(1030)) == []
    reader.close()


def test_the_receipts_checkpoint_covers_the_entry_and_is_signed(tmp_path: Path) -> None:
    journal = open_journal(tmp_path)
    receipts = append_all(journal, 10, batch=1)
    assert [Verifier.from_vkey(VKEY).verify(receipt.checkpoint).size for receipt in receipts] == list(range(1, 11))
    journal.close()


def test_a_new_journal_has_a_name_of_its_own(tmp_path: Path) -> None:
    names = set()
    for folder in ("a", "b"):
        (tmp_path / folder).mkdir()
        journal = Journal.open(tmp_path / folder / "journal.db", KEY)
        names.add(journal.origin)
        journal.close()
    assert len(names) == 2


def test_the_file_is_for_its_owner_alone(tmp_path: Path) -> None:
    journal = open_journal(tmp_path)
    append_all(journal, 1)
    assert {stat.S_IMODE(path.stat().st_mode) for path in tmp_path.iterdir()} == {0o600}
    journal.close()


def test_two_do_not_hold_one_journal(tmp_path: Path) -> None:
    journal = open_journal(tmp_path)
    with pytest.raises(JournalUnavailable, match="another process holds"):
        open_journal(tmp_path)
    journal.close()
    open_journal(tmp_path).close()


def test_a_journal_of_another_key_or_name_is_not_opened(tmp_path: Path) -> None:
    path = make_journal(tmp_path, 3)
    with pytest.raises(JournalCorrupt, match="no signature by the key"):
        Journal.open(path, OTHER_KEY)
    with pytest.raises(JournalCorrupt, match="expected origin"):
        Journal.open(path, KEY, origin="readytrader/other")
    Journal.open(path, KEY).close()


@pytest.mark.parametrize(
    "statement",
    [
        "PRAGMA user_version = 3",
        "PRAGMA application_id = 7",
        "CREATE TRIGGER odd AFTER INSERT ON entry BEGIN DELETE FROM record; END",
        "DROP INDEX record_live",
        "DELETE FROM checkpoint",
        "DELETE FROM entry WHERE seq = 299",
        "DELETE FROM tile WHERE level = 1",
        "INSERT INTO entry VALUES (300, x'00')",
        "UPDATE entry SET leaf = x'00' WHERE seq = 299",
    ],
)
def test_a_journal_whose_edge_is_not_the_signed_one_is_not_opened(tmp_path: Path, statement: str) -> None:
    path = make_journal(tmp_path, 300)
    connection = apsw.Connection(str(path))
    connection.execute(statement)
    connection.close()
    with pytest.raises(JournalCorrupt):
        open_journal(tmp_path)


def test_a_journal_of_the_version_before_is_read_and_raised_and_one_of_a_newer_build_refused(tmp_path: Path) -> None:
    """What this build writes, a build of the version before takes as it takes a newer one here: not at all."""
    path = make_journal(tmp_path, 3)
    connection = apsw.Connection(str(path))
    connection.pragma("user_version", SCHEMA_VERSION - 1)
    JournalReader.open_read_only(path)
    open_journal(tmp_path).close()
    assert connection.pragma("user_version") == SCHEMA_VERSION
    connection.pragma("user_version", SCHEMA_VERSION + 1)
    connection.close()
    for opened in (lambda: open_journal(tmp_path), lambda: JournalReader.open_read_only(path)):
        with pytest.raises(JournalCorrupt, match=f"got version {SCHEMA_VERSION + 1}, which a newer build has written"):
            opened()


def test_what_is_no_database_is_not_opened(tmp_path: Path) -> None:
    (tmp_path / "journal.db").write_bytes(b"not a database, and long enough to be looked at " * 50)
    with pytest.raises(JournalCorrupt):
        open_journal(tmp_path)
    with pytest.raises(JournalUnavailable, match="cannot be opened"):
        Journal.open(tmp_path / "missing" / "journal.db", KEY)


def test_an_empty_file_left_by_a_crash_becomes_a_journal(tmp_path: Path) -> None:
    (tmp_path / "journal.db").touch()
    journal = open_journal(tmp_path)
    assert (journal.origin, journal.size) == (ORIGIN, 0)
    journal.close()


def test_a_closed_journal_has_committed_what_waited_and_takes_no_more(tmp_path: Path) -> None:
    async def run() -> None:
        journal = open_journal(tmp_path)
        futures = [journal.append([entry(0)])]
        await asyncio.sleep(0)
        futures.append(journal.append([entry(1)]))
        await journal.aclose()
        assert [future.result().last_seq for future in futures] == [0, 1]
        with pytest.raises(JournalUnavailable, match="closed"):
            journal.append([entry(2)])
        await journal.aclose()

    asyncio.run(run())
    assert verify(tmp_path / "journal.db", VKEY).size == 2


def test_the_export_is_the_log_one_entry_a_line(tmp_path: Path) -> None:
    path = make_journal(tmp_path, 20, records=True)
    header, *lines = b"".join(Export(path).chunks()).splitlines()
    assert msgspec.json.decode(header)["last"] == 19
    assert [msgspec.json.decode(line)["seq"] for line in lines] == list(range(20))
    assert datetime.fromisoformat(msgspec.json.decode(lines[0])["at"]).tzinfo == UTC
