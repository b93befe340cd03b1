"""Results of calls, read as strictly as what they are: the bytes of a process that nobody trusts."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import cache
from types import GenericAlias
from typing import Any

import msgspec

from appliance.plugin_host import amounts
from appliance.plugin_host.kinds import METHODS, Kind, Method

_Read = Callable[[bytes], Any]


class Impossible(Exception):
    """A result that the method cannot have. The message says what is wrong, without the value."""


def result_of(method: Method, value: bytes) -> object:
    """The result of a call. Raises `Impossible`."""
    result: object = _read(_reader(method.kind, method.name), value)
    return result


def items_of(method: Method, values: bytes, count: int) -> Sequence[object]:
    """Some items of a stream, as many as was said. Raises `Impossible`."""
    items: Sequence[object] = _read(_reader(method.kind, method.name), values)
    if len(items) != count:
        raise Impossible(f"{len(items)} items as {count}")
    return items


@cache
def _reader(kind: Kind, name: str) -> _Read:
    """Decodes strictly by the method's type, and then looks at every amount in the value."""
    method = METHODS[kind, name]
    gives = GenericAlias(tuple, (method.gives, ...)) if method.streams else method.gives
    decode = msgspec.json.Decoder(gives).decode
    check = amounts.checker(gives)

    def read(value: bytes) -> Any:
        result = decode(value)
        check(result)
        return result

    return read


def _read(read: _Read, value: bytes) -> Any:
    try:
        return read(value)
    except Exception as error:  # whatever foreign bytes make a decoder raise, they are no result
        raise Impossible(f"what it cannot ({type(error).__name__})") from error
