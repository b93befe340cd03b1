"""What a check says."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from enum import StrEnum

from msgspec import Struct

from appliance.doctor.host import Host


class Level(StrEnum):
    """How it is."""

    SKIPPED = "skipped"
    """It could not be looked at, or does not apply; the text says why. Nothing is known, and nothing is claimed."""
    OK = "ok"
    WARN = "warn"
    """It works, and something should be done about it."""
    FAIL = "fail"
    """It does not work, or what it promises is not kept."""


_RANK = {level: rank for rank, level in enumerate(Level)}


class Finding(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One thing that was seen, with what to do about it where it is not as it should be."""

    level: Level
    text: str
    advice: str = ""


Look = Callable[[Host], Iterable[Finding]]


class Check(Struct, frozen=True, kw_only=True):
    """One small function that looks at one thing."""

    section: str
    name: str
    look: Look


class Examined(Struct, frozen=True, kw_only=True):
    """A check with what it found."""

    section: str
    name: str
    level: Level
    findings: tuple[Finding, ...]


def ok(text: str) -> Finding:
    """As it should be."""
    return Finding(level=Level.OK, text=text)


def warn(text: str, advice: str) -> Finding:
    """It works, and something should be done."""
    return Finding(level=Level.WARN, text=text, advice=advice)


def fail(text: str, advice: str) -> Finding:
    """It does not work, or a promise is not kept."""
    return Finding(level=Level.FAIL, text=text, advice=advice)


def skipped(text: str) -> Finding:
    """It was not looked at."""
    return Finding(level=Level.SKIPPED, text=text)


def worst(levels: Iterable[Level]) -> Level:
    """The worst of them; skipped where there is none."""
    return max(levels, key=lambda level: _RANK[level], default=Level.SKIPPED)
