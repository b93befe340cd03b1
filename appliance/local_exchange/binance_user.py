"""Binance's user data: listen keys, and an account's news as texts for one websocket."""

from __future__ import annotations

import secrets

import msgspec

from appliance.local_exchange.account import Account
from appliance.local_exchange.binance_names import Names
from appliance.local_exchange.binance_requests import new_id
from appliance.local_exchange.binance_shapes import account_event
from appliance.local_exchange.socket_line import SocketLine
from appliance.local_exchange.values import Event


class ListenKeys:
    """Names of user data streams that were asked for. They do not run out."""

    def __init__(self) -> None:
        self._accounts: dict[str, Account] = {}

    def issue(self, account: Account) -> str:
        """A new one."""
        key = secrets.token_hex(30)
        self._accounts[key] = account
        return key

    def account(self, key: str) -> Account | None:
        """Whose stream it names, or None."""
        return self._accounts.get(key)

    def withdraw(self, key: str) -> bool:
        """Let it name nothing any more; whether it named anything."""
        return self._accounts.pop(key, None) is not None


class UserNews:
    """Writes an account's events onto a line: bare, inside a combined stream, or as the websocket API wraps them."""

    def __init__(self, line: SocketLine, names: Names, *, stream: str | None = None, number: int | None = None) -> None:
        self._line = line
        self._names = names
        self._stream = stream
        self._number = number

    def __call__(self, event: Event) -> None:
        name = "" if event.order is None else self._names.name(event.order.request.symbol)
        shape = account_event(event, name, new_id())
        if self._number is not None:
            shape = {"subscriptionId": self._number, "event": shape}
        elif self._stream is not None:
            shape = {"stream": self._stream, "data": shape}
        self._line.send(msgspec.json.encode(shape).decode(), f"user {event.kind}")
