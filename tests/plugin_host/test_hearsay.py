"""A worker's words: printable, cut, and only so many of them."""

from __future__ import annotations

import logging

import pytest
from hypothesis import given
from hypothesis import strategies as st

from appliance.plugin_host import hearsay
from appliance.plugin_host.hearsay import PluginLog, printable


@given(st.text(), st.integers(0, 50))
def test_whatever_is_said_is_printable_and_no_longer_than_asked(text: str, length_max: int) -> None:
    told = printable(text, length_max)
    assert told.isprintable()
    assert len(told) == min(len(text), length_max)


def test_plain_words_stay_as_they_are() -> None:
    assert printable("Größe 東京 ok") == "Größe 東京 ok"
    assert printable("a\x1b[2J\r\n\u202eb") == "a·[2J···b"


class Seconds:
    now = 0.0

    def __call__(self) -> float:
        return self.now


def test_so_many_lines_are_logged_and_the_rest_are_counted(caplog: pytest.LogCaptureFixture) -> None:
    seconds = Seconds()
    log = PluginLog("noisy", seconds)
    with caplog.at_level(logging.INFO):
        for _ in range(hearsay.LOGGED_BURST + 50):
            assert log.take(logging.INFO, "line")
        assert len(caplog.records) == hearsay.LOGGED_BURST
        seconds.now = 1.0
        assert log.take(logging.INFO, "later")
    assert [record.getMessage() for record in caplog.records[-2:]] == [
        "50 lines were not logged: too many at once",
        "later",
    ]


def test_a_worker_may_say_so_much_and_no_more(caplog: pytest.LogCaptureFixture) -> None:
    seconds = Seconds()
    log = PluginLog("endless", seconds)
    assert all(log.take(logging.INFO, "line") for _ in range(hearsay.TAKEN_BURST))
    assert not log.take(logging.INFO, "one more")
    seconds.now = 1.0
    assert all(log.take(logging.INFO, "line") for _ in range(int(hearsay.TAKEN_PER_S)))
    assert not log.take(logging.INFO, "one more")


@pytest.mark.parametrize(("level", "told"), [(-5, logging.DEBUG), (10**9, logging.CRITICAL), (35, 35)])
def test_levels_are_those_of_logging(level: int, told: int, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.DEBUG):
        PluginLog("levels", Seconds()).take(level, "line")
    assert [record.levelno for record in caplog.records] == [told]
