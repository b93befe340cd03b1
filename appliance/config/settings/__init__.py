"""The registry: every setting once. A setting of the table `[limits]` is in `limits.py`, and so for each table of the
file; those before the first table are in `mode.py`.

Reading, `config show`, the template and the manual's table are all made from it.
"""

from __future__ import annotations

from typing import Any

from appliance.config.settings import (
    agent,
    allow,
    approval,
    limits,
    log,
    marketdata,
    mode,
    notices,
    operator_http,
    otel,
    paper,
    plugins,
    rate_limits,
    reports,
    sentiment,
    tools,
    watchdog,
)
from appliance.config.settings.setting import Family, Setting

_TABLES = (
    mode,
    approval,
    allow,
    limits,
    rate_limits,
    marketdata,
    sentiment,
    paper,
    agent,
    operator_http,
    watchdog,
    log,
    otel,
    plugins,
    reports,
    notices,
    tools,
)

SETTINGS: tuple[Setting[Any], ...] = tuple(
    it for table in _TABLES for it in vars(table).values() if isinstance(it, Setting)
)
"""Every setting, in the order of the file."""
FAMILIES: tuple[Family[Any], ...] = tuple(
    it for table in _TABLES for it in vars(table).values() if isinstance(it, Family)
)
"""Every family of settings."""

__all__ = ["FAMILIES", "SETTINGS", "Family", "Setting"]
