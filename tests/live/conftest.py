"""Shows at the end of every run what its simulations have really seen: pytest keeps back what a test prints."""

from __future__ import annotations

import pytest

from tests.live.tally import Tally

SEEN = "what was seen"
"""A property of the test that looks at the tallies: so it reaches whoever reports, from another process as well."""


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    for report in terminalreporter.getreports("passed") + terminalreporter.getreports("failed"):
        for name, seen in report.user_properties:
            if name == SEEN:
                terminalreporter.section("what a simulation has seen")
                terminalreporter.write_line(str(seen))


@pytest.fixture(scope="module")
def tallies() -> dict[str, Tally]:
    """What each lane has seen."""
    return {}
