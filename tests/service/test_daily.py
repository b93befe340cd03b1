"""The summary of a day: right to the digit, told once, and only when it is asked for."""

from __future__ import annotations

import asyncio
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from pathlib import Path

import msgspec
from readytrader_sdk.orders import Side

from appliance.domain.events import CoreStarted, Event, OrderPermitted
from appliance.domain.notices import NoticeDelivered, NoticeGivenUp
from appliance.domain.operators import Person, Role
from appliance.domain.series import EquityMarked, EquityPoint
from appliance.domain.snapshot import Mode
from appliance.domain.told import DayTold
from appliance.service.daily import DayRun
from appliance.service.notice_words import words_of
from appliance.service.report_files import Source, daily_text, made_again
from tests.pipeline.cases import NOW, limits, snapshot
from tests.service.rig import ROOMY, ManualClock, Rig, buy, codes, open_rig, sell
from tests.service.test_tax import Group, leaves, started, trade

D = Decimal
DAY = date(2026, 3, 2)
TOLD = ROOMY + "[notices]\ndaily_summary = true\n"
HELD = ROOMY + "[approval]\nnotional_min = 8000\n"


async def a_day(rig: Rig) -> None:
    """A purchase, a sale at a loss, a denial, a proposal that is refused, a halt; and the worth now and then."""
    rig.quote()
    await rig.fund("10000")
    await rig.place(buy("0.02"))
    await rig.core.beat()
    rig.clock.advance(400)
    rig.quote("49000", "49010")
    await rig.core.beat()
    await rig.place(sell("0.01"))
    assert codes(await rig.submit(buy("0.0000001")))
    await rig.core.stop_trading("operator:zoe", "lunch")
    await rig.core.halt.resume("operator:zoe", "back")
    rig.clock.advance(400)
    rig.quote("51000", "51010")
    await rig.core.beat()


def test_a_day_is_summed_up_from_its_entries_alone(tmp_path: Path) -> None:
    async def life() -> None:
        async with open_rig(tmp_path) as rig:
            await a_day(rig)
            await rig.core.recorder.written()
            summary = await rig.core.archive.day_summary(DAY)
        assert (summary.orders, summary.fills, summary.denied, summary.currency) == (2, 2, 1, "USDT")
        assert summary.fees == {"USDT": D("1.0002") + D("0.49")}
        paid = D("1000.2") + D("1.0002")
        assert summary.realised_gain == D("490") - D("0.49") - paid / 2
        assert summary.equity_open is not None
        assert summary.equity_close is not None
        assert summary.drawdown_max_pct is not None
        assert summary.equity_close > summary.equity_open - 100
        assert summary.drawdown_max_pct > 0
        assert list(summary.states) == [
            "all trading is halted, by operator:zoe: lunch", "all trading is active, by operator:zoe: back",
        ]  # fmt: skip
        assert len(summary.denials) >= 1

    asyncio.run(life())


def test_an_earlier_day_counts_for_costs_and_for_nothing_else(tmp_path: Path) -> None:
    async def life() -> None:
        clock = ManualClock()
        async with open_rig(tmp_path, clock=clock) as rig:
            await a_day(rig)
            clock.advance(24 * 3600)
            rig.quote("60000", "60010")
            await rig.place(sell("0.01"))
            await rig.core.recorder.written()
            first = await rig.core.archive.day_summary(DAY)
            second = await rig.core.archive.day_summary(DAY + timedelta(days=1))
            empty = await rig.core.archive.day_summary(DAY - timedelta(days=1))
            source = Source(rig.home.journal)
            header = b"".join(daily_text(source, None, DAY - timedelta(days=1))).decode()
            again = made_again({"report": "daily", "day": f"{DAY - timedelta(days=1)}"}, source, as_json=False)
            assert b"".join(again).decode() == header
            source.close()
        assert (second.orders, second.fills, second.states) == (1, 1, ())
        assert second.realised_gain > 90
        assert second.first_entry == first.last_entry + 1
        assert (empty.first_entry, empty.last_entry, empty.orders) == (0, -1, 0)
        assert "# entries: none\n" in header

    asyncio.run(life())


def test_what_people_changed_is_told_in_words_and_of_notices_only_what_did_not_arrive(tmp_path: Path) -> None:
    async def life() -> None:
        async with open_rig(tmp_path) as rig:
            zoe = Person(name="operator:zoe", role=Role.OPERATOR)
            change = await rig.core.limit_book.tighten("limits.open_orders_max", "3", zoe, "a quiet day")
            rig.core.recorder.record(NoticeDelivered(notice_id="n-1", notifier="phone", attempts=1))
            lost = {"reason": "gone", "subject": "halted", "text": "Trading is halted."}
            rig.core.recorder.record(NoticeGivenUp(notice_id="n-2", notifier="phone", attempts=9, **lost))
            await rig.core.recorder.written()
            summary = await rig.core.archive.day_summary(rig.clock().date())
        what = f"as operator:zoe asked in change {change.change_id}: a quiet day"
        assert list(summary.acts) == [
            f"limit.set: limits.open_orders_max was tightened from {change.before} to 3, {what}",
            "notice.given_up: notice n-2 given up at phone: gone: halted",
        ]

    asyncio.run(life())


def test_paper_and_real_money_are_never_added_up() -> None:
    """One day: 0.5 bought and sold on paper with a gain of 50, then the core comes up live and gains 7."""

    def worth(portfolio: str, equity: int) -> Event:
        point = EquityPoint(portfolio=portfolio, at=NOW, equity=D(equity), nav=D(1), nav_peak=D(1))
        return EquityMarked(point=point)

    def in_live(trade: Group) -> Group:
        permit, *rest = trade
        assert isinstance(permit, OrderPermitted)
        return (msgspec.structs.replace(permit, snapshot=snapshot(mode=Mode.LIVE)), *rest)

    paper = (*started(), worth("paper", 5000), *trade(1, Side.BUY, D("0.5"), D(100), D(1)))
    paper = (*paper, *trade(2, Side.SELL, D("0.5"), D(202)))
    live = (*in_live(trade(3, Side.BUY, D(1), D(10))), *in_live(trade(4, Side.SELL, D(1), D(19), D(2))))
    comes_up_live = CoreStarted(version="1", mode=Mode.LIVE, configuration_digest="0", limits=limits())
    day = [*leaves([paper, (comes_up_live,), live, (worth("live", 70),)])]
    mixed = DayRun(NOW.date(), 0, len(day) - 1).read(day)
    assert (mixed.portfolio, mixed.orders, mixed.fills, mixed.realised_gain) == ("live", 4, 2, D(7))
    assert (mixed.fees, mixed.equity_open, mixed.equity_close) == ({"USDT": D(2)}, D(70), D(70))
    before = DayRun(NOW.date(), 0, len(paper) - 1).read(day[: len(paper)])
    assert (before.portfolio, before.fills, before.realised_gain, before.equity_close) == ("paper", 2, D(50), D(5000))


async def days_told(rig: Rig) -> list[DayTold]:
    """After whatever was begun has ended."""
    if rig.core._daily._running is not None:
        await asyncio.gather(rig.core._daily._running, return_exceptions=True)
    await rig.core.recorder.written()
    return [event for _, event in rig.entries() if isinstance(event, DayTold)]


def test_yesterday_is_told_once_after_midnight_and_not_again_after_a_restart(tmp_path: Path) -> None:
    async def life() -> None:
        clock = ManualClock(datetime(2026, 3, 2, 12, 0, tzinfo=UTC))
        async with open_rig(tmp_path, TOLD, clock=clock) as rig:
            await a_day(rig)
            clock.now = datetime(2026, 3, 3, 0, 4, 59, tzinfo=UTC)
            await rig.core.beat()
            assert [it.day for it in await days_told(rig)] == [DAY - timedelta(days=1)]
            clock.advance(1)
            for _ in range(3):
                await rig.core.beat()
            told = await days_told(rig)
            assert [it.day for it in told] == [DAY - timedelta(days=1), DAY]
        async with open_rig(tmp_path, TOLD, clock=clock) as again:
            await again.core.beat()
            assert await days_told(again) == told
        quiet, busy = told
        assert (quiet.text, words_of(quiet)) == ("", None)
        words = words_of(busy)
        assert words is not None
        assert words.subject == "the day 2026-03-02"
        assert words.text.startswith("2 orders, 2 fills, -")

    asyncio.run(life())


def test_a_day_that_cannot_be_summed_up_is_tried_once_and_the_next_one_is_told(tmp_path: Path) -> None:
    async def life() -> None:
        clock = ManualClock(datetime(2026, 3, 2, 12, 0, tzinfo=UTC))
        async with open_rig(tmp_path, TOLD, clock=clock) as rig:
            await a_day(rig)
            there = rig.core.archive.path
            rig.core.archive.path = tmp_path / "gone"
            clock.now = datetime(2026, 3, 3, 0, 5, tzinfo=UTC)
            await rig.core.beat()
            before = await days_told(rig)
            rig.core.archive.path = there
            await rig.core.beat()
            assert await days_told(rig) == before
            clock.advance(24 * 3600)
            await rig.core.beat()
            assert [it.day for it in await days_told(rig)] == [DAY - timedelta(days=1), DAY + timedelta(days=1)]

    asyncio.run(life())


def test_nobody_who_did_not_ask_is_told(tmp_path: Path) -> None:
    async def life() -> None:
        clock = ManualClock(datetime(2026, 3, 2, 12, 0, tzinfo=UTC))
        async with open_rig(tmp_path, clock=clock) as rig:
            await a_day(rig)
            clock.advance(24 * 3600)
            await rig.core.beat()
            assert await days_told(rig) == []

    asyncio.run(life())
