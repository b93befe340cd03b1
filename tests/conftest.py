"""No test reaches the home of whoever runs them, and none sees what another has said."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from appliance.home import CONFIG_VARIABLE, HOME_VARIABLE, TOKEN_VARIABLE
from appliance.redaction import SECRETS

SEEN = "what was seen"
"""A property of a test that sums up what a simulation has really seen: pytest keeps back what a test prints. Whoever
reports may be another process, which reads no `conftest.py` but this."""


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    for report in terminalreporter.getreports("passed") + terminalreporter.getreports("failed"):
        for name, seen in report.user_properties:
            if name == SEEN:
                terminalreporter.section("what a simulation has seen")
                terminalreporter.write_line(str(seen))


@pytest.fixture(autouse=True)
def _no_secret_seen() -> None:
    """One process runs many tests: a password of one would be taken out of the words of the next."""
    SECRETS.__init__()  # type: ignore[misc]


@pytest.fixture(scope="session", autouse=True)
def _temporary_home(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    folder = tmp_path_factory.mktemp("home")
    with pytest.MonkeyPatch.context() as environment:
        environment.setenv("HOME", str(folder))
        environment.setenv(HOME_VARIABLE, str(folder / "readytrader"))
        environment.delenv(CONFIG_VARIABLE, raising=False)
        environment.delenv(TOKEN_VARIABLE, raising=False)
        yield
