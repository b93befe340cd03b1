"""Shows at the end of every run what its simulations have really seen: pytest keeps back what a test prints."""

from __future__ import annotations

import pytest

from tests.live.tally import Tally

TALLIES = pytest.StashKey[dict[str, Tally]]()


def pytest_configure(config: pytest.Config) -> None:
    config.stash[TALLIES] = {}


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    for tally in config.stash[TALLIES].values():
        terminalreporter.section(f"what the {tally.lane} simulation has seen")
        terminalreporter.write_line(tally.report())


@pytest.fixture(scope="session")
def tallies(pytestconfig: pytest.Config) -> dict[str, Tally]:
    """What each lane has seen."""
    return pytestconfig.stash[TALLIES]
