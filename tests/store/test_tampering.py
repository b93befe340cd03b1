"""Whoever edits the file is found: by the hashes, by the signature, or by one old checkpoint kept elsewhere."""

from __future__ import annotations

import asyncio
import shutil
from collections.abc import Iterator
from pathlib import Path

import apsw
import pytest

from appliance.store import database
from appliance.store.audit import FINDINGS_MAX, VerifyReport, verify
from appliance.store.checkpoint import CheckpointKey, InvalidCheckpoint, Signer
from appliance.store.database import JournalUnavailable
from appliance.store.merkle import EMPTY_ROOT, Edge, leaf_hash
from tests.store.journals import KEY, ORIGIN, OTHER_KEY, VKEY, append_all, entry, make_journal, open_journal, record

COUNT = 600


@pytest.fixture(scope="module")
def original(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_journal(tmp_path_factory.mktemp("original"), COUNT, records=True)


@pytest.fixture
def path(original: Path, tmp_path: Path) -> Path:
    return Path(shutil.copy(original, tmp_path / "journal.db"))


def edit(path: Path, *statements: str) -> None:
    """Run statements as somebody with every right on the file would."""
    connection = apsw.Connection(str(path))
    connection.config(apsw.SQLITE_DBCONFIG_DEFENSIVE, 0)
    connection.pragma("ignore_check_constraints", 1)
    for statement in statements:
        connection.execute(statement)
    connection.close()


def rehash(path: Path, key: CheckpointKey) -> None:
    """Rebuild every tile from the entries, and sign anew with `key`."""
    connection = apsw.Connection(str(path))
    leaves = [leaf for (leaf,) in connection.execute("SELECT leaf FROM entry ORDER BY seq").fetchall()]
    edge, tiles = Edge().grow(map(leaf_hash, leaves))
    connection.execute("DELETE FROM tile")
    connection.executemany("INSERT INTO tile VALUES (?, ?, ?)", tiles)
    connection.execute("UPDATE checkpoint SET note = ?", (Signer(key, ORIGIN).sign(edge.size, edge.root()),))
    connection.close()


def first_named(report: VerifyReport) -> int | None:
    return next((finding.seq for finding in report.findings if finding.seq is not None), None)


def test_an_untouched_journal_is_whole(path: Path) -> None:
    report = verify(path, VKEY)
    assert report.whole
    assert (report.size, report.records, report.signed, report.clock_steps) == (COUNT, COUNT, True, 0)


def columns() -> Iterator[tuple[str, str]]:
    connection = apsw.Connection(":memory:")
    database.create_schema(connection)
    for (table,) in connection.execute("SELECT name FROM sqlite_schema WHERE type = 'table'").fetchall():
        for _, column, *_ in connection.execute(f"PRAGMA table_info({table})").fetchall():
            yield table, column


CHANGED = {"INTEGER": "{0} + 100000", "TEXT": "{0} || 'x'", "BLOB": "cast({0} || x'20' AS BLOB)"}


@pytest.mark.parametrize(("table", "column"), list(columns()))
def test_a_change_in_any_column_of_any_row_is_found(original: Path, tmp_path: Path, table: str, column: str) -> None:
    connection = apsw.Connection(str(original))
    kinds = {name: kind for _, name, kind, *_ in connection.execute(f"PRAGMA table_info({table})").fetchall()}
    total = connection.execute(f"SELECT count(*) FROM {table}").get
    connection.close()
    for offset in {0, total // 2, total - 1}:
        path = Path(shutil.copy(original, tmp_path / "journal.db"))
        keys = {"entry": "seq", "tile": "level || ' ' || number", "checkpoint": "id", "record": "kind || ' ' || id"}[
            table
        ]
        edit(
            path,
            f"UPDATE {table} SET {column} = {CHANGED[kinds[column]].format(column)} "
            f"WHERE {keys} = (SELECT {keys} FROM {table} LIMIT 1 OFFSET {offset})",
        )
        assert not verify(path, VKEY).whole, f"row {offset}"


def test_a_flipped_bit_in_any_part_of_an_entry_is_found_and_the_entry_named(original: Path, tmp_path: Path) -> None:
    connection = apsw.Connection(str(original))
    leaf = connection.execute("SELECT leaf FROM entry WHERE seq = 300").get
    assert isinstance(leaf, bytes)
    connection.close()
    for at in range(0, len(leaf), 7):
        path = Path(shutil.copy(original, tmp_path / "journal.db"))
        flipped = leaf[:at] + bytes([leaf[at] ^ 1]) + leaf[at + 1 :]
        edit(path, f"UPDATE entry SET leaf = x'{flipped.hex()}' WHERE seq = 300")
        report = verify(path, VKEY)
        assert not report.whole
        assert 300 in {finding.seq for finding in report.findings}


@pytest.mark.parametrize("live", [0, 2, -1])
def test_a_record_that_is_hidden_from_the_next_start_is_found(path: Path, live: int) -> None:
    edit(path, f"UPDATE record SET live = {live} WHERE id = 'o-7'")
    assert [finding.seq for finding in verify(path, VKEY).findings] == [7]


@pytest.mark.parametrize("table", ["entry", "tile", "checkpoint", "record"])
def test_a_deleted_row_of_any_table_is_found(original: Path, tmp_path: Path, table: str) -> None:
    keys = {"entry": "seq", "tile": "level || ' ' || number", "checkpoint": "id", "record": "id"}[table]
    connection = apsw.Connection(str(original))
    total = connection.execute(f"SELECT count(*) FROM {table}").get
    connection.close()
    for offset in {0, total // 2, total - 1}:
        path = Path(shutil.copy(original, tmp_path / "journal.db"))
        edit(path, f"DELETE FROM {table} WHERE {keys} = (SELECT {keys} FROM {table} LIMIT 1 OFFSET {offset})")
        assert not verify(path, VKEY).whole, f"row {offset}"


@pytest.mark.parametrize(
    "statement",
    [
        f"INSERT INTO entry VALUES ({COUNT}, x'7b7d')",
        f"INSERT INTO entry VALUES ({COUNT + 1}, x'7b7d')",
        "INSERT INTO entry VALUES (-1, x'7b7d')",
        "INSERT INTO tile VALUES (0, 2, x'00')",
        "INSERT INTO tile VALUES (2, 0, x'00')",
        "INSERT INTO checkpoint SELECT 2, note FROM checkpoint",
        "INSERT INTO record VALUES ('order', 'forged', 1, '2026-01-02T12:00:00.000000Z', 5, x'7b7d')",
        "CREATE TABLE odd (x)",
        "CREATE VIEW odd AS SELECT * FROM entry",
        "PRAGMA user_version = 3",
    ],
)
def test_whatever_is_added_is_found(path: Path, statement: str) -> None:
    edit(path, statement)
    assert not verify(path, VKEY).whole


def test_a_truncated_log_is_found_and_the_first_missing_entry_named(path: Path) -> None:
    edit(path, "DELETE FROM entry WHERE seq >= 580")
    assert first_named(verify(path, VKEY)) == 580


def test_an_older_version_of_a_record_is_found(tmp_path: Path) -> None:
    journal = open_journal(tmp_path)
    append_all(journal, 1, records=True)
    journal.close()
    path = tmp_path / "journal.db"
    old = apsw.Connection(str(path)).execute("SELECT * FROM record").fetchall()[0]
    journal = open_journal(tmp_path)

    async def close_order() -> None:
        await journal.append([entry(1)], [record(0, live=False)])
        await journal.aclose()

    asyncio.run(close_order())
    connection = apsw.Connection(str(path))
    connection.execute("REPLACE INTO record VALUES (?, ?, ?, ?, ?, ?)", old)
    connection.close()
    assert [finding.seq for finding in verify(path, VKEY).findings] == [1]


def test_a_record_that_no_entry_explains_is_named(path: Path) -> None:
    edit(path, "INSERT INTO record VALUES ('order', 'forged', 1, '2026-01-02T12:00:00.000000Z', -1, x'7b7d')")
    assert [finding.text for finding in verify(path, VKEY).findings] == [
        "record order 'forged' was written by no entry"
    ]


def test_an_entry_with_anothers_number_is_found_even_when_signed(path: Path) -> None:
    edit(path, "UPDATE entry SET leaf = (SELECT leaf FROM entry AS o WHERE o.seq = 9) WHERE seq = 10")
    rehash(path, KEY)
    assert verify(path, VKEY).findings[0].text == "entry 10 calls itself 9"


def test_an_old_checkpoint_of_another_journal_is_found_without_any_key(path: Path) -> None:
    other = Signer(KEY, "readytrader/other").sign(0, EMPTY_ROOT)
    assert [finding.text for finding in verify(path, None, other).findings] == [
        f"this is the journal {ORIGIN}, the old checkpoint is of readytrader/other"
    ]


def test_two_exchanged_entries_are_found(path: Path) -> None:
    edit(
        path,
        "UPDATE entry SET leaf = (SELECT leaf FROM entry AS o WHERE o.seq = 601 - entry.seq) WHERE seq IN (300, 301)",
    )
    assert first_named(verify(path, VKEY)) == 300


FORGERIES = {
    "edited": [
        """UPDATE entry SET leaf = CAST(replace(CAST(leaf AS TEXT), 'number":"10', 'number":"11') AS BLOB)
        WHERE seq = 10"""
    ],
    "truncated": ["DELETE FROM entry WHERE seq >= 300", "DELETE FROM record WHERE seq >= 300"],
    "inserted": [
        f"""INSERT INTO entry VALUES ({COUNT}, CAST(
        '{{"seq":{COUNT},"at":"2026-01-02T12:00:01.000000Z","kind":"x","body":{{}}}}' AS BLOB))"""
    ],
}


@pytest.mark.parametrize("forgery", FORGERIES)
def test_a_forger_without_the_key_is_found_by_the_signature(path: Path, forgery: str) -> None:
    edit(path, *FORGERIES[forgery])
    rehash(path, OTHER_KEY)
    assert verify(path).whole, "the forgery must be perfect but for the key"
    report = verify(path, VKEY)
    key_hash = KEY.verifier(ORIGIN).key_hash.hex()
    expected = f"checkpoint of {ORIGIN} at size {report.size}: no signature by the key with hash {key_hash}"
    assert [finding.text for finding in report.findings] == [expected]


@pytest.mark.parametrize("forgery", ["edited", "truncated"])
def test_a_forger_with_the_key_is_found_by_one_old_checkpoint(original: Path, path: Path, forgery: str) -> None:
    old = apsw.Connection(str(original)).execute("SELECT note FROM checkpoint").get
    assert isinstance(old, str)
    edit(path, *FORGERIES[forgery])
    rehash(path, KEY)
    assert verify(path, VKEY).whole, "the forgery must be perfect but for the past"
    report = verify(path, VKEY, old)
    assert len(report.findings) == 1
    assert "old checkpoint" in report.findings[0].text


@pytest.mark.parametrize("old_size", [1, 255, 256, 257, 512, 599, 600])
def test_an_old_checkpoint_of_any_size_is_found_to_be_the_beginning(tmp_path: Path, old_size: int) -> None:
    journal = open_journal(tmp_path)
    receipts = append_all(journal, old_size)
    old = receipts[-1].checkpoint
    append_all(journal, 600 - old_size)
    journal.close()
    path = tmp_path / "journal.db"
    assert verify(path, VKEY, old).whole
    forged = Signer(KEY, ORIGIN).sign(old_size, bytes(32))
    assert [f.text for f in verify(path, VKEY, forged).findings] == [
        f"the first {old_size} entries are not those of the old checkpoint"
    ]


def test_a_journal_begun_anew_is_found_by_the_old_checkpoint(original: Path, tmp_path: Path) -> None:
    old = apsw.Connection(str(original)).execute("SELECT note FROM checkpoint").get
    assert isinstance(old, str)
    path = make_journal(tmp_path, 0)
    assert verify(path, VKEY).whole
    assert not verify(path, VKEY, old).whole


def test_a_damaged_file_is_a_finding_and_a_missing_one_an_error(path: Path) -> None:
    size = path.stat().st_size
    for length in (100, 5000, size // 2, size - 4096):
        damaged = path.with_name("damaged.db")
        damaged.write_bytes(path.read_bytes()[:length])
        assert not verify(damaged, VKEY).whole, f"truncated to {length}"
    with pytest.raises(JournalUnavailable):
        verify(path.with_name("missing.db"), VKEY)


def test_an_index_that_hides_a_record_is_found(path: Path) -> None:
    connection = apsw.Connection(str(path))
    (hidden,) = connection.execute("SELECT * FROM record WHERE id = 'o-7'").fetchall()
    (index,) = connection.execute("SELECT * FROM sqlite_schema WHERE name = 'record_live'").fetchall()
    connection.execute("DELETE FROM record WHERE id = 'o-7'")
    connection.pragma("writable_schema", 1)
    connection.execute("DELETE FROM sqlite_schema WHERE name = 'record_live'")
    connection.close()
    connection = apsw.Connection(str(path))
    connection.execute("INSERT INTO record VALUES (?, ?, ?, ?, ?, ?)", hidden)
    connection.pragma("writable_schema", 1)
    connection.execute("INSERT INTO sqlite_schema VALUES (?, ?, ?, ?, ?)", index)
    connection.close()
    assert verify(path, VKEY).findings[0].text.startswith("the file is damaged: row ")


def test_a_wrong_public_key_or_old_checkpoint_is_the_callers_error(path: Path) -> None:
    with pytest.raises(InvalidCheckpoint):
        verify(path, "nonsense")
    with pytest.raises(InvalidCheckpoint):
        verify(path, VKEY, "nonsense")
    with pytest.raises(InvalidCheckpoint, match="no signature"):
        verify(path, VKEY, Signer(OTHER_KEY, ORIGIN).sign(1, bytes(32)))


def test_a_clock_that_was_set_back_is_counted_and_no_finding(tmp_path: Path) -> None:
    async def run() -> None:
        journal = open_journal(tmp_path)
        await journal.append([entry(5), entry(4), entry(4), entry(6)])
        await journal.aclose()

    asyncio.run(run())
    report = verify(tmp_path / "journal.db", VKEY)
    assert (report.whole, report.clock_steps) == (True, 1)


def test_a_journal_is_verified_while_it_is_written(tmp_path: Path) -> None:
    journal = open_journal(tmp_path)
    seen: list[tuple[int, int]] = []
    append_all(journal, 300, records=True)
    report = verify(tmp_path / "journal.db", VKEY, progress=lambda done, total: seen.append((done, total)))
    append_all(journal, 1)
    assert (report.whole, report.size, seen[-1]) == (True, 300, (300, 300))
    journal.close()


def test_no_more_is_told_than_anybody_reads(path: Path) -> None:
    edit(path, "DELETE FROM record")
    assert len(verify(path, VKEY).findings) == FINDINGS_MAX
