"""Notices in the journal: written with their event, delivered at least once, never lost without a word."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from datetime import timedelta
from pathlib import Path

import pytest
from readytrader_sdk.errors import Misconfigured, Unavailable
from readytrader_sdk.instruments import Asset
from readytrader_sdk.ports import Severity

from appliance.domain.events import KINDS, DriftFound
from appliance.domain.notices import FAMILY_OF, DeliveryState, Family, NoticeDelivered, NoticeGivenUp, NoticeMade, Route
from appliance.service.notice_watch import journal_failed
from appliance.service.notice_words import Words
from appliance.service.notices import NoNotice, Notices
from appliance.service.patience import Patience
from appliance.service.recorder import Recorder
from tests.plugin_host.rig import until
from tests.service.rig import OPERATOR, Rig, buy, open_rig, play
from tests.service.test_notices import EACH, QUICK, Kept, foreign


def configured(*names: str) -> str:
    """A configuration with these notifiers; a rig starts no workers for them."""
    return "".join(f'[[notifier]]\nname = "{name}"\nplugin = "webhook"\n' for name in names)


NEWS = Words(severity=Severity.INFO, subject="news", text="Nothing.")


def install(rig: Rig, patience: Patience = QUICK, routes: dict[str, Route] | None = None, **notifiers: Kept) -> Notices:
    """Notifiers in the place of a core's own, which has none."""
    core = rig.core
    notices = Notices(
        notifiers, rig.clock, patience, lambda: core.journal.checkpoint,
        routes=routes or dict.fromkeys(notifiers, Route()), state=core.state, recorder=core.recorder,
    )  # fmt: skip
    core.recorder.accompany(notices.beside)
    core.recorder.listen(notices.hear)
    core.notices = notices
    return notices


def made(rig: Rig) -> list[NoticeMade]:
    return [event for _, event in rig.entries() if isinstance(event, NoticeMade)]


async def settled(notices: Notices) -> None:
    await until(lambda: not any(len(outbox) for outbox in notices.outboxes))


def drift(amount: str) -> DriftFound:
    from decimal import Decimal

    return DriftFound(account="kraken", asset=Asset("BTC"), expected=Decimal(1), found=Decimal(amount))


def test_a_notice_is_on_disk_with_its_event_and_what_became_of_it_follows(tmp_path: Path) -> None:
    async def scenario(rig: Rig) -> None:
        good, bad = Kept(), Kept(Misconfigured("no such channel"))
        notices = install(rig, good=good, bad=bad)
        notices.start()
        before = rig.core.journal.counters.commits
        await rig.core.recorder.record(foreign("x"))
        assert rig.core.journal.counters.commits == before + 1, "one transaction"
        (notice,) = made(rig)
        assert (notice.about, notice.to, notice.repeats) == ("foreign_order.found", ("good", "bad"), 0)
        await settled(notices)
        await rig.core.recorder.written()
        delivered = [event for _, event in rig.entries() if isinstance(event, NoticeDelivered)]
        given_up = [event for _, event in rig.entries() if isinstance(event, NoticeGivenUp)]
        assert [(it.notice_id, it.notifier, it.attempts) for it in delivered] == [(notice.notice_id, "good", 1)]
        (dead,) = given_up
        assert (dead.notifier, dead.attempts, dead.reason) == ("bad", 1, "no such channel")
        assert (dead.subject, dead.text) == (notice.subject, notice.text)
        assert good.taken[0].notice_id == notice.notice_id
        assert rig.kinds().count("notice.made") == 1, "no notice about a notice"

    play(tmp_path, scenario)


def test_the_checkpoint_of_a_message_covers_the_very_event_that_it_tells_of(tmp_path: Path) -> None:
    async def scenario(rig: Rig) -> None:
        phone = Kept()
        install(rig, phone=phone).start()
        await rig.core.recorder.record(foreign("x"))
        seq = rig.core.journal.size - 2
        await until(lambda: bool(phone.taken))
        size, root = (phone.taken[0].checkpoint or "").split(" ")
        assert int(size) > seq
        assert root

    play(tmp_path, scenario)


def test_a_restart_delivers_what_was_neither_delivered_nor_given_up_under_the_same_id(tmp_path: Path) -> None:
    async def lives() -> None:
        stuck, good = Kept(), Kept()
        stuck.go.clear()
        toml = configured("stuck", "good")
        async with open_rig(tmp_path, toml) as rig:
            notices = install(rig, stuck=stuck, good=good)
            notices.start()
            await rig.core.recorder.record(foreign("x"))
            await until(lambda: bool(stuck.tried) and bool(good.taken))
            await rig.core.recorder.written()
        async with open_rig(tmp_path, toml, clock=rig.clock) as again:
            now_free, still_good = Kept(), Kept()
            notices = install(again, stuck=now_free, good=still_good)
            notices.start()
            await until(lambda: bool(now_free.taken))
            assert now_free.taken[0].notice_id == stuck.tried[0].notice_id
            assert not still_good.tried, "what was delivered is not delivered again"
            await settled(notices)
            assert [*again.core.state.notices] == []
        async with open_rig(tmp_path, toml, clock=rig.clock) as third:
            nothing = Kept()
            install(third, stuck=nothing, good=nothing).start()
            await asyncio.sleep(0)
            assert not nothing.tried

    asyncio.run(lives())


def test_what_waits_for_a_notifier_that_is_gone_is_given_up_and_can_go_through_another(tmp_path: Path) -> None:
    async def lives() -> None:
        async with open_rig(tmp_path) as rig:
            install(rig, routes={"old": Route()})  # a core without plugins: written, and delivered by the next life
            await rig.core.recorder.record(foreign("x"))
        async with open_rig(tmp_path, clock=rig.clock) as again:
            phone = Kept()
            notices = install(again, phone=phone)
            notices.start()
            (dead,) = notices.failed()
            assert dead.deliveries[0].reason == "there is no such notifier any more"
            assert notices.untold() == [dead]
            assert await notices.resend(dead.notice_id, "ann") == ("phone",)
            with pytest.raises(NoNotice, match="was given up"):  # it is on its way: twice would be told twice
                await notices.resend(dead.notice_id, "ann")
            await until(lambda: bool(phone.taken))
            await settled(notices)
            assert [it.notice_id for it in phone.taken] == [dead.notice_id]
            assert notices.failed() == []

    asyncio.run(lives())


def test_what_was_given_up_can_be_sent_again_or_called_read_and_nothing_else_can(tmp_path: Path) -> None:
    async def scenario(rig: Rig) -> None:
        phone = Kept(Misconfigured("x"), Misconfigured("y"), Misconfigured("z"))
        notices = install(rig, phone=phone)
        notices.start()
        await rig.core.recorder.record(foreign("a"), foreign("b"))
        await until(lambda: len(notices.failed()) == 2)
        first, second = notices.failed()
        assert notices.untold() == [first, second]
        assert await notices.resend(first.notice_id, "ann") == ("phone",)
        await until(lambda: len(phone.tried) == 3)
        await settled(notices)
        assert await notices.resend(first.notice_id, "ann") == ("phone",)
        await until(lambda: len(phone.taken) == 1)
        await settled(notices)
        assert notices.untold() == [second]
        await notices.dismiss(second.notice_id, "ann")
        assert notices.failed() == []
        for notice_id in (first.notice_id, second.notice_id, "unknown"):
            with pytest.raises(NoNotice, match="was given up"):
                await notices.resend(notice_id, "ann")
        assert rig.kinds().count("notice.resent") == 2
        kept = {it.notice_id: it for it in rig.core.history.notices(10)}
        assert kept[first.notice_id].deliveries[0].state is DeliveryState.DELIVERED
        assert kept[second.notice_id].seen_by == "ann"

    play(tmp_path, scenario)


def test_a_test_goes_to_one_notifier_whatever_its_route_and_says_what_became_of_it(tmp_path: Path) -> None:
    async def scenario(rig: Rig) -> None:
        phone, mail = Kept(), Kept(Misconfigured("no such user"))
        only = {"phone": Route(severity_min=Severity.CRITICAL, events=frozenset({"orders"})), "mail": Route()}
        notices = install(rig, routes=only, phone=phone, mail=mail)
        notices.start()
        assert await notices.test("phone", "ann") is None
        assert await notices.test("mail", "ann") == "no such user"
        with pytest.raises(NoNotice, match="no notifier 'fax'; there is mail, phone"):
            await notices.test("fax", "ann")
        assert [(len(it.tried), len(it.taken)) for it in (phone, mail)] == [(1, 1), (1, 0)]
        assert "ann" in phone.taken[0].text
        assert [it.by for it in made(rig)] == ["ann", "ann"]

    play(tmp_path, scenario)


@pytest.mark.parametrize(
    ("route", "taken"),
    [
        (Route(), ["order", "drift", "halt"]),
        (Route(severity_min=Severity.WARNING), ["drift", "halt"]),
        (Route(severity_min=Severity.CRITICAL), ["halt"]),
        (Route(events=frozenset({"trading"})), ["halt"]),
        (Route(events=frozenset({"venue.changed", "orders"})), ["order", "drift"]),
        (Route(severity_min=Severity.WARNING, events=frozenset({"orders"})), []),
    ],
)
def test_a_route_takes_what_is_urgent_enough_and_of_its_kinds(
    tmp_path: Path, route: Route, taken: Sequence[str]
) -> None:
    notices = {
        "order": ("order.reported", Severity.INFO),
        "drift": ("venue.changed", Severity.WARNING),
        "halt": ("trading_state.set", Severity.CRITICAL),
    }
    assert [name for name, (about, severity) in notices.items() if route.takes(about, severity)] == taken


def test_a_critical_notice_that_no_route_takes_goes_to_everybody_and_a_milder_one_to_nobody(tmp_path: Path) -> None:
    async def scenario(rig: Rig) -> None:
        phone, mail = Kept(), Kept()
        orders = Route(events=frozenset({"orders"}))
        notices = install(rig, routes={"phone": orders, "mail": orders}, phone=phone, mail=mail)
        notices.start()
        await rig.core.recorder.record(drift("0.5"))
        await settled(notices)
        assert [len(it.taken) for it in (phone, mail)] == [1, 1]
        notices.tell("worker.changed", NEWS)
        assert len(made(rig)) == 1

    play(tmp_path, scenario)


def test_an_alarm_that_cannot_be_written_down_is_told_all_the_same(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def scenario(rig: Rig) -> None:
        phone = Kept()
        notices = install(rig, phone=phone)
        notices.start()
        monkeypatch.setattr(Recorder, "failure", property(lambda _self: "the disk is full"))
        notices.tell("journal.failed", journal_failed("the disk is full"))
        await until(lambda: bool(phone.taken))
        assert phone.taken[0].severity is Severity.CRITICAL
        assert "the disk is full" in phone.taken[0].text
        monkeypatch.undo()
        assert made(rig) == []

    play(tmp_path, scenario)


def test_an_order_that_ends_is_told_once_with_what_it_came_to(tmp_path: Path) -> None:
    async def scenario(rig: Rig) -> None:
        phone = Kept()
        notices = install(rig, phone=phone)
        notices.start()
        rig.quote()
        await rig.fund()
        order = (await rig.place(buy("0.01"))).order
        await settled(notices)
        (told,) = [it for it in phone.taken if "was filled" in it.subject]
        assert order.client_order_id in told.subject
        assert "buy 0.01 of BTC/USDT at binance; 0.01 for 500.1 in all" in told.text
        assert told.severity is Severity.INFO

    play(tmp_path, scenario)


def test_a_flood_of_one_kind_is_a_bounded_number_of_entries(tmp_path: Path) -> None:
    async def scenario(rig: Rig) -> None:
        phone = Kept()
        notices = install(rig, phone=phone)
        notices.start()
        for number in range(300):
            notices.tell("worker.changed", Words(severity=Severity.WARNING, subject=f"worker {number}", text="t"))
        await settled(notices)
        assert len(made(rig)) == 10
        await notices.aclose()
        *_, folded = made(rig)
        assert folded.repeats == 290
        assert len(made(rig)) == 11

    play(tmp_path, scenario)


def test_no_notice_holds_a_confirm_token_or_an_agents_own_words(tmp_path: Path) -> None:
    async def scenario(rig: Rig) -> None:
        install(rig, phone=Kept(Unavailable("x")))
        rig.quote()
        await rig.fund()
        tokens = []
        for number in range(3):
            held = await rig.core.desk.submit(_local(), buy(f"0.0{number + 1}"), note="CANARY approve me")
            shown = rig.core.approvals.show(held.record.request.request_id, OPERATOR)
            assert shown is not None
            assert shown.confirm_token is not None
            tokens.append(shown.confirm_token)
        told = [it.subject + it.text for it in made(rig)]
        assert len(told) == 4
        for token in (*tokens, "CANARY"):
            assert not any(token in it for it in told)

    play(tmp_path, scenario, EACH)


def _local() -> object:
    from appliance.service.agents import LOCAL

    return LOCAL


def test_every_kind_of_notice_has_a_family_and_every_name_of_a_route_is_one_or_a_kind() -> None:
    from appliance.service.notice_words import words_of

    with_words = {kind for kind, event in KINDS.items() if event in words_of.registry} | {"order.reported"}
    assert with_words <= FAMILY_OF.keys()
    assert not any(kind.startswith("notice.") for kind in FAMILY_OF)
    assert {kind for kind in FAMILY_OF if kind in KINDS} - with_words <= {"day.told"}
    assert set(FAMILY_OF.values()) == set(Family)


def test_a_dead_letter_keeps_until_it_is_read_across_restarts(tmp_path: Path) -> None:
    async def lives() -> None:
        async with open_rig(tmp_path) as rig:
            notices = install(
                rig, Patience(notice_pauses=(timedelta(milliseconds=1),)), phone=Kept(*[Unavailable("x")] * 2)
            )
            notices.start()
            await rig.core.recorder.record(foreign("x"))
            await until(lambda: bool(notices.failed()))
        async with open_rig(tmp_path, clock=rig.clock) as again:
            phone = Kept()
            notices = install(again, phone=phone)
            notices.start()
            (dead,) = notices.untold()
            assert dead.deliveries[0].attempts == 2
            assert dead.subject
            await asyncio.sleep(0)
            assert not phone.tried, "given up is given up, until somebody says otherwise"

    asyncio.run(lives())
