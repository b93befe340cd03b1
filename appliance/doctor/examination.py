"""Runs the checks, each for itself: one that fails of its own says so, and the others are still looked at."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Sequence

from appliance.doctor.checks import CHECKS
from appliance.doctor.findings import Check, Examined, Finding, Level, fail, skipped, worst
from appliance.doctor.host import Host

log = logging.getLogger(__name__)


def examine(host: Host, checks: Sequence[Check] = CHECKS) -> Iterator[Examined]:
    """Look at everything, one check after the other."""
    for check in checks:
        findings = _looked(check, host)
        yield Examined(
            section=check.section,
            name=check.name,
            level=worst(finding.level for finding in findings),
            findings=findings,
        )


def _looked(check: Check, host: Host) -> tuple[Finding, ...]:
    try:
        return tuple(check.look(host)) or (skipped("there is nothing to look at"),)
    except Exception as fault:
        log.exception("the check %s failed", check.name)
        return (fail(f"the check itself failed: {type(fault).__name__}", "tell the maintainers of ReadyTrader"),)


__all__ = ["Level", "examine"]
