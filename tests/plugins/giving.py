"""What a plugin is given, and what a notifier is asked to say."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path

from msgspec.structs import replace
from readytrader_sdk.egress import Endpoint, HttpAllowance
from readytrader_sdk.hooks import PluginContext
from readytrader_sdk.ports import Notice, Severity

AT = datetime(2026, 3, 1, 9, 30, 20, tzinfo=UTC)


def given(
    settings: Mapping[str, str] | None = None,
    secrets: Mapping[str, str] | None = None,
    *,
    hosts: tuple[Endpoint, ...] = (),
    private_hosts: tuple[Endpoint, ...] = (),
) -> PluginContext:
    return PluginContext(
        name="instance",
        settings=settings or {},
        secrets=secrets or {},
        logger=logging.getLogger("test"),
        state_folder=Path(),
        http=HttpAllowance(hosts=hosts, private_hosts=private_hosts),
    )


def notice(**changes: object) -> Notice:
    usual = Notice(
        notice_id="n-0001", severity=Severity.WARNING, subject="Halted", text="Trading was halted.", at=AT,
        checkpoint="1234 AbCd",
    )  # fmt: skip
    return replace(usual, **changes)
