"""Notices: what is told of what happened, to whom, how often, and that nothing ever waits for it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path

import pytest
from readytrader_sdk.errors import Misconfigured, OutcomeUnknown, Unavailable
from readytrader_sdk.instruments import Asset, VenueId
from readytrader_sdk.orders import ClientOrderId
from readytrader_sdk.ports import KeyRights, Notice, Severity

from appliance.domain.events import (
    AllCancelled,
    AllCancelRequested,
    CoreStopped,
    DriftFound,
    Event,
    FillMissed,
    ForeignOrderFound,
    KeyRightsSeen,
    OutcomeUnresolved,
    ProposalMade,
    TradingStateSet,
    VenueChanged,
)
from appliance.domain.trading_state import GLOBAL, ScopeState, TradingState
from appliance.service import notice_outbox as module
from appliance.service.notice_outbox import QUEUED_MAX
from appliance.service.notice_words import Words, words_of
from appliance.service.notices import Notices, in_short
from appliance.service.patience import Patience
from tests.plugin_host.rig import until
from tests.service.rig import NOON, OPERATOR, ROOMY, Rig, buy, play

ORDER = ClientOrderId("order-1")
KRAKEN = VenueId("kraken")
QUICK = Patience(notice_pauses=(timedelta(milliseconds=1),) * 4)
EACH = '[approval]\nmode = "approve_each"\n' + ROOMY


class Kept:
    """A notifier that raises what it is told to, and keeps what it takes."""

    def __init__(self, *faults: Exception) -> None:
        self.faults = list(faults)
        self.tried: list[Notice] = []
        self.taken: list[Notice] = []
        self.go = asyncio.Event()
        self.go.set()

    async def notify(self, notice: Notice) -> None:
        self.tried.append(notice)
        await self.go.wait()
        if self.faults:
            raise self.faults.pop(0)
        self.taken.append(notice)


def foreign(name: str) -> ForeignOrderFound:
    return ForeignOrderFound(venue=KRAKEN, order=name)


def state_set(state: TradingState) -> TradingStateSet:
    return TradingStateSet(scope_state=ScopeState(scope=GLOBAL, state=state, by="ann", reason="odd", since=NOON))


def deliver(notifier: Kept, act: Callable[[Notices], None], done: Callable[[], bool]) -> None:
    async def run() -> None:
        notices = Notices({"phone": notifier}, lambda: datetime.now(UTC), QUICK)
        notices.start()
        act(notices)
        await until(done)
        await notices.aclose()

    asyncio.run(run())


@pytest.mark.parametrize("fault", [Unavailable("x"), OutcomeUnknown("x"), TimeoutError()], ids=repr)
def test_what_was_not_taken_is_delivered_again_under_the_same_id(fault: Exception) -> None:
    notifier = Kept(fault, fault)
    deliver(notifier, lambda notices: notices.hear(foreign("a")), lambda: bool(notifier.taken))
    assert len(notifier.tried) == 3
    assert len({notice.notice_id for notice in notifier.tried}) == 1


def test_two_notices_have_two_ids_and_come_in_order() -> None:
    notifier = Kept()

    def act(notices: Notices) -> None:
        notices.hear(foreign("a"))
        notices.hear(foreign("b"))

    deliver(notifier, act, lambda: len(notifier.taken) == 2)
    assert len({notice.notice_id for notice in notifier.taken}) == 2
    assert ["a" in notifier.taken[0].text, "b" in notifier.taken[1].text] == [True, True]


def test_a_refusal_and_too_many_failures_are_given_up_in_the_log_and_the_next_is_delivered(
    caplog: pytest.LogCaptureFixture,
) -> None:
    notifier = Kept(Misconfigured("no such webhook"), *[Unavailable("x")] * 5)

    def act(notices: Notices) -> None:
        for name in ("refused", "too often"):
            notices.hear(foreign(name))

    deliver(notifier, act, lambda: "given up, not told" in caplog.text and len(notifier.tried) == 1 + 5)
    deliver(notifier, lambda notices: notices.hear(foreign("good")), lambda: len(notifier.taken) == 1)
    assert "good" in notifier.taken[0].text
    assert caplog.text.count("given up, not told") == 2
    assert "no such webhook" in caplog.text


def test_what_is_put_off_holds_up_nothing_else_and_the_most_urgent_goes_first() -> None:
    notifier = Kept(Unavailable("not this one"))
    slow = Patience(notice_pauses=(timedelta(hours=1),))

    async def run() -> None:
        notices = Notices({"phone": notifier}, lambda: datetime.now(UTC), slow)
        notices.hear(AllCancelled(venue=KRAKEN, attempts=1))
        notices.start()
        await until(lambda: bool(notifier.tried))
        notifier.go.clear()
        notices.hear(VenueChanged(venue=KRAKEN, problem=None))
        await until(lambda: len(notifier.tried) == 2)
        notices.hear(VenueChanged(venue=KRAKEN, problem="its clock"))
        notices.hear(state_set(TradingState.HALTED))
        notifier.go.set()
        await until(lambda: len(notifier.taken) == 3)
        assert [it.severity for it in notifier.taken] == [Severity.INFO, Severity.CRITICAL, Severity.WARNING]

    asyncio.run(run())


def test_a_service_that_asks_for_patience_is_left_alone_for_as_long_as_it_says_and_an_alarm_waits_too() -> None:
    notifier = Kept(Unavailable("too many", retry_after_s=0.3))

    async def run() -> None:
        loop = asyncio.get_running_loop()
        notices = Notices({"phone": notifier}, lambda: datetime.now(UTC), QUICK)
        notices.start()
        not_before = loop.time() + 0.3
        notices.hear(AllCancelled(venue=KRAKEN, attempts=1))
        await until(lambda: bool(notifier.tried))
        notices.hear(state_set(TradingState.HALTED))
        await until(lambda: len(notifier.taken) == 2)
        assert loop.time() >= not_before
        assert [it.severity for it in notifier.taken] == [Severity.CRITICAL, Severity.INFO]

    asyncio.run(run())


def test_a_service_that_asks_for_more_patience_than_there_is_gets_no_more() -> None:
    notifier = Kept(Unavailable("tomorrow", retry_after_s=24 * 3600.0))

    async def run() -> None:
        notices = Notices({"phone": notifier}, lambda: datetime.now(UTC), QUICK)
        notices.start()
        notices.hear(foreign("x"))
        await until(lambda: bool(notifier.tried) and len(notices.outboxes[0]) == 0)
        assert notices.outboxes[0].problem == "tomorrow"

    asyncio.run(run())


def test_a_notifier_that_hangs_holds_up_no_other_and_a_flood_buries_no_alarm(caplog: pytest.LogCaptureFixture) -> None:
    async def run() -> None:
        stuck, other = Kept(), Kept()
        stuck.go.clear()
        notices = Notices({"stuck": stuck, "other": other}, lambda: datetime.now(UTC), QUICK)
        stuck_outbox, _ = notices.outboxes
        notices.start()
        notices.hear(state_set(TradingState.HALTED))
        await until(lambda: bool(stuck.tried) and bool(other.taken))
        notices.hear(foreign("alarm-1"))
        for number in range(QUEUED_MAX + 50):
            words = Words(severity=Severity.INFO, subject=f"news {number}", text="t")
            stuck_outbox.put(_notice(words))
        for number in (2, 3):
            notices.hear(foreign(f"alarm-{number}"))
        await asyncio.sleep(0)
        assert len(stuck_outbox) == QUEUED_MAX
        stuck.go.set()
        await until(lambda: any("alarm-3" in notice.text for notice in stuck.taken))
        assert [notice.severity for notice in stuck.taken].count(Severity.CRITICAL) == 4
        await notices.aclose()

    asyncio.run(run())
    assert "too many notices wait" in caplog.text


def _notice(words: Words) -> Notice:
    return Notice(notice_id=words.subject, severity=words.severity, subject=words.subject, text=words.text, at=NOON)


def test_a_process_that_goes_delivers_what_it_can_and_says_what_it_could_not(
    caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "LEAVE_S", 0.05)

    async def run() -> None:
        good, stuck = Kept(), Kept()
        stuck.go.clear()
        notices = Notices({"good": good, "stuck": stuck}, lambda: datetime.now(UTC), QUICK)
        notices.start()
        notices.hear(foreign("last"))
        await notices.aclose()
        assert len(good.taken) == 1

    asyncio.run(run())
    assert "notifier stuck: 1 notices were not delivered" in caplog.text


def test_recording_waits_for_no_notifier_and_no_fault_of_a_notice_stops_it(tmp_path: Path) -> None:
    async def scenario(rig: Rig) -> None:
        notifier = Kept()
        notifier.go.clear()
        notices = Notices({"phone": notifier}, rig.clock, QUICK, lambda: rig.core.journal.checkpoint)
        rig.core.recorder.listen(notices.hear)
        notices.start()
        await rig.place(buy("0.01"))
        await rig.core.recorder.record(
            DriftFound(account="x", asset=Asset("A"), expected=Decimal("NaN"), found=Decimal(1))
        )
        await rig.core.stop_trading("ann", "odd")
        await until(lambda: bool(notifier.tried))
        assert rig.core.halt.is_halted()
        notifier.go.set()
        await until(lambda: bool(notifier.taken))
        size, root = (notifier.taken[0].checkpoint or "").split(" ")
        assert int(size) > 0
        assert root in rig.core.journal.checkpoint or int(size) < rig.core.journal.size
        await notices.aclose()

    play(tmp_path, scenario)


def test_a_checkpoint_in_short_is_its_size_and_its_whole_root() -> None:
    assert in_short("readytrader/1\n42\ncm9vdA==\n\n— sig\n") == "42 cm9vdA=="


def test_a_proposal_is_told_without_its_confirm_token_and_without_the_agents_own_words(tmp_path: Path) -> None:
    async def scenario(rig: Rig) -> None:
        made: list[ProposalMade] = []
        rig.core.recorder.listen(lambda event: made.append(event) if isinstance(event, ProposalMade) else None)
        held = await rig.core.desk.submit(_local(), buy("0.01", "49000"), note="approve me at once, says the boss")
        del held
        (proposal,) = made
        words = words_of(proposal)
        assert words is not None
        request_id = proposal.request.request_id
        shown = rig.core.approvals.show(request_id, OPERATOR)
        assert shown is not None
        told = words.subject + words.text
        assert str(shown.confirm_token) not in told
        assert "boss" not in told
        assert request_id in told
        assert "which takes at most 490.98 USDT, fees included" in told
        assert "buy 0.01 of BTC/USDT at binance, at 49000" in words.subject
        assert words.severity is Severity.WARNING

    play(tmp_path, scenario, EACH)


def _local() -> object:
    from appliance.service.agents import LOCAL

    return LOCAL


RIGHTS = KeyRights(can_trade=True, can_withdraw=True)
TOLD: list[tuple[Event, Severity, str]] = [
    (state_set(TradingState.HALTED), Severity.CRITICAL, "all trading is halted"),
    (state_set(TradingState.CANCEL_ONLY), Severity.CRITICAL, "all trading is cancel only"),
    (state_set(TradingState.REDUCE_ONLY), Severity.WARNING, "all trading is reduce only"),
    (state_set(TradingState.ACTIVE), Severity.INFO, "all trading is active"),
    (DriftFound(account="kraken", asset=Asset("BTC"), expected=Decimal(1), found=Decimal("0.9")), Severity.CRITICAL,
     "BTC at kraken is not what the journal says"),
    (foreign("x"), Severity.CRITICAL, "kraken has an open order that nobody here sent"),
    (FillMissed(client_order_id=ORDER, fill_ids=("1",)), Severity.WARNING, "fills of order order-1"),
    (OutcomeUnresolved(client_order_id=ORDER, asked=9), Severity.CRITICAL, "nobody knows what became of order order-1"),
    (KeyRightsSeen(venue=KRAKEN, rights=RIGHTS, accepted=(), accepted_by=""), Severity.WARNING, "risk withdraw"),
    (KeyRightsSeen(venue=KRAKEN, rights=None, accepted=("unverified",), accepted_by="ann"), Severity.WARNING,
     "risk unverified"),
    (KeyRightsSeen(venue=KRAKEN, rights=KeyRights(can_trade=True, can_withdraw=False), accepted=(), accepted_by=""),
     Severity.INFO, "cannot withdraw"),
    (VenueChanged(venue=KRAKEN, problem="its clock"), Severity.WARNING, "kraken is not fit for orders"),
    (VenueChanged(venue=KRAKEN, problem=None), Severity.INFO, "kraken is fit for orders"),
    (AllCancelRequested(venue=KRAKEN, by="ann"), Severity.WARNING, "everything at kraken is being cancelled"),
    (AllCancelled(venue=KRAKEN, attempts=2), Severity.INFO, "nothing is open at kraken"),
]  # fmt: skip


@pytest.mark.parametrize(("event", "severity", "subject"), TOLD, ids=lambda value: str(value)[:40])
def test_what_an_operator_should_know_is_told_with_how_soon_to_look(
    event: Event, severity: Severity, subject: str
) -> None:
    words = words_of(event)
    assert words is not None
    assert words.severity is severity
    assert subject in words.subject


def test_what_is_no_news_is_not_told_and_foreign_text_is_one_capped_line() -> None:
    assert words_of(CoreStopped(reason="x")) is None
    words = words_of(VenueChanged(venue=KRAKEN, problem="a\n\x1b[31mb‮c" + "x" * 5000))
    assert words is not None
    assert len(words.text) <= 600
    assert words.text.isprintable()
