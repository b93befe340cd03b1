"""What a hostile plugin answers, or does instead: the order's outcome is unknown, the worker's end is told, all else
goes on."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from readytrader_sdk.errors import OutcomeUnknown, PluginError
from readytrader_sdk.orders import ExecutionReport

from tests.hostile.trading import Rogue, rogue


@pytest.fixture(scope="module")
def scene() -> Iterator[Rogue]:
    with rogue() as made:
        yield made


def test_what_follows_is_no_fault_of_the_stage(scene: Rogue) -> None:
    payload = scene.next_order("honest")
    report = scene.place(payload)
    assert isinstance(report, ExecutionReport)
    assert report.client_order_id == payload.client_order_id
    assert scene.reached(payload)


@pytest.mark.parametrize(
    ("behaviour", "told"),
    [
        ("fills NaN", "place_order gave"),
        ("fills sNaN", "place_order gave"),
        ("fills Infinity", "place_order gave"),
        ("fills 1E+999999", "place_order gave"),
        (f"fills {'9' * 40}", "place_order gave"),
        (f"fills 0.{'0' * 39}1", "place_order gave"),
        ("nothing", "place_order gave what its type does not allow"),
        ("text", "place_order gave what its type does not allow"),
        ("huge", "bytes; at most"),
        ("raises", "cannot log in"),
        ("breaks", "place_order raised RuntimeError"),
        ("exits", "place_order raised SystemExit"),
    ],
)
def test_an_answer_that_cannot_be_leaves_the_outcome_unknown_and_the_worker_serving(
    scene: Rogue, behaviour: str, told: str
) -> None:
    scene.ready()
    before = scene.health.restarts
    with pytest.raises(OutcomeUnknown, match=told):
        scene.place(scene.next_order(behaviour))
    assert scene.health.restarts == before
    assert isinstance(scene.place(scene.next_order()), ExecutionReport)


@pytest.mark.parametrize(
    ("behaviour", "told"),
    [
        ('forges "NaN"', "place_order returned what it cannot"),
        ('forges "Infinity"', "place_order returned what it cannot"),
        ('forges "1E+999999"', "place_order returned what it cannot"),
        (f'forges "{"9" * 40}"', "place_order returned what it cannot"),
        ("forges null", "place_order returned what it cannot"),
        ("forges {{{{", "place_order returned what it cannot"),
        ("half", "a ping"),
        ("garbage", "no message"),
        ("long", "a frame of 2147483647 bytes"),
        ("flood", "answered call 1000000, which is not open"),
        ("dies", "exit code 7"),
        ("segfaults", "signal 11"),
        ("blocks", "no answer to a ping for 3 s"),
        ("closes", "the peer is gone"),
    ],
)
def test_a_worker_that_breaks_its_link_is_ended_by_name_and_started_again(
    scene: Rogue, behaviour: str, told: str, caplog: pytest.LogCaptureFixture
) -> None:
    scene.ready()
    before = scene.health.restarts
    try:
        scene.place(scene.next_order(behaviour))
    except PluginError as error:
        assert type(error) is OutcomeUnknown  # noqa: PT017 - some of them answer before they are found out
    scene.stage.until(lambda: scene.health.restarts > before)
    assert told in (scene.health.last_error or "")
    assert any(f"worker rogue is waiting: {scene.health.last_error}" == line for line in caplog.messages)
    assert scene.are_others_well()
    scene.ready()
    assert isinstance(scene.place(scene.next_order()), ExecutionReport)


def test_an_answer_that_never_comes_leaves_the_outcome_unknown_and_the_worker_serving(scene: Rogue) -> None:
    scene.ready()
    before = scene.health.restarts
    with pytest.raises(OutcomeUnknown, match=r"answer(ed)? within 0\.3 s"):
        scene.place(scene.next_order("never"), timeout_s=0.3)
    assert isinstance(scene.place(scene.next_order()), ExecutionReport)
    assert (scene.health.restarts, scene.health.in_flight) == (before, 0)
