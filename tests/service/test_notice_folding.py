"""A flood of notices becomes a few, and none of the first of them is an alarm that nobody hears."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st
from readytrader_sdk.ports import Severity

from appliance.service.notice_folding import CRITICAL_MAX, KIND_MAX, REMEMBERED, WINDOW, Folding
from appliance.service.notice_words import Words

S = WINDOW.total_seconds()


class Seconds:
    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


def said(subject: str, severity: Severity = Severity.WARNING, text: str = "t") -> Words:
    return Words(severity=severity, subject=subject, text=text)


def test_the_first_is_told_and_what_repeats_it_is_counted_and_told_once_with_its_number() -> None:
    now = Seconds()
    folding = Folding(now)
    assert folding.admits("venue.changed", said("down"))
    assert folding.next_in_s() is None
    for _ in range(500):
        assert not folding.admits("venue.changed", said("down", text="last"))
    assert folding.next_in_s() == S
    assert folding.take() == []
    now.now += S
    (folded,) = folding.take()
    assert (folded.count, folded.words.subject) == (500, "down (500 more times)")
    assert "last" in folded.words.text
    assert folding.next_in_s() is None
    assert not folding.admits("venue.changed", said("down")), "counted anew from there: once a minute, no more"
    now.now += 2 * S
    assert [it.count for it in folding.take()] == [1]
    now.now += S
    assert folding.take() == []
    assert folding.admits("venue.changed", said("down")), "after a quiet minute it is news"


def test_different_ones_of_one_kind_are_told_up_to_a_number_and_then_counted_together() -> None:
    now = Seconds()
    folding = Folding(now)
    told = [folding.admits("order.reported", said(f"order {number}", Severity.INFO)) for number in range(KIND_MAX + 7)]
    assert told == [True] * KIND_MAX + [False] * 7
    assert folding.admits("drift.found", said("another kind"))
    now.now += S
    (folded,) = folding.take()
    assert (folded.count, folded.about) == (7, "order.reported")
    assert folded.words.subject == f"7 more order.reported notices, the last: order {KIND_MAX + 6}"


def test_an_alarm_is_told_whatever_flood_it_comes_in() -> None:
    folding = Folding(Seconds())
    for number in range(100):
        folding.admits("drift.found", said(f"small {number}"))
    assert folding.admits("drift.found", said("BTC", Severity.CRITICAL))
    assert folding.admits("drift.found", said("BTC", Severity.CRITICAL, "another amount")), "other words, other news"
    assert not folding.admits("drift.found", said("BTC", Severity.CRITICAL))


def test_what_was_bad_better_and_bad_again_is_told_again() -> None:
    folding = Folding(Seconds())
    halted, active = said("halted", Severity.CRITICAL), said("active", Severity.INFO)
    assert [folding.admits("trading_state.set", it) for it in (halted, halted, active, halted)] == [
        True, False, True, False,
    ]  # fmt: skip
    folding = Folding(Seconds())
    assert [folding.admits("trading_state.set", it) for it in (halted, active, halted)] == [True, True, True]


def test_even_alarms_are_counted_where_there_are_dozens_in_a_minute() -> None:
    folding = Folding(Seconds())
    told = [folding.admits("foreign_order.found", said(f"{n}", Severity.CRITICAL)) for n in range(CRITICAL_MAX + 5)]
    assert told == [True] * CRITICAL_MAX + [False] * 5


def test_what_was_told_long_ago_is_not_remembered_for_ever() -> None:
    now = Seconds()
    folding = Folding(now)
    for number in range(3 * REMEMBERED):
        assert folding.admits("order.reported", said(f"order {number}"))
        now.now += S / KIND_MAX + 1
    assert len(folding._same) <= REMEMBERED


def test_all_of_it_is_told_at_the_end() -> None:
    folding = Folding(Seconds())
    for _ in range(3):
        folding.admits("venue.changed", said("down"))
    assert [it.count for it in folding.take(all_of_it=True)] == [2]
    assert folding.take(all_of_it=True) == []


steps = st.lists(
    st.tuples(
        st.sampled_from(["a", "b"]), st.sampled_from(["x", "y", "z"]), st.sampled_from(Severity), st.floats(0, 90)
    ),
    max_size=200,
)


@given(steps)
def test_nothing_is_lost_and_no_first_alarm_is_counted(taken: list[tuple[str, str, Severity, float]]) -> None:
    now, told, counted = Seconds(), 0, 0
    folding = Folding(now)
    heard: set[tuple[str, str]] = set()
    for about, subject, severity, pause in taken:
        admitted = folding.admits(about, said(subject, severity))
        if severity is Severity.CRITICAL and (about, subject) not in heard:
            assert admitted
            heard.add((about, subject))
        told += admitted
        now.now += pause
        counted += sum(it.count for it in folding.take())
    counted += sum(it.count for it in folding.take(all_of_it=True))
    assert told + counted == len(taken)
