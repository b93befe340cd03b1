"""What a check is: a named promise of a port, and a function that tries it with `expect`."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from datetime import datetime, timedelta
from typing import Any, NoReturn, TypeVar

from msgspec import Struct

from readytrader_sdk.errors import PluginError
from readytrader_sdk.kinds import Kind

SHOWN_MAX = 200
CLOCKS_APART_MAX = timedelta(minutes=2)
"""How far ahead of ours a service's clock may be."""

S = TypeVar("S")
CheckFunction = Callable[[Any], Awaitable[None]]
"""Takes the subject of the check's kind: see `subjects`."""


class Check(Struct, frozen=True, kw_only=True):
    """One promise of a port."""

    name: str
    promise: str
    """One sentence: what holds for every good plugin."""
    kind: Kind
    moves_value: bool
    """Whether trying it sends an order or makes a signature."""
    function: CheckFunction
    timeout_s: int


class NotKept(Exception):
    """A promise was not kept; the message says what was seen."""


class NotTried(Exception):
    """A check does not apply, or cannot be made here; the message says why."""


def promise(
    kind: Kind, text: str, *, moves_value: bool = False, timeout_s: int = 60
) -> Callable[[Callable[[S], Awaitable[None]]], Check]:
    """Makes a check of a function: its name is the check's, `text` the promise."""

    def make(function: Callable[[S], Awaitable[None]]) -> Check:
        return Check(
            name=function.__name__,
            promise=text,
            kind=kind,
            moves_value=moves_value,
            function=function,
            timeout_s=timeout_s,
        )

    return make


def expect(condition: bool, message: str) -> None:
    """Go on if the condition holds, else fail the check. Not `assert`: that vanishes under `python -O`."""
    if not condition:
        raise NotKept(message)


def skip(reason: str) -> NoReturn:
    """Leave the check, neither passed nor failed."""
    raise NotTried(reason)


def shown(value: object) -> str:
    """Foreign text or a value for a message: printable, on one line, at most 200 characters."""
    try:
        text = value if isinstance(value, str) else repr(value)
    except Exception as fault:  # noqa: BLE001 - a plugin's own class may fail in its repr: that is told, not passed on
        text = f"<{type(value).__name__}, whose repr raised {type(fault).__name__}>"
    plain = "".join(character if character.isprintable() else "?" for character in text)
    return plain if len(plain) <= SHOWN_MAX else plain[: SHOWN_MAX - 1] + "…"


def expect_time(at: datetime, what: str) -> None:
    """Expect an aware time in UTC that is not in the future."""
    expect(isinstance(at, datetime), f"{what}: expected a time, got {shown(at)}")
    expect(at.utcoffset() == timedelta(0), f"{what}: expected an aware time in UTC, got {shown(at)}")
    ahead = at - datetime.now(at.tzinfo)
    expect(ahead <= CLOCKS_APART_MAX, f"{what}: {shown(at)} is in the future")


@contextmanager
def refusing(what: str) -> Iterator[None]:
    """Expect the block to be refused with an error of the SDK; anything else that is raised fails the check."""
    try:
        yield
    except PluginError:
        return
    raise NotKept(f"{what} was accepted")


_notes: ContextVar[list[str] | None] = ContextVar("notes", default=None)


def note(text: str) -> None:
    """Tell the reader of the report something that decides nothing, such as an order that was left behind."""
    notes = _notes.get()
    if notes is not None:
        notes.append(text)


@contextmanager
def taking_notes() -> Iterator[list[str]]:
    """Collect the notes of one check."""
    notes: list[str] = []
    token = _notes.set(notes)
    try:
        yield notes
    finally:
        _notes.reset(token)
