"""What came of a run: check by check, readable for people and for programs."""

from __future__ import annotations

from enum import StrEnum
from importlib.metadata import PackageNotFoundError, version
from textwrap import fill

import msgspec
from msgspec import Struct

from readytrader_sdk.kinds import Kind

_INDENT = " " * 9


class Verdict(StrEnum):
    """What came of one check."""

    KEPT = "kept"
    BROKEN = "broken"
    SKIPPED = "skipped"


class Outcome(Struct, frozen=True, kw_only=True):
    """What came of one check, and why where it was not kept."""

    name: str
    promise: str
    verdict: Verdict
    reason: str = ""
    notes: tuple[str, ...] = ()


class NotConforming(Exception):
    """At least one promise was broken; the message is the report."""


class Report(Struct, frozen=True, kw_only=True):
    """All checks of one kind, run over one plugin."""

    kind: Kind
    sdk: str
    outcomes: tuple[Outcome, ...]

    @property
    def passed(self) -> bool:
        """Whether no promise was broken and at least one was kept: a run of skips alone shows nothing."""
        return not self.broken and any(outcome.verdict is Verdict.KEPT for outcome in self.outcomes)

    @property
    def broken(self) -> tuple[Outcome, ...]:
        """The checks that failed."""
        return tuple(outcome for outcome in self.outcomes if outcome.verdict is Verdict.BROKEN)

    def demand(self) -> None:
        """Raise `NotConforming` with the readable report unless it passed: the last line of an author's test."""
        if not self.passed:
            raise NotConforming("\n" + self.text())

    def text(self) -> str:
        """The report for people: what was tried in the order of the checks, then what was not, by reason."""
        lines = [f"readytrader-sdk {self.sdk}: conformance, {self.kind.replace('_', ' ')}", ""]
        skipped: dict[str, list[str]] = {}
        for outcome in self.outcomes:
            if outcome.verdict is Verdict.SKIPPED:
                skipped.setdefault(outcome.reason, []).append(outcome.name)
                continue
            lines.append(f"{outcome.verdict:<8} {outcome.name}")
            if outcome.verdict is Verdict.BROKEN:
                lines += [f"{_INDENT}promised: {outcome.promise}", f"{_INDENT}{outcome.reason}"]
            lines += [f"{_INDENT}note: {note}" for note in outcome.notes]
        for reason, names in skipped.items():
            lines.append(f"{Verdict.SKIPPED:<8} {reason}:")
            lines.append(fill(", ".join(names), 120, initial_indent=_INDENT, subsequent_indent=_INDENT))
        counts = ", ".join(
            f"{sum(outcome.verdict is verdict for outcome in self.outcomes)} {verdict}" for verdict in Verdict
        )
        return "\n".join([*lines, "", f"{'passed' if self.passed else 'not passed'}: {counts}"])

    def as_json(self) -> str:
        """The report for programs: `kind`, `sdk`, `passed`, and `outcomes` with the fields of `Outcome`."""
        body = {"kind": self.kind, "sdk": self.sdk, "passed": self.passed, "outcomes": self.outcomes}
        return msgspec.json.encode(body).decode()


def sdk_version() -> str:
    """The SDK's version as installed; `unknown` where it runs without its metadata."""
    try:
        return version("readytrader-sdk")
    except PackageNotFoundError:
        return "unknown"
