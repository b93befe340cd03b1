"""What a notice may quote of an event, field by field: nothing else is ever told, whatever an event comes to hold."""

from __future__ import annotations

import types
import typing
from collections.abc import Collection, Mapping
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from enum import Enum
from typing import Any

import msgspec
import pytest
from msgspec import Struct

from appliance.domain.events import KINDS, Event, TradingStateSet
from appliance.domain.trading_state import GLOBAL, ScopeState, TradingState
from appliance.service.notice_words import words_of

AT = datetime(2026, 3, 2, 12, tzinfo=UTC)
MAY_BE_TOLD = {
    # who and what
    "by", "agent_id", "username", "venue", "account", "listener", "scope", "budget", "factor", "factors", "role",
    "asked_by", "confirmed_by", "people", "request_id", "client_order_id", "change_id", "order", "state", "setting",
    "value", "before", "changed", "change",
    # of a request: what is asked for, never why
    "symbol", "chain", "asset", "from_asset", "to_asset", "to_address", "side", "code", "symbols", "scopes",
    # a person's or the core's own words, and a venue's problem as the core words it
    "reason", "problem", "accepted_by",
}  # fmt: skip
"""Fields whose text a notice may hold. Not among them: an agent's note and idempotency key, hashes, digests, tokens,
signatures, a venue's and an adapter's texts."""


OF_ONE_KIND = {"day.told": {"text"}}
"""A day's summary is the core's own words whole."""


def marker(field: str) -> str:
    return f"~{field}~"


def filled(kind: Any, field: str) -> Any:
    """A value of a type, with every text in it saying where it stands. Of alternatives the last that is not None."""
    origin, arguments = typing.get_origin(kind), typing.get_args(kind)
    if origin is typing.Annotated:
        return filled(arguments[0], field)
    if origin in (typing.Union, types.UnionType):
        return filled(next(it for it in arguments if it is not type(None)), field)
    if isinstance(kind, typing.NewType):
        return filled(kind.__supertype__, field)
    if origin in (tuple, list, frozenset, set, Collection):
        made = [filled(arguments[0], field)]
        return {tuple: tuple, list: list}.get(origin, frozenset)(made)
    if origin in (dict, Mapping):
        return {filled(arguments[0], field): filled(arguments[1], field)}
    if isinstance(kind, type) and issubclass(kind, Enum):
        return next(iter(kind))
    if isinstance(kind, type) and issubclass(kind, Struct):
        return struct(kind)
    plain = {
        str: marker(field), int: 7, bool: True, Decimal: Decimal("1.25"), float: 1.5, bytes: marker(field).encode(),
        datetime: AT, date: AT.date(), timedelta: timedelta(minutes=1),
    }  # fmt: skip
    return plain[kind]


def struct(kind: type[Struct]) -> Any:
    hints = typing.get_type_hints(kind, include_extras=True)
    return kind(**{name: filled(hints[name], name) for name in kind.__struct_fields__})


def variants(kind: str) -> list[Event]:
    """An event of a kind: as it is, and with each alternative of every enum and intent that it holds at its top."""
    first = struct(KINDS[kind])
    made = [first]
    hints = typing.get_type_hints(KINDS[kind], include_extras=True)
    for name in first.__struct_fields__:
        for alternative in typing.get_args(hints[name]) or (hints[name],):
            if isinstance(alternative, type) and issubclass(alternative, Enum):
                made += [msgspec.structs.replace(first, **{name: it}) for it in alternative]
            elif alternative is type(None):
                made.append(msgspec.structs.replace(first, **{name: None}))
    if hasattr(first, "request"):
        intents = typing.get_args(typing.get_type_hints(type(first.request))["intent"])
        made += [
            msgspec.structs.replace(first, request=msgspec.structs.replace(first.request, intent=struct(it)))
            for it in intents
        ]
    return made


@pytest.mark.parametrize("kind", KINDS)
def test_a_notice_quotes_of_an_event_what_may_be_told_and_nothing_else(kind: str) -> None:
    for event in variants(kind):
        words = words_of(event)
        if words is None:
            continue
        told = set(f"{words.subject} {words.text}".split("~")[1::2])
        more = told - MAY_BE_TOLD - OF_ONE_KIND.get(kind, set())
        assert not more, f"{kind} tells {more}"
        assert (words.subject + words.text).isprintable()
        assert (len(words.subject) <= 200, len(words.text) <= 600) == (True, True)


def test_a_person_is_told_how_to_resume_where_there_is_something_to_resume() -> None:
    told = {}
    for state in TradingState:
        words = words_of(
            TradingStateSet(scope_state=ScopeState(scope=GLOBAL, state=state, by="a", reason="b", since=AT))
        )
        assert words is not None
        told[state] = "readytrader resume --scope global" in words.text
    assert told == {state: state is not TradingState.ACTIVE for state in TradingState}


@pytest.mark.parametrize("kind", [kind for kind in KINDS if kind.startswith("notice.")])
def test_there_is_no_notice_about_a_notice(kind: str) -> None:
    assert all(words_of(event) is None for event in variants(kind))
