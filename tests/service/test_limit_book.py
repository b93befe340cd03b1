"""Limits while the core runs: tighter at once, looser late and never by one alone, the same after every crash."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from datetime import timedelta
from decimal import Decimal
from pathlib import Path

import msgspec
import pytest
from readytrader_sdk.errors import Misconfigured

from appliance.domain.codes import Code
from appliance.domain.events import CoreStarted, Event, OrderPermitted
from appliance.domain.limit_changes import (
    LimitChange,
    LimitChangeEnded,
    LimitSet,
    LimitsLooserAtStart,
    LooseningAsked,
)
from appliance.domain.limits import Limits
from appliance.domain.operators import Person, Role, account_name
from appliance.domain.tightness import FIXED
from appliance.service.limit_book import LimitRefused
from appliance.service.notice_words import words_of
from appliance.service.outcomes import Placed
from appliance.store.journal import JournalUnavailable
from tests.service.live import open_live
from tests.service.rig import OPERATOR, ROOMY, Rig, buy, codes, open_rig, play

ALICE, BOB, CAROL = (Person(name=account_name(name), role=Role.OPERATOR) for name in ("alice", "bob", "carol"))
CAP = "limits.notional_order_max"
CAPPED = ROOMY + "notional_order_max = 5000\n"
TWO = CAPPED + "[approval]\npeople_min = 2\n"


async def loosened(rig: Rig, value: str = "8000", key: str = CAP, person: Person = ALICE) -> LimitChange:
    return await rig.core.limit_book.loosen(key, value, person, "totp", "more")


async def after(rig: Rig, seconds: float) -> None:
    rig.clock.advance(seconds)
    await rig.core.beat()
    await rig.core.recorder.written()


def cap(rig: Rig) -> Decimal | None:
    return rig.core.limits.notional_order_max


def of(rig: Rig, kind: type[Event]) -> list[Event]:
    return [event for _, event in rig.entries() if isinstance(event, kind)]


def test_a_tightening_holds_for_the_very_next_decision(tmp_path: Path) -> None:
    async def scenario(rig: Rig) -> None:
        assert isinstance(await rig.submit(buy("0.05")), Placed)
        waiting = asyncio.ensure_future(rig.core.limit_book.tighten(CAP, "1000", OPERATOR, "less"))
        await asyncio.sleep(0)
        assert codes(await rig.submit(buy("0.04"))) == {Code.NOTIONAL_ABOVE_MAX}
        change = await waiting
        assert (change.before, change.value, change.configured) == ("5000", "1000", "5000")

    play(tmp_path, scenario, CAPPED)


def test_a_tightening_is_in_the_journal_before_the_first_decision_that_it_made(tmp_path: Path) -> None:
    async def scenario(rig: Rig) -> None:
        await asyncio.gather(
            rig.core.limit_book.tighten(CAP, "4000", OPERATOR, "less"), rig.submit(buy("0.07")), rig.submit(buy("0.09"))
        )
        kinds = rig.kinds()
        assert kinds.index("limit.set") < kinds.index("order.permitted")
        assert kinds.index("limit.set") < kinds.index("request.denied")

    play(tmp_path, scenario, CAPPED)


def test_a_loosening_holds_when_its_delay_is_over_and_not_a_moment_before(tmp_path: Path) -> None:
    async def scenario(rig: Rig) -> None:
        change = await loosened(rig)
        assert change.due_at - rig.clock.now == rig.core.limits.loosening_delay
        await after(rig, 599.999999)
        assert cap(rig) == 5000
        rig.quote()
        assert codes(await rig.submit(buy("0.15"))) == {Code.NOTIONAL_ABOVE_MAX}
        await after(rig, 0.000001)
        assert cap(rig) == 8000
        assert isinstance(await rig.submit(buy("0.15")), Placed)

    play(tmp_path, scenario, CAPPED)


def test_a_loosening_needs_a_second_factor(tmp_path: Path) -> None:
    async def scenario(rig: Rig) -> None:
        with pytest.raises(LimitRefused, match="second factor"):
            await rig.core.limit_book.loosen(CAP, "8000", ALICE, "", "more")
        assert of(rig, LooseningAsked) == []

    play(tmp_path, scenario, CAPPED)


def test_anybody_takes_a_loosening_back_until_it_holds(tmp_path: Path) -> None:
    async def scenario(rig: Rig) -> None:
        change = await loosened(rig)
        await rig.core.limit_book.withdraw(change.change_id, OPERATOR, "no")
        await after(rig, 3600)
        assert cap(rig) == 5000
        with pytest.raises(LimitRefused, match="no loosening"):
            await rig.core.limit_book.withdraw(change.change_id, OPERATOR, "no")

    play(tmp_path, scenario, CAPPED)


def test_a_tightening_of_the_same_limit_voids_the_loosening_that_waits_and_no_other(tmp_path: Path) -> None:
    async def scenario(rig: Rig) -> None:
        change, other = await loosened(rig), await loosened(rig, "2000", "limits.open_orders_max")
        await rig.core.limit_book.tighten(CAP, "4000", OPERATOR, "less")
        (ended,) = of(rig, LimitChangeEnded)
        assert isinstance(ended, LimitChangeEnded)
        assert (ended.change_id, ended.state) == (change.change_id, "void")
        await after(rig, 600)
        assert (cap(rig), rig.core.limits.open_orders_max) == (4000, 2000)
        assert other.setting not in {it.setting for it in rig.core.limit_book.pending()}

    play(tmp_path, scenario, CAPPED)


def test_of_two_operators_at_once_one_loosening_of_a_limit_waits(tmp_path: Path) -> None:
    async def scenario(rig: Rig) -> None:
        outcomes = await asyncio.gather(
            *(loosened(rig, str(6000 + n), person=who) for n, who in enumerate((ALICE, BOB) * 20)),
            return_exceptions=True,
        )
        assert sum(isinstance(it, LimitChange) for it in outcomes) == 1
        assert sum(isinstance(it, LimitRefused) for it in outcomes) == 39
        assert len(of(rig, LooseningAsked)) == 1

    play(tmp_path, scenario, CAPPED)


def test_where_two_must_agree_a_loosening_needs_another_named_person(tmp_path: Path) -> None:
    async def scenario(rig: Rig) -> None:
        book = rig.core.limit_book
        with pytest.raises(LimitRefused, match="operator add NAME --role operator --uid UID"):
            await loosened(rig, person=OPERATOR)
        change = await loosened(rig)
        with pytest.raises(LimitRefused, match="another person"):
            await book.confirm(change.change_id, ALICE, "totp")
        with pytest.raises(LimitRefused, match="no operator's account"):
            await book.confirm(change.change_id, OPERATOR, "totp")
        with pytest.raises(LimitRefused, match="second factor"):
            await book.confirm(change.change_id, BOB, "")
        await book.confirm(change.change_id, BOB, "passkey")
        with pytest.raises(LimitRefused, match="another person"):
            await book.confirm(change.change_id, BOB, "passkey")
        await after(rig, 600)
        assert cap(rig) == 8000

    play(tmp_path, scenario, TWO)


def test_whoever_wanted_it_before_they_could_not_decide_wants_it_again_and_counts_once(tmp_path: Path) -> None:
    async def scenario(rig: Rig) -> None:
        change = await loosened(rig)
        rig.clock.advance(1)
        reopened = rig.clock()
        book = rig.core.limit_book
        book._may_still_decide = lambda name, at: name != ALICE.name or at > reopened
        await book.confirm(change.change_id, BOB, "totp")
        rig.clock.advance(1)
        await book.confirm(change.change_id, ALICE, "totp")
        with pytest.raises(LimitRefused, match="another person"):
            await book.confirm(change.change_id, ALICE, "totp")
        await after(rig, 600)
        assert cap(rig) == 8000

    play(tmp_path, scenario, TWO)


def test_a_loosening_that_nobody_else_wanted_is_void_when_it_is_due(tmp_path: Path) -> None:
    async def scenario(rig: Rig) -> None:
        await loosened(rig)
        await after(rig, 600)
        assert cap(rig) == 5000
        (ended,) = of(rig, LimitChangeEnded)
        assert isinstance(ended, LimitChangeEnded)
        assert "1 of 2 persons" in ended.reason

    play(tmp_path, scenario, TWO)


def test_fewer_approvers_are_a_loosening_that_more_must_want(tmp_path: Path) -> None:
    async def scenario(rig: Rig) -> None:
        book = rig.core.limit_book
        with pytest.raises(LimitRefused, match="loosen it, which holds after a delay"):
            await book.tighten("approval.people_min", "1", ALICE, "faster")
        change = await loosened(rig, "1", "approval.people_min")
        assert change.people_min == 2
        await book.confirm(change.change_id, BOB, "totp")
        await after(rig, 600)
        assert rig.core.limits.approval_people_min == 1

    play(tmp_path, scenario, TWO)


def test_more_approvers_meanwhile_must_want_it_too(tmp_path: Path) -> None:
    async def scenario(rig: Rig) -> None:
        await loosened(rig)
        await rig.core.limit_book.tighten("approval.people_min", "2", OPERATOR, "safer")
        await after(rig, 600)
        assert cap(rig) == 5000

    play(tmp_path, scenario, CAPPED)


@pytest.mark.parametrize(
    ("key", "value", "said"),
    [
        ("limits.notional_order_max", "0,5", "limits.notional_order_max: expected a plain decimal"),
        ("limits.notional_order_max", "0", "limits.notional_order_max: expected a plain decimal"),
        ("limits.notional_order_max", "-1", "limits.notional_order_max: expected a plain decimal"),
        ("limits.notional_order_max", "NaN", "limits.notional_order_max: expected a plain decimal"),
        ("limits.notional_order_max", "5000.0", "is 5000 already"),
        ("limits.notional_order_max", "5001", "loosen it"),
        ("limits.notional_order_max", "off", "loosen it"),
        ("limits.notional_oder_max", "1", "did you mean limits.notional_order_max"),
        ("limits.open_orders_max", "1.5", "limits.open_orders_max: expected a whole number"),
        ("allow.symbols", "BTC/USDT,,", "expected a spot symbol"),
        ("approval.mode", "nobody", "approval.mode: expected auto or approve_each"),
        ("limits.quantity_order_max.btc", "1", "is no limit"),
        ("limits.quantity_order_max.DOGE", "1", "limits.quantity_order_max.DOGE: DOGE: unknown base asset"),
        ("limits.collar_soft_pct", "3", "limits.collar_soft_pct: 3 is above limits.collar_hard_pct, 2"),
        ("sentiment.min", "0.1", "has no effect without sentiment.source"),
        ("paper_mode", "true", "paper_mode is no limit"),
    ],
)
def test_a_value_is_read_by_the_settings_own_form_and_the_answer_names_the_setting(
    key: str, value: str, said: str, tmp_path: Path
) -> None:
    async def scenario(rig: Rig) -> None:
        before = rig.core.limits
        with pytest.raises(LimitRefused, match=said):
            await rig.core.limit_book.tighten(key, value, OPERATOR, "less")
        assert rig.core.limits is before
        assert of(rig, LimitSet) == []

    play(tmp_path, scenario, CAPPED)


@pytest.mark.parametrize(
    ("key", "value", "field", "becomes"),
    [
        ("limits.quantity_order_max.BTC", "0.4", "quantity_order_max", {"BTC": Decimal("0.4")}),
        ("allow.symbols", "BTC/USDT", "allow_symbols", frozenset({"BTC/USDT"})),
        ("allow.symbols", "none", "allow_symbols", frozenset()),
        ("approval.mode", "approve_each", "approval_mode", "approve_each"),
        ("approval.first_symbol", "true", "approval_first_symbol", True),
        ("approval.notional_min", "10", "approval_notional_min", Decimal(10)),
    ],
)
def test_every_kind_of_limit_can_be_tightened(
    key: str, value: str, field: str, becomes: object, tmp_path: Path
) -> None:
    async def scenario(rig: Rig) -> None:
        before = rig.core.limits
        await rig.core.limit_book.tighten(key, value, OPERATOR, "less")
        assert getattr(rig.core.limits, field) == becomes
        assert msgspec.structs.replace(rig.core.limits, **{field: getattr(before, field)}) == before

    play(tmp_path, scenario, CAPPED)


def test_what_cannot_change_while_the_core_runs_says_so(tmp_path: Path) -> None:
    async def scenario(rig: Rig) -> None:
        rows = {row.field: row for row in rig.core.limit_book.rows()}
        assert FIXED.keys() <= rows.keys()
        for value in ("60", "900"):
            with pytest.raises(LimitRefused, match="nobody in a hurry may shorten it"):
                await rig.core.limit_book.loosen("limits.loosening_delay_sec", value, ALICE, "totp", "now")

    play(tmp_path, scenario, CAPPED)


def lives(folder: Path, *parts: tuple[str, Callable[[Rig], Awaitable[None]]]) -> None:
    """One home, several lives of a core in it, each under a configuration of its own; the clock goes on."""

    async def run() -> None:
        clock = None
        for toml, act in parts:
            async with open_rig(folder, toml, clock=clock) as rig:
                clock = rig.clock
                rig.quote()
                await act(rig)

    asyncio.run(run())


async def tightened(rig: Rig) -> None:
    await rig.core.limit_book.tighten(CAP, "1000", OPERATOR, "less")


async def asked(rig: Rig) -> None:
    await loosened(rig)


def holds(value: int) -> Callable[[Rig], Awaitable[None]]:
    async def look(rig: Rig) -> None:
        assert cap(rig) == value
        await rig.core.recorder.written()
        started = [event for event in of(rig, CoreStarted) if isinstance(event, CoreStarted)]
        assert started[-1].limits == rig.core.limits

    return look


def test_a_tightening_survives_restarts(tmp_path: Path) -> None:
    lives(tmp_path, (CAPPED, tightened), (CAPPED, holds(1000)), (CAPPED, holds(1000)))


def test_a_loosening_waits_anew_after_a_start_for_nobody_could_take_it_back_meanwhile(tmp_path: Path) -> None:
    async def asked_and_left(rig: Rig) -> None:
        await loosened(rig)
        await after(rig, 599)
        rig.clock.advance(3600)

    async def later(rig: Rig) -> None:
        await after(rig, 599)
        assert cap(rig) == 5000
        (waiting,) = rig.core.limit_book.pending()
        assert waiting.due_at - rig.clock.now == timedelta(seconds=1)
        await after(rig, 1)
        assert cap(rig) == 8000
        (held,) = (event for event in of(rig, LimitSet) if isinstance(event, LimitSet))
        assert held.change.due_at < rig.clock.now - timedelta(seconds=3600)

    lives(tmp_path, (CAPPED, asked_and_left), (CAPPED, later), (CAPPED, holds(8000)))


@pytest.mark.parametrize("set_by", [3600, -3600], ids=["forward", "back"])
def test_a_clock_that_is_set_brings_no_loosening_forward(tmp_path: Path, set_by: int) -> None:
    async def scenario(rig: Rig) -> None:
        await loosened(rig)
        rig.clock.set(set_by)
        await after(rig, 599)
        assert cap(rig) == 5000
        (waiting,) = rig.core.limit_book.pending()
        assert waiting.due_at - rig.clock.now == timedelta(seconds=1 if set_by > 0 else 3601)
        await after(rig, (waiting.due_at - rig.clock.now).total_seconds())
        assert cap(rig) == 8000

    play(tmp_path, scenario, CAPPED)


@pytest.mark.parametrize("act", [tightened, asked], ids=["tightened", "loosened"])
def test_another_configured_value_voids_what_was_changed_and_the_journal_says_so(
    act: Callable[[Rig], Awaitable[None]], tmp_path: Path
) -> None:
    async def look(rig: Rig) -> None:
        assert cap(rig) == 4000
        (ended,) = of(rig, LimitChangeEnded)
        assert isinstance(ended, LimitChangeEnded)
        assert (ended.state, ended.by) == ("void", "core")
        assert ended.reason == "the configuration says 4000 and not 5000 any more"
        assert not rig.core.state.limits.changes
        await after(rig, 600)
        assert cap(rig) == 4000

    lives(tmp_path, (CAPPED, act), (CAPPED.replace("5000", "4000"), look))


def test_what_was_loosened_on_paper_is_void_once_the_home_trades_for_real(tmp_path: Path) -> None:
    key, capped = "limits.open_orders_max", ROOMY + "notional_order_max = 1000000\n"

    async def life() -> None:
        async with open_rig(tmp_path, capped) as rig:
            await loosened(rig, "2000000")
            await rig.core.limit_book.tighten(key, "500", OPERATOR, "less")
            await after(rig, 600)
            assert (cap(rig), rig.core.limits.open_orders_max) == (2_000_000, 500)
        async with open_live(tmp_path, clock=rig.clock, fit=False) as live:
            assert (cap(live), live.core.limits.open_orders_max) == (1_000_000, 500)
            (ended,) = of(live, LimitChangeEnded)
            assert isinstance(ended, LimitChangeEnded)
            assert ended.reason == "it allows more than the configuration and was made in paper mode"

    asyncio.run(life())


def test_a_start_that_allows_more_than_before_says_so_to_people(tmp_path: Path) -> None:
    async def look(rig: Rig) -> None:
        (looser,) = of(rig, LimitsLooserAtStart)
        assert isinstance(looser, LimitsLooserAtStart)
        assert looser.changed == (f"{CAP}: 1000 before, 6000 now",)
        said = words_of(looser)
        assert said is not None
        assert f"{CAP}: 1000 before, 6000 now" in said.text

    async def quiet(rig: Rig) -> None:
        assert len(of(rig, LimitsLooserAtStart)) == 1

    lives(tmp_path, (CAPPED, tightened), (CAPPED.replace("5000", "6000"), look), (CAPPED, quiet))


def test_a_tightening_that_the_configuration_has_no_room_for_stops_the_start(tmp_path: Path) -> None:
    async def collar(rig: Rig) -> None:
        await rig.core.limit_book.tighten("limits.collar_soft_pct", "1.5", OPERATOR, "ask earlier")

    lives(tmp_path, (CAPPED, collar))
    with pytest.raises(Misconfigured, match=r"collar_soft_pct: 1.5 is above limits.collar_hard_pct, 1\..*voids"):
        lives(tmp_path, (CAPPED + "collar_hard_pct = 1\n", collar))
    lives(tmp_path, (CAPPED + "collar_hard_pct = 1\ncollar_soft_pct = 0.5\n", holds(5000)))


def test_a_full_disk_lets_no_looser_limit_hold(tmp_path: Path) -> None:
    async def run() -> None:
        async with open_rig(tmp_path, CAPPED) as rig:
            rig.quote()
            await loosened(rig)
            rig.core.journal.failed = "disk full"
            with pytest.raises(JournalUnavailable):
                await rig.core.limit_book.tighten(CAP, "1000", OPERATOR, "less")
            rig.clock.advance(600)
            rig.core.limit_book.mature(rig.clock.now)
            assert cap(rig) == 5000

    asyncio.run(run())


def test_the_limits_in_the_journal_are_those_of_every_decision(tmp_path: Path) -> None:
    """What `tests/service/test_replay.py` decides again with."""

    async def scenario(rig: Rig) -> None:
        seen: list[Limits] = []
        rig.core.recorder.listen(lambda _event: seen.append(rig.core.limits))
        await rig.submit(buy("0.05"))
        await rig.core.limit_book.tighten(CAP, "4000", OPERATOR, "less")
        await rig.submit(buy("0.051"))
        (change,) = (event for event in of(rig, LimitSet) if isinstance(event, LimitSet))
        assert change.limits == rig.core.limits
        assert [it.notional_order_max for it in seen if it.notional_order_max == 4000]
        assert len(of(rig, OrderPermitted)) == 2

    play(tmp_path, scenario, CAPPED)
