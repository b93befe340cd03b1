"""How tests of the configuration write a file and read what comes of it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

import pytest

from appliance.config import Configuration, ConfigurationError, Problem, load

Loaded = Callable[..., Configuration]
Refused = Callable[..., tuple[Problem, ...]]


@pytest.fixture
def loaded(tmp_path: Path) -> Loaded:
    """`loaded(toml, environ)`: the configuration of that text under that environment."""

    def load_text(toml: str = "", environ: Mapping[str, str] | None = None) -> Configuration:
        path = tmp_path / "readytrader.toml"
        path.write_text(toml, encoding="utf-8")
        return load(path, environ or {})

    return load_text


@pytest.fixture
def refused(loaded: Loaded) -> Refused:
    """`refused(toml, environ)`: the problems for which that is refused."""

    def problems_of(toml: str = "", environ: Mapping[str, str] | None = None) -> tuple[Problem, ...]:
        with pytest.raises(ConfigurationError) as refusal:
            loaded(toml, environ)
        return refusal.value.problems

    return problems_of
