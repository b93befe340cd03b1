"""No test reaches the home of whoever runs them: for the whole session it is a temporary folder."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from appliance.home import CONFIG_VARIABLE, HOME_VARIABLE, TOKEN_VARIABLE


@pytest.fixture(scope="session", autouse=True)
def _temporary_home(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    folder = tmp_path_factory.mktemp("home")
    with pytest.MonkeyPatch.context() as environment:
        environment.setenv("HOME", str(folder))
        environment.setenv(HOME_VARIABLE, str(folder / "readytrader"))
        environment.delenv(CONFIG_VARIABLE, raising=False)
        environment.delenv(TOKEN_VARIABLE, raising=False)
        yield
