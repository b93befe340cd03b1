"""The runner isolates checks: none can stop the others, hang the run, or pass by doing nothing."""

from __future__ import annotations

import asyncio
import json
import sys
from collections.abc import Callable

import pytest
from readytrader_sdk.conformance import (
    Check,
    Kind,
    NotConforming,
    NotifierSubject,
    Report,
    Verdict,
    expect,
    promise,
    run,
    runner,
    skip,
)
from readytrader_sdk.conformance.checks import SHOWN_MAX, shown
from readytrader_sdk.errors import Unavailable
from readytrader_sdk.ports import Notice

from tests.sdk import good
from tests.sdk.faulty_exchanges import Exchange, ExecutionReport, OrderRequest


class Silent:
    """A notifier that is never called here."""

    async def notify(self, notice: Notice) -> None:
        raise NotImplementedError


SUBJECT = NotifierSubject(notifier=Silent())


@promise(Kind.NOTIFIER, "It is so.")
async def keeps(subject: NotifierSubject) -> None:
    expect(True, "never said")


def raising(fault: BaseException) -> Check:
    @promise(Kind.NOTIFIER, "Nothing is raised.")
    async def raises(subject: NotifierSubject) -> None:
        raise fault

    return raises


def tried(*checks: Check, moving: bool = False, time_limit_s: float | None = None) -> Report:
    return asyncio.run(run(Kind.NOTIFIER, SUBJECT, checks=checks, moving=moving, time_limit_s=time_limit_s))


@pytest.mark.parametrize(
    ("fault", "told"),
    [
        (Unavailable("no\nway"), "raised Unavailable: no?way"),
        (KeyError("x"), "raised KeyError, which is no error of the SDK: 'x'"),
        (SystemExit(3), "raised SystemExit, which is no error of the SDK: 3"),
        (asyncio.CancelledError(), "the plugin cancelled the call by itself"),
        (TimeoutError(), "raised TimeoutError, which is no error of the SDK: "),
    ],
    ids=lambda value: type(value).__name__ if isinstance(value, BaseException) else "",
)
def test_whatever_a_check_raises_the_next_one_runs(fault: BaseException, told: str) -> None:
    report = tried(raising(fault), keeps)
    assert [outcome.verdict for outcome in report.outcomes] == [Verdict.BROKEN, Verdict.KEPT]
    assert report.outcomes[0].reason == told
    assert not report.passed


def test_a_check_that_hangs_is_broken_and_the_next_one_runs() -> None:
    @promise(Kind.NOTIFIER, "It ends.")
    async def hangs(subject: NotifierSubject) -> None:
        await asyncio.Event().wait()

    report = tried(hangs, keeps, time_limit_s=0.05)
    assert [outcome.verdict for outcome in report.outcomes] == [Verdict.BROKEN, Verdict.KEPT]
    assert report.outcomes[0].reason == "not done within 0.05 s"


def test_a_check_that_cannot_be_cancelled_is_left_behind_and_said_to_be(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(runner, "GRACE_S", 0.05)

    @promise(Kind.NOTIFIER, "It stops.")
    async def goes_on(subject: NotifierSubject) -> None:
        for _ in range(2):
            try:
                await asyncio.Event().wait()
            except asyncio.CancelledError:
                continue

    report = tried(goes_on, keeps, time_limit_s=0.05)
    assert [outcome.verdict for outcome in report.outcomes] == [Verdict.BROKEN, Verdict.KEPT]
    assert "it does not stop" in report.outcomes[0].reason


def test_a_run_that_is_cancelled_cancels_its_check() -> None:
    stopped = []

    @promise(Kind.NOTIFIER, "It stops.")
    async def waits(subject: NotifierSubject) -> None:
        try:
            await asyncio.Event().wait()
        finally:
            stopped.append(True)

    async def abandon() -> None:
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.05):
                await run(Kind.NOTIFIER, SUBJECT, checks=[waits])
        assert stopped  # here already: what is left when the loop ends, the loop itself cancels

    asyncio.run(abandon())


def test_checks_that_move_value_run_only_when_asked_to() -> None:
    called = []

    @promise(Kind.NOTIFIER, "It moves.", moves_value=True)
    async def moves(subject: NotifierSubject) -> None:
        called.append(True)

    (outcome,) = tried(moves).outcomes
    assert (outcome.verdict, outcome.reason, called) == (Verdict.SKIPPED, "not run here: it moves value", [])
    assert tried(moves, moving=True).passed
    assert called


def test_a_run_of_skips_alone_does_not_pass() -> None:
    @promise(Kind.NOTIFIER, "It applies.")
    async def does_not_apply(subject: NotifierSubject) -> None:
        skip("not here")

    report = tried(does_not_apply)
    assert not report.broken
    assert not report.passed
    with pytest.raises(NotConforming, match="not here"):
        report.demand()


def test_the_report_reads_the_same_for_people_and_for_programs() -> None:
    report = tried(keeps, raising(Unavailable("down")))
    assert "broken   raises\n         promised: Nothing is raised.\n         raised Unavailable: down" in report.text()
    assert report.text().endswith("not passed: 1 kept, 1 broken, 0 skipped")
    body = json.loads(report.as_json())
    assert (body["kind"], body["passed"]) == ("notifier", False)
    assert [outcome["verdict"] for outcome in body["outcomes"]] == ["kept", "broken"]


def test_a_subject_of_another_kind_is_refused() -> None:
    with pytest.raises(TypeError, match="expected a ExchangeSubject, got NotifierSubject"):
        asyncio.run(run(Kind.EXCHANGE, SUBJECT))


@pytest.mark.parametrize("value", ["a\x1b[31m\nb" * 100, object(), b"\xff" * 1000])
def test_what_is_shown_of_foreign_values_is_printable_and_short(value: object) -> None:
    text = shown(value)
    assert text.isprintable()
    assert len(text) <= SHOWN_MAX


def test_a_value_whose_repr_fails_is_shown_all_the_same() -> None:
    class Nasty:
        def __repr__(self) -> str:
            raise ValueError("boo")

    assert shown(Nasty()) == "<Nasty, whose repr raised ValueError>"


class NeverCancels(Exchange):
    async def cancel_order(self, client_order_id: str, symbol: str) -> ExecutionReport:
        raise Unavailable("not now")


class RaisesAfterPlacing(Exchange):
    async def place_order(self, order: OrderRequest) -> ExecutionReport:
        await super().place_order(order)
        raise ValueError("oops")


def outcomes(exchange: Exchange, names: Callable[[str], bool]) -> Report:
    from readytrader_sdk.conformance import CHECKS

    chosen = [check for check in CHECKS if names(check.name)]
    return asyncio.run(run(Kind.EXCHANGE, good.exchange_subject(exchange), moving=True, checks=chosen))


def test_an_order_that_could_not_be_cancelled_is_told_in_the_report() -> None:
    report = outcomes(NeverCancels(good.context()), lambda name: name == "an_open_order_is_found")
    (outcome,) = report.outcomes
    assert outcome.verdict is Verdict.KEPT
    assert len(outcome.notes) == 1
    assert "may be open: cancelling it raised Unavailable" in outcome.notes[0]
    assert outcome.notes[0] in report.text()


def test_a_check_that_fails_leaves_no_order_behind() -> None:
    exchange = RaisesAfterPlacing(good.context())
    report = outcomes(exchange, lambda name: name == "an_open_order_is_found")
    assert report.broken
    assert asyncio.run(exchange.open_orders()) == []


def test_without_eth_account_signatures_are_skipped_and_never_passed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "eth_account", None)
    subject = good.signer_subject(good.GoodSigner(good.context()))
    report = asyncio.run(run(Kind.SIGNER, subject, moving=True))
    skipped = {outcome.name for outcome in report.outcomes if outcome.verdict is Verdict.SKIPPED}
    assert {
        "the_address_is_checksummed",
        "signatures_are_of_exactly_the_fields",
        "signing_again_is_as_good",
        "signatures_at_once_are_not_mixed_up",
        "messages_recover_to_the_address",
    } <= skipped
    assert "conformance-evm" in report.text()


def test_the_kit_itself_needs_neither_pytest_nor_eth_account() -> None:
    import subprocess

    program = (
        "import sys, readytrader_sdk.conformance, readytrader_sdk.scaffold;"
        "print([name for name in ('pytest', 'eth_account', 'pluggy', 'cryptography') if name in sys.modules])"
    )
    ran = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert ran.stdout.strip() == "[]"
