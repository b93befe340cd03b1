"""What no event says and a person should know: workers, losses near their limit, the watchdog, how the core ended."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path

import pytest
from readytrader_sdk.ports import Severity

from appliance.domain.lives import CoreLife
from appliance.domain.snapshot import PerformanceFacts
from appliance.plugin_host.health import WorkerHealth, WorkerState
from appliance.plugin_host.kinds import Kind
from appliance.service.notice_watch import START_MAX, NoticeWatch
from appliance.service.notice_words import Words
from appliance.service.sign_of_life import Life, Listening, SignFile
from tests.pipeline.cases import limits
from tests.service.rig import NOON, ManualClock

READY, WAITING, FAILED, STARTING = (
    WorkerState.READY,
    WorkerState.WAITING,
    WorkerState.FAILED,
    WorkerState.STARTING,
)


class Told:
    """Keeps what is told, and whom it is kept from."""

    def __init__(self) -> None:
        self.told: list[tuple[str, Severity, str]] = []
        self.but: list[str] = []

    def tell(self, about: str, words: Words, *, but: str = "") -> None:
        self.told.append((about, words.severity, words.subject))
        self.but.append(but)

    def take(self) -> list[tuple[str, Severity, str]]:
        told, self.told = self.told, []
        return told


class Valued:
    """A portfolio of a known value per unit."""

    def __init__(self) -> None:
        self.nav, self.day_open, self.peak = Decimal(100), Decimal(100), Decimal(100)

    def equity(self, _now: object) -> object:
        return type("Equity", (), {"total": self.nav})()

    def performance(self, _equity: object, _now: object) -> PerformanceFacts:
        return PerformanceFacts(nav=self.nav, nav_day_open=self.day_open, nav_peak=self.peak)


class Scene:
    def __init__(self, folder: Path) -> None:
        self.clock, self.told, self.portfolio = ManualClock(), Told(), Valued()
        self.seconds = 0.0
        self.workers: list[WorkerHealth] = []
        self.sign = SignFile(folder / "sign", self.clock)
        self.watch = NoticeWatch(
            self.told,  # type: ignore[arg-type]
            self.portfolio,  # type: ignore[arg-type]
            lambda: limits(daily_loss_max_pct=Decimal(5), drawdown_max_pct=Decimal(10)),
            lambda: self.workers,
            Listening(self.sign, lambda: self.seconds),
        )

    def look(self, seconds: float = 1) -> list[tuple[str, Severity, str]]:
        self.clock.advance(seconds)
        self.seconds += seconds
        self.watch.look(self.clock.now)
        return self.told.take()


@pytest.fixture
def scene(tmp_path: Path) -> Scene:
    return Scene(tmp_path)


def worker(state: WorkerState, restarts: int = 0, kind: Kind = Kind.EXCHANGE, name: str = "kraken") -> WorkerHealth:
    return WorkerHealth(
        name=name, plugin="ccxt", kind=kind, state=state, pid=1, restarts=restarts, last_error="it died",
        cage_missing=(), started_at=None, in_flight=0, egress=None,
    )  # fmt: skip


def test_a_worker_that_was_up_and_is_not_is_told_once_and_so_is_its_return(scene: Scene) -> None:
    scene.workers = [worker(READY)]
    assert scene.look() == []
    scene.workers = [worker(WAITING)]
    assert scene.look() == [("worker.changed", Severity.WARNING, "worker kraken is down")]
    assert scene.look() == []
    scene.workers = [worker(READY, 1)]
    assert scene.look() == [("worker.changed", Severity.INFO, "worker kraken is up again")]
    scene.workers = [worker(READY, 2)]
    assert scene.look() == [("worker.changed", Severity.WARNING, "worker kraken ended and was started again")]


def test_a_worker_that_never_came_up_is_told_when_it_should_have(scene: Scene) -> None:
    scene.workers = [worker(STARTING)]
    assert scene.look() == []
    assert scene.look(START_MAX.total_seconds()) == []
    assert scene.look() == [("worker.changed", Severity.WARNING, "worker kraken is down")]


def test_a_worker_that_cannot_work_is_told_at_once_and_a_notifier_not_through_itself(scene: Scene) -> None:
    scene.workers = [worker(FAILED, kind=Kind.NOTIFIER, name="phone")]
    assert [subject for *_, subject in scene.look()] == ["worker phone is down"]
    assert scene.told.but == ["phone"]


def test_a_loss_is_told_when_it_is_near_its_limit_and_when_it_is_there_and_again_only_after_a_calm(
    scene: Scene,
) -> None:
    near = ("loss.near", Severity.WARNING, "the daily loss is near its limit")
    reached = ("loss.reached", Severity.CRITICAL, "the daily loss has reached its limit")
    told = []
    for nav in ("96.01", "96", "95.9", "95.01", "95", "94", "95.5", "94.9", "97.01", "95.9", "94"):
        scene.portfolio.nav = Decimal(nav)
        told.append(scene.look())
    assert told == [[], [near], [], [], [reached], [], [], [], [], [near], [reached]]


def test_the_drawdown_is_looked_at_beside_the_day(scene: Scene) -> None:
    scene.portfolio.peak = Decimal(120)
    assert [(about, subject) for about, _, subject in scene.look()] == [
        ("loss.reached", "the drawdown has reached its limit")
    ]


def test_a_watchdog_that_falls_silent_is_told_and_one_that_never_was_is_not(scene: Scene) -> None:
    assert scene.look() == []
    scene.sign.write(Life.RUNNING)
    assert scene.look() == [("watchdog.changed", Severity.INFO, "the watchdog watches over the core")]
    assert scene.look(4) == []
    assert scene.look(2) == [("watchdog.changed", Severity.WARNING, "nobody watches over the core from outside")]
    assert scene.look(60) == []


def test_it_looks_once_a_second_however_often_it_is_asked(scene: Scene) -> None:
    scene.workers = [worker(READY)]
    scene.look()
    scene.workers = [worker(WAITING)]
    assert scene.look(0.2) == []
    assert len(scene.look(0.8)) == 1


def test_a_start_is_compared_with_the_life_before(scene: Scene) -> None:
    before = CoreLife(version="1", configuration_digest="a", started_at=NOON, stopped_at=NOON)
    scene.watch.note_start(None, "a")
    scene.watch.note_start(before, "a")
    assert scene.told.take() == []
    scene.watch.note_start(before, "b")
    changed = ("core.changed", Severity.WARNING, "the configuration has changed since the last start")
    assert scene.told.take() == [changed]
    scene.watch.note_start(CoreLife(version="1", configuration_digest="a", started_at=NOON), "a")
    assert scene.told.take() == [("core.changed", Severity.WARNING, "the core had ended without a word, and is back")]
