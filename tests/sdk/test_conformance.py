"""The kit passes what is good and finds every fault by its name: no check never fails, none fails too much."""

from __future__ import annotations

import asyncio

import pytest
from readytrader_sdk import conformance
from readytrader_sdk.conformance import CHECKS, Kind, Report, Subject, Verdict, exchange_trial

from tests.sdk import good
from tests.sdk.faulty_exchanges import EXCHANGES
from tests.sdk.faulty_guards import GUARDS
from tests.sdk.faulty_readers import NOTIFIERS, SOURCES
from tests.sdk.faulty_routers import ROUTERS
from tests.sdk.faulty_signers import SIGNERS

GOOD: dict[str, tuple[Kind, Subject]] = {
    "exchange": (Kind.EXCHANGE, good.exchange_subject(good.GoodExchange(good.context()))),
    "source": (Kind.DATA_SOURCE, good.source_subject(good.GoodSource)),
    "signer": (Kind.SIGNER, good.signer_subject(good.GoodSigner(good.context()))),
    "router": (Kind.ROUTER, good.router_subject(good.AcmeRouter(good.context()))),
    "router of the native coin": (Kind.ROUTER, good.native_subject(good.AcmeRouter(good.context()))),
    "router of intents": (Kind.ROUTER, good.router_subject(good.IntentRouter(good.context()))),
    "notifier": (Kind.NOTIFIER, good.notifier_subject(good.AcmeNotifier(good.context()))),
}
FAULTY: list[tuple[Kind, Subject, set[str], str]] = [
    *(
        (Kind.EXCHANGE, good.exchange_subject(one(good.context())), found, one.__name__)
        for one, found in {**EXCHANGES, **GUARDS}.items()
    ),
    *((Kind.DATA_SOURCE, good.source_subject(one), found, one.__name__) for one, found in SOURCES.items()),
    *((Kind.SIGNER, good.signer_subject(one(good.context())), found, one.__name__) for one, found in SIGNERS.items()),
    *((Kind.ROUTER, good.router_subject(one(good.context())), found, one.__name__) for one, found in ROUTERS.items()),
    *(
        (Kind.NOTIFIER, good.notifier_subject(one(good.context())), found, one.__name__)
        for one, found in NOTIFIERS.items()
    ),
]


def check(kind: Kind, subject: Subject) -> Report:
    return asyncio.run(conformance.run(kind, subject, moving=True))


@pytest.fixture(autouse=True)
def _impatience(monkeypatch: pytest.MonkeyPatch) -> None:
    """The venues here answer at once, or never."""
    monkeypatch.setattr(exchange_trial, "SETTLING_S", 0.3)
    monkeypatch.setattr(exchange_trial, "ASKING_AGAIN_S", 0.05)


@pytest.mark.parametrize("name", GOOD)
def test_a_good_plugin_breaks_no_promise(name: str) -> None:
    report = check(*GOOD[name])
    assert report.passed, report.text()
    assert not [note for outcome in report.outcomes for note in outcome.notes]


def test_every_check_is_kept_by_some_good_plugin() -> None:
    """A check that is always skipped would check nothing."""
    kept = {
        outcome.name
        for subject in GOOD.values()
        for outcome in check(*subject).outcomes
        if outcome.verdict is Verdict.KEPT
    }
    assert kept == {check.name for check in CHECKS}


@pytest.mark.parametrize(("kind", "subject", "caught"), [case[:3] for case in FAULTY], ids=[case[3] for case in FAULTY])
def test_a_fault_fails_exactly_the_checks_that_are_about_it(kind: Kind, subject: Subject, caught: set[str]) -> None:
    report = check(kind, subject)
    assert {outcome.name for outcome in report.broken} == caught, report.text()
    assert all(outcome.reason for outcome in report.broken)


def test_every_check_has_a_plugin_that_fails_it() -> None:
    failed = {name for _, _, caught, _ in FAULTY for name in caught}
    assert failed == {check.name for check in CHECKS}


def test_no_two_checks_have_one_name_and_each_states_its_promise() -> None:
    names = [check.name for check in CHECKS]
    assert len(names) == len(set(names))
    assert all(check.promise.endswith(".") and len(check.promise) > 10 for check in CHECKS)
