from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from appliance.store.audit import verify
from appliance.store.journal import ANNOUNCED_MAX, Journal, JournalUnavailable
from tests.store.counting_vfs import counting_vfs
from tests.store.journals import KEY, VKEY, entry, open_journal, record


def test_callers_of_one_moment_share_one_commit_in_the_order_of_their_calls(tmp_path: Path) -> None:
    async def run() -> None:
        journal = open_journal(tmp_path)

        async def call(number: int) -> int:
            return (await journal.append([entry(number)])).first_seq

        assert await asyncio.gather(*(call(number) for number in range(64))) == list(range(64))
        assert (journal.counters.commits, journal.counters.entries) == (1, 64)
        await journal.aclose()

    asyncio.run(run())


def test_what_comes_during_a_commit_makes_the_next_group(tmp_path: Path) -> None:
    async def run() -> None:
        journal = open_journal(tmp_path)
        first = journal.append([entry(0)])
        await asyncio.sleep(0)
        rest = [journal.append([entry(number)]) for number in range(1, 20)]
        await asyncio.gather(first, *rest)
        assert journal.counters.commits == 2
        await journal.aclose()

    asyncio.run(run())


def test_a_commit_waits_for_the_requests_that_are_on_their_way(tmp_path: Path) -> None:
    async def run() -> None:
        journal = open_journal(tmp_path)

        async def call(number: int) -> None:
            journal.announce()
            for _ in range(number):
                await asyncio.sleep(0)
            journal.arrived()
            written = journal.append([entry(number)], [record(number)])
            await written

        await asyncio.gather(*(call(number) for number in range(20)))
        assert journal.counters.commits == 1
        await journal.aclose()

    asyncio.run(run())


def test_a_commit_does_not_wait_for_one_that_never_comes(tmp_path: Path) -> None:
    async def run() -> None:
        journal = open_journal(tmp_path)
        journal.announce()
        receipt = await journal.append([entry()])
        assert receipt.first_seq == 0
        await journal.aclose()

    asyncio.run(run())


def test_an_announcement_is_forgotten_after_a_while(tmp_path: Path) -> None:
    async def run() -> None:
        journal = Journal.open(tmp_path / "journal.db", KEY, group_wait_max=3600)
        loop = asyncio.get_running_loop()
        began = loop.time()
        loop.time = lambda: began  # type: ignore[method-assign]
        journal.announce()
        loop.time = lambda: began + 2 * ANNOUNCED_MAX  # type: ignore[method-assign]
        assert (await asyncio.wait_for(journal.append([entry()]), 30)).first_seq == 0
        await journal.aclose()

    asyncio.run(run())


def test_a_commit_starts_when_the_last_expected_one_turns_away(tmp_path: Path) -> None:
    async def run() -> None:
        journal = Journal.open(tmp_path / "journal.db", KEY, group_wait_max=3600)
        journal.announce()
        written = journal.append([entry()])
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        assert not written.done()
        journal.arrived()
        assert (await asyncio.wait_for(written, 30)).first_seq == 0
        await journal.aclose()

    asyncio.run(run())


def test_a_lone_caller_waits_for_nobody(tmp_path: Path) -> None:
    async def run() -> None:
        journal = open_journal(tmp_path)
        asyncio.get_running_loop().call_later = _never  # type: ignore[assignment,method-assign]
        for number in range(5):
            journal.announce()
            journal.arrived()
            written = journal.append([entry(number)])
            await written
        assert journal.counters.commits == 5
        await journal.aclose()

    def _never(*_: object) -> None:
        raise AssertionError("a timer was started for a lone caller")

    asyncio.run(run())


def test_64_orders_of_two_appends_cost_at_most_a_fifth_of_an_fsync_each(tmp_path: Path) -> None:
    with counting_vfs() as counts:

        async def run() -> None:
            journal = open_journal(tmp_path, vfs=counts.name)
            counts.syncs = 0

            async def order(number: int) -> None:
                journal.announce()
                await asyncio.sleep(0)
                journal.arrived()
                permitted = journal.append([entry(number)], [record(number)])
                await permitted
                journal.announce()
                await asyncio.sleep(0)
                journal.arrived()
                reported = journal.append([entry(number, kind="order.reported")], [record(number, live=False)])
                await reported

            for start in range(0, 640, 64):
                await asyncio.gather(*(order(number) for number in range(start, start + 64)))
            assert counts.syncs / 640 <= 0.2
            assert counts.syncs >= journal.counters.commits
            await journal.aclose()

        asyncio.run(run())
    assert verify(tmp_path / "journal.db", VKEY).size == 1280


def test_a_caller_that_gives_up_takes_nobody_with_it(tmp_path: Path) -> None:
    async def run() -> None:
        journal = open_journal(tmp_path)
        gone, kept = journal.append([entry(0)]), journal.append([entry(1)])
        gone.cancel()
        assert (await kept).first_seq == 1
        assert [leaf.seq for leaf in journal.entries()] == [0, 1]
        await journal.aclose()

    asyncio.run(run())


def test_a_failed_commit_refuses_its_group_what_waits_and_all_that_comes(tmp_path: Path) -> None:
    with counting_vfs() as counts:

        async def run() -> None:
            journal = open_journal(tmp_path, vfs=counts.name)
            before = await journal.append([entry(0)])
            counts.failing = True
            group = [journal.append([entry(number)]) for number in range(1, 4)]
            await asyncio.sleep(0)
            behind = journal.append([entry(4)])
            outcomes = await asyncio.gather(*group, behind, return_exceptions=True)
            assert [type(outcome) for outcome in outcomes] == [JournalUnavailable] * 4
            assert journal.failed is not None
            assert "entries 1 to 3 could not be written" in journal.failed
            counts.failing = False
            with pytest.raises(JournalUnavailable, match="could not be written"):
                journal.append([entry(5)])
            assert journal.checkpoint == before.checkpoint
            assert [leaf.seq for leaf in journal.entries()] == [0]
            await journal.aclose()

        asyncio.run(run())
    journal = open_journal(tmp_path)
    assert journal.size == 1
    journal.close()
    assert verify(tmp_path / "journal.db", VKEY).whole
