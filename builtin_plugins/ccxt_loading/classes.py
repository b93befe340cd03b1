"""The class of one exchange, by ccxt's name for it."""

from __future__ import annotations

import re
from importlib import import_module
from importlib.util import find_spec
from typing import Any

from builtin_plugins.ccxt_loading.parents import REST, STREAMS, stand_in, without_requests

_ID = re.compile(r"[a-z][a-z0-9]{1,30}", re.ASCII)
_NO_EXCHANGES = frozenset({"base", "prediction"})


class UnknownExchange(Exception):
    """ccxt has no exchange of this name, or does not stream from it."""


def streams(exchange_id: str) -> bool:
    """Whether ccxt has websockets for an exchange."""
    stand_in()
    return bool(_ID.fullmatch(exchange_id)) and find_spec(f"{STREAMS}.{exchange_id}") is not None


def exchange_class(exchange_id: str, *, streaming: bool = False) -> type[Any]:
    """The exchange's class: that of `ccxt.async_support`, or of `ccxt.pro` with `streaming`. Raises `UnknownExchange`.

    ccxt's objects have no types of their own: what comes of them is checked where it is read.
    """
    stand_in()
    package = STREAMS if streaming else REST
    wanted = f"{package}.{exchange_id}"
    if not _ID.fullmatch(exchange_id) or exchange_id in _NO_EXCHANGES or find_spec(wanted) is None:
        what = "an exchange that ccxt streams from" if streaming else "an exchange of ccxt"
        raise UnknownExchange(f"expected {what}, got {exchange_id[:40]!r}")
    with without_requests():
        found: type[Any] = getattr(import_module(wanted), exchange_id)
    return found
